#include "tests/support/temp_files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATHS = 16, PATH_SIZE = 320 };

static char folder[64];

int temp_files_setup(void **state)
{
    (void) state;
    snprintf(folder, sizeof folder, "/tmp/orbit-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void) status;
    (void) kind;
    (void) where;
    return remove(path);
}

int temp_files_teardown(void **state)
{
    (void) state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *temp_files_folder(void)
{
    return folder;
}

const char *temp_path(const char *name)
{
    static char paths[PATHS][PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % PATHS];

    snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    return path;
}

const char *temp_file(const char *name, const char *text)
{
    const char *path = temp_path(name);
    FILE *file = fopen(path, "we");

    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
    return path;
}
