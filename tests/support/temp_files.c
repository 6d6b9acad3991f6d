#include "tests/support/temp_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATHS = 16, PATH_SIZE = 320 };

static char folder[64];

int temp_files_setup(void **state)
{
    (void) state;
    snprintf(folder, sizeof folder, "/tmp/orbit-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

int temp_files_teardown(void **state)
{
    DIR *dir = opendir(folder);

    (void) state;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            unlink(temp_path(entry->d_name));
    if (dir)
        closedir(dir);
    return rmdir(folder);
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
