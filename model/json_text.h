/* Places in a JSON text, which a parsed one no longer knows: for messages with a line, and for
 * refusing a text that is too large before anything is made of it. No allocation. */
#ifndef ORBIT_MODEL_JSON_TEXT_H
#define ORBIT_MODEL_JSON_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "model/lattice.h"

enum {
    JSON_TEXT_MOST_ENTRIES = LATTICE_MAX_ELEMENTS, /* of one list or object */
    JSON_TEXT_MOST_VALUES = 4000000, /* in all: some 500 MB when parsed, at worst */
    JSON_TEXT_DEPTH = 2000           /* of lists and objects in each other */
};

/* The way to a value: keys of objects (as written, escapes and all) and places in lists. */
struct json_step {
    const char *key; /* NULL: index counts */
    size_t index;
};

/* Line, from 1, of the value at the end of the way (of its key, if it has one); 0: the text has
 * none. The text must be good JSON up to there. */
uint32_t json_text_line(const char *text, size_t size, const struct json_step *step,
                        unsigned n_step);

/* RC_RANGE: beyond the limits above. The message tells source, line, list and entry, and as the
 * entry's name the value of its key `name_key` if it is an object (NULL: not). Anything goes as
 * a text. */
MUST_USE enum rc json_text_check(const char *text, size_t size, const char *source,
                                 const char *name_key);

/* RC_INPUT with source, line, column and what jansson says; if the fault lies in an entry of
 * the top-level list or object "elements", with its name: its key, or if it is an object itself
 * the value of `name_key` (NULL: none). */
MUST_USE enum rc json_text_fault(const json_error_t *error, const char *text,
                                 const char *source, const char *name_key);

#endif
