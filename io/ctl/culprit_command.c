/* orbitctl culprit: which magnet moves the beam, now or in a recording. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"
#include "io/replay/window.h"
#include "model/culprit.h"
#include "model/engine/inputs.h"

enum { PATH_SIZE = CFG_PATH_SIZE + 300, LINES = 3 };

/* What is looked for: the slow change within the window, and two lines of the mains. */
static const double lines_hz[LINES] = {0.0, 10.0, 50.0};

struct machine {
    struct inputs in;
    struct culprit_finder finder;
};

static enum rc load_machine(struct machine *m, const char *config_path)
{
    struct cfg_faults faults = {0};
    struct optics *optics = NULL;
    uint32_t *place = NULL;
    enum rc rc = inputs_load(&m->in, config_path, &faults);

    cfg_faults_print(stderr, &faults);
    if (rc != RC_OK)
        return err_set(rc, "%s is not usable", config_path);
    rc = optics_create(&optics, m->in.lattice->n_element);
    if (rc == RC_OK)
        rc = optics_compute(optics, m->in.lattice, INTEGRATOR_EXACT);
    place = calloc(m->in.devices.n_bpm, sizeof *place);
    if (rc == RC_OK && !place)
        rc = err_set(RC_NOMEM, "no memory for the places of BPMs");
    for (uint64_t i = 0; rc == RC_OK && i < m->in.devices.n_bpm; i++)
        place[i] = m->in.lattice->bpm[m->in.bpm[i]].element;
    if (rc == RC_OK)
        rc = culprit_finder_create(&m->finder, m->in.lattice, optics, place,
                                   (uint32_t) m->in.devices.n_bpm);
    free(place);
    optics_destroy(optics);
    return rc;
}

static void free_machine(struct machine *m)
{
    culprit_finder_destroy(&m->finder);
    inputs_free(&m->in);
}

/* Amplitude of a line at every row, under a Hann window; f = 0: mean of the last quarter minus
 * that of the first. */
static void find_line(const struct window *w, double f_hz, double *re, double *im)
{
    uint64_t n_row = dims_n_row(&w->dims), quarter = w->n / 4;

    for (uint64_t row = 0; row < n_row; row++)
        re[row] = im[row] = 0.0;
    for (uint64_t k = 0; k < w->n; k++) {
        double phase = 2.0 * M_PI * f_hz * (double) k / w->fs_hz;
        double hann = 2.0 - 2.0 * cos(2.0 * M_PI * ((double) k + 0.5) / (double) w->n);
        double c = hann * cos(phase) / (double) w->n, s = -hann * sin(phase) / (double) w->n;

        if (f_hz <= 0.0) {
            c = (k >= w->n - quarter) - (double) (k < quarter);
            c /= quarter ? (double) quarter : 1.0;
            s = 0.0;
        }
        for (uint64_t row = 0; row < n_row; row++) {
            re[row] += c * w->free[k * n_row + row];
            im[row] += s * w->free[k * n_row + row];
        }
    }
}

static void print_element(const struct machine *m, uint32_t element)
{
    const struct element *e = &m->in.lattice->element[element];

    printf(" %s#%" PRIu32, e->name, e->occurrence);
}

static double rms_good(const struct culprit_orbit *orbit, uint64_t n)
{
    double sum = 0.0, count = 0.0;

    for (uint64_t i = 0; i < n; i++)
        if (orbit->good[i]) {
            sum += orbit->re[i] * orbit->re[i] + orbit->im[i] * orbit->im[i];
            count += 1.0;
        }
    return count > 0.0 ? sqrt(sum / count) : 0.0;
}

