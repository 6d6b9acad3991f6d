#include "bench/ring/disturbance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/plant/random.h"

enum { N_LINE = 2, N_DRIFT = 6, N_PATTERN = N_LINE + N_DRIFT };

static const double line_hz = 50;
static const double shortest_drift_s = 20, longest_drift_s = 1000;

struct disturbance {
    uint32_t rows;
    double *pattern;        /* [N_PATTERN][rows], each plane of rms 1 */
    double wander[N_DRIFT]; /* standard deviation 1 in the long run */
    struct random random;
};

enum rc disturbance_create(struct disturbance **disturbance, struct machine *machine,
                           uint64_t seed)
{
    struct disturbance *d = calloc(1, sizeof *d);
    enum rc rc = RC_OK;

    if (!d)
        return err_set(RC_NOMEM, "no memory for disturbances");
    d->rows = 2 * machine_bpms(machine);
    random_seed(&d->random, seed);
    d->pattern = calloc((size_t) N_PATTERN * d->rows, sizeof *d->pattern);
    if (!d->pattern)
        rc = err_set(RC_NOMEM, "no memory for disturbances");
    for (uint32_t k = 0; !rc && k < N_PATTERN; k++)
        rc = machine_pattern(machine, k, d->pattern + (size_t) k * d->rows);
    if (rc)
        disturbance_destroy(d);
    else
        *disturbance = d;
    return rc;
}

void disturbance_destroy(struct disturbance *disturbance)
{
    if (!disturbance)
        return;
    free(disturbance->pattern);
    free(disturbance);
}

static void wander(struct disturbance *d, double dt_s)
{
    double ratio = pow(longest_drift_s / shortest_drift_s, 1.0 / (N_DRIFT - 1));
    double tau_s = shortest_drift_s;

    for (uint32_t k = 0; k < N_DRIFT; k++) {
        double keep = exp(-dt_s / tau_s);

        d->wander[k] = keep * d->wander[k] + sqrt(1 - keep * keep) * random_normal(&d->random);
        tau_s *= ratio;
    }
}

void disturbance_add(struct disturbance *disturbance, double t_s, double dt_s, double line_m,
                     double drift_m, double *position_m)
{
    double phase = 2 * M_PI * fmod(line_hz * t_s, 1);
    double amplitude[N_PATTERN] = {line_m * cos(phase), line_m * sin(phase)};

    wander(disturbance, dt_s);
    for (uint32_t k = 0; k < N_DRIFT; k++)
        amplitude[N_LINE + k] = drift_m * disturbance->wander[k] / sqrt(N_DRIFT);
    for (uint32_t k = 0; k < N_PATTERN; k++) {
        const double *pattern = disturbance->pattern + (size_t) k * disturbance->rows;

        for (uint32_t i = 0; i < disturbance->rows; i++)
            position_m[i] += amplitude[k] * pattern[i];
    }
}

void disturbance_reset(struct disturbance *disturbance)
{
    memset(disturbance->wander, 0, sizeof disturbance->wander);
}
