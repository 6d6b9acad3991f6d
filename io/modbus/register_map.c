#include "io/modbus/register_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/modbus/pdu.h"

enum { MAX_FILE_B = 8 << 20, NOT_GIVEN = -1, REGISTERS = 65536 };

/* ---- attributes ---- */

/* A point as it is written. */
struct point_entry {
    char bind[MAP_NAME_SIZE], link[ENTRY_NAME_SIZE], unit[ENTRY_NAME_SIZE];
    int64_t unit_id, address, number;
    int table, type, order;
    double scale, offset, min, max;
    int64_t mask, equals;
    bool write;
};

static bool take_text(char *at, size_t size, const char *text, char *reason)
{
    if (text[0] == '\0' || strlen(text) >= size || !entry_is_printable(text, " \"\\")) {
        snprintf(reason, ENTRY_REASON_SIZE,
                 "1 to %zu characters without blanks are expected, not '%.60s'", size - 1,
                 text);
        return false;
    }
    memcpy(at, text, strlen(text) + 1);
    return true;
}

static bool take_bind(void *at, const char *text, char *reason)
{
    return take_text(at, MAP_NAME_SIZE, text, reason);
}

static bool take_address(void *at, const char *text, char *reason)
{
    return take_text(at, MAP_ADDRESS_SIZE, text, reason);
}

static const struct entry_choice parities[] = {{"none", 'N'}, {"even", 'E'}, {"odd", 'O'}, {0}};
static const struct entry_choice tables[] = {
    {"holding", TABLE_HOLDING}, {"input", TABLE_INPUT}, {0}};
static const struct entry_choice types[] = {
    {"int16", REGISTER_INT16},       {"uint16", REGISTER_UINT16},
    {"int32", REGISTER_INT32},       {"uint32", REGISTER_UINT32},
    {"float32", REGISTER_FLOAT32},   {"float64", REGISTER_FLOAT64},
    {"bitfield", REGISTER_BITFIELD}, {0}};
static const struct entry_choice orders[] = {{"ABCD", ORDER_ABCD},
                                             {"CDAB", ORDER_CDAB},
                                             {"BADC", ORDER_BADC},
                                             {"DCBA", ORDER_DCBA},
                                             {0}};

static const struct entry_field top_fields[] = {
    {"format", ENTRY_NOTE, 0, .required = true},
    {"notes", ENTRY_NOTE, 0, .required = false},
    {"links", ENTRY_NOTE, 0, .required = true},
    {"points", ENTRY_NOTE, 0, .required = true},
    {0},
};
#define L(member) offsetof(struct map_link, member)
static const struct entry_field link_fields[] = {
    {"name", ENTRY_NAME, L(name), .required = true},
    {"tcp", ENTRY_OTHER, L(tcp), .take = take_address},
    {"rtu", ENTRY_OTHER, L(rtu), .take = take_address},
    {"baud", ENTRY_INT, L(baud), .min = 1200, .max = 4000000},
    {"parity", ENTRY_CHOICE, L(parity), .choices = parities},
    {"stop_bits", ENTRY_INT, L(stop_bits), .min = 1, .max = 2},
    {"unit_id", ENTRY_INT, L(unit_id), .min = 0, .max = 255},
    {"rate_hz", ENTRY_REAL, L(rate_hz), .required = true, .min = 0.01, .max = 2000},
    {"timeout_ms", ENTRY_REAL, L(timeout_ms), .min = 1, .max = 60000},
    {"gap", ENTRY_INT, L(gap), .min = 0, .max = PDU_MAX_READ},
    {"max_read", ENTRY_INT, L(max_read), .min = 1, .max = PDU_MAX_READ},
    {0},
};
#define P(member) offsetof(struct point_entry, member)
static const struct entry_field point_fields[] = {
    {"bind", ENTRY_OTHER, P(bind), .required = true, .take = take_bind},
    {"link", ENTRY_NAME, P(link), .required = true},
    {"unit_id", ENTRY_INT, P(unit_id), .min = 0, .max = 255},
    {"table", ENTRY_CHOICE, P(table), .choices = tables},
    {"address", ENTRY_INT, P(address), .min = 0, .max = REGISTERS - 1},
    {"register", ENTRY_INT, P(number), .min = 30001, .max = 465536},
    {"type", ENTRY_CHOICE, P(type), .required = true, .choices = types},
    {"order", ENTRY_CHOICE, P(order), .choices = orders},
    {"scale", ENTRY_REAL, P(scale), .nonzero = true, .min = -1e12, .max = 1e12},
    {"offset", ENTRY_REAL, P(offset), .min = -1e12, .max = 1e12},
    {"unit", ENTRY_NAME, P(unit), .required = false},
    {"min", ENTRY_REAL, P(min), .min = -1e12, .max = 1e12},
    {"max", ENTRY_REAL, P(max), .min = -1e12, .max = 1e12},
    {"sentinels", ENTRY_NOTE, 0, .required = false},
    {"mask", ENTRY_INT, P(mask), .min = 1, .max = 0xffff},
    {"equals", ENTRY_INT, P(equals), .min = 0, .max = 0xffff},
    {"write", ENTRY_BOOL, P(write), .required = false},
    {0},
};

