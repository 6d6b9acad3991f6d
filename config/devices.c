#include "config/devices.h"

#include <stdlib.h>
#include <string.h>

#include "config/document.h"
#include "rt/base/fnv.h"

enum { MAX_FILE_B = 8 << 20, REASON_SIZE = 200 };

/* A word that stands for a number. */
struct choice {
    const char *word;
    double value;
};

static const struct choice lengths[] = {
    {"m", 1}, {"mm", 1e-3}, {"um", 1e-6}, {"nm", 1e-9}, {0}};
static const struct choice frequencies[] = {{"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {0}};
static const struct choice planes[] = {{"h", PLANE_H}, {"v", PLANE_V}, {0}};
static const struct choice classes[] = {{"slow", 0}, {"fast", 1}, {0}};

enum field_kind {
    FIELD_NOTE,
    FIELD_NAME,
    FIELD_PV,
    FIELD_REAL,
    FIELD_FACTOR,
    FIELD_PLANE,
    FIELD_CLASS
};

/* One attribute: where it goes and what it may be. */
struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    bool required, nonzero;
    double min, max;
    const struct choice *choices;
};

#define B(member) offsetof(struct bpm_device, member)
static const struct field bpm_fields[] = {
    {"name", FIELD_NAME, B(name), .required = true},
    {"pv_x", FIELD_PV, B(pv_x), .required = false},
    {"pv_y", FIELD_PV, B(pv_y), .required = false},
    {"unit", FIELD_FACTOR, B(m_per_unit), .required = true, .choices = lengths},
    {"offset_x_m", FIELD_REAL, B(offset_x_m), .min = -0.1, .max = 0.1},
    {"offset_y_m", FIELD_REAL, B(offset_y_m), .min = -0.1, .max = 0.1},
    {"gain_x", FIELD_REAL, B(gain_x), .min = -100, .max = 100, .nonzero = true},
    {"gain_y", FIELD_REAL, B(gain_y), .min = -100, .max = 100, .nonzero = true},
    {"roll_rad", FIELD_REAL, B(roll_rad), .min = -1, .max = 1},
    {0},
};
#define C(member) offsetof(struct corrector_device, member)
static const struct field corrector_fields[] = {
    {"name", FIELD_NAME, C(name), .required = true},
    {"plane", FIELD_PLANE, C(plane), .required = true, .choices = planes},
    {"class", FIELD_CLASS, C(class_name), .choices = classes},
    {"element", FIELD_NAME, C(element), .required = true},
    {"pv_set", FIELD_PV, C(pv_set), .required = false},
    {"pv_readback", FIELD_PV, C(pv_readback), .required = false},
    {"rad_per_a", FIELD_REAL, C(rad_per_a), .required = true, .nonzero = true, .min = -1,
     .max = 1},
    {"limit_a", FIELD_REAL, C(limit_a), .required = true, .min = 1e-9, .max = 1e6},
    {"resolution_a", FIELD_REAL, C(resolution_a), .min = 1e-12, .max = 1e3},
    {"rate_a_per_s", FIELD_REAL, C(rate_a_per_s), .min = 1e-9, .max = 1e9},
    {0},
};
#define R(member) offsetof(struct rf_device, member)
static const struct field rf_fields[] = {
    {"name", FIELD_NAME, R(name), .required = true},
    {"pv_set", FIELD_PV, R(pv_set), .required = false},
    {"pv_readback", FIELD_PV, R(pv_readback), .required = false},
    {"unit", FIELD_FACTOR, R(hz_per_unit), .required = true, .choices = frequencies},
    {0},
};
#define T(member) offsetof(struct devices, member)
static const struct field top_fields[] = {
    {"format", FIELD_NOTE, 0, .required = true},
    {"machine", FIELD_NAME, T(machine), .required = true},
    {"origin", FIELD_NOTE, 0, .required = false},
    {"notes", FIELD_NOTE, 0, .required = false},
    {"energy_gev", FIELD_REAL, T(energy_gev), .required = true, .min = 1e-3, .max = 1e4},
    {"bpms", FIELD_NOTE, 0, .required = true},
    {"correctors", FIELD_NOTE, 0, .required = true},
    {"rf", FIELD_NOTE, 0, .required = false},
    {0},
};

/* A file while it is read. */
struct table {
    const char *path;
    yaml_document_t *document;
    struct cfg_faults *faults;
    struct devices *devices;
};

/* ---- values: false, and reason [REASON_SIZE] says what is wrong ----------------------------
 */

static bool is_printable(const char *text, const char *without)
{
    for (; *text; text++)
        if ((unsigned char) *text < ' ' || *text == 0x7f || strchr(without, *text))
            return false;
    return true;
}

static bool take_name(char *name, const char *text, char *reason)
{
    if (text[0] == '\0' || strlen(text) >= DEVICE_NAME_SIZE) {
        snprintf(reason, REASON_SIZE, "1 to %d characters are expected, not '%.60s'",
                 DEVICE_NAME_SIZE - 1, text);
        return false;
    }
    if (!is_printable(text, "\"\\")) {
        snprintf(reason, REASON_SIZE, "quotes and control characters are not allowed");
        return false;
    }
    memcpy(name, text, strlen(text) + 1);
    return true;
}

/* "NAME" or "NAME[k]" */
static bool take_pv(struct device_pv *pv, const char *text, char *reason)
{
    size_t length = strcspn(text, "[");
    const char *digits = text[length] ? text + length + 1 : "0]";
    size_t n_digit = strspn(digits, "0123456789");

    if (length < 1 || length >= DEVICE_PV_SIZE || !is_printable(text, " \"\\")) {
        snprintf(reason, REASON_SIZE,
                 "a PV name of 1 to %d characters is expected, not '%.60s'", DEVICE_PV_SIZE - 1,
                 text);
        return false;
    }
    if (n_digit < 1 || n_digit > 6 || strcmp(digits + n_digit, "]") != 0) {
        snprintf(reason, REASON_SIZE, "NAME or NAME[0 to 999999] is expected, not '%.60s'",
                 text);
        return false;
    }
    memcpy(pv->name, text, length);
    pv->name[length] = '\0';
    pv->element = text[length] ? strtol(digits, NULL, 10) : -1;
    return true;
}

static bool take_real(double *value, const struct field *field, const char *text, char *reason)
{
    char *end;
    double number = strtod(text, &end);

    if (end == text || *end || strspn(text, "+-.0123456789eE") != strlen(text)) {
        snprintf(reason, REASON_SIZE, "a decimal number is expected, not '%.60s'", text);
        return false;
    }
    if (!(number >= field->min && number <= field->max)) {
        snprintf(reason, REASON_SIZE, "%.40s is outside %.12g to %.12g", text, field->min,
                 field->max);
        return false;
    }
    if (field->nonzero && !(number < 0) && !(number > 0)) {
        snprintf(reason, REASON_SIZE, "must not be 0");
        return false;
    }
    *value = number;
    return true;
}

static const struct choice *choose(const struct choice *choices, const char *text, char *reason)
{
    size_t used;

    for (const struct choice *c = choices; c->word; c++)
        if (strcmp(c->word, text) == 0)
            return c;
    used = (size_t) snprintf(reason, REASON_SIZE, "'%.40s' is not one of", text);
    for (const struct choice *c = choices; c->word; c++)
        used += (size_t) snprintf(reason + used, REASON_SIZE - used, " %s", c->word);
    return NULL;
}

static bool take_choice(void *at, const struct field *field, const char *text, char *reason)
{
    const struct choice *choice = choose(field->choices, text, reason);

    if (!choice)
        return false;
    if (field->kind == FIELD_FACTOR)
        *(double *) at = choice->value;
    else if (field->kind == FIELD_PLANE)
        *(enum corrector_plane *) at = choice->value > 0 ? PLANE_V : PLANE_H;
    else
        memcpy(at, choice->word, strlen(choice->word) + 1);
    return true;
}

static bool take_value(void *target, const struct field *field, const char *text, char *reason)
{
    void *at = (char *) target + field->offset;

    switch (field->kind) {
    case FIELD_NAME:
        return take_name(at, text, reason);
    case FIELD_PV:
        return take_pv(at, text, reason);
    case FIELD_REAL:
        return take_real(at, field, text, reason);
    case FIELD_FACTOR:
    case FIELD_PLANE:
    case FIELD_CLASS:
        return take_choice(at, field, text, reason);
    case FIELD_NOTE:
        break;
    }
    return true;
}

/* ---- entries ------------------------------------------------------------------------------
 */

static const yaml_node_t *find(const struct table *t, const yaml_node_t *mapping,
                               const char *key)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;

    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const char *name = node_text(yaml_document_get_node(t->document, pair->key));

        if (name && strcmp(name, key) == 0)
            return yaml_document_get_node(t->document, pair->value);
    }
    return NULL;
}

