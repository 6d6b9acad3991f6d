#include "config/document.h"

#include <errno.h>
#include <stdarg.h>
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

/* What is parsed, and where its faults go. */
struct source {
    const char *path;
    const unsigned char *text;
    size_t size;
    struct cfg_faults *faults;
};

/* The reader of bytes knows an offset only, the scanner line and column. */
static void fault_bytes(const struct source *source, const yaml_parser_t *parser)
{
    size_t line = 1;

    for (size_t i = 0; i < parser->problem_offset; i++)
        line += source->text[i] == '\n';
    cfg_fault(source->faults, source->path, line, 1, "syntax: %s", parser->problem);
}

static void fault_syntax(const struct source *source, const yaml_parser_t *parser)
{
    char within[120] = "";

    if (parser->error == YAML_MEMORY_ERROR) {
        cfg_fault(source->faults, source->path, 0, 0, "no memory to read it");
        return;
    }
    if (parser->error == YAML_READER_ERROR && parser->problem_offset <= source->size) {
        fault_bytes(source, parser);
        return;
    }
    if (parser->context)
        snprintf(within, sizeof within, " (%s that starts on line %zu)", parser->context,
                 parser->context_mark.line + 1);
    cfg_fault(source->faults, source->path, parser->problem_mark.line + 1,
              parser->problem_mark.column + 1, "syntax: %s%s",
              parser->problem ? parser->problem : "not readable", within);
}

static void refuse_tags(const struct source *source, const yaml_document_t *document)
{
    static const char *const usual[] = {[YAML_SCALAR_NODE] = YAML_STR_TAG,
                                        [YAML_SEQUENCE_NODE] = YAML_SEQ_TAG,
                                        [YAML_MAPPING_NODE] = YAML_MAP_TAG};
    const yaml_node_t *node = document->nodes.start;

    for (; node < document->nodes.top; node++)
        if (strcmp((const char *) node->tag, usual[node->type]) != 0)
            node_fault(source->faults, source->path, node, "the tag '%.60s' is not used here",
                       (const char *) node->tag);
}

/* NULL without a fault: the text has ended. */
static const yaml_node_t *next_root(const struct source *source, yaml_parser_t *parser,
                                    yaml_document_t *document)
{
    const yaml_node_t *root;

    if (!yaml_parser_load(parser, document)) {
        fault_syntax(source, parser);
        return NULL;
    }
    root = yaml_document_get_root_node(document);
    if (!root)
        yaml_document_delete(document);
    return root;
}

static void refuse_second(const struct source *source, yaml_parser_t *parser)
{
    yaml_document_t second;
    const yaml_node_t *root = next_root(source, parser, &second);

    if (!root)
        return;
    node_fault(source->faults, source->path, root,
               "a second document begins: a file holds one");
    yaml_document_delete(&second);
}

static bool parse(const struct source *source, yaml_parser_t *parser, yaml_document_t *document)
{
    size_t before = source->faults->count;
    const yaml_node_t *root = next_root(source, parser, document);

    if (!root) {
        if (source->faults->count == before)
            cfg_fault(source->faults, source->path, 0, 0, "is empty");
        return false;
    }
    if (root->type == YAML_MAPPING_NODE) {
        refuse_tags(source, document);
        refuse_second(source, parser);
        return true;
    }
    node_fault(source->faults, source->path, root, "'key: value' lines are expected");
    yaml_document_delete(document);
    return false;
}

bool document_parse(yaml_document_t *document, const char *path, const unsigned char *text,
                    size_t size, struct cfg_faults *faults)
{
    struct source source = {.path = path, .text = text, .size = size, .faults = faults};
    yaml_parser_t parser;
    bool parsed;

    if (!yaml_parser_initialize(&parser)) {
        cfg_fault(faults, path, 0, 0, "no memory to read it");
        return false;
    }
    yaml_parser_set_input_string(&parser, text, size);
    parsed = parse(&source, &parser, document);
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
    cfg_fault(faults, path, node->start_mark.line + 1, node->start_mark.column + 1, "%s",
              reason);
}
