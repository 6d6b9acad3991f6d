#include "io/ctl/ring/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/plot/heat.h"
#include "io/ctl/plot/panel.h"
#include "io/ctl/plot/ticks.h"
#include "io/ctl/ring/layout.h"

enum { LEFT = 100, RIGHT = 30, TOP = 78, TITLE_Y = 26, TITLE_SIZE = 264 };

static const struct colour *const curve_colours[] = {&figure_colours[COLOUR_BLUE],
                                                     &figure_colours[COLOUR_VERMILION],
                                                     &figure_colours[COLOUR_GREEN]};

static void draw_title(struct figure *figure, const char *title)
{
    figure_colour(figure, figure_ink, 1);
    figure_text(figure, (double[2]){LEFT, TITLE_Y}, ANCHOR_LEFT, FIGURE_TITLE, title);
}

/* ---- curves along the ring ----------------------------------------------------------- */

/* The range of what is in view. */
static void find_range(struct axis *axis, const struct curves *curves, int k,
                       const struct axis *s)
{
    axis->low = INFINITY;
    axis->high = -INFINITY;
    for (uint32_t c = 0; c < curves->panel[k].n_curve; c++) {
        const double *value = curves->panel[k].curve[c].value;

        for (uint32_t i = 0; i < curves->n; i++) {
            if (!isfinite(value[i]) || curves->s_m[i] < s->low || curves->s_m[i] > s->high)
                continue;
            axis->low = fmin(axis->low, value[i]);
            axis->high = fmax(axis->high, value[i]);
        }
    }
    if (curves->panel[k].from_zero && axis->low > 0)
        axis->low = 0;
    ticks_range(&axis->low, &axis->high, 0.05, 1);
    if (curves->panel[k].from_zero)
        axis->low = 0;
}

static void draw_panel(struct figure *figure, const struct curves *curves, int k,
                       struct panel *panel)
{
    struct series series[3];
    uint32_t n = curves->panel[k].n_curve;

    find_range(&panel->y, curves, k, &panel->x);
    panel->y.label = curves->panel[k].label;
    panel_draw(figure, panel);
    for (uint32_t c = 0; c < n; c++) {
        series[c] = (struct series){.name = curves->panel[k].curve[c].name,
                                    .n = (int) curves->n,
                                    .x = curves->s_m,
                                    .y = curves->panel[k].curve[c].value,
                                    .colour = *curve_colours[k == 1 && n == 1 ? 2 : c],
                                    .dots = curves->panel[k].curve[c].dots};
        panel_series(figure, panel, &series[c]);
    }
    panel_legend(figure, panel, (int) n, series);
}

enum rc draw_curves(const struct request *request, const struct curves *curves)
{
    static const double y[2] = {TOP, 370}, h[2] = {250, 170};
    struct figure *figure;
    struct panel panel = {.x = {request->from_m, request->to_m, NULL, false}};
    enum rc rc = figure_open(&figure, request->plot);

    if (rc != RC_OK)
        return rc;
    draw_title(figure, curves->title);
    for (int k = 0; k < 2; k++) {
        panel.box = (struct box){LEFT, y[k], FIGURE_WIDTH - LEFT - RIGHT, h[k]};
        draw_panel(figure, curves, k, &panel);
    }
    panel.box.y = 560;
    panel.box.h = LAYOUT_HEIGHT;
    panel.x.label = "s [m]";
    layout_draw(figure, &panel, request->ring);
    return figure_close(figure);
}

/* The ring's title, or the file's name if it has none. */
static const char *ring_title(const struct request *request)
{
    const char *slash = strrchr(request->path, '/');

    if (request->ring->title && request->ring->title[0])
        return request->ring->title;
    return slash ? slash + 1 : request->path;
}

enum rc draw_optics(const struct request *request, const struct beam *beam)
{
    char title[TITLE_SIZE];
    struct beam fine;
    struct curves curves;
    double *s_m;
    enum rc rc = beam_compute_fine(&fine, &s_m, request, request->ring);

    snprintf(title, sizeof title, "%.160s:  Qx %.5f,  Qy %.5f,  C %.4f m", ring_title(request),
             beam->tune[0], beam->tune[1], request->ring->circumference_m);
    curves = (struct curves){
        .title = title,
        .panel = {{"beta [m]",
                   2,
                   {{"beta x", fine.beta_x_m, false}, {"beta y", fine.beta_y_m, false}},
                   true},
                  {"dispersion [m]",
                   beam->about_orbit ? 2 : 1,
                   {{"eta x", fine.eta_x_m, false}, {"eta y", fine.eta_y_m, false}},
                   false}},
        .n = fine.n,
        .s_m = s_m};
    if (rc == RC_OK)
        rc = draw_curves(request, &curves);
    beam_free(&fine);
    free(s_m);
    return rc;
}

/* ---- response ------------------------------------------------------------------------ */

