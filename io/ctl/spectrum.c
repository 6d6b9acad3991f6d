/* orbitctl spectrum: how the beam moves, per plane and mode, with the correctors and without.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"
#include "io/replay/window.h"
#include "io/spectra/spectra.h"

enum { PATH_SIZE = CFG_PATH_SIZE + 300, SEGMENT = 4096, BANDS = 5, MODES_SHOWN = 12 };

static const double band_hz[BANDS + 1] = {0.1, 1.0, 10.0, 60.0, 200.0, 1e6};

/* Errors and errors without kicks of all BPMs; amplitudes of the modes of both planes. */
struct analysis {
    const struct window *w;
    struct spectra row[2], mode[2][2]; /* [with, without kicks]; [plane][...] */
};

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

static enum rc analyse_modes(struct analysis *a, unsigned plane, unsigned without)
{
    const struct window *w = a->w;
    double *amplitude = project(w, without ? w->free : w->error, plane);
    enum rc rc = amplitude ? spectra_compute(&a->mode[plane][without], amplitude, w->n,
                                             w->n_mode[plane], w->fs_hz, SEGMENT)
                           : err_set(RC_NOMEM, "no memory for modes");

    free(amplitude);
    return rc;
}

static enum rc analyse(struct analysis *a)
{
    const struct window *w = a->w;
    uint64_t n_row = dims_n_row(&w->dims);
    enum rc rc = spectra_compute(&a->row[0], w->error, w->n, n_row, w->fs_hz, SEGMENT);

    if (rc == RC_OK)
        rc = spectra_compute(&a->row[1], w->free, w->n, n_row, w->fs_hz, SEGMENT);
    for (unsigned i = 0; i < 4 && rc == RC_OK; i++)
        rc = analyse_modes(a, i / 2, i % 2);
    return rc;
}

static void free_analysis(struct analysis *a)
{
    for (unsigned i = 0; i < 2; i++) {
        spectra_free(&a->row[i]);
        spectra_free(&a->mode[i][0]);
        spectra_free(&a->mode[i][1]);
    }
}

/* rms over the good BPMs of a plane. */
static double plane_rms(const struct analysis *a, unsigned without, unsigned plane,
                        const double band[2])
{
    uint64_t n_bpm = a->w->dims.n_bpm;
    double sum = 0.0, count = 0.0;

    for (uint64_t row = plane * n_bpm; row < (plane + 1) * n_bpm; row++)
        if (a->w->good[row]) {
            double rms = spectra_rms(&a->row[without], row, band[0], band[1]);

            sum += rms * rms;
            count += 1.0;
        }
    return count > 0.0 ? sqrt(sum / count) : 0.0;
}

static double db(double with, double without)
{
    return without > 0.0 ? 20.0 * log10(with / without) : (double) NAN;
}

static void print_bands(const struct analysis *a)
{
    printf("%-18s %10s %12s %8s %10s %12s %8s\n", "integrated rms", "x um", "without um", "dB",
           "y um", "without um", "dB");
    for (unsigned band = 0; band < BANDS; band++) {
        double nyquist_hz = a->w->fs_hz / 2.0;
        double top_hz = band_hz[band + 1] < nyquist_hz ? band_hz[band + 1] : nyquist_hz;

        if (band_hz[band] >= top_hz || top_hz < a->row[0].df_hz)
            continue;
        printf("%6.1f-%-6.1f Hz  ", band_hz[band], top_hz);
        for (unsigned plane = 0; plane < 2; plane++) {
            double with = plane_rms(a, 0, plane, (double[]){band_hz[band], top_hz});
            double without = plane_rms(a, 1, plane, (double[]){band_hz[band], top_hz});

            printf(" %10.4f %12.4f %8.1f", with * 1e6, without * 1e6, db(with, without));
        }
        putchar('\n');
    }
}

static void print_modes(const struct analysis *a, uint64_t most)
{
    for (unsigned plane = 0; plane < 2; plane++) {
        uint64_t n = a->w->n_mode[plane] < most ? a->w->n_mode[plane] : most;

        printf("mode %c       rms um   without um       dB\n", "xy"[plane]);
        for (uint64_t m = 0; m < n; m++) {
            double with = spectra_rms(&a->mode[plane][0], m, 0.0, 1e6);
            double without = spectra_rms(&a->mode[plane][1], m, 0.0, 1e6);

            printf("%6" PRIu64 " %12.4f %12.4f %8.1f\n", m + 1, with * 1e6, without * 1e6,
                   db(with, without));
        }
    }
}