static void take_attribute(const struct table *t, const yaml_node_pair_t *pair,
                           const struct field *fields, void *target, bool *seen)
{
    const yaml_node_t *key = yaml_document_get_node(t->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(t->document, pair->value);
    const char *name = node_text(key), *text = node_text(value);
    char reason[REASON_SIZE];
    size_t i = 0;

    while (name && fields[i].name && strcmp(fields[i].name, name) != 0)
        i++;
    if (!name || !fields[i].name)
        node_fault(t->faults, t->path, key, "unknown attribute '%.60s'", name ? name : "");
    else if (seen[i])
        node_fault(t->faults, t->path, key, "%s: is given twice", name);
    else if (!text && fields[i].kind != FIELD_NOTE)
        node_fault(t->faults, t->path, value, "%s: one value is expected", name);
    else if (text && !take_value(target, &fields[i], text, reason))
        node_fault(t->faults, t->path, value, "%s: %s", name, reason);
    if (name && fields[i].name)
        seen[i] = true;
}

/* true: an entry with all that is required, its values in *target. */
static bool take_entry(const struct table *t, const yaml_node_t *node,
                       const struct field *fields, void *target)
{
    size_t before = t->faults->count;
    bool seen[16] = {false};

    if (node->type != YAML_MAPPING_NODE) {
        node_fault(t->faults, t->path, node,
                   "an entry { \"attribute\": value, ... } is expected");
        return false;
    }
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++)
        take_attribute(t, p, fields, target, seen);
    for (size_t i = 0; fields[i].name; i++)
        if (fields[i].required && !seen[i])
            node_fault(t->faults, t->path, node, "%s: is missing", fields[i].name);
    return t->faults->count == before;
}