static double largest(const double *matrix, uint32_t n_row, uint32_t n_col, uint32_t stride)
{
    double most = 0;

    for (uint32_t i = 0; i < n_row; i++)
        for (uint32_t j = 0; j < n_col; j++)
            most = fmax(most, fabs(matrix[(size_t) i * stride + j]));
    return most > 0 ? most : 1;
}

/* A label for a share of one side, in its middle. */
static void side_label(struct figure *figure, const struct heat *heat, const double span[2],
                       const char *text)
{
    double x = heat->box.x + heat->box.w * (span[0] + span[1]) / 2;

    figure_text(figure, (double[2]){x, heat->box.y + heat->box.h + 18}, ANCHOR_MIDDLE,
                FIGURE_TEXT, text);
}

static void up_label(struct figure *figure, const struct heat *heat, const double span[2],
                     const char *text)
{
    double y = heat->box.y + heat->box.h * (span[0] + span[1]) / 2;

    figure_text_up(figure, (double[2]){heat->box.x - 20, y}, FIGURE_TEXT, text);
}

/* Between the planes of BPMs and the planes of correctors. */
static void draw_borders(struct figure *figure, const struct heat *heat, double h_share)
{
    double x = heat->box.x + heat->box.w * h_share, y = heat->box.y + heat->box.h / 2;

    figure_line(figure, (double[2]){x, heat->box.y}, (double[2]){x, heat->box.y + heat->box.h},
                1);
    figure_line(figure, (double[2]){heat->box.x, y}, (double[2]){heat->box.x + heat->box.w, y},
                1);
}

static void draw_map(struct figure *figure, const struct lattice *ring, const double *matrix)
{
    uint32_t n_col = ring->n_hcorrector + ring->n_vcorrector;
    double h_share = (double) ring->n_hcorrector / n_col;
    struct heat heat = {.box = {LEFT, TOP, 540, 540},
                        .n_row = lattice_rows(ring),
                        .n_col = n_col,
                        .matrix = matrix,
                        .stride = lattice_columns(ring),
                        .label = "response [m/rad]"};
    char text[64];

    heat.limit = largest(matrix, heat.n_row, heat.n_col, heat.stride);
    heat_draw(figure, &heat);
    draw_borders(figure, &heat, h_share);
    snprintf(text, sizeof text, "%u horizontal correctors", ring->n_hcorrector);
    if (ring->n_hcorrector > 0)
        side_label(figure, &heat, (double[2]){0, h_share}, text);
    snprintf(text, sizeof text, "%u vertical correctors", ring->n_vcorrector);
    if (ring->n_vcorrector > 0)
        side_label(figure, &heat, (double[2]){h_share, 1}, text);
    snprintf(text, sizeof text, "x at %u BPMs", ring->n_bpm);
    up_label(figure, &heat, (double[2]){0, 0.5}, text);
    snprintf(text, sizeof text, "y at %u BPMs", ring->n_bpm);
    up_label(figure, &heat, (double[2]){0.5, 1}, text);
}

static void draw_spectrum(struct figure *figure, const struct spectrum *spectrum)
{
    static const char *const names[2] = {"x", "y"};
    struct panel panel = {.box = {870, TOP, FIGURE_WIDTH - 870 - RIGHT, 540},
                          .x = {0, 1, "number", false},
                          .y = {INFINITY, 0, "singular value [m/rad]", true}};
    static double number[LATTICE_MAX_ELEMENTS];
    struct series series[2];

    for (int k = 0; k < 2; k++) {
        series[k] = (struct series){.name = names[k],
                                    .n = (int) spectrum->n[k],
                                    .x = number,
                                    .y = spectrum->value[k],
                                    .colour = *curve_colours[k],
                                    .dots = true};
        panel.x.high = fmax(panel.x.high, spectrum->n[k] + 1.0);
        for (uint32_t i = 0; i < spectrum->n[k]; i++) {
            number[i] = i + 1;
            panel.y.low = fmin(panel.y.low, spectrum->value[k][i]);
            panel.y.high = fmax(panel.y.high, spectrum->value[k][i]);
        }
    }
    if (!(panel.y.high > 0))
        panel.y.high = 1;
    panel.y.low = fmax(panel.y.low, panel.y.high * 1e-16) / 2;
    panel.y.high *= 2;
    panel_draw(figure, &panel);
    for (int k = 0; k < 2; k++)
        panel_series(figure, &panel, &series[k]);
    panel_legend(figure, &panel, 2, series);
}

enum rc draw_response(const struct request *request, const double *matrix,
                      const struct spectrum *spectrum)
{
    struct figure *figure;
    char title[TITLE_SIZE];
    enum rc rc = figure_open(&figure, request->plot);

    if (rc != RC_OK)
        return rc;
    snprintf(title, sizeof title, "%.160s:  orbit response, %s, integrator %s",
             ring_title(request), mode_word(request->mode),
             integrator_word(request->integrator));
    draw_title(figure, title);
    draw_map(figure, request->ring, matrix);
    draw_spectrum(figure, spectrum);
    return figure_close(figure);
}
