#include "rt/loop/law/terms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rt/loop/law/frequency.h"

/* Terms under construction. */
struct making {
    struct law_terms *terms;
    const struct law_settings *settings;
    const struct law_columns *columns;
};

static bool in_range(double value, double least, double most)
{
    return value >= least && value <= most;
}

static enum rc check_numbers(const struct law_settings *s)
{
    if (!in_range(s->kp, 0.0, 2.0) || !in_range(s->ki, 0.0, 2.0))
        return err_set(RC_RANGE, "law.kp %g, law.ki %g: 0 to 2 are allowed", s->kp, s->ki);
    if (!in_range(s->leak, 0.0, 0.1))
        return err_set(RC_RANGE, "law.leak %g per step: 0 to 0.1 is allowed", s->leak);
    if (!(s->period_s >= 0.0) || !(s->delay_s >= 0.0) || !(s->release >= 0.0) ||
        !(s->rate_limit >= 0.0) || !(s->step_limit >= 0.0))
        return err_set(RC_RANGE, "law: a time or a limit is below 0 or not a number");
    if (s->n_notch > LAW_MAX_NOTCH || s->n_harmonic > LAW_MAX_HARMONIC)
        return err_set(RC_RANGE, "law.notch_hz, law.harmonic_hz: at most %d and %d",
                       LAW_MAX_NOTCH, LAW_MAX_HARMONIC);
    return RC_OK;
}

/* What depends on time needs to know how often the law steps. */
static enum rc check_period(const struct law_settings *s)
{
    bool timed = s->kind == LAW_IMC || s->n_notch > 0 || s->n_harmonic > 0 || s->rate_limit > 0;

    if (timed && !(s->period_s > 0.0))
        return err_set(RC_RANGE, "law.frame_hz: is needed by law.kind imc, notches, harmonics "
                                 "and law.rate_limit_rad_s");
    return RC_OK;
}

static enum rc check_imc(const struct law_settings *s)
{
    double most_hz = 0.5 / (s->period_s > 0.0 ? s->period_s : 1.0);

    if (!in_range(s->bandwidth_hz, 1e-6, most_hz))
        return err_set(RC_RANGE,
                       "law.bandwidth_hz %g: above 0, at most %g, half the law's rate",
                       s->bandwidth_hz, most_hz);
    if (!(s->delay_s / s->period_s < LAW_MAX_DELAY - 1.5))
        return err_set(RC_RANGE,
                       "law.delay_ms %g: more than %d steps of %g ms; raise law.every",
                       1e3 * s->delay_s, LAW_MAX_DELAY - 2, 1e3 * s->period_s);
    return RC_OK;
}

static double pole_hz(const struct law_columns *c, uint64_t j)
{
    return c->pole_hz ? c->pole_hz[j] : 0.0;
}

static bool is_driven(const struct law_columns *c, uint64_t j)
{
    return !c->driven || c->driven[j];
}

static enum rc make_lead(const struct making *m, uint64_t j)
{
    const struct law_settings *s = m->settings;
    double pole = pole_hz(m->columns, j), a;

    m->terms->a[j] = 0.0;
    m->terms->lead[j] = 1.0 - m->terms->b;
    if (s->kind != LAW_IMC || !is_driven(m->columns, j) || !(pole > 0.0))
        return RC_OK;
    a = exp(-2.0 * M_PI * pole * s->period_s);
    if (!(1.0 / (1.0 - a) <= s->lead_max))
        return err_set(
            RC_RANGE,
            "law.lead_max %g: corrector %llu with %g Hz at %g steps/s needs a lead of "
            "%.3g; raise law.every, or law.lead_max and bear the noise",
            s->lead_max, (unsigned long long) j, pole, 1.0 / s->period_s, 1.0 / (1.0 - a));
    m->terms->a[j] = a;
    m->terms->lead[j] = (1.0 - m->terms->b) / (1.0 - a);
    return RC_OK;
}

static enum rc make_column(const struct making *m, uint64_t j)
{
    const struct law_columns *c = m->columns;
    const struct law_settings *s = m->settings;
    double gain = c->gain ? c->gain[j] : 1.0, limit = s->step_limit;

