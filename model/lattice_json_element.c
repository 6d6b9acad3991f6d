#include <math.h>
#include <stddef.h>
#include <string.h>

#include "model/lattice_json_parts.h"

#define BIT(kind) (1u << (kind))

enum {
    ANY = 0x3ff,
    MAGNET = 1u << ELEMENT_DIPOLE | 1u << ELEMENT_QUADRUPOLE | 1u << ELEMENT_SEXTUPOLE |
             1u << ELEMENT_OCTUPOLE | 1u << ELEMENT_MULTIPOLE,
    BEND = 1u << ELEMENT_DIPOLE,
    CALIBRATED = 1u << ELEMENT_DIPOLE | 1u << ELEMENT_QUADRUPOLE | 1u << ELEMENT_SEXTUPOLE |
                 1u << ELEMENT_OCTUPOLE,
    STEERS = 1u << ELEMENT_CORRECTOR | MAGNET,
    RF = 1u << ELEMENT_CAVITY
};

enum treatment {
    STORE,        /* goes to the field at `offset`, times `factor` */
    SLICES,       /* a count */
    POLYNOM,      /* a list of coefficients at `offset` */
    RADIUS,       /* another way to say angle */
    MUST_BE_ZERO, /* an effect that the model does not have */
    HARMONIC,     /* read for the ring as a whole */
    TEXT,         /* any string */
    NO_EFFECT     /* a number that plays no part in the orbit */
};

struct attribute {
    const char *name;
    unsigned kinds;
    enum treatment treatment;
    size_t offset;
    double factor;
};

#define FIELD(member) offsetof(struct element, member)
#define FIELD_B(n)    (offsetof(struct element, b) + (n) * sizeof(double))

static const struct attribute attributes[] = {
    {"length", ANY, STORE, FIELD(length_m), 1},
    {"info", ANY, TEXT, 0, 0},
    {"dx", ANY, STORE, FIELD(dx_m), 1},
    {"dy", ANY, STORE, FIELD(dy_m), 1},
    {"ds", ANY, STORE, FIELD(ds_m), 1},
    {"tilt", ANY, STORE, FIELD(roll_rad), 1},
    {"n_slices", MAGNET, SLICES, 0, 0},
    {"angle", BEND, STORE, FIELD(angle_rad), 1},
    {"radius", BEND, RADIUS, 0, 0},
    {"e1", BEND, STORE, FIELD(e1_rad), 1},
    {"e2", BEND, STORE, FIELD(e2_rad), 1},
    {"h1", BEND, MUST_BE_ZERO, 0, 0},
    {"h2", BEND, MUST_BE_ZERO, 0, 0},
    {"fint1", BEND, STORE, FIELD(fint1), 1},
    {"fint2", BEND, STORE, FIELD(fint2), 1},
    {"gap", BEND, STORE, FIELD(gap_m), 1},
    {"k1", BEND | BIT(ELEMENT_QUADRUPOLE), STORE, FIELD_B(1), 1},
    {"k2", BEND | BIT(ELEMENT_SEXTUPOLE), STORE, FIELD_B(2), 1.0 / 2},
    {"k3", BIT(ELEMENT_OCTUPOLE), STORE, FIELD_B(3), 1.0 / 6},
    {"polynom_a", MAGNET, POLYNOM, FIELD(a), 1},
    {"polynom_b", MAGNET, POLYNOM, FIELD(b), 1},
    {"hkick", STEERS, STORE, FIELD(hkick_rad), 1},
    {"vkick", STEERS, STORE, FIELD(vkick_rad), 1},
    {"conversion_factor_ps_value", CALIBRATED, NO_EFFECT, 0, 0},
    {"voltage", RF, STORE, FIELD(voltage_v), 1},
    {"frequency", RF, STORE, FIELD(frequency_hz), 1},
    {"lag", RF, STORE, FIELD(lag_m), 1},
    {"harmonic_number", RF, HARMONIC, 0, 0},
    {"phase", RF, NO_EFFECT, 0, 0},
    {"fiducial", RF, TEXT, 0, 0},
    {"end1_focus", RF, NO_EFFECT, 0, 0},
    {"end2_foucs", RF, NO_EFFECT, 0, 0}, /* spelt so by the format */
};

