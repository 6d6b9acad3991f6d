#include <stdlib.h>
#include <string.h>

#include "model/lattice_json_parts.h"

/* ---- lines ---- */

struct chain {
    uint32_t depth;
    const struct line *open[LATTICE_MAX_DEPTH];
};

static enum rc name_cycle(const struct chain *chain, const struct line *again)
{
    char text[400];
    uint32_t first = 0;
    size_t used = 0;

    while (chain->open[first] != again)
        first++;
    for (uint32_t i = first; i < chain->depth && used < sizeof text; i++)
        used +=
            (size_t) snprintf(text + used, sizeof text - used, "%s -> ", chain->open[i]->name);
    return err_set(RC_INPUT, "line '%s' contains itself: %s%s", again->name, text, again->name);
}

static enum rc measure_line(struct reader *reader, struct line *line, struct chain *chain);

static enum rc measure_item(struct reader *reader, const struct line *line, const json_t *item,
                            struct chain *chain, uint32_t *n_element)
{
    const char *name = json_string_value(item);
    const json_t *found = name ? json_object_get(reader->index, name) : NULL;
    json_int_t i = json_integer_value(found);
    struct line *inner;
    enum rc rc;

    if (!name)
        return err_set(RC_INPUT, "line '%s' has an entry that is not a name", line->name);
    if (!found)
        return err_set(RC_INPUT, "line '%s' names '%.64s', which is neither element nor line",
                       line->name, name);
    if (i >= 0) {
        *n_element = 1;
        return RC_OK;
    }
    inner = &reader->line[-1 - i];
    rc = measure_line(reader, inner, chain);
    *n_element = inner->n_element;
    return rc;
}

static enum rc measure_items(struct reader *reader, struct line *line, struct chain *chain)
{
    size_t n = json_array_size(line->items);

    for (size_t i = 0; i < n; i++) {
        uint32_t inner = 0;
        enum rc rc;

        reader_at(reader, "lattices", line->name, &i);
        rc = measure_item(reader, line, json_array_get(line->items, i), chain, &inner);
        if (rc != RC_OK)
            return rc;
        reader_at(reader, "lattices", line->name, &i);
        line->n_element += inner;
        if (line->n_element > LATTICE_MAX_ELEMENTS)
            return err_set(RC_RANGE, "line '%s' has more than %d elements", line->name,
                           LATTICE_MAX_ELEMENTS);
    }
    return RC_OK;
}

/* Counts the elements of a line, each line once: lines that double at every level cost nothing.
 */
static enum rc measure_line(struct reader *reader, struct line *line, struct chain *chain)
{
    enum rc rc;

    if (line->state == LINE_DONE)
        return RC_OK;
    if (line->state == LINE_OPEN)
        return name_cycle(chain, line);
    if (chain->depth == LATTICE_MAX_DEPTH)
        return err_set(RC_RANGE, "line '%s' lies deeper than %d lines", line->name,
                       LATTICE_MAX_DEPTH);
    line->state = LINE_OPEN;
    chain->open[chain->depth++] = line;
    rc = measure_items(reader, line, chain);
    chain->depth--;
    line->state = LINE_DONE;
    return rc;
}

/* Depth and absence of cycles were checked by measure_line. */
static void lay_out(const struct reader *reader, const struct line *line, uint32_t *at)
{
    size_t n = line->n_element ? json_array_size(line->items) : 0;

    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(line->items, i));
        json_int_t k = json_integer_value(json_object_get(reader->index, name));

        if (k >= 0)
            reader->lattice->element[(*at)++] = reader->definition[k];
        else
            lay_out(reader, &reader->line[-1 - k], at);
    }
}

enum rc reader_expand(struct reader *reader, const char *root)
{
    const json_t *found = json_object_get(reader->index, root);
    json_int_t i = json_integer_value(found);
    struct chain chain = {0};
    uint32_t at = 0;
    enum rc rc;

    reader_at(reader, "root", NULL, NULL);
    if (!found || i >= 0)
        return err_set(RC_INPUT, "root '%.64s' is not a line", root);
    rc = measure_line(reader, &reader->line[-1 - i], &chain);
    if (rc == RC_OK)
        rc = lattice_create(&reader->lattice, reader->line[-1 - i].n_element);
    if (rc != RC_OK)
        return rc;
    lay_out(reader, &reader->line[-1 - i], &at);
    reader_at(reader, "root", NULL, NULL);
    rc = lattice_finish(reader->lattice);
    return rc == RC_OK ? rc : err_add(rc, "line '%s'", root);
}

/* ---- devices ---- */

struct entry {
    const char *list;
    size_t number; /* from 0 */
};

static enum rc complain(const struct entry *entry, const char *what, const char *name)
{
    return err_set(RC_INPUT, "x_ext.%s[%zu]: %s '%.64s'", entry->list, entry->number, what,
                   name);
}

