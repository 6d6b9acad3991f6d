#include "io/ctl/sysid/report.h"

#include <math.h>
#include <stdlib.h>

#include "io/ctl/plot/panel.h"
#include "io/ctl/ring/request.h"
#include "io/ctl/ring/table.h"

static bool has_step(const struct study *study)
{
    return study->step.gain > 0 && !study->measure.closed;
}

/* ---- text ---------------------------------------------------------------------------- */

void report_step(FILE *out, const struct study *study)
{
    const struct step_fit *step = &study->step;
    double delay_ms = 1e3 * step->delay_s - study->inputs.cfg.bpm_delay_ms;

    if (!has_step(study)) {
        fprintf(out, "step        not evaluated: %s\n",
                study->measure.closed ? "the law was at work" : "no step was seen");
        return;
    }
    fprintf(out,
            "step        delay %.3g ms with bpm.delay_ms, pole %.3g Hz, gain %.4f, left over "
            "%.2g\n",
            1e3 * step->delay_s, step->pole_hz, step->gain, step->rms);
    fprintf(out, "keys        actuator: {delay_ms: %.3g, pole_hz: %.3g}\n", fmax(0, delay_ms),
            step->pole_hz);
}

void report_transfer(FILE *out, const struct study *study)
{
    const struct transfer_result *t = &study->transfer;

    fprintf(out,
            "direction   %s, %llu levels of %.3g s: in phase %.4f, in quadrature %.4f of the "
            "model's answer, left over %.2g\n",
            study->request.corrector  ? study->request.corrector
            : study->request.vertical ? "a vertical mode"
                                      : "a horizontal mode",
            (unsigned long long) study->measure.slices.n, study->level_s, t->in_phase,
            t->quadrature, t->left);
    report_step(out, study);
}

static bool is_good(const struct study *study, const struct likeness *likeness)
{
    const struct cfg *cfg = &study->inputs.cfg;

    return likeness->correlation >= cfg->check_correlation &&
           likeness->gain >= cfg->check_gain_low && likeness->gain <= cfg->check_gain_high;
}

/* Mean and standard deviation of the gains of a plane. */
static void print_plane(FILE *out, const struct study *study, bool vertical)
{
    double sum = 0, square = 0, worst = 1;
    uint64_t n = 0;

    for (uint64_t k = 0; k < study->estimate.n_used; k++) {
        if ((study->estimate.col[k] >= study->inputs.devices.n_h) != vertical)
            continue;
        sum += study->likeness[k].gain;
        square += study->likeness[k].gain * study->likeness[k].gain;
        worst = fmin(worst, study->likeness[k].correlation);
        n++;
    }
    if (n)
        fprintf(
            out, "%s %llu correctors: gain %.4f +- %.4f, least correlation %.5f\n",
            vertical ? "vertical   " : "horizontal ", (unsigned long long) n, sum / (double) n,
            sqrt(fmax(0, square / (double) n - sum / (double) n * sum / (double) n)), worst);
}

void report_response(FILE *out, const struct study *study, bool all)
{
    const struct estimate *e = &study->estimate;

    fprintf(out,
            "response    %llu levels of %.3g s, %llu correctors; standard error %.3g m/rad, "
            "%.3g %% of the model's rms of %.3g m/rad\n",
            (unsigned long long) study->measure.slices.n, study->level_s,
            (unsigned long long) e->n_used, study->rms_error,
            100 * study->rms_error / study->rms_model, study->rms_model);
    print_plane(out, study, false);
    print_plane(out, study, true);
    for (uint64_t k = 0; k < e->n_used; k++)
        if (all || !is_good(study, &study->likeness[k]))
            fprintf(out, "  %-20s gain %8.4f  correlation %8.5f%s\n", study->name[e->col[k]],
                    study->likeness[k].gain, study->likeness[k].correlation,
                    is_good(study, &study->likeness[k])  ? ""
                    : study->likeness[k].correlation < 0 ? "  WRONG POLARITY"
                                                         : "  BEYOND LIMITS");
}

/* ---- JSON and CSV -------------------------------------------------------------------- */

static json_t *correctors_json(const struct study *study)
{
    const struct estimate *e = &study->estimate;
    json_t *array = json_array();

    for (uint64_t k = 0; k < e->n_used; k++)
        json_array_append_new(
            array, json_pack("{s:s, s:f, s:f, s:f, s:b}", "name", study->name[e->col[k]],
                             "gain", study->likeness[k].gain, "correlation",
                             study->likeness[k].correlation, "standard_error_m_per_rad",
                             e->error[k], "good", is_good(study, &study->likeness[k])));
    return array;
}