    if (!in_range(gain, 0.0, 2.0))
        return err_set(RC_RANGE, "law.gain_h, law.gain_v: %g, 0 to 2 are allowed", gain);
    if (!(c->lower[j] <= c->upper[j]))
        return err_set(RC_RANGE, "corrector %llu: its lower limit %g is not below its upper %g",
                       (unsigned long long) j, c->lower[j], c->upper[j]);
    if (s->rate_limit > 0.0 && !(limit > 0.0 && limit < s->rate_limit * s->period_s))
        limit = s->rate_limit * s->period_s;
    m->terms->gain[j] = gain;
    m->terms->driven[j] = is_driven(c, j) ? 1.0 : 0.0;
    m->terms->lower[j] = c->lower[j];
    m->terms->upper[j] = c->upper[j];
    m->terms->step_limit[j] = limit > 0.0 ? limit : (double) INFINITY;
    m->terms->per_limit[j] = limit > 0.0 ? 1.0 / limit : 0.0;
    return make_lead(m, j);
}

/* Bilinear, with the frequency kept: (s^2 + depth B s + w^2)/(s^2 + B s + w^2). */
static enum rc make_notch(const struct making *m, uint64_t k)
{
    const struct law_notch *n = &m->settings->notch[k];
    double fs = 1.0 / m->settings->period_s, w, alpha, a0;

    if (!in_range(n->f_hz, 1e-6, 0.49 * fs) || !in_range(n->width_hz, 1e-6, 0.49 * fs) ||
        !in_range(n->depth, 0.0, 1.0))
        return err_set(RC_RANGE,
                       "law.notch_hz %g, width %g, depth %g: frequencies above 0 and below %g "
                       "Hz, depth 0 to 1",
                       n->f_hz, n->width_hz, n->depth, 0.49 * fs);
    w = 2.0 * M_PI * n->f_hz / fs;
    alpha = sin(w) * n->width_hz / (2.0 * n->f_hz);
    a0 = 1.0 + alpha;
    m->terms->notch[k] = (struct law_biquad){.b0 = (1.0 + n->depth * alpha) / a0,
                                             .b1 = -2.0 * cos(w) / a0,
                                             .b2 = (1.0 - n->depth * alpha) / a0,
                                             .a1 = -2.0 * cos(w) / a0,
                                             .a2 = (1.0 - alpha) / a0};
    return RC_OK;
}

/* The mean of the driven correctors' poles stands for all of them. */
static double mean_pole_hz(const struct law_columns *c)
{
    double sum = 0.0, n = 0.0;

    for (uint64_t j = 0; j < c->n_col; j++) {
        if (is_driven(c, j) && pole_hz(c, j) > 0.0) {
            sum += pole_hz(c, j);
            n += 1.0;
        }
    }
    return n > 0.0 ? sum / n : 0.0;
}

/* Beside a law that already closes the loop, a suppressor acts through Q = G S. Near its
 * frequency its amplitude moves by -g |Q|/2 of itself per step when its phase undoes that of Q.
 */
static enum rc make_harmonic(const struct making *m, uint64_t h, double complex seen)
{
    const struct law_harmonic *f = &m->settings->harmonic[h];
    double period_s = m->settings->period_s, w = 2.0 * M_PI * f->f_hz * period_s;

    if (!in_range(f->f_hz, 1e-6, 0.4 / period_s) || !in_range(f->width_hz, 1e-6, 0.1 * f->f_hz))
        return err_set(
            RC_RANGE,
            "law.harmonic_hz %g, width %g: above 0 and below %g Hz, the width at most "
            "a tenth of it",
            f->f_hz, f->width_hz, 0.4 / period_s);
    m->terms->harmonic[h] =
        (struct law_resonator){.turn = {cos(w), sin(w)},
                               .phase = {cos(-carg(seen)), sin(-carg(seen))},
                               .gain = 2.0 * 2.0 * M_PI * f->width_hz * period_s / cabs(seen)};
    return RC_OK;
}

