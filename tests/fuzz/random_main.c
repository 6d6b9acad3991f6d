/* Runs a fuzz target over inputs drawn from a seed: random_main SEED COUNT. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 600 };

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Small bytes are likelier: they are the steps and choices of a script. */
static size_t draw_input(uint64_t *state, uint8_t *data)
{
    size_t size = draw(state) % LONGEST;

    for (size_t i = 0; i < size; i++) {
        uint64_t value = draw(state);

        data[i] = (uint8_t) (value & 0x300 ? value % 6 : value);
    }
    return size;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
    uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
    uint8_t data[LONGEST];

    if (count == 0) {
        fprintf(stderr, "usage: %s SEED COUNT\n", argv[0]);
        return 2;
    }
    printf("seed %lu, %lu inputs\n", seed, count);
    for (uint64_t i = 0; i < count; i++)
        LLVMFuzzerTestOneInput(data, draw_input(&state, data));
    return 0;
}
