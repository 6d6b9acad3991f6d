/* A matrix as colours: blue below zero, white at zero, red above; a scale beside it. */
#ifndef ORBIT_IO_CTL_PLOT_HEAT_H
#define ORBIT_IO_CTL_PLOT_HEAT_H

#include <stdint.h>

#include "io/ctl/plot/figure.h"

struct heat {
    struct box box;
    uint32_t n_row, n_col; /* drawn: row 0 on top, column 0 to the left */
    const double *matrix;  /* row i starts at matrix + i * stride */
    uint32_t stride;
    double limit;      /* that the strongest colours stand for; > 0 */
    const char *label; /* of the scale, with unit */
};

/* Colour of a share -1..1 of the limit; beyond, that of the limit; grey for NaN. */
struct colour heat_colour(double share);

/* The matrix, its frame, and the scale to the right of it (needs 100 pixels there). */
void heat_draw(struct figure *figure, const struct heat *heat);

#endif
