/* orbitctl get: quantities of the points table, once. */
#include <stdio.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"
#include "io/ctl/values.h"

static enum rc print_all(const struct values *values, const struct points_source *source)
{
    enum rc rc = RC_OK;

    for (unsigned i = 0; i < values->n && rc == RC_OK; i++)
        rc = value_print(stdout, values->point[i], source);
    return rc;
}

static enum rc print_json(const struct values *values, const struct points_source *source)
{
    json_t *root = values_json(values, source);

    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(root);
    return RC_OK;
}

int command_get(struct ctl *ctl)
{
    static struct session session;
    struct values values;
    int code = CTL_DONE;
    enum rc rc;

    if (args_take_flag(&ctl->args, "--list")) {
        values_list(stdout);
        return CTL_DONE;
    }
    if (args_finish(&ctl->args, 1, -1) != RC_OK)
        return ctl_usage(ctl);
    rc = values_find(&values, ctl->args.count, ctl->args.item);
    if (rc != RC_OK)
        return ctl_fail(rc);
    if (!session_open(&session, ctl, &code))
        return code;
    rc = session_read(&session);
    if (rc == RC_OK)
        rc = ctl->json ? print_json(&values, &session.points)
                       : print_all(&values, &session.points);
    if (rc != RC_OK)
        code = ctl_fail(rc);
    session_close(&session);
    return code;
}
