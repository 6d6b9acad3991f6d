/* orbitctl spectrum: how the beam moves, per plane and mode, with the correctors and without.
 */
#include <inttypes.h>
#include <stdio.h>

#include "io/ctl/ctl.h"
#include "io/ctl/plot/figure.h"
#include "io/ctl/session.h"
#include "io/ctl/spectrum_show.h"
#include "io/replay/motion.h"
#include "io/replay/window.h"

enum { PATH_SIZE = CFG_PATH_SIZE + 300, MODES_SHOWN = 12 };

struct request {
    double seconds, most; /* modes */
    const char *csv, *plot;
    bool json;
};

static void print_bands(const struct motion *motion)
{
    printf("%-18s %10s %12s %8s %10s %12s %8s\n", "integrated rms", "x um", "without um", "dB",
           "y um", "without um", "dB");
    for (unsigned i = 0; i < motion->n_band; i++) {
        const struct motion_band *band = &motion->band[i];

        printf("%6.1f-%-6.1f Hz  ", band->from_hz, band->to_hz);
        for (unsigned plane = 0; plane < 2; plane++) {
            const double *rms_m = band->rms_m[plane];

            printf(" %10.4f %12.4f %8.1f", rms_m[MOTION_WITH] * 1e6,
                   rms_m[MOTION_WITHOUT] * 1e6, motion_db(rms_m));
        }
        putchar('\n');
    }
}

static void print_modes(const struct motion *motion, uint64_t most)
{
    for (unsigned plane = 0; plane < 2; plane++) {
        printf("mode %c       rms um   without um       dB\n", "xy"[plane]);
        for (uint64_t m = 0; m < motion->window->n_mode[plane] && m < most; m++) {
            const double rms_m[MOTION_SIDES] = {
                motion_mode_rms(motion, plane, MOTION_WITH, m),
                motion_mode_rms(motion, plane, MOTION_WITHOUT, m)};

            printf("%6" PRIu64 " %12.4f %12.4f %8.1f\n", m + 1, rms_m[MOTION_WITH] * 1e6,
                   rms_m[MOTION_WITHOUT] * 1e6, motion_db(rms_m));
        }
    }
}

static void print_all(const struct motion *motion, uint64_t most)
{
    const struct window *w = motion->window;

    printf("%" PRIu64 " frames at %.1f Hz, %" PRIu64 " of them CLOSED; %" PRIu64
           " segments, %.3f Hz apart\n",
           w->n, w->fs_hz, w->n_closed, motion->row[0].n_average, motion->row[0].df_hz);
    print_bands(motion);
    print_modes(motion, most);
    printf("correctors move by %.4f urad rms H, %.4f urad rms V; at most %.1f %% of a range in "
           "use\n",
           1e6 * motion->kick_rad[0], 1e6 * motion->kick_rad[1], 100.0 * motion->use);
    printf("coupling: %.1f %% of the motion in y goes along with that in x, mean over %" PRIu64
           " BPMs\n",
           100.0 * motion->coupling, motion->n_coupled);
}

/* ---- CSV ---- */

static void write_names(FILE *file, const struct window *w)
{
    fputs("f_hz,x_m2_per_hz,x_without_m2_per_hz,y_m2_per_hz,y_without_m2_per_hz", file);
    for (uint64_t row = 0; row < 2 * (uint64_t) w->dims.n_bpm; row++) {
        char plane = "xy"[row / w->dims.n_bpm];
        uint64_t bpm = row % w->dims.n_bpm + 1;

        fprintf(file, ",%c_bpm%" PRIu64 "_m2_per_hz,%c_bpm%" PRIu64 "_without_m2_per_hz", plane,
                bpm, plane, bpm);
    }
    fputc('\n', file);
}

/* A BPM that is not good in every frame has no spectrum: empty fields. */
static void write_frequency(FILE *file, const struct motion *motion, uint64_t f)
{
    const struct window *w = motion->window;

    fprintf(file, "%.9g", (double) (f + 1) * motion->row[0].df_hz);
    for (unsigned i = 0; i < 4; i++)
        fprintf(file, ",%.9g", motion_density(motion, i / 2, (enum motion_side)(i % 2), f));
    for (uint64_t row = 0; row < 2 * (uint64_t) w->dims.n_bpm; row++)
        for (unsigned side = 0; side < MOTION_SIDES; side++) {
            const struct spectra *s = &motion->row[side];

            if (w->good[row])
                fprintf(file, ",%.9g", s->power[row * s->n_freq + f]);
            else
                fputc(',', file);
        }
    fputc('\n', file);
}

/* Frequency; mean density over the good BPMs per plane with kicks and without; every BPM's. */
static enum rc write_csv(const struct motion *motion, const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return err_sys("%s", path);
    write_names(file, motion->window);
    for (uint64_t f = 0; f < motion->row[0].n_freq; f++)
        write_frequency(file, motion, f);
    return fclose(file) == 0 ? RC_OK : err_sys("%s", path);
}

/* ---- the command ---- */

static enum rc show(const struct window *w, const struct request *request)
{
    struct motion motion;
    enum rc rc = motion_compute(&motion, w);

    if (rc != RC_OK)
        return rc;
    if (request->json)
        spectrum_print_json(&motion, (uint64_t) request->most);
    else
        print_all(&motion, (uint64_t) request->most);
    if (request->csv)
        rc = write_csv(&motion, request->csv);
    if (rc == RC_OK && request->plot)
        rc = spectrum_draw(&motion, request->plot);
    motion_free(&motion);
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

static enum rc take_request(struct ctl *ctl, struct request *request)
{
    enum rc rc = args_take_number(&ctl->args, "--seconds", 0.1, 3600.0, &request->seconds);

    if (rc == RC_OK)
        rc = args_take_number(&ctl->args, "--modes", 1, ORBIT_MAX_BPM, &request->most);
    if (rc == RC_OK)
        rc = args_take_text(&ctl->args, "--csv", &request->csv);
    if (rc == RC_OK)
        rc = args_take_text(&ctl->args, "--plot", &request->plot);
    if (rc == RC_OK && request->plot && !figure_knows(request->plot))
        rc = err_set(RC_INPUT, "--plot %s: the name must end in .svg or .png", request->plot);
    return rc == RC_OK ? args_finish(&ctl->args, 0, 1) : rc;
}

int command_spectrum(struct ctl *ctl)
{
    struct request request = {.seconds = 10.0, .most = MODES_SHOWN, .json = ctl->json};
    struct window window;
    int code = CTL_DONE;
    enum rc rc;

    if (take_request(ctl, &request) != RC_OK)
        return ctl_usage(ctl);
    rc = take(ctl, &window, request.seconds, &code);
    if (code != CTL_DONE)
        return code;
    if (rc == RC_OK) {
        rc = show(&window, &request);
        window_close(&window);
    }
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
