#include "io/stream/freezes.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/segment/segment_folder.h"
#include "io/stream/set_files.h"
#include "io/stream/stream_format.h"
#include "rt/base/clock.h"

enum { NAME_MOST = 255 };

void freezes_path(char *path, size_t size, const char *folder, int64_t utc_ns,
                  const char *reason)
{
    time_t second = (time_t) (utc_ns / NS_PER_S);
    char stamp[32], word[STREAM_REASON_SIZE];
    struct tm utc;
    size_t n = 0;

    for (; reason[n] && n < sizeof word - 1; n++)
        word[n] = isalnum((unsigned char) reason[n]) || reason[n] == '-' ? reason[n] : '_';
    word[n] = '\0';
    gmtime_r(&second, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &utc);
    snprintf(path, size, "%s/" STREAM_FREEZE_START "%s.%03dZ-%s", folder, stamp,
             (int) (utc_ns % NS_PER_S / 1000000), word);
}

static int is_freeze(const struct dirent *entry)
{
    return strncmp(entry->d_name, STREAM_FREEZE_START, strlen(STREAM_FREEZE_START)) == 0;
}

static void remove_sets(const char *path)
{
    char file[SEGMENT_PATH_SIZE + NAME_MOST + 2];
    struct dirent **entry;
    int n = scandir(path, &entry, set_files_match, alphasort);

    for (int i = 0; i < n; i++) {
        snprintf(file, sizeof file, "%s/%s", path, entry[i]->d_name);
        unlink(file);
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
}

/* Only segments and parameter sets go: a folder with anything else in it stays. */
static int remove_freeze(const char *folder, const char *name)
{
    char path[SEGMENT_PATH_SIZE], file[SEGMENT_PATH_SIZE + 32];
    struct segment_folder list;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (segment_folder_list(&list, path) != RC_OK)
        return 0;
    for (size_t i = 0; i < list.n; i++) {
        segment_folder_path(file, sizeof file, path, list.file[i].first);
        unlink(file);
    }
    segment_folder_free(&list);
    remove_sets(path);
    return rmdir(path) == 0;
}

unsigned freezes_trim(const char *folder, unsigned keep)
{
    struct dirent **entry;
    int n = scandir(folder, &entry, is_freeze, alphasort);
    unsigned n_removed = 0;

    for (int i = 0; i < n; i++) {
        if (i < n - (int) keep)
            n_removed += (unsigned) remove_freeze(folder, entry[i]->d_name);
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
    return n_removed;
}
