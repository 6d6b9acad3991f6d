#include "io/ctl/ring/request.h"

#include <stdlib.h>
#include <string.h>

#include "io/ctl/plot/figure.h"
#include "io/ctl/ring/change.h"

static const char *const mode_words[] = {
    [RING_4D] = "4d", [RING_FIXED_RF] = "fixed-rf", [RING_6D] = "6d"};
static const char *const integrator_words[] = {
    [INTEGRATOR_EXACT] = "exact", [INTEGRATOR_AT] = "at"};

const char *mode_word(enum ring_mode mode)
{
    return mode_words[mode];
}

const char *integrator_word(enum integrator integrator)
{
    return integrator_words[integrator];
}

/* ---- options ------------------------------------------------------------------------- */

static enum rc take_integrator(struct request *request, struct args *args)
{
    const char *word = NULL;
    enum rc rc = args_take_text(args, "--integrator", &word);

    if (rc != RC_OK || !word)
        return rc;
    for (int i = INTEGRATOR_EXACT; i <= INTEGRATOR_AT; i++) {
        if (strcmp(word, integrator_words[i]) == 0) {
            request->integrator = (enum integrator) i;
            return RC_OK;
        }
    }
    return err_set(RC_INPUT, "--integrator %s: wants exact or at", word);
}

/* One of the words between the bars of `modes`? */
static bool allows(const char *modes, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = modes; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, word, n) == 0 && (at[n] == '|' || !at[n]))
            return n > 0;
    }
    return false;
}

static enum rc take_mode(struct request *request, struct args *args, const char *modes)
{
    const char *word = NULL;
    enum rc rc = args_take_text(args, "--mode", &word);

    if (rc != RC_OK || !word)
        return rc;
    for (int i = RING_4D; i <= RING_6D; i++) {
        if (strcmp(word, mode_words[i]) == 0 && allows(modes, word)) {
            request->mode = (enum ring_mode) i;
            return RC_OK;
        }
    }
    return err_set(RC_INPUT, "--mode %s: wants %s", word, modes);
}

static enum rc take_changes(struct request *request, struct args *args, const char *option,
                            enum change_kind kind)
{
    enum rc rc = RC_OK;

    while (rc == RC_OK) {
        const char *text = NULL;

        rc = args_take_text(args, option, &text);
        if (rc != RC_OK || !text)
            return rc;
        if (request->n_change == REQUEST_MAX_CHANGES)
            return err_set(RC_RANGE, "more than %d changes", REQUEST_MAX_CHANGES);
        request->change[request->n_change].kind = kind;
        request->change[request->n_change++].text = text;
    }
    return rc;
}

static enum rc take_outputs(struct request *request, struct args *args)
{
    enum rc rc = args_take_text(args, "--csv", &request->csv);

    if (rc == RC_OK)
        rc = args_take_text(args, "--plot", &request->plot);
    if (rc == RC_OK)
        rc = args_take_number(args, "--from", 0, 1e6, &request->from_m);
    if (rc == RC_OK)
        rc = args_take_number(args, "--to", 0, 1e6, &request->to_m);
    if (rc != RC_OK)
        return rc;
    if (request->plot && !figure_knows(request->plot))
        return err_set(RC_INPUT, "--plot %s: wants a file that ends in .svg or .png",
                       request->plot);
    if (request->json && request->csv && strcmp(request->csv, "-") == 0)
        return err_set(RC_INPUT, "--json and --csv - both want the standard output");
    return RC_OK;
}

enum rc request_take(struct request *request, struct args *args, bool json, const char *modes)
{
    enum rc rc;

    *request = (struct request){.json = json};
    rc = take_integrator(request, args);
    if (rc == RC_OK && modes)
        rc = take_mode(request, args, modes);
    if (rc == RC_OK)
        rc = take_outputs(request, args);
    if (rc == RC_OK)
        rc = lattice_file_take(&request->file, args, "--format");
    if (rc == RC_OK)
        rc = currents_take(&request->currents, args);
    if (rc == RC_OK)
        rc = take_changes(request, args, "--set", CHANGE_SET);
    if (rc == RC_OK)
        rc = take_changes(request, args, "--scale", CHANGE_SCALE);
    if (rc == RC_OK)
        rc = take_changes(request, args, "--kick", CHANGE_KICK);
    return rc;
}

/* ---- the ring ------------------------------------------------------------------------ */

static enum rc make_changes(struct request *request)
{
    enum rc rc = RC_OK;

    for (uint32_t i = 0; rc == RC_OK && i < request->n_change; i++) {
        const char *text = request->change[i].text;

        if (request->change[i].kind == CHANGE_SET)
            rc = change_set(request->ring, text, NULL);
        else if (request->change[i].kind == CHANGE_SCALE)
            rc = change_scale(request->ring, text, NULL);
        else
            rc = change_kick(request->ring, text);
    }
    return rc;
}

static enum rc check_range(struct request *request)
{
    double end = request->ring->circumference_m;

    if (request->to_m <= 0)
        request->to_m = end;
    if (request->from_m >= request->to_m || request->to_m > end * (1 + 1e-12))
        return err_set(RC_RANGE, "--from %g --to %g: wants a part of 0 to %g m",
                       request->from_m, request->to_m, end);
    return RC_OK;
}

enum rc request_load(struct request *request, const char *path)
{
    enum rc rc;

    request->path = path;
    rc = lattice_file_read(&request->file, path, &request->before);
    if (request->file.source.format != IMPORT_LATTICE_JSON)
        lattice_file_tell(&request->file);
    if (rc == RC_OK)
        rc = lattice_copy(&request->ring, request->before);
    if (rc == RC_OK)
        rc = currents_apply(&request->currents, path, request->ring);
    if (rc == RC_OK)
        rc = make_changes(request);
    if (rc == RC_OK)
        rc = check_range(request);
    return rc;
}

void request_free(struct request *request)
{
    lattice_destroy(request->ring);
    lattice_destroy(request->before);
    request->ring = request->before = NULL;
    lattice_file_free(&request->file);
}

uint32_t request_changes(const struct request *request)
{
    return request->n_change + request->currents.n + (request->currents.reference != NULL);
}

/* ---- results ------------------------------------------------------------------------- */

bool request_wants_text(const struct request *request)
{
    return !request->json && !(request->csv && strcmp(request->csv, "-") == 0);
}

enum rc output_open(FILE **file, const char *path)
{
    *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    return *file ? RC_OK : err_sys("cannot write %s", path);
}

enum rc output_close(FILE *file, const char *path)
{
    int bad = ferror(file) | fflush(file);

    if (file != stdout)
        bad |= fclose(file);
    return bad ? err_sys("cannot write all of %s", path) : RC_OK;
}
