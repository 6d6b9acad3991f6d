/* orbit-load: what disturbs a loop from outside, one kind a function.
 *
 * Each runs until it is killed, in processes of its own which die with the first one, and
 * counts what it did in memory shared with who started it. None takes all of a processor:
 * storms pause 2 of every 10 ms.
 */
#ifndef ORBIT_BENCH_LOAD_LOAD_H
#define ORBIT_BENCH_LOAD_LOAD_H

#include <stdint.h>
#include <sys/types.h>

#include "rt/base/rc.h"

struct load {
    const char *socket; /* of orbitd */
    const char *folder; /* where files may be written */
    const char *prefix; /* of the PVs */
    int ca_port;
    int clients;
    uint64_t *done; /* events so far; atomic adds by every process */
};

static inline void load_count(const struct load *load, uint64_t n)
{
    (void) __atomic_fetch_add(load->done, n, __ATOMIC_RELAXED);
}

/* These return only with an error. */
MUST_USE enum rc load_ca(const struct load *load);      /* clients monitoring PVs */
MUST_USE enum rc load_archive(const struct load *load); /* all records to disk */
MUST_USE enum rc load_web(const struct load *load);     /* JSON over TCP to `clients` readers */
MUST_USE enum rc load_fork(const struct load *load);    /* children of a process of 32 MiB */
MUST_USE enum rc load_mmap(const struct load *load);    /* mappings made, touched, taken away */

/* Prints the value of one PV. */
MUST_USE enum rc load_get_pv(const struct load *load, const char *name);

/* A child that dies with this process: 0 in the child, its id in the parent, < 0 as fork(). */
pid_t load_fork_child(void);

/* Sleeps where 8 ms were worked since *since_ns. */
void load_rest(int64_t *since_ns);

#endif
