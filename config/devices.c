#include "config/devices.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "rt/base/fnv.h"

enum { MAX_FILE_B = 8 << 20, MAX_DEVICES = 1024 };

enum field_kind { FIELD_NAME, FIELD_PV, FIELD_REAL, FIELD_IGNORED };

/* One attribute of a device: where it goes and what it may be. */
struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    bool required;
    double preset, min, max;
};

/* One entry while it is read: numbers are set by field, words that mean numbers are kept aside.
 */
struct entry {
    const yaml_node_t *node;
    void *target;
    char unit[DEVICE_NAME_SIZE], plane[DEVICE_NAME_SIZE];
};

struct table {
    const char *path;
    yaml_document_t *document;
};

#define B(member) offsetof(struct bpm_device, member)
static const struct field bpm_fields[] = {
    {"name", FIELD_NAME, B(name), true, 0, 0, 0},
    {"pv_x", FIELD_PV, B(pv_x), false, 0, 0, 0},
    {"pv_y", FIELD_PV, B(pv_y), false, 0, 0, 0},
    {"offset_x_m", FIELD_REAL, B(offset_x_m), false, 0, -0.1, 0.1},
    {"offset_y_m", FIELD_REAL, B(offset_y_m), false, 0, -0.1, 0.1},
    {"gain_x", FIELD_REAL, B(gain_x), false, 1, -100, 100},
    {"gain_y", FIELD_REAL, B(gain_y), false, 1, -100, 100},
    {"roll_rad", FIELD_REAL, B(roll_rad), false, 0, -1, 1},
    {"unit", FIELD_IGNORED, 0, false, 0, 0, 0},
};
#define C(member) offsetof(struct corrector_device, member)
static const struct field corrector_fields[] = {
    {"name", FIELD_NAME, C(name), true, 0, 0, 0},
    {"class", FIELD_NAME, C(class_name), false, 0, 0, 0},
    {"element", FIELD_NAME, C(element), true, 0, 0, 0},
    {"pv_set", FIELD_PV, C(pv_set), false, 0, 0, 0},
    {"pv_readback", FIELD_PV, C(pv_readback), false, 0, 0, 0},
    {"rad_per_a", FIELD_REAL, C(rad_per_a), true, 0, -1, 1},
    {"limit_a", FIELD_REAL, C(limit_a), true, 0, 1e-9, 1e6},
    {"resolution_a", FIELD_REAL, C(resolution_a), false, 1e-9, 1e-12, 1e3},
    {"rate_a_per_s", FIELD_REAL, C(rate_a_per_s), false, 1e9, 1e-9, 1e9},
    {"plane", FIELD_IGNORED, 0, true, 0, 0, 0},
};
#define R(member) offsetof(struct rf_device, member)
static const struct field rf_fields[] = {
    {"name", FIELD_NAME, R(name), true, 0, 0, 0},
    {"pv_set", FIELD_PV, R(pv_set), false, 0, 0, 0},
    {"pv_readback", FIELD_PV, R(pv_readback), false, 0, 0, 0},
    {"unit", FIELD_IGNORED, 0, false, 0, 0, 0},
};

static enum rc at_line(const struct table *t, const yaml_node_t *node, enum rc rc)
{
    return err_add(rc, "%s:%zu", t->path, node->start_mark.line + 1);
}

static const char *text_of(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *) node->data.scalar.value
                                                  : NULL;
}

static const yaml_node_t *find(const struct table *t, const yaml_node_t *mapping,
                               const char *key)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;

    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const char *name = text_of(yaml_document_get_node(t->document, pair->key));

        if (name && strcmp(name, key) == 0)
            return yaml_document_get_node(t->document, pair->value);
    }
    return NULL;
}

static enum rc take_name(char *name, const char *key, const char *text)
{
    if (text[0] == '\0' || strlen(text) >= DEVICE_NAME_SIZE)
        return err_set(RC_INPUT, "%s: 1 to %d characters are expected", key,
                       DEVICE_NAME_SIZE - 1);
    strcpy(name, text);
    return RC_OK;
}

/* "NAME" or "NAME[k]" */
static enum rc take_pv(struct device_pv *pv, const char *key, const char *text)
{
    size_t length = strcspn(text, "[");
    char *end;

