#include "tests/support/ring_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/lattice_json.h"

static void give_up(const char *what, const char *path)
{
    fprintf(stderr, "%s: %s\n", what, path);
    exit(1);
}

char *ring_file_text(const char *path, size_t *size)
{
    enum { MOST = 4 * 1024 * 1024 };
    char full[512], *text = malloc(MOST);
    FILE *file;

    snprintf(full, sizeof full, "%s/%s", ORBIT_SOURCE_DIR, path);
    file = fopen(full, "rb");
    if (!file || !text)
        give_up("cannot read", full);
    *size = fread(text, 1, MOST - 1, file);
    text[*size] = 0;
    fclose(file);
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
