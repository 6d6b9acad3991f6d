#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/import/deck.h"

enum rc deck_fail(const struct deck *deck, const struct cursor *cursor, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(RC_INPUT, "%s:%u: %s", deck->builder->source->name, cursor->line, text);
}

/* ---- characters ---- */

static void skip_line(struct cursor *c)
{
    while (*c->at && *c->at != '\n' && *c->at != DECK_STATEMENT)
        c->at++;
}

static void skip_block(struct cursor *c)
{
    for (c->at += 2; *c->at && !(c->at[0] == '*' && c->at[1] == '/'); c->at++)
        c->line += *c->at == '\n';
    c->at += *c->at ? 2 : 0;
}

char deck_peek(struct cursor *c)
{
    for (;;) {
        if (*c->at == '!' || (c->at[0] == '/' && c->at[1] == '/'))
            skip_line(c);
        else if (c->at[0] == '/' && c->at[1] == '*')
            skip_block(c);
        else if (isspace((unsigned char) *c->at))
            c->line += *c->at++ == '\n';
        else
            return *c->at;
    }
}

bool deck_take(struct cursor *c, char wanted)
{
    if (deck_peek(c) != wanted)
        return false;
    c->line += *c->at == DECK_STATEMENT;
    c->at++;
    return true;
}

static bool is_of_name(char c)
{
    return isalnum((unsigned char) c) || c == '_' || c == '.' || c == '$' || c == '#' ||
           c == '@' || c == '\'';
}

enum rc deck_name(struct deck *deck, struct cursor *c, char name[DECK_NAME])
{
    size_t n = 0;
    char quote = deck_peek(c);
    const char *start = c->at;

    if (quote == '"' || quote == '\'') {
        start++;
        n = strcspn(start, quote == '"' ? "\"\n\1" : "'\n\1");
        if (start[n] != quote)
            return deck_fail(deck, c, "a quote is not closed");
        c->at = start + n + 1;
    } else {
        while (is_of_name(start[n]))
            n++;
        c->at = start + n;
    }
    if (n == 0)
        return deck_fail(deck, c, "a name is expected before '%.20s'", start);
    if (n >= DECK_NAME)
        return deck_fail(deck, c, "the name '%.20s...' is longer than %d characters", start,
                         LATTICE_MAX_NAME);
    memcpy(name, start, n);
    name[n] = 0;
    return RC_OK;
}

static void skip_quoted(struct cursor *c)
{
    char quote = *c->at++;

    while (*c->at && *c->at != quote && *c->at != DECK_STATEMENT)
        c->line += *c->at++ == '\n';
    c->at += *c->at == quote;
}

void deck_skip_value(struct cursor *c)
{
    int open = 0;

    for (;;) {
        char next = deck_peek(c);

        if (!next || next == ';' || next == DECK_STATEMENT)
            return;
        if (open == 0 && (next == ',' || next == ')' || next == '}'))
            return;
        if (next == '"' || next == '\'') {
            skip_quoted(c);
            continue;
        }
        open += (next == '(' || next == '{') - (next == ')' || next == '}');
        c->at++;
    }
}

/* ---- functions and constants ---- */

static double sinc(double x)
{
    return fabs(x) > 0 ? sin(x) / x : 1;
}

static const struct {
    const char *name;
    double (*of)(double);
} functions[] = {{"sqrt", sqrt}, {"log", log},     {"log10", log10}, {"exp", exp},
                 {"sin", sin},   {"cos", cos},     {"tan", tan},     {"asin", asin},
                 {"acos", acos}, {"atan", atan},   {"sinh", sinh},   {"cosh", cosh},
                 {"tanh", tanh}, {"sinc", sinc},   {"abs", fabs},    {"floor", floor},
                 {"ceil", ceil}, {"round", round}, {"ln", log}};

/* CODATA 2018 where they are measured. */
static const struct {
    const char *name;
    double value;
} constants[] = {{"pi", 3.14159265358979323846},
                 {"twopi", 6.28318530717958647693},
                 {"degrad", 57.2957795130823208768},
                 {"raddeg", 0.0174532925199432957692},
                 {"e", 2.71828182845904523536},
                 {"emass", 0.51099895e-3},
                 {"pmass", 0.93827208816},
                 {"clight", 299792458.0},
                 {"c_mks", 299792458.0},
                 {"true", 1},
                 {"false", 0}};

static bool apply(const char *name, double *value)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcasecmp(functions[i].name, name) != 0)
            continue;
        *value = functions[i].of(*value);
        return true;
    }
    return false;
}

