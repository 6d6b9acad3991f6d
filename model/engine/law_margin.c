#include "model/engine/law_margin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/law_cfg.h"

/* ---- the law's terms as a rational function ------------------------------------------ */

static enum rc imc_transfer(struct transfer *out, const struct law_terms *terms, uint64_t col)
{
    double num[2] = {terms->lead[col], -terms->lead[col] * terms->a[col]};
    double den[LAW_MAX_DELAY + 2] = {1.0, -terms->b};

    den[terms->d + 1] -= (1.0 - terms->b) * (1.0 - terms->leak);
    return transfer_make(out, num, 2, den, (unsigned) terms->d + 2);
}

static enum rc add_resonator(struct transfer *out, const struct law_resonator *r)
{
    double next = r->turn.re * r->phase.re + r->turn.im * r->phase.im;
    double num[2] = {r->gain * r->phase.re, -r->gain * next};
    double den[3] = {1.0, -2.0 * r->turn.re, 1.0};
    struct transfer beside;
    enum rc rc = transfer_make(&beside, num, 2, den, 3);

    return rc == RC_OK ? transfer_add(out, out, &beside) : rc;
}

static enum rc times_notch(struct transfer *out, const struct law_biquad *q)
{
    double num[3] = {q->b0, q->b1, q->b2}, den[3] = {1.0, q->a1, q->a2};
    struct transfer notch;
    enum rc rc = transfer_make(&notch, num, 3, den, 3);

    return rc == RC_OK ? transfer_multiply(out, out, &notch) : rc;
}

enum rc law_margin_transfer(struct transfer *out, const struct law_terms *terms, uint64_t col)
{
    enum rc rc = RC_OK;

    if (terms->kind == LAW_IMC)
        rc = imc_transfer(out, terms, col);
    else
        *out = transfer_pi(terms->kp, terms->ki, terms->leak);
    for (uint64_t h = 0; h < terms->n_harmonic && rc == RC_OK; h++)
        rc = add_resonator(out, &terms->harmonic[h]);
    for (uint64_t k = 0; k < terms->n_notch && rc == RC_OK; k++)
        rc = times_notch(out, &terms->notch[k]);
    for (unsigned i = 0; i < out->n_num && rc == RC_OK; i++)
        out->num[i] *= terms->gain[col];
    return rc;
}

/* ---- loops --------------------------------------------------------------------------- */

/* One column a plane. */
static enum rc make_terms(struct law_terms *terms, const struct cfg *cfg)
{
    const double low[LAW_MARGIN_PLANES] = {-INFINITY, -INFINITY};
    const double high[LAW_MARGIN_PLANES] = {INFINITY, INFINITY};
    const double pole_hz[LAW_MARGIN_PLANES] = {cfg->actuator_pole_hz, cfg->actuator_pole_hz};
    const double gain[LAW_MARGIN_PLANES] = {cfg->law_gain_h, cfg->law_gain_v};
    struct law_settings settings = law_from_cfg(cfg);
    struct law_columns columns = {.n_col = LAW_MARGIN_PLANES,
                                  .lower = low,
                                  .upper = high,
                                  .pole_hz = pole_hz,
                                  .gain = gain};

    return law_terms_make(terms, &settings, &columns);
}

static enum rc make_loops(struct margin_loop *loop, const struct law_terms *terms,
                          const struct cfg *cfg)
{
    double frame_hz = cfg->law_frame_hz > 0 ? cfg->law_frame_hz : cfg->loop_rate_hz;
    struct plant plant = {.delay_s = 1e-3 * (law_actuator_delay_ms(cfg) + cfg->bpm_delay_ms),
                          .pole_hz = cfg->actuator_pole_hz,
                          .period_s = (double) cfg->law_every / frame_hz,
                          .average = (unsigned) cfg->law_every};
    struct transfer law, machine;
    enum rc rc = transfer_plant(&machine, &plant);

    for (uint64_t i = 0; i < LAW_MARGIN_PLANES && rc == RC_OK; i++) {
        rc = law_margin_transfer(&law, terms, i);
        if (rc == RC_OK)
            rc = margin_loop_create(&loop[i], &law, &machine, plant.period_s);
    }
    return rc;
}

enum rc law_margin_create(struct margin_loop loop[LAW_MARGIN_PLANES], const struct cfg *cfg)
{
    struct law_terms *terms = calloc(1, sizeof *terms);
    enum rc rc = terms ? make_terms(terms, cfg) : err_set(RC_NOMEM, "no memory for a law");

    memset(loop, 0, LAW_MARGIN_PLANES * sizeof *loop);
    if (rc == RC_OK)
        rc = make_loops(loop, terms, cfg);
    if (rc != RC_OK)
        law_margin_free(loop);
    free(terms);
    return rc;
}

void law_margin_free(struct margin_loop loop[LAW_MARGIN_PLANES])
{
    for (int i = 0; i < LAW_MARGIN_PLANES; i++)
        margin_loop_free(&loop[i]);
}

/* ---- judgement ----------------------------------------------------------------------- */

struct margin_need law_margin_need(const struct cfg *cfg)
{
    return (struct margin_need){.gain = cfg->margin_gain,
                                .phase_rad = cfg->margin_phase_deg * M_PI / 180,
                                .peak = cfg->margin_peak};
}

void law_margin_text(const struct margin *margin, char *text, size_t size)
{
    if (margin->stable)
        snprintf(text, size, "gain %.3g, phase %.3g deg, peak of the sensitivity %.3g",
                 margin->gain, margin->phase_rad * 180 / M_PI, margin->peak);
    else
        snprintf(text, size, "unstable");
}

static enum rc refuse(const struct cfg *cfg, int plane, const struct margin *margin)
{
    char text[160];

    law_margin_text(margin, text, sizeof text);
    return err_set(
        RC_RANGE,
        "law, %s: no margin even on a machine as its model says: %s; needed are gain "
        "%.3g, phase %.3g deg, peak %.3g (margin.*; orbitctl loop design shows more)",
        plane ? "vertical" : "horizontal", text, cfg->margin_gain, cfg->margin_phase_deg,
        cfg->margin_peak);
}

enum rc law_margin_check(const struct cfg *cfg)
{
    struct margin_need need = law_margin_need(cfg);
    struct margin_loop loop[LAW_MARGIN_PLANES];
    enum rc rc;

    if (!cfg->margin_required)
        return RC_OK;
    rc = law_margin_create(loop, cfg);
    if (rc != RC_OK)
        return rc;
    for (int i = 0; i < LAW_MARGIN_PLANES && rc == RC_OK; i++) {
        struct margin margin = margin_of(&loop[i], 1.0, false);

        if (!margin_is_enough(&margin, &need))
            rc = refuse(cfg, i, &margin);
    }
    law_margin_free(loop);
    return rc;
}
