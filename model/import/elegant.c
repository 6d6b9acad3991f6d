/* elegant's .lte: a line is a statement unless it ends with "&". The text is rewritten so that
 * model/import/deck.c can read it. */
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
    struct deck deck = {.builder = builder, .elegant = true};
    enum rc rc = deck_open(&deck);

    if (rc != RC_OK)
        return rc;
    mark_statements(deck.text);
    return deck_build(&deck);
}
