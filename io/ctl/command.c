/* Commands that are one line to orbitd's manager: mode, reset, reload, own, release, ping. */
#include <stdio.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"

enum { ANSWER_MS = 10000, LINE_SIZE = 64 };

static int send_line(struct ctl *ctl, const char *line)
{
    static struct session session;
    char reply[ORBIT_TEXT_SIZE];
    int code = CTL_DONE;
    enum rc rc;

    if (!session_open(&session, ctl, &code))
        return code;
    rc = client_command(session.client, line, ANSWER_MS, reply, sizeof reply);
    if (rc == RC_GONE || rc == RC_TIMEOUT)
        code = reply[0] ? CTL_FAILED : CTL_NO_ORBITD;
    else if (rc != RC_OK)
        code = CTL_FAILED;
    if (code == CTL_DONE)
        printf("%s\n", reply);
    else
        fprintf(stderr, "orbitctl: %s\n", reply[0] ? reply : err_text());
    session_close(&session);
    return code;
}

int command_mode(struct ctl *ctl)
{
    static const char *const modes[] = {"off", "shadow", "arm", "closed", "hold"};
    char line[LINE_SIZE];

    if (args_finish(&ctl->args, 1, 1) != RC_OK)
        return ctl_usage(ctl);
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(ctl->args.item[0], modes[i]) != 0)
            continue;
        snprintf(line, sizeof line, "mode %s", modes[i]);
        return send_line(ctl, line);
    }
    (void) !err_set(RC_INPUT, "there is no mode %s", ctl->args.item[0]);
    return ctl_usage(ctl);
}

static int plain(struct ctl *ctl)
{
    if (args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    return send_line(ctl, ctl->command);
}

int command_reset(struct ctl *ctl)
{
    if (args_finish(&ctl->args, 0, 1) != RC_OK)
        return ctl_usage(ctl);
    if (ctl->args.count == 0)
        return send_line(ctl, "reset");
    if (strcmp(ctl->args.item[0], "timing") == 0)
        return send_line(ctl, "reset timing");
    (void) !err_set(RC_INPUT, "%s is nothing to reset", ctl->args.item[0]);
    return ctl_usage(ctl);
}

int command_baseline(struct ctl *ctl)
{
    return plain(ctl);
}

int command_modes(struct ctl *ctl)
{
    if (args_finish(&ctl->args, 1, 1) != RC_OK || strcmp(ctl->args.item[0], "renew") != 0)
        return ctl_usage(ctl);
    return send_line(ctl, "modes renew");
}

int command_reload(struct ctl *ctl)
{
    return plain(ctl);
}

/* A command that is over at once must own for a time. */
int command_own(struct ctl *ctl)
{
    bool takeover = args_take_flag(&ctl->args, "--takeover");
    double lease_s = 600.0;
    char line[LINE_SIZE];

    if (args_take_number(&ctl->args, "--for", 1, 86400, &lease_s) != RC_OK ||
        args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    snprintf(line, sizeof line, "own %.0f%s", lease_s, takeover ? " takeover" : "");
    return send_line(ctl, line);
}

int command_release(struct ctl *ctl)
{
    return plain(ctl);
}

int command_ping(struct ctl *ctl)
{
    return plain(ctl);
}
