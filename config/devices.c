#include "config/devices.h"

#include <stdlib.h>
#include <string.h>

#include "config/entry.h"
#include "rt/base/fnv.h"

enum { MAX_FILE_B = 8 << 20 };

_Static_assert((int) DEVICE_NAME_SIZE == (int) ENTRY_NAME_SIZE, "names of entries");
_Static_assert(sizeof(enum corrector_plane) == sizeof(int), "ENTRY_CHOICE stores an int");

/* A device table while it is read. */
struct table {
    struct entry_file file;
    struct devices *devices;
};

/* ---- PVs ----------------------------------------------------------------------------------
 */

/* "NAME" or "NAME[k]" */
static bool take_pv(void *at, const char *text, char *reason)
{
    struct device_pv *pv = at;
    size_t length = strcspn(text, "[");
    const char *digits = text[length] ? text + length + 1 : "0]";
    size_t n_digit = strspn(digits, "0123456789");

    if (length < 1 || length >= DEVICE_PV_SIZE || !entry_is_printable(text, " \"\\")) {
        snprintf(reason, ENTRY_REASON_SIZE,
                 "a PV name of 1 to %d characters is expected, not '%.60s'", DEVICE_PV_SIZE - 1,
                 text);
        return false;
    }
    if (n_digit < 1 || n_digit > 6 || strcmp(digits + n_digit, "]") != 0) {
        snprintf(reason, ENTRY_REASON_SIZE,
                 "NAME or NAME[0 to 999999] is expected, not '%.60s'", text);
        return false;
    }
    memcpy(pv->name, text, length);
    pv->name[length] = '\0';
    pv->element = text[length] ? strtol(digits, NULL, 10) : -1;
    return true;
}

/* ---- attributes ---------------------------------------------------------------------------
 */

static const struct entry_choice lengths[] = {
    {"m", 1}, {"mm", 1e-3}, {"um", 1e-6}, {"nm", 1e-9}, {0}};
