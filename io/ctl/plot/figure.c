#include "io/ctl/plot/figure.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const struct colour figure_colours[COLOURS] = {
    [COLOUR_BLUE] = {0, 0.447, 0.698},   [COLOUR_VERMILION] = {0.835, 0.369, 0},
    [COLOUR_GREEN] = {0, 0.620, 0.451},  [COLOUR_PURPLE] = {0.800, 0.475, 0.655},
    [COLOUR_ORANGE] = {0.902, 0.624, 0}, [COLOUR_SKY] = {0.337, 0.706, 0.914},
};
const struct colour figure_ink = {0.13, 0.13, 0.13}, figure_grey = {0.45, 0.45, 0.45},
                    figure_pale = {0.88, 0.88, 0.88};

struct figure {
    cairo_surface_t *surface;
    cairo_t *cairo;
    const char *path;
    int is_png;
};

static int ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);

    return n > k && strcasecmp(path + n - k, end) == 0;
}

int figure_knows(const char *path)
{
    return ends_in(path, ".svg") || ends_in(path, ".png");
}

static enum rc figure_state(const struct figure *figure)
{
    cairo_status_t status = figure->cairo ? cairo_status(figure->cairo) : CAIRO_STATUS_SUCCESS;

    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(figure->surface);
    if (status != CAIRO_STATUS_SUCCESS)
        return err_set(RC_SYS, "cannot write %s: %s", figure->path,
                       cairo_status_to_string(status));
    return RC_OK;
}

static void figure_free(struct figure *figure)
{
    if (figure->cairo)
        cairo_destroy(figure->cairo);
    if (figure->surface)
        cairo_surface_destroy(figure->surface);
    free(figure);
}

/* cairo says about a path only that it could not: the reason is in errno of an open of our own.
 */
static enum rc check_writable(const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return err_sys("cannot write %s", path);
    fclose(file);
    return RC_OK;
}

static void start_surface(struct figure *figure)
{
    if (figure->is_png) {
        figure->surface =
            cairo_image_surface_create(CAIRO_FORMAT_RGB24, FIGURE_WIDTH, FIGURE_HEIGHT);
        return;
    }
    figure->surface = cairo_svg_surface_create(figure->path, FIGURE_WIDTH, FIGURE_HEIGHT);
    cairo_svg_surface_set_document_unit(figure->surface, CAIRO_SVG_UNIT_PX);
}

static void start_sheet(struct figure *figure)
{
    figure->cairo = cairo_create(figure->surface);
    cairo_set_source_rgb(figure->cairo, 1, 1, 1);
    cairo_paint(figure->cairo);
    cairo_select_font_face(figure->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_line_join(figure->cairo, CAIRO_LINE_JOIN_ROUND);
}

enum rc figure_open(struct figure **figure, const char *path)
{
    struct figure *f;
    enum rc rc;

    *figure = NULL;
    if (!figure_knows(path))
        return err_set(RC_INPUT, "%s: a plot is an .svg or .png file", path);
    rc = check_writable(path);
    if (rc != RC_OK)
        return rc;
    f = calloc(1, sizeof *f);
    if (!f)
        return err_set(RC_NOMEM, "no memory for a plot");
    f->path = path;
    f->is_png = ends_in(path, ".png");
    start_surface(f);
    start_sheet(f);
    rc = figure_state(f);
    if (rc == RC_OK)
        *figure = f;
    else
        figure_free(f);
    return rc;
}

enum rc figure_close(struct figure *figure)
{
    enum rc rc = figure_state(figure);
    cairo_status_t status = CAIRO_STATUS_SUCCESS;

    if (rc == RC_OK && figure->is_png)
        status = cairo_surface_write_to_png(figure->surface, figure->path);
    if (status != CAIRO_STATUS_SUCCESS)
        rc = err_set(RC_SYS, "cannot write %s: %s", figure->path,
                     cairo_status_to_string(status));
    cairo_surface_finish(figure->surface);
    if (rc == RC_OK)
        rc = figure_state(figure);
    figure_free(figure);
    return rc;
}

void figure_colour(struct figure *figure, struct colour colour, double opacity)
{
    cairo_set_source_rgba(figure->cairo, colour.r, colour.g, colour.b, opacity);
}

void figure_fill(struct figure *figure, struct box box)
{
    cairo_rectangle(figure->cairo, box.x, box.y, box.w, box.h);
    cairo_fill(figure->cairo);
}

void figure_frame(struct figure *figure, struct box box, double line)
{
    cairo_set_dash(figure->cairo, NULL, 0, 0);
    cairo_set_line_width(figure->cairo, line);
    cairo_rectangle(figure->cairo, box.x, box.y, box.w, box.h);
    cairo_stroke(figure->cairo);
}

void figure_line(struct figure *figure, const double from[2], const double to[2], double line)
{
    cairo_set_dash(figure->cairo, NULL, 0, 0);
    cairo_set_line_width(figure->cairo, line);
    cairo_move_to(figure->cairo, from[0], from[1]);
    cairo_line_to(figure->cairo, to[0], to[1]);
    cairo_stroke(figure->cairo);
}

void figure_curve(struct figure *figure, int n, const double *x, const double *y, double line,
                  double dash)
{
    int pen_down = 0;

    cairo_set_dash(figure->cairo, &dash, dash > 0 ? 1 : 0, 0);
    cairo_set_line_width(figure->cairo, line);
    for (int i = 0; i < n; i++) {
        int drawable = isfinite(x[i]) && isfinite(y[i]);

        if (drawable && pen_down)
            cairo_line_to(figure->cairo, x[i], y[i]);
        else if (drawable)
            cairo_move_to(figure->cairo, x[i], y[i]);
        pen_down = drawable;
    }
    cairo_stroke(figure->cairo);
}

void figure_dot(struct figure *figure, double x, double y, double radius)
{
    if (!isfinite(x) || !isfinite(y))
        return;
    cairo_arc(figure->cairo, x, y, radius, 0, 2 * M_PI);
    cairo_fill(figure->cairo);
}

double figure_text_width(struct figure *figure, double size, const char *text)
{
    cairo_text_extents_t extents;

    cairo_set_font_size(figure->cairo, size);
    cairo_text_extents(figure->cairo, text, &extents);
    return extents.x_advance;
}

double figure_text(struct figure *figure, const double at[2], enum anchor anchor, double size,
                   const char *text)
{
    static const double before[] = {
        [ANCHOR_LEFT] = 0, [ANCHOR_MIDDLE] = 0.5, [ANCHOR_RIGHT] = 1};
    double width = figure_text_width(figure, size, text);

    /* Capitals and digits are about 0.72 of the size high. */
    cairo_move_to(figure->cairo, at[0] - before[anchor] * width, at[1] + 0.36 * size);
    cairo_show_text(figure->cairo, text);
    return width;
}

void figure_text_up(struct figure *figure, const double at[2], double size, const char *text)
{
    cairo_save(figure->cairo);
    cairo_translate(figure->cairo, at[0], at[1]);
    cairo_rotate(figure->cairo, -M_PI / 2);
    figure_text(figure, (double[2]){0, 0}, ANCHOR_MIDDLE, size, text);
    cairo_restore(figure->cairo);
}

void figure_clip(struct figure *figure, struct box box)
{
    cairo_save(figure->cairo);
    cairo_rectangle(figure->cairo, box.x, box.y, box.w, box.h);
    cairo_clip(figure->cairo);
}

void figure_unclip(struct figure *figure)
{
    cairo_restore(figure->cairo);
}
