#include "io/ctl/ring/change.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ring/near.h"

enum { NAME_SIZE = 128 };

/* What a text of the command line says. */
struct change {
    const char *text;       /* all of it, for messages */
    char target[NAME_SIZE]; /* name or pattern */
    int64_t occurrence;     /* -1: all */
    char field[16];         /* "": none given */
    double value;
};

/* ---- fields -------------------------------------------------------------------------- */

struct field {
    const char *name;
    double limit;  /* of |value| */
    int n;         /* field coefficient, -1: a member of struct element */
    double factor; /* from the file's unit to that of the coefficient */
    size_t offset; /* n == -1: of the member */
};

static const struct field named[] = {
    {"k1", 1e3, 1, 1, 0},
    {"k2", 1e5, 2, 1. / 2, 0},
    {"k3", 1e7, 3, 1. / 6, 0},
    {"dx", 0.1, -1, 1, offsetof(struct element, dx_m)},
    {"dy", 0.1, -1, 1, offsetof(struct element, dy_m)},
    {"ds", 0.1, -1, 1, offsetof(struct element, ds_m)},
    {"tilt", 1.6, -1, 1, offsetof(struct element, roll_rad)},
    {"hkick", 0.1, -1, 1, offsetof(struct element, hkick_rad)},
    {"vkick", 0.1, -1, 1, offsetof(struct element, vkick_rad)},
};
enum { N_NAMED = sizeof named / sizeof named[0] };

struct target {
    struct field field;
    bool skew;
};

/* a0 ... a15 and b0 ... b15. */
static bool find_coefficient(struct target *target, const char *name)
{
    char *end;
    long n = strtol(name + 1, &end, 10);

    if ((name[0] != 'a' && name[0] != 'b') || end == name + 1 || *end || n < 0 ||
        n >= ELEMENT_TERMS)
        return false;
    target->field = (struct field){.name = name, .limit = 1e12, .n = (int) n, .factor = 1};
    target->skew = name[0] == 'a';
    return true;
}

static enum rc find_field(struct target *target, const struct change *change)
{
    for (int i = 0; i < N_NAMED; i++) {
        if (strcmp(named[i].name, change->field) == 0) {
            *target = (struct target){.field = named[i]};
            return RC_OK;
        }
    }
    if (find_coefficient(target, change->field))
        return RC_OK;
    return err_set(RC_INPUT,
                   "%s: there is no field %s; fields are k1, k2, k3, a0 to a%d, b0 to b%d, dx, "
                   "dy, ds, tilt, hkick, vkick",
                   change->text, change->field, ELEMENT_TERMS - 1, ELEMENT_TERMS - 1);
}

static double *member(struct element *element, const struct target *target)
{
    if (target->field.n >= 0)
        return (target->skew ? element->a : element->b) + target->field.n;
    return (double *) (void *) ((char *) element + target->field.offset);
}

static bool is_magnet(const struct element *element)
{
    return element->kind >= ELEMENT_DIPOLE;
}

static enum rc check_element(const struct change *change, const struct target *target,
                             const struct element *element)
{
    bool steers = strstr(target->field.name, "kick") || !strcmp(target->field.name, "tilt");

    if (is_magnet(element) || (steers && element->kind == ELEMENT_CORRECTOR))
        return RC_OK;
    return err_set(RC_INPUT, "%s: %s has no %s, it is not a magnet%s", change->text,
                   element->name, change->field, steers ? " or corrector" : "");
}

static enum rc check_value(const struct change *change, const struct target *target,
                           double value)
{
    if (fabs(value) > target->field.limit)
        return err_set(RC_RANGE, "%s: %s would be %g, outside -%g to %g", change->text,
                       change->field, value, target->field.limit, target->field.limit);
    return RC_OK;
}

static enum rc store(struct lattice *lattice, uint32_t i, const struct target *target,
                     double value)
{
    if (target->field.n >= 0)
        return lattice_set_field(lattice, i, (uint32_t) target->field.n, target->skew, value);
    *member(&lattice->element[i], target) = value;
    return RC_OK;
}

/* ---- the text ------------------------------------------------------------------------ */

static enum rc bad_form(const struct change *change, const char *wanted)
{
    return err_set(RC_INPUT, "%s: wants %s", change->text, wanted);
}

