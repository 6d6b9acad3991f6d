#include "model/lattice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum rc lattice_create(struct lattice **lattice, uint32_t n_element)
{
    struct lattice *made;

    if (n_element > LATTICE_MAX_ELEMENTS)
        return err_set(RC_RANGE, "a ring of %u elements: the limit is %d", n_element,
                       LATTICE_MAX_ELEMENTS);
    made = calloc(1, sizeof *made);
    if (!made)
        return err_set(RC_NOMEM, "no memory for a ring");
    made->n_element = n_element;
    made->element = calloc((size_t) n_element + 1, sizeof *made->element);
    made->s_m = calloc((size_t) n_element + 1, sizeof *made->s_m);
    if (!made->element || !made->s_m) {
        lattice_destroy(made);
        return err_set(RC_NOMEM, "no memory for a ring of %u elements", n_element);
    }
    for (uint32_t i = 0; i < n_element; i++)
        made->element[i] = (struct element){.name = "", .n_slices = 10};
    *lattice = made;
    return RC_OK;
}

void lattice_destroy(struct lattice *lattice)
{
    if (!lattice)
        return;
    free(lattice->element);
    free(lattice->s_m);
    free(lattice->bpm);
    free(lattice->hcorrector);
    free(lattice->vcorrector);
    free(lattice->title);
    free(lattice->info);
    free(lattice->names);
    free(lattice);
}

/* ---- finishing ---- */

static enum rc check_element(const struct element *element, uint32_t index)
{
    if (!isfinite(element->length_m) || element->length_m < 0.0)
        return err_set(RC_INPUT, "element %u '%s': length %g is not a length", index,
                       element->name, element->length_m);
    if (element->kind == ELEMENT_DIPOLE && element->length_m <= 0.0 &&
        fabs(element->angle_rad) > 0)
        return err_set(RC_INPUT, "element %u '%s': a dipole that bends needs a length", index,
                       element->name);
    if (element->length_m <= 0.0 && element->order > 0)
        return err_set(RC_INPUT, "element %u '%s': a strength without length has no effect",
                       index, element->name);
    return RC_OK;
}

static void find_order(struct element *element)
{
    element->order = 0;
    for (uint32_t n = 1; n < ELEMENT_TERMS; n++)
        if (fabs(element->b[n]) > 0 || fabs(element->a[n]) > 0)
            element->order = n;
}

/* Pointers to equal names are equal strings nearly always, but nothing here relies on it. */
static int by_name_then_place(const void *left, const void *right)
{
    const struct element *const *a = left, *const *b = right;
    int order = strcmp((*a)->name, (*b)->name);

    return order ? order : (*a > *b) - (*a < *b);
}

static enum rc count_occurrences(struct lattice *lattice)
{
    struct element **sorted = calloc((size_t) lattice->n_element + 1, sizeof *sorted);

    if (!sorted)
        return err_set(RC_NOMEM, "no memory for sorting %u elements", lattice->n_element);
    for (uint32_t i = 0; i < lattice->n_element; i++)
        sorted[i] = &lattice->element[i];
    qsort(sorted, lattice->n_element, sizeof *sorted, by_name_then_place);
    for (uint32_t i = 0; i < lattice->n_element; i++)
        sorted[i]->occurrence = i && !strcmp(sorted[i]->name, sorted[i - 1]->name)
                                    ? sorted[i - 1]->occurrence + 1
                                    : 0;
    free(sorted);
    return RC_OK;
}

/* The fundamental system is the one of lowest frequency: higher-harmonic cavities ride on it.
 */
static void find_rf_frequency(struct lattice *lattice)
{
    double lowest = 0;

    for (uint32_t i = 0; i < lattice->n_element; i++) {
        double f = lattice->element[i].frequency_hz;

        if (lattice->element[i].kind == ELEMENT_CAVITY && f > 0 && (lowest <= 0 || f < lowest))
            lowest = f;
    }
    lattice->rf_frequency_hz = lowest;
}

enum rc lattice_finish(struct lattice *lattice)
{
    double s = 0;

    for (uint32_t i = 0; i < lattice->n_element; i++) {
        enum rc rc;

        find_order(&lattice->element[i]);
        rc = check_element(&lattice->element[i], i);
        if (rc != RC_OK)
            return rc;
        lattice->s_m[i] = s;
        s += lattice->element[i].length_m;
    }
    lattice->s_m[lattice->n_element] = s;
    lattice->circumference_m = s;
    if (!(s > 0) || !isfinite(s))
        return err_set(RC_INPUT, "the ring has no length");
    find_rf_frequency(lattice);
    return count_occurrences(lattice);
}

/* ---- copying ---- */

static void *duplicate(const void *memory, size_t size, bool *failed)
{
    void *copy = memory && size ? malloc(size) : NULL;

    if (copy)
        memcpy(copy, memory, size);
    else if (memory && size)
        *failed = true;
    return copy;
}