/* The list's node, or NULL; *n is its length. An absent one was reported by take_entry. */
static const yaml_node_t *list_of(const struct table *t, const yaml_node_t *root,
                                  const char *key, uint64_t limit, uint64_t *n)
{
    const yaml_node_t *list = find(t, root, key);

    *n = 0;
    if (!list)
        return NULL;
    if (list->type == YAML_SEQUENCE_NODE)
        *n = (uint64_t) (list->data.sequence.items.top - list->data.sequence.items.start);
    if (*n >= 1 && *n <= limit)
        return list;
    node_fault(t->faults, t->path, list, "%s: a list of 1 to %lu entries is expected, not %lu",
               key, (unsigned long) limit, (unsigned long) *n);
    *n = 0;
    return NULL;
}

static const yaml_node_t *item(const struct table *t, const yaml_node_t *list, uint64_t i)
{
    return yaml_document_get_node(t->document, list->data.sequence.items.start[i]);
}

/* ---- BPMs ---------------------------------------------------------------------------------
 */

static bool same_pv(const struct device_pv *a, const struct device_pv *b)
{
    return a->name[0] && strcmp(a->name, b->name) == 0 && a->element == b->element;
}

static void refuse_repeated_bpm(const struct table *t, const yaml_node_t *node, uint64_t i)
{
    const struct bpm_device *bpm = t->devices->bpm, *now = &bpm[i];

    if (same_pv(&now->pv_x, &now->pv_y))
        node_fault(t->faults, t->path, node, "%s: x and y have the same PV", now->name);
    for (uint64_t k = 0; k < i; k++) {
        if (strcmp(bpm[k].name, now->name) == 0)
            node_fault(t->faults, t->path, node, "%s: is there twice", now->name);
        if (same_pv(&bpm[k].pv_x, &now->pv_x) || same_pv(&bpm[k].pv_x, &now->pv_y) ||
            same_pv(&bpm[k].pv_y, &now->pv_x) || same_pv(&bpm[k].pv_y, &now->pv_y))
            node_fault(t->faults, t->path, node, "%s: has a PV of %s too", now->name,
                       bpm[k].name);
    }
}

