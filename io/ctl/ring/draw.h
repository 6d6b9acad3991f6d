/* The plots of optics, orbit, response and what-if: one SVG or PNG file each.
 *
 * All return RC_INPUT (kind of file), RC_SYS (cannot be written) or RC_NOMEM.
 */
#ifndef ORBIT_IO_CTL_RING_DRAW_H
#define ORBIT_IO_CTL_RING_DRAW_H

#include "io/ctl/ring/beam.h"

/* Quantities at points along s, two panels of them over the magnets. */
struct curves {
    const char *title;
    struct {
        const char *label; /* of the vertical axis */
        uint32_t n_curve;
        struct {
            const char *name;
            const double *value; /* [n] */
            bool dots;
        } curve[3];
        bool from_zero; /* the axis starts at zero */
    } panel[2];
    uint32_t n;
    const double *s_m; /* [n] */
};

MUST_USE enum rc draw_curves(const struct request *request, const struct curves *curves);

/* Beta functions and dispersion. */
MUST_USE enum rc draw_optics(const struct request *request, const struct beam *beam);

/* Singular values of the two blocks, descending. */
struct spectrum {
    uint32_t n[2];
    const double *value[2];
};

/* Heat map of the matrix (rows lattice_rows, columns H then V of lattice_columns) and singular
 * values. */
MUST_USE enum rc draw_response(const struct request *request, const double *matrix,
                               const struct spectrum *spectrum);

#endif
