/* A ring as a flat list of elements, with the places of its BPMs and correctors.
 *
 * Coordinates are z = (x, px, y, py, delta, ct): x, y in m, outward and up; px, py transverse
 * momenta over the reference momentum; delta relative momentum error; ct excess of path, m,
 * positive when longer. Fields are coefficients of the expansion (By + i Bx)/(B rho) = sum
 * (b[n] + i a[n]) (x + i y)^n, without factorials: b[1] = k1, b[2] = k2/2, b[3] = k3/6.
 *
 * A lattice is plain memory: several threads may read one; whoever changes it keeps the others
 * off. Elements may be changed in place (strengths, errors, kicks); kinds, lengths and the
 * number of elements stay as they were read, for s_m is computed once.
 */
#ifndef ORBIT_MODEL_LATTICE_H
#define ORBIT_MODEL_LATTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

enum {
    ELEMENT_TERMS = 16,            /* multipole coefficients kept: dipole (0) to 32-pole (15) */
    LATTICE_MAX_ELEMENTS = 100000, /* in the expanded ring, and definitions in a file */
    LATTICE_MAX_DEPTH = 64,        /* of lines within lines */
    LATTICE_MAX_NAME = 63,         /* characters of a name */
    LATTICE_MAX_SLICES = 1000      /* of one element */
};

enum element_kind {
    ELEMENT_DRIFT,
    ELEMENT_MARKER,
    ELEMENT_MONITOR,
    ELEMENT_CORRECTOR, /* thin kick at the middle of its length */
    ELEMENT_CAVITY,    /* acts in six dimensions only (model/track.h), else a drift */
    ELEMENT_DIPOLE,    /* sector bend with multipoles, between two linear edges */
    ELEMENT_QUADRUPOLE,
    ELEMENT_SEXTUPOLE,
    ELEMENT_OCTUPOLE,
    ELEMENT_MULTIPOLE
};

struct element {
    const char *name; /* of the definition; belongs to the lattice */
    enum element_kind kind;
    uint32_t occurrence; /* which one of this name along the ring, from 0 */
    uint32_t n_slices;   /* for tracking */
    uint32_t order;      /* highest n with a[n] or b[n] that tracking looks at */
    double length_m;
    double angle_rad;
    double hkick_rad,
        vkick_rad; /* integrated kicks: corrector windings or field errors, any kind */
    double b[ELEMENT_TERMS], a[ELEMENT_TERMS];  /* 1/m^(n+1); b[0], a[0] are field errors */
    double e1_rad, e2_rad, fint1, fint2, gap_m; /* dipole edges; gap is the full gap */
    double dx_m, dy_m, ds_m, roll_rad; /* misalignment: the magnet is moved by these; roll turns
                                          x towards y */
    double voltage_v, frequency_hz,
        lag_m; /* cavity; lag: ct at which the voltage crosses zero */
};

/* A BPM or corrector: a name and the element that it sits on. A BPM reads at the element's
 * entrance. */
struct lattice_device {
    const char *name; /* belongs to the lattice */
    uint32_t element;
};

/* One multipole coefficient: b[n], or a[n] if skew. */
struct lattice_field {
    uint32_t n;
    bool skew;
    double value;
};

struct lattice {
    uint32_t n_element;
    struct element *element;  /* [n_element] */
    double *s_m;              /* [n_element + 1]: of each entrance, then of the end */
    double circumference_m;   /* s_m[n_element] */
    double energy_gev;        /* total energy of the reference particle; 0: not given */
    double rf_frequency_hz;   /* of the fundamental cavities; 0: the ring has none */
    uint32_t harmonic_number; /* 0: not given */
    uint32_t n_bpm, n_hcorrector, n_vcorrector;
    struct lattice_device *bpm, *hcorrector, *vcorrector; /* in the order of the file */
    char *title, *info;
    char *names; /* storage behind every name, ended by an empty one; NULL: names are the
                    caller's */
};

/* Allocates a lattice of n_element drifts of length 0, named "", for code that builds a ring
 * itself (tests); finish with lattice_finish. RC_RANGE: more than LATTICE_MAX_ELEMENTS. */
MUST_USE enum rc lattice_create(struct lattice **lattice, uint32_t n_element);
void lattice_destroy(struct lattice *lattice);

/* Computes s_m, occurrences, orders and the RF frequency from the elements. RC_INPUT for a
 * negative or non-finite length, a bend or strength without length, a ring of no length. */
MUST_USE enum rc lattice_finish(struct lattice *lattice);

/* A deep copy: what-if calculations work on one and never touch the live ring. */
MUST_USE enum rc lattice_copy(struct lattice **copy, const struct lattice *lattice);

/* Sets b[n] (skew: a[n]) and keeps `order` right. RC_RANGE if n is too high or the value not
 * finite. */
MUST_USE enum rc lattice_set_field(struct lattice *lattice, uint32_t element, uint32_t n,
                                   bool skew, double value);

/* The same by name: of the occurrence-th element of that name, or of all with
 * LATTICE_EVERY_OCCURRENCE. RC_RANGE also when there is none. */
enum { LATTICE_EVERY_OCCURRENCE = -1 };

MUST_USE enum rc lattice_set_field_named(struct lattice *lattice, const char *name,
                                         int64_t occurrence, const struct lattice_field *field);

/* Index of the occurrence-th (from 0) element of that name; -1: there is none. */
int64_t lattice_find(const struct lattice *lattice, const char *name, uint32_t occurrence);

/* Index into bpm, hcorrector or vcorrector by the device's name; -1: there is none. */
int64_t lattice_find_device(const struct lattice_device *device, uint32_t n, const char *name);

/* Columns of a response matrix: H, V and one for the RF frequency. Rows: x, then y of all BPMs.
 */
static inline uint32_t lattice_columns(const struct lattice *lattice)
{
    return lattice->n_hcorrector + lattice->n_vcorrector + 1;
}

static inline uint32_t lattice_rows(const struct lattice *lattice)
{
    return 2 * lattice->n_bpm;
}

#endif
