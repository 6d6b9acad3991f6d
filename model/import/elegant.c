/* elegant's .lte: a line is a statement unless it ends with "&". The text is rewritten so that
 * model/import/deck.c can read it. */
#include <stdlib.h>
#include <string.h>

#include "model/import/deck.h"
#include "model/import/parts.h"

/* Blanks comments, marks ends of statements; text has room for its zero. */
static void mark_statements(char *text)
{
    char *last = NULL; /* last character of the line that is not blank */
    bool quoted = false, comment = false;

    for (char *c = text; *c; c++) {
        if (*c == '"' && !comment)
            quoted = !quoted;
        comment = comment || (*c == '!' && !quoted);
        if (*c == '\n') {
            if (last && *last == '&')
                *last = ' ';
            else
                *c = DECK_STATEMENT;
            comment = quoted = false;
            last = NULL;
        } else if (comment) {
            *c = ' ';
        } else if (*c != ' ' && *c != '\t' && *c != '\r') {
            last = c;
        }
    }
}

enum rc elegant_read(struct builder *builder)
{
    const struct import_source *source = builder->source;
    struct deck deck = {.builder = builder, .elegant = true};

    if (memchr(source->text, 0, source->size) ||
        memchr(source->text, DECK_STATEMENT, source->size))
        return err_set(RC_INPUT, "%s: the text has control characters", source->name);
    deck.text = strndup(source->text, source->size);
    if (!deck.text)
        return err_set(RC_NOMEM, "no memory for a text of %zu bytes", source->size);
    mark_statements(deck.text);
    return deck_build(&deck);
}
