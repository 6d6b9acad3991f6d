/* Readers of rings that were written for other programs, and the writer of LatticeJSON.
 *
 * Formats: LatticeJSON with the project's extensions (model/lattice_json.h); JSON as pyAT saves
 * it; MAD-X sequences and lines; elegant's .lte. Text in, lattice out: no file is opened here.
 * What is read of each format, and how, is told in model/import/README.md. What a format says
 * and the model cannot becomes a line of the report; what would make another ring of it is an
 * error. Every function may be called by several threads on objects of their own.
 */
#ifndef ORBIT_MODEL_IMPORT_IMPORT_H
#define ORBIT_MODEL_IMPORT_IMPORT_H

#include <stddef.h>

#include "model/import/report.h"
#include "model/lattice.h"

enum { IMPORT_MAX_BYTES = 64 * 1024 * 1024 };

enum import_format {
    IMPORT_UNKNOWN,
    IMPORT_LATTICE_JSON,
    IMPORT_AT_JSON,
    IMPORT_MADX,
    IMPORT_ELEGANT
};

struct import_source {
    const char *name; /* of the file, for messages */
    const char *text;
    size_t size; /* bytes of text, which need not end with a zero */
    enum import_format format;
    double energy_gev; /* total energy if the file tells none; 0: then that is an error */
    const char *use;   /* line or sequence to read; NULL: the one that the file uses */
};

/* By the name's ending and, for .json, by the text. */
enum import_format import_format_of(const char *name, const char *text, size_t size);

/* The word for a format ("madx"), and back; IMPORT_UNKNOWN for any other word. */
const char *import_format_word(enum import_format format);
enum import_format import_format_named(const char *word);

/* RC_INPUT with source, line, element and reason; RC_RANGE when a limit of model/lattice.h is
 * passed. *lattice is set on RC_OK only; the report has lines in both cases. */
MUST_USE enum rc import_parse(struct lattice **lattice, const struct import_source *source,
                              struct import_report *report);

/* The ring as LatticeJSON 2.2 with extensions, numbers to the last bit; free() the text.
 * RC_NOMEM.
 */
MUST_USE enum rc export_lattice_json(const struct lattice *lattice, char **text, size_t *size);

#endif
