/* orbitctl endpoints: who of this instance serves on which port. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"

/* A process that was killed leaves its entry behind. */
static bool is_alive(const json_t *entry)
{
    json_int_t pid = json_integer_value(json_object_get(entry, "pid"));

    return pid > 0 && (kill((pid_t) pid, 0) == 0 || errno == EPERM);
}

static void drop_dead(json_t *root)
{
    const char *program;
    json_t *entry;
    void *next;

    json_object_foreach_safe(root, next, program, entry) if (!is_alive(entry))
        json_object_del(root, program);
}

static void print_entry(const char *program, const json_t *entry)
{
    const char *name;
    json_t *value;

    printf("%-15s", program);
    json_object_foreach((json_t *) (uintptr_t) entry, name, value)
    {
        if (json_is_integer(value))
            printf(" %s %lld", name, (long long) json_integer_value(value));
        else if (json_is_string(value))
            printf(" %s %s", name, json_string_value(value));
    }
    putchar('\n');
}

static void print_all(json_t *root, bool as_json)
{
    const char *program;
    json_t *entry;

    if (as_json) {
        json_dumpf(root, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
        putchar('\n');
        return;
    }
    json_object_foreach(root, program, entry) print_entry(program, entry);
    if (json_object_size(root) == 0)
        puts("nobody serves");
}

int command_endpoints(struct ctl *ctl)
{
    static struct session session;
    char path[CFG_PATH_SIZE];
    json_error_t error;
    json_t *root;
    enum rc rc;

    if (args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    rc = session_locate(&session, ctl);
    if (rc != RC_OK)
        return ctl_fail(rc);
    cfg_endpoints_path(&session.cfg, path, sizeof path);
    session_close(&session);
    root = json_load_file(path, 0, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        return ctl_fail(err_set(RC_GONE, "nobody serves: %s: %s", path, error.text));
    }
    drop_dead(root);
    print_all(root, ctl->json);
    json_decref(root);
    return CTL_DONE;
}
