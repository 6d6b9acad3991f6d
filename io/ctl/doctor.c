/* orbitctl doctor: is this host fit for the loop, and what would make it so? */
#include <jansson.h>
#include <stdio.h>

#include "io/ctl/ctl.h"
#include "io/ctl/hostcheck.h"
#include "io/ctl/session.h"
#include "rt/base/timer_mode.h"

static const char *const words[] = {"OK", "degraded", "BAD"};

static void print_table(const struct finding *finding, unsigned n, unsigned worst)
{
    for (unsigned i = 0; i < n; i++) {
        printf("%-9s %-13s %s\n", words[finding[i].fitness], finding[i].name, finding[i].found);
        if (!finding[i].remedy[0])
            continue;
        printf("%23s why: %s\n", "", finding[i].why);
        printf("%23s -> %s (host guide: %s)\n", "", finding[i].remedy, finding[i].section);
    }
    printf("\nThis host is %s.\n",
           worst == FITNESS_OK ? "good for the loop"
           : worst == FITNESS_DEGRADED
               ? "usable for the loop, degraded: it runs, its tail of late cycles is longer"
               : "not fit for the loop");
    if (worst != FITNESS_OK)
        printf("Host guide: host.md, with the documentation of orbitd (in the sources "
               "config/host/README.md).\n");
}

static void print_json(const struct finding *finding, unsigned n, unsigned worst)
{
    json_t *root = json_pack("{s:s}", "verdict", words[worst]), *checks = json_array();

    for (unsigned i = 0; i < n; i++)
        json_array_append_new(
            checks, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", finding[i].name,
                              "verdict", words[finding[i].fitness], "found", finding[i].found,
                              "why", finding[i].remedy[0] ? finding[i].why : "", "remedy",
                              finding[i].remedy, "guide", finding[i].section));
    json_object_set_new(root, "checks", checks);
    json_dumpf(root, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(root);
}

/* Defaults without a configuration: the host can be judged before there is one. */
static enum rc find_needs(const struct ctl *ctl, struct host_needs *needs)
{
    static struct session session;
    struct ctl with_default = *ctl;
    enum rc rc;

    if (!ctl->config_path && !ctl->instance)
        with_default.instance = "orbitd";
    rc = session_locate(&session, &with_default);
    *needs = (struct host_needs){
        .core = (int) session.cfg.loop_core,
        .priority = (int) session.cfg.loop_priority,
        .spin = session.cfg.loop_timer == TIMER_SPIN,
        .memory_b = ((uint64_t) session.cfg.record_size_mib + 32) << 20,
    };
    session_close(&session);
    return rc;
}

int command_doctor(struct ctl *ctl)
{
    struct finding finding[HOSTCHECK_MAX];
    struct host_needs needs;
    unsigned n, worst = FITNESS_OK;
    enum rc rc;

    if (args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    rc = find_needs(ctl, &needs);
    if (rc != RC_OK)
        return ctl_fail(rc);
    n = hostcheck_run(&needs, finding);
    for (unsigned i = 0; i < n; i++)
        if (finding[i].fitness > worst)
            worst = finding[i].fitness;
    if (ctl->json)
        print_json(finding, n, worst);
    else
        print_table(finding, n, worst);
    return worst == FITNESS_BAD ? CTL_FAILED : CTL_DONE;
}
