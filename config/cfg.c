#include "config/cfg.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include "config/cfg_keys.h"
#include "config/cfg_value.h"

/* One load: where faults go and what was seen. */
struct reader {
    struct cfg *cfg;
    struct cfg_faults *faults;
    const char *path;
    yaml_document_t *document;
    bool seen[256]; /* per key */
};

enum { MAX_FILE_B = 1 << 20 };

void cfg_fault(struct cfg_faults *faults, const char *path, size_t line, size_t column,
               const char *format, ...)
{
    char reason[CFG_FAULT_SIZE];
    va_list args;

    if (faults->count++ >= CFG_MAX_FAULTS)
        return;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (line)
        snprintf(faults->text[faults->count - 1], CFG_FAULT_SIZE, "%.100s:%zu:%zu: %.150s",
                 path, line, column, reason);
    else
        snprintf(faults->text[faults->count - 1], CFG_FAULT_SIZE, "%.100s: %.200s", path,
                 reason);
}

void cfg_faults_print(FILE *out, const struct cfg_faults *faults)
{
    for (size_t i = 0; i < faults->count && i < CFG_MAX_FAULTS; i++)
        fprintf(out, "%s\n", faults->text[i]);
    if (faults->count > CFG_MAX_FAULTS)
        fprintf(out, "... and %zu more\n", faults->count - CFG_MAX_FAULTS);
}

static void fault_at(struct reader *r, const yaml_node_t *node, const char *format,
                     const char *key, const char *detail)
{
    char reason[CFG_FAULT_SIZE];

    snprintf(reason, sizeof reason, "%.70s: %.180s%.40s", key, format, detail);
    cfg_fault(r->faults, r->path, node->start_mark.line + 1, node->start_mark.column + 1, "%s",
              reason);
}

static const char *scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *) node->data.scalar.value : NULL;
}

static void full_name(const struct cfg_key *key, char *name, size_t size)
{
    snprintf(name, size, "%s%s%s", key->section, key->section[0] ? "." : "", key->name);
}

static void take_list(struct reader *r, const struct cfg_key *key, const yaml_node_t *node,
                      const char *name)
{
    const yaml_node_item_t *item = node->data.sequence.items.start;
    char reason[160];

    cfg_list_clear(r->cfg, key);
    for (; item < node->data.sequence.items.top; item++) {
        const yaml_node_t *entry = yaml_document_get_node(r->document, *item);
        const char *text = scalar(entry);

        if (!text)
            fault_at(r, entry, "an item is not a name", name, "");
        else if (!cfg_list_add(r->cfg, key, text, reason, sizeof reason))
            fault_at(r, entry, reason, name, "");
    }
}

static void take_value(struct reader *r, const struct cfg_key *key, const yaml_node_t *node)
{
    char name[80], reason[200];
    const char *text = scalar(node);
    bool plain = text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    full_name(key, name, sizeof name);
    if (r->seen[key - cfg_keys]) {
        fault_at(r, node, "the key is given twice", name, "");
        return;
    }
    r->seen[key - cfg_keys] = true;
    if (key->kind == CFG_NAMES && node->type == YAML_SEQUENCE_NODE)
        take_list(r, key, node, name);
    else if (!text)
        fault_at(r, node, "a single value is expected", name, "");
    else if (!cfg_set(r->cfg, key, text, plain, reason, sizeof reason))
        fault_at(r, node, reason, name, "");
}

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

/* Nearest known key or section, for "did you mean". */
static void suggest(const char *section, const char *name, char *text, size_t size)
{
    size_t best = 3;

    text[0] = '\0';
    for (size_t i = 0; i < cfg_n_keys; i++) {
        bool here = strcmp(cfg_keys[i].section, section) == 0;
        const char *known = here ? cfg_keys[i].name : cfg_keys[i].section;
        size_t distance;

        if (!here && section[0])
            continue;
        distance = cfg_edit_distance(name, known);
        if (known[0] && distance < best) {
            best = distance;
            snprintf(text, size, "; did you mean '%.24s'?", known);
        }
    }
}

