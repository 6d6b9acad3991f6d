/* What a host offers to a real-time loop, found by reading and by trying, each with verdict and
 * remedy. */
#ifndef ORBIT_IO_CTL_HOSTCHECK_H
#define ORBIT_IO_CTL_HOSTCHECK_H

#include <stdbool.h>
#include <stdint.h>

enum fitness { FITNESS_OK, FITNESS_DEGRADED, FITNESS_BAD };

struct finding {
    const char *name;
    const char *section; /* of the host guide, config/host/README.md */
    const char *why;     /* what it does to the loop where it is not good */
    enum fitness fitness;
    char found[240];
    char remedy[320]; /* empty for FITNESS_OK */
};

/* What the loop wants. */
struct host_needs {
    int core;          /* -1: as cores_choose() does */
    int priority;      /* SCHED_FIFO, 0: none */
    bool spin;         /* never sleeps: then throttling and fair server take from it */
    uint64_t memory_b; /* to be locked */
};

enum { HOSTCHECK_MAX = 20 };

/* Makes all checks; returns how many findings there are. Takes some ms; starts one thread and
 * ends it. */
unsigned hostcheck_run(const struct host_needs *needs, struct finding finding[HOSTCHECK_MAX]);

#endif
