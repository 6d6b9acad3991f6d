/* Between what a power converter is set to and what its magnets do to the beam.
 *
 * A conversion is a function g of one input (A; mm for a gap) with a range. It gives a field
 * (T, T/m, T/m^2, T m ...) that is divided by B rho, or, if it was measured as a strength
 * (1/m^2, rad ...) at the reference energy, the strength there.
 * Pure; any thread.
 */
#ifndef ORBIT_MODEL_MAGNETS_CONVERSION_H
#define ORBIT_MODEL_MAGNETS_CONVERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

enum { CONVERSION_MAX_TERM = 16, CONVERSION_MAX_POINT = 256 };

enum conversion_kind { CONVERSION_IDENTITY, CONVERSION_POLYNOMIAL, CONVERSION_TABLE };

/* What happens outside the range: taken at its end, refused, or computed all the same. */
enum range_policy { RANGE_CLAMP, RANGE_REJECT, RANGE_EXTRAPOLATE };

struct conversion {
    enum conversion_kind kind;
    bool is_strength;       /* g is a strength at the reference energy, not a field */
    double energy_exponent; /* strength ~ (E_ref/E)^this; 1 but for IDs (2) */
    uint32_t n;             /* terms or points */
    double *in;             /* TABLE: [n] increasing inputs */
    double *out;            /* POLYNOMIAL: [n] coefficients from the constant; TABLE: [n] */
    double *slope;          /* TABLE: [n] d out/d in at the points */
};

struct conversion_range {
    double lower, upper; /* of the input */
    enum range_policy policy;
};

/* Finishes a TABLE whose in and out are filled: slopes of the monotone cubic through its points
 * (F. N. Fritsch and R. E. Carlson, SIAM J. Numer. Anal. 17 (1980) 238). RC_INPUT: fewer than
 * two points, or inputs that do not increase. */
MUST_USE enum rc conversion_finish(struct conversion *conversion);

/* Brings an input into the range, by its policy. RC_RANGE names input and limits; *clamped says
 * whether it was moved. Not finite is RC_INPUT. */
MUST_USE enum rc conversion_limit(const struct conversion_range *range, double *input,
                                  bool *clamped);

/* g(input); outside a table's points its end slopes go on. */
double conversion_forward(const struct conversion *conversion, double input);

/* The input within the range at which g is `output`. RC_RANGE: there is none; RC_INPUT: g is
 * not monotone there, so that the answer would not be unique. */
MUST_USE enum rc conversion_inverse(const struct conversion *conversion,
                                    const struct conversion_range *range, double output,
                                    double *input);

/* Whether g rises or falls all the way over the range. */
bool conversion_is_monotone(const struct conversion *conversion,
                            const struct conversion_range *range);

#endif