/* Names are kept as they are in the storage of the original: the same offset in the copy's
 * storage. */
static const char *moved(const char *name, const struct lattice *from, const struct lattice *to)
{
    return from->names ? to->names + (name - from->names) : name;
}

static void move_devices(struct lattice_device *device, uint32_t n, const struct lattice *from,
                         const struct lattice *to)
{
    for (uint32_t i = 0; i < n; i++)
        device[i].name = moved(device[i].name, from, to);
}

static struct lattice_device *duplicate_devices(const struct lattice_device *device, uint32_t n,
                                                bool *failed)
{
    return duplicate(device, n * sizeof *device, failed);
}

/* Bytes of the storage behind the names: strings one after the other, an empty one ends it. */
static size_t names_size(const char *names)
{
    const char *at = names;

    while (at && *at)
        at += strlen(at) + 1;
    return at ? (size_t) (at - names) + 1 : 0;
}

static void copy_parts(struct lattice *to, const struct lattice *from, bool *failed)
{
    size_t points = (size_t) from->n_element + 1;

    *to = *from;
    to->element = duplicate(from->element, points * sizeof *to->element, failed);
    to->s_m = duplicate(from->s_m, points * sizeof *to->s_m, failed);
    to->bpm = duplicate_devices(from->bpm, from->n_bpm, failed);
    to->hcorrector = duplicate_devices(from->hcorrector, from->n_hcorrector, failed);
    to->vcorrector = duplicate_devices(from->vcorrector, from->n_vcorrector, failed);
    to->title = duplicate(from->title, from->title ? strlen(from->title) + 1 : 0, failed);
    to->info = duplicate(from->info, from->info ? strlen(from->info) + 1 : 0, failed);
    to->names = duplicate(from->names, names_size(from->names), failed);
}

enum rc lattice_copy(struct lattice **copy, const struct lattice *lattice)
{
    bool failed = false;
    struct lattice *made = calloc(1, sizeof *made);

    if (!made)
        return err_set(RC_NOMEM, "no memory for a copy of the ring");
    copy_parts(made, lattice, &failed);
    if (failed) {
        lattice_destroy(made);
        return err_set(RC_NOMEM, "no memory for a copy of the ring");
    }
    for (uint32_t i = 0; i < made->n_element; i++)
        made->element[i].name = moved(made->element[i].name, lattice, made);
    move_devices(made->bpm, made->n_bpm, lattice, made);
    move_devices(made->hcorrector, made->n_hcorrector, lattice, made);
    move_devices(made->vcorrector, made->n_vcorrector, lattice, made);
    *copy = made;
    return RC_OK;
}

/* ---- access ---- */

enum rc lattice_set_field(struct lattice *lattice, uint32_t element, uint32_t n, bool skew,
                          double value)
{
    struct element *target;

    if (element >= lattice->n_element)
        return err_set(RC_RANGE, "element %u: the ring has %u", element, lattice->n_element);
    target = &lattice->element[element];
    if (n >= ELEMENT_TERMS)
        return err_set(RC_RANGE, "element %u '%s': multipole %u, the highest is %d", element,
                       target->name, n, ELEMENT_TERMS - 1);
    if (!isfinite(value))
        return err_set(RC_RANGE, "element %u '%s': strength is not a finite number", element,
                       target->name);
    (skew ? target->a : target->b)[n] = value;
    find_order(target);
    return RC_OK;
}

enum rc lattice_set_field_named(struct lattice *lattice, const char *name, int64_t occurrence,
                                const struct lattice_field *field)
{
    uint32_t set = 0;

    for (uint32_t i = 0; i < lattice->n_element; i++) {
        const struct element *element = &lattice->element[i];
        enum rc rc;

        if (strcmp(element->name, name) != 0 ||
            (occurrence != LATTICE_EVERY_OCCURRENCE && element->occurrence != occurrence))
            continue;
        rc = lattice_set_field(lattice, i, field->n, field->skew, field->value);
        if (rc != RC_OK)
            return rc;
        set++;
    }
    if (!set && occurrence != LATTICE_EVERY_OCCURRENCE)
        return err_set(RC_RANGE, "the ring has no occurrence %lld of an element '%.64s'",
                       (long long) occurrence, name);
    return set ? RC_OK : err_set(RC_RANGE, "the ring has no element '%.64s'", name);
}

int64_t lattice_find(const struct lattice *lattice, const char *name, uint32_t occurrence)
{
    for (uint32_t i = 0; i < lattice->n_element; i++)
        if (lattice->element[i].occurrence == occurrence &&
            !strcmp(lattice->element[i].name, name))
            return i;
    return -1;
}

int64_t lattice_find_device(const struct lattice_device *device, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (!strcmp(device[i].name, name))
            return i;
    return -1;
}
