#include "model/import/builder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum rc complain(const struct builder *b, enum rc rc, const char *name, uint32_t line,
                        const char *what)
{
    if (line)
        return err_set(rc, "%s:%u: element '%.64s': %s", b->source->name, line, name, what);
    return err_set(rc, "element %u '%.64s': %s", b->n, name, what);
}

static const char *fault_of_numbers(const struct element *e)
{
    double sum = e->angle_rad + e->hkick_rad + e->vkick_rad + e->e1_rad + e->e2_rad + e->fint1 +
                 e->fint2 + e->gap_m + e->dx_m + e->dy_m + e->roll_rad + e->voltage_v +
                 e->frequency_hz;

    for (int n = 0; n < ELEMENT_TERMS; n++)
        sum += e->a[n] + e->b[n];
    if (!isfinite(e->length_m))
        return "the length is not finite";
    if (e->length_m < 0)
        return "the length is negative";
    if (!isfinite(sum))
        return "an attribute is not finite";
    return NULL;
}

static const char *fault_of(const struct element *e)
{
    const char *fault = fault_of_numbers(e);

    if (fault)
        return fault;
    if (e->kind == ELEMENT_DIPOLE && e->length_m <= 0)
        return "a bend needs a length";
    if (fabs(e->e1_rad) > 1.5 || fabs(e->e2_rad) > 1.5)
        return "an edge angle is beyond 1.5 rad";
    if (e->n_slices < 1 || e->n_slices > LATTICE_MAX_SLICES)
        return "the number of slices is not 1 to 1000";
    return NULL;
}

static enum rc keep_name(struct builder *b, const char *name, size_t *offset)
{
    size_t size = strlen(name) + 1;

    if (b->names_size + size + 1 > b->names_capacity) {
        size_t capacity = 2 * b->names_capacity + 4096;
        char *names = realloc(b->names, capacity);

        if (!names)
            return err_set(RC_NOMEM, "no memory for names");
        b->names = names;
        b->names_capacity = capacity;
    }
    memcpy(b->names + b->names_size, name, size);
    *offset = b->names_size;
    b->names_size += size;
    return RC_OK;
}

static enum rc make_room(struct builder *b)
{
    uint32_t capacity = 2 * b->capacity + 64;
    struct builder_entry *entry;

    if (b->n < b->capacity)
        return RC_OK;
    if (capacity > LATTICE_MAX_ELEMENTS)
        capacity = LATTICE_MAX_ELEMENTS;
    entry = realloc(b->entry, capacity * sizeof *entry);
    if (!entry)
        return err_set(RC_NOMEM, "no memory for %u elements", capacity);
    b->entry = entry;
    b->capacity = capacity;
    return RC_OK;
}

enum rc builder_add(struct builder *b, const char *name, const struct element *element,
                    unsigned devices, uint32_t line)
{
    const char *fault = fault_of(element);
    struct builder_entry *entry;
    enum rc rc;

    if (!name[0] || strlen(name) > LATTICE_MAX_NAME)
        fault = "a name has 1 to 63 characters";
    if (fault)
        return complain(b, RC_INPUT, name, line, fault);
    if (b->n >= LATTICE_MAX_ELEMENTS)
        return complain(b, RC_RANGE, name, line, "more than 100000 elements");
    rc = make_room(b);
    if (rc != RC_OK)
        return rc;
    entry = &b->entry[b->n];
    entry->element = *element;
    entry->devices = devices;
    rc = keep_name(b, name, &entry->name);
    b->n += rc == RC_OK;
    return rc;
}

/* ---- the lattice ---- */

static int by_name(const void *left, const void *right)
{
    const struct element *const *a = left, *const *b = right;

    return strcmp((*a)->name, (*b)->name);
}

/* Marks the elements whose name occurs once. */
static enum rc find_unique(const struct lattice *l, bool *unique)
{
    const struct element **sorted = calloc((size_t) l->n_element + 1, sizeof(*sorted));