static const struct entry_choice frequencies[] = {{"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {0}};
static const struct entry_choice planes[] = {{"h", PLANE_H}, {"v", PLANE_V}, {0}};
static const struct entry_choice classes[] = {{"slow", 0}, {"fast", 1}, {0}};

#define B(member) offsetof(struct bpm_device, member)
static const struct entry_field bpm_fields[] = {
    {"name", ENTRY_NAME, B(name), .required = true},
    {"pv_x", ENTRY_OTHER, B(pv_x), .take = take_pv},
    {"pv_y", ENTRY_OTHER, B(pv_y), .take = take_pv},
    {"unit", ENTRY_FACTOR, B(m_per_unit), .required = true, .choices = lengths},
    {"offset_x_m", ENTRY_REAL, B(offset_x_m), .min = -0.1, .max = 0.1},
    {"offset_y_m", ENTRY_REAL, B(offset_y_m), .min = -0.1, .max = 0.1},
    {"gain_x", ENTRY_REAL, B(gain_x), .min = -100, .max = 100, .nonzero = true},
    {"gain_y", ENTRY_REAL, B(gain_y), .min = -100, .max = 100, .nonzero = true},
    {"roll_rad", ENTRY_REAL, B(roll_rad), .min = -1, .max = 1},
    {0},
};
#define C(member) offsetof(struct corrector_device, member)
static const struct entry_field corrector_fields[] = {
    {"name", ENTRY_NAME, C(name), .required = true},
    {"plane", ENTRY_CHOICE, C(plane), .required = true, .choices = planes},
    {"class", ENTRY_WORD, C(class_name), .choices = classes},
    {"element", ENTRY_NAME, C(element), .required = true},
    {"pv_set", ENTRY_OTHER, C(pv_set), .take = take_pv},
    {"pv_readback", ENTRY_OTHER, C(pv_readback), .take = take_pv},
    {"rad_per_a", ENTRY_REAL, C(rad_per_a), .required = true, .nonzero = true, .min = -1,
     .max = 1},
    {"limit_a", ENTRY_REAL, C(limit_a), .required = true, .min = 1e-9, .max = 1e6},
    {"resolution_a", ENTRY_REAL, C(resolution_a), .min = 1e-12, .max = 1e3},
    {"rate_a_per_s", ENTRY_REAL, C(rate_a_per_s), .min = 1e-9, .max = 1e9},
    {0},
};
#define R(member) offsetof(struct rf_device, member)
static const struct entry_field rf_fields[] = {
    {"name", ENTRY_NAME, R(name), .required = true},
    {"pv_set", ENTRY_OTHER, R(pv_set), .take = take_pv},
    {"pv_readback", ENTRY_OTHER, R(pv_readback), .take = take_pv},
    {"unit", ENTRY_FACTOR, R(hz_per_unit), .required = true, .choices = frequencies},
    {0},
};
#define T(member) offsetof(struct devices, member)
static const struct entry_field top_fields[] = {
    {"format", ENTRY_NOTE, 0, .required = true},
    {"machine", ENTRY_NAME, T(machine), .required = true},
    {"origin", ENTRY_NOTE, 0, .required = false},
    {"notes", ENTRY_NOTE, 0, .required = false},
    {"energy_gev", ENTRY_REAL, T(energy_gev), .required = true, .min = 1e-3, .max = 1e4},
    {"bpms", ENTRY_NOTE, 0, .required = true},
    {"correctors", ENTRY_NOTE, 0, .required = true},
    {"rf", ENTRY_NOTE, 0, .required = false},
    {0},
};

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
        node_fault(t->file.faults, t->file.path, node, "%s: x and y have the same PV",
                   now->name);
    for (uint64_t k = 0; k < i; k++) {
        if (strcmp(bpm[k].name, now->name) == 0)
            node_fault(t->file.faults, t->file.path, node, "%s: is there twice", now->name);
        if (same_pv(&bpm[k].pv_x, &now->pv_x) || same_pv(&bpm[k].pv_x, &now->pv_y) ||
            same_pv(&bpm[k].pv_y, &now->pv_x) || same_pv(&bpm[k].pv_y, &now->pv_y))
            node_fault(t->file.faults, t->file.path, node, "%s: has a PV of %s too", now->name,
                       bpm[k].name);
    }
}

static enum rc take_bpms(struct table *t, const yaml_node_t *root)
{
    struct devices *d = t->devices;
    uint64_t n;
    const yaml_node_t *list = entry_list(&t->file, root, "bpms", DEVICES_MAX_BPM, &n);

    d->bpm = n ? calloc(n, sizeof *d->bpm) : NULL;
    if (n && !d->bpm)
        return err_set(RC_NOMEM, "no memory for %lu BPMs", (unsigned long) n);
    d->n_bpm = n;
    for (uint64_t i = 0; i < n; i++) {
        d->bpm[i] = (struct bpm_device){.gain_x = 1, .gain_y = 1};
        if (entry_take(&t->file, entry_item(&t->file, list, i), bpm_fields, &d->bpm[i]))
            refuse_repeated_bpm(t, entry_item(&t->file, list, i), i);
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
            node_fault(t->file.faults, t->file.path, node, "%s: is there twice", now->name);
        if (same_pv(&corrector[k].pv_set, &now->pv_set))
            node_fault(t->file.faults, t->file.path, node, "%s: has the pv_set of %s too",
                       now->name, corrector[k].name);
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
    const yaml_node_t *list =
        entry_list(&t->file, root, "correctors", DEVICES_MAX_CORRECTOR, &n);

    d->corrector = n ? calloc(n, sizeof *d->corrector) : NULL;
    if (n && !d->corrector)
        return err_set(RC_NOMEM, "no memory for %lu correctors", (unsigned long) n);
    for (uint64_t i = 0; i < n; i++) {
        struct corrector_device *c = &d->corrector[i];

        *c = (struct corrector_device){
            .class_name = "slow", .resolution_a = 1e-9, .rate_a_per_s = 1e9};
        if (entry_take(&t->file, entry_item(&t->file, list, i), corrector_fields, c))
            refuse_repeated_corrector(t, entry_item(&t->file, list, i), i);
        d->n_h += c->plane == PLANE_H;
        d->n_v += c->plane == PLANE_V;
    }
    return n ? sort_planes(d, n) : RC_OK;
}

static void take_rf(struct table *t, const yaml_node_t *root)
{
    const yaml_node_t *node = entry_find(&t->file, root, "rf");

    if (!node)
        return;
    t->devices->n_rf = 1;
    (void) entry_take(&t->file, node, rf_fields, &t->devices->rf);
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
    const yaml_node_t *root = yaml_document_get_root_node(t->file.document);
    const yaml_node_t *format = entry_find(&t->file, root, "format");
    const char *text = node_text(format);
    enum rc rc;

    (void) entry_take(&t->file, root, top_fields, t->devices);
    if (format && (!text || strcmp(text, "orbitd-devices-1") != 0))
        node_fault(t->file.faults, t->file.path, format,
                   "format: 'orbitd-devices-1' is expected");
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
    struct table table = {{path, &document, faults}, devices};
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

static void describe(const char *name, const char *axis, const struct device_pv *pv, char *text,
                     size_t size)
{
    snprintf(text, size, "%s%s%s%s", name, axis, pv->name[0] ? ", PV " : "", pv->name);
}

void devices_describe(const struct devices *devices, bool row, uint64_t index, char *text,
                      size_t size)
{
    const struct bpm_device *bpm = &devices->bpm[index % (devices->n_bpm + !devices->n_bpm)];
    uint64_t n_kick = devices->n_h + devices->n_v;

    if (row && index < devices->n_bpm)
        describe(bpm->name, " x", &bpm->pv_x, text, size);
    else if (row && index < 2 * devices->n_bpm)
        describe(bpm->name, " y", &bpm->pv_y, text, size);
    else if (!row && index < n_kick)
        describe(devices->corrector[index].name, "", &devices->corrector[index].pv_set, text,
                 size);
    else if (!row && index < n_kick + devices->n_rf)
        describe(devices->rf.name, "", &devices->rf.pv_set, text, size);
    else
        snprintf(text, size, "#%llu", (unsigned long long) index);
}
