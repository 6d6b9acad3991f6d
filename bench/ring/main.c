/* orbit-ring: a virtual storage ring that speaks EPICS like the real machine. See orbit-ring.8.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/ring/ring.h"
#include "bench/ring/serve.h"

static const char usage[] =
    "usage: orbit-ring --config FILE [--check-floor | --print-reference]\n"
    "  --config FILE       configuration of the instance\n"
    "  --check-floor       prints rms orbit error before correction and the least-squares "
    "floor\n"
    "  --print-reference   prints the reference orbit that beam-based alignment gives\n"
    "  --help              this text\n";

enum task { TASK_SERVE, TASK_FLOOR, TASK_REFERENCE };

struct options {
    const char *config;
    enum task task;
};

static void refuse(const char *why)
{
    fprintf(stderr, "orbit-ring: %s\n%s", why, usage);
    exit(2);
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"check-floor", no_argument, NULL, 'f'},
                                          {"print-reference", no_argument, NULL, 'r'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.task = TASK_SERVE};
    int letter;

    while ((letter = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        if (letter == 'c') {
            options.config = optarg;
        } else if (letter == 'f') {
            options.task = TASK_FLOOR;
        } else if (letter == 'r') {
            options.task = TASK_REFERENCE;
        } else if (letter == 'h') {
            fputs(usage, stdout);
            exit(0);
        } else {
            refuse("see the options");
        }
    }
    if (optind < argc)
        refuse("no further arguments are taken");
    if (!options.config)
        refuse("--config is missing");
    return options;
}

static void print_floor(const struct ring *ring)
{
    const struct floor_result *floor = &ring->floor;

    printf("%s, seed %lld: %u BPMs, %u H and %u V correctors\n", ring->devices.machine,
           (long long) ring->cfg.virtual_seed, ring_bpms(ring), (unsigned) ring->devices.n_h,
           (unsigned) ring->devices.n_v);
    printf("rms before correction  x %9.3f um  y %9.3f um\n", floor->before_m[0] * 1e6,
           floor->before_m[1] * 1e6);
    printf("least-squares floor    x %9.3f um  y %9.3f um  (%u iterations)\n",
           floor->after_m[0] * 1e6, floor->after_m[1] * 1e6, floor->iterations);
    printf("kicks of the floor     rms %.2f urad, largest %.2f urad\n",
           floor->kick_rms_rad * 1e6, floor->kick_max_rad * 1e6);
}

static enum rc perform(struct ring *ring, enum task task)
{
    if (task == TASK_SERVE)
        return serve(ring);
    if (task == TASK_FLOOR)
        print_floor(ring);
    else
        ring_print_reference(ring, stdout);
    return RC_OK;
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    struct ring ring;
    enum rc rc = ring_open(&ring, options.config);

    if (!rc)
        rc = perform(&ring, options.task);
    if (rc)
        fprintf(stderr, "orbit-ring: %s\n", err_text());
    ring_close(&ring);
    return rc ? 1 : 0;
}