/* A map while it is read. */
struct table {
    struct entry_file file;
    const struct devices *devices;
    struct register_map *map;
};

#define FAULT(t, node, ...) node_fault((t)->file.faults, (t)->file.path, node, __VA_ARGS__)

/* ---- links ---- */

static void check_link(const struct table *t, const yaml_node_t *node, uint64_t i)
{
    const struct map_link *link = &t->map->link[i];
    if (!link->tcp[0] == !link->rtu[0]) {
        FAULT(t, node, "%s: one of tcp and rtu is expected", link->name);
    }
    for (uint64_t k = 0; k < i; k++) {
        if (strcmp(t->map->link[k].name, link->name) == 0) {
            FAULT(t, node, "%s: is there twice", link->name);
        }
    }
}

static enum rc take_links(const struct table *t, const yaml_node_t *root)
{
    uint64_t n;
    const yaml_node_t *list = entry_list(&t->file, root, "links", MAP_MAX_LINK, &n);
    t->map->link = n ? calloc(n, sizeof *t->map->link) : NULL;
    if (n && !t->map->link) {
        return err_set(RC_NOMEM, "no memory for %lu links", (unsigned long) n);
    }
    for (uint64_t i = 0; i < n; i++) {
        t->map->link[i] = (struct map_link){.baud = 19200,
                                            .stop_bits = 1,
                                            .unit_id = 1,
                                            .parity = 'E',
                                            .timeout_ms = 100,
                                            .max_read = PDU_MAX_READ};
        if (entry_take(&t->file, entry_item(&t->file, list, i), link_fields,
                       &t->map->link[i])) {
            check_link(t, entry_item(&t->file, list, i), i);
        }
    }
    t->map->n_link = n;
    return RC_OK;
}

/* ---- what a point is bound to ---- */

enum unit_kind { UNIT_LENGTH, UNIT_CURRENT, UNIT_FREQUENCY, UNIT_NONE };

static const struct unit {
    const char *word;
    enum unit_kind kind;
    double si;
} units[] = {
    {"m", UNIT_LENGTH, 1},        {"mm", UNIT_LENGTH, 1e-3}, {"um", UNIT_LENGTH, 1e-6},
    {"nm", UNIT_LENGTH, 1e-9},    {"A", UNIT_CURRENT, 1},    {"mA", UNIT_CURRENT, 1e-3},
    {"uA", UNIT_CURRENT, 1e-6},   {"Hz", UNIT_FREQUENCY, 1}, {"kHz", UNIT_FREQUENCY, 1e3},
    {"MHz", UNIT_FREQUENCY, 1e6}, {NULL, UNIT_NONE, 0}};

static const enum unit_kind unit_of[QUANTITY_COUNT] = {
    [QUANTITY_X] = UNIT_LENGTH,         [QUANTITY_Y] = UNIT_LENGTH,
    [QUANTITY_BPM_VALID] = UNIT_NONE,   [QUANTITY_SET] = UNIT_CURRENT,
    [QUANTITY_READBACK] = UNIT_CURRENT, [QUANTITY_CORRECTOR_VALID] = UNIT_NONE,
    [QUANTITY_RF_SET] = UNIT_FREQUENCY, [QUANTITY_RF_READBACK] = UNIT_FREQUENCY,
    [QUANTITY_CURRENT] = UNIT_CURRENT};

