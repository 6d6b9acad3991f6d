/* orbitctl sysid: what the machine answers to kicks, measured. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/plot/figure.h"
#include "io/ctl/ring/request.h"
#include "io/ctl/ring/table.h"
#include "io/ctl/session.h"
#include "io/ctl/sysid/report.h"

enum { ANSWER_MS = 5000 };

static atomic_bool stop;
static struct session session;
static struct study study;
static struct study_request request;
static const char *csv, *json_path, *plot;

static void on_signal(int number)
{
    (void) number;
    atomic_store(&stop, true);
}

/* Ctrl-C takes the kicks back instead of leaving them. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- options ------------------------------------------------------------------------- */

static enum rc take_frequencies(struct args *args)
{
    enum rc rc = args_take_number(args, "--frequency", 1e-6, 1e6, &request.from_hz);

    request.to_hz = request.from_hz;
    return rc == RC_OK ? args_take_number(args, "--to", 1e-6, 1e6, &request.to_hz) : rc;
}

static enum rc take_mode(struct args *args)
{
    const char *plane = "h";
    double mode = 0;
    enum rc rc = args_take_text(args, "--plane", &plane);

    if (rc == RC_OK)
        rc = args_take_number(args, "--mode", 1, ORBIT_MAX_COL, &mode);
    if (rc == RC_OK && strcmp(plane, "h") != 0 && strcmp(plane, "v") != 0)
        rc = err_set(RC_INPUT, "--plane h or v, not %s", plane);
    request.mode = (unsigned) mode;
    request.vertical = plane[0] == 'v';
    return rc;
}

static enum rc take_options(struct args *args)
{
    double urad = 1, hold = 0;
    enum rc rc = args_take_number(args, "--amplitude", 1e-3, 1000, &urad);

    if (rc == RC_OK)
        rc = args_take_number(args, "--hold", 1, 1e6, &hold);
    if (rc == RC_OK)
        rc = args_take_number(args, "--seconds", 0, 1e5, &request.seconds);
    if (rc == RC_OK)
        rc = args_take_text(args, "--corrector", &request.corrector);
    if (rc == RC_OK)
        rc = take_frequencies(args);
    if (rc == RC_OK)
        rc = take_mode(args);
    if (rc == RC_OK)
        rc = args_take_text(args, "--csv", &csv);
    if (rc == RC_OK)
        rc = args_take_text(args, "--out", &json_path);
    if (rc == RC_OK)
        rc = args_take_text(args, "--plot", &plot);
    request.amplitude_rad = 1e-6 * urad;
    request.hold = (uint64_t) hold;
    if (rc == RC_OK && plot && !figure_knows(plot))
        rc = err_set(RC_INPUT, "--plot %s: the name must end in .svg or .png", plot);
    return rc;
}

/* ---- measurements -------------------------------------------------------------------- */

static enum rc save(const struct ctl *ctl)
{
    json_t *root = report_json(&study);
    enum rc rc = RC_OK;

    if (ctl->json)
        json_print(root);
    if (json_path && json_dump_file(root, json_path, JSON_INDENT(1)) != 0)
        rc = err_sys("cannot write %s", json_path);
    json_decref(root);
    if (rc == RC_OK && csv && study.estimate.n_used)
        rc = report_csv(&study, csv);
    return rc == RC_OK && plot ? report_draw(&study, plot) : rc;
}

static enum rc measure(const struct ctl *ctl)
{
    enum rc rc = study_open(&study, &session, ctl, &request);

    if (rc != RC_OK)
        return rc;
    fprintf(stderr,
            "orbitctl: %llu levels of %.3g s, %.0f s in all; Ctrl-C ends it and takes "
            "the kicks back\n",
            (unsigned long long) study.plan.n_level, study.level_s,
            study.level_s * (double) study.plan.n_level);
    catch_signals();
    return study_run(&study, &stop);
}

static enum rc tell(const char *line, char *reply, size_t size)
{
    enum rc rc = client_command(session.client, line, ANSWER_MS, reply, size);

    return rc == RC_OK || !reply[0] ? rc : err_set(rc, "%s", reply);
}

static enum rc tell_check(char *reply, size_t size)
{
    const struct estimate *e = &study.estimate;
    char line[160];
    enum rc rc = tell("check begin", reply, size);

    for (uint64_t k = 0; k < e->n_used && rc == RC_OK; k++) {
        snprintf(line, sizeof line, "check put %s %.6f %.6f", study.name[e->col[k]],
                 study.likeness[k].gain, study.likeness[k].correlation);
        rc = tell(line, reply, size);
    }
    return rc == RC_OK ? tell("check commit", reply, size) : rc;
}

