#include "model/json_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 65 };

struct cursor {
    const char *at, *end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next character that is not a blank; 0 at the end. */
static char peek(struct cursor *c)
{
    while (c->at < c->end && is_blank(*c->at))
        c->at++;
    return c->at < c->end ? *c->at : 0;
}

static bool take(struct cursor *c, char wanted)
{
    if (peek(c) != wanted)
        return false;
    c->at++;
    return true;
}

/* From an opening quote to behind the closing one. */
static void pass_string(struct cursor *c)
{
    for (c->at++; c->at < c->end && *c->at != '"'; c->at++)
        c->at += *c->at == '\\' && c->at + 1 < c->end;
    c->at += c->at < c->end;
}

static void pass_value(struct cursor *c)
{
    size_t depth = 0;

    do {
        char next = peek(c);

        if (next == '"') {
            pass_string(c);
            continue;
        }
        if (depth == 0 && (next == ',' || next == ']' || next == '}'))
            return;
        depth += next == '[' || next == '{';
        depth -= next == ']' || next == '}';
        c->at += next != 0;
        while (depth == 0 && c->at < c->end && !strchr(",]}\"", *c->at) && !is_blank(*c->at))
            c->at++;
    } while (depth > 0 && c->at < c->end);
}

/* ---- finding ------------------------------------------------------------------------- */

static bool is_key(const struct cursor *c, const char *key)
{
    size_t n = strlen(key);

    return (size_t) (c->end - c->at) > n + 1 && !memcmp(c->at + 1, key, n) &&
           c->at[n + 1] == '"';
}

/* From before a list or object to the entry; *place: of its key, or of itself. */
static bool enter(struct cursor *c, const struct json_step *step, const char **place)
{
    if (!take(c, step->key ? '{' : '['))
        return false;
    for (size_t i = 0; peek(c) && *c->at != '}' && *c->at != ']'; i++) {
        bool found = step->key ? is_key(c, step->key) : i == step->index;

        *place = c->at;
        if (step->key) {
            pass_string(c);
            if (!take(c, ':'))
                return false;
        }
        if (found)
            return true;
        pass_value(c);
        if (!take(c, ','))
            return false;
    }
    return false;
}

static uint32_t line_at(const char *text, const char *place)
{
    uint32_t line = 1;

    for (const char *at = text; (at = memchr(at, '\n', (size_t) (place - at))); at++)
        line++;
    return line;
}

uint32_t json_text_line(const char *text, size_t size, const struct json_step *step,
                        unsigned n_step)
{
    struct cursor c = {text, text + size};
    const char *place = NULL;

    for (unsigned i = 0; i < n_step; i++)
        if (!enter(&c, &step[i], &place))
            return 0;
    return place ? line_at(text, place) : 0;
}

/* ---- limits -------------------------------------------------------------------------- */

/* Lists and objects that are open. */
struct level {
    const char *name;  /* its opening quote, NULL: none */
    const char *begin; /* its opening bracket */
    uint32_t n;
};

struct count {
    const char *source, *text;
    struct cursor c;
    uint32_t depth;
    size_t values;
    const char *last; /* string that was passed last: perhaps a key */
    struct level level[JSON_TEXT_DEPTH + 1];
};

static void copy_string(char name[NAME_SIZE], const struct cursor *end, const char *quote)
{
    struct cursor c = {quote, end->end};
    size_t n;

    pass_string(&c);
    n = (size_t) (c.at - quote);
    snprintf(name, NAME_SIZE, "%.*s", n < NAME_SIZE + 2 ? (int) n - 2 : NAME_SIZE - 1,
             quote + 1);
}

static void name_entry(char name[NAME_SIZE], const struct count *count, const char *name_key)
{
    struct cursor c = count->c;
    const char *place = NULL;

    name[0] = '\0';
    if (peek(&c) == '{' && name_key && !enter(&c, &(struct json_step){.key = name_key}, &place))
        return;
    if (peek(&c) == '"')
        copy_string(name, &c, c.at);
}

static enum rc too_many(const struct count *count, const char *name_key)
{
    const struct level *level = &count->level[count->depth];
    char list[NAME_SIZE] = "", entry[NAME_SIZE];

