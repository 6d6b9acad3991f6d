/* A panel: a frame with two axes, and what is drawn in it. */
#ifndef ORBIT_IO_CTL_PLOT_PANEL_H
#define ORBIT_IO_CTL_PLOT_PANEL_H

#include <stdbool.h>

#include "io/ctl/plot/figure.h"

struct axis {
    double low, high;
    const char *label; /* quantity and unit, "beta [m]"; NULL: neither label nor numbers */
    bool log;          /* low and high positive */
};

struct panel {
    struct box box; /* the frame; numbers and labels stand outside */
    struct axis x, y;
};

struct series {
    const char *name; /* in the legend */
    int n;
    const double *x, *y;
    struct colour colour;
    double dash;  /* 0: solid */
    bool dots;    /* points instead of a line */
    double width; /* of the line or radius of the points; 0: 1.6 */
};

/* Where a value lies in pixels. */
double panel_x(const struct panel *panel, double x);
double panel_y(const struct panel *panel, double y);

/* Frame, grid, ticks, numbers, labels. */
void panel_draw(struct figure *figure, const struct panel *panel);

void panel_series(struct figure *figure, const struct panel *panel,
                  const struct series *series);

/* Names of n series in a row above the frame, to the right. */
void panel_legend(struct figure *figure, const struct panel *panel, int n,
                  const struct series *series);

/* Bold enough to be read first: text above the frame, to the left. */
void panel_title(struct figure *figure, const struct panel *panel, const char *title);

#endif
