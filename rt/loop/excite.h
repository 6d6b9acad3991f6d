/* Excitation of correctors for measurements: which kick each one has, level by level.
 *
 * A plan is filled and checked outside the loop; its waveforms are pure functions of the level,
 * so that whoever analyses a record computes the same numbers. A level lasts `hold` law steps.
 * Within the loop it plays once and ends with all kicks back at zero; it is dropped when the
 * loop neither drives nor waits armed.
 *
 *   SINE  amplitude sin(2 pi (phase + rate k + chirp k (k - 1)/2)) at level k, in turns: one or
 *         many lines, or sweeps
 *   PRBS  amplitude times +-1, the bits of a maximal-length sequence of 2^11 - 1, the same for
 *         all columns
 *   CODE  amplitude times +-1, a row of a Hadamard matrix of n_code levels (a power of two):
 *         different rows are orthogonal over whole repetitions. Levels are visited in an order
 *         in which every row changes its sign often.
 */
#ifndef ORBIT_RT_LOOP_EXCITE_H
#define ORBIT_RT_LOOP_EXCITE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"
#include "rt/shm/layout.h"

enum excite_kind { EXCITE_SINE, EXCITE_PRBS, EXCITE_CODE, EXCITE_KINDS };

enum {
    EXCITE_SINE_POINTS = 4096, /* of one turn; linear between them: exact to 3e-7 */
    EXCITE_PRBS_LENGTH = 2047,
    EXCITE_PRBS_WORDS = (EXCITE_PRBS_LENGTH + 63) / 64
};

/* Of one column. Turns are counted in 2^-64. */
struct excite_wave {
    double amplitude; /* rad; 0: not excited */
    uint64_t phase;   /* SINE: at level 0; CODE: row, below n_code */
    uint64_t rate;    /* SINE: per level */
    int64_t chirp;    /* SINE: growth of the rate per level */
};

struct excite_plan {
    uint64_t kind; /* enum excite_kind */
    uint64_t n_level, hold, n_code, n_col;
    double sine[EXCITE_SINE_POINTS + 1];
    uint64_t prbs[EXCITE_PRBS_WORDS];
    struct excite_wave wave[ORBIT_MAX_COL];
};

/* An empty plan: tables are filled, no column is excited. */
void excite_plan_init(struct excite_plan *plan, enum excite_kind kind, uint64_t n_col);

/* Turns (any real number) as a wave counts them. */
uint64_t excite_turns(double turns);

/* RC_RANGE: nothing is excited, an amplitude beyond most_rad or not finite, no levels, a code
 * that is no power of two or shorter than its rows. */
MUST_USE enum rc excite_plan_check(const struct excite_plan *plan, double most_rad);

/* Kick of a column at a level, rad. */
RT_SAFE double excite_value(const struct excite_plan *plan, uint64_t col, uint64_t level);

/* Playing in the loop. */
struct excite {
    const struct excite_plan *plan; /* NULL: none */
    uint64_t step;                  /* law steps made of it */
    bool ending;                    /* asked to stop */
    bool done;                      /* the kicks of this plan are back at zero */
    double *wanted;                 /* [n_col] excitation that this law step asks for */
    double *contained;              /* [n_col] what of it the set points contain */
};

RT_SAFE void excite_start(struct excite *excite, const struct excite_plan *plan);

/* Drops the plan; what the set points contain stays in them. */
RT_SAFE void excite_drop(struct excite *excite, uint64_t n_col);

/* One law step further: fills `wanted`. */
RT_SAFE void excite_advance(struct excite *excite, uint64_t n_col);

/* Number of the present level from 1; 0: nothing is played. */
RT_SAFE uint64_t excite_level(const struct excite *excite);

#endif
