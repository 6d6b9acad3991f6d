/* MAD-X: statements that end with a semicolon, as model/import/deck.c reads them. */
#include <stdlib.h>
#include <string.h>

#include "model/import/deck.h"
#include "model/import/parts.h"

enum rc madx_read(struct builder *builder)
{
    const struct import_source *source = builder->source;
    struct deck deck = {.builder = builder};

    /* A zero would end the text early, the other mark belongs to elegant's lines. */
    if (memchr(source->text, 0, source->size) ||
        memchr(source->text, DECK_STATEMENT, source->size))
        return err_set(RC_INPUT, "%s: the text has control characters", source->name);
    deck.text = strndup(source->text, source->size);
    if (!deck.text)
        return err_set(RC_NOMEM, "no memory for a text of %zu bytes", source->size);
    return deck_build(&deck);
}