    if (level->name)
        copy_string(list, &count->c, level->name);
    name_entry(entry, count, name_key);
    return err_set(RC_RANGE, "%s:%u: '%s' has more than %d entries: here comes '%s'",
                   count->source, line_at(count->text, count->c.at), list,
                   JSON_TEXT_MOST_ENTRIES, entry);
}

static enum rc open_level(struct count *count)
{
    if (count->depth == JSON_TEXT_DEPTH)
        return err_set(RC_RANGE, "%s:%u: more than %d lists and objects in each other",
                       count->source, line_at(count->text, count->c.at), JSON_TEXT_DEPTH);
    count->level[++count->depth] = (struct level){.name = count->last, .begin = count->c.at};
    count->last = NULL;
    count->c.at++;
    return RC_OK;
}

/* One value, key, bracket or comma. An entry is counted where it begins: behind the opening
 * bracket and each comma. */
static enum rc count_next(struct count *count, char next, const char *name_key)
{
    bool begins = !strchr(",:]}", next);
    struct level *level = &count->level[count->depth];
    enum rc rc = RC_OK;

    if (begins && ++count->values > JSON_TEXT_MOST_VALUES)
        return err_set(RC_RANGE, "%s:%u: more than %d values", count->source,
                       line_at(count->text, count->c.at), JSON_TEXT_MOST_VALUES);
    if (begins && level->n == 0)
        level->n = 1;
    if (next == ',' && level->n++ == JSON_TEXT_MOST_ENTRIES) {
        count->c.at++;
        return too_many(count, name_key);
    }
    if (next == '"') {
        count->last = count->c.at;
        pass_string(&count->c);
    } else if (next == '[' || next == '{') {
        rc = open_level(count);
    } else if (begins) {
        pass_value(&count->c);
    } else {
        count->depth -= (next == ']' || next == '}') && count->depth > 0;
        count->last = next == ':' ? count->last : NULL;
        count->c.at++;
    }
    return rc;
}

enum rc json_text_check(const char *text, size_t size, const char *source, const char *name_key)
{
    struct count count = {.source = source, .text = text, .c = {text, text + size}};
    enum rc rc = RC_OK;
    char next;

    while (rc == RC_OK && (next = peek(&count.c)))
        rc = count_next(&count, next, name_key);
    return rc;
}

/* ---- around a fault ------------------------------------------------------------------ */

enum { LEVEL_LIST = 2, LEVEL_ENTRY = 3 }; /* the top is level 1 */

/* Name of the entry of "elements" in which the position lies; empty: none. */
static void find_entry(const char *text, size_t position, const char *name_key,
                       char name[NAME_SIZE])
{
    struct count count = {.source = "", .text = text, .c = {text, text + position}};
    const struct level *list = &count.level[LEVEL_LIST], *entry = &count.level[LEVEL_ENTRY];
    char next, section[NAME_SIZE] = "";
    enum rc rc = RC_OK;

    name[0] = '\0';
    while (rc == RC_OK && (next = peek(&count.c)))
        rc = count_next(&count, next, NULL);
    if (count.depth < LEVEL_LIST || !list->name)
        return;
    copy_string(section, &count.c, list->name);
    if (strcmp(section, "elements") != 0)
        return;
    if (count.depth >= LEVEL_ENTRY && entry->name) {
        copy_string(name, &count.c, entry->name);
    } else if (count.depth >= LEVEL_ENTRY) {
        count.c.at = entry->begin;
        name_entry(name, &count, name_key);
    } else if (count.last) {
        copy_string(name, &count.c, count.last);
    }
}

enum rc json_text_fault(const json_error_t *error, const char *text, const char *source,
                        const char *name_key)
{
    char name[NAME_SIZE];

    find_entry(text, error->position > 0 ? (size_t) error->position : 0, name_key, name);
    return err_set(RC_INPUT, "%s:%d:%d: %s%s%s%s", source, error->line, error->column,
                   name[0] ? "element '" : "", name, name[0] ? "': " : "", error->text);
}