static enum rc use_variable(struct deck *deck, const struct cursor *c, const char *name,
                            double *value)
{
    int32_t found = deck_find(deck, name);
    struct cursor at;
    enum rc rc;

    for (size_t i = 0; found < 0 && i < sizeof constants / sizeof constants[0]; i++) {
        if (!strcasecmp(constants[i].name, name)) {
            *value = constants[i].value;
            return RC_OK;
        }
    }
    if (found < 0) {
        import_report_add(deck->builder->report, "line %u: '%s' is not defined: taken as 0",
                          c->line, name);
        *value = 0;
        return RC_OK;
    }
    if (deck->symbol[found].kind != SYMBOL_VARIABLE)
        return deck_fail(deck, c, "'%s' is not a variable", name);
    *value = deck->symbol[found].number;
    if (!deck->symbol[found].deferred)
        return RC_OK;
    at = deck->symbol[found].value;
    rc = deck_value(deck, &at, value);
    return rc == RC_OK ? rc : err_add(rc, "'%s'", name);
}

/* ---- expressions ---- */

static enum rc sum(struct deck *deck, struct cursor *c, double *value);

static enum rc number(struct deck *deck, struct cursor *c, double *value)
{
    char text[64];
    size_t n = 0;

    while (n < sizeof text - 1) {
        char next = c->at[n];
        bool sign = (next == '+' || next == '-') && n && strchr("eE", text[n - 1]);

        if (!isdigit((unsigned char) next) && next != '.' && !sign && !strchr("eEdD", next))
            break;
        if (!next)
            break;
        text[n++] = strchr("dD", next) ? 'e' : next;
    }
    text[n] = 0;
    {
        char *end;

        *value = strtod(text, &end);
        if (end == text || *end || !isfinite(*value))
            return deck_fail(deck, c, "'%s' is not a number", text);
    }
    c->at += n;
    return RC_OK;
}

static enum rc close_bracket(struct deck *deck, struct cursor *c)
{
    return deck_take(c, ')') ? RC_OK : deck_fail(deck, c, "')' is expected at '%.20s'", c->at);
}

static enum rc member(struct deck *deck, struct cursor *c, const char *name, double *value)
{
    char attribute[DECK_NAME];
    int32_t symbol = deck_find(deck, name);
    enum rc rc;

    c->at += 2;
    rc = deck_name(deck, c, attribute);
    if (rc != RC_OK)
        return rc;
    if (symbol < 0 || deck->symbol[symbol].kind != SYMBOL_ELEMENT)
        return deck_fail(deck, c, "'%s' is not an element", name);
    *value = 0;
    return deck_number(deck, symbol, attribute, value);
}

static enum rc named(struct deck *deck, struct cursor *c, double *value)
{
    char name[DECK_NAME];
    enum rc rc = deck_name(deck, c, name);

    if (rc != RC_OK)
        return rc;
    if (deck_take(c, '(')) {
        rc = sum(deck, c, value);
        if (rc == RC_OK)
            rc = close_bracket(deck, c);
        if (rc == RC_OK && !apply(name, value))
            rc = deck_fail(deck, c, "there is no function '%s'", name);
        return rc;
    }
    if (deck_peek(c) == '-' && c->at[1] == '>')
        return member(deck, c, name, value);
    return use_variable(deck, c, name, value);
}

static enum rc primary(struct deck *deck, struct cursor *c, double *value)
{
    char next = deck_peek(c);
    enum rc rc;

    if (isdigit((unsigned char) next) || next == '.')
        return number(deck, c, value);
    if (!deck_take(c, '('))
        return named(deck, c, value);
    rc = sum(deck, c, value);
    return rc == RC_OK ? close_bracket(deck, c) : rc;
}

static enum rc factor(struct deck *deck, struct cursor *c, double *value)
{
    bool negative = false;
    double exponent;
    enum rc rc;

    while (deck_peek(c) == '+' || deck_peek(c) == '-')
        negative ^= *c->at++ == '-';
    rc = primary(deck, c, value);
    if (rc == RC_OK && deck_take(c, '^')) {
        if (deck->value_depth++ >= DECK_DEPTH)
            return deck_fail(deck, c, "the expression is nested deeper than %d", DECK_DEPTH);
        rc = factor(deck, c, &exponent);
        deck->value_depth--;
        *value = rc == RC_OK ? pow(*value, exponent) : 0;
    }
    *value = negative ? -*value : *value;
    return rc;
}