/* Whom a name belongs to, and the words behind its dot. */
enum owner { OWNER_BPM, OWNER_CORRECTOR, OWNER_RF, OWNER_BEAM, OWNER_NONE };

static const struct channel {
    enum owner owner;
    const char *word;
    enum map_quantity quantity;
} channels[] = {{OWNER_BPM, "x", QUANTITY_X},
                {OWNER_BPM, "y", QUANTITY_Y},
                {OWNER_BPM, "valid", QUANTITY_BPM_VALID},
                {OWNER_CORRECTOR, "set", QUANTITY_SET},
                {OWNER_CORRECTOR, "readback", QUANTITY_READBACK},
                {OWNER_CORRECTOR, "valid", QUANTITY_CORRECTOR_VALID},
                {OWNER_RF, "set", QUANTITY_RF_SET},
                {OWNER_RF, "readback", QUANTITY_RF_READBACK},
                {OWNER_BEAM, "current", QUANTITY_CURRENT}};

static const char *const owner_channels[OWNER_NONE] = {[OWNER_BPM] = "x, y, valid",
                                                       [OWNER_CORRECTOR] =
                                                           "set, readback, valid",
                                                       [OWNER_RF] = "set, readback",
                                                       [OWNER_BEAM] = "current"};

static enum owner find_owner(const struct devices *devices, const char *name, uint64_t *device)
{
    int bpm = devices_find_bpm(devices, name),
        corrector = devices_find_corrector(devices, name);
    *device = 0;
    if (bpm >= 0) {
        *device = (uint64_t) bpm;
        return OWNER_BPM;
    }
    if (corrector >= 0) {
        *device = (uint64_t) corrector;
        return OWNER_CORRECTOR;
    }
    if (devices->n_rf && strcmp(devices->rf.name, name) == 0) {
        return OWNER_RF;
    }
    return strcmp(name, "beam") == 0 ? OWNER_BEAM : OWNER_NONE;
}

static bool bind(const struct table *t, const yaml_node_t *node, struct map_point *point)
{
    char name[MAP_NAME_SIZE];
    const char *dot = strrchr(point->name, '.');
    size_t length = dot ? (size_t) (dot - point->name) : 0;
    memcpy(name, point->name, length);
    name[length] = '\0';
    enum owner owner = find_owner(t->devices, name, &point->device);
    for (size_t i = 0; owner != OWNER_NONE && i < sizeof channels / sizeof *channels; i++) {
        if (channels[i].owner == owner && strcmp(channels[i].word, dot + 1) == 0) {
            point->quantity = channels[i].quantity;
            return true;
        }
    }
    if (owner == OWNER_NONE) {
        FAULT(t, node,
              "bind: '%s': the device table has no such device; DEVICE.CHANNEL is "
              "expected, or beam.current",
              point->name);
    } else {
        FAULT(t, node, "bind: '%s': the channels of %s are %s", point->name, name,
              owner_channels[owner]);
    }
    return false;
}

/* ---- where a point is ---- */

