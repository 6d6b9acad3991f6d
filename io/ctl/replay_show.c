#include "io/ctl/replay_show.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "io/ctl/plot/panel.h"
#include "io/ctl/plot/ticks.h"
#include "io/ctl/ring/table.h"

const char *const replay_side_names[SIDE_COUNT] = {"no law", "recorded", "law of the run",
                                                   "new law"};

static const char *const plane_names[2] = {"x", "y"};

double replay_attenuation_db(const struct law_trial *trial, enum trial_side side,
                             unsigned plane, uint64_t mode)
{
    double open = trial->side[SIDE_OPEN].mode_m[plane][mode];

    return 20.0 * log10(trial->side[side].mode_m[plane][mode] / open);
}

/* ---- JSON ---- */

static json_t *side_json(const struct law_trial *trial, enum trial_side i)
{
    const struct trial_figures *side = &trial->side[i];

    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "name", replay_side_names[i],
                     "rms_x_m", json_number(side->rms_m[0]), "rms_y_m",
                     json_number(side->rms_m[1]), "kick_h_rad", json_number(side->kick_rad[0]),
                     "kick_v_rad", json_number(side->kick_rad[1]), "use",
                     json_number(side->use), "steps", (json_int_t) side->n_step, "saturated",
                     (json_int_t) side->n_saturated);
}

static json_t *modes_json(const struct law_trial *trial, unsigned plane, uint64_t most)
{
    json_t *modes = json_array();

    for (uint64_t m = 0; m < trial->n_mode[plane] && m < most; m++)
        json_array_append_new(
            modes,
            json_pack("{s:o, s:o, s:o, s:o}", "open_m",
                      json_number(trial->side[SIDE_OPEN].mode_m[plane][m]), "recorded_db",
                      json_number(replay_attenuation_db(trial, SIDE_RECORDED, plane, m)),
                      "old_db", json_number(replay_attenuation_db(trial, SIDE_OLD, plane, m)),
                      "new_db", json_number(replay_attenuation_db(trial, SIDE_NEW, plane, m))));
    return modes;
}

void replay_print_json(const struct law_trial *trial, uint64_t most)
{
    json_t *sides = json_array(), *root;

    for (unsigned i = 0; i < SIDE_COUNT; i++)
        json_array_append_new(sides, side_json(trial, (enum trial_side) i));
    root = json_pack("{s:I, s:I, s:I, s:o, s:{s:o, s:o}}", "records",
                     (json_int_t) trial->n_record, "closed", (json_int_t) trial->n_closed,
                     "frames", (json_int_t) trial->n_frame, "sides", sides, "modes", "x",
                     modes_json(trial, 0, most), "y", modes_json(trial, 1, most));
    json_print(root);
    json_decref(root);
}

/* ---- picture ---- */

enum { CURVES = SIDE_COUNT - 1 }; /* all but no law, which is 0 dB */

static void widen(struct axis *axis, double value)
{
    axis->low = fmin(axis->low, value);
    axis->high = fmax(axis->high, value);
}

/* room: [1 + CURVES][n] mode numbers, then the curves. */
static void draw_plane(struct figure *figure, const struct law_trial *trial, unsigned plane,
                       double *room)
{
    uint64_t n = trial->n_mode[plane];
    struct panel panel = {.box = {100, 60 + 325 * plane, FIGURE_WIDTH - 140, 245},
                          .x = {0, (double) n + 1, "mode", false},
                          .y = {0, 0, "attenuation [dB]", false}};
    struct series series[CURVES];

    for (unsigned c = 0; c < CURVES; c++) {
        double *db = room + (c + 1) * n;

        for (uint64_t m = 0; m < n; m++) {
            room[m] = (double) (m + 1);
            db[m] = replay_attenuation_db(trial, (enum trial_side)(c + 1), plane, m);
            if (isfinite(db[m]))
                widen(&panel.y, db[m]);
        }
        series[c] = (struct series){.name = replay_side_names[c + 1],
                                    .n = (int) n,
                                    .x = room,
                                    .y = db,
                                    .colour = figure_colours[c]};
    }
    ticks_range(&panel.y.low, &panel.y.high, 0.05, 1.0);
    panel_draw(figure, &panel);
    panel_title(figure, &panel, plane_names[plane]);
    for (unsigned c = 0; c < CURVES; c++)
        panel_series(figure, &panel, &series[c]);
    panel_legend(figure, &panel, CURVES, series);
}

enum rc replay_draw(const struct law_trial *trial, const char *path)
{
    uint64_t most = trial->n_mode[trial->n_mode[1] > trial->n_mode[0]];
    double *room = calloc((1 + CURVES) * most + 1, sizeof *room);
    struct figure *figure;
    enum rc rc;

    if (!room)
        return err_set(RC_NOMEM, "no memory for a picture");
    rc = figure_open(&figure, path);
    for (unsigned plane = 0; plane < 2 && rc == RC_OK; plane++)
        if (trial->n_mode[plane])
            draw_plane(figure, trial, plane, room);
    free(room);
    return rc == RC_OK ? figure_close(figure) : rc;
}