static void fault_unknown(struct reader *r, const yaml_node_t *node, const char *section,
                          const char *name)
{
    char full[100], hint[48];

    snprintf(full, sizeof full, "%.40s%s%.50s", section, section[0] ? "." : "", name);
    suggest(section, name, hint, sizeof hint);
    fault_at(r, node, "unknown key", full, hint);
}

static void take_section(struct reader *r, const yaml_node_t *node, const char *section)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

    for (; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key_node = yaml_document_get_node(r->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
        const char *name = scalar(key_node);
        const struct cfg_key *key = name ? find_key(section, name) : NULL;

        if (!name)
            fault_at(r, key_node, "a key must be a name", section, "");
        else if (key)
            take_value(r, key, value);
        else if (section[0] == '\0' && is_section(name) && value->type == YAML_MAPPING_NODE)
            take_section(r, value, name);
        else if (section[0] == '\0' && is_section(name))
            fault_at(r, value, "a section with keys is expected", name, "");
        else
            fault_unknown(r, key_node, section, name);
    }
}

static bool load_document(struct reader *r, yaml_parser_t *parser, yaml_document_t *document)
{
    if (yaml_parser_load(parser, document))
        return true;
    cfg_fault(r->faults, r->path, parser->problem_mark.line + 1,
              parser->problem_mark.column + 1, "syntax: %s%s%s",
              parser->problem ? parser->problem : "not readable", parser->context ? ", " : "",
              parser->context ? parser->context : "");
    return false;
}

static void refuse_second_document(struct reader *r, yaml_parser_t *parser)
{
    yaml_document_t second;

    if (!load_document(r, parser, &second))
        return;
    if (yaml_document_get_root_node(&second))
        cfg_fault(r->faults, r->path, second.start_mark.line + 1, 1,
                  "a second document: one file is one configuration");
    yaml_document_delete(&second);
}

static void read_tree(struct reader *r, yaml_parser_t *parser)
{
    yaml_document_t document;
    yaml_node_t *root;

    if (!load_document(r, parser, &document))
        return;
    r->document = &document;
    root = yaml_document_get_root_node(&document);
    if (root && root->type == YAML_MAPPING_NODE)
        take_section(r, root, "");
    else if (root)
        fault_at(r, root, "keys and values are expected", "file", "");
    if (root)
        refuse_second_document(r, parser);
    yaml_document_delete(&document);
}

static void read_text(struct reader *r, const unsigned char *text, size_t size)
{
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser)) {
        cfg_fault(r->faults, r->path, 0, 0, "no memory to read it");
        return;
    }
    yaml_parser_set_input_string(&parser, text, size);
    read_tree(r, &parser);
    yaml_parser_delete(&parser);
}

static void read_file(struct reader *r)
{
    FILE *file = fopen(r->path, "re");
    unsigned char *text = malloc(MAX_FILE_B + 1);
    size_t size = file && text ? fread(text, 1, MAX_FILE_B + 1, file) : 0;

    if (!file)
        cfg_fault(r->faults, r->path, 0, 0, "%s",
                  errno == ENOENT ? "no such file" : "not readable");
    else if (!text || ferror(file))
        cfg_fault(r->faults, r->path, 0, 0, "not readable");
    else if (size > MAX_FILE_B)
        cfg_fault(r->faults, r->path, 0, 0, "larger than %d bytes", MAX_FILE_B);
    else
        read_text(r, text, size);
    if (file)
        fclose(file);
    free(text);
}

enum rc cfg_load(struct cfg *cfg, const char *path, struct cfg_faults *faults)
{
    struct reader reader = {.cfg = cfg, .faults = faults, .path = path};
    char unused[8];

    memset(cfg, 0, sizeof *cfg);
    faults->count = 0;
    for (size_t i = 0; i < cfg_n_keys; i++)
        (void) cfg_set(cfg, &cfg_keys[i], cfg_keys[i].preset, true, unused, sizeof unused);
    read_file(&reader);
    cfg_make_absolute(cfg, path);
    if (faults->count == 0)
        cfg_check(cfg, path, faults);
    return faults->count ? err_set(RC_INPUT, "%s", faults->text[0]) : RC_OK;
}
