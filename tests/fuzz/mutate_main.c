/* Runs a fuzz target over its corpus in new combinations, where there is no libFuzzer: some
 * files one after the other, some bytes changed. mutate_main SEED COUNT FOLDER */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FILE = 256, MAX_FILE_B = 1024, MAX_PART = 5, MAX_CHANGE = 6 };

struct input {
    size_t size;
    uint8_t data[MAX_FILE_B];
};

static struct input corpus[MAX_FILE];
static unsigned n_corpus;

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* In the order of names, so that a seed means the same everywhere. */
static void load(const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, wanted, alphasort);

    for (int i = 0; i < n; i++) {
        char path[1024];
        FILE *file;

        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        free(names[i]);
        file = n_corpus < MAX_FILE ? fopen(path, "rb") : NULL;
        if (!file)
            continue;
        corpus[n_corpus].size = fread(corpus[n_corpus].data, 1, MAX_FILE_B, file);
        n_corpus++;
        fclose(file);
    }
    if (n > 0)
        free(names);
}

static size_t make_input(uint64_t *state, uint8_t *data)
{
    size_t size = 0;

    for (uint64_t n = 1 + draw(state) % MAX_PART; n > 0; n--) {
        const struct input *part = &corpus[draw(state) % n_corpus];

        memcpy(data + size, part->data, part->size);
        size += part->size;
    }
    for (uint64_t n = draw(state) % (MAX_CHANGE + 1); n > 0 && size > 0; n--) {
        uint64_t value = draw(state);

        /* Small bytes are likelier: they are the steps and choices of a script. */
        data[draw(state) % size] = (uint8_t) (value & 0x300 ? value % 6 : value);
    }
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t data[MAX_PART * MAX_FILE_B];
    uint64_t seed, count, state;

    if (argc == 4)
        load(argv[3]);
    if (n_corpus == 0) {
        fprintf(stderr, "usage: %s SEED COUNT FOLDER\n", argv[0]);
        return 2;
    }
    seed = strtoull(argv[1], NULL, 0);
    count = strtoull(argv[2], NULL, 0);
    state = seed * 0x9e3779b97f4a7c15ULL + 1;
    printf("seed %lu, %lu inputs from %u files\n", seed, count, n_corpus);
    for (uint64_t i = 0; i < count; i++)
        LLVMFuzzerTestOneInput(data, make_input(&state, data));
    return 0;
}