static enum rc term(struct deck *deck, struct cursor *c, double *value)
{
    enum rc rc = factor(deck, c, value);

    while (rc == RC_OK && (deck_peek(c) == '*' || *c->at == '/')) {
        bool divide = *c->at++ == '/';
        double right = 1;

        rc = factor(deck, c, &right);
        *value = divide ? *value / right : *value * right;
    }
    return rc;
}

static enum rc sum(struct deck *deck, struct cursor *c, double *value)
{
    enum rc rc;

    if (deck->value_depth == 0)
        deck->value_steps = 0;
    if (deck->value_depth >= DECK_DEPTH)
        return deck_fail(deck, c, "values are nested deeper than %d", DECK_DEPTH);
    if (++deck->value_steps > DECK_VALUE_STEPS || ++deck->steps > DECK_STEPS)
        return deck_fail(deck, c, "values that need values need too many steps");
    deck->value_depth++;
    rc = term(deck, c, value);
    while (rc == RC_OK && (deck_peek(c) == '+' || *c->at == '-')) {
        bool minus = *c->at++ == '-';
        double right = 0;

        rc = term(deck, c, &right);
        *value += minus ? -right : right;
    }
    deck->value_depth--;
    return rc;
}

/* ---- reverse Polish notation ---- */

struct stack {
    double value[DECK_DEPTH];
    int n;
};

static bool operate(struct stack *s, const char *word)
{
    double *left, right;

    if (word[1] || !strchr("+-*/^", word[0]))
        return s->n > 0 && apply(word, &s->value[s->n - 1]);
    if (s->n < 2)
        return false;
    left = &s->value[s->n - 2];
    right = left[1];
    s->n--;
    switch (word[0]) {
    case '+':
        *left += right;
        return true;
    case '-':
        *left -= right;
        return true;
    case '*':
        *left *= right;
        return true;
    case '/':
        *left /= right;
        return true;
    default:
        *left = pow(*left, right);
        return true;
    }
}

static enum rc store(struct deck *deck, struct cursor *c, const char *name, double value)
{
    int32_t symbol;
    enum rc rc = deck_symbol(deck, name, c->line, SYMBOL_VARIABLE, &symbol);

    if (rc == RC_OK)
        deck->symbol[symbol].number = value;
    return rc;
}

static size_t take_word(struct cursor *c, const char *end, char word[DECK_NAME])
{
    size_t n = 0;

    while (c->at < end && isspace((unsigned char) *c->at))
        c->at++;
    while (c->at < end && !isspace((unsigned char) *c->at) && n < DECK_NAME - 1)
        word[n++] = *c->at++;
    word[n] = 0;
    return n;
}

static enum rc push(struct deck *deck, const struct cursor *c, struct stack *s,
                    const char *word)
{
    char *end;
    double value = strtod(word, &end);
    bool plain = end != word && !*end && isfinite(value);
    enum rc rc = RC_OK;

    if (!plain && operate(s, word))
        return RC_OK;
    if (!plain && (strchr("+-*/^", word[0]) && !word[1]))
        return deck_fail(deck, c, "'%s' has nothing to work on", word);
    if (s->n == DECK_DEPTH)
        return deck_fail(deck, c, "more than %d values wait for an operation", DECK_DEPTH);
    if (!plain)
        rc = use_variable(deck, c, word, &value);
    s->value[s->n++] = value;
    return rc;
}

enum rc deck_rpn(struct deck *deck, struct cursor *c, const char *end, double *value)
{
    struct stack s = {.n = 0};
    char word[DECK_NAME], name[DECK_NAME];
    enum rc rc = RC_OK;

    while (rc == RC_OK && take_word(c, end, word)) {
        if (strcmp(word, "sto") != 0) {
            rc = push(deck, c, &s, word);
            continue;
        }
        if (!s.n || !take_word(c, end, name))
            return deck_fail(deck, c, "'sto' needs a value and a name");
        rc = store(deck, c, name, s.value[s.n - 1]);
    }
    *value = s.n ? s.value[s.n - 1] : 0;
    return rc;
}

enum rc deck_value(struct deck *deck, struct cursor *c, double *value)
{
    char quote = deck_peek(c);
    const char *end;
    enum rc rc;

    if (quote != '"')
        return sum(deck, c, value);
    end = strpbrk(c->at + 1, "\"\1");
    if (!end || *end != quote)
        return deck_fail(deck, c, "a quote is not closed");
    c->at++;
    rc = deck_rpn(deck, c, end, value);
    c->at = end + 1;
    return rc;
}
