/* orbitctl: what its commands share. One command a file; main.c has the table of them.
 *
 * Exit codes, for scripts: 0 done, 1 refused or failed, 2 wrong usage, 3 no orbitd there.
 */
#ifndef ORBIT_IO_CTL_CTL_H
#define ORBIT_IO_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/ctl/args.h"
#include "rt/base/rc.h"

enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_NO_ORBITD = 3 };

/* What every command gets; options that all of them know are taken out of args already. */
struct ctl {
    const char *command;     /* its name */
    const char *config_path; /* --config, or $ORBITD_CONFIG; NULL: not given */
    const char *session;     /* --session, $ORBIT_SESSION, or the user's name */
    const char *instance;    /* --instance; NULL: that of the configuration */
    bool json;               /* --json, but of bench, which wants a file */
    struct args args;
};

/* Says err_text() on stderr and returns the exit code for rc. */
int ctl_fail(enum rc rc);

/* Says how the command is used, after err_text(). */
int ctl_usage(const struct ctl *ctl);

/* 2026-11-21T13:15:00.000000 */
void ctl_utc_text(int64_t utc_ns, char *text, size_t size);

int command_run(struct ctl *ctl);
int command_status(struct ctl *ctl);
int command_events(struct ctl *ctl);
int command_timing(struct ctl *ctl);
int command_get(struct ctl *ctl);
int command_watch(struct ctl *ctl);
int command_mode(struct ctl *ctl);
int command_reset(struct ctl *ctl);
int command_baseline(struct ctl *ctl);
int command_modes(struct ctl *ctl);
int command_reload(struct ctl *ctl);
int command_ping(struct ctl *ctl);
int command_own(struct ctl *ctl);
int command_release(struct ctl *ctl);
int command_endpoints(struct ctl *ctl);
int command_check(struct ctl *ctl);
int command_doctor(struct ctl *ctl);
int command_bench(struct ctl *ctl);
int command_lattice(struct ctl *ctl);
int command_optics(struct ctl *ctl);
int command_orbit(struct ctl *ctl);
int command_orm(struct ctl *ctl);
int command_what_if(struct ctl *ctl);
int command_record(struct ctl *ctl);
int command_replay(struct ctl *ctl);
int command_culprit(struct ctl *ctl);
int command_spectrum(struct ctl *ctl);
int command_loop(struct ctl *ctl);
int command_ff(struct ctl *ctl);
int command_sysid(struct ctl *ctl);

/* Path of a recording: a path, or its name among those of the instance. */
void ctl_find_recording(const struct ctl *ctl, const char *name, char *path, size_t size);

#endif
