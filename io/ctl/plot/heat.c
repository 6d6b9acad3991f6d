#include "io/ctl/plot/heat.h"

#include <math.h>
#include <stddef.h>

#include "io/ctl/plot/panel.h"

enum { SCALE_GAP = 16, SCALE_WIDTH = 16, SCALE_STEPS = 128 };

/* Stops of a scale whose two sides differ in hue for every colour vision and are equally dark
 * (C. Brewer's RdBu). */
static const struct colour below[] = {
    {0.97, 0.97, 0.97}, {0.573, 0.773, 0.871}, {0.129, 0.400, 0.675}, {0.02, 0.188, 0.380}};
static const struct colour above[] = {
    {0.97, 0.97, 0.97}, {0.957, 0.647, 0.510}, {0.698, 0.094, 0.169}, {0.404, 0, 0.122}};
enum { STOPS = sizeof below / sizeof below[0] };

struct colour heat_colour(double share)
{
    const struct colour *stop = share < 0 ? below : above;
    double at = fmin(fabs(share), 1) * (STOPS - 1), part;
    int i = (int) fmin(floor(at), STOPS - 2);

    if (isnan(share))
        return figure_grey;
    part = at - i;
    return (struct colour){stop[i].r + part * (stop[i + 1].r - stop[i].r),
                           stop[i].g + part * (stop[i + 1].g - stop[i].g),
                           stop[i].b + part * (stop[i + 1].b - stop[i].b)};
}

/* Each cell reaches half a pixel into the next, or seams would show through. */
static void draw_cells(struct figure *figure, const struct heat *heat)
{
    double w = heat->box.w / heat->n_col, h = heat->box.h / heat->n_row;

    figure_clip(figure, heat->box);
    for (uint32_t i = 0; i < heat->n_row; i++) {
        for (uint32_t j = 0; j < heat->n_col; j++) {
            double share = heat->matrix[(size_t) i * heat->stride + j] / heat->limit;

            figure_colour(figure, heat_colour(share), 1);
            figure_fill(figure, (struct box){heat->box.x + j * w, heat->box.y + i * h, w + 0.5,
                                             h + 0.5});
        }
    }
    figure_unclip(figure);
}

/* The frame and its numbers on the right side are those of a panel without x axis. */
static void draw_scale(struct figure *figure, const struct heat *heat)
{
    struct box box = {heat->box.x + heat->box.w + SCALE_GAP + 70, heat->box.y, SCALE_WIDTH,
                      heat->box.h};
    struct panel panel = {.box = box,
                          .x = {0, 0, NULL, false},
                          .y = {-heat->limit, heat->limit, heat->label, false}};
    double step = box.h / SCALE_STEPS;

    panel_draw(figure, &panel);
    for (int i = 0; i < SCALE_STEPS; i++) {
        figure_colour(figure, heat_colour(1 - 2 * (i + 0.5) / SCALE_STEPS), 1);
        figure_fill(figure, (struct box){box.x, box.y + i * step, box.w, step + 0.5});
    }
    figure_colour(figure, figure_ink, 1);
    figure_frame(figure, box, 1);
}

void heat_draw(struct figure *figure, const struct heat *heat)
{
    draw_cells(figure, heat);
    figure_colour(figure, figure_ink, 1);
    figure_frame(figure, heat->box, 1.2);
    draw_scale(figure, heat);
}
