/* Threads of other programs that may run in real time on one processor: what can hold up a loop
 * there. Read from /proc; set-up only. */
#ifndef ORBIT_RT_BASE_RIVALS_H
#define ORBIT_RT_BASE_RIVALS_H

struct rivals {
    unsigned n;
    char names[120]; /* "name (thread), ...", as many as fit */
};

/* Threads under SCHED_FIFO or SCHED_RR with at least this priority that are allowed on the
 * processor. Not counted: threads of the kernel, and those named `except`; NULL: all of this
 * process. */
void rivals_find(struct rivals *rivals, int core, int priority, const char *except);

#endif
