/* orbitctl check: every fault of a configuration and of the files that it names, at once. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/reference.h"
#include "io/ctl/ctl.h"
#include "model/engine/inputs.h"

static struct cfg_faults faults;
static struct inputs inputs;

static void add_fault(void)
{
    if (faults.count++ < CFG_MAX_FAULTS)
        snprintf(faults.text[faults.count - 1], CFG_FAULT_SIZE, "%s", err_text());
}

/* Below the state folder it may come later: orbit-ring writes its own when it starts. */
static bool comes_later(const char *reference)
{
    char folder[CFG_PATH_SIZE];

    cfg_state_dir(&inputs.cfg, folder, sizeof folder);
    return strncmp(reference, folder, strlen(folder)) == 0 && access(reference, F_OK) != 0 &&
           errno == ENOENT;
}

static void check_reference(void)
{
    const char *path = inputs.cfg.ring_reference;
    double *reference;

    if (!path[0])
        return;
    if (comes_later(path)) {
        fprintf(stderr, "orbitctl: note: %s is not there yet\n", path);
        return;
    }
    reference = calloc(2 * inputs.devices.n_bpm + 1, sizeof *reference);
    if (!reference || reference_load(reference, &inputs.devices, path) != RC_OK)
        add_fault();
    free(reference);
}

/* A file that cannot be named need not be read: cfg_load has told that already. */
static void check_files(const char *path)
{
    if (!inputs.cfg.ring_devices[0] || !inputs.cfg.ring_lattice[0])
        return;
    if (inputs_load_machine(&inputs, path, &faults) == RC_OK)
        check_reference();
}

static void print_good(const char *path, bool print)
{
    if (print)
        cfg_print(stdout, &inputs.cfg);
    else
        printf("%s: good: %s, %" PRIu64 " BPMs, %" PRIu64 " H, %" PRIu64 " V, %" PRIu64
               " RF; %u elements\n",
               path, inputs.devices.machine, inputs.devices.n_bpm, inputs.devices.n_h,
               inputs.devices.n_v, inputs.devices.n_rf, inputs.lattice->n_element);
}

int command_check(struct ctl *ctl)
{
    bool print = args_take_flag(&ctl->args, "--print");
    const char *path;
    enum rc rc = args_finish(&ctl->args, ctl->config_path ? 0 : 1, 1);

    if (rc != RC_OK)
        return ctl_usage(ctl);
    path = ctl->args.count ? ctl->args.item[0] : ctl->config_path;
    rc = cfg_load(&inputs.cfg, path, &faults);
    if (rc != RC_OK && faults.count == 0)
        add_fault();
    check_files(path);
    cfg_faults_print(stderr, &faults);
    if (faults.count)
        fprintf(stderr, "%s: %zu fault%s\n", path, faults.count, faults.count > 1 ? "s" : "");
    else
        print_good(path, print);
    inputs_free(&inputs);
    return faults.count ? CTL_FAILED : CTL_DONE;
}
