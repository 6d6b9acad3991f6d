/* orbitctl replay: the loop's own code on a recording. */
#include <inttypes.h>
#include <stdio.h>

#include "io/ctl/ctl.h"
#include "io/replay/playback.h"

enum { PATH_SIZE = CFG_PATH_SIZE + 300 };

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

int command_replay(struct ctl *ctl)
{
    struct playback played;
    char path[PATH_SIZE];
    enum rc rc;

    if (args_finish(&ctl->args, 1, 1) != RC_OK)
        return ctl_usage(ctl);
    ctl_find_recording(ctl, ctl->args.item[0], path, sizeof path);
    rc = playback_run(&played, path);
    return rc == RC_OK ? print_result(&played) : ctl_fail(rc);
}