json_t *report_json(const struct study *study)
{
    const struct measure *m = &study->measure;
    json_t *root = json_pack("{s:s, s:I, s:f, s:f, s:f, s:I, s:b}", "machine",
                             study->inputs.devices.machine, "levels", (json_int_t) m->slices.n,
                             "level_s", study->level_s, "settle_s", study->settle_s,
                             "amplitude_rad", study->request.amplitude_rad, "records_lost",
                             (json_int_t) m->n_lost, "closed", m->closed);

    if (has_step(study))
        json_object_set_new(
            root, "step",
            json_pack("{s:f, s:f, s:f, s:f, s:o}", "delay_s", study->step.delay_s, "pole_hz",
                      study->step.pole_hz, "gain", study->step.gain, "left_over",
                      study->step.rms, "answer",
                      json_numbers(m->step_value, (uint32_t) m->n_step_bin, 1)));
    if (!study->estimate.n_used)
        json_object_set_new(root, "direction",
                            json_pack("{s:f, s:f, s:f}", "in_phase", study->transfer.in_phase,
                                      "quadrature", study->transfer.quadrature, "left_over",
                                      study->transfer.left));
    if (study->estimate.n_used) {
        json_object_set_new(root, "rms_model_m_per_rad", json_real(study->rms_model));
        json_object_set_new(root, "standard_error_m_per_rad", json_real(study->rms_error));
        json_object_set_new(root, "correctors", correctors_json(study));
    }
    return root;
}

enum rc report_csv(const struct study *study, const char *path)
{
    const struct estimate *e = &study->estimate;
    uint64_t n_bpm = study->inputs.devices.n_bpm;
    FILE *file;
    enum rc rc = output_open(&file, path);

    if (rc != RC_OK)
        return rc;
    fputs("bpm", file);
    for (uint64_t k = 0; k < e->n_used; k++) {
        fputc(',', file);
        csv_name(file, study->name[e->col[k]]);
    }
    for (uint64_t i = 0; i < e->n_row; i++) {
        fprintf(file, "\n%s.%c", study->inputs.devices.bpm[i % n_bpm].name,
                i < n_bpm ? 'x' : 'y');
        for (uint64_t k = 0; k < e->n_used; k++)
            fprintf(file, ",%.17g", e->r[i * e->n_used + k]);
    }
    fputc('\n', file);
    return output_close(file, path);
}

/* ---- picture ------------------------------------------------------------------------- */

enum { LEFT = 100, WIDTH = FIGURE_WIDTH - 140 };

static void draw_step(struct figure *figure, const struct study *study, double *x, double *y)
{
    const struct measure *m = &study->measure;
    struct panel panel = {.box = {LEFT, 60, WIDTH, 240},
                          .x = {0, study->level_s, "time after the set point [s]", false},
                          .y = {-0.2, 1.3, "answer to a step", false}};
    struct series series[2];

    for (uint64_t i = 0; i < m->n_step_bin; i++) {
        double t = ((double) i + 0.5) * m->step_bin_s - study->step.delay_s;

        x[i] = ((double) i + 0.5) * m->step_bin_s;
        y[i] = t > 0 ? -study->step.gain * expm1(-2 * M_PI * study->step.pole_hz * t) : 0;
    }
    series[0] = (struct series){.name = "measured",
                                .n = (int) m->n_step_bin,
                                .x = x,
                                .y = m->step_value,
                                .colour = figure_colours[COLOUR_BLUE],
                                .dots = true};
    series[1] = (struct series){.name = "delay and pole",
                                .n = (int) m->n_step_bin,
                                .x = x,
                                .y = y,
                                .colour = figure_colours[COLOUR_VERMILION]};
    panel_draw(figure, &panel);
    panel_series(figure, &panel, &series[0]);
    if (has_step(study))
        panel_series(figure, &panel, &series[1]);
    panel_legend(figure, &panel, has_step(study) ? 2 : 1, series);
}

static void draw_gains(struct figure *figure, const struct study *study, double *x, double *y)
{
    uint64_t n = study->estimate.n_used;
    struct panel panel = {.box = {LEFT, 390, WIDTH, 240},
                          .x = {0, (double) n + 1, "corrector, H then V", false},
                          .y = {0, 1.6, "gain, correlation", false}};
    struct series series[2];

    for (uint64_t k = 0; k < n; k++) {
        x[k] = (double) k + 1;
        y[k] = study->likeness[k].gain;
        y[n + k] = study->likeness[k].correlation;
    }
    for (int s = 0; s < 2; s++)
        series[s] = (struct series){.name = s ? "correlation" : "gain",
                                    .n = (int) n,
                                    .x = x,
                                    .y = y + (uint64_t) s * n,
                                    .colour = figure_colours[s],
                                    .dots = true};
    panel_draw(figure, &panel);
    panel_series(figure, &panel, &series[0]);
    panel_series(figure, &panel, &series[1]);
    panel_legend(figure, &panel, 2, series);
}

enum rc report_draw(const struct study *study, const char *path)
{
    uint64_t n = study->measure.n_step_bin + 2 * study->estimate.n_used;
    double *x = calloc(n, sizeof *x), *y = calloc(n, sizeof *y);
    struct figure *figure;
    enum rc rc = x && y ? figure_open(&figure, path) : err_set(RC_NOMEM, "no memory to draw");

    if (rc == RC_OK) {
        draw_step(figure, study, x, y);
        if (study->estimate.n_used)
            draw_gains(figure, study, x, y);
        rc = figure_close(figure);
    }
    free(x);
    free(y);
    return rc;
}
