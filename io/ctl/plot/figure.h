/* A drawing surface that becomes an SVG or PNG file, with the few strokes that plots need.
 *
 * Coordinates are pixels, x to the right, y down. Text in an SVG is drawn as
 * outlines: it looks the same everywhere.
 */
#ifndef ORBIT_IO_CTL_PLOT_FIGURE_H
#define ORBIT_IO_CTL_PLOT_FIGURE_H

#include "rt/base/attr.h"
#include "rt/base/rc.h"

enum { FIGURE_WIDTH = 1200, FIGURE_HEIGHT = 700, FIGURE_TEXT = 14, FIGURE_TITLE = 17 };

struct figure; /* opaque */

struct colour {
    double r, g, b; /* 0..1 */
};

/* Series are told apart by these for all kinds of colour vision: the palette of M. Okabe and K.
 * Ito (2008). */
enum {
    COLOUR_BLUE,
    COLOUR_VERMILION,
    COLOUR_GREEN,
    COLOUR_PURPLE,
    COLOUR_ORANGE,
    COLOUR_SKY,
    COLOURS
};
extern const struct colour figure_colours[COLOURS];
extern const struct colour figure_ink, figure_grey, figure_pale;

struct box {
    double x, y, w, h; /* upper left corner and size */
};

enum anchor { ANCHOR_LEFT, ANCHOR_MIDDLE, ANCHOR_RIGHT };

/* A white sheet for the file, of FIGURE_WIDTH times FIGURE_HEIGHT. The name's end says which
 * kind: .svg or .png. RC_INPUT: neither. RC_SYS: cannot be written. */
MUST_USE enum rc figure_open(struct figure **figure, const char *path);

/* Writes the file and frees the sheet. RC_SYS with the reason. */
MUST_USE enum rc figure_close(struct figure *figure);

/* True if the name's end is one that figure_open takes. */
int figure_knows(const char *path);

void figure_colour(struct figure *figure, struct colour colour, double opacity);
void figure_fill(struct figure *figure, struct box box);
void figure_frame(struct figure *figure, struct box box, double line);
void figure_line(struct figure *figure, const double from[2], const double to[2], double line);

/* Strokes through n points; x and y in pixels. A point that is not finite makes a gap. `dash`
 * 0: solid. */
void figure_curve(struct figure *figure, int n, const double *x, const double *y, double line,
                  double dash);
void figure_dot(struct figure *figure, double x, double y, double radius);

/* Text on one line, y at its middle. Returns its width. */
double figure_text(struct figure *figure, const double at[2], enum anchor anchor, double size,
                   const char *text);
double figure_text_width(struct figure *figure, double size, const char *text);

/* The same, read upwards (the label of a vertical axis). */
void figure_text_up(struct figure *figure, const double at[2], double size, const char *text);

/* What follows is cut off outside the box, until figure_unclip. */
void figure_clip(struct figure *figure, struct box box);
void figure_unclip(struct figure *figure);

#endif
