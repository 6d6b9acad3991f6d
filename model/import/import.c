#include "model/import/import.h"

#include <string.h>
#include <strings.h>

#include "model/import/parts.h"
#include "model/lattice_json.h"

static const struct {
    const char *word, *ending;
} formats[] = {
    [IMPORT_LATTICE_JSON] = {"latticejson", ".json"},
    [IMPORT_AT_JSON] = {"at", NULL},
    [IMPORT_MADX] = {"madx", ".seq"},
    [IMPORT_ELEGANT] = {"elegant", ".lte"},
};

enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);

    return n > m && !strcasecmp(name + n - m, ending);
}

/* pyAT writes "atjson" or, before it had that key, objects with "FamName". */
static bool is_at_json(const char *text, size_t size)
{
    return memmem(text, size, "\"atjson\"", 8) || memmem(text, size, "\"FamName\"", 9);
}

enum import_format import_format_of(const char *name, const char *text, size_t size)
{
    for (int i = IMPORT_LATTICE_JSON; i < N_FORMATS; i++) {
        if (!formats[i].ending || !ends_with(name, formats[i].ending))
            continue;
        return i == IMPORT_LATTICE_JSON && is_at_json(text, size) ? IMPORT_AT_JSON
                                                                  : (enum import_format) i;
    }
    return ends_with(name, ".madx") || ends_with(name, ".mad") ? IMPORT_MADX : IMPORT_UNKNOWN;
}

const char *import_format_word(enum import_format format)
{
    return format == IMPORT_UNKNOWN ? "unknown" : formats[format].word;
}

enum import_format import_format_named(const char *word)
{
    for (int i = IMPORT_LATTICE_JSON; i < N_FORMATS; i++)
        if (!strcmp(formats[i].word, word))
            return (enum import_format) i;
    return IMPORT_UNKNOWN;
}

static enum rc build(struct builder *builder)
{
    switch (builder->source->format) {
    case IMPORT_AT_JSON:
        return at_json_read(builder);
    case IMPORT_MADX:
        return madx_read(builder);
    case IMPORT_ELEGANT:
        return elegant_read(builder);
    case IMPORT_LATTICE_JSON:
    case IMPORT_UNKNOWN:
        break;
    }
    return err_set(RC_INPUT,
                   "%s: the format is not known: say --format latticejson, at, madx or elegant",
                   builder->source->name);
}

/* LatticeJSON may leave the energy out; a ring needs one. */
static enum rc read_lattice_json(struct lattice **lattice, const struct import_source *source,
                                 struct import_report *report)
{
    enum rc rc = lattice_json_parse(lattice, source->text, source->size, source->name);

    if (rc != RC_OK)
        return rc;
    lattice_notes(source, report);
    if (!((*lattice)->energy_gev > 0))
        (*lattice)->energy_gev = source->energy_gev;
    if ((*lattice)->energy_gev > 0)
        return RC_OK;
    lattice_destroy(*lattice);
    *lattice = NULL;
    return err_set(RC_INPUT, "%s: no energy is given: say --energy GEV", source->name);
}

enum rc import_parse(struct lattice **lattice, const struct import_source *source,
                     struct import_report *report)
{
    struct builder builder = {.source = source, .report = report};
    enum rc rc;

    if (source->format == IMPORT_LATTICE_JSON)
        return read_lattice_json(lattice, source, report);
    if (source->size > IMPORT_MAX_BYTES)
        return err_set(RC_RANGE, "%s: %zu bytes: the limit is %d", source->name, source->size,
                       IMPORT_MAX_BYTES);
    rc = build(&builder);
    if (rc == RC_OK)
        rc = builder_finish(&builder, lattice);
    builder_free(&builder);
    return rc;
}
