#include "io/ctl/spectrum_show.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "io/ctl/plot/panel.h"
#include "io/ctl/ring/table.h"

static const char *const plane_names[2] = {"x", "y"};

/* ---- JSON ---- */

static json_t *pair_json(const double rms_m[MOTION_SIDES])
{
    return json_pack("{s:f, s:f, s:o}", "rms_m", rms_m[MOTION_WITH], "without_m",
                     rms_m[MOTION_WITHOUT], "db", json_number(motion_db(rms_m)));
}

static json_t *bands_json(const struct motion *motion)
{
    json_t *bands = json_array();

    for (unsigned i = 0; i < motion->n_band; i++) {
        const struct motion_band *band = &motion->band[i];

        json_array_append_new(bands,
                              json_pack("{s:f, s:f, s:o, s:o}", "from_hz", band->from_hz,
                                        "to_hz", band->to_hz, "x", pair_json(band->rms_m[0]),
                                        "y", pair_json(band->rms_m[1])));
    }
    return bands;
}

static json_t *modes_json(const struct motion *motion, unsigned plane, uint64_t most)
{
    json_t *modes = json_array();

    for (uint64_t m = 0; m < motion->window->n_mode[plane] && m < most; m++) {
        const double rms_m[MOTION_SIDES] = {motion_mode_rms(motion, plane, MOTION_WITH, m),
                                            motion_mode_rms(motion, plane, MOTION_WITHOUT, m)};

        json_array_append_new(modes, pair_json(rms_m));
    }
    return modes;
}

void spectrum_print_json(const struct motion *motion, uint64_t most)
{
    const struct window *w = motion->window;
    json_t *root = json_pack(
        "{s:I, s:I, s:f, s:I, s:f, s:o, s:{s:o, s:o}, s:{s:f, s:f, s:f}, s:{s:o, s:I}}",
        "frames", (json_int_t) w->n, "closed", (json_int_t) w->n_closed, "rate_hz", w->fs_hz,
        "segments", (json_int_t) motion->row[0].n_average, "df_hz", motion->row[0].df_hz,
        "bands", bands_json(motion), "modes", "x", modes_json(motion, 0, most), "y",
        modes_json(motion, 1, most), "correctors", "rms_h_rad", motion->kick_rad[0],
        "rms_v_rad", motion->kick_rad[1], "use", motion->use, "coupling", "share",
        motion->n_coupled ? json_real(motion->coupling) : json_null(), "bpms",
        (json_int_t) motion->n_coupled);

    json_print(root);
    json_decref(root);
}

/* ---- picture ---- */

/* um/sqrt(Hz) at every frequency; a density of nothing makes a gap. */
static void fill(const struct motion *motion, unsigned plane, enum motion_side side, double *um)
{
    for (uint64_t f = 0; f < motion->row[0].n_freq; f++) {
        double density = motion_density(motion, plane, side, f);

        um[f] = density > 0.0 ? 1e6 * sqrt(density) : (double) NAN;
    }
}

static struct axis axis_of(const double *um, uint64_t n)
{
    struct axis axis = {INFINITY, 0.0, "um/sqrt(Hz)", true};

    for (uint64_t f = 0; f < n; f++)
        if (isfinite(um[f])) {
            axis.low = fmin(axis.low, um[f] / 1.5);
            axis.high = fmax(axis.high, um[f] * 1.5);
        }
    if (!(axis.low < axis.high)) {
        axis.low = 1e-3;
        axis.high = 1.0;
    }
    return axis;
}

/* room: [n_freq] frequencies, then [2][n_freq] densities. */
static void draw_plane(struct figure *figure, const struct motion *motion, unsigned plane,
                       double *room)
{
    uint64_t n = motion->row[0].n_freq;
    const double *f_hz = room;
    double *um = room + n;
    struct panel panel = {.box = {100, 60 + 325 * plane, FIGURE_WIDTH - 140, 245},
                          .x = {f_hz[0], f_hz[n - 1], "frequency [Hz]", true}};
    struct series series[MOTION_SIDES] = {
        {"as it was", (int) n, f_hz, um, figure_colours[COLOUR_BLUE], 0, false, 0},
        {"without kicks", (int) n, f_hz, um + n, figure_colours[COLOUR_VERMILION], 0, false,
         0}};

    fill(motion, plane, MOTION_WITH, um);
    fill(motion, plane, MOTION_WITHOUT, um + n);
    panel.y = axis_of(um, 2 * n);
    panel_draw(figure, &panel);
    panel_title(figure, &panel, plane_names[plane]);
    panel_series(figure, &panel, &series[MOTION_WITHOUT]);
    panel_series(figure, &panel, &series[MOTION_WITH]);
    panel_legend(figure, &panel, MOTION_SIDES, series);
}

enum rc spectrum_draw(const struct motion *motion, const char *path)
{
    uint64_t n = motion->row[0].n_freq;
    double *room = calloc(3 * n, sizeof *room);
    struct figure *figure;
    enum rc rc;

    if (!room)
        return err_set(RC_NOMEM, "no memory for a picture");
    for (uint64_t f = 0; f < n; f++)
        room[f] = (double) (f + 1) * motion->row[0].df_hz;
    rc = figure_open(&figure, path);
    for (unsigned plane = 0; plane < 2 && rc == RC_OK; plane++)
        draw_plane(figure, motion, plane, room);
    free(room);
    return rc == RC_OK ? figure_close(figure) : rc;
}
