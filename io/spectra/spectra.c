#include "io/spectra/spectra.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <fftw3.h>

enum { LEAST_SAMPLES = 16 };

struct transform {
    uint64_t n;
    double *in, *hann, hann_square; /* sum of squares */
    fftw_complex *out;
    fftw_plan plan;
};

static void end_transform(struct transform *t)
{
    if (t->plan)
        fftw_destroy_plan(t->plan);
    fftw_free(t->in);
    fftw_free(t->out);
    free(t->hann);
}

static enum rc begin_transform(struct transform *t, uint64_t n)
{
    *t = (struct transform){.n = n};
    t->in = fftw_malloc(n * sizeof *t->in);
    t->out = fftw_malloc((n / 2 + 1) * sizeof *t->out);
    t->hann = malloc(n * sizeof *t->hann);
    if (t->in && t->out && t->hann)
        t->plan = fftw_plan_dft_r2c_1d((int) n, t->in, t->out, FFTW_ESTIMATE);
    if (!t->plan) {
        end_transform(t);
        return err_set(RC_NOMEM, "no memory for a transform of %lu samples", n);
    }
    for (uint64_t k = 0; k < n; k++) {
        t->hann[k] = 0.5 - 0.5 * cos(2.0 * M_PI * ((double) k + 0.5) / (double) n);
        t->hann_square += t->hann[k] * t->hann[k];
    }
    return RC_OK;
}

/* Adds |X|^2 of one segment, without its mean. */
static void add_segment(struct transform *t, const double *first, uint64_t stride,
                        double *power)
{
    double mean = 0.0;

    for (uint64_t k = 0; k < t->n; k++)
        mean += first[k * stride] / (double) t->n;
    for (uint64_t k = 0; k < t->n; k++)
        t->in[k] = t->hann[k] * (first[k * stride] - mean);
    fftw_execute(t->plan);
    for (uint64_t f = 1; f <= t->n / 2; f++)
        power[f - 1] += t->out[f][0] * t->out[f][0] + t->out[f][1] * t->out[f][1];
}

static uint64_t segment_length(uint64_t n, uint64_t most)
{
    uint64_t length = LEAST_SAMPLES;

    while (2 * length <= n && 2 * length <= most)
        length *= 2;
    return length;
}

enum rc spectra_compute(struct spectra *self, const double *signal, uint64_t n,
                        uint64_t n_signal, double fs_hz, uint64_t most)
{
    uint64_t length = segment_length(n, most), half = length / 2;
    struct transform t;
    enum rc rc;

    *self = (struct spectra){.n_signal = n_signal, .n_freq = half};
    if (n < LEAST_SAMPLES || !(fs_hz > 0.0))
        return err_set(RC_RANGE, "%lu samples at %g Hz are too few for a spectrum", n, fs_hz);
    rc = begin_transform(&t, length);
    if (rc != RC_OK)
        return rc;
    self->df_hz = fs_hz / (double) length;
    self->n_average = (n - length) / half + 1;
    self->power = calloc(n_signal * half, sizeof *self->power);
    for (uint64_t s = 0; self->power && s < n_signal; s++) {
        double *power = self->power + s * half;
        double scale = 2.0 / (fs_hz * t.hann_square * (double) self->n_average);

        for (uint64_t i = 0; i < self->n_average; i++)
            add_segment(&t, signal + i * half * n_signal + s, n_signal, power);
        for (uint64_t f = 0; f < half; f++)
            power[f] *= f + 1 == half ? 0.5 * scale : scale;
    }
    end_transform(&t);
    return self->power ? RC_OK : err_set(RC_NOMEM, "no memory for %lu spectra", n_signal);
}

void spectra_free(struct spectra *self)
{
    free(self->power);
    *self = (struct spectra){0};
}

double spectra_rms(const struct spectra *self, uint64_t signal, double from_hz, double to_hz)
{
    const double *power = self->power + signal * self->n_freq;
    double sum = 0.0;

    for (uint64_t f = 0; f < self->n_freq; f++) {
        double at_hz = (double) (f + 1) * self->df_hz;

        if (at_hz >= from_hz && at_hz <= to_hz)
            sum += power[f] * self->df_hz;
    }
    return sqrt(sum);
}
