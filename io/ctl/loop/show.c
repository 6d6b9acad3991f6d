#include "io/ctl/loop/show.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "io/ctl/plot/panel.h"
#include "io/ctl/ring/table.h"
#include "model/engine/law_cfg.h"
#include "model/engine/law_margin.h"

static const double degrees = 180 / M_PI;

/* ---- text ---------------------------------------------------------------------------- */

static void print_law(FILE *out, const struct design *design)
{
    const struct cfg *cfg = &design->inputs.cfg;
    double period_s = design->loop[0].period_s;

    if (cfg->law_kind == 1)
        fprintf(out, "law         internal model control, %.4g Hz", cfg->law_bandwidth_hz);
    else
        fprintf(out, "law         velocity PI, kp %.4g, ki %.4g per step", cfg->law_kp,
                cfg->law_ki);
    fprintf(out, "; a step of %.6g ms takes the mean of %lld frames\n", 1e3 * period_s,
            (long long) cfg->law_every);
    fprintf(out, "machine     delay %.4g ms, pole %.4g Hz\n",
            law_actuator_delay_ms(cfg) + cfg->bpm_delay_ms, cfg->actuator_pole_hz);
    fprintf(out, "demanded    gain margin %.3g, phase margin %.3g deg, peak of |S| %.3g\n",
            design->need.gain, design->need.phase_rad * degrees, design->need.peak);
}

static void print_mode(FILE *out, const struct design_plane *plane, uint32_t m)
{
    fprintf(out, "  %5u %14.6g %10.4f %14.4g %10.3f\n", m + 1, plane->mode[m].singular,
            plane->mode[m].gain, plane->margin[m].bandwidth_hz, plane->margin[m].peak);
}

/* The first ones, some in between, the last: enough to see how the law fades. */
static void print_modes(FILE *out, const struct design_plane *plane)
{
    enum { SHOWN = 12 };

    fprintf(out, "  %5s %14s %10s %14s %10s\n", "mode", "singular m/rad", "gain",
            "bandwidth Hz", "peak |S|");
    for (uint32_t k = 0; k < SHOWN && k < plane->n_mode; k++)
        print_mode(out, plane,
                   plane->n_mode <= SHOWN ? k : k * (plane->n_mode - 1) / (SHOWN - 1));
}

static void print_mismatch(FILE *out, const struct design_plane *plane)
{
    for (int kind = 0; kind < MISMATCH_KINDS; kind++) {
        const struct design_mismatch *m = &plane->mismatch[kind];

        if (m->n_trial == 0)
            continue;
        fprintf(out, "  mismatch  %s %g: stable in %u of %u machines",
                mismatch_name((enum mismatch_kind) kind), m->size, m->n_stable, m->n_trial);
        if (m->n_stable)
            fprintf(out, ", peak of |S| up to %.3g", m->worst_peak);
        if (m->n_never)
            fprintf(out, "; %u with a mode of the wrong sign, unstable for any gain",
                    m->n_never);
        fprintf(out, "\n");
    }
}

static void print_plane(FILE *out, const struct design *design, int which)
{
    const struct design_plane *plane = &design->plane[which];
    const struct stability *nominal = &plane->nominal;
    char text[160];

    law_margin_text(&nominal->margin, text, sizeof text);
    fprintf(out, "\n%s  %u BPMs x %u correctors, ", which ? "vertical  " : "horizontal",
            plane->n_row, plane->n_col);
    if (design->request.modes)
        fprintf(out, "truncated to %u modes\n", design->request.modes);
    else
        fprintf(out, "Tikhonov %.4g m/rad\n",
                which ? design->inputs.cfg.inverse_mu_v_m_per_rad
                      : design->inputs.cfg.inverse_mu_h_m_per_rad);
    fprintf(out, "  margins   %s at %.4g Hz", text, nominal->margin.peak_hz);
    if (nominal->n_unstable)
        fprintf(out, "; %u of %u modes unstable, eigenvalue %.3g%+.3gi", nominal->n_unstable,
                nominal->n_mode, creal(nominal->worst), cimag(nominal->worst));
    fprintf(out,
            "\n  noise     1 um of BPM noise moves a corrector by %.3g urad rms in one "
            "full correction, %.3g urad in closed loop\n",
            plane->noise_static, plane->noise_closed);
    print_mismatch(out, plane);
    print_modes(out, plane);
}

void design_print(FILE *out, const struct design *design)
{
    print_law(out, design);
    for (int which = 0; which < DESIGN_PLANES; which++)
        if (design->plane[which].n_col)
            print_plane(out, design, which);
    fprintf(out, "\n%s\n",
            design->enough ? "good: margins as demanded"
                           : "REFUSED: no margin; lower law.ki or law.bandwidth_hz, raise "
                             "inverse.mu_*, or keep fewer modes");
}

/* ---- JSON ---------------------------------------------------------------------------- */

static json_t *margin_json(const struct margin *margin)
{
    return json_pack("{s:b, s:f, s:f, s:o, s:f, s:f}", "stable", margin->stable, "gain",
                     margin->gain, "phase_deg", margin->phase_rad * degrees, "peak",
                     json_number(margin->peak), "peak_hz", margin->peak_hz, "bandwidth_hz",
                     margin->bandwidth_hz);
}

