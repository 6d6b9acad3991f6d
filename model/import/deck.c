#include "model/import/deck.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *deck_grow(void **list, uint32_t n, size_t size)
{
    /* Room doubles at every power of two. */
    if ((n & (n - 1)) == 0) {
        void *grown = realloc(*list, (n ? 2 * (size_t) n : 1) * size);

        if (!grown)
            return NULL;
        *list = grown;
    }
    return memset((char *) *list + n * size, 0, size);
}

/* ---- symbols ---- */

static void lower(char out[DECK_NAME], const char *name)
{
    size_t i = 0;

    for (; name[i] && i < DECK_NAME - 1; i++)
        out[i] = (char) tolower((unsigned char) name[i]);
    out[i] = 0;
}

int32_t deck_find(const struct deck *deck, const char *name)
{
    char key[DECK_NAME];
    const json_t *found;

    lower(key, name);
    found = json_object_get(deck->index, key);
    return found ? (int32_t) json_integer_value(found) : -1;
}

static enum rc new_symbol(struct deck *deck, const char *name, uint32_t line, int32_t *symbol)
{
    struct symbol *made;

    if (deck->n_symbol >= 2 * LATTICE_MAX_ELEMENTS)
        return err_set(RC_RANGE, "%s:%u: '%.64s': more than %d names are defined",
                       deck->builder->source->name, line, name, 2 * LATTICE_MAX_ELEMENTS);
    made = deck_grow((void **) &deck->symbol, deck->n_symbol, sizeof *made);
    if (!made)
        return err_set(RC_NOMEM, "no memory for the symbols of a deck");
    snprintf(made->name, sizeof made->name, "%s", name);
    made->line = line;
    made->parent = made->attribute = -1;
    *symbol = (int32_t) deck->n_symbol++;
    return RC_OK;
}

/* A variable may be set again; everything else is defined once. */
enum rc deck_symbol(struct deck *deck, const char *name, uint32_t line, enum symbol_kind kind,
                    int32_t *symbol)
{
    struct cursor where = {.line = line};
    char key[DECK_NAME];
    enum rc rc;

    *symbol = deck_find(deck, name);
    if (*symbol >= 0) {
        if (kind == SYMBOL_VARIABLE && deck->symbol[*symbol].kind == kind)
            return RC_OK;
        return deck_fail(deck, &where, "'%s' is defined in line %u already", name,
                         deck->symbol[*symbol].line);
    }
    rc = new_symbol(deck, name, line, symbol);
    if (rc != RC_OK)
        return rc;
    deck->symbol[*symbol].kind = kind;
    lower(key, name);
    if (json_object_set_new_nocheck(deck->index, key, json_integer(*symbol)) != 0)
        return deck_fail(deck, &where, "'%s' cannot be a name", name);
    return RC_OK;
}

/* ---- attributes ---- */

const struct attribute *deck_attribute(const struct deck *deck, int32_t symbol,
                                       const char *name)
{
    for (; symbol >= 0; symbol = deck->symbol[symbol].parent)
        for (int32_t i = deck->symbol[symbol].attribute; i >= 0; i = deck->attribute[i].next)
            if (!strcmp(deck->attribute[i].name, name))
                return &deck->attribute[i];
    return NULL;
}

enum rc deck_number(struct deck *deck, int32_t symbol, const char *name, double *value)
{
    const struct attribute *found = deck_attribute(deck, symbol, name);
    struct cursor at;
    enum rc rc;

    if (!found)
        return RC_OK;
    if (found->has_number) {
        *value = found->number;
        return RC_OK;
    }
    at = found->value;
    rc = deck_value(deck, &at, value);
    return rc == RC_OK ? rc : err_add(rc, "element '%s', %s", deck->symbol[symbol].name, name);
}

/* Values that are words or lists: they are looked at when they are needed. */
static bool is_text(const char *name, char first)
{
    static const char *const texts[] = {"refer", "from",    "sequence", "particle",
                                        "type",  "refpos",  "apertype", "period",
                                        "group", "add_pass"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!strcmp(texts[i], name))
            return true;
    return first == '{' || first == '\'';
}

/* "name = value", "name := value", "name" alone (true) or "-name" (false). */
static enum rc read_attribute(struct deck *deck, struct cursor *c, int32_t symbol)
{
    char name[DECK_NAME];
    bool off = deck_take(c, '-');
    struct attribute *made;
    enum rc rc = deck_name(deck, c, name);
    bool deferred = rc == RC_OK && deck_take(c, ':');

