/* Notices that files were changed, by their time, size and inode: cheap enough for once a
 * second. */
#ifndef ORBIT_MODEL_ENGINE_WATCH_H
#define ORBIT_MODEL_ENGINE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { WATCH_MAX = 4 };

struct watch {
    unsigned n;
    char path[WATCH_MAX][512];
    uint64_t seen[WATCH_MAX]; /* fingerprint, 0: no such file */
};

/* Adds a file as it is now; an empty name or a fifth one is ignored. */
void watch_add(struct watch *watch, const char *path);

/* True if any file differs from when it was added; it is not told again until the next change.
 */
bool watch_changed(struct watch *watch);

#endif
