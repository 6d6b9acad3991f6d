#include "config/cfg.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/cfg_check.h"
#include "config/cfg_keys.h"
#include "config/cfg_value.h"
#include "config/document.h"

/* One load: where values and faults go, and what was seen. */
struct reader {
    struct cfg *cfg;
    struct cfg_faults *faults;
    const char *path;
    yaml_document_t *document;
    struct cfg_place place[CFG_MAX_KEYS]; /* per key */
};

enum { MAX_FILE_B = 1 << 20 };

void cfg_fault(struct cfg_faults *faults, const char *path, size_t line, size_t column,
               const char *format, ...)
{
    char reason[CFG_FAULT_SIZE], *text;
    va_list args;

    if (faults->count++ >= CFG_MAX_FAULTS)
        return;
    text = faults->text[faults->count - 1];
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (line)
        snprintf(text, CFG_FAULT_SIZE, "%.200s:%zu:%zu: %.260s", path, line, column, reason);
    else
        snprintf(text, CFG_FAULT_SIZE, "%.200s: %.260s", path, reason);
}

void cfg_faults_print(FILE *out, const struct cfg_faults *faults)
{
    for (size_t i = 0; i < faults->count && i < CFG_MAX_FAULTS; i++)
        fprintf(out, "%s\n", faults->text[i]);
    if (faults->count > CFG_MAX_FAULTS)
        fprintf(out, "... and %zu more\n", faults->count - CFG_MAX_FAULTS);
}

/* ---- values -------------------------------------------------------------------------------
 */

static void fault_value(struct reader *r, const struct cfg_key *key, const yaml_node_t *node,
                        const char *reason)
{
    r->place[key - cfg_keys].faulty = true;
    node_fault(r->faults, r->path, node, "%s%s%s: %s", key->section, key->section[0] ? "." : "",
               key->name, reason);
}

static void take_list(struct reader *r, const struct cfg_key *key, const yaml_node_t *node)
{
    const yaml_node_item_t *item = node->data.sequence.items.start;
    char reason[CFG_REASON_SIZE];

    cfg_list_clear(r->cfg, key);
    for (; item < node->data.sequence.items.top; item++) {
        const yaml_node_t *entry = yaml_document_get_node(r->document, *item);
        const char *text = node_text(entry);

        if (!text)
            fault_value(r, key, entry, "an item of the list is not a name");
        else if (!cfg_list_add(r->cfg, key, text, reason))
            fault_value(r, key, entry, reason);
    }
}

static bool first_time(struct reader *r, const struct cfg_key *key, const yaml_node_t *node)
{
    struct cfg_place *place = &r->place[key - cfg_keys];
    char reason[CFG_REASON_SIZE];

    if (place->line) {
        snprintf(reason, sizeof reason, "is given twice, first on line %zu", place->line);
        fault_value(r, key, node, reason);
        return false;
    }
    place->line = node->start_mark.line + 1;
    place->column = node->start_mark.column + 1;
    return true;
}

static void take_value(struct reader *r, const struct cfg_key *key, const yaml_node_t *node)
{
    const char *text = node_text(node);
    bool plain = text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    char reason[CFG_REASON_SIZE];

    if (!first_time(r, key, node))
        return;
    if (key->kind == CFG_NAMES && node->type == YAML_SEQUENCE_NODE)
        take_list(r, key, node);
    else if (!text)
        fault_value(r, key, node, "a single value is expected");
    else if (!cfg_set(r->cfg, key, text, plain, reason))
        fault_value(r, key, node, reason);
}

/* ---- names --------------------------------------------------------------------------------
 */

static const struct cfg_key *find_key(const char *section, const char *name)
{
    for (size_t i = 0; i < cfg_n_keys; i++)
        if (strcmp(cfg_keys[i].section, section) == 0 && strcmp(cfg_keys[i].name, name) == 0)
            return &cfg_keys[i];
    return NULL;
}