/* By position: the element there must have the name. */
static enum rc place_by_index(const struct reader *reader, const struct entry *entry,
                              const json_t *index, const char *name, uint32_t *place)
{
    json_int_t i = json_integer_value(index);

    if (!json_is_integer(index) || i < 0 || i >= reader->lattice->n_element)
        return complain(entry, "index is not that of an element, for", name);
    if (strcmp(reader->lattice->element[i].name, name) != 0)
        return complain(entry, "index is that of another element than", name);
    *place = (uint32_t) i;
    return RC_OK;
}

/* By name: alone, it must be the only one; else its occurrence along the ring is told. */
static enum rc place_by_name(const struct reader *reader, const struct entry *entry,
                             const json_t *occurrence, const char *name, uint32_t *place)
{
    json_int_t n = json_integer_value(occurrence);
    int64_t found;

    if (occurrence && (!json_is_integer(occurrence) || n < 0 || n > LATTICE_MAX_ELEMENTS))
        return complain(entry, "occurrence is not a number from 0, for", name);
    found = lattice_find(reader->lattice, name, (uint32_t) n);
    if (found < 0)
        return complain(entry, "the ring has no such element or occurrence:", name);
    if (!occurrence && lattice_find(reader->lattice, name, 1) >= 0)
        return complain(entry, "give index or occurrence: the ring repeats", name);
    *place = (uint32_t) found;
    return RC_OK;
}

static enum rc read_device(struct reader *reader, const struct entry *entry, const json_t *item,
                           struct lattice_device *device)
{
    const json_t *object = json_is_object(item) ? item : NULL;
    const char *name = json_string_value(object ? json_object_get(object, "name") : item);
    const char *element = json_string_value(json_object_get(object, "element"));
    const json_t *index = json_object_get(object, "index");
    enum rc rc;

    if (!name)
        return complain(entry, "has no name", "");
    if (!element)
        element = name;
    rc = reader_keep_name(reader, entry->list, name, &device->name);
    if (rc != RC_OK)
        return rc;
    if (index)
        return place_by_index(reader, entry, index, element, &device->element);
    return place_by_name(reader, entry, json_object_get(object, "occurrence"), element,
                         &device->element);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct lattice_device *) left)->name,
                  ((const struct lattice_device *) right)->name);
}

static enum rc refuse_twice(const char *list, const struct lattice_device *device, uint32_t n)
{
    struct lattice_device *sorted = malloc((n + 1) * sizeof *sorted);
    enum rc rc = RC_OK;

    if (!sorted)
        return err_set(RC_NOMEM, "no memory for %u devices", n);
    if (n)
        memcpy(sorted, device, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    for (uint32_t i = 1; i < n && rc == RC_OK; i++)
        if (!strcmp(sorted[i].name, sorted[i - 1].name))
            rc = err_set(RC_INPUT, "x_ext.%s has '%s' twice", list, sorted[i].name);
    free(sorted);
    return rc;
}

static enum rc read_list(struct reader *reader, const json_t *x_ext, const char *list,
                         struct lattice_device **device, uint32_t *n_device)
{
    const json_t *items = json_object_get(x_ext, list);
    size_t n = json_array_size(items);
    enum rc rc = RC_OK;

    reader_at(reader, "x_ext", list, NULL);
    if (items && !json_is_array(items))
        return err_set(RC_INPUT, "x_ext.%s is not a list", list);
    *device = calloc(n + 1, sizeof **device);
    if (!*device)
        return err_set(RC_NOMEM, "no memory for %zu devices", n);
    for (size_t i = 0; i < n && rc == RC_OK; i++) {
        struct entry entry = {list, i};

        reader_at(reader, "x_ext", list, &i);
        rc = read_device(reader, &entry, json_array_get(items, i), &(*device)[i]);
    }
    *n_device = (uint32_t) n;
    return rc == RC_OK ? refuse_twice(list, *device, *n_device) : rc;
}

enum rc reader_devices(struct reader *reader, const json_t *x_ext)
{
    struct lattice *lattice = reader->lattice;
    enum rc rc;

    reader_at(reader, "x_ext", NULL, NULL);
    if (x_ext && !json_is_object(x_ext))
        return err_set(RC_INPUT, "x_ext is not an object");
    rc = read_list(reader, x_ext, "bpms", &lattice->bpm, &lattice->n_bpm);
    if (rc == RC_OK)
        rc = read_list(reader, x_ext, "hcorrectors", &lattice->hcorrector,
                       &lattice->n_hcorrector);
    if (rc == RC_OK)
        rc = read_list(reader, x_ext, "vcorrectors", &lattice->vcorrector,
                       &lattice->n_vcorrector);
    return rc;
}
