/* JSON as pyAT saves a ring: a list of elements with a class, and properties of the ring. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/import/parts.h"
#include "model/json_text.h"

static const struct {
    const char *class;
    enum element_kind kind;
    unsigned devices;
} classes[] = {
    {"Drift", ELEMENT_DRIFT, 0},
    {"Marker", ELEMENT_MARKER, 0},
    {"Monitor", ELEMENT_MONITOR, DEVICE_BPM},
    {"Corrector", ELEMENT_CORRECTOR, DEVICE_H | DEVICE_V},
    {"RFCavity", ELEMENT_CAVITY, 0},
    {"Dipole", ELEMENT_DIPOLE, 0},
    {"Bend", ELEMENT_DIPOLE, 0},
    {"Quadrupole", ELEMENT_QUADRUPOLE, 0},
    {"Sextupole", ELEMENT_SEXTUPOLE, 0},
    {"Octupole", ELEMENT_OCTUPOLE, 0},
    {"Multipole", ELEMENT_MULTIPOLE, 0},
    {"ThinMultipole", ELEMENT_MULTIPOLE, 0},
};

/* Keys that say nothing about the orbit, or that were read for the element as a whole. */
static const char *const quiet[] = {
    "FamName",     "Class",    "PassMethod", "MaxOrder",   "K",          "H",     "Energy",
    "HarmNumber",  "NumX",     "NumY",       "RApertures", "EApertures", "I",     "N",
    "PolynomA",    "PolynomB", "KickAngle",  "T1",         "T2",         "R1",    "R2",
    "NumIntSteps", "Device",   "Tag",        "BeamEnergy", "Offset",     "Scale", "Reading",
    "Rotation",    "PhaseLag", "Periodicity"};

struct reading {
    struct builder *builder;
    const json_t *object;
    const char *name;
};

static enum rc complain(const struct reading *r, const char *key, const char *what)
{
    return err_set(RC_INPUT, "element %u '%.64s': %s %s", r->builder->n, r->name, key, what);
}

static enum rc number(const struct reading *r, const char *key, double *value)
{
    const json_t *found = json_object_get(r->object, key);

    if (found && !json_is_number(found))
        return complain(r, key, "is not a number");
    if (found)
        *value = json_number_value(found);
    return RC_OK;
}

static enum rc list(const struct reading *r, const char *key, double *value, size_t most)
{
    const json_t *found = json_object_get(r->object, key);

    for (size_t i = 0; i < json_array_size(found); i++) {
        const json_t *item = json_array_get(found, i);

        if (!json_is_number(item))
            return complain(r, key, "is not a list of numbers");
        if (i >= most && fabs(json_number_value(item)) > 0)
            return complain(r, key, "has more terms than the model");
        if (i < most)
            value[i] = json_number_value(item);
    }
    return RC_OK;
}

/* ---- strengths ---- */

/* Integrated strengths of a thin lens become those of a very short magnet. */
static void make_thick(const struct reading *r, struct element *e)
{
    static const double thin_m = 1e-9;
    bool strong = false;

    for (int n = 0; n < ELEMENT_TERMS; n++)
        strong = strong || fabs(e->a[n]) > 0 || fabs(e->b[n]) > 0;
    if (!strong || e->length_m > 0)
        return;
    for (int n = 0; n < ELEMENT_TERMS; n++) {
        e->a[n] /= thin_m;
        e->b[n] /= thin_m;
    }
    e->length_m = thin_m;
    import_report_add(r->builder->report, "element '%s': a thin lens is made 1 nm long",
                      r->name);
}

static enum rc read_kicks(const struct reading *r, struct element *e)
{
    double kick[2] = {0};
    enum rc rc = list(r, "KickAngle", kick, 2);

    /* The pass methods of magnets take the sine of the angle. */
    e->hkick_rad = e->kind == ELEMENT_CORRECTOR ? kick[0] : sin(kick[0]);
    e->vkick_rad = e->kind == ELEMENT_CORRECTOR ? kick[1] : sin(kick[1]);
    return rc;
}

static enum rc read_strengths(const struct reading *r, struct element *e)
{
    double slices = 10, k = 0;
    enum rc rc = list(r, "PolynomB", e->b, ELEMENT_TERMS);

    if (rc == RC_OK)
        rc = list(r, "PolynomA", e->a, ELEMENT_TERMS);
    if (rc == RC_OK)
        rc = number(r, "K", &k);
    if (rc == RC_OK)
        rc = number(r, "NumIntSteps", &slices);
    if (rc != RC_OK)
        return rc;
    if (fabs(e->b[1]) <= 0)
        e->b[1] = k;
    if (!(slices >= 1 && slices <= LATTICE_MAX_SLICES))
        return complain(r, "NumIntSteps", "is not 1 to 1000");
    e->n_slices = (uint32_t) slices;
    make_thick(r, e);
    return RC_OK;
}

