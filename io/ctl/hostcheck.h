/* What a host offers to a real-time loop, found by reading and by trying, each with verdict and
 * remedy. */
#ifndef ORBIT_IO_CTL_HOSTCHECK_H
#define ORBIT_IO_CTL_HOSTCHECK_H

#include <stdint.h>

enum fitness { FITNESS_OK, FITNESS_DEGRADED, FITNESS_BAD };

struct finding {
    const char *name;
    const char *section; /* of the host guide, config/host/README.md */
    enum fitness fitness;
    char found[200];
    char remedy[240]; /* empty for FITNESS_OK */
};

/* What the loop wants. */
struct host_needs {
    int core;          /* -1: the last one allowed; hostcheck_core() */
    int priority;      /* SCHED_FIFO, 0: none */
    uint64_t memory_b; /* to be locked */
};

enum { HOSTCHECK_MAX = 20 };

/* The processor that the loop would run on. */
int hostcheck_core(const struct host_needs *needs);

/* Makes all checks; returns how many findings there are. Takes some ms; starts one thread and
 * ends it. */
unsigned hostcheck_run(const struct host_needs *needs, struct finding finding[HOSTCHECK_MAX]);

/* True if a list such as "0,2-5" has the number. */
int hostcheck_list_has(const char *list, int number);

#endif