static bool find_link(const struct table *t, const char *name, uint64_t *link)
{
    for (*link = 0; *link < t->map->n_link; ++*link) {
        if (strcmp(t->map->link[*link].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* 30001 to 39999 and 300001 to 365536 are input registers, 4xxxx and 4xxxxx holding ones; the
 * first of each has address 0. */
static bool split_number(int64_t number, int *table, int64_t *address)
{
    int64_t block = number > 99999 ? number / 100000 : number / 10000;
    *address = (number > 99999 ? number % 100000 : number % 10000) - 1;
    *table = block == 3 ? TABLE_INPUT : TABLE_HOLDING;
    return (block == 3 || block == 4) && *address >= 0 && *address < REGISTERS;
}

static void place(const struct table *t, const yaml_node_t *node, struct point_entry *entry)
{
    int table;
    int64_t address;
    if ((entry->address == NOT_GIVEN) == (entry->number == NOT_GIVEN)) {
        FAULT(t, node, "%s: one of address (from 0) and register (such as 40001) is expected",
              entry->bind);
        entry->address = 0;
    } else if (entry->number != NOT_GIVEN) {
        if (!split_number(entry->number, &table, &address)) {
            FAULT(t, node, "%s: register: %lld is none of 3xxxx, 4xxxx, 3xxxxx, 4xxxxx",
                  entry->bind, (long long) entry->number);
        } else if (entry->table != NOT_GIVEN && entry->table != table) {
            FAULT(t, node, "%s: register %lld is not in the %s table", entry->bind,
                  (long long) entry->number, tables[entry->table].word);
        }
        entry->table = table;
        entry->address = address;
    } else if (entry->table == NOT_GIVEN) {
        FAULT(t, node, "%s: table: is missing", entry->bind);
        entry->table = TABLE_HOLDING;
    }
}

static void check_place(const struct table *t, const yaml_node_t *node,
                        const struct map_point *point)
{
    unsigned n = register_words(point->type);
    if (point->address + n > REGISTERS) {
        FAULT(t, node, "%s: %u registers from address %u are beyond 65535", point->name, n,
              point->address);
    }
    if (n > t->map->link[point->link].max_read) {
        FAULT(t, node, "%s: %u registers are more than max_read of link %s", point->name, n,
              t->map->link[point->link].name);
    }
}

/* ---- what a point says ---- */

static void take_unit(const struct table *t, const yaml_node_t *node,
                      const struct point_entry *entry, struct map_point *point)
{
    enum unit_kind kind = unit_of[point->quantity];
    const struct unit *unit = units;
    point->si_per_unit = 1;
    if (kind == UNIT_NONE && !entry->unit[0]) {
        return;
    }
    while (unit->word && (unit->kind != kind || strcmp(unit->word, entry->unit) != 0)) {
        unit++;
    }
    if (unit->word) {
        point->si_per_unit = unit->si;
    } else if (!entry->unit[0]) {
        FAULT(t, node, "%s: unit: is missing", point->name);
    } else {
        FAULT(t, node, "%s: unit: '%s' is not possible here", point->name, entry->unit);
    }
}

static void take_sentinels(const struct table *t, const yaml_node_t *node,
                           struct map_point *point)
{
    uint64_t n;
    const yaml_node_t *list = entry_list(&t->file, node, "sentinels", MAP_MAX_SENTINEL, &n);
    for (uint64_t i = 0; i < n; i++) {
        const yaml_node_t *item = entry_item(&t->file, list, i);
        const char *text = node_text(item);
        char *end = NULL;
        double number = text ? strtod(text, &end) : 0;
        if (!text || end == text || *end || !(fabs(number) <= 1e15)) {
            FAULT(t, item, "sentinels: numbers up to 1e15 are expected");
        } else {
            point->sentinel[point->n_sentinel++] = number;
        }
    }
}

static void take_range(const struct table *t, const yaml_node_t *node,
                       const struct point_entry *entry, struct map_point *point)
{
    if (!(entry->min < entry->max)) {
        FAULT(t, node, "%s: min is not below max", point->name);
    }
    point->min = entry->min * point->si_per_unit;
    point->max = entry->max * point->si_per_unit;
}

static void take_bits(const struct table *t, const yaml_node_t *node,
                      const struct point_entry *entry, struct map_point *point)
{
    bool is_bits = point->type == REGISTER_BITFIELD;
    if (is_bits != (unit_of[point->quantity] == UNIT_NONE)) {
        FAULT(t, node, "%s: type bitfield is for valid, and valid for bitfield", point->name);
    }
    if (!is_bits && (entry->mask != NOT_GIVEN || entry->equals != NOT_GIVEN)) {
        FAULT(t, node, "%s: mask and equals are for bitfields", point->name);
    }
    if (is_bits && entry->mask == NOT_GIVEN) {
        FAULT(t, node, "%s: mask: is missing", point->name);
    }
    point->mask = (uint64_t) entry->mask;
    point->equals = entry->equals == NOT_GIVEN ? point->mask : (uint64_t) entry->equals;
    if (is_bits && (point->equals & ~point->mask)) {
        FAULT(t, node, "%s: equals has bits that mask has not", point->name);
    }
}

/* ---- writing ---- */

static void check_write(const struct table *t, const yaml_node_t *node,
                        const struct map_point *point)
{
    uint16_t word[REGISTER_MAX_WORDS];
    if (point->quantity != QUANTITY_SET) {
        FAULT(t, node, "%s: write: only set points of correctors are written", point->name);
        return;
    }
    if (point->table != TABLE_HOLDING) {
        FAULT(t, node, "%s: write: only holding registers can be written", point->name);
    }
    double limit = t->devices->corrector[point->device].limit_a;
    if (!map_point_encode(point, limit, word) || !map_point_encode(point, -limit, word)) {
        FAULT(t, node, "%s: write: the corrector's limit of +-%.6g A does not fit the register",
              point->name, limit);
    }
}

static bool overlap(const struct map_point *a, const struct map_point *b)
{
    return a->link == b->link && a->unit_id == b->unit_id && a->table == b->table &&
           a->address < b->address + register_words(b->type) &&
           b->address < a->address + register_words(a->type);
}

static void refuse_repeated(const struct table *t, const yaml_node_t *node, uint64_t i)
{
    const struct map_point *point = t->map->point, *now = &point[i];
    for (uint64_t k = 0; k < i; k++) {
        if (point[k].quantity == now->quantity && point[k].device == now->device) {
            FAULT(t, node, "%s: is bound twice", now->name);
        } else if ((point[k].write || now->write) && overlap(&point[k], now) &&
                   (point[k].quantity == QUANTITY_SET && now->quantity == QUANTITY_SET)) {
            FAULT(t, node, "%s: has registers of %s, one of them is written", now->name,
                  point[k].name);
        }
    }
}

/* ---- points ---- */

static void make_point(const struct table *t, const yaml_node_t *node,
                       struct point_entry *entry, struct map_point *point)
{
    const struct map_link *link = &t->map->link[point->link];
    place(t, node, entry);
    point->unit_id = (uint8_t) (entry->unit_id == NOT_GIVEN ? link->unit_id : entry->unit_id);
    point->table = (enum register_table) entry->table;
    point->address = (uint16_t) entry->address;
    point->type = (enum register_type) entry->type;
    point->order = (enum register_order) entry->order;
    point->scale = entry->scale;
    point->offset = entry->offset;
    point->write = entry->write;
    check_place(t, node, point);
    take_unit(t, node, entry, point);
    take_sentinels(t, node, point);
    take_range(t, node, entry, point);
    take_bits(t, node, entry, point);
    if (point->write) {
        check_write(t, node, point);
    }
}

static void take_point(const struct table *t, const yaml_node_t *node, uint64_t i)
{
    struct map_point *point = &t->map->point[i];
    struct point_entry entry = {.unit_id = NOT_GIVEN,
                                .address = NOT_GIVEN,
                                .number = NOT_GIVEN,
                                .table = NOT_GIVEN,
                                .scale = 1,
                                .min = -1e12,
                                .max = 1e12,
                                .mask = NOT_GIVEN,
                                .equals = NOT_GIVEN};
    /* What cannot be read belongs to nothing that others could repeat. */
    point->quantity = QUANTITY_COUNT;
    if (!entry_take(&t->file, node, point_fields, &entry)) {
        return;
    }
    memcpy(point->name, entry.bind, sizeof point->name);
    if (!find_link(t, entry.link, &point->link)) {
        FAULT(t, node, "%s: link: '%s' is not in links", entry.bind, entry.link);
        return;
    }
    if (bind(t, node, point)) {
        make_point(t, node, &entry, point);
        refuse_repeated(t, node, i);
    }
}

static enum rc take_points(const struct table *t, const yaml_node_t *root)
{
    uint64_t n;
    const yaml_node_t *list = entry_list(&t->file, root, "points", MAP_MAX_POINT, &n);
    t->map->point = n ? calloc(n, sizeof *t->map->point) : NULL;
    if (n && !t->map->point) {
        return err_set(RC_NOMEM, "no memory for %lu points", (unsigned long) n);
    }
    for (uint64_t i = 0; i < n; i++) {
        take_point(t, entry_item(&t->file, list, i), i);
    }
    t->map->n_point = n;
    return RC_OK;
}

/* ---- whole ---- */

static enum rc take_root(const struct table *t)
{
    const yaml_node_t *root = yaml_document_get_root_node(t->file.document);
    const yaml_node_t *format = entry_find(&t->file, root, "format");
    const char *text = format ? node_text(format) : NULL;
    char nothing = 0; /* the root's attributes are all read here */
    (void) entry_take(&t->file, root, top_fields, &nothing);
    if (format && (!text || strcmp(text, "orbitd-registers-1") != 0)) {
        FAULT(t, format, "format: 'orbitd-registers-1' is expected");
    }
    enum rc rc = take_links(t, root);
    return rc ? rc : take_points(t, root);
}

enum rc register_map_parse(struct register_map *map, const void *text, size_t size_b,
                           const char *path, const struct devices *devices,
                           struct cfg_faults *faults)
{
    size_t before = faults->count;
    yaml_document_t document;
    struct table t = {.file = {path, &document, faults}, .devices = devices, .map = map};
    enum rc rc = RC_OK;
    memset(map, 0, sizeof *map);
    if (document_parse(&document, path, text, size_b, faults)) {
        rc = take_root(&t);
        yaml_document_delete(&document);
    }
    if (rc) {
        cfg_fault(faults, path, 0, 0, "%s", err_text());
    } else if (faults->count != before) {
        rc = err_set(RC_INPUT, "%s%s", before < CFG_MAX_FAULTS ? faults->text[before] : path,
                     faults->count > before + 1 ? " (and more)" : "");
    }
    if (rc) {
        register_map_free(map);
    }
    return rc;
}

enum rc register_map_load(struct register_map *map, const char *path,
                          const struct devices *devices, struct cfg_faults *faults)
{
    size_t before = faults->count;
    struct file_text text = file_text_read(path, MAX_FILE_B, faults);
    memset(map, 0, sizeof *map);
    if (!text.byte) {
        return err_set(RC_INPUT, "%s", before < CFG_MAX_FAULTS ? faults->text[before] : path);
    }
    enum rc rc = register_map_parse(map, text.byte, text.size, path, devices, faults);
    free(text.byte);
    return rc;
}

void register_map_free(struct register_map *map)
{
    free(map->link);
    free(map->point);
    memset(map, 0, sizeof *map);
}

/* ---- values ---- */

static bool is_sentinel(const struct map_point *point, uint64_t bits, double number)
{
    bool is_float = point->type == REGISTER_FLOAT32 || point->type == REGISTER_FLOAT64;
    uint64_t mask = register_words(point->type) == 1 ? 0xffff : 0xffffffff;
    for (unsigned i = 0; i < point->n_sentinel; i++) {
        double sentinel = point->sentinel[i];
        bool same = is_float ? !(number < sentinel) && !(number > sentinel)
                             : ((uint64_t) (int64_t) sentinel & mask) == bits;
        if (same) {
            return true;
        }
    }
    return false;
}

double map_point_read(const struct map_point *point, const uint16_t *word,
                      enum reading_fault *fault)
{
    uint64_t bits = register_bits(point->type, point->order, word);
    double number = register_number(point->type, bits);
    double si = (number * point->scale + point->offset) * point->si_per_unit;
    *fault = READING_GOOD;
    if (!isfinite(si)) {
        *fault = READING_NOT_FINITE;
        return 0;
    }
    if (point->type == REGISTER_BITFIELD) {
        *fault = (bits & point->mask) == point->equals ? READING_GOOD : READING_BITS;
    } else if (is_sentinel(point, bits, number)) {
        *fault = READING_SENTINEL;
    } else if (si < point->min || si > point->max) {
        *fault = READING_RANGE;
    }
    return si;
}

static double number_of(const struct map_point *point, double si)
{
    return (si / point->si_per_unit - point->offset) / point->scale;
}

bool map_point_encode(const struct map_point *point, double si, uint16_t *word)
{
    return register_encode(point->type, point->order, number_of(point, si), word);
}

double map_point_step(const struct map_point *point, double si)
{
    return register_step(point->type, number_of(point, si)) * fabs(point->scale) *
           point->si_per_unit;
}