static const char *const kind_names[] = {
    [ELEMENT_DRIFT] = "Drift",           [ELEMENT_MARKER] = "Marker",
    [ELEMENT_MONITOR] = "Monitor",       [ELEMENT_CORRECTOR] = "Corrector",
    [ELEMENT_CAVITY] = "Cavity",         [ELEMENT_DIPOLE] = "Dipole",
    [ELEMENT_QUADRUPOLE] = "Quadrupole", [ELEMENT_SEXTUPOLE] = "Sextupole",
    [ELEMENT_OCTUPOLE] = "Octupole",     [ELEMENT_MULTIPOLE] = "Multipole",
};

/* Where we are, for messages. */
struct place {
    const char *element, *attribute;
};

static enum rc complain(const struct place *place, const char *what)
{
    return err_set(RC_INPUT, "element '%s': %s%s%s%s", place->element,
                   place->attribute ? "attribute '" : "",
                   place->attribute ? place->attribute : "", place->attribute ? "' " : "",
                   what);
}

static enum rc read_number(const struct place *place, const json_t *value, double *number)
{
    if (!json_is_number(value))
        return complain(place, "is not a number");
    *number = json_number_value(value);
    return isfinite(*number) ? RC_OK : complain(place, "is not finite");
}

static enum rc read_slices(const struct place *place, const json_t *value,
                           struct element *element)
{
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < 1 || n > LATTICE_MAX_SLICES)
        return complain(place, "is not an integer from 1 to 1000");
    element->n_slices = (uint32_t) n;
    return RC_OK;
}

/* A strength may be said as k1, k2, k3 and as a coefficient: then both must say the same. */
static enum rc put(const struct place *place, double *field, double value)
{
    if (fabs(*field) > 0 && fabs(*field - value) > 1e-12 * fabs(value))
        return complain(place, "contradicts another attribute that gives the same strength");
    *field = value;
    return RC_OK;
}

static enum rc read_polynom(const struct place *place, const json_t *list, double *coefficients)
{
    size_t n = json_array_size(list);

    if (!json_is_array(list))
        return complain(place, "is not a list of numbers");
    if (n > ELEMENT_TERMS)
        return complain(place, "has more than 16 coefficients");
    for (size_t i = 0; i < n; i++) {
        double value = 0;
        enum rc rc = read_number(place, json_array_get(list, i), &value);

        if (rc == RC_OK && fabs(value) > 0)
            rc = put(place, &coefficients[i], value);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static double *field_at(struct element *element, size_t offset)
{
    return (double *) (void *) ((char *) element + offset);
}

static enum rc read_store(const struct place *place, const struct attribute *attribute,
                          const json_t *value, struct element *element)
{
    double number = 0;
    enum rc rc = read_number(place, value, &number);

    if (rc != RC_OK)
        return rc;
    return put(place, field_at(element, attribute->offset), number * attribute->factor);
}

/* Numbers without a field of their own: they must be numbers, and some must be zero. */
static enum rc read_other(const struct place *place, const struct attribute *attribute,
                          const json_t *value)
{
    double number = 0;
    enum rc rc;

    if (attribute->treatment == TEXT)
        return json_is_string(value) ? RC_OK : complain(place, "is not a text");
    rc = read_number(place, value, &number);
    if (rc == RC_OK && attribute->treatment == MUST_BE_ZERO && fabs(number) > 0)
        return complain(place, "is not zero: the model has no such effect");
    if (rc == RC_OK && attribute->treatment == HARMONIC && !(number >= 1 && number < 1e9))
        return complain(place, "is not a harmonic number");
    return rc;
}

static enum rc read_attribute(const struct place *place, const struct attribute *attribute,
                              const json_t *value, struct element *element)
{
    switch (attribute->treatment) {
    case STORE:
        return read_store(place, attribute, value, element);
    case SLICES:
        return read_slices(place, value, element);
    case POLYNOM:
        return read_polynom(place, value, field_at(element, attribute->offset));
    case RADIUS: /* needs the length: see read_radius */
    case MUST_BE_ZERO:
    case HARMONIC:
    case TEXT:
    case NO_EFFECT:
        break;
    }
    return read_other(place, attribute, value);
}

static const struct attribute *find_attribute(const char *name, enum element_kind kind)
{
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        if (!strcmp(attributes[i].name, name))
            return attributes[i].kinds & BIT(kind) ? &attributes[i] : NULL;
    return NULL;
}

static enum rc read_kind(const struct place *place, const json_t *type, enum element_kind *kind)
{
    const char *name = json_string_value(type);

    if (!name)
        return complain(place, "the type is not a text");
    for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++) {
        if (!strcmp(kind_names[i], name)) {
            *kind = (enum element_kind) i;
            return RC_OK;
        }
    }
    return err_set(RC_INPUT, "element '%s': type '%.64s' is not known", place->element, name);
}

/* angle = length/radius; once all attributes are there. */
static enum rc read_radius(struct place *place, const json_t *attrs, struct element *element)
{
    const json_t *value = json_object_get(attrs, "radius");
    double radius = json_number_value(value);

