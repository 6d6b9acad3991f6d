#include "io/replay/motion.h"

#include <math.h>
#include <stdlib.h>

enum { SEGMENT = 4096 };

static const double band_hz[MOTION_BANDS + 1] = {0.1, 1.0, 10.0, 60.0, 200.0, 1e6};

/* ---- spectra ---- */

/* Amplitudes of the modes: [n][n_mode]. */
static double *project(const struct window *w, const double *error, unsigned plane)
{
    uint64_t n_row = dims_n_row(&w->dims), n_bpm = w->dims.n_bpm, n_mode = w->n_mode[plane];
    double *amplitude = calloc(w->n * n_mode + 1, sizeof *amplitude);

    for (uint64_t k = 0; amplitude && k < w->n; k++)
        for (uint64_t i = 0; i < n_bpm; i++) {
            double e = error[k * n_row + plane * n_bpm + i];

            for (uint64_t m = 0; m < n_mode; m++)
                amplitude[k * n_mode + m] += w->mode[plane][i * n_mode + m] * e;
        }
    return amplitude;
}

static enum rc analyse_modes(struct motion *motion, unsigned plane, enum motion_side side)
{
    const struct window *w = motion->window;
    double *amplitude = project(w, side == MOTION_WITHOUT ? w->free : w->error, plane);
    enum rc rc = amplitude ? spectra_compute(&motion->mode[plane][side], amplitude, w->n,
                                             w->n_mode[plane], w->fs_hz, SEGMENT)
                           : err_set(RC_NOMEM, "no memory for modes");

    free(amplitude);
    return rc;
}

static enum rc analyse(struct motion *motion)
{
    const struct window *w = motion->window;
    uint64_t n_row = dims_n_row(&w->dims);
    enum rc rc =
        spectra_compute(&motion->row[MOTION_WITH], w->error, w->n, n_row, w->fs_hz, SEGMENT);

    if (rc == RC_OK)
        rc = spectra_compute(&motion->row[MOTION_WITHOUT], w->free, w->n, n_row, w->fs_hz,
                             SEGMENT);
    for (unsigned i = 0; i < 4 && rc == RC_OK; i++)
        rc = analyse_modes(motion, i / 2, (enum motion_side)(i % 2));
    return rc;
}

/* ---- figures ---- */

/* rms over the good BPMs of a plane. */
static double plane_rms(const struct motion *motion, unsigned plane, enum motion_side side,
                        const struct motion_band *band)
{
    uint64_t n_bpm = motion->window->dims.n_bpm;
    double sum = 0.0, count = 0.0;

    for (uint64_t row = plane * n_bpm; row < (plane + 1) * n_bpm; row++)
        if (motion->window->good[row]) {
            double rms = spectra_rms(&motion->row[side], row, band->from_hz, band->to_hz);

            sum += rms * rms;
            count += 1.0;
        }
    return count > 0.0 ? sqrt(sum / count) : 0.0;
}

static void find_bands(struct motion *motion)
{
    double nyquist_hz = motion->window->fs_hz / 2.0;

    for (unsigned i = 0; i < MOTION_BANDS; i++) {
        struct motion_band band = {band_hz[i], fmin(band_hz[i + 1], nyquist_hz), {{0}}};

        if (band.from_hz >= band.to_hz || band.to_hz < motion->row[0].df_hz)
            continue;
        for (unsigned k = 0; k < 4; k++)
            band.rms_m[k / 2][k % 2] =
                plane_rms(motion, k / 2, (enum motion_side)(k % 2), &band);
        motion->band[motion->n_band++] = band;
    }
}

