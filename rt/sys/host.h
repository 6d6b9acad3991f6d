/* What the loop asks of the host, what the host granted, and the verdict on it.
 *
 * Nothing is assumed: every right is read back after it was asked for. Without rights the loop
 * runs all the same, degraded, and the verdict says what is missing and what would give it.
 */
#ifndef ORBIT_RT_SYS_HOST_H
#define ORBIT_RT_SYS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/base/rivals.h"

struct host_wish {
    int core;     /* -1: as cores_choose() does */
    int priority; /* SCHED_FIFO; 0: none wanted */
    bool spin;    /* never sleeps: then nothing may take turns with it on its processor */
};

struct host_grant {
    int core;     /* the loop's thread runs here only; -1: not pinned */
    int priority; /* SCHED_FIFO priority read back; 0: none */
    bool memory_locked, preempt_rt, core_isolated, dma_latency_held;
    bool clock_is_fast;     /* read without a system call: the processor's own counter */
    int64_t rt_runtime_us;  /* of each second for real-time threads; -1: no throttling */
    int64_t fair_server_ns; /* per period for ordinary tasks on the core; -1: not known */
    struct rivals rivals;   /* on the core, with the loop's priority or more */
    int dma_latency_fd; /* keeps the processors out of deep sleep while open; -1: not held */
};

/* Locks and prefaults the process's memory and holds cpu_dma_latency; call after everything is
 * allocated, before the loop's thread starts. */
void host_lock_memory(struct host_grant *grant);

/* Pins the calling thread and gives it its priority, then reads both back. */
void host_enter_loop(struct host_grant *grant, const struct host_wish *wish);

/* Why a loop that never sleeps is not to run there, one reason after the other with its remedy;
 * true: nothing speaks against it. */
bool host_allows_spin(const struct host_grant *grant, char *why, size_t size);

/* Keeps the calling thread off the loop's core, where there is another one. */
void host_leave_core(int loop_core);

/* Writes the verdict ("real-time" or "degraded: ..." with a remedy each) and returns true for
 * real-time. */
bool host_verdict(const struct host_grant *grant, const struct host_wish *wish, char *text,
                  size_t size);

#endif