static void print_one(const struct machine *m, double f_hz, unsigned plane,
                      const struct culprit_orbit *orbit)
{
    struct culprit found;

    if (f_hz > 0.0)
        printf("%4.0f Hz  %c", f_hz, "xy"[plane]);
    else
        printf("change   %c", "xy"[plane]);
    printf(" %9.3f um", rms_good(orbit, m->finder.n_bpm) * 1e6);
    if (culprit_find(&m->finder, plane, orbit, &found) != RC_OK) {
        printf("  %s\n", err_text());
        return;
    }
    print_element(m, found.element);
    printf(" %.3f urad, goodness %.3f; then", found.kick_rad * 1e6, found.goodness);
    print_element(m, found.second_element);
    printf(" %.3f\n", found.second_goodness);
}

static enum rc print_culprits(const struct machine *m, const struct window *w)
{
    uint64_t n_row = dims_n_row(&w->dims), n_bpm = w->dims.n_bpm;
    double *re = calloc(2 * n_row, sizeof *re), *im = re ? re + n_row : NULL;

    if (!re)
        return err_set(RC_NOMEM, "no memory for an orbit");
    printf("%" PRIu64 " frames at %.1f Hz, %" PRIu64 " of them CLOSED; orbit without the "
           "correctors' kicks\n",
           w->n, w->fs_hz, w->n_closed);
    for (unsigned line = 0; line < LINES; line++) {
        if (2.0 * lines_hz[line] >= w->fs_hz)
            continue;
        find_line(w, lines_hz[line], re, im);
        for (unsigned plane = 0; plane < 2; plane++)
            print_one(m, lines_hz[line], plane,
                      &(struct culprit_orbit){re + plane * n_bpm, im + plane * n_bpm,
                                              w->good + plane * n_bpm});
    }
    free(re);
    return RC_OK;
}

static enum rc look(const struct machine *m, struct client *client, const char *path,
                    double seconds)
{
    struct window window;
    enum rc rc =
        client ? window_take(&window, client, seconds) : window_read(&window, path, seconds);

    if (rc != RC_OK)
        return rc;
    if (window.dims.n_bpm != m->finder.n_bpm)
        rc = err_set(RC_INPUT, "%" PRIu64 " BPMs, the configuration's lattice has %" PRIu32,
                     window.dims.n_bpm, m->finder.n_bpm);
    if (rc == RC_OK)
        rc = print_culprits(m, &window);
    window_close(&window);
    return rc;
}

/* Once, or every second until orbitd goes. */
static enum rc look_live(const struct machine *m, struct client *client, double seconds,
                         bool watch)
{
    const struct timespec second = {.tv_sec = 1};
    enum rc rc = look(m, client, NULL, seconds);

    while (rc == RC_OK && watch && client_alive(client)) {
        fflush(stdout);
        nanosleep(&second, NULL);
        rc = look(m, client, NULL, seconds);
    }
    return rc;
}

static int run(struct ctl *ctl, struct machine *m, double seconds, bool watch)
{
    static struct session session;
    char path[PATH_SIZE];
    int code = CTL_DONE;
    enum rc rc;

    if (ctl->args.count == 1) {
        ctl_find_recording(ctl, ctl->args.item[0], path, sizeof path);
        rc = look(m, NULL, path, seconds);
        return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
    }
    if (!session_open(&session, ctl, &code))
        return code;
    rc = look_live(m, session.client, seconds, watch);
    session_close(&session);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}

int command_culprit(struct ctl *ctl)
{
    static struct machine machine;
    bool watch = args_take_flag(&ctl->args, "--watch");
    double seconds = 2.0;
    int code;
    enum rc rc;

    if (args_take_number(&ctl->args, "--seconds", 0.1, 600.0, &seconds) != RC_OK ||
        args_finish(&ctl->args, 0, 1) != RC_OK)
        return ctl_usage(ctl);
    if (!ctl->config_path)
        return ctl_fail(err_set(RC_INPUT, "--config FILE names the lattice"));
    rc = load_machine(&machine, ctl->config_path);
    code = rc == RC_OK ? run(ctl, &machine, seconds, watch) : ctl_fail(rc);
    free_machine(&machine);
    return code;
}
