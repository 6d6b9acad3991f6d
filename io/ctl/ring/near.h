/* Names that somebody may have meant. */
#ifndef ORBIT_IO_CTL_RING_NEAR_H
#define ORBIT_IO_CTL_RING_NEAR_H

#include <stddef.h>

enum { NEAR_MOST = 4, NEAR_TEXT = 320 };

struct near {
    const char *wanted;
    size_t n;
    const char *name[NEAR_MOST]; /* best first */
    int distance[NEAR_MOST];
};

/* Letters to insert, drop or change (A to a counts half) between two names, in halves; capped
 * at 2 `limit`. */
int near_distance(const char *a, const char *b, int limit);

/* Offers a name; kept if it is among the nearest and near enough. The same name twice is kept
 * once. */
void near_offer(struct near *near, const char *name);

/* "; near it: A, B", or nothing. */
void near_text(const struct near *near, char *text, size_t size);

#endif
