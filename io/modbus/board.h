/* Newest reading of every point: written by the links' threads, read by those that make frames.
 * Any thread. */
#ifndef ORBIT_IO_MODBUS_BOARD_H
#define ORBIT_IO_MODBUS_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "io/modbus/register_map.h"

struct board;

struct reading {
    double si;
    int64_t t_sample_ns; /* the request that brought it was sent then; 0: never read */
    enum reading_fault fault;
};

/* A pass over all points of a link. */
struct scan {
    uint64_t number; /* grid point, from 1; a jump is a pass left out */
    int64_t t_sample_ns;
};

/* map must outlive the board. RC_NOMEM. */
MUST_USE enum rc board_create(struct board **board, const struct register_map *map);
void board_destroy(struct board *board);

/* reading [n], of point[0 .. n-1]. */
void board_store(struct board *board, const uint64_t *point, const struct reading *reading,
                 size_t n);

/* Every point of a link is READING_NO_LINK from now on. */
void board_lose(struct board *board, uint64_t link);

/* A pass of the link is done (or was tried). */
void board_finish(struct board *board, uint64_t link, const struct scan *scan);

/* Waits up to timeout_ns for a pass of `link` after number `after`; false: none came. */
bool board_wait(struct board *board, uint64_t link, uint64_t after, int64_t timeout_ns,
                struct scan *scan);

/* All readings, [n_point], at one time. */
void board_copy(struct board *board, struct reading *reading);

/* Collapsed messages about points that are not usable. */
void board_report(struct board *board, int64_t now_ns, FILE *stream);

#endif
