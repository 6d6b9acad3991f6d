/* Seeded random numbers, the same on every machine: xoshiro256** (Blackman and Vigna, ACM TOMS
 * 47 (2021)), seeded by splitmix64; normal numbers by the polar method of Marsaglia. One object
 * per thread. */
#ifndef ORBIT_MODEL_PLANT_RANDOM_H
#define ORBIT_MODEL_PLANT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
    double spare; /* second number of a polar pair */
    bool has_spare;
};

void random_seed(struct random *random, uint64_t seed);

uint64_t random_bits(struct random *random);

/* Evenly in [0, 1). */
double random_uniform(struct random *random);

/* Mean 0, standard deviation 1. */
double random_normal(struct random *random);

/* The same, cut at +-limit standard deviations by drawing again (limit at least 0.5). */
double random_normal_cut(struct random *random, double limit);

#endif
