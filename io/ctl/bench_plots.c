#include "io/ctl/bench_plots.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/ctl/plot/panel.h"
#include "io/ctl/plot/ticks.h"

enum { MOST_SERIES = 6, MOST_POINTS = 128, TEXT = 200 };

static const double left = 90, right = 30, top = 90, below = 70;

/* Points of one curve, filled from the rows of a part. */
struct curve {
    const char *name;
    double x[MOST_POINTS], y[MOST_POINTS];
    int n;
};

struct plot {
    const char *file, *title, *x_label, *y_label;
    struct curve curve[MOST_SERIES];
    int n;
    bool dots, x_linear, y_linear;
    double limit; /* a line across; 0: none */
};

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : (double) NAN;
}

static struct curve *curve_named(struct plot *plot, const char *name)
{
    for (int i = 0; i < plot->n; i++)
        if (strcmp(plot->curve[i].name, name) == 0)
            return &plot->curve[i];
    if (plot->n == MOST_SERIES)
        return NULL;
    plot->curve[plot->n] = (struct curve){.name = name};
    return &plot->curve[plot->n++];
}

static void add_point(struct plot *plot, const char *name, double x, double y)
{
    struct curve *curve = isfinite(x) && isfinite(y) && y > 0 ? curve_named(plot, name) : NULL;

    if (!curve || curve->n == MOST_POINTS)
        return;
    curve->x[curve->n] = x;
    curve->y[curve->n++] = y;
}

static void find_range(const struct plot *plot, struct panel *panel)
{
    double low[2] = {INFINITY, plot->limit > 0 ? plot->limit : (double) INFINITY};
    double high[2] = {0, plot->limit};

    for (int k = 0; k < plot->n; k++) {
        for (int i = 0; i < plot->curve[k].n; i++) {
            low[0] = fmin(low[0], plot->curve[k].x[i]);
            high[0] = fmax(high[0], plot->curve[k].x[i]);
            low[1] = fmin(low[1], plot->curve[k].y[i]);
            high[1] = fmax(high[1], plot->curve[k].y[i]);
        }
    }
    panel->x = (struct axis){low[0] / 1.3, high[0] * 1.3, plot->x_label, true};
    panel->y = (struct axis){low[1] / 1.5, high[1] * 1.5, plot->y_label, true};
    if (plot->x_linear)
        panel->x = (struct axis){0, high[0] + 1, plot->x_label, false};
    if (plot->y_linear)
        panel->y = (struct axis){0, high[1] * 1.15, plot->y_label, false};
}

static void draw_limit(struct figure *figure, const struct panel *panel, double limit)
{
    double x[2] = {panel->x.low, panel->x.high}, y[2] = {limit, limit};
    const struct series series = {.name = "",
                                  .n = 2,
                                  .x = x,
                                  .y = y,
                                  .colour = figure_colours[COLOUR_VERMILION],
                                  .dash = 6};

    panel_series(figure, panel, &series);
}

static void draw_all(struct figure *figure, const struct plot *plot, const char *host)
{
    struct panel panel = {
        .box = {left, top, FIGURE_WIDTH - left - right, FIGURE_HEIGHT - top - below}};
    struct series series[MOST_SERIES];

    find_range(plot, &panel);
    figure_colour(figure, figure_ink, 1);
    figure_text(figure, (double[2]){left, 24}, ANCHOR_LEFT, FIGURE_TITLE, plot->title);
    figure_colour(figure, figure_grey, 1);
    figure_text(figure, (double[2]){left, 46}, ANCHOR_LEFT, FIGURE_TEXT, host);
    figure_colour(figure, figure_ink, 1);
    panel_draw(figure, &panel);
    for (int k = 0; k < plot->n; k++) {
        series[k] = (struct series){.name = plot->curve[k].name,
                                    .n = plot->curve[k].n,
                                    .x = plot->curve[k].x,
                                    .y = plot->curve[k].y,
                                    .colour = figure_colours[k],
                                    .dots = plot->dots,
                                    .width = plot->dots ? 4 : 2};
        panel_series(figure, &panel, &series[k]);
    }
    if (plot->limit > 0)
        draw_limit(figure, &panel, plot->limit);
    panel_legend(figure, &panel, plot->n, series);
}

static enum rc write_plot(const struct plot *plot, const json_t *report, const char *folder)
{
    const json_t *host = json_object_get(report, "host");
    char path[1024], line[TEXT];
    struct figure *figure;
    enum rc rc;

