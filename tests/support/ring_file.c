#include "tests/support/ring_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/lattice_json.h"

static void give_up(const char *what, const char *path)
{
    fprintf(stderr, "%s: %s\n", what, path);
    exit(1);
}

enum { MOST = 16 * 1024 * 1024 };

static char *read_all(FILE *file, const char *name, size_t *size)
{
    char *text = malloc(MOST);

    if (!file || !text)
        give_up("cannot read", name);
    *size = fread(text, 1, MOST - 1, file);
    text[*size] = 0;
    return text;
}

char *ring_file_text(const char *path, size_t *size)
{
    char full[512], *text;
    FILE *file;

    snprintf(full, sizeof full, "%s/%s", ORBIT_SOURCE_DIR, path);
    file = fopen(full, "rb");
    text = read_all(file, full, size);
    fclose(file);
    return text;
}

char *ring_file_unpacked(const char *path, size_t *size)
{
    char command[600], *text;
    FILE *pipe;

    snprintf(command, sizeof command, "xz -dc '%s/%s'", ORBIT_SOURCE_DIR, path);
    pipe = popen(command, "r"); /* NOLINT(cert-env33-c): a name of this tree */
    text = read_all(pipe, path, size);
    if (pclose(pipe) != 0)
        give_up("xz cannot unpack", path);
    return text;
}

struct lattice *ring_file_lattice(const char *ring)
{
    char path[128];
    struct lattice *lattice = NULL;
    size_t size;
    char *text;

    snprintf(path, sizeof path, "lattices/%s/lattice.json", ring);
    text = ring_file_text(path, &size);
    if (lattice_json_parse(&lattice, text, size, path) != RC_OK)
        give_up("does not parse", err_text());
    free(text);
    return lattice;
}
