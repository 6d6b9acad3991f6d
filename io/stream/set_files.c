#include "io/stream/set_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/segment/segment_folder.h"
#include "io/stream/stream_format.h"
#include "rt/base/clock.h"

/* Records wait in orbitd's ring before they are written, and a freeze reaches back. */
enum { SPARE_S = 3600 };

struct set_file {
    char path[SEGMENT_PATH_SIZE + sizeof((struct dirent *) 0)->d_name];
    int64_t time_ns;
};

int set_files_match(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');

    return end && strcmp(end, STREAM_SET_SUFFIX) == 0;
}

static int by_time(const void *left, const void *right)
{
    const struct set_file *a = left, *b = right;

    return (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

/* Those that can be looked at: [the result]. */
static size_t look_at(struct set_file *file, const char *folder, struct dirent **entry, int n)
{
    size_t n_file = 0;

    for (int i = 0; i < n; i++) {
        struct set_file *next = &file[n_file];
        struct stat stat_now;

        snprintf(next->path, sizeof next->path, "%s/%s", folder, entry[i]->d_name);
        if (stat(next->path, &stat_now) != 0)
            continue;
        next->time_ns = stat_now.st_mtim.tv_sec * NS_PER_S + stat_now.st_mtim.tv_nsec;
        n_file++;
    }
    return n_file;
}

/* Sorted by time; the caller's to free. NULL: none. */
static struct set_file *list_sets(const char *records, size_t *n_file)
{
    char folder[SEGMENT_PATH_SIZE];
    struct dirent **entry;
    struct set_file *file;
    int n;

    *n_file = 0;
    snprintf(folder, sizeof folder, "%s/" STREAM_SETS, records);
    n = scandir(folder, &entry, set_files_match, NULL);
    if (n < 0)
        return NULL;
    file = calloc((size_t) n + 1, sizeof *file);
    if (file)
        *n_file = look_at(file, folder, entry, n);
    for (int i = 0; i < n; i++)
        free(entry[i]);
    free(entry);
    if (file)
        qsort(file, *n_file, sizeof *file, by_time);
    return file;
}

/* When the oldest segment of the continuous recording began; INT64_MAX: there is none; 0: this
 * file system does not tell. */
static int64_t oldest_segment_ns(const char *records)
{
    char folder[SEGMENT_PATH_SIZE], path[SEGMENT_PATH_SIZE + 32];
    struct segment_folder list;
    struct statx status;
    uint64_t first;

    snprintf(folder, sizeof folder, "%s/" STREAM_CONTINUOUS, records);
    if (access(folder, F_OK) != 0)
        return INT64_MAX;
    if (segment_folder_list(&list, folder) != RC_OK)
        return 0;
    first = list.n ? list.file[0].first : 0;
    segment_folder_free(&list);
    if (!first)
        return INT64_MAX;
    segment_folder_path(path, sizeof path, folder, first);
    if (statx(AT_FDCWD, path, 0, STATX_BTIME, &status) != 0 || !(status.stx_mask & STATX_BTIME))
        return 0;
    return status.stx_btime.tv_sec * NS_PER_S + status.stx_btime.tv_nsec;
}

unsigned set_files_trim(const char *records, int64_t now_ns)
{
    int64_t needed_ns = oldest_segment_ns(records);
    unsigned n_removed = 0;
    struct set_file *file;
    size_t n;

    if (needed_ns > now_ns)
        needed_ns = now_ns;
    needed_ns -= SPARE_S * NS_PER_S;
    file = list_sets(records, &n);
    for (size_t i = 0; i + 1 < n && file[i + 1].time_ns < needed_ns; i++)
        n_removed += unlink(file[i].path) == 0;
    free(file);
    return n_removed;
}
