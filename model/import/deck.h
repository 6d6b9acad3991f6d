/* Decks: rings written as statements, the common ground of MAD-X and elegant. For model/import
 * only.
 *
 * A deck is read once into symbols (variables, elements, lines, sequences); values that are
 * deferred are evaluated when the ring is laid out.
 */
#ifndef ORBIT_MODEL_IMPORT_DECK_H
#define ORBIT_MODEL_IMPORT_DECK_H

#include <jansson.h>

#include "model/import/builder.h"

enum {
    DECK_NAME = 64,  /* bytes of a name, with its end */
    DECK_DEPTH = 64, /* of parentheses, of values that need values, of lines in lines */
    /* Against values and lines that double at every level. */
    DECK_VALUE_STEPS = 100000, /* of one value */
    DECK_STEPS = 20000000,     /* of all values */
    DECK_LAYOUT_STEPS = 1000000,
    DECK_ATTRIBUTES = 200, /* of one statement */
    DECK_STATEMENT = '\1'  /* ends a line of elegant that is a statement's end */
};

/* A place in the text. */
struct cursor {
    const char *at;
    uint32_t line;
};

enum symbol_kind { SYMBOL_VARIABLE, SYMBOL_ELEMENT, SYMBOL_LINE, SYMBOL_SEQUENCE };

struct symbol {
    enum symbol_kind kind;
    char name[DECK_NAME]; /* as written; looked up without case */
    uint32_t line;        /* where it was defined */
    bool deferred;        /* variable: evaluated when it is used */
    double number;        /* variable */
    struct cursor value;  /* variable, deferred */
    char type[DECK_NAME]; /* element: its keyword in lower case, or that of its ancestor */
    int32_t parent;       /* element: symbol that it is like, or -1 */
    int32_t attribute;    /* first of the list, newest first; -1: none */
    uint32_t first, n;    /* line: items; sequence: places */
};

struct attribute {
    char name[DECK_NAME]; /* lower case */
    bool has_number;
    double number;
    struct cursor value; /* otherwise */
    int32_t next;
};

/* Of a line: a name or, as a symbol, a list in parentheses. */
struct item {
    char name[DECK_NAME];
    int32_t list; /* symbol of an inner list, or -1 */
    int64_t repeat;
    bool reversed;
    uint32_t line;
};

/* Of a sequence. */
struct seat {
    int32_t symbol;
    double at_m;
    char from[DECK_NAME]; /* "": the start */
    uint32_t line;
};

struct deck {
    struct builder *builder;
    char *text; /* ends with a zero */
    bool elegant;
    json_t *index; /* lower-case name -> symbol */
    struct symbol *symbol;
    struct attribute *attribute;
    struct item *item;
    struct seat *seat;
    uint32_t n_symbol, n_attribute, n_item, n_seat;
    int32_t sequence;            /* that is open, or -1 */
    int32_t last;                /* line or sequence that was defined last, or -1 */
    char use[DECK_NAME];         /* named by USE */
    uint32_t depth, value_depth; /* of lists and lines; of values */
    uint32_t steps, value_steps, layout_steps;
};

/* Appends one zeroed entry to a list whose room doubles; NULL: no memory. */
void *deck_grow(void **list, uint32_t n, size_t size);

/* ---- deck_value.c ---- */

/* RC_INPUT: source, line and a message. */
MUST_USE enum rc deck_fail(const struct deck *deck, const struct cursor *cursor,
                           const char *format, ...) PRINTF_LIKE(3, 4);

/* Passes blanks and comments; the next character, or 0 at the end. */
char deck_peek(struct cursor *cursor);

/* Takes the character if it comes next. */
bool deck_take(struct cursor *cursor, char wanted);

/* A name, plain or in quotes. RC_INPUT: there is none, or it is too long. */
MUST_USE enum rc deck_name(struct deck *deck, struct cursor *cursor, char name[DECK_NAME]);

/* Evaluates an expression, or a text in quotes in reverse Polish notation. */
MUST_USE enum rc deck_value(struct deck *deck, struct cursor *cursor, double *value);

/* elegant: a line of reverse Polish notation, which may store variables. */
MUST_USE enum rc deck_rpn(struct deck *deck, struct cursor *cursor, const char *end,
                          double *value);

/* Passes a value: to the next comma, closing bracket or end of statement outside of brackets
 * and quotes. */
void deck_skip_value(struct cursor *cursor);

/* ---- deck.c ---- */

int32_t deck_find(const struct deck *deck, const char *name);
MUST_USE enum rc deck_symbol(struct deck *deck, const char *name, uint32_t line,
                             enum symbol_kind kind, int32_t *symbol);

/* Copies the builder's text. RC_INPUT: it has a zero, which would end it early, or the mark
 * that belongs to elegant's lines. */
MUST_USE enum rc deck_open(struct deck *deck);

/* Reads all statements. */
MUST_USE enum rc deck_read(struct deck *deck);

/* Finds an attribute of an element or its ancestors; NULL: not given. */
const struct attribute *deck_attribute(const struct deck *deck, int32_t symbol,
                                       const char *name);

/* Its value; *value stays if it is not given. */
MUST_USE enum rc deck_number(struct deck *deck, int32_t symbol, const char *name,
                             double *value);

/* ---- deck_element.c ---- */

/* The element that a symbol says, and what kind of device it is. */
MUST_USE enum rc deck_element(struct deck *deck, int32_t symbol, struct element *element,
                              unsigned *devices);

/* ---- deck_layout.c ---- */

/* Adds the elements of a line, sequence or element to the builder. */
MUST_USE enum rc deck_lay_out(struct deck *deck, int32_t symbol, bool reversed);

/* Reads the text and lays out the ring. */
MUST_USE enum rc deck_build(struct deck *deck);

#endif