static enum rc make_harmonics(const struct making *m)
{
    const struct law_settings *s = m->settings;
    struct law_plant plant = {.delay_s = s->delay_s, .gain = 1.0, .average = 1};
    double pole = mean_pole_hz(m->columns), fs = 1.0 / s->period_s;
    enum rc rc = pole > 0.0 && s->n_harmonic ? law_plant_add_pole(&plant, pole) : RC_OK;
    uint64_t some = 0;

    while (some + 1 < m->columns->n_col && !(m->terms->driven[some] > 0.0))
        some++;
    m->terms->n_harmonic = 0; /* Q is that of the law and the notches alone */
    for (uint64_t h = 0; h < s->n_harmonic && rc == RC_OK; h++) {
        double f_hz = s->harmonic[h].f_hz;
        double complex seen = law_plant_response(&plant, f_hz, fs) *
                              law_sensitivity(m->terms, some, &plant, f_hz, fs);

        for (uint64_t k = 0; k < m->terms->n_notch; k++)
            seen *= law_notch_response(m->terms, k, f_hz, fs);
        rc = make_harmonic(m, h, seen);
    }
    m->terms->n_harmonic = s->n_harmonic;
    return rc;
}

static void make_common(struct law_terms *terms, const struct law_settings *s, uint64_t n_col)
{
    terms->n_col = n_col;
    terms->n_block = 1;
    terms->block[0] = (struct law_span){.n_col = n_col};
    terms->kind = s->kind;
    terms->kp = s->kp;
    terms->ki = s->ki;
    terms->leak = s->leak;
    terms->period_s = s->period_s;
    terms->release = s->release;
    terms->n_notch = s->n_notch;
    if (s->kind == LAW_IMC) {
        terms->b = exp(-2.0 * M_PI * s->bandwidth_hz * s->period_s);
        terms->d = (uint64_t) (s->delay_s / s->period_s + 0.5);
    }
}

static enum rc check(const struct law_settings *s, uint64_t n_col)
{
    enum rc rc = check_numbers(s);

    if (rc == RC_OK && (n_col < 1 || n_col > LAW_MAX_COL))
        rc = err_set(RC_RANGE, "law: %llu columns, 1 to %d are allowed",
                     (unsigned long long) n_col, LAW_MAX_COL);
    if (rc == RC_OK)
        rc = check_period(s);
    return rc == RC_OK && s->kind == LAW_IMC ? check_imc(s) : rc;
}

enum rc law_terms_make(struct law_terms *terms, const struct law_settings *settings,
                       const struct law_columns *columns)
{
    struct law_terms *made = calloc(1, sizeof *made);
    struct making m = {.terms = made, .settings = settings, .columns = columns};
    enum rc rc = made ? check(settings, columns->n_col)
                      : err_set(RC_NOMEM, "no memory for the law's terms");

    if (rc == RC_OK)
        make_common(made, settings, columns->n_col);
    for (uint64_t j = 0; j < columns->n_col && rc == RC_OK; j++)
        rc = make_column(&m, j);
    for (uint64_t k = 0; k < settings->n_notch && rc == RC_OK; k++)
        rc = make_notch(&m, k);
    if (rc == RC_OK)
        rc = make_harmonics(&m);
    if (rc == RC_OK)
        *terms = *made;
    free(made);
    return rc;
}

enum rc law_terms_blocks(struct law_terms *terms, const struct law_span *block,
                         uint64_t n_block)
{
    if (n_block < 1 || n_block > LAW_MAX_BLOCK)
        return err_set(RC_RANGE, "law: %llu blocks, 1 to %d are allowed",
                       (unsigned long long) n_block, LAW_MAX_BLOCK);
    for (uint64_t b = 0; b < n_block; b++)
        if (block[b].col0 > terms->n_col || block[b].n_col > terms->n_col - block[b].col0)
            return err_set(RC_RANGE, "law: block %llu reaches beyond %llu columns",
                           (unsigned long long) b, (unsigned long long) terms->n_col);
    terms->n_block = n_block;
    memcpy(terms->block, block, n_block * sizeof *block);
    return RC_OK;
}