    if (length >= DEVICE_PV_SIZE)
        return err_set(RC_INPUT, "%s: longer than %d characters", key, DEVICE_PV_SIZE - 1);
    memcpy(pv->name, text, length);
    pv->name[length] = '\0';
    pv->element = -1;
    if (text[length] == '\0')
        return RC_OK;
    pv->element = strtoll(text + length + 1, &end, 10);
    if (end == text + length + 1 || strcmp(end, "]") != 0 || pv->element < 0 ||
        pv->element > 1000000)
        return err_set(RC_INPUT, "%s: '%s' is not NAME or NAME[index]", key, text);
    return RC_OK;
}

static enum rc take_real(double *value, const struct field *field, const char *text)
{
    char *end;

    *value = strtod(text, &end);
    if (end == text || *end || !isfinite(*value))
        return err_set(RC_INPUT, "%s: a finite number is expected, not '%.40s'", field->name,
                       text);
    if (*value < field->min || *value > field->max)
        return err_set(RC_INPUT, "%s: %g is outside %g to %g", field->name, *value, field->min,
                       field->max);
    return RC_OK;
}

static enum rc take_field(const struct entry *entry, const struct field *field,
                          const char *text)
{
    char *at = (char *) entry->target + field->offset;

    switch (field->kind) {
    case FIELD_NAME:
        return take_name(at, field->name, text);
    case FIELD_PV:
        return take_pv((void *) at, field->name, text);
    case FIELD_REAL:
        return take_real((void *) at, field, text);
    case FIELD_IGNORED:
        break;
    }
    return RC_OK;
}

static enum rc refuse_unknown(const struct table *t, const struct entry *entry,
                              const struct field *fields, size_t n)
{
    const yaml_node_pair_t *pair = entry->node->data.mapping.pairs.start;

    for (; pair < entry->node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(t->document, pair->key);
        const char *name = text_of(key);
        size_t i = 0;

        while (i < n && name && strcmp(fields[i].name, name) != 0)
            i++;
        if (!name || i == n)
            return at_line(t, key,
                           err_set(RC_INPUT, "unknown attribute '%.40s'", name ? name : ""));
        if (find(t, entry->node, name) != yaml_document_get_node(t->document, pair->value))
            return at_line(t, key, err_set(RC_INPUT, "attribute '%s' is given twice", name));
    }
    return RC_OK;
}

static enum rc take_entry(const struct table *t, struct entry *entry,
                          const struct field *fields, size_t n)
{
    enum rc rc = RC_OK;

    if (entry->node->type != YAML_MAPPING_NODE)
        return at_line(t, entry->node, err_set(RC_INPUT, "attributes in braces are expected"));
    for (size_t i = 0; i < n && rc == RC_OK; i++) {
        const yaml_node_t *node = find(t, entry->node, fields[i].name);
        const char *text = text_of(node);

        if (fields[i].kind == FIELD_REAL)
            *(double *) (void *) ((char *) entry->target + fields[i].offset) = fields[i].preset;
        if (!node && fields[i].required)
            rc = at_line(t, entry->node, err_set(RC_INPUT, "'%s' is missing", fields[i].name));
        else if (node && !text)
            rc = at_line(t, node,
                         err_set(RC_INPUT, "%s: one value is expected", fields[i].name));
        else if (node && (rc = take_field(entry, &fields[i], text)) != RC_OK)
            rc = at_line(t, node, rc);
    }
    return rc == RC_OK ? refuse_unknown(t, entry, fields, n) : rc;
}

static enum rc unit_of(const struct table *t, const yaml_node_t *entry,
                       const char *const *names, const double *factors, double *factor)
{
    const yaml_node_t *node = find(t, entry, "unit");
    const char *text = node ? text_of(node) : names[0];

    for (size_t i = 0; text && names[i]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *factor = factors[i];
            return RC_OK;
        }
    }
    return at_line(t, node,
                   err_set(RC_INPUT, "unit: '%.20s' is not known here", text ? text : ""));
}

static enum rc take_bpm(const struct table *t, const yaml_node_t *node, struct bpm_device *bpm)
{
    static const char *const names[] = {"m", "mm", "um", "nm", NULL};
    static const double factors[] = {1.0, 1e-3, 1e-6, 1e-9};
    struct entry entry = {.node = node, .target = bpm};
    enum rc rc = take_entry(t, &entry, bpm_fields, sizeof bpm_fields / sizeof bpm_fields[0]);

    if (rc == RC_OK && !(fabs(bpm->gain_x) > 0.0 && fabs(bpm->gain_y) > 0.0))
        rc = at_line(t, node,
                     err_set(RC_INPUT, "%s: gain_x and gain_y must not be 0", bpm->name));
    return rc == RC_OK ? unit_of(t, node, names, factors, &bpm->m_per_unit) : rc;
}