static bool is_section(const char *name)
{
    for (size_t i = 0; i < cfg_n_keys; i++)
        if (name[0] && strcmp(cfg_keys[i].section, name) == 0)
            return true;
    return false;
}

/* The same name in another section: most likely the indentation is wrong. */
static const char *section_of(const char *name)
{
    for (size_t i = 0; i < cfg_n_keys; i++)
        if (strcmp(cfg_keys[i].name, name) == 0)
            return cfg_keys[i].section[0] ? cfg_keys[i].section : "the top level";
    return NULL;
}

/* Nearest key of the section, at the top level also nearest section; NULL: none is near. */
static const char *nearest(const char *section, const char *name)
{
    size_t best = 3;
    const char *near = NULL;

    for (size_t i = 0; i < cfg_n_keys; i++) {
        bool here = strcmp(cfg_keys[i].section, section) == 0;
        const char *known = here ? cfg_keys[i].name : cfg_keys[i].section;
        size_t distance = here || !section[0] ? cfg_edit_distance(name, known) : best;

        if (distance < best && distance < strlen(known)) {
            best = distance;
            near = known;
        }
    }
    return near;
}

static void fault_unknown(struct reader *r, const yaml_node_t *node, const char *section,
                          const char *name, bool is_mapping)
{
    const char *what = !section[0] && is_mapping ? "unknown section" : "unknown key";
    const char *dot = section[0] ? "." : "", *near, *other;

    /* Beyond the faults kept a search would be for nothing, and a hostile file is full of them.
     */
    if (r->faults->count >= CFG_MAX_FAULTS) {
        r->faults->count++;
        return;
    }
    near = nearest(section, name);
    other = section_of(name);
    if (other)
        node_fault(r->faults, r->path, node, "%s%s%.60s: %s; it belongs to %s", section, dot,
                   name, what, other);
    else if (near)
        node_fault(r->faults, r->path, node, "%s%s%.60s: %s; did you mean '%s'?", section, dot,
                   name, what, near);
    else
        node_fault(r->faults, r->path, node, "%s%s%.60s: %s", section, dot, name, what);
}

/* ---- sections -----------------------------------------------------------------------------
 */

static void take_pair(struct reader *r, const yaml_node_t *name_node, const yaml_node_t *value,
                      const char *section)
{
    const char *name = node_text(name_node);
    const struct cfg_key *key = name ? find_key(section, name) : NULL;

    if (!name)
        node_fault(r->faults, r->path, name_node, "a key must be a name");
    else if (key)
        take_value(r, key, value);
    else
        fault_unknown(r, name_node, section, name, value->type == YAML_MAPPING_NODE);
}

static void take_section(struct reader *r, const yaml_node_t *node, const char *section)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

    for (; pair < node->data.mapping.pairs.top; pair++)
        take_pair(r, yaml_document_get_node(r->document, pair->key),
                  yaml_document_get_node(r->document, pair->value), section);
}

/* A section stands at the top level, once, with keys below it or nothing. */
static void take_top(struct reader *r, const yaml_node_t *root)
{
    const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
    const yaml_node_pair_t *end = root->data.mapping.pairs.top;

    for (const yaml_node_pair_t *at = pair; at < end; at++) {
        const yaml_node_t *name_node = yaml_document_get_node(r->document, at->key);
        const yaml_node_t *value = yaml_document_get_node(r->document, at->value);
        const char *name = node_text(name_node);

        if (!name || !is_section(name))
            take_pair(r, name_node, value, "");
        else if (value->type == YAML_MAPPING_NODE)
            take_section(r, value, name);
        else if (!node_text(value) || node_text(value)[0])
            node_fault(r->faults, r->path, value,
                       "%s: a section with keys below it is expected", name);
    }
}