    place->attribute = "radius";
    if (!value || fabs(radius) <= 0)
        return value ? complain(place, "is zero") : RC_OK;
    if (fabs(element->angle_rad) <= 0)
        element->angle_rad = element->length_m / radius;
    if (fabs(element->angle_rad * radius - element->length_m) > 1e-6 * element->length_m)
        return complain(place, "contradicts length and angle");
    return RC_OK;
}

static bool has_gradient(const struct element *element)
{
    for (int n = 1; n < ELEMENT_TERMS; n++)
        if (fabs(element->b[n]) > 0 || fabs(element->a[n]) > 0)
            return true;
    return false;
}

static enum rc check_complete(struct place *place, const json_t *attrs,
                              const struct element *element)
{
    place->attribute = NULL;
    if (!json_object_get(attrs, "length"))
        return complain(place, "the length is missing");
    if (element->length_m < 0)
        return complain(place, "the length is negative");
    if (element->kind == ELEMENT_CAVITY &&
        (!json_object_get(attrs, "voltage") || !json_object_get(attrs, "frequency")))
        return complain(place, "a Cavity needs voltage and frequency");
    if (element->kind == ELEMENT_CAVITY && element->frequency_hz <= 0)
        return complain(place, "the frequency is not above zero");
    if (fabs(element->e1_rad) > 1.5 || fabs(element->e2_rad) > 1.5)
        return complain(place, "an edge angle is beyond 1.5 rad");
    if (element->kind == ELEMENT_DIPOLE && element->length_m <= 0)
        return complain(place, "a Dipole needs a length");
    if (element->length_m <= 0 && has_gradient(element))
        return complain(place, "a strength without length has no effect");
    return RC_OK;
}

static enum rc read_attributes(struct place *place, const json_t *attrs,
                               struct element *element)
{
    const char *key;
    const json_t *value;
    /* jansson has no way to walk a const object; nothing is changed. */
    json_t *walked = (json_t *) (uintptr_t) attrs;
    void *at;

    for (at = json_object_iter(walked); at; at = json_object_iter_next(walked, at)) {
        const struct attribute *attribute;
        enum rc rc;

        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        attribute = find_attribute(key, element->kind);
        place->attribute = NULL;
        if (!attribute)
            return err_set(RC_INPUT, "element '%s': a %s has no attribute '%.64s'",
                           place->element, kind_names[element->kind], key);
        place->attribute = key;
        rc = read_attribute(place, attribute, value, element);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc reader_element(const char *name, const json_t *entry, struct element *element)
{
    struct place place = {.element = name};
    const json_t *attrs = json_array_get(entry, 1);
    enum rc rc;

    *element = (struct element){.name = name, .n_slices = 10};
    if (json_array_size(entry) != 2 || !json_is_object(attrs))
        return complain(&place, "is not a list of a type and an object of attributes");
    rc = read_kind(&place, json_array_get(entry, 0), &element->kind);
    if (rc == RC_OK)
        rc = read_attributes(&place, attrs, element);
    if (rc == RC_OK)
        rc = check_complete(&place, attrs, element);
    if (rc == RC_OK && element->kind == ELEMENT_DIPOLE)
        rc = read_radius(&place, attrs, element);
    return rc;
}
