/* MAD-X: statements that end with a semicolon, as model/import/deck.c reads them. */
#include "model/import/deck.h"
#include "model/import/parts.h"

enum rc madx_read(struct builder *builder)
{
    struct deck deck = {.builder = builder};
    enum rc rc = deck_open(&deck);

    return rc == RC_OK ? deck_build(&deck) : rc;
}
