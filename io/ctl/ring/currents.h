/* Currents of power converters on the command line, through the machine's table of magnets.
 *
 *   --magnets FILE       the table; magnets.json beside the lattice if not given
 *   --reference NAME     its reference points; the active ones if not given
 *   --current NAME=A     sets a power converter (in its unit)
 *   --current NAME+=A    moves it from its reference
 */
#ifndef ORBIT_IO_CTL_RING_CURRENTS_H
#define ORBIT_IO_CTL_RING_CURRENTS_H

#include "io/ctl/args.h"
#include "model/lattice.h"

enum { CURRENTS_MAX = 1000 };

struct currents {
    const char *table, *reference;
    uint32_t n;
    const char *text[CURRENTS_MAX];
};

/* Takes the options out. RC_INPUT: an option without its value; RC_RANGE: too many. */
MUST_USE enum rc currents_take(struct currents *currents, struct args *args);

/* Sets the strengths of all magnets of the table; nothing if none of the options was given.
 * RC_SYS, RC_INPUT, RC_RANGE name the file, the power converter and what is wrong. */
MUST_USE enum rc currents_apply(const struct currents *currents, const char *lattice_path,
                                struct lattice *lattice);

#endif