    if (snprintf(path, sizeof path, "%s/%s", folder, plot->file) >= (int) sizeof path)
        return err_set(RC_RANGE, "--plot: the path of the folder is too long");
    rc = figure_open(&figure, path);
    if (rc != RC_OK)
        return rc;
    snprintf(line, sizeof line, "%.60s, %.0f processors%s, Linux %.40s, %s", text(host, "cpu"),
             number(host, "n_cpu"),
             json_is_true(json_object_get(host, "virtual")) ? " (virtual machine)" : "",
             text(host, "kernel"), text(report, "utc"));
    draw_all(figure, plot, line);
    return figure_close(figure);
}

/* ---- what goes into each plot -------------------------------------------------------- */

static double median_of_p50(const json_t *row, const char *ratio)
{
    return number(json_object_get(json_object_get(row, ratio), "p50"), "median");
}

static void fill_products(struct plot *plot, const json_t *rows)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        double kilobytes = number(row, "matrix_b") / 1000;

        if (strcmp(text(row, "cache"), "l3") == 0)
            continue;
        bool hot = strcmp(text(row, "cache"), "hot") == 0;

        add_point(plot, hot ? "hot, to reading" : "cold, to reading", kilobytes,
                  median_of_p50(row, "to_bound"));
        add_point(plot, hot ? "hot, to OpenBLAS" : "cold, to OpenBLAS", kilobytes,
                  median_of_p50(row, "to_openblas"));
    }
}

static void fill_wakeup(struct plot *plot, const json_t *rows)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        bool sleeps = strcmp(text(row, "mode"), "sleep") == 0;
        double rate_hz = number(row, "rate_hz");

        if (sleeps)
            add_point(plot, "cyclictest, p99", rate_hz,
                      number(json_object_get(row, "cyclictest"), "p99_us"));
        if (sleeps || strcmp(text(row, "mode"), "hybrid") == 0) {
            const json_t *own = json_object_get(row, "own");

            add_point(plot, sleeps ? "sleep, p50" : "hybrid, p50", rate_hz,
                      number(own, "p50_us"));
            add_point(plot, sleeps ? "sleep, p99" : "hybrid, p99", rate_hz,
                      number(own, "p99_us"));
        }
    }
}

static void fill_cycle(struct plot *plot, const json_t *rows)
{
    static const char *const phases[] = {"ingest", "correct", "predict", "publish", "cycle"};
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row) for (size_t k = 0; k < sizeof phases / sizeof phases[0];
                                          k++)
        add_point(plot, phases[k], (double) i + 1,
                  number(json_object_get(json_object_get(row, "phases"), phases[k]), "p50_us"));
}

static void fill_windows(struct plot *plot, const char *name, const json_t *windows)
{
    size_t i;
    json_t *window;

    json_array_foreach(windows, i, window)
        add_point(plot, name, (double) i + 1, number(window, "compute_p99_us"));
}

static void fill_disturb(struct plot *plot, const json_t *result)
{
    fill_windows(plot, "bare", json_object_get(result, "bare"));
    fill_windows(plot, "loaded", json_object_get(result, "loaded"));
}

static const struct {
    const char *key;
    void (*fill)(struct plot *plot, const json_t *rows);
    struct plot plot;
} plots[] = {
    {"products",
     fill_products,
     {.file = "products.svg",
      .title = "Matrix-vector product: ratio of medians, below 1 is faster",
      .x_label = "matrix [kB]",
      .y_label = "ratio",
      .dots = true,
      .y_linear = true,
      .limit = 1}},
    {"wake",
     fill_wakeup,
     {.file = "wakeup.svg",
      .title = "Lateness of waking up",
      .x_label = "rate [Hz]",
      .y_label = "lateness [us]"}},
    {"cycle",
     fill_cycle,
     {.file = "cycle.svg",
      .title = "Parts of one cycle, medians, in the order of the table",
      .x_label = "row of the table",
      .y_label = "time [us]",
      .dots = true,
      .x_linear = true}},
    {"disturb",
     fill_disturb,
     {.file = "disturb.svg",
      .title = "Work of a running loop in a cycle, p99, bare and loaded in turn",
      .x_label = "round",
      .y_label = "p99 [us]",
      .dots = true,
      .x_linear = true,
      .y_linear = true}},
};

enum rc bench_plots_draw(const json_t *report, const char *folder, unsigned *n)
{
    static struct plot plot;
    enum rc rc = RC_OK;

    *n = 0;
    for (size_t i = 0; rc == RC_OK && i < sizeof plots / sizeof plots[0]; i++) {
        plot = plots[i].plot;
        plots[i].fill(&plot, json_object_get(report, plots[i].key));
        if (plot.n == 0)
            continue;
        rc = write_plot(&plot, report, folder);
        *n += rc == RC_OK;
    }
    if (rc == RC_OK && *n == 0)
        rc = err_set(RC_INPUT, "the report holds nothing to draw");
    return rc;
}