    if (rc != RC_OK)
        return rc;
    made = deck_grow((void **) &deck->attribute, deck->n_attribute, sizeof *made);
    if (!made)
        return err_set(RC_NOMEM, "no memory for attributes");
    lower(made->name, name);
    made->next = deck->symbol[symbol].attribute;
    made->number = !off;
    made->has_number = !deck_take(c, '=');
    deck->symbol[symbol].attribute = (int32_t) deck->n_attribute++;
    if (made->has_number)
        return deferred ? deck_fail(deck, c, "'=' is expected after '%s:'", name) : RC_OK;
    made->value = (struct cursor){c->at, c->line};
    if (!deferred && !is_text(made->name, deck_peek(c)) && !deck->elegant) {
        double value = 0;

        rc = deck_value(deck, c, &value);
        made = &deck->attribute[deck->symbol[symbol].attribute];
        made->number = value;
        made->has_number = true;
        return rc;
    }
    deck_skip_value(c);
    return RC_OK;
}

static bool ends_statement(struct cursor *c)
{
    char next = deck_peek(c);

    return !next || next == ';' || next == DECK_STATEMENT;
}

/* The last of the attributes from `first` on has a name of its own. */
static enum rc check_twice(const struct deck *deck, const struct cursor *c, uint32_t first)
{
    uint32_t last = deck->n_attribute - 1;

    if (last - first >= DECK_ATTRIBUTES)
        return deck_fail(deck, c, "more than %d attributes", DECK_ATTRIBUTES);
    for (uint32_t i = first; i < last; i++)
        if (!strcmp(deck->attribute[i].name, deck->attribute[last].name))
            return deck_fail(deck, c, "'%s' is given twice", deck->attribute[i].name);
    return RC_OK;
}

static enum rc read_attributes(struct deck *deck, struct cursor *c, int32_t symbol)
{
    uint32_t first = deck->n_attribute;
    enum rc rc = RC_OK;

    while (rc == RC_OK && deck_take(c, ',')) {
        if (ends_statement(c))
            break;
        rc = read_attribute(deck, c, symbol);
        if (rc == RC_OK)
            rc = check_twice(deck, c, first);
    }
    if (rc == RC_OK && !ends_statement(c))
        rc = deck_fail(deck, c, "',' or ';' is expected at '%.20s'", c->at);
    return rc;
}

/* ---- lines ---- */

static enum rc read_items(struct deck *deck, struct cursor *c, int32_t line);

static enum rc read_item(struct deck *deck, struct cursor *c, struct item *item)
{
    enum rc rc = RC_OK;

    *item = (struct item){.list = -1, .repeat = 1, .line = c->line};
    if (deck_take(c, '-'))
        item->reversed = true;
    if (isdigit((unsigned char) deck_peek(c))) {
        char *end;

        item->repeat = strtol(c->at, &end, 10);
        if (item->repeat > LATTICE_MAX_ELEMENTS)
            return deck_fail(deck, c, "a repetition of more than %d", LATTICE_MAX_ELEMENTS);
        c->at = end;
        if (!deck_take(c, '*'))
            return deck_fail(deck, c, "'*' is expected after a repetition");
    }
    if (deck_take(c, '-'))
        item->reversed = !item->reversed;
    if (deck_peek(c) != '(')
        return deck_name(deck, c, item->name);
    rc = new_symbol(deck, "(...)", c->line, &item->list);
    if (rc != RC_OK)
        return rc;
    deck->symbol[item->list].kind = SYMBOL_LINE;
    return read_items(deck, c, item->list);
}

/* Items of one list stay together: inner lists put theirs first. */
static enum rc keep_items(struct deck *deck, int32_t line, const struct item *items, uint32_t n)
{
    deck->symbol[line].first = deck->n_item;
    deck->symbol[line].n = n;
    for (uint32_t i = 0; i < n; i++) {
        struct item *kept = deck_grow((void **) &deck->item, deck->n_item, sizeof *kept);

        if (!kept)
            return err_set(RC_NOMEM, "no memory for the items of a line");
        *kept = items[i];
        deck->n_item++;
    }
    return RC_OK;
}

static enum rc read_list(struct deck *deck, struct cursor *c, struct item **items, uint32_t *n)
{
    enum rc rc = RC_OK;