/* Mean square about the mean of one corrector; its use widens motion->use. */
static double watch_corrector(struct motion *motion, uint64_t col)
{
    const struct window *w = motion->window;
    uint64_t n_col = dims_n_col(&w->dims);
    double mean = 0.0, sum = 0.0;

    for (uint64_t k = 0; k < w->n; k++) {
        double u = w->u[k * n_col + col];

        mean += u / (double) w->n;
        sum += u * u / (double) w->n;
        if (isfinite(w->limit[col]) && w->limit[col] > 0.0)
            motion->use = fmax(motion->use, fabs(u) / w->limit[col]);
    }
    return fmax(sum - mean * mean, 0.0);
}

static void find_kicks(struct motion *motion)
{
    const struct orbit_dims *dims = &motion->window->dims;
    const uint64_t n[2] = {dims->n_h, dims->n_v};

    for (uint64_t col = 0; col < n[0] + n[1]; col++)
        motion->kick_rad[col >= n[0]] += watch_corrector(motion, col);
    for (unsigned i = 0; i < 2; i++)
        motion->kick_rad[i] = n[i] ? sqrt(motion->kick_rad[i] / (double) n[i]) : 0.0;
}

/* Squared correlation of x and y at one BPM; NaN: one of them does not move. */
static double correlation(const struct window *w, uint64_t bpm)
{
    uint64_t n_row = dims_n_row(&w->dims), n_bpm = w->dims.n_bpm;
    double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0, n = (double) w->n;

    for (uint64_t k = 0; k < w->n; k++) {
        double a = w->free[k * n_row + bpm], b = w->free[k * n_row + n_bpm + bpm];

        x += a / n;
        y += b / n;
        xx += a * a / n;
        yy += b * b / n;
        xy += a * b / n;
    }
    xx -= x * x;
    yy -= y * y;
    xy -= x * y;
    return xx * yy > 0.0 ? xy * xy / (xx * yy) : (double) NAN;
}

static void find_coupling(struct motion *motion)
{
    const struct window *w = motion->window;
    uint64_t n_bpm = w->dims.n_bpm;

    for (uint64_t i = 0; i < n_bpm; i++) {
        double share = w->good[i] && w->good[n_bpm + i] ? correlation(w, i) : (double) NAN;

        if (isfinite(share)) {
            motion->coupling += share;
            motion->n_coupled++;
        }
    }
    if (motion->n_coupled)
        motion->coupling /= (double) motion->n_coupled;
}

/* ---- interface ---- */

enum rc motion_compute(struct motion *motion, const struct window *window)
{
    enum rc rc;

    *motion = (struct motion){.window = window};
    rc = analyse(motion);
    if (rc != RC_OK) {
        motion_free(motion);
        return rc;
    }
    find_bands(motion);
    find_kicks(motion);
    find_coupling(motion);
    return RC_OK;
}

void motion_free(struct motion *motion)
{
    for (unsigned i = 0; i < 2; i++) {
        spectra_free(&motion->row[i]);
        spectra_free(&motion->mode[i][0]);
        spectra_free(&motion->mode[i][1]);
    }
}

double motion_mode_rms(const struct motion *motion, unsigned plane, enum motion_side side,
                       uint64_t mode)
{
    return spectra_rms(&motion->mode[plane][side], mode, 0.0, band_hz[MOTION_BANDS]);
}

double motion_density(const struct motion *motion, unsigned plane, enum motion_side side,
                      uint64_t f)
{
    const struct spectra *s = &motion->row[side];
    uint64_t n_bpm = motion->window->dims.n_bpm;
    double sum = 0.0, count = 0.0;

    for (uint64_t row = plane * n_bpm; row < (plane + 1) * n_bpm; row++)
        if (motion->window->good[row]) {
            sum += s->power[row * s->n_freq + f];
            count += 1.0;
        }
    return count > 0.0 ? sum / count : 0.0;
}

double motion_db(const double rms_m[MOTION_SIDES])
{
    return rms_m[MOTION_WITHOUT] > 0.0
               ? 20.0 * log10(rms_m[MOTION_WITH] / rms_m[MOTION_WITHOUT])
               : (double) NAN;
}
