/* orbit-bench: what this host and this build reach, as ratios taken in one run.
 *
 * Each part measures its contestants in turn, round by round, on the same core, and returns
 * JSON; report.c makes the table and the verdicts from the JSON alone, so that the file holds
 * everything that was printed. README.md has the method and what the file holds.
 */
#ifndef ORBIT_BENCH_BENCH_H
#define ORBIT_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "rt/base/rc.h"

struct bench_options {
    int core;                /* measured */
    int priority;            /* SCHED_FIFO; 0: none */
    int rounds;              /* alternated rounds of the matrix products */
    int calls;               /* timed calls of one contestant in one round */
    int pairs;               /* alternated runs of own timer and cyclictest */
    double seconds;          /* of one such run */
    double exchange_seconds; /* of one window of the exchange */
    int disturb_rounds;      /* pairs of windows, bare and loaded */
    double disturb_seconds;  /* of one such window */
    int blows;               /* of a storm */
    unsigned seed;           /* of its random numbers; 0: by the time */
    const char *loads;       /* names separated by commas; NULL: all */
    bool quick; /* few rounds, the sizes of the machines alone: below a minute in all */
};

/* What was measured on: CPU, kernel, clock, throttling, isolation, compiler, OpenBLAS. */
json_t *bench_host(void);

/* Share of all processors' time that was not idle during the last call's interval, and that the
 * hypervisor took; `since` NULL only takes the first stamp. */
struct cpu_time {
    double busy, steal, total;
};
void cpu_time_read(struct cpu_time *now);
json_t *cpu_time_shares(const struct cpu_time *from, const struct cpu_time *to);

/* Array of matrix products: one object per size, storage and cache state. */
MUST_USE enum rc bench_matvec(const struct bench_options *options, json_t **result);

/* The same in one row per size and storage: ratios of the medians, cold from flushed caches. */
json_t *bench_matvec_summary(const json_t *products);

/* Array of wake-up lateness: one object per rate and timer mode. */
MUST_USE enum rc bench_wake(const struct bench_options *options, json_t **result);

/* The same in one row each: ratios to cyclictest, null without it. */
json_t *bench_wake_summary(const json_t *rows);

/* Array of whole cycles of the loop: one object per content and rate. */
MUST_USE enum rc bench_cycle(const struct bench_options *options, json_t **result);

/* Array of laws: one object per machine's size and law, its step and the product before it. */
MUST_USE enum rc bench_law(const struct bench_options *options, json_t **result);

/* Array of rates: a datagram with positions in, one with set points out, through the loop in
 * closed loop, and through a thread that only answers. */
MUST_USE enum rc bench_datagrams(const struct bench_options *options, json_t **result);

/* Table of it, and its verdicts. */
void bench_print_datagrams(const json_t *rows);
void bench_judge_datagrams(json_t *verdicts, const json_t *rows);

/* Modbus TCP as orbit-fieldbus speaks it: polling at 1 kHz, and devices with faults. */
MUST_USE enum rc bench_modbus(const struct bench_options *options, json_t **result);
void bench_print_modbus(const json_t *result);
void bench_judge_modbus(json_t *verdicts, const json_t *result);

/* Array of what the model does: linear updates and orbits against pyAT, inverses against
 * LAPACK, growth with the number of elements. Without pyAT ($ORBIT_BENCH_PYTHON) its yardstick
 * is null.
 */
MUST_USE enum rc bench_model(const struct bench_options *options, json_t **result);

/* Snapshots and parameter sets under load: one object per condition. */
MUST_USE enum rc bench_exchange(const struct bench_options *options, json_t **result);
void bench_print_exchange(const json_t *rows);

/* A running virtual set, bare and loaded in turn: one object, README.md has its members. */
MUST_USE enum rc bench_disturb(const struct bench_options *options, json_t **result);

/* Table of it, and its verdicts. */
void bench_print_disturb(const json_t *result);
void bench_judge_disturb(json_t *verdicts, const json_t *result);

/* Programs of a running set killed and stopped at random: one object. */
MUST_USE enum rc bench_storm(const struct bench_options *options, json_t **result);
void bench_print_storm(const json_t *result);
void bench_judge_storm(json_t *verdicts, const json_t *result);

/* Table of that array, and its verdicts, added to `verdicts` and printed. */
void bench_print_model(const json_t *rows);
void bench_judge_model(json_t *verdicts, const json_t *rows, bool quick);

/* Adds report["budgets"], and prints tables and verdicts. */
void bench_report(json_t *report);

#endif
