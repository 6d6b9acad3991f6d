/* One YAML (or JSON, which is YAML) document in memory, its faults with line and column. */
#ifndef ORBIT_CONFIG_DOCUMENT_H
#define ORBIT_CONFIG_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

#include "config/cfg.h"

/* A whole file; byte is NULL if it could not be read. */
struct file_text {
    unsigned char *byte; /* [size], free() it */
    size_t size;
};

/* Reads a file of at most limit_b bytes; what keeps it from being read is a fault. */
struct file_text file_text_read(const char *path, size_t limit_b, struct cfg_faults *faults);

/* Parses exactly one document whose root is a mapping. false: faults say why and there is
 * nothing to delete; else end with yaml_document_delete. Aliases are followed, tags are faults.
 */
bool document_parse(yaml_document_t *document, const char *path, const unsigned char *text,
                    size_t size, struct cfg_faults *faults);

/* Text of a scalar without NUL, else NULL (also for a NULL node). */
const char *node_text(const yaml_node_t *node);

/* Fault at the node's line and column. */
void node_fault(struct cfg_faults *faults, const char *path, const yaml_node_t *node,
                const char *format, ...) PRINTF_LIKE(4, 5);

#endif
