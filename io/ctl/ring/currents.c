#include "io/ctl/ring/currents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ring/near.h"
#include "model/engine/inputs.h"

enum { PATH_SIZE = 4096 };

enum rc currents_take(struct currents *c, struct args *args)
{
    enum rc rc = args_take_text(args, "--magnets", &c->table);
    const char *text;

    if (rc == RC_OK)
        rc = args_take_text(args, "--reference", &c->reference);
    do {
        text = NULL;
        if (rc == RC_OK)
            rc = args_take_text(args, "--current", &text);
        if (text && c->n == CURRENTS_MAX)
            return err_set(RC_RANGE, "more than %d currents", CURRENTS_MAX);
        if (rc == RC_OK && text)
            c->text[c->n++] = text;
    } while (rc == RC_OK && text);
    return rc;
}

static enum rc unknown(const struct magnets *magnets, const char *name)
{
    struct near near = {.wanted = name, .n = 0};
    char text[NEAR_TEXT];

    for (uint32_t i = 0; i < magnets->n_converter; i++)
        near_offer(&near, magnets->converter[i].name);
    near_text(&near, text, sizeof text);
    return err_set(RC_INPUT, "there is no power converter %s%s", name, text);
}

/* NAME=value or NAME+=value */
static enum rc set_one(const struct magnets *magnets, const char *text, double *input)
{
    char name[MAGNETS_NAME_SIZE];
    size_t length = strcspn(text, "=+");
    bool add = text[length] == '+';
    const char *number = text + length + add + 1;
    char *end;
    double value;
    int64_t i;

    if (!text[length] || (add && text[length + 1] != '=') || length >= sizeof name)
        return err_set(RC_INPUT, "--current %s: wants NAME=value or NAME+=value", text);
    memcpy(name, text, length);
    name[length] = '\0';
    value = strtod(number, &end);
    if (end == number || *end)
        return err_set(RC_INPUT, "--current %s: '%s' is not a number", text, number);
    i = magnets_find(magnets, name);
    if (i < 0)
        return unknown(magnets, name);
    input[i] = add ? input[i] + value : value;
    return RC_OK;
}

static enum rc apply(const struct currents *c, const struct magnets *magnets,
                     struct lattice *lattice)
{
    double *input = calloc(magnets->n_converter, sizeof *input);
    enum rc rc = input ? RC_OK : err_set(RC_NOMEM, "no memory for currents");

    if (rc == RC_OK)
        magnets_reference_inputs(magnets, input);
    for (uint32_t i = 0; i < c->n && rc == RC_OK; i++)
        rc = set_one(magnets, c->text[i], input);
    if (rc == RC_OK)
        rc = magnets_apply(magnets, lattice, lattice->energy_gev, input);
    free(input);
    return rc;
}

static void default_table(const char *lattice_path, char *path)
{
    const char *slash = strrchr(lattice_path, '/');

    snprintf(path, PATH_SIZE, "%.*smagnets.json", slash ? (int) (slash - lattice_path + 1) : 0,
             lattice_path);
}

enum rc currents_apply(const struct currents *c, const char *lattice_path,
                       struct lattice *lattice)
{
    struct magnets *magnets;
    char path[PATH_SIZE];
    enum rc rc;

    if (!c->table && !c->reference && c->n == 0)
        return RC_OK;
    if (c->table)
        snprintf(path, sizeof path, "%s", c->table);
    else
        default_table(lattice_path, path);
    rc = magnets_load(&magnets, path, c->reference);
    if (rc != RC_OK)
        return rc;
    if (magnets->placeholder)
        fprintf(stderr, "orbitctl: warning: the conversions of %s are placeholders\n", path);
    rc = magnets_bind(magnets, lattice);
    if (rc == RC_OK)
        rc = apply(c, magnets, lattice);
    magnets_destroy(magnets);
    return rc;
}
