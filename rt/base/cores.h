/* Which processors a host has, which of them it keeps from ordinary threads, and which one a
 * loop takes. Read from sysfs and the calling thread's affinity; set-up only.
 *
 * The affinity that a process inherits leaves isolated processors out, and yet it may go there:
 * it says what the scheduler uses, not what is permitted. Whether a processor can be had is
 * found out by asking for it.
 */
#ifndef ORBIT_RT_BASE_CORES_H
#define ORBIT_RT_BASE_CORES_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

struct cores {
    cpu_set_t online;
    cpu_set_t isolated;  /* by isolcpus or an isolated cpuset partition */
    cpu_set_t inherited; /* the calling thread's affinity */
};

void cores_read(struct cores *cores);

/* The processor for a loop that wants `wanted`; -1: the last isolated one that is online, else
 * the last inherited one; -1 if there is none. */
int cores_choose(const struct cores *cores, int wanted);

/* Whether the set has the processor; false for any number outside it. */
bool cores_has(const cpu_set_t *set, int core);

/* Reads a list as the kernel writes it, such as "1,3-5"; false, and as far as it could be read,
 * if it is none. An empty one is an empty set. */
bool cores_parse(const char *list, cpu_set_t *set);

/* Writes such a list; what does not fit is left out. */
void cores_print(const cpu_set_t *set, char *list, size_t size);

#endif
