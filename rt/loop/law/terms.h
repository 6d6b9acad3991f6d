/* Constants of the laws: what configuration says (struct law_settings, struct law_columns), and
 * what a step needs (struct law_terms), derived and checked once, away from the loop.
 *
 * Terms hold no pointers: they are copied, compared and recorded as they are. A frequency is in
 * Hz, an angle in rad (RF columns: Hz), "per step" means per law step. Any thread on separate
 * objects.
 *
 * Laws, with v = -(K e) of this step, one value per corrector j:
 *
 *   PI   u_j[k] = u_j[k-1] + kp (v_j[k] - v_j[k-1]) + ki v_j[k] - leak (u_j[k-1] - ref_j)
 *   IMC  u_j[k] = b u_j[k-1] + (1-b) ((1-leak) u_j[k-1-d] + leak ref_j)
 *                 + (1-b)/(1-a_j) (v_j[k] - a_j v_j[k-1])
 *
 * IMC is internal model control for a plant (1 - a_j) z^-1/(1 - a_j z^-1) z^-d, the first-order
 * pole of a corrector behind d whole steps of delay, with the target
 * T(z) = (1 - b) z^-1/(1 - b z^-1): a = exp(-2 pi pole T), b = exp(-2 pi bandwidth T). Both
 * read the past from what was really sent, so limits never wind them up. In front of them, v
 * may pass notches (second order each); beside them, harmonic suppressors h_f act on v with
 *
 *   H(z) = g (cos phi - cos(w - phi) z^-1)/(1 - 2 cos w z^-1 + z^-2),  w = 2 pi f T,
 *
 * whose phase phi undoes that of what the suppressor sees, plant and closed loop together.
 */
#ifndef ORBIT_RT_LOOP_LAW_TERMS_H
#define ORBIT_RT_LOOP_LAW_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

enum {
    LAW_MAX_COL = 1024,
    LAW_MAX_BLOCK = 4,
    LAW_MAX_DELAY = 128, /* steps */
    LAW_MAX_NOTCH = 4,
    LAW_MAX_HARMONIC = 4,
    LAW_MAX_ACTIVE = 8 /* correctors at a limit that the others can make up for */
};

enum law_kind { LAW_PI, LAW_IMC };

/* A notch: gain `depth` at f_hz, 1 far from it, full width width_hz where it is half closed. */
struct law_notch {
    double f_hz, width_hz, depth;
};

/* Harmonic suppression at f_hz with this bandwidth (1/(2 pi) over its time constant). */
struct law_harmonic {
    double f_hz, width_hz;
};

/* From the configuration; tests and tools write it as well. */
struct law_settings {
    enum law_kind kind;
    double kp, ki;       /* PI, per step */
    double bandwidth_hz; /* IMC: of T */
    double leak;         /* per step: share of the distance to the reference kicks */
    double lead_max;     /* IMC: largest 1/(1 - a_j) that is accepted */
    double delay_s;      /* IMC, harmonics: sample of the orbit to change of the current */
    double period_s;     /* of the law; 0: not known, which PI alone accepts */
    double rate_limit;   /* rad/s; 0: none */
    double step_limit;   /* rad per step; 0: none */
    double release;      /* rad: hysteresis of correctors at a limit */
    uint64_t n_notch, n_harmonic;
    struct law_notch notch[LAW_MAX_NOTCH];
    struct law_harmonic harmonic[LAW_MAX_HARMONIC];
};

/* Per column, [n_col]. NULL: pole none, gain 1, driven all. */
struct law_columns {
    uint64_t n_col;
    const double *lower, *upper; /* absolute limits */
    const double *pole_hz;       /* of corrector, magnet and chamber; 0: none */
    const double *gain;          /* on top of kp, ki or bandwidth */
    const bool *driven;          /* whether the law may move it */
};

struct law_span {
    uint64_t col0, n_col;
};

/* Second-order section, direct form II transposed, a0 = 1. */
struct law_biquad {
    double b0, b1, b2, a1, a2;
};

struct law_phasor {
    double re, im;
};

struct law_resonator {
    struct law_phasor turn;  /* e^(j w), w = 2 pi f T */
    struct law_phasor phase; /* e^(j phi), which undoes the plant's */
    double gain;             /* g, per step */
};

struct law_terms {
    uint64_t n_col;
    uint64_t n_block; /* blocks are scaled as one when a step is limited */
    struct law_span block[LAW_MAX_BLOCK];
    uint64_t kind; /* enum law_kind */
    double kp, ki, leak;
    double b;
    uint64_t d; /* steps, < LAW_MAX_DELAY */
    double period_s, release;
    uint64_t n_notch, n_harmonic;
    struct law_biquad notch[LAW_MAX_NOTCH];
    struct law_resonator harmonic[LAW_MAX_HARMONIC];
    double a[LAW_MAX_COL];      /* IMC: pole; 0 for PI */
    double lead[LAW_MAX_COL];   /* IMC: (1 - b)/(1 - a_j) */
    double gain[LAW_MAX_COL];   /* of v */
    double driven[LAW_MAX_COL]; /* 1 or 0 */
    double lower[LAW_MAX_COL], upper[LAW_MAX_COL];
    double step_limit[LAW_MAX_COL]; /* per step, rate limit included; infinity: none */
    double per_limit[LAW_MAX_COL];  /* 1 over it */
};

/* Derives terms. RC_RANGE names the key of the configuration and the limit it breaks; *terms is
 * then as it was. One block of all columns; law_terms_blocks says otherwise. */
MUST_USE enum rc law_terms_make(struct law_terms *terms, const struct law_settings *settings,
                                const struct law_columns *columns);

/* Which columns belong together. RC_RANGE: beyond n_col, or more than LAW_MAX_BLOCK. */
MUST_USE enum rc law_terms_blocks(struct law_terms *terms, const struct law_span *block,
                                  uint64_t n_block);

#endif