static enum rc read_value(struct change *change, const char *equals, const char *wanted)
{
    char *end;

    change->value = strtod(equals + 1, &end);
    if (end == equals + 1 || *end || !isfinite(change->value))
        return err_set(RC_INPUT, "%s: %s is not a number (wanted: %s)", change->text,
                       equals[1] ? equals + 1 : "nothing", wanted);
    return RC_OK;
}

static enum rc read_occurrence(struct change *change, const char *wanted)
{
    char *hash = strrchr(change->target, '#'), *end;

    change->occurrence = -1;
    if (!hash)
        return RC_OK;
    change->occurrence = strtol(hash + 1, &end, 10);
    if (end == hash + 1 || *end || change->occurrence < 0)
        return bad_form(change, wanted);
    *hash = '\0';
    return RC_OK;
}

/* The field stands behind the last dot, if what follows looks like one: names may have dots. */
static void split_field(struct change *change)
{
    char *dot = strrchr(change->target, '.');

    change->field[0] = '\0';
    if (!dot || strlen(dot + 1) >= sizeof change->field)
        return;
    snprintf(change->field, sizeof change->field, "%s", dot + 1);
    *dot = '\0';
}

static enum rc read_change(struct change *change, const char *text, const char *wanted)
{
    const char *equals = strrchr(text, '=');
    enum rc rc;

    *change = (struct change){.text = text, .occurrence = -1};
    if (!equals || equals == text || (size_t) (equals - text) >= sizeof change->target)
        return bad_form(change, wanted);
    memcpy(change->target, text, (size_t) (equals - text));
    rc = read_value(change, equals, wanted);
    if (rc != RC_OK)
        return rc;
    split_field(change);
    return read_occurrence(change, wanted);
}

/* ---- which elements ------------------------------------------------------------------ */

static bool fits(const struct change *change, const struct element *element)
{
    if (change->occurrence >= 0 && element->occurrence != change->occurrence)
        return false;
    return fnmatch(change->target, element->name, 0) == 0;
}

static enum rc none_fits(const struct lattice *lattice, const struct change *change)
{
    struct near near = {.wanted = change->target};
    char text[NEAR_TEXT], which[32] = "";

    if (change->occurrence >= 0)
        snprintf(which, sizeof which, " number %lld", (long long) change->occurrence);
    for (uint32_t i = 0; i < lattice->n_element; i++)
        near_offer(&near, lattice->element[i].name);
    near_text(&near, text, sizeof text);
    return err_set(RC_INPUT, "%s: the ring has no element %s%s%s", change->text, change->target,
                   which, text);
}

/* Checks every element first, so that a failure changes nothing. `scale`: value is a factor. */
static enum rc apply(struct lattice *lattice, const struct change *change, bool scale,
                     uint32_t *n)
{
    struct target target = {0};
    enum rc rc = find_field(&target, change);
    uint32_t found = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; rc == RC_OK && i < lattice->n_element; i++) {
            struct element *element = &lattice->element[i];
            double shown;

            if (!fits(change, element))
                continue;
            found += pass == 0;
            rc = check_element(change, &target, element);
            if (rc != RC_OK)
                break;
            shown = scale ? *member(element, &target) / target.field.factor * change->value
                          : change->value;
            rc = pass == 0 ? check_value(change, &target, shown)
                           : store(lattice, i, &target, shown * target.field.factor);
        }
    }
    if (rc == RC_OK && found == 0)
        return none_fits(lattice, change);
    if (n)
        *n = found;
    return rc;
}

enum rc change_set(struct lattice *lattice, const char *text, uint32_t *n)
{
    static const char wanted[] = "ELEMENT.field=value";
    struct change change;
    enum rc rc = read_change(&change, text, wanted);

    if (rc == RC_OK && !change.field[0])
        rc = bad_form(&change, wanted);
    return rc == RC_OK ? apply(lattice, &change, false, n) : rc;
}

/* ---- scaling ------------------------------------------------------------------------- */

/* First and last coefficient of the main strength; false: there is none. */
static bool main_strength(const struct element *element, uint32_t *first, uint32_t *last)
{
    static const uint32_t order[] = {[ELEMENT_DIPOLE] = 1,
                                     [ELEMENT_QUADRUPOLE] = 1,
                                     [ELEMENT_SEXTUPOLE] = 2,
                                     [ELEMENT_OCTUPOLE] = 3};

    if (!is_magnet(element))
        return false;
    *first = element->kind == ELEMENT_MULTIPOLE ? 0 : order[element->kind];
    *last = element->kind == ELEMENT_MULTIPOLE ? element->order : *first;
    return true;
}