    do {
        struct item *item = deck_grow((void **) items, *n, sizeof *item);

        if (!item)
            return err_set(RC_NOMEM, "no memory for the items of a line");
        if (*n == 0 && deck_peek(c) == ')')
            break;
        rc = read_item(deck, c, item);
        ++*n;
    } while (rc == RC_OK && deck_take(c, ','));
    if (rc == RC_OK && !deck_take(c, ')'))
        rc = deck_fail(deck, c, "',' or ')' is expected at '%.20s'", c->at);
    return rc;
}

static enum rc read_items(struct deck *deck, struct cursor *c, int32_t line)
{
    struct item *items = NULL;
    uint32_t n = 0;
    enum rc rc;

    if (!deck_take(c, '('))
        return deck_fail(deck, c, "'(' is expected");
    if (deck->depth++ >= DECK_DEPTH)
        return deck_fail(deck, c, "lists are nested deeper than %d", DECK_DEPTH);
    rc = read_list(deck, c, &items, &n);
    if (rc == RC_OK)
        rc = keep_items(deck, line, items, n);
    deck->depth--;
    free(items);
    return rc;
}

static enum rc read_line(struct deck *deck, struct cursor *c, const char *name)
{
    int32_t line;
    enum rc rc = deck_symbol(deck, name, c->line, SYMBOL_LINE, &line);

    if (rc != RC_OK)
        return rc;
    deck->last = line;
    deck_take(c, ':');
    if (!deck_take(c, '='))
        return deck_fail(deck, c, "'=' is expected after LINE");
    return read_items(deck, c, line);
}

/* ---- sequences ---- */

static enum rc add_seat(struct deck *deck, const struct cursor *c, int32_t symbol,
                        int32_t attributes)
{
    struct seat *seat = deck_grow((void **) &deck->seat, deck->n_seat, sizeof *seat);
    const struct attribute *from = deck_attribute(deck, attributes, "from");
    struct cursor at = from ? from->value : *c;

    if (!seat)
        return err_set(RC_NOMEM, "no memory for the places of a sequence");
    if (deck->n_seat >= LATTICE_MAX_ELEMENTS)
        return err_set(RC_RANGE, "%s:%u: '%.64s': more than %d places in sequences",
                       deck->builder->source->name, c->line, deck->symbol[symbol].name,
                       LATTICE_MAX_ELEMENTS);
    if (!deck_attribute(deck, attributes, "at"))
        return deck_fail(deck, c, "'%s' in a sequence needs 'at'", deck->symbol[symbol].name);
    seat->symbol = symbol;
    seat->line = c->line;
    deck->n_seat++;
    deck->symbol[deck->sequence].n++;
    if (from) {
        enum rc rc = deck_name(deck, &at, seat->from);

        if (rc != RC_OK)
            return rc;
    }
    return deck_number(deck, attributes, "at", &seat->at_m);
}

/* Attributes of one place, "at" and "from", as those of a symbol without a name. */
static enum rc place_known(struct deck *deck, struct cursor *c, int32_t symbol)
{
    int32_t place;
    enum rc rc = new_symbol(deck, "place", c->line, &place);

    if (rc == RC_OK)
        rc = read_attributes(deck, c, place);
    return rc == RC_OK ? add_seat(deck, c, symbol, place) : rc;
}

/* ---- definitions ---- */

static enum rc read_sequence(struct deck *deck, struct cursor *c, const char *name)
{
    int32_t symbol;
    enum rc rc = deck_symbol(deck, name, c->line, SYMBOL_SEQUENCE, &symbol);

    if (rc != RC_OK)
        return rc;
    if (deck->sequence >= 0)
        return deck_fail(deck, c, "sequence '%s' begins within another", name);
    deck->sequence = deck->last = symbol;
    deck->symbol[symbol].first = deck->n_seat;
    return read_attributes(deck, c, symbol);
}

static enum rc read_element(struct deck *deck, struct cursor *c, const char *name,
                            const char *type)
{
    int32_t symbol, parent = deck_find(deck, type);
    enum rc rc = deck_symbol(deck, name, c->line, SYMBOL_ELEMENT, &symbol);

    if (rc != RC_OK)
        return rc;
    if (parent >= 0 && deck->symbol[parent].kind == SYMBOL_SEQUENCE)
        return deck_fail(deck, c, "'%s': give the sequence '%s' its place by its own name",
                         name, type);
    if (parent >= 0 && deck->symbol[parent].kind != SYMBOL_ELEMENT)
        return deck_fail(deck, c, "'%s': '%s' is not a kind of element", name, type);
    if (parent >= 0)
        memcpy(deck->symbol[symbol].type, deck->symbol[parent].type, DECK_NAME);
    else
        lower(deck->symbol[symbol].type, type);
    deck->symbol[symbol].parent = parent;
    rc = read_attributes(deck, c, symbol);
    return rc == RC_OK && deck->sequence >= 0 ? add_seat(deck, c, symbol, symbol) : rc;
}