static enum rc take_corrector(const struct table *t, const yaml_node_t *node,
                              struct corrector_device *c)
{
    struct entry entry = {.node = node, .target = c};
    enum rc rc = take_entry(t, &entry, corrector_fields,
                            sizeof corrector_fields / sizeof corrector_fields[0]);
    const char *plane;

    if (rc != RC_OK)
        return rc;
    if (!(fabs(c->rad_per_a) > 0.0))
        return at_line(t, node, err_set(RC_INPUT, "%s: rad_per_a must not be 0", c->name));
    plane = text_of(find(t, node, "plane"));
    if (!plane || (strcmp(plane, "h") != 0 && strcmp(plane, "v") != 0))
        return at_line(t, node, err_set(RC_INPUT, "%s: plane is h or v", c->name));
    c->plane = plane[0] == 'h' ? PLANE_H : PLANE_V;
    return RC_OK;
}

static enum rc take_rf(const struct table *t, const yaml_node_t *node, struct rf_device *rf)
{
    static const char *const names[] = {"Hz", "kHz", "MHz", NULL};
    static const double factors[] = {1.0, 1e3, 1e6};
    struct entry entry = {.node = node, .target = rf};
    enum rc rc = take_entry(t, &entry, rf_fields, sizeof rf_fields / sizeof rf_fields[0]);

    return rc == RC_OK ? unit_of(t, node, names, factors, &rf->hz_per_unit) : rc;
}

static enum rc list_of(const struct table *t, const yaml_node_t *root, const char *key,
                       const yaml_node_t **list, uint64_t *n)
{
    *list = find(t, root, key);
    if (!*list || (*list)->type != YAML_SEQUENCE_NODE)
        return err_set(RC_INPUT, "%s: a list '%s' is expected", t->path, key);
    *n = (uint64_t) ((*list)->data.sequence.items.top - (*list)->data.sequence.items.start);
    if (*n < 1 || *n > MAX_DEVICES)
        return at_line(t, *list,
                       err_set(RC_INPUT, "%s: %llu entries, 1 to %d are possible", key,
                               (unsigned long long) *n, MAX_DEVICES));
    return RC_OK;
}

static const yaml_node_t *item(const struct table *t, const yaml_node_t *list, uint64_t i)
{
    return yaml_document_get_node(t->document, list->data.sequence.items.start[i]);
}

static enum rc take_bpms(const struct table *t, const yaml_node_t *root, struct devices *d)
{
    const yaml_node_t *list;
    enum rc rc = list_of(t, root, "bpms", &list, &d->n_bpm);

    if (rc != RC_OK)
        return rc;
    d->bpm = calloc(d->n_bpm, sizeof *d->bpm);
    if (!d->bpm)
        return err_set(RC_NOMEM, "no memory for %llu BPMs", (unsigned long long) d->n_bpm);
    for (uint64_t i = 0; i < d->n_bpm && rc == RC_OK; i++) {
        rc = take_bpm(t, item(t, list, i), &d->bpm[i]);
        if (rc == RC_OK && devices_find_bpm(d, d->bpm[i].name) != (int) i)
            rc = at_line(t, item(t, list, i),
                         err_set(RC_INPUT, "%s is there twice", d->bpm[i].name));
    }
    return rc;
}

/* H first, then V, each in the file's order. */
static enum rc sort_planes(struct devices *d, uint64_t n)
{
    struct corrector_device *sorted = calloc(n, sizeof *sorted);
    uint64_t at = 0;

    if (!sorted)
        return err_set(RC_NOMEM, "no memory for %llu correctors", (unsigned long long) n);
    for (int plane = PLANE_H; plane <= PLANE_V; plane++)
        for (uint64_t i = 0; i < n; i++)
            if ((int) d->corrector[i].plane == plane)
                sorted[at++] = d->corrector[i];
    free(d->corrector);
    d->corrector = sorted;
    return RC_OK;
}

static enum rc take_correctors(const struct table *t, const yaml_node_t *root,
                               struct devices *d)
{
    const yaml_node_t *list;
    uint64_t n;
    enum rc rc = list_of(t, root, "correctors", &list, &n);

