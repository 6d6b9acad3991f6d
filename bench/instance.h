/* A whole virtual set (orbitctl run: ring, orbitd, model, EPICS) in a folder of its own, for
 * the parts that measure a running system from outside.
 */
#ifndef ORBIT_BENCH_INSTANCE_H
#define ORBIT_BENCH_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "bench/bench.h"
#include "rt/base/rc.h"
#include "rt/shm/client.h"

struct instance {
    char folder[96], config[128], socket[128], log[128];
    int ring_port, epics_port; /* of Channel Access */
    int core;
    pid_t run; /* orbitctl run; 0: not started */
    struct client *client;
};

struct instance_setup {
    const char *ring; /* a folder of lattices/ */
    int rate_hz;
    const char *current_pv; /* of the stored current; NULL: none */
    const char *more;       /* further lines of the configuration */
};

/* Starts it and waits until the loop gets frames and has a parameter set. RC_SYS, RC_TIMEOUT
 * with the end of what the programs said. */
MUST_USE enum rc instance_start(struct instance *instance, const struct bench_options *options,
                                const struct instance_setup *setup);
void instance_stop(struct instance *instance);

/* Attaches again after orbitd was restarted; false while there is none. */
bool instance_attach(struct instance *instance);

/* The end of what the programs, and loads beside them, have said. */
void instance_said(const struct instance *instance, char *tail, size_t size);

uint64_t instance_counter(const struct instance *instance, enum counter counter);

/* The running program of the set, or -1. */
pid_t instance_program(const struct instance *instance, const char *name);

/* The thread of orbitd that waits for a timer at the loop's rate; watches for 0.3 s. -1: none.
 */
pid_t instance_loop_thread(const struct instance *instance);

/* Starts a program beside this one in a process group of its own; what it prints is added to
 * the log. It ends with this program. */
MUST_USE enum rc bench_start(pid_t *child, const char *const argv[], const char *log);

/* Sends the signal, waits for the end, and kills what is left of its process group. */
void bench_end(pid_t *child, int number);

/* Sleeps; less if a signal asks this program to stop. */
void bench_pause(double seconds);

/* Since an instance was started, SIGINT and SIGTERM only set this, so that it is ended in
 * order.
 */
bool bench_stopped(void);

#endif
