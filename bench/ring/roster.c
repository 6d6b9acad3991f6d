#include "bench/ring/roster.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_B = 64 };

static const char separators[] = " \t,";

static int64_t find(const char *entry, const char *const *name, uint32_t n)
{
    char *end;
    unsigned long index;

    for (uint32_t i = 0; i < n; i++)
        if (strcmp(entry, name[i]) == 0)
            return i;
    index = strtoul(entry, &end, 10);
    return entry[strspn(entry, "0123456789")] == '\0' && *end == '\0' && index < n
               ? (int64_t) index
               : -1;
}

/* Copies the next entry and returns what follows it; NULL: there is none. */
static const char *next_entry(const char *text, char entry[NAME_MAX_B])
{
    size_t length;

    text += strspn(text, separators);
    length = strcspn(text, separators);
    if (length == 0)
        return NULL;
    memset(entry, 0, NAME_MAX_B);
    memcpy(entry, text, length < NAME_MAX_B ? length : NAME_MAX_B - 1);
    return text + length;
}

enum rc roster_parse(const char *text, const char *const *name, uint32_t n, bool *mask)
{
    char entry[NAME_MAX_B];
    const char *rest = text;

    if (strcmp(text, "none") == 0)
        rest = text = "";
    while ((rest = next_entry(rest, entry)))
        if (find(entry, name, n) < 0)
            return err_set(RC_INPUT, "'%s' is neither a device's name nor an index below %u",
                           entry, n);
    memset(mask, 0, n * sizeof *mask);
    for (rest = text; (rest = next_entry(rest, entry));)
        mask[find(entry, name, n)] = true;
    return RC_OK;
}
