/* The readers behind import_parse. For model/import only. */
#ifndef ORBIT_MODEL_IMPORT_PARTS_H
#define ORBIT_MODEL_IMPORT_PARTS_H

#include "model/import/builder.h"

MUST_USE enum rc at_json_read(struct builder *builder);
MUST_USE enum rc madx_read(struct builder *builder);
MUST_USE enum rc elegant_read(struct builder *builder);

/* Adds a line for everything in a good LatticeJSON text that plays no part. */
void lattice_notes(const struct import_source *source, struct import_report *report);

#endif
