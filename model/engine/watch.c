#include "model/engine/watch.h"

#include <stdio.h>
#include <sys/stat.h>

static uint64_t fingerprint(const char *path)
{
    struct stat info;
    uint64_t hash = 1;

    if (stat(path, &info) != 0)
        return 0;
    hash = hash * 1000003 + (uint64_t) info.st_ino;
    hash = hash * 1000003 + (uint64_t) info.st_size;
    hash = hash * 1000003 + (uint64_t) info.st_mtim.tv_sec;
    hash = hash * 1000003 + (uint64_t) info.st_mtim.tv_nsec;
    return hash | 1;
}

void watch_add(struct watch *watch, const char *path)
{
    if (!path[0] || watch->n == WATCH_MAX)
        return;
    snprintf(watch->path[watch->n], sizeof watch->path[0], "%s", path);
    watch->seen[watch->n++] = fingerprint(path);
}

bool watch_changed(struct watch *watch)
{
    bool changed = false;

    for (unsigned i = 0; i < watch->n; i++) {
        uint64_t now = fingerprint(watch->path[i]);

        changed |= now != watch->seen[i];
        watch->seen[i] = now;
    }
    return changed;
}