static enum rc read_definition(struct deck *deck, struct cursor *c, const char *name)
{
    char type[DECK_NAME];
    enum rc rc = deck_name(deck, c, type);

    if (rc != RC_OK)
        return rc;
    if (!strcasecmp(type, "line"))
        return read_line(deck, c, name);
    if (!strcasecmp(type, "sequence"))
        return read_sequence(deck, c, name);
    if (!strcasecmp(type, "macro"))
        return deck_fail(deck, c, "macros are not read");
    return read_element(deck, c, name, type);
}

static enum rc read_variable(struct deck *deck, struct cursor *c, const char *name,
                             bool deferred)
{
    int32_t symbol;
    double value = 0;
    enum rc rc = deck_symbol(deck, name, c->line, SYMBOL_VARIABLE, &symbol);

    if (rc != RC_OK)
        return rc;
    deck->symbol[symbol].value = *c;
    if (deferred)
        deck_skip_value(c);
    else
        rc = deck_value(deck, c, &value);
    deck->symbol[symbol].deferred = deferred;
    deck->symbol[symbol].number = value;
    return rc;
}

/* ---- commands ---- */

static enum rc beam(struct deck *deck, struct cursor *c)
{
    double energy = 0, momentum = 0;
    int32_t symbol;
    enum rc rc = new_symbol(deck, "beam", c->line, &symbol);

    if (rc == RC_OK)
        rc = read_attributes(deck, c, symbol);
    if (rc == RC_OK)
        rc = deck_number(deck, symbol, "energy", &energy);
    if (rc == RC_OK)
        rc = deck_number(deck, symbol, "pc", &momentum);
    if (rc != RC_OK)
        return rc;
    if (momentum > 0 && !(energy > 0)) {
        energy = momentum;
        import_report_add(deck->builder->report, "line %u: PC of BEAM is taken for the energy",
                          c->line);
    }
    if (energy > 0)
        deck->builder->energy_gev = energy;
    return RC_OK;
}

/* "use, ring", "use, sequence=ring", "use, period=ring". */
static enum rc use(struct deck *deck, struct cursor *c)
{
    char word[DECK_NAME];
    enum rc rc = RC_OK;

    while (rc == RC_OK && deck_take(c, ',')) {
        rc = deck_name(deck, c, word);
        if (rc == RC_OK && deck_take(c, '=')) {
            bool names_it = !strcasecmp(word, "sequence") || !strcasecmp(word, "period");

            if (names_it)
                rc = deck_name(deck, c, deck->use);
            else
                deck_skip_value(c);
        } else if (rc == RC_OK) {
            memcpy(deck->use, word, sizeof word);
        }
    }
    return rc;
}

static enum rc title(struct deck *deck, struct cursor *c)
{
    size_t n;

    deck_take(c, ',');
    n = deck_peek(c) == '"' ? strcspn(c->at + 1, "\"\n") : 0;
    if (n >= sizeof deck->builder->title)
        n = sizeof deck->builder->title - 1;
    memcpy(deck->builder->title, c->at + 1, n);
    deck->builder->title[n] = 0;
    deck_skip_value(c);
    return RC_OK;
}

static enum rc refuse(struct deck *deck, const struct cursor *c, const char *word)
{
    static const char *const words[] = {"if",      "while",  "else",    "elseif", "call",
                                        "macro",   "exec",   "seqedit", "cycle",  "flatten",
                                        "install", "remove", "move",    "reflect"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcasecmp(words[i], word))
            return deck_fail(deck, c, "%s is not read: give the ring without it", words[i]);
    return RC_OK;
}

static void skip_statement(struct cursor *c)
{
    while (!ends_statement(c)) {
        deck_skip_value(c);
        if (!ends_statement(c))
            c->at++;
    }
}

static enum rc ignore(struct deck *deck, struct cursor *c, const char *word)
{
    enum rc rc = refuse(deck, c, word);

    import_report_add(deck->builder->report, "line %u: %s plays no part", c->line, word);
    skip_statement(c);
    return rc;
}

