#include "config/document.h"

#include <stdarg.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *read_all(FILE *file, size_t limit_b, size_t *size)
{
    unsigned char *byte = malloc(limit_b + 1);

    *size = byte ? fread(byte, 1, limit_b + 1, file) : 0;
    if (!byte || !ferror(file))
        return byte;
    free(byte);
    return NULL;
}

struct file_text file_text_read(const char *path, size_t limit_b, struct cfg_faults *faults)
{
    struct file_text text = {0};
    FILE *file = fopen(path, "re");

    if (!file) {
        cfg_fault(faults, path, 0, 0, "cannot be opened: %s", strerror(errno));
        return text;
    }
    text.byte = read_all(file, limit_b, &text.size);
    if (!text.byte)
        cfg_fault(faults, path, 0, 0, "cannot be read: %s", strerror(errno));
    fclose(file);
    if (text.byte && text.size > limit_b) {
        cfg_fault(faults, path, 0, 0, "is larger than %zu bytes", limit_b);
        free(text.byte);
        text.byte = NULL;
    }
    return text;
}

/* The reader of bytes knows an offset only, the scanner a mark. */
static void fault_bytes(const yaml_parser_t *parser, const char *path, const unsigned char *text,
                        struct cfg_faults *faults)
{
    size_t line = 1;

    for (size_t i = 0; i < parser->problem_offset; i++)
        line += text[i] == '\n';
    cfg_fault(faults, path, line, 0, "syntax: %s", parser->problem);
}

static void fault_syntax(const yaml_parser_t *parser, const char *path, const unsigned char *text,
                         size_t size, struct cfg_faults *faults)
{
    char within[120] = "";

    if (parser->error == YAML_MEMORY_ERROR) {
        cfg_fault(faults, path, 0, 0, "no memory to read it");
        return;
    }
    if (parser->error == YAML_READER_ERROR && parser->problem_offset <= size) {
        fault_bytes(parser, path, text, faults);
        return;
    }
    if (parser->context)
        snprintf(within, sizeof within, " (%s that starts on line %zu)", parser->context,
                 parser->context_mark.line + 1);
    cfg_fault(faults, path, parser->problem_mark.line + 1, parser->problem_mark.column + 1,
              "syntax: %s%s", parser->problem, within);
}

static void refuse_tags(const yaml_document_t *document, const char *path,
                        struct cfg_faults *faults)
{
    static const char *const usual[] = {[YAML_SCALAR_NODE] = YAML_STR_TAG,
                                        [YAML_SEQUENCE_NODE] = YAML_SEQ_TAG,
                                        [YAML_MAPPING_NODE] = YAML_MAP_TAG};
    const yaml_node_t *node = document->nodes.start;

    for (; node < document->nodes.top; node++)
        if (strcmp((const char *) node->tag, usual[node->type]) != 0)
            node_fault(faults, path, node, "the tag '%.60s' is not used here", node->tag);
}

/* NULL and no fault: the text has ended. */
static yaml_node_t *next_root(yaml_parser_t *parser, yaml_document_t *document, const char *path,
                              const struct file_text *text, struct cfg_faults *faults)
{
    yaml_node_t *root;

    if (!yaml_parser_load(parser, document)) {
        fault_syntax(parser, path, text->byte, text->size, faults);
        return NULL;
    }
    root = yaml_document_get_root_node(document);
    if (!root)
        yaml_document_delete(document);
    return root;
}

static void refuse_second(yaml_parser_t *parser, const char *path, const struct file_text *text,
                          struct cfg_faults *faults)
{
    yaml_document_t second;
    const yaml_node_t *root = next_root(parser, &second, path, text, faults);

    if (!root)
        return;
    node_fault(faults, path, root, "a second document begins: one file holds one");
    yaml_document_delete(&second);
}

static bool parse(yaml_parser_t *parser, yaml_document_t *document, const char *path,
                  const struct file_text *text, struct cfg_faults *faults)
{
    size_t before = faults->count;
    const yaml_node_t *root = next_root(parser, document, path, text, faults);

    if (!root) {
        if (faults->count == before)
            cfg_fault(faults, path, 0, 0, "is empty");
        return false;
    }
    if (root->type == YAML_MAPPING_NODE) {
        refuse_tags(document, path, faults);
        refuse_second(parser, path, text, faults);
        return true;
    }
    node_fault(faults, path, root, "'key: value' lines are expected");
    yaml_document_delete(document);
    return false;
}

bool document_parse(yaml_document_t *document, const char *path, const unsigned char *text,
                    size_t size, struct cfg_faults *faults)
{
    /* libyaml reads through a pointer to const; the structure is shared with file_text_read. */
    struct file_text whole = {.size = size};
    yaml_parser_t parser;
    bool parsed;

    memcpy(&whole.byte, &text, sizeof text);
    if (!yaml_parser_initialize(&parser)) {
        cfg_fault(faults, path, 0, 0, "no memory to read it");
        return false;
    }
    yaml_parser_set_input_string(&parser, text, size);
    parsed = parse(&parser, document, path, &whole, faults);
    yaml_parser_delete(&parser);
    return parsed;
}

const char *node_text(const yaml_node_t *node)
{
    const char *text;

    if (!node || node->type != YAML_SCALAR_NODE)
        return NULL;
    text = (const char *) node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

void node_fault(struct cfg_faults *faults, const char *path, const yaml_node_t *node,
                const char *format, ...)
{
    char reason[CFG_FAULT_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    cfg_fault(faults, path, node->start_mark.line + 1, node->start_mark.column + 1, "%s", reason);
}
