#include "io/ctl/ring/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 63, LETTER = 2 };

static int least(int a, int b, int c)
{
    int two = a < b ? a : b;

    return two < c ? two : c;
}

static int letter_cost(char a, char b)
{
    if (a == b)
        return 0;
    return strncasecmp(&a, &b, 1) == 0 ? LETTER / 2 : LETTER;
}

/* Row by row through the table of distances between all beginnings (V. I. Levenshtein). */
int near_distance(const char *a, const char *b, int limit)
{
    int row[LONGEST + 1];
    size_t n_a = strlen(a), n_b = strlen(b);

    if (n_a > LONGEST || n_b > LONGEST)
        return LETTER * limit;
    for (size_t j = 0; j <= n_b; j++)
        row[j] = (int) j * LETTER;
    for (size_t i = 1; i <= n_a; i++) {
        int diagonal = row[0];

        row[0] = (int) i * LETTER;
        for (size_t j = 1; j <= n_b; j++) {
            int above = row[j];

            row[j] = least(above + LETTER, row[j - 1] + LETTER,
                           diagonal + letter_cost(a[i - 1], b[j - 1]));
            diagonal = above;
        }
    }
    return row[n_b] < LETTER * limit ? row[n_b] : LETTER * limit;
}

static int is_kept(const struct near *near, const char *name)
{
    for (size_t i = 0; i < near->n; i++)
        if (strcmp(near->name[i], name) == 0)
            return 1;
    return 0;
}

void near_offer(struct near *near, const char *name)
{
    int limit = (int) strlen(near->wanted) / 3 + 1;
    int distance = near_distance(near->wanted, name, limit + 1);
    size_t at = near->n;

    if (distance > LETTER * limit || is_kept(near, name))
        return;
    while (at > 0 && near->distance[at - 1] > distance)
        at--;
    if (at >= NEAR_MOST)
        return;
    if (near->n < NEAR_MOST)
        near->n++;
    for (size_t i = near->n - 1; i > at; i--) {
        near->name[i] = near->name[i - 1];
        near->distance[i] = near->distance[i - 1];
    }
    near->name[at] = name;
    near->distance[at] = distance;
}

void near_text(const struct near *near, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < near->n && used < size; i++)
        used += (size_t) snprintf(text + used, size - used, "%s%s",
                                  i ? ", " : "; near it: ", near->name[i]);
}