/* 0 is an edge without fringe, 1 the model's; others differ from it off momentum only. */
static enum rc read_fringe(const struct reading *r, const char *key, double *fint)
{
    double method = 1;
    enum rc rc = number(r, key, &method);

    if (fabs(method) <= 0)
        *fint = 0;
    else if (fabs(method - 1) > 0)
        import_report_add(r->builder->report,
                          "element '%s': %s %g is taken as 1: other chromaticity", r->name, key,
                          method);
    return rc;
}

static enum rc read_bend(const struct reading *r, struct element *e)
{
    const struct {
        const char *key;
        double *value;
    } fields[] = {{"BendingAngle", &e->angle_rad}, {"EntranceAngle", &e->e1_rad},
                  {"ExitAngle", &e->e2_rad},       {"FullGap", &e->gap_m},
                  {"FringeInt1", &e->fint1},       {"FringeInt2", &e->fint2}};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        enum rc rc = number(r, fields[i].key, fields[i].value);

        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static enum rc read_edges(const struct reading *r, struct element *e)
{
    enum rc rc = read_bend(r, e);

    if (rc == RC_OK)
        rc = read_fringe(r, "FringeBendEntrance", &e->fint1);
    return rc == RC_OK ? read_fringe(r, "FringeBendExit", &e->fint2) : rc;
}

static enum rc read_cavity(const struct reading *r, struct element *e)
{
    double harmonic = 0;
    enum rc rc = number(r, "Voltage", &e->voltage_v);

    if (rc == RC_OK)
        rc = number(r, "Frequency", &e->frequency_hz);
    if (rc == RC_OK)
        rc = number(r, "TimeLag", &e->lag_m);
    if (rc == RC_OK)
        rc = number(r, "HarmNumber", &harmonic);
    if (rc == RC_OK && harmonic >= 1 && harmonic < 1e9 && !r->builder->harmonic_number)
        r->builder->harmonic_number = (uint32_t) harmonic;
    return rc;
}

/* ---- misalignment ---- */

/* T1 shifts by -dx and -dy, R1 turns; T2 and R2 undo it. */
static enum rc read_misalignment(const struct reading *r, struct element *e)
{
    double shift[6] = {0}, row[6] = {1};
    const json_t *r1 = json_object_get(r->object, "R1");
    struct reading first = *r;
    json_t *wrapped;
    enum rc rc = list(r, "T1", shift, 6);

    e->dx_m = 0 - shift[0];
    e->dy_m = 0 - shift[2];
    if (rc != RC_OK || !r1)
        return rc;
    wrapped = json_pack("{s:O}", "R1", json_array_get(r1, 0));
    if (!wrapped)
        return complain(r, "R1", "is not a matrix");
    first.object = wrapped;
    rc = list(&first, "R1", row, 6);
    json_decref(wrapped);
    e->roll_rad = atan2(row[2], row[0]);
    if (e->kind != ELEMENT_CORRECTOR || !(fabs(e->roll_rad) > 0))
        return rc;
    e->roll_rad = 0; /* as pyAT's pass method has it */
    import_report_add(r->builder->report, "element '%s': R1 of a corrector plays no part",
                      r->name);
    return rc;
}

/* ---- what has no place ---- */

/* The passes whose physics the model has, in one of its two ways. */
static bool is_known_pass(const char *pass)
{
    static const char *const known[] = {"IdentityPass",   "DriftPass",
                                        "CorrectorPass",  "RFCavityPass",
                                        "CavityPass",     "ThinMPolePass",
                                        "BendLinearPass", "BndMPoleSymplectic4Pass",
                                        "QuadLinearPass", "StrMPoleSymplectic4Pass"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(known[i], pass))
            return true;
    return false;
}

static void report_pass(const struct reading *r, const struct element *e)
{
    const char *pass = json_string_value(json_object_get(r->object, "PassMethod"));

    if (e->kind >= ELEMENT_CORRECTOR && pass && !is_known_pass(pass))
        import_report_add(r->builder->report, "element '%s': %s becomes the model's own map",
                          r->name, pass);
}

/* A number that is zero says nothing. */
static bool is_zero(const json_t *value)
{
    return json_is_number(value) && fabs(json_number_value(value)) <= 0;
}

static bool is_quiet(const char *key)
{
    static const char *const read[] = {
        "Length",    "BendingAngle", "EntranceAngle",      "ExitAngle",
        "FullGap",   "FringeInt1",   "FringeInt2",         "Voltage",
        "Frequency", "TimeLag",      "FringeBendEntrance", "FringeBendExit"};

    for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++)
        if (!strcmp(quiet[i], key))
            return true;
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
        if (!strcmp(read[i], key))
            return true;
    return false;
}

