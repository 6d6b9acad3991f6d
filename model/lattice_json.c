#include "model/lattice_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/lattice_json_parts.h"

void reader_at(struct reader *reader, const char *section, const char *key, const size_t *index)
{
    reader->place[0] = (struct json_step){.key = section};
    reader->place[1] = (struct json_step){.key = key};
    reader->place[2] = (struct json_step){.index = index ? *index : 0};
    reader->n_step = index ? 3 : key ? 2 : 1;
}

struct source {
    const char *name, *text;
    size_t size;
};

static enum rc complain(const char *what)
{
    return err_set(RC_INPUT, "%s", what);
}

enum rc reader_keep_name(struct reader *reader, const char *what, const char *name,
                         const char **kept)
{
    size_t size = strlen(name) + 1;

    if (size < 2 || size > LATTICE_MAX_NAME + 1)
        return err_set(RC_INPUT, "%s '%.64s': a name has 1 to %d characters", what, name,
                       LATTICE_MAX_NAME);
    /* reserve_names counted every name of the file: what does not fit is a fault of ours. */
    if (size + 1 > reader->names_left)
        return err_set(RC_STATE, "storage of names too small");
    memcpy(reader->names_end, name, size);
    *kept = reader->names_end;
    reader->names_end += size;
    reader->names_left -= size;
    return RC_OK;
}

/* ---- names ---- */

static size_t size_of_keys(const json_t *object)
{
    json_t *walked = (json_t *) (uintptr_t) object; /* jansson walks no const object */
    size_t size = 0;

    for (void *at = json_object_iter(walked); at; at = json_object_iter_next(walked, at))
        size += strlen(json_object_iter_key(at)) + 1;
    return size;
}

static size_t size_of_devices(const json_t *list)
{
    size_t size = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *name =
            json_string_value(json_is_object(item) ? json_object_get(item, "name") : item);

        size += name ? strlen(name) + 1 : 0;
    }
    return size;
}

static enum rc reserve_names(struct reader *reader)
{
    const json_t *x_ext = json_object_get(reader->root, "x_ext");
    size_t size = 2 + size_of_keys(json_object_get(reader->root, "elements")) +
                  size_of_devices(json_object_get(x_ext, "bpms")) +
                  size_of_devices(json_object_get(x_ext, "hcorrectors")) +
                  size_of_devices(json_object_get(x_ext, "vcorrectors"));

    reader->names = calloc(size, 1);
    reader->names_end = reader->names;
    reader->names_left = size;
    return reader->names ? RC_OK : err_set(RC_NOMEM, "no memory for %zu bytes of names", size);
}

/* ---- elements and lines ---- */

static enum rc add_to_index(struct reader *reader, const char *name, json_int_t value)
{
    if (json_object_get(reader->index, name))
        return err_set(RC_INPUT, "'%.64s' is an element and a line", name);
    if (json_object_set_new(reader->index, name, json_integer(value)))
        return err_set(RC_NOMEM, "no memory for the index of names");
    return RC_OK;
}

static enum rc read_elements(struct reader *reader, const json_t *elements)
{
    json_t *walked = (json_t *) (uintptr_t) elements;
    void *at = json_object_iter(walked);