static enum rc take_bpms(struct table *t, const yaml_node_t *root)
{
    struct devices *d = t->devices;
    uint64_t n;
    const yaml_node_t *list = list_of(t, root, "bpms", DEVICES_MAX_BPM, &n);

    d->bpm = n ? calloc(n, sizeof *d->bpm) : NULL;
    if (n && !d->bpm)
        return err_set(RC_NOMEM, "no memory for %lu BPMs", (unsigned long) n);
    d->n_bpm = n;
    for (uint64_t i = 0; i < n; i++) {
        d->bpm[i] = (struct bpm_device){.gain_x = 1, .gain_y = 1};
        if (take_entry(t, item(t, list, i), bpm_fields, &d->bpm[i]))
            refuse_repeated_bpm(t, item(t, list, i), i);
    }
    return RC_OK;
}

/* ---- correctors and RF --------------------------------------------------------------------
 */

static void refuse_repeated_corrector(const struct table *t, const yaml_node_t *node,
                                      uint64_t i)
{
    const struct corrector_device *corrector = t->devices->corrector, *now = &corrector[i];

    for (uint64_t k = 0; k < i; k++) {
        if (strcmp(corrector[k].name, now->name) == 0)
            node_fault(t->faults, t->path, node, "%s: is there twice", now->name);
        if (same_pv(&corrector[k].pv_set, &now->pv_set))
            node_fault(t->faults, t->path, node, "%s: has the pv_set of %s too", now->name,
                       corrector[k].name);
    }
}

/* H first, then V, each in the file's order. */
static enum rc sort_planes(struct devices *d, uint64_t n)
{
    struct corrector_device *sorted = calloc(n, sizeof *sorted);
    uint64_t at = 0;

    if (!sorted)
        return err_set(RC_NOMEM, "no memory for %lu correctors", (unsigned long) n);
    for (int plane = PLANE_H; plane <= PLANE_V; plane++)
        for (uint64_t i = 0; i < n; i++)
            if ((int) d->corrector[i].plane == plane)
                sorted[at++] = d->corrector[i];
    free(d->corrector);
    d->corrector = sorted;
    return RC_OK;
}

static enum rc take_correctors(struct table *t, const yaml_node_t *root)
{
    struct devices *d = t->devices;
    uint64_t n;
    const yaml_node_t *list = list_of(t, root, "correctors", DEVICES_MAX_CORRECTOR, &n);

    d->corrector = n ? calloc(n, sizeof *d->corrector) : NULL;
    if (n && !d->corrector)
        return err_set(RC_NOMEM, "no memory for %lu correctors", (unsigned long) n);
    for (uint64_t i = 0; i < n; i++) {
        struct corrector_device *c = &d->corrector[i];

        *c = (struct corrector_device){
            .class_name = "slow", .resolution_a = 1e-9, .rate_a_per_s = 1e9};
        if (take_entry(t, item(t, list, i), corrector_fields, c))
            refuse_repeated_corrector(t, item(t, list, i), i);
        d->n_h += c->plane == PLANE_H;
        d->n_v += c->plane == PLANE_V;
    }
    return n ? sort_planes(d, n) : RC_OK;
}

static void take_rf(struct table *t, const yaml_node_t *root)
{
    const yaml_node_t *node = find(t, root, "rf");

    if (!node)
        return;
    t->devices->n_rf = 1;
    (void) take_entry(t, node, rf_fields, &t->devices->rf);
}

/* ---- whole --------------------------------------------------------------------------------
 */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return fnv_add(hash, text, strlen(text) + 1);
}