static json_t *modes_json(const struct design_plane *plane)
{
    json_t *modes = json_array();

    for (uint32_t m = 0; m < plane->n_mode; m++)
        json_array_append_new(modes,
                              json_pack("{s:f, s:f, s:f, s:o}", "singular_m_per_rad",
                                        plane->mode[m].singular, "gain", plane->mode[m].gain,
                                        "bandwidth_hz", plane->margin[m].bandwidth_hz, "peak",
                                        json_number(plane->margin[m].peak)));
    return modes;
}

static json_t *mismatch_json(const struct design_plane *plane)
{
    json_t *object = json_object();

    for (int kind = 0; kind < MISMATCH_KINDS; kind++) {
        const struct design_mismatch *m = &plane->mismatch[kind];

        if (m->n_trial)
            json_object_set_new(object, mismatch_name((enum mismatch_kind) kind),
                                json_pack("{s:f, s:i, s:i, s:i, s:f, s:f}", "size", m->size,
                                          "machines", (int) m->n_trial, "stable",
                                          (int) m->n_stable, "unstable_for_any_gain",
                                          (int) m->n_never, "worst_peak", m->worst_peak,
                                          "least_real_part", m->least_real));
    }
    return object;
}

static json_t *plane_json(const struct design_plane *plane)
{
    json_t *eigenvalues = json_array();

    for (uint32_t j = 0; j < plane->n_col; j++)
        json_array_append_new(
            eigenvalues, json_pack("[f, f]", creal(plane->lambda[j]), cimag(plane->lambda[j])));
    return json_pack("{s:i, s:i, s:o, s:i, s:f, s:f, s:o, s:o, s:o, s:b}", "bpms",
                     (int) plane->n_row, "correctors", (int) plane->n_col, "margins",
                     margin_json(&plane->nominal.margin), "unstable_modes",
                     (int) plane->nominal.n_unstable, "noise_static_urad_per_um",
                     plane->noise_static, "noise_closed_urad_per_um", plane->noise_closed,
                     "mismatch", mismatch_json(plane), "modes", modes_json(plane),
                     "eigenvalues", eigenvalues, "good", plane->enough);
}

void design_print_json(const struct design *design)
{
    json_t *root =
        json_pack("{s:f, s:{s:f, s:f, s:f}}", "law_period_s", design->loop[0].period_s,
                  "demanded", "gain", design->need.gain, "phase_deg",
                  design->need.phase_rad * degrees, "peak", design->need.peak);

    for (int which = 0; which < DESIGN_PLANES; which++)
        if (design->plane[which].n_col)
            json_object_set_new(root, which ? "vertical" : "horizontal",
                                plane_json(&design->plane[which]));
    json_object_set_new(root, "good", json_boolean(design->enough));
    json_print(root);
    json_decref(root);
}

/* ---- picture ------------------------------------------------------------------------- */

enum { CURVES = 3 };

static void draw_plane(struct figure *figure, const struct design *design, int which,
                       struct panel *panel, double *s)
{
    static const char *const names[CURVES] = {"strongest mode", "middle", "weakest"};
    const struct design_plane *plane = &design->plane[which];
    const struct margin_loop *loop = &design->loop[which];
    const uint32_t shown[CURVES] = {0, plane->n_mode / 2, plane->n_mode - 1};
    struct series series[CURVES];

    panel_draw(figure, panel);
    panel_title(figure, panel, which ? "vertical" : "horizontal");
    for (int c = 0; c < CURVES; c++) {
        series[c] = (struct series){.name = names[c],
                                    .n = (int) loop->n,
                                    .x = loop->f_hz,
                                    .y = s + (size_t) c * loop->n,
                                    .colour = figure_colours[c]};
        margin_sensitivity(loop, plane->mode[shown[c]].gain, s + (size_t) c * loop->n);
        panel_series(figure, panel, &series[c]);
    }
    panel_legend(figure, panel, CURVES, series);
}

enum rc design_draw(const struct design *design, const char *path)
{
    const struct margin_loop *loop = &design->loop[0];
    double *s = calloc((size_t) CURVES * loop->n, sizeof *s);
    struct panel panel = {
        .x = {1e-4 * loop->f_hz[loop->n - 1], loop->f_hz[loop->n - 1], "frequency [Hz]", true},
        .y = {1e-3, 5, "|S|", true}};
    struct figure *figure;
    enum rc rc;

    if (!s)
        return err_set(RC_NOMEM, "no memory for a picture");
    rc = figure_open(&figure, path);
    for (int which = 0; which < DESIGN_PLANES && rc == RC_OK; which++) {
        panel.box = (struct box){100, 60 + 325 * which, FIGURE_WIDTH - 140, 245};
        if (design->plane[which].n_col)
            draw_plane(figure, design, which, &panel, s);
    }
    free(s);
    return rc == RC_OK ? figure_close(figure) : rc;
}
