/* The parts of the LatticeJSON reader, for model/lattice_json*.c only. */
#ifndef ORBIT_MODEL_LATTICE_JSON_PARTS_H
#define ORBIT_MODEL_LATTICE_JSON_PARTS_H

#include <jansson.h>

#include "model/json_text.h"
#include "model/lattice.h"

enum line_state { LINE_NEW, LINE_OPEN, LINE_DONE };

struct line {
    const char *name;
    const json_t *items;
    enum line_state state;
    uint32_t n_element; /* when expanded; known once LINE_DONE */
};

enum { PLACE_STEPS = 3 };

struct reader {
    struct json_step place[PLACE_STEPS]; /* what is being read, for the line in messages */
    unsigned n_step;
    const json_t *root;
    uint32_t n_definition, n_line;
    struct element *definition; /* [n_definition] */
    struct line *line;          /* [n_line] */
    json_t *index;              /* name -> i of a definition, or -1 - i of a line */
    char *names, *names_end;
    size_t names_left;
    struct lattice *lattice;
};

/* Tells what is read next: two or three steps from the top, key NULL ends them. */
void reader_at(struct reader *reader, const char *section, const char *key,
               const size_t *index);

/* Copies a name into the storage of names. RC_INPUT: empty or too long; `what` is for the
 * message. */
MUST_USE enum rc reader_keep_name(struct reader *reader, const char *what, const char *name,
                                  const char **kept);

/* One entry of "elements": [type, {attributes}]. */
MUST_USE enum rc reader_element(const char *name, const json_t *entry, struct element *element);

/* Expands the line "root" into reader->lattice. */
MUST_USE enum rc reader_expand(struct reader *reader, const char *root);

/* Fills BPMs and correctors from x_ext (may be NULL). */
MUST_USE enum rc reader_devices(struct reader *reader, const json_t *x_ext);

#endif