static void report_keys(const struct reading *r)
{
    json_t *walked = (json_t *) (uintptr_t) r->object; /* jansson walks no const object */

    for (void *at = json_object_iter(walked); at; at = json_object_iter_next(walked, at))
        if (!is_quiet(json_object_iter_key(at)) && !is_zero(json_object_iter_value(at)))
            import_report_add(r->builder->report, "element '%s': %s plays no part", r->name,
                              json_object_iter_key(at));
}

static void find_kind(const struct reading *r, const char *class, struct element *e,
                      unsigned *devices)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strcmp(classes[i].class, class) != 0)
            continue;
        e->kind = classes[i].kind;
        *devices = classes[i].devices;
        return;
    }
    e->kind = e->length_m > 0 ? ELEMENT_DRIFT : ELEMENT_MARKER;
    import_report_add(r->builder->report, "element '%s': class %s becomes a %s", r->name, class,
                      e->kind == ELEMENT_DRIFT ? "drift" : "marker");
}

static enum rc read_parts(const struct reading *r, struct element *e)
{
    enum rc rc = RC_OK;

    if (e->kind == ELEMENT_DIPOLE)
        rc = read_edges(r, e);
    if (rc == RC_OK && e->kind == ELEMENT_CAVITY)
        rc = read_cavity(r, e);
    if (rc == RC_OK && e->kind >= ELEMENT_DIPOLE)
        rc = read_strengths(r, e);
    if (rc == RC_OK && (e->kind >= ELEMENT_DIPOLE || e->kind == ELEMENT_CORRECTOR))
        rc = read_kicks(r, e);
    return rc == RC_OK ? read_misalignment(r, e) : rc;
}

static enum rc read_element(struct builder *builder, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "FamName"));
    const char *class = json_string_value(json_object_get(object, "Class"));
    struct reading r = {.builder = builder, .object = object, .name = name ? name : ""};
    struct element e = {.name = "", .n_slices = 10};
    unsigned devices = 0;
    enum rc rc;

    if (!name || !class)
        return complain(&r, "FamName or Class", "is missing");
    rc = number(&r, "Length", &e.length_m);
    if (rc != RC_OK)
        return rc;
    find_kind(&r, class, &e, &devices);
    rc = read_parts(&r, &e);
    if (rc != RC_OK)
        return rc;
    report_keys(&r);
    report_pass(&r, &e);
    return builder_add(builder, name, &e, devices, 0);
}

/* ---- the ring ---- */

static enum rc read_properties(struct builder *builder, const json_t *root, uint32_t *periods)
{
    const json_t *properties = json_object_get(root, "properties");
    const json_t *energy = json_object_get(properties, "energy");
    const json_t *count = json_object_get(properties, "periodicity");
    const char *title = json_string_value(json_object_get(properties, "name"));
    double n = count ? json_number_value(count) : 1;

    builder->energy_gev = json_number_value(energy) * 1e-9;
    snprintf(builder->title, sizeof builder->title, "%s", title ? title : "");
    if (energy && !(builder->energy_gev > 0 && isfinite(builder->energy_gev)))
        return err_set(RC_INPUT, "properties.energy is not an energy in eV");
    if (!(n >= 1 && n <= LATTICE_MAX_ELEMENTS))
        return err_set(RC_INPUT, "properties.periodicity is not a count");
    *periods = (uint32_t) n;
    return RC_OK;
}

/* Source and line in front of what failed: of element i, or of a key of the file. */
static enum rc add_place(const struct builder *builder, enum rc rc, const char *key,
                         const size_t *i)
{
    const struct json_step step[] = {{.key = key}, {.index = i ? *i : 0}};
    const struct import_source *source = builder->source;
    uint32_t line = json_text_line(source->text, source->size, step, i ? 2 : 1);

    return line ? err_add(rc, "%s:%u", source->name, line) : err_add(rc, "%s", source->name);
}

static enum rc read_ring(struct builder *builder, const json_t *root)
{
    const json_t *elements = json_object_get(root, "elements");
    uint32_t periods = 1;
    enum rc rc = read_properties(builder, root, &periods);

    if (rc != RC_OK)
        return add_place(builder, rc, "properties", NULL);
    if (!json_is_array(elements))
        return err_set(RC_INPUT, "%s: the list 'elements' is missing", builder->source->name);
    for (uint32_t k = 0; k < periods && json_array_size(elements); k++) {
        for (size_t i = 0; i < json_array_size(elements); i++) {
            rc = read_element(builder, json_array_get(elements, i));
            if (rc != RC_OK)
                return add_place(builder, rc, "elements", &i);
        }
    }
    return RC_OK;
}

enum rc at_json_read(struct builder *builder)
{
    const struct import_source *source = builder->source;
    json_error_t error;
    json_t *root;
    enum rc rc = json_text_check(source->text, source->size, source->name, "FamName");

    if (rc != RC_OK)
        return rc;
    root = json_loadb(source->text, source->size, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return json_text_fault(&error, source->text, source->name, "FamName");
    rc = read_ring(builder, root);
    json_decref(root);
    return rc;
}