    if (!sorted)
        return err_set(RC_NOMEM, "no memory for sorting %u elements", l->n_element);
    for (uint32_t i = 0; i < l->n_element; i++)
        sorted[i] = &l->element[i];
    qsort(sorted, l->n_element, sizeof(*sorted), by_name);
    for (uint32_t i = 0; i < l->n_element; i++)
        unique[sorted[i] - l->element] =
            !(i && !strcmp(sorted[i]->name, sorted[i - 1]->name)) &&
            !(i + 1 < l->n_element && !strcmp(sorted[i]->name, sorted[i + 1]->name));
    free(sorted);
    return RC_OK;
}

/* A device has its element's name; where the ring repeats that, "NAME#k" for occurrence k. */
static enum rc name_devices(struct builder *b, const struct lattice *l)
{
    bool *unique = calloc((size_t) l->n_element + 1, sizeof *unique);
    enum rc rc = unique ? find_unique(l, unique) : err_set(RC_NOMEM, "no memory for devices");

    for (uint32_t i = 0; i < b->n && rc == RC_OK; i++) {
        char name[LATTICE_MAX_NAME + 16];
        struct builder_entry *entry = &b->entry[i];

        entry->device_name = entry->name;
        if (!entry->devices || unique[i])
            continue;
        snprintf(name, sizeof name, "%s#%u", b->names + entry->name, l->element[i].occurrence);
        rc = keep_name(b, name, &entry->device_name);
    }
    free(unique);
    return rc;
}

static enum rc list_devices(const struct builder *b, unsigned bit, struct lattice_device **list,
                            uint32_t *n)
{
    *list = calloc((size_t) b->n + 1, sizeof **list);
    if (!*list)
        return err_set(RC_NOMEM, "no memory for devices");
    for (uint32_t i = 0; i < b->n; i++) {
        const struct builder_entry *entry = &b->entry[i];

        if (entry->devices & bit)
            (*list)[(*n)++] = (struct lattice_device){b->names + entry->device_name, i};
    }
    return RC_OK;
}

/* Names have their final place only now. */
static void place_names(const struct builder *b, struct lattice *l)
{
    for (uint32_t i = 0; i < b->n; i++)
        l->element[i].name = b->names + b->entry[i].name;
}

static enum rc add_devices(struct builder *b, struct lattice *l)
{
    enum rc rc = name_devices(b, l);

    if (rc == RC_OK)
        rc = list_devices(b, DEVICE_BPM, &l->bpm, &l->n_bpm);
    if (rc == RC_OK)
        rc = list_devices(b, DEVICE_H, &l->hcorrector, &l->n_hcorrector);
    if (rc == RC_OK)
        rc = list_devices(b, DEVICE_V, &l->vcorrector, &l->n_vcorrector);
    return rc;
}

static enum rc fill(struct builder *b, struct lattice *l)
{
    enum rc rc;

    for (uint32_t i = 0; i < b->n; i++)
        l->element[i] = b->entry[i].element;
    place_names(b, l);
    rc = lattice_finish(l);
    if (rc != RC_OK)
        return err_add(rc, "%s", b->source->name);
    l->energy_gev = b->energy_gev > 0 ? b->energy_gev : b->source->energy_gev;
    l->harmonic_number = b->harmonic_number;
    l->title = b->title[0] ? strdup(b->title) : NULL;
    rc = add_devices(b, l);
    place_names(b, l);
    return rc;
}

enum rc builder_finish(struct builder *b, struct lattice **lattice)
{
    struct lattice *made;
    enum rc rc;

    if (!b->n)
        return err_set(RC_INPUT, "%s: the ring has no elements", b->source->name);
    if (!(b->energy_gev > 0) && !(b->source->energy_gev > 0))
        return err_set(RC_INPUT, "%s: no energy is given: say --energy GEV", b->source->name);
    rc = lattice_create(&made, b->n);
    if (rc != RC_OK)
        return rc;
    rc = fill(b, made);
    if (rc != RC_OK) {
        lattice_destroy(made);
        return rc;
    }
    b->names[b->names_size] = 0; /* keep_name left room for it */
    made->names = b->names;
    b->names = NULL;
    *lattice = made;
    return RC_OK;
}

void builder_free(struct builder *b)
{
    free(b->entry);
    free(b->names);
}
