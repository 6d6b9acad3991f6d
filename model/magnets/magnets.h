/* The magnets of a machine: which power converter feeds which, and what a current does.
 *
 * A link says that a power converter acts on a property of an element, by a conversion, with a
 * reference point (i_ref, k_ref). Of a property, one link has k_ref (its owner); further ones
 * add. With g the conversion, E_ref the energy of the table and of the lattice:
 *
 *   K = k_ref (E_ref/E)^p + sum over its links of (g(i) - g(i_ref)) / (B rho)
 *
 * where p is the owner's energy exponent, and 1/(B rho) is (E_ref/E)^p for a conversion that
 * gives a strength. B rho = E_ref beta/(e c) (S. Y. Lee, Accelerator Physics, eq. 1.17).
 *
 * Reading allocates; the rest is pure. Several threads may read one table.
 */
#ifndef ORBIT_MODEL_MAGNETS_MAGNETS_H
#define ORBIT_MODEL_MAGNETS_MAGNETS_H

#include <stddef.h>

#include "model/lattice.h"
#include "model/magnets/conversion.h"

enum { MAGNETS_NAME_SIZE = 32, MAGNETS_PV_SIZE = 64, MAGNETS_MAX = 4096 };

struct power_converter {
    char name[MAGNETS_NAME_SIZE];
    char pv_set[MAGNETS_PV_SIZE], pv_readback[MAGNETS_PV_SIZE];
    char unit[8]; /* of set point and readback: A, mm */
    struct conversion_range range;
};

enum property_kind { PROPERTY_FIELD, PROPERTY_HKICK, PROPERTY_VKICK };

/* What of an element a link acts on. */
struct magnet_property {
    enum property_kind kind;
    uint32_t n;    /* FIELD: b[n], or a[n] if skew */
    bool skew;     /* FIELD */
    double factor; /* FIELD: coefficient per unit of the strength, 1/n! for k1, k2, k3 */
    char word[8];  /* as the table says it */
};

/* Where a reference point comes from. */
struct magnet_reference {
    char name[MAGNETS_NAME_SIZE];
    char *origin, *date, *branch;
};

struct magnet_link {
    char element[LATTICE_MAX_NAME + 1];
    struct magnet_property property;
    uint32_t power_converter, conversion; /* indices */
    bool owns;                            /* has k_ref; else adds */
    double i_ref, k_ref;                  /* of the active reference */
    uint32_t index;                       /* into the lattice, after magnets_bind */
};

/* Power converters under one name, e.g. what moves the tune. */
struct magnet_family {
    char name[MAGNETS_NAME_SIZE];
    uint32_t n, *power_converter;
};

struct magnets {
    char *machine, *origin, *revision;
    double energy_gev; /* total, of every reference point */
    bool placeholder;  /* conversions are invented: not for a machine */
    uint32_t active;   /* index into reference */
    uint32_t n_converter, n_conversion, n_link, n_family, n_reference;
    struct power_converter *converter;
    struct conversion *conversion;
    char (*conversion_name)[MAGNETS_NAME_SIZE];
    struct magnet_link *link;
    struct magnet_family *family;
    struct magnet_reference *reference;
};

/* Reads text (JSON, magnets.schema in lattices/README.md); `source` names it in messages;
 * reference: which reference points, NULL: those that the file calls active. RC_INPUT says what
 * entry is wrong and why; *magnets is NULL on failure. */
MUST_USE enum rc magnets_read(struct magnets **magnets, const char *text, size_t size,
                              const char *source, const char *reference);
void magnets_destroy(struct magnets *magnets);

/* Finds every element. RC_INPUT: one is not there, cannot have the property, two links own one
 * property, a property has no owner, or lattice and table are for different energies. */
MUST_USE enum rc magnets_bind(struct magnets *magnets, const struct lattice *lattice);

/* Index by name; -1: there is none. */
int64_t magnets_find(const struct magnets *magnets, const char *power_converter);

/* Currents at the reference points into input [n_converter]. The first link decides. */
void magnets_reference_inputs(const struct magnets *magnets, double *input);

/* Strengths of every link's property at these inputs [n_converter] and this energy, set into
 * the lattice. RC_RANGE or RC_INPUT name the power converter; then nothing was set. */
MUST_USE enum rc magnets_apply(const struct magnets *magnets, struct lattice *lattice,
                               double energy_gev, const double *input);

/* The input of `link`'s power converter that gives its property the strength k, other links
 * standing at input [n_converter]. */
MUST_USE enum rc magnets_solve(const struct magnets *magnets, uint32_t link, double energy_gev,
                               double k, const double *input, double *solved);

/* Magnetic rigidity of electrons of this total energy, T m. */
double magnets_rigidity_t_m(double energy_gev);

#endif