    if (rc != RC_OK)
        return rc;
    d->corrector = calloc(n, sizeof *d->corrector);
    if (!d->corrector)
        return err_set(RC_NOMEM, "no memory for %llu correctors", (unsigned long long) n);
    for (uint64_t i = 0; i < n && rc == RC_OK; i++) {
        rc = take_corrector(t, item(t, list, i), &d->corrector[i]);
        if (rc != RC_OK)
            break;
        if (devices_find_corrector(d, d->corrector[i].name) >= 0)
            rc = at_line(t, item(t, list, i),
                         err_set(RC_INPUT, "%s is there twice", d->corrector[i].name));
        d->n_h += d->corrector[i].plane == PLANE_H;
        d->n_v += d->corrector[i].plane == PLANE_V;
    }
    return rc == RC_OK ? sort_planes(d, n) : rc;
}

static enum rc take_top(const struct table *t, const yaml_node_t *root, struct devices *d)
{
    const yaml_node_t *format = find(t, root, "format"), *machine = find(t, root, "machine");
    const yaml_node_t *energy = find(t, root, "energy_gev");
    const struct field limits = {"energy_gev", FIELD_REAL, 0, true, 0, 1e-3, 1e4};

    if (!text_of(format) || strcmp(text_of(format), "orbitd-devices-1") != 0)
        return err_set(RC_INPUT, "%s: format 'orbitd-devices-1' is expected", t->path);
    if (!text_of(machine) || !text_of(energy))
        return err_set(RC_INPUT, "%s: machine and energy_gev are expected", t->path);
    if (take_name(d->machine, "machine", text_of(machine)) != RC_OK)
        return at_line(t, machine, RC_INPUT);
    if (take_real(&d->energy_gev, &limits, text_of(energy)) != RC_OK)
        return at_line(t, energy, RC_INPUT);
    return RC_OK;
}

static uint64_t hash_of(const struct devices *d)
{
    uint64_t hash = FNV_START, sizes[4] = {d->n_bpm, d->n_h, d->n_v, d->n_rf};

    hash = fnv_add(hash, sizes, sizeof sizes);
    for (uint64_t i = 0; i < d->n_bpm; i++)
        hash = fnv_add(hash, d->bpm[i].name, strlen(d->bpm[i].name) + 1);
    for (uint64_t i = 0; i < d->n_h + d->n_v; i++) {
        hash = fnv_add(hash, d->corrector[i].name, strlen(d->corrector[i].name) + 1);
        hash = fnv_add(hash, &d->corrector[i].rad_per_a, sizeof(double));
        hash = fnv_add(hash, &d->corrector[i].limit_a, sizeof(double));
    }
    return hash;
}

static enum rc take_root(const struct table *t, struct devices *d)
{
    yaml_node_t *root = yaml_document_get_root_node(t->document);
    const yaml_node_t *rf;
    enum rc rc;

    if (!root || root->type != YAML_MAPPING_NODE)
        return err_set(RC_INPUT, "%s: a device table is expected", t->path);
    rc = take_top(t, root, d);
    if (rc == RC_OK)
        rc = take_bpms(t, root, d);
    if (rc == RC_OK)
        rc = take_correctors(t, root, d);
    rf = find(t, root, "rf");
    if (rc == RC_OK && rf) {
        d->n_rf = 1;
        rc = take_rf(t, rf, &d->rf);
    }
    d->hash = hash_of(d);
    return rc;
}

static enum rc parse(struct devices *d, const char *path, const unsigned char *text,
                     size_t size)
{
    yaml_parser_t parser;
    yaml_document_t document;
    struct table table = {.path = path, .document = &document};
    enum rc rc;

    if (!yaml_parser_initialize(&parser))
        return err_set(RC_NOMEM, "no memory to read %s", path);
    yaml_parser_set_input_string(&parser, text, size);
    if (!yaml_parser_load(&parser, &document)) {
        rc = err_set(RC_INPUT, "%s:%zu: syntax: %s", path, parser.problem_mark.line + 1,
                     parser.problem ? parser.problem : "not readable");
    } else {
        rc = take_root(&table, d);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return rc;
}

enum rc devices_load(struct devices *devices, const char *path)
{
    FILE *file = fopen(path, "re");
    unsigned char *text = malloc(MAX_FILE_B + 1);
    size_t size = file && text ? fread(text, 1, MAX_FILE_B + 1, file) : 0;
    enum rc rc;

    memset(devices, 0, sizeof *devices);
    if (!file)
        rc = err_sys("device table %s", path);
    else if (!text || ferror(file))
        rc = err_set(RC_SYS, "device table %s: not readable", path);
    else if (size > MAX_FILE_B)
        rc = err_set(RC_INPUT, "%s: larger than %d bytes", path, MAX_FILE_B);
    else
        rc = parse(devices, path, text, size);
    if (file)
        fclose(file);
    free(text);
    if (rc != RC_OK)
        devices_free(devices);
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
