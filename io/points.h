/* Every exported quantity (points.def) as a table, and how to read one from what orbitd
 * publishes.
 *
 * Reading is a pure function of the blocks in struct points_source: one snapshot gives one
 * consistent set. Any thread, as long as the blocks do not change meanwhile.
 */
#ifndef ORBIT_IO_POINTS_H
#define ORBIT_IO_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/base/hist.h"
#include "rt/base/rc.h"
#include "rt/shm/client.h"

struct devices;

enum point_kind {
    POINT_KIND_REAL,
    POINT_KIND_INTEGER, /* exact as a double: below 2^53 */
    POINT_KIND_CHOICE,  /* index into choices */
    POINT_KIND_TEXT,
    POINT_KIND_NAMES
};

/* Where a point comes from. */
enum point_origin {
    POINT_FROM_VECTOR,
    POINT_FROM_REFERENCE, /* Y minus ERROR */
    POINT_FROM_HEAD_REAL,
    POINT_FROM_HEAD_INT,
    POINT_FROM_STATUS,
    POINT_FROM_COUNTER,
    POINT_FROM_PHASE,
    POINT_FROM_TEXT,
    POINT_FROM_RUN,
    POINT_FROM_DEVICES,
    POINT_FROM_DERIVED
};

/* Part of a vector: X, Y of rows; H, V, RF of columns. */
enum point_part {
    POINT_PART_NONE,
    POINT_PART_X,
    POINT_PART_Y,
    POINT_PART_H,
    POINT_PART_V,
    POINT_PART_RF
};

struct point_def {
    const char *name;
    enum point_kind kind;
    enum point_origin origin;
    size_t index; /* vector, byte offset, counter, phase or derived quantity */
    enum point_part part;
    bool ampere; /* by each corrector's conversion */
    const char *unit;
    double scale; /* SI to unit */
    int prec;
    double low, high;    /* display; equal: none */
    double percent;      /* phases */
    const char *choices; /* "A|B|C" or NULL */
    const char *help;
};

/* What points are read from. Any pointer may be NULL: points that need it then read RC_GONE. */
struct points_source {
    struct orbit_dims dims;
    const void *snapshot; /* snapshot_size_b(&dims) bytes */
    const struct status_block *status;
    const struct hist *phase; /* [PHASE_COUNT], copies */
    const struct text_block *text;
    const struct devices *devices;
    int64_t now_ns; /* CLOCK_MONOTONIC, for ages */
};

size_t points_count(void);
const struct point_def *points_at(size_t index);
const struct point_def *point_by_name(const char *name); /* NULL: no such point */

/* Elements that point_read gives; texts: bytes with the final zero (names: ORBIT_NAME_SIZE
 * each). 0: this machine has no such device. */
size_t point_length(const struct point_def *point, const struct orbit_dims *dims);

/* Numbers and choices to value [point_length()]. RC_GONE: the source lacks the block; RC_INPUT:
 * it is a text. */
MUST_USE enum rc point_read(const struct point_def *point, const struct points_source *source,
                            double *value);

/* Texts to `text` (cut to size_b, always zero-terminated); choices give the chosen word.
 * RC_GONE, RC_INPUT as above. */
MUST_USE enum rc point_read_text(const struct point_def *point,
                                 const struct points_source *source, char *text, size_t size_b);

/* False: the point is about the orbit, and not one BPM channel of its plane is good, so that
 * its value is of earlier or of nothing. True where there is no snapshot to judge by. */
bool point_has_ground(const struct point_def *point, const struct points_source *source);

/* Names: name of element `index`. NULL: no names or no such element. */
const char *point_element_name(const struct point_def *point,
                               const struct points_source *source, size_t index);

/* Word number `choice` of "A|B|C" to word [size_b]; false: there is none. */
bool point_choice_word(const struct point_def *point, size_t choice, char *word, size_t size_b);

#endif