static bool all_good(void)
{
    const struct cfg *cfg = &study.inputs.cfg;

    for (uint64_t k = 0; k < study.estimate.n_used; k++)
        if (study.likeness[k].correlation < cfg->check_correlation ||
            study.likeness[k].gain < cfg->check_gain_low ||
            study.likeness[k].gain > cfg->check_gain_high)
            return false;
    return true;
}

static int check(const struct ctl *ctl)
{
    char reply[ORBIT_TEXT_SIZE] = "";
    enum rc rc;

    request.waves = STUDY_CODE;
    if (request.hold == 0)
        request.hold = 1;
    rc = measure(ctl);
    if (rc == RC_OK)
        rc = tell_check(reply, sizeof reply);
    if (rc == RC_OK)
        rc = save(ctl);
    if (rc != RC_OK)
        return ctl_fail(rc);
    if (!ctl->json) {
        report_response(stdout, &study, false);
        report_step(stdout, &study);
        printf("check       %s\n", reply);
    }
    return all_good() ? CTL_DONE : CTL_FAILED;
}

static int response(const struct ctl *ctl)
{
    enum rc rc;

    if (!(request.seconds > 0))
        request.seconds = 110;
    rc = measure(ctl);
    if (rc == RC_OK)
        rc = save(ctl);
    if (rc != RC_OK)
        return ctl_fail(rc);
    if (!ctl->json) {
        report_response(stdout, &study, true);
        report_step(stdout, &study);
    }
    return CTL_DONE;
}

static int run(const struct ctl *ctl)
{
    enum rc rc;

    if (!(request.seconds > 0))
        request.seconds = 20;
    rc = measure(ctl);
    if (rc == RC_OK)
        rc = save(ctl);
    if (rc != RC_OK)
        return ctl_fail(rc);
    if (!ctl->json)
        report_transfer(stdout, &study);
    return CTL_DONE;
}

static int send_stop(void)
{
    char reply[ORBIT_TEXT_SIZE] = "";
    enum rc rc = tell("sysid stop", reply, sizeof reply);

    if (rc != RC_OK)
        return ctl_fail(rc);
    printf("%s\n", reply);
    return CTL_DONE;
}

/* ---- command ------------------------------------------------------------------------- */

static int work(const struct ctl *ctl)
{
    const char *what = ctl->args.item[0];

    if (strcmp(what, "stop") == 0)
        return send_stop();
    if (strcmp(what, "check") == 0)
        return check(ctl);
    if (strcmp(what, "response") == 0)
        return response(ctl);
    return run(ctl);
}

static enum rc take_kind(const struct args *args)
{
    static const struct {
        const char *what, *kind;
        enum study_waves waves;
    } kinds[] = {{"response", "code", STUDY_CODE},
                 {"response", "lines", STUDY_LINES},
                 {"run", "sine", STUDY_SINE},
                 {"run", "sweep", STUDY_SWEEP},
                 {"run", "prbs", STUDY_PRBS}};
    const char *what = args->item[0], *kind = args->count > 1 ? args->item[1] : NULL;

    if (!kind && (strcmp(what, "stop") == 0 || strcmp(what, "check") == 0))
        return RC_OK;
    if (!kind && strcmp(what, "response") == 0)
        kind = "code";
    for (unsigned i = 0; kind && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(what, kinds[i].what) != 0 || strcmp(kind, kinds[i].kind) != 0)
            continue;
        request.waves = kinds[i].waves;
        if (strcmp(what, "run") == 0 && !request.corrector && request.mode == 0)
            return err_set(RC_INPUT, "which: --corrector NAME, or --mode N --plane h|v?");
        if (request.waves < STUDY_PRBS && request.waves > STUDY_LINES && !(request.from_hz > 0))
            return err_set(RC_INPUT, "--frequency HZ is missing");
        return RC_OK;
    }
    return err_set(RC_INPUT,
                   "sysid check, response [code|lines], run sine|sweep|prbs, or stop");
}

int command_sysid(struct ctl *ctl)
{
    int code = CTL_DONE;
    enum rc rc = take_options(&ctl->args);

    if (rc == RC_OK)
        rc = args_finish(&ctl->args, 1, 2);
    if (rc == RC_OK)
        rc = take_kind(&ctl->args);
    if (rc != RC_OK)
        return ctl_usage(ctl);
    if (!session_open(&session, ctl, &code))
        return code;
    code = work(ctl);
    study_close(&study);
    session_close(&session);
    return code;
}