/* rms about the mean of every corrector of a plane, and the largest part of a range in use. */
static void print_kicks(const struct window *w)
{
    uint64_t n_col = dims_n_col(&w->dims), n_kick = w->dims.n_h + w->dims.n_v;
    double square[2] = {0.0}, use = 0.0;

    for (uint64_t col = 0; col < n_kick; col++) {
        double mean = 0.0, sum = 0.0;

        for (uint64_t k = 0; k < w->n; k++) {
            double u = w->u[k * n_col + col];

            mean += u / (double) w->n;
            sum += u * u / (double) w->n;
            if (isfinite(w->limit[col]) && w->limit[col] > 0.0)
                use = fmax(use, fabs(u) / w->limit[col]);
        }
        square[col >= w->dims.n_h] += fmax(sum - mean * mean, 0.0);
    }
    printf("correctors move by %.4f urad rms H, %.4f urad rms V; at most %.1f %% of a range in "
           "use\n",
           w->dims.n_h ? 1e6 * sqrt(square[0] / (double) w->dims.n_h) : 0.0,
           w->dims.n_v ? 1e6 * sqrt(square[1] / (double) w->dims.n_v) : 0.0, 100.0 * use);
}

/* Of x and y at one BPM, over all: what share of the y motion goes along with x there. */
static void print_coupling(const struct window *w)
{
    uint64_t n_row = dims_n_row(&w->dims), n_bpm = w->dims.n_bpm, n_good = 0;
    double sum = 0.0;

    for (uint64_t i = 0; i < n_bpm; i++) {
        double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0, n = (double) w->n;

        for (uint64_t k = 0; k < w->n; k++) {
            double a = w->free[k * n_row + i], b = w->free[k * n_row + n_bpm + i];

            x += a / n;
            y += b / n;
            xx += a * a / n;
            yy += b * b / n;
            xy += a * b / n;
        }
        xx -= x * x;
        yy -= y * y;
        xy -= x * y;
        if (!w->good[i] || !w->good[n_bpm + i] || !(xx * yy > 0.0))
            continue;
        sum += xy * xy / (xx * yy);
        n_good++;
    }
    printf("coupling: %.1f %% of the motion in y goes along with that in x, mean over %" PRIu64
           " BPMs\n",
           n_good ? 100.0 * sum / (double) n_good : 0.0, n_good);
}

/* Frequency, then per plane the mean density over good BPMs with kicks and without. */
static enum rc write_csv(const struct analysis *a, const char *path)
{
    FILE *file = fopen(path, "we");
    uint64_t n_bpm = a->w->dims.n_bpm;

    if (!file)
        return err_sys("%s", path);
    fputs("f_hz,x_m2_per_hz,x_without_m2_per_hz,y_m2_per_hz,y_without_m2_per_hz\n", file);
    for (uint64_t f = 0; f < a->row[0].n_freq; f++) {
        fprintf(file, "%.9g", (double) (f + 1) * a->row[0].df_hz);
        for (unsigned i = 0; i < 4; i++) {
            const struct spectra *s = &a->row[i % 2];
            double sum = 0.0, count = 0.0;

            for (uint64_t row = i / 2 * n_bpm; row < (i / 2 + 1) * n_bpm; row++) {
                sum += a->w->good[row] ? s->power[row * s->n_freq + f] : 0.0;
                count += a->w->good[row];
            }
            fprintf(file, ",%.9g", count > 0.0 ? sum / count : 0.0);
        }
        fputc('\n', file);
    }
    return fclose(file) == 0 ? RC_OK : err_sys("%s", path);
}

static enum rc show(const struct window *w, uint64_t most, const char *csv)
{
    struct analysis a = {.w = w};
    enum rc rc = analyse(&a);

    if (rc == RC_OK) {
        printf("%" PRIu64 " frames at %.1f Hz, %" PRIu64 " of them CLOSED; %" PRIu64
               " segments, %.3f Hz apart\n",
               w->n, w->fs_hz, w->n_closed, a.row[0].n_average, a.row[0].df_hz);
        print_bands(&a);
        print_modes(&a, most);
        print_kicks(w);
        print_coupling(w);
    }
    if (rc == RC_OK && csv)
        rc = write_csv(&a, csv);
    free_analysis(&a);
    return rc;
}

/* Of a recording, or of the newest records of a running orbitd. */
static enum rc take(struct ctl *ctl, struct window *window, double seconds, int *code)
{
    static struct session session;
    char path[PATH_SIZE];
    enum rc rc;

    if (ctl->args.count == 1) {
        ctl_find_recording(ctl, ctl->args.item[0], path, sizeof path);
        return window_read(window, path, seconds);
    }
    if (!session_open(&session, ctl, code))
        return RC_GONE;
    rc = window_take(window, session.client, seconds);
    session_close(&session);
    return rc;
}

int command_spectrum(struct ctl *ctl)
{
    double seconds = 10.0, most = MODES_SHOWN;
    const char *csv = NULL;
    struct window window;
    int code = CTL_DONE;
    enum rc rc;

    if (args_take_number(&ctl->args, "--seconds", 0.1, 3600.0, &seconds) != RC_OK ||
        args_take_number(&ctl->args, "--modes", 1, ORBIT_MAX_BPM, &most) != RC_OK ||
        args_take_text(&ctl->args, "--csv", &csv) != RC_OK ||
        args_finish(&ctl->args, 0, 1) != RC_OK)
        return ctl_usage(ctl);
    rc = take(ctl, &window, seconds, &code);
    if (code != CTL_DONE)
        return code;
    if (rc == RC_OK) {
        rc = show(&window, (uint64_t) most, csv);
        window_close(&window);
    }
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
