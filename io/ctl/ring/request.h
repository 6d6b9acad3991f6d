/* What the commands that compute on a lattice file have in common: options, the ring, changes
 * to it, and where results go.
 */
#ifndef ORBIT_IO_CTL_RING_REQUEST_H
#define ORBIT_IO_CTL_RING_REQUEST_H

#include <stdbool.h>
#include <stdio.h>

#include "io/ctl/args.h"
#include "io/ctl/ring/currents.h"
#include "io/ctl/ring/lattice_file.h"
#include "model/lattice.h"
#include "model/map.h"

enum { REQUEST_MAX_CHANGES = 1000 };

enum ring_mode { RING_4D, RING_FIXED_RF, RING_6D };

enum change_kind { CHANGE_SET, CHANGE_SCALE, CHANGE_KICK };

struct request {
    const char *path; /* of the lattice file */
    struct lattice_file file;
    enum integrator integrator;
    enum ring_mode mode;
    const char *csv, *plot; /* NULL: not wanted; csv "-": standard output */
    bool json;
    double from_m, to_m; /* part of the ring that a plot shows; to_m 0: to the end */
    uint32_t n_change;   /* in the order of the command line, kind by kind */
    struct currents currents;
    struct {
        enum change_kind kind;
        const char *text;
    } change[REQUEST_MAX_CHANGES];
    struct lattice *before; /* as read */
    struct lattice *ring;   /* with the changes */
};

/* Takes --integrator, --csv, --plot, --from, --to, --set, --scale, --kick, --format, --use and
 * --energy, --magnets, --reference and --current out of args, and --mode if `modes` (the words
 * that the command knows, "4d|fixed-rf") is not NULL. RC_INPUT, RC_RANGE. */
MUST_USE enum rc request_take(struct request *request, struct args *args, bool json,
                              const char *modes);

/* Reads the lattice and makes the changes; what a foreign format could not say is told on
 * standard error. RC_SYS, RC_INPUT, RC_RANGE with what is wrong. */
MUST_USE enum rc request_load(struct request *request, const char *path);

void request_free(struct request *request);

/* How many changes to the ring were asked for; another set of reference points is one. */
uint32_t request_changes(const struct request *request);

/* True if standard output belongs to a person: neither --json nor --csv - was given. */
bool request_wants_text(const struct request *request);

/* Opens a file for results; "-" is standard output. RC_SYS. */
MUST_USE enum rc output_open(FILE **file, const char *path);

/* Closes it unless it is standard output. RC_SYS: not everything could be written. */
MUST_USE enum rc output_close(FILE *file, const char *path);

const char *mode_word(enum ring_mode mode);
const char *integrator_word(enum integrator integrator);

#endif