static uint64_t hash_of(const struct devices *d)
{
    uint64_t sizes[] = {d->n_bpm, d->n_h, d->n_v, d->n_rf};
    uint64_t hash = fnv_add(FNV_START, sizes, sizeof sizes);

    for (uint64_t i = 0; i < d->n_bpm; i++) {
        const struct bpm_device *b = &d->bpm[i];
        double value[] = {b->m_per_unit, b->offset_x_m, b->offset_y_m,
                          b->gain_x,     b->gain_y,     b->roll_rad};

        hash = fnv_add(hash_text(hash, b->name), value, sizeof value);
    }
    for (uint64_t i = 0; i < d->n_h + d->n_v; i++) {
        const struct corrector_device *c = &d->corrector[i];
        double value[] = {c->rad_per_a, c->limit_a, c->resolution_a};

        hash = fnv_add(hash_text(hash_text(hash, c->name), c->element), value, sizeof value);
    }
    hash = hash_text(hash, d->rf.name);
    return fnv_add(hash, &d->rf.hz_per_unit, sizeof d->rf.hz_per_unit);
}

static enum rc take_root(struct table *t)
{
    const yaml_node_t *root = yaml_document_get_root_node(t->document);
    const yaml_node_t *format = find(t, root, "format");
    const char *text = node_text(format);
    enum rc rc;

    (void) take_entry(t, root, top_fields, t->devices);
    if (format && (!text || strcmp(text, "orbitd-devices-1") != 0))
        node_fault(t->faults, t->path, format, "format: 'orbitd-devices-1' is expected");
    rc = take_bpms(t, root);
    if (rc == RC_OK)
        rc = take_correctors(t, root);
    if (rc == RC_OK)
        take_rf(t, root);
    return rc;
}

enum rc devices_parse(struct devices *devices, const void *text, size_t size_b,
                      const char *path, struct cfg_faults *faults)
{
    size_t before = faults->count;
    yaml_document_t document;
    struct table table = {
        .path = path, .document = &document, .faults = faults, .devices = devices};
    enum rc rc = RC_OK;

    memset(devices, 0, sizeof *devices);
    if (document_parse(&document, path, text, size_b, faults)) {
        rc = take_root(&table);
        yaml_document_delete(&document);
    }
    devices->hash = hash_of(devices);
    if (rc != RC_OK)
        cfg_fault(faults, path, 0, 0, "%s", err_text());
    else if (faults->count != before)
        rc = err_set(RC_INPUT, "%s%s", before < CFG_MAX_FAULTS ? faults->text[before] : path,
                     faults->count > before + 1 ? " (and more)" : "");
    if (rc != RC_OK)
        devices_free(devices);
    return rc;
}

enum rc devices_load_faults(struct devices *devices, const char *path,
                            struct cfg_faults *faults)
{
    size_t before = faults->count;
    struct file_text text = file_text_read(path, MAX_FILE_B, faults);
    enum rc rc;

    memset(devices, 0, sizeof *devices);
    if (!text.byte)
        return err_set(RC_INPUT, "%s", before < CFG_MAX_FAULTS ? faults->text[before] : path);
    rc = devices_parse(devices, text.byte, text.size, path, faults);
    free(text.byte);
    return rc;
}

enum rc devices_load(struct devices *devices, const char *path)
{
    struct cfg_faults *faults = calloc(1, sizeof *faults);
    enum rc rc;

    memset(devices, 0, sizeof *devices);
    if (!faults)
        return err_set(RC_NOMEM, "no memory to read %s", path);
    rc = devices_load_faults(devices, path, faults);
    free(faults);
    return rc;
}

void devices_free(struct devices *devices)
{
    free(devices->bpm);
    free(devices->corrector);
    memset(devices, 0, sizeof *devices);
}

uint64_t devices_hash(const struct devices *devices)
{
    return devices->hash;
}

int devices_find_bpm(const struct devices *devices, const char *name)
{
    for (uint64_t i = 0; i < devices->n_bpm; i++)
        if (strcmp(devices->bpm[i].name, name) == 0)
            return (int) i;
    return -1;
}

int devices_find_corrector(const struct devices *devices, const char *name)
{
    for (uint64_t i = 0; i < devices->n_h + devices->n_v; i++)
        if (strcmp(devices->corrector[i].name, name) == 0)
            return (int) i;
    return -1;
}
