/* Runs a fuzz target over files: every argument is a file or a folder of files. Where the
 * compiler brings libFuzzer, that takes the place of this main; the corpus runs as an ordinary
 * test with it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned run_count;

static void run_file(const char *path)
{
    enum { MOST = 16 * 1024 * 1024 };
    uint8_t *data = malloc(MOST), *exact;
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file || !data) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    size = fread(data, 1, MOST, file);
    fclose(file);
    /* No byte more than the input: a sanitizer sees a read beyond it. */
    exact = malloc(size ? size : 1);
    if (!exact)
        exit(2);
    for (size_t i = 0; i < size; i++)
        exact[i] = data[i];
    free(data);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    run_count++;
}

static void run_path(const char *path)
{
    struct dirent *entry;
    struct stat status;
    char inner[1024];
    DIR *folder;

    if (stat(path, &status) || !S_ISDIR(status.st_mode)) {
        run_file(path);
        return;
    }
    folder = opendir(path);
    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        run_path(inner);
    }
    if (folder)
        closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("%u inputs\n", run_count);
    return run_count ? 0 : 1;
}
