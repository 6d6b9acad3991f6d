/* The thread of one link: on an absolute grid it reads every point of the link in few requests,
 * and then lets the writer write.
 *
 * Each transaction has the link's timeout as a deadline. Whatever but an answer or an exception
 * comes closes the link; its points are READING_NO_LINK at once, and it is opened again after
 * 0.1 s, then ever later up to 5 s, with some chance in it. A pass that takes longer than a
 * period leaves grid points out, none is made up for.
 */
#ifndef ORBIT_IO_MODBUS_SCANNER_H
#define ORBIT_IO_MODBUS_SCANNER_H

#include <stdint.h>
#include <stdio.h>

#include "io/modbus/board.h"
#include "io/modbus/bus.h"
#include "rt/base/hist.h"

struct scanner;

/* What writes set points, on the link's thread, after each pass that read everything. */
struct scan_writer {
    void *self;
    void (*write)(void *self, struct scanner *scanner, uint64_t link);
};

/* map, board and writer must outlive it; writer may be NULL. RC_INPUT: the address or the line
 * is not possible; RC_NOMEM. */
MUST_USE enum rc scanner_create(struct scanner **scanner, const struct register_map *map,
                                uint64_t link, struct board *board,
                                const struct scan_writer *writer);
MUST_USE enum rc scanner_start(struct scanner *scanner);

/* Ends the thread, within the timeout of a transaction and 0.1 s. */
void scanner_stop(struct scanner *scanner);
void scanner_destroy(struct scanner *scanner); /* stops it too; NULL is fine */

/* For the writer: one transaction that ends by the link's timeout or at latest_ns. false: it
 * failed; *refused tells whether by an exception (the link is then good). */
bool scanner_write(struct scanner *scanner, const struct pdu_request *request,
                   int64_t latest_ns, bool *refused);

/* Says what changed about the connection, collapsed. */
void scanner_report(struct scanner *scanner, int64_t now_ns, FILE *stream);

/* What happened, in one line; after scanner_stop(). */
void scanner_print_figures(struct scanner *scanner, FILE *stream);

#endif
