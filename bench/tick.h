/* A clock for single calls of a few hundred nanoseconds: the time-stamp counter where there is
 * one. */
#ifndef ORBIT_BENCH_TICK_H
#define ORBIT_BENCH_TICK_H

#include <stdint.h>

#include "rt/base/clock.h"

#if defined(__x86_64__)
#include <x86intrin.h>

/* Everything before it has finished, nothing behind it has started. */
static inline int64_t tick_now(void)
{
    int64_t now;

    _mm_lfence();
    now = (int64_t) __rdtsc();
    _mm_lfence();
    return now;
}
#else
static inline int64_t tick_now(void)
{
    return clock_mono_ns();
}
#endif

/* Nanoseconds of a tick (measured against CLOCK_MONOTONIC, takes 20 ms), and what two
 * tick_now() in a row cost, in ticks. */
double tick_ns(void);
double tick_cost(void);

#endif
