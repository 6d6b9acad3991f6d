#include "bench/words.h"

#include <string.h>

static bool begins_with(const char *list, const char *word)
{
    return strcspn(list, ",") == strlen(word) && strncmp(list, word, strlen(word)) == 0;
}

bool words_have(const char *list, const char *word)
{
    while (!begins_with(list, word)) {
        list += strcspn(list, ",");
        if (!*list)
            return false;
        list++;
    }
    return true;
}

bool words_known(const char *list, const char *const known[], int n)
{
    for (;;) {
        int i = 0;

        while (i < n && !begins_with(list, known[i]))
            i++;
        if (i == n)
            return false;
        list += strcspn(list, ",");
        if (!*list)
            return true;
        list++;
    }
}
