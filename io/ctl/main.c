/* orbitctl: the command line of an instance. See orbitctl(1). */
#include <pwd.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/ctl/ctl.h"
#include "rt/base/clock.h"

static const struct {
    const char *name;
    int (*run)(struct ctl *);
    const char *operands, *help;
} commands[] = {
    {"run", command_run, "CONFIG [--seconds N]", "start all programs, keep them alive"},
    {"status", command_status, "[--json]", "one screen: state, why, timing, orbit, sources"},
    {"timing", command_timing, "[--json]", "phases of a cycle, and the worst cycles"},
    {"events", command_events, "[--follow] [--count N] [--json]",
     "what happened: states, late cycles, sources, clock"},
    {"get", command_get, "NAME... | --list [--json]", "quantities, once"},
    {"watch", command_watch, "NAME... [--rate HZ] [--count N] [--json]",
     "quantities, again and again"},
    {"mode", command_mode, "off|shadow|arm|closed|hold", "change the loop's state"},
    {"reset", command_reset, "[timing]",
     "unlatch a trip whose cause is gone; or forget the timing so far"},
    {"baseline", command_baseline, "", "a new baseline of the innovation; unmasks BPMs"},
    {"modes", command_modes, "renew", "mode amplitudes of the matrices in use from now on"},
    {"reload", command_reload, "", "apply the live keys of the configuration"},
    {"own", command_own, "[--for SECONDS] [--takeover]",
     "only this session may raise or change the loop"},
    {"release", command_release, "", "... and anybody again"},
    {"ping", command_ping, "", "does orbitd answer?"},
    {"endpoints", command_endpoints, "[--json]", "who serves on which port"},
    {"check", command_check, "FILE [--print]", "every fault of a configuration and its files"},
    {"optics", command_optics, "LATTICE [--integrator exact|at] [--plot FILE]",
     "tunes, beta, dispersion of a ring"},
    {"orbit", command_orbit, "LATTICE [--kick NAME=URAD] [--plot FILE]", "its closed orbit"},
    {"orm", command_orm, "LATTICE [--mode 4d|fixed-rf] [--csv FILE]",
     "its orbit response matrix"},
    {"what-if", command_what_if, "LATTICE --set ELEMENT.field=VALUE ...",
     "what a change does to it"},
    {"lattice", command_lattice, "show|check FILE | convert IN OUT",
     "a lattice file: what it says, if it is good, to LatticeJSON"},
    {"record", command_record, "list | dump FILE|FOLDER --hdf5|--csv OUT | freeze",
     "recordings of orbit-stream"},
    {"spectrum", command_spectrum, "[RECORDING] [--seconds S] [--csv FILE] [--plot FILE]",
     "how the beam moves, with the correctors and without"},
    {"culprit", command_culprit, "[RECORDING] [--seconds S] [--watch]",
     "which magnet moves the beam"},
    {"replay", command_replay, "FILE|FOLDER [--law FILE.yaml] [--plot FILE]",
     "the loop once more on a recording: the same, bit for bit? Or another law on it"},
    {"ff", command_ff, "learn FILE|FOLDER --input INPUT [--points N]",
     "feed-forward tables from a recording"},
    {"loop", command_loop,
     "design CONFIG [--law FILE] [--mismatch KIND=SIZE,...] [--plot FILE]",
     "margins of a law on a machine"},
    {"sysid", command_sysid, "check | response [code|lines] | run sine|sweep|prbs | stop",
     "what the machine answers to kicks"},
    {"doctor", command_doctor, "[--json]", "judge this host for real time"},
    {"bench", command_bench, "[PART] [--quick] [--json FILE] [--plot DIR]",
     "measure this host: table, verdicts, plots"},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static int help(FILE *out)
{
    fprintf(
        out,
        "usage: orbitctl [--config FILE | --instance NAME] [--session NAME] COMMAND ...\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-9s %-41s %s\n", commands[i].name, commands[i].operands,
                commands[i].help);
    fprintf(out, "\nThe instance is that of --config, --instance or $ORBITD_CONFIG.\n"
                 "Exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 no orbitd there.\n");
    return out == stdout ? CTL_DONE : CTL_USAGE;
}

int ctl_fail(enum rc rc)
{
    fprintf(stderr, "orbitctl: %s\n", err_text());
    return rc == RC_GONE ? CTL_NO_ORBITD : CTL_FAILED;
}

int ctl_usage(const struct ctl *ctl)
{
    fprintf(stderr, "orbitctl: %s\n", err_text());
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, ctl->command) == 0)
            fprintf(stderr, "usage: orbitctl %s %s\n", commands[i].name, commands[i].operands);
    return CTL_USAGE;
}

void ctl_utc_text(int64_t utc_ns, char *text, size_t size)
{
    time_t second = (time_t) (utc_ns / NS_PER_S);
    struct tm utc;
    size_t used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &utc));

    snprintf(text + used, size - used, ".%06" PRId64, (int64_t) (utc_ns % NS_PER_S / 1000));
}

static int dispatch(struct ctl *ctl)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, ctl->command) == 0)
            return commands[i].run(ctl);
    fprintf(stderr, "orbitctl: there is no command %s\n", ctl->command);
    return help(stderr);
}

/* Who acts: what $ORBIT_SESSION says, else the user. */
static const char *own_name(void)
{
    const char *name = getenv("ORBIT_SESSION");
    const struct passwd *user = getpwuid(geteuid());

    if (name && name[0])
        return name;
    return user ? user->pw_name : "orbitctl";
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.args = {.count = argc - 1, .item = argv + 1}};
    enum rc rc;

    if (args_take_flag(&ctl.args, "--help") || ctl.args.count == 0)
        return help(argc == 1 ? stderr : stdout);
    rc = args_take_text(&ctl.args, "--config", &ctl.config_path);
    if (rc == RC_OK)
        rc = args_take_text(&ctl.args, "--instance", &ctl.instance);
    if (rc == RC_OK)
        rc = args_take_text(&ctl.args, "--session", &ctl.session);
    if (ctl.args.count > 0 && strcmp(ctl.args.item[0], "bench") != 0)
        ctl.json = args_take_flag(&ctl.args, "--json");
    if (rc != RC_OK || ctl.args.count == 0) {
        fprintf(stderr, "orbitctl: %s\n", rc != RC_OK ? err_text() : "which command?");
        return help(stderr);
    }
    if (!ctl.config_path && !ctl.instance)
        ctl.config_path = getenv("ORBITD_CONFIG");
    if (!ctl.session)
        ctl.session = own_name();
    ctl.command = ctl.args.item[0];
    ctl.args.item++;
    ctl.args.count--;
    return dispatch(&ctl);
}