static enum rc end_sequence(struct deck *deck, const struct cursor *c)
{
    if (deck->sequence < 0)
        return deck_fail(deck, c, "ENDSEQUENCE without SEQUENCE");
    deck->sequence = -1;
    return RC_OK;
}

/* A name that no colon or equals sign follows. */
static enum rc command(struct deck *deck, struct cursor *c, const char *word)
{
    int32_t symbol = deck_find(deck, word);

    if (!strcasecmp(word, "endsequence"))
        return end_sequence(deck, c);
    if (symbol >= 0 && deck->sequence >= 0)
        return place_known(deck, c, symbol);
    if (symbol >= 0 && deck->symbol[symbol].kind == SYMBOL_ELEMENT)
        return read_attributes(deck, c, symbol);
    if (deck->sequence >= 0)
        return deck_fail(deck, c, "'%s' is not defined", word);
    if (!strcasecmp(word, "beam"))
        return beam(deck, c);
    if (!strcasecmp(word, "use"))
        return use(deck, c);
    if (!strcasecmp(word, "title"))
        return title(deck, c);
    return ignore(deck, c, word);
}

/* ---- statements ---- */

static bool is_prefix(const char *word)
{
    return !strcasecmp(word, "const") || !strcasecmp(word, "real") ||
           !strcasecmp(word, "int") || !strcasecmp(word, "shared");
}

static enum rc set_member(struct deck *deck, struct cursor *c, const char *name)
{
    int32_t symbol = deck_find(deck, name);

    c->at += 2;
    if (symbol < 0 || deck->symbol[symbol].kind != SYMBOL_ELEMENT)
        return deck_fail(deck, c, "'%s' is not an element", name);
    return read_attribute(deck, c, symbol);
}

static enum rc read_statement(struct deck *deck, struct cursor *c)
{
    char name[DECK_NAME];
    enum rc rc = deck_name(deck, c, name);

    while (rc == RC_OK && is_prefix(name) && (isalpha((unsigned char) deck_peek(c))))
        rc = deck_name(deck, c, name);
    if (rc != RC_OK)
        return rc;
    if (deck_take(c, '='))
        return read_variable(deck, c, name, false);
    if (deck_take(c, ':'))
        return *c->at == '=' ? (c->at++, read_variable(deck, c, name, true))
                             : read_definition(deck, c, name);
    if (deck_peek(c) == '-' && c->at[1] == '>')
        return set_member(deck, c, name);
    if (*c->at == '(' && deck_find(deck, name) < 0)
        return deck_fail(
            deck, c, "'%s(': lines with arguments, conditions and macros are not read", name);
    return command(deck, c, name);
}

static enum rc read_rpn_line(struct deck *deck, struct cursor *c)
{
    double value;
    const char *end = c->at + 1 + strcspn(c->at + 1, "\1");
    enum rc rc;

    c->at++;
    rc = deck_rpn(deck, c, end, &value);
    c->at = end;
    return rc;
}

enum rc deck_open(struct deck *deck)
{
    const struct import_source *source = deck->builder->source;
    uint32_t line = 1;

    for (size_t i = 0; i < source->size; i++) {
        line += source->text[i] == '\n';
        if (source->text[i] == '\0' || source->text[i] == DECK_STATEMENT)
            return err_set(RC_INPUT, "%s:%u: a control character: is this a text?",
                           source->name, line);
    }
    deck->text = strndup(source->text, source->size);
    return deck->text ? RC_OK
                      : err_set(RC_NOMEM, "no memory for a text of %zu bytes", source->size);
}

enum rc deck_read(struct deck *deck)
{
    struct cursor c = {deck->text, 1};
    enum rc rc = RC_OK;

    while (rc == RC_OK && deck_peek(&c)) {
        if (deck_take(&c, ';') || deck_take(&c, DECK_STATEMENT))
            continue;
        if (!strncasecmp(c.at, "return", 6) || !strncasecmp(c.at, "stop;", 5))
            break;
        rc = *c.at == '%' ? read_rpn_line(deck, &c) : read_statement(deck, &c);
        if (rc == RC_OK && !ends_statement(&c))
            rc = deck_fail(deck, &c, "';' is expected at '%.20s'", c.at);
    }
    if (rc == RC_OK && deck->sequence >= 0)
        rc = deck_fail(deck, &c, "sequence '%s' is not ended",
                       deck->symbol[deck->sequence].name);
    return rc;
}
