#include "io/segment/segment_folder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void segment_folder_path(char *path, size_t size, const char *folder, uint64_t first)
{
    snprintf(path, size, "%s/%0*" PRIu64 SEGMENT_SUFFIX, folder, SEGMENT_NAME_DIGITS, first);
}

/* Exactly 20 digits and the suffix, a number that fits. */
static bool parse_name(const char *name, uint64_t *first)
{
    char *end;

    if (strspn(name, "0123456789") != SEGMENT_NAME_DIGITS)
        return false;
    errno = 0;
    *first = strtoull(name, &end, 10);
    return errno == 0 && strcmp(end, SEGMENT_SUFFIX) == 0;
}

static int by_number(const void *left, const void *right)
{
    const struct segment_file *a = left, *b = right;

    return (a->first > b->first) - (a->first < b->first);
}

static enum rc add(struct segment_folder *list, uint64_t first, uint64_t size_b)
{
    struct segment_file *grown = realloc(list->file, (list->n + 1) * sizeof *grown);

    if (!grown)
        return err_set(RC_NOMEM, "no memory for a list of %zu segments", list->n + 1);
    list->file = grown;
    list->file[list->n++] = (struct segment_file){first, size_b};
    return RC_OK;
}

enum rc segment_folder_list(struct segment_folder *list, const char *path)
{
    DIR *folder = opendir(path);
    enum rc rc = RC_OK;
    struct dirent *entry;

    *list = (struct segment_folder){0};
    if (!folder)
        return err_sys("folder %s", path);
    while (rc == RC_OK && (entry = readdir(folder))) {
        char file[SEGMENT_PATH_SIZE];
        struct stat status;
        uint64_t first;

        if (!parse_name(entry->d_name, &first))
            continue;
        segment_folder_path(file, sizeof file, path, first);
        if (stat(file, &status) == 0 && S_ISREG(status.st_mode))
            rc = add(list, first, (uint64_t) status.st_size);
    }
    closedir(folder);
    if (rc != RC_OK)
        segment_folder_free(list);
    else if (list->n)
        qsort(list->file, list->n, sizeof *list->file, by_number);
    return rc;
}

void segment_folder_free(struct segment_folder *list)
{
    free(list->file);
    *list = (struct segment_folder){0};
}
