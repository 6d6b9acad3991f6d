#include "rt/loop/law/energy.h"

#include <math.h>

enum rc law_energy_check(const struct law_energy_settings *s)
{
    if (s->period_ns < 1000000000)
        return err_set(RC_RANGE, "energy.period_s %g: at least 1",
                       1e-9 * (double) s->period_ns);
    if (!(s->gain >= 0.0 && s->gain <= 1.0))
        return err_set(RC_RANGE, "energy.gain %g: 0 to 1 are allowed", s->gain);
    if (!(s->step_hz > 0.0) || !(s->deadband_hz >= 0.0) || !(s->window_hz >= s->step_hz))
        return err_set(
            RC_RANGE,
            "energy.step_hz %g, energy.deadband_hz %g, energy.window_hz %g: step above "
            "0, window at least a step",
            s->step_hz, s->deadband_hz, s->window_hz);
    return RC_OK;
}

/* Four sums side by side: one alone would wait for each addition in turn. */
double law_energy_fit(const double *fit, const double *e, uint64_t n_row)
{
    double sum[4] = {0};
    uint64_t row = 0;

    for (; row + 4 <= n_row; row += 4)
        for (unsigned lane = 0; lane < 4; lane++)
            sum[lane] += fit[row + lane] * e[row + lane];
    for (; row < n_row; row++)
        sum[0] += fit[row] * e[row];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

void law_energy_remove(const double *r, double a_hz, double *e, uint64_t n_row)
{
    for (uint64_t row = 0; row < n_row; row++)
        e[row] -= a_hz * r[row];
}

double law_energy_suggest_hz(const struct law_energy *energy)
{
    return -energy->mean_hz;
}

static RT_SAFE double clamp(double value, double most)
{
    return fmin(fmax(value, -most), most);
}

static RT_SAFE double move(struct law_energy *energy, const struct law_energy_settings *s,
                           double f_now_hz)
{
    double wanted_hz = -s->gain * energy->mean_hz, step_hz, off_hz;

    if (fabs(energy->mean_hz) <= s->deadband_hz)
        return f_now_hz;
    step_hz = clamp(wanted_hz, s->step_hz);
    energy->limited += fabs(step_hz) < fabs(wanted_hz);
    off_hz = f_now_hz + step_hz - energy->centre_hz;
    energy->holds = fabs(off_hz) > s->window_hz;
    return energy->centre_hz + clamp(off_hz, s->window_hz);
}

/* Driving begins where the RF is found, and ends by switching off or opening the loop. */
static RT_SAFE bool is_driving(struct law_energy *energy, const struct law_energy_settings *s,
                               double f_now_hz, bool closed)
{
    if (!s->drive || !closed) {
        energy->driving = 0;
        energy->holds = 0;
        return false;
    }
    if (!energy->driving)
        energy->centre_hz = f_now_hz;
    energy->driving = 1;
    return true;
}

double law_energy_step(struct law_energy *energy, const struct law_energy_settings *s,
                       double a_hz, double f_now_hz, int64_t now_ns, bool closed, bool good)
{
    bool driving = is_driving(energy, s, f_now_hz, closed);

    energy->sum_hz += a_hz;
    energy->n_sum++;
    if (energy->moved_ns == 0) {
        energy->moved_ns = now_ns;
        energy->mean_hz = a_hz;
    }
    if (now_ns - energy->moved_ns < s->period_ns)
        return f_now_hz;
    energy->moved_ns = now_ns;
    energy->mean_hz = energy->sum_hz / (double) energy->n_sum;
    energy->sum_hz = 0.0;
    energy->n_sum = 0;
    if (!driving || energy->holds || !good)
        return f_now_hz;
    return move(energy, s, f_now_hz);
}