static void refuse_repeated_sections(struct reader *r, const yaml_node_t *root)
{
    const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
    size_t line[CFG_MAX_KEYS] = {
        0}; /* per key: where its section was seen, for the first key */

    for (; pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *node = yaml_document_get_node(r->document, pair->key);
        const char *name = node_text(node);
        size_t i = 0;

        while (name && i < cfg_n_keys && strcmp(cfg_keys[i].section, name) != 0)
            i++;
        if (!name || !name[0] || i == cfg_n_keys)
            continue;
        if (line[i])
            node_fault(r->faults, r->path, node,
                       "%s: the section is given twice, first on line %zu", name, line[i]);
        else
            line[i] = node->start_mark.line + 1;
    }
}

/* ---- whole --------------------------------------------------------------------------------
 */

/* false: not one key could be read, and rules between keys have nothing to say. */
static bool read_text(struct reader *r, const unsigned char *text, size_t size)
{
    yaml_document_t document;
    const yaml_node_t *root;

    if (!document_parse(&document, r->path, text, size, r->faults))
        return false;
    r->document = &document;
    root = yaml_document_get_root_node(&document);
    refuse_repeated_sections(r, root);
    take_top(r, root);
    yaml_document_delete(&document);
    return true;
}

static void make_paths_absolute(struct reader *r)
{
    char folder[PATH_MAX], state[CFG_PATH_SIZE];

    if (!cfg_folder_of(r->path, folder, sizeof folder))
        return;
    cfg_state_dir(r->cfg, state, sizeof state);
    for (size_t i = 0; i < cfg_n_keys; i++) {
        if (cfg_keys[i].kind != CFG_PATH ||
            cfg_make_absolute(r->cfg, &cfg_keys[i], folder, state))
            continue;
        cfg_fault(r->faults, r->path, r->place[i].line, r->place[i].column,
                  "%s.%s: with its folder the path is longer than %d characters",
                  cfg_keys[i].section, cfg_keys[i].name, CFG_PATH_SIZE - 1);
        r->place[i].faulty = true;
    }
}

static void start(struct reader *r)
{
    char reason[CFG_REASON_SIZE];

    memset(r->cfg, 0, sizeof *r->cfg);
    r->faults->count = 0;
    for (size_t i = 0; i < cfg_n_keys; i++)
        if (!cfg_set(r->cfg, &cfg_keys[i], cfg_keys[i].preset, true, reason))
            cfg_fault(r->faults, "keys.def", 0, 0, "%s.%s: default: %s", cfg_keys[i].section,
                      cfg_keys[i].name, reason);
}

static enum rc finish(struct reader *r, bool readable)
{
    if (readable) {
        make_paths_absolute(r);
        cfg_check(r->cfg, r->place, r->path, r->faults);
    }
    if (r->faults->count == 0)
        return RC_OK;
    return err_set(RC_INPUT, "%s%s", r->faults->text[0],
                   r->faults->count > 1 ? " (and more)" : "");
}

enum rc cfg_parse(struct cfg *cfg, const void *text, size_t size_b, const char *path,
                  struct cfg_faults *faults)
{
    struct reader reader = {.cfg = cfg, .faults = faults, .path = path};

    start(&reader);
    return finish(&reader, read_text(&reader, text, size_b));
}

/* The file over what is in the configuration already. */
static enum rc take_file(struct reader *reader)
{
    struct file_text text = file_text_read(reader->path, MAX_FILE_B, reader->faults);
    bool readable = text.byte && read_text(reader, text.byte, text.size);

    free(text.byte);
    return finish(reader, readable);
}

enum rc cfg_load(struct cfg *cfg, const char *path, struct cfg_faults *faults)
{
    struct reader reader = {.cfg = cfg, .faults = faults, .path = path};

    start(&reader);
    return take_file(&reader);
}

enum rc cfg_overlay(struct cfg *cfg, const char *path, struct cfg_faults *faults)
{
    struct reader reader = {.cfg = cfg, .faults = faults, .path = path};

    faults->count = 0;
    return take_file(&reader);
}