    reader->definition = calloc(json_object_size(elements) + 1, sizeof *reader->definition);
    if (!reader->definition)
        return err_set(RC_NOMEM, "no memory for %zu elements", json_object_size(elements));
    for (; at; at = json_object_iter_next(walked, at)) {
        struct element *element = &reader->definition[reader->n_definition];
        const char *name;
        enum rc rc;

        reader_at(reader, "elements", json_object_iter_key(at), NULL);
        rc = reader_keep_name(reader, "element", json_object_iter_key(at), &name);
        if (rc == RC_OK)
            rc = reader_element(name, json_object_iter_value(at), element);
        if (rc == RC_OK)
            rc = add_to_index(reader, name, reader->n_definition++);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static enum rc read_lines(struct reader *reader, const json_t *lattices)
{
    json_t *walked = (json_t *) (uintptr_t) lattices;
    void *at = json_object_iter(walked);

    reader->line = calloc(json_object_size(lattices) + 1, sizeof *reader->line);
    if (!reader->line)
        return err_set(RC_NOMEM, "no memory for %zu lines", json_object_size(lattices));
    for (; at; at = json_object_iter_next(walked, at)) {
        struct line *line = &reader->line[reader->n_line];
        enum rc rc;

        line->name = json_object_iter_key(at);
        reader_at(reader, "lattices", line->name, NULL);
        line->items = json_object_iter_value(at);
        if (strlen(line->name) > LATTICE_MAX_NAME)
            return err_set(RC_INPUT, "line '%.64s': the name is longer than %d characters",
                           line->name, LATTICE_MAX_NAME);
        if (!json_is_array(line->items))
            return err_set(RC_INPUT, "line '%s' is not a list", line->name);
        rc = add_to_index(reader, line->name, -1 - (json_int_t) reader->n_line++);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* ---- the file as a whole ---- */

static enum rc check_keys(struct reader *reader)
{
    static const char *const known[] = {"version", "title",    "info",     "energy",
                                        "root",    "elements", "lattices", "x_ext"};
    json_t *walked = (json_t *) (uintptr_t) reader->root;

    for (void *at = json_object_iter(walked); at; at = json_object_iter_next(walked, at)) {
        const char *key = json_object_iter_key(at);
        bool found = false;

        reader_at(reader, key, NULL, NULL);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found = found || !strcmp(known[i], key);
        if (!found)
            return err_set(RC_INPUT, "top-level key '%.64s' is not known", key);
    }
    return RC_OK;
}

static enum rc check_header(struct reader *reader)
{
    const char *version = json_string_value(json_object_get(reader->root, "version"));

    reader_at(reader, "version", NULL, NULL);
    if (!json_is_object(reader->root))
        return complain("is not a JSON object");
    if (!version)
        return complain("the key 'version' is missing or not a text");
    if (strlen(version) != 3 || strncmp(version, "2.", 2) != 0 || version[2] < '0' ||
        version[2] > '2')
        return err_set(RC_INPUT, "version '%.16s' is not 2.0, 2.1 or 2.2", version);
    if (!json_is_string(json_object_get(reader->root, "root")))
        return complain("the key 'root' is missing or not a text");
    if (!json_is_object(json_object_get(reader->root, "elements")))
        return complain("the key 'elements' is missing or not an object");
    if (!json_is_object(json_object_get(reader->root, "lattices")))
        return complain("the key 'lattices' is missing or not an object");
    return check_keys(reader);
}

static enum rc read_text(struct reader *reader, const char *key, char **text)
{
    const json_t *value = json_object_get(reader->root, key);

    reader_at(reader, key, NULL, NULL);
    if (!value)
        return RC_OK;
    if (!json_is_string(value))
        return err_set(RC_INPUT, "the key '%s' is not a text", key);
    *text = strdup(json_string_value(value));
    return *text ? RC_OK : err_set(RC_NOMEM, "no memory for '%s'", key);
}

static enum rc read_energy(struct reader *reader)
{
    const json_t *value = json_object_get(reader->root, "energy");
    double energy = json_number_value(value);

    reader_at(reader, "energy", NULL, NULL);
    if (!value)
        return RC_OK;
    if (!json_is_number(value) || !isfinite(energy) || energy < 0)
        return complain("the energy is not a number of GeV, 0 or more");
    reader->lattice->energy_gev = energy;
    return RC_OK;
}

/* From x_ext, else that of the fundamental cavities. */
static enum rc read_harmonic(struct reader *reader)
{
    const json_t *x_ext = json_object_get(reader->root, "x_ext");
    const json_t *value = json_object_get(x_ext, "harmonic_number");
    double turns_per_s = 299792458.0 / reader->lattice->circumference_m;
    json_int_t h = json_integer_value(value);

    reader_at(reader, "x_ext", "harmonic_number", NULL);
    if (json_is_null(value))
        return RC_OK;
    if (value && (!json_is_integer(value) || h < 1 || h > 1000000))
        return complain("x_ext.harmonic_number is not an integer from 1 to 1000000");
    if (!value)
        h = (json_int_t) fmin(1e6, round(reader->lattice->rf_frequency_hz / turns_per_s));
    reader->lattice->harmonic_number = (uint32_t) h;
    return RC_OK;
}

static enum rc read_ring(struct reader *reader)
{
    enum rc rc = check_header(reader);

    if (rc == RC_OK)
        rc = reserve_names(reader);
    if (rc == RC_OK)
        rc = read_elements(reader, json_object_get(reader->root, "elements"));
    if (rc == RC_OK)
        rc = read_lines(reader, json_object_get(reader->root, "lattices"));
    if (rc == RC_OK)
        rc = reader_expand(reader, json_string_value(json_object_get(reader->root, "root")));
    if (rc == RC_OK)
        rc = read_text(reader, "title", &reader->lattice->title);
    if (rc == RC_OK)
        rc = read_text(reader, "info", &reader->lattice->info);
    if (rc == RC_OK)
        rc = read_energy(reader);
    if (rc == RC_OK)
        rc = read_harmonic(reader);
    if (rc == RC_OK)
        rc = reader_devices(reader, json_object_get(reader->root, "x_ext"));
    return rc;
}

static enum rc read_root(struct reader *reader, struct lattice **lattice)
{
    enum rc rc;

    reader->index = json_object();
    rc = reader->index ? read_ring(reader) : err_set(RC_NOMEM, "no memory for an index");
    if (rc == RC_OK) {
        reader->lattice->names = reader->names;
        *lattice = reader->lattice;
    } else {
        free(reader->names);
        lattice_destroy(reader->lattice);
    }
    json_decref(reader->index);
    free(reader->definition);
    free(reader->line);
    return rc;
}

/* What failed in reading, with the line where. */
static enum rc add_line(const struct reader *reader, const struct source *source, enum rc rc)
{
    uint32_t line = json_text_line(source->text, source->size, reader->place, reader->n_step);

    return line ? err_add(rc, "%s:%u", source->name, line) : err_add(rc, "%s", source->name);
}

enum rc lattice_json_parse(struct lattice **lattice, const char *text, size_t size,
                           const char *source)
{
    struct reader reader = {.n_step = 0};
    json_error_t error;
    json_t *root;
    enum rc rc;

    if (size > LATTICE_JSON_MAX_BYTES)
        return err_set(RC_RANGE, "%s: larger than %d bytes", source, LATTICE_JSON_MAX_BYTES);
    rc = json_text_check(text, size, source, NULL);
    if (rc != RC_OK)
        return rc;
    root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return json_text_fault(&error, text, source, NULL);
    reader.root = root;
    rc = read_root(&reader, lattice);
    if (rc != RC_OK)
        rc = add_line(&reader, &(struct source){source, text, size}, rc);
    json_decref(root); /* keys in reader.place are its own */
    return rc;
}
