#include "io/ctl/plot/panel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/ctl/plot/ticks.h"

enum { TICK = 5, X_ROOM = 72, Y_ROOM = 38, LABEL = 32, NUMBER_ROOM = 38 };

/* 0..1 along the axis. */
static double axis_share(const struct axis *axis, double value)
{
    if (axis->log)
        return log(value / axis->low) / log(axis->high / axis->low); /* NaN below 0 */
    return (value - axis->low) / (axis->high - axis->low);
}

double panel_x(const struct panel *panel, double x)
{
    return panel->box.x + panel->box.w * axis_share(&panel->x, x);
}

double panel_y(const struct panel *panel, double y)
{
    return panel->box.y + panel->box.h * (1 - axis_share(&panel->y, y));
}

static struct ticks axis_ticks(const struct axis *axis, double room)
{
    int most = (int) fmax(2, room);

    return axis->log ? ticks_decades(axis->low, axis->high, most)
                     : ticks_linear(axis->low, axis->high, most);
}

static double tick_value(const struct axis *axis, const struct ticks *ticks, int i)
{
    double value = ticks->first + i * ticks->step;

    return axis->log ? pow(10, value) : value;
}

static void tick_text(const struct axis *axis, const struct ticks *ticks, int i, char text[32])
{
    if (axis->log)
        ticks_decade_label(ticks, i, text, 32);
    else
        ticks_label(ticks, i, text, 32);
}

static void draw_x_ticks(struct figure *figure, const struct panel *panel)
{
    struct ticks ticks = axis_ticks(&panel->x, panel->box.w / X_ROOM + 1);
    double bottom = panel->box.y + panel->box.h;
    char text[32];

    for (int i = 0; i < ticks.n; i++) {
        double x = panel_x(panel, tick_value(&panel->x, &ticks, i));

        figure_colour(figure, figure_pale, 1);
        figure_line(figure, (double[2]){x, panel->box.y}, (double[2]){x, bottom}, 1);
        figure_colour(figure, figure_ink, 1);
        figure_line(figure, (double[2]){x, bottom}, (double[2]){x, bottom + TICK}, 1);
        tick_text(&panel->x, &ticks, i, text);
        if (panel->x.label)
            figure_text(figure, (double[2]){x, bottom + TICK + FIGURE_TEXT * 0.8},
                        ANCHOR_MIDDLE, FIGURE_TEXT, text);
    }
    if (panel->x.label)
        figure_text(figure, (double[2]){panel->box.x + panel->box.w / 2, bottom + LABEL + TICK},
                    ANCHOR_MIDDLE, FIGURE_TEXT, panel->x.label);
}

static void draw_y_ticks(struct figure *figure, const struct panel *panel)
{
    struct ticks ticks = axis_ticks(&panel->y, panel->box.h / Y_ROOM + 1);
    double left = panel->box.x, right = left + panel->box.w, widest = 0;
    char text[32];

    for (int i = 0; i < ticks.n; i++) {
        double y = panel_y(panel, tick_value(&panel->y, &ticks, i));

        figure_colour(figure, figure_pale, 1);
        figure_line(figure, (double[2]){left, y}, (double[2]){right, y}, 1);
        figure_colour(figure, figure_ink, 1);
        figure_line(figure, (double[2]){left - TICK, y}, (double[2]){left, y}, 1);
        tick_text(&panel->y, &ticks, i, text);
        if (panel->y.label)
            widest = fmax(widest, figure_text(figure, (double[2]){left - TICK - 4, y},
                                              ANCHOR_RIGHT, FIGURE_TEXT, text));
    }
    if (panel->y.label)
        figure_text_up(figure,
                       (double[2]){left - TICK - 14 - fmax(widest, NUMBER_ROOM),
                                   panel->box.y + panel->box.h / 2},
                       FIGURE_TEXT, panel->y.label);
}

void panel_draw(struct figure *figure, const struct panel *panel)
{
    draw_x_ticks(figure, panel);
    draw_y_ticks(figure, panel);
    figure_colour(figure, figure_ink, 1);
    figure_frame(figure, panel->box, 1.2);
}

static void draw_curve(struct figure *figure, const struct panel *panel,
                       const struct series *series)
{
    double *x = malloc(2 * (size_t) series->n * sizeof *x), *y = x + series->n;

    if (!x)
        return;
    for (int i = 0; i < series->n; i++) {
        x[i] = panel_x(panel, series->x[i]);
        y[i] = panel_y(panel, series->y[i]);
    }
    figure_curve(figure, series->n, x, y, series->width > 0 ? series->width : 1.6,
                 series->dash);
    free(x);
}

void panel_series(struct figure *figure, const struct panel *panel, const struct series *series)
{
    figure_clip(figure, panel->box);
    figure_colour(figure, series->colour, 1);
    if (series->dots)
        for (int i = 0; i < series->n; i++)
            figure_dot(figure, panel_x(panel, series->x[i]), panel_y(panel, series->y[i]),
                       series->width > 0 ? series->width : 2.5);
    else if (series->n > 0)
        draw_curve(figure, panel, series);
    figure_unclip(figure);
}

static void draw_sample(struct figure *figure, const struct series *series, const double at[2])
{
    const double x[2] = {at[0], at[0] + 26}, y[2] = {at[1], at[1]};

    figure_colour(figure, series->colour, 1);
    if (series->dots)
        figure_dot(figure, at[0] + 13, at[1], 3.5);
    else
        figure_curve(figure, 2, x, y, 2.5, series->dash);
}

void panel_legend(struct figure *figure, const struct panel *panel, int n,
                  const struct series *series)
{
    double x = panel->box.x + panel->box.w, y = panel->box.y - 14;

    for (int i = n - 1; i >= 0; i--) {
        x -= figure_text_width(figure, FIGURE_TEXT, series[i].name);
        figure_colour(figure, figure_ink, 1);
        figure_text(figure, (double[2]){x, y}, ANCHOR_LEFT, FIGURE_TEXT, series[i].name);
        x -= 34;
        draw_sample(figure, &series[i], (double[2]){x, y});
        x -= 22;
    }
}

void panel_title(struct figure *figure, const struct panel *panel, const char *title)
{
    figure_colour(figure, figure_ink, 1);
    figure_text(figure, (double[2]){panel->box.x, panel->box.y - 14}, ANCHOR_LEFT, FIGURE_TITLE,
                title);
}
