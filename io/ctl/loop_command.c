/* orbitctl loop design: margins of a law on a machine, before anybody closes the loop. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/loop/show.h"
#include "io/ctl/plot/figure.h"

static struct design_request request;
static const char *plot;
static bool force;

/* "h=FILE" or "v=FILE", as often as it is given. */
static enum rc take_planes(struct args *args, const char *option,
                           const char *path[DESIGN_PLANES])
{
    for (;;) {
        const char *text = NULL;
        enum rc rc = args_take_text(args, option, &text);

        if (rc != RC_OK || !text)
            return rc;
        if ((text[0] != 'h' && text[0] != 'v') || text[1] != '=' || text[2] == '\0')
            return err_set(RC_INPUT, "%s wants h=FILE or v=FILE, not '%s'", option, text);
        path[text[0] == 'v'] = text + 2;
    }
}

static enum rc take_kind(const char *word, size_t length)
{
    for (int kind = 0; kind < MISMATCH_KINDS; kind++) {
        const char *name = mismatch_name((enum mismatch_kind) kind);
        size_t n = strlen(name);
        char *end;

        if (length <= n || strncmp(word, name, n) != 0 || word[n] != '=')
            continue;
        request.size[kind] = strtod(word + n + 1, &end);
        if (end != word + length || !(request.size[kind] > 0) || request.size[kind] > 1)
            return err_set(RC_RANGE, "--mismatch %s: above 0 and up to 1", name);
        return RC_OK;
    }
    return err_set(RC_INPUT, "--mismatch: gains=, elements=, tune=, beta=, not '%.*s'",
                   (int) length, word);
}

static enum rc take_mismatch(struct args *args)
{
    const char *text = NULL;
    enum rc rc = args_take_text(args, "--mismatch", &text);

    while (rc == RC_OK && text && *text) {
        size_t length = strcspn(text, ",");

        rc = take_kind(text, length);
        text += length + (text[length] == ',');
    }
    return rc;
}

static enum rc take_options(struct args *args)
{
    double modes = 0, trials = 20, seed = 1;
    enum rc rc = take_planes(args, "--matrix", request.matrix);

    force = args_take_flag(args, "--force");
    if (rc == RC_OK)
        rc = take_planes(args, "--response", request.response);
    if (rc == RC_OK)
        rc = args_take_text(args, "--law", &request.law_path);
    if (rc == RC_OK)
        rc = args_take_text(args, "--plot", &plot);
    if (rc == RC_OK)
        rc = args_take_number(args, "--modes", 1, ORBIT_MAX_COL, &modes);
    if (rc == RC_OK)
        rc = args_take_number(args, "--trials", 1, 10000, &trials);
    if (rc == RC_OK)
        rc = args_take_number(args, "--seed", 0, 1e9, &seed);
    if (rc == RC_OK)
        rc = take_mismatch(args);
    request.modes = (uint32_t) modes;
    request.trials = (uint32_t) trials;
    request.seed = (uint64_t) seed;
    if (rc == RC_OK && plot && !figure_knows(plot))
        rc = err_set(RC_INPUT, "--plot %s: the name must end in .svg or .png", plot);
    return rc;
}

static enum rc work(bool json, bool *enough)
{
    struct design design;
    enum rc rc = design_load(&design, &request);

    if (rc == RC_OK)
        rc = design_compute(&design);
    if (rc == RC_OK && json)
        design_print_json(&design);
    else if (rc == RC_OK)
        design_print(stdout, &design);
    if (rc == RC_OK && plot)
        rc = design_draw(&design, plot);
    *enough = rc == RC_OK && design.enough;
    design_free(&design);
    return rc;
}

int command_loop(struct ctl *ctl)
{
    bool enough;
    enum rc rc = take_options(&ctl->args);

    if (rc == RC_OK)
        rc = args_finish(&ctl->args, 1, 2);
    if (rc == RC_OK && (strcmp(ctl->args.item[0], "design") != 0))
        rc = err_set(RC_INPUT, "loop design, not loop %s", ctl->args.item[0]);
    request.config_path = ctl->args.count == 2 ? ctl->args.item[1] : ctl->config_path;
    if (rc == RC_OK && !request.config_path)
        rc = err_set(RC_INPUT, "which configuration?");
    if (rc != RC_OK)
        return ctl_usage(ctl);
    rc = work(ctl->json, &enough);
    if (rc != RC_OK)
        return ctl_fail(rc);
    return enough || force ? CTL_DONE : CTL_FAILED;
}