static enum rc scale_one(struct lattice *lattice, uint32_t i, double factor)
{
    uint32_t first, last;
    enum rc rc = RC_OK;

    if (!main_strength(&lattice->element[i], &first, &last))
        return RC_OK;
    for (uint32_t n = first; rc == RC_OK && n <= last; n++) {
        rc = lattice_set_field(lattice, i, n, false, factor * lattice->element[i].b[n]);
        if (rc == RC_OK && lattice->element[i].kind == ELEMENT_MULTIPOLE)
            rc = lattice_set_field(lattice, i, n, true, factor * lattice->element[i].a[n]);
    }
    return rc;
}

static enum rc scale_main(struct lattice *lattice, const struct change *change, uint32_t *n)
{
    uint32_t found = 0, scaled = 0, first, last;
    enum rc rc = RC_OK;

    for (uint32_t i = 0; rc == RC_OK && i < lattice->n_element; i++) {
        if (!fits(change, &lattice->element[i]))
            continue;
        found++;
        scaled += main_strength(&lattice->element[i], &first, &last);
        rc = scale_one(lattice, i, change->value);
    }
    if (rc == RC_OK && found == 0)
        return none_fits(lattice, change);
    if (rc == RC_OK && scaled == 0)
        return err_set(RC_INPUT, "%s: none of the %u elements is a magnet", change->text,
                       found);
    if (n)
        *n = scaled;
    return rc;
}

enum rc change_scale(struct lattice *lattice, const char *text, uint32_t *n)
{
    struct change change;
    enum rc rc = read_change(&change, text, "FAMILY=factor");

    if (rc == RC_OK && fabs(change.value) > 1000)
        rc = err_set(RC_RANGE, "%s: a factor outside -1000 to 1000", text);
    if (rc != RC_OK)
        return rc;
    return change.field[0] ? apply(lattice, &change, true, n) : scale_main(lattice, &change, n);
}

/* ---- kicks --------------------------------------------------------------------------- */

static void offer_all(struct near *near, const struct lattice_device *device, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        near_offer(near, device[i].name);
}

static enum rc no_corrector(const struct lattice *lattice, const char *text, const char *name)
{
    struct near near = {.wanted = name};
    char names[NEAR_TEXT];

    offer_all(&near, lattice->hcorrector, lattice->n_hcorrector);
    offer_all(&near, lattice->vcorrector, lattice->n_vcorrector);
    near_text(&near, names, sizeof names);
    return err_set(RC_INPUT, "%s: the ring has no corrector %s%s", text, name, names);
}

enum rc change_kick(struct lattice *lattice, const char *text)
{
    const char *equals = strrchr(text, '=');
    struct change change = {.text = text};
    int64_t h, v;
    enum rc rc;

    if (!equals || equals == text || (size_t) (equals - text) >= sizeof change.target)
        return bad_form(&change, "CORRECTOR=urad");
    memcpy(change.target, text, (size_t) (equals - text));
    rc = read_value(&change, equals, "CORRECTOR=urad");
    if (rc == RC_OK && fabs(change.value) > 1e5)
        rc = err_set(RC_RANGE, "%s: a kick outside -100000 to 100000 urad", text);
    if (rc != RC_OK)
        return rc;
    h = lattice_find_device(lattice->hcorrector, lattice->n_hcorrector, change.target);
    v = lattice_find_device(lattice->vcorrector, lattice->n_vcorrector, change.target);
    if (h < 0 && v < 0)
        return no_corrector(lattice, text, change.target);
    if (h >= 0 && v >= 0)
        return err_set(RC_INPUT,
                       "%s: a horizontal and a vertical corrector have that name: set hkick or "
                       "vkick of the element",
                       text);
    if (h >= 0)
        lattice->element[lattice->hcorrector[h].element].hkick_rad += change.value * 1e-6;
    else
        lattice->element[lattice->vcorrector[v].element].vkick_rad += change.value * 1e-6;
    return RC_OK;
}
