/* orbitctl replay: the loop's own code on a recording, or another law on its disturbance. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/cfg.h"
#include "io/ctl/ctl.h"
#include "io/ctl/plot/figure.h"
#include "io/ctl/replay_show.h"
#include "io/replay/law_trial.h"
#include "io/replay/playback.h"
#include "model/engine/law_cfg.h"

enum { PATH_SIZE = CFG_PATH_SIZE + 300, MODES_SHOWN = 12 };

/* ---- the same again ---- */

static void print_difference(const struct playback *played)
{
    const struct replay_difference *d = &played->difference;

    printf("first difference: cycle %" PRIu64 ", %s", played->cycle, d->what);
    if (d->index != UINT64_MAX)
        printf("[%" PRIu64 "] %s", d->index, played->name);
    printf(": was %.17g, is %.17g\n", d->was, d->is);
}

static int print_result(const struct playback *played)
{
    printf("%" PRIu64 " records in %" PRIu64 " stretches; %" PRIu64
           " cycles behind a checkpoint compared, %" PRIu64 " are the same",
           played->n_record, played->n_stretch, played->n_compared, played->n_same);
    if (played->tolerance > 0.0)
        printf(
            " within %g of the largest element: this processor has not the kernel of the run",
            played->tolerance);
    else
        printf(", bit for bit");
    putchar('\n');
    if (!played->cycle)
        return CTL_DONE;
    print_difference(played);
    return CTL_FAILED;
}

/* ---- another law ---- */

/* Keys that the file does not name are the instance's, or have their defaults. */
static enum rc load_law(const struct ctl *ctl, const char *path, struct trial_law *law)
{
    static struct cfg cfg;
    struct cfg_faults faults = {0};
    enum rc rc = RC_OK;

    if (ctl->config_path)
        rc = cfg_load(&cfg, ctl->config_path, &faults);
    if (rc == RC_OK)
        rc =
            ctl->config_path ? cfg_overlay(&cfg, path, &faults) : cfg_load(&cfg, path, &faults);
    cfg_faults_print(stderr, &faults);
    if (rc != RC_OK)
        return err_set(rc, "%s is not usable", path);
    *law = (struct trial_law){.settings = law_from_cfg(&cfg),
                              .every = (uint64_t) cfg.law_every,
                              .gain_h = cfg.law_gain_h,
                              .gain_v = cfg.law_gain_v};
    return RC_OK;
}

static void print_sides(const struct law_trial *trial)
{
    printf("%-16s %10s %10s %10s %10s %8s %9s %9s\n", "", "rms x um", "rms y um", "kick H ur",
           "kick V ur", "use", "steps", "saturated");
    for (unsigned i = 0; i < SIDE_COUNT; i++) {
        const struct trial_figures *side = &trial->side[i];

        printf("%-16s %10.3f %10.3f %10.3f %10.3f %7.1f%% %9" PRIu64 " %9" PRIu64 "\n",
               replay_side_names[i], side->rms_m[0] * 1e6, side->rms_m[1] * 1e6,
               side->kick_rad[0] * 1e6, side->kick_rad[1] * 1e6, side->use * 100.0,
               side->n_step, side->n_saturated);
    }
}

static void print_modes(const struct law_trial *trial, uint64_t most)
{
    for (unsigned plane = 0; plane < 2; plane++) {
        printf("\nmode %c   open um  recorded dB  law of the run dB   new law dB\n",
               "xy"[plane]);
        for (uint64_t m = 0; m < trial->n_mode[plane] && m < most; m++)
            printf("%6" PRIu64 " %9.3f %12.1f %18.1f %12.1f\n", m + 1,
                   trial->side[SIDE_OPEN].mode_m[plane][m] * 1e6,
                   replay_attenuation_db(trial, SIDE_RECORDED, plane, m),
                   replay_attenuation_db(trial, SIDE_OLD, plane, m),
                   replay_attenuation_db(trial, SIDE_NEW, plane, m));
    }
}

static void print_trial(const struct law_trial *trial, uint64_t most)
{
    printf("%" PRIu64 " records, %" PRIu64 " of them CLOSED; %" PRIu64
           " frames count, the first quarter settles\n",
           trial->n_record, trial->n_closed, trial->n_frame);
    print_sides(trial);
    print_modes(trial, most);
}

struct request {
    const char *law_path, *plot;
    double most; /* modes */
};

static int try_law(const struct ctl *ctl, const char *path, const struct request *request)
{
    struct trial_law law;
    struct law_trial trial;
    enum rc rc = load_law(ctl, request->law_path, &law);

    if (rc == RC_OK)
        rc = law_trial_run(&trial, path, &law);
    if (rc != RC_OK)
        return ctl_fail(rc);
    if (ctl->json)
        replay_print_json(&trial, (uint64_t) request->most);
    else
        print_trial(&trial, (uint64_t) request->most);
    if (request->plot)
        rc = replay_draw(&trial, request->plot);
    law_trial_free(&trial);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}

static enum rc take_request(struct ctl *ctl, struct request *request)
{
    enum rc rc = args_take_text(&ctl->args, "--law", &request->law_path);

    if (rc == RC_OK)
        rc = args_take_number(&ctl->args, "--modes", 1, ORBIT_MAX_BPM, &request->most);
    if (rc == RC_OK)
        rc = args_take_text(&ctl->args, "--plot", &request->plot);
    if (rc == RC_OK && !request->law_path && (request->plot || ctl->json))
        rc = err_set(RC_INPUT, "--plot and --json need --law");
    if (rc == RC_OK && request->plot && !figure_knows(request->plot))
        rc = err_set(RC_INPUT, "--plot %s: the name must end in .svg or .png", request->plot);
    return rc == RC_OK ? args_finish(&ctl->args, 1, 1) : rc;
}

int command_replay(struct ctl *ctl)
{
    struct request request = {.most = MODES_SHOWN};
    struct playback played;
    char path[PATH_SIZE];
    enum rc rc;

    if (take_request(ctl, &request) != RC_OK)
        return ctl_usage(ctl);
    ctl_find_recording(ctl, ctl->args.item[0], path, sizeof path);
    if (request.law_path)
        return try_law(ctl, path, &request);
    rc = playback_run(&played, path);
    return rc == RC_OK ? print_result(&played) : ctl_fail(rc);
}
