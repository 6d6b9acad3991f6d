/* What one thread of another process costs the kernel: faults, switches, system calls. */
#ifndef ORBIT_TESTS_SUPPORT_THREAD_WATCH_H
#define ORBIT_TESTS_SUPPORT_THREAD_WATCH_H

#include <stdint.h>
#include <sys/types.h>

enum { SYSCALL_NUMBERS = 512 };

struct thread_counts {
    uint64_t minor_faults, major_faults, voluntary_switches;
};

/* The thread of that name, or -1. */
pid_t thread_find(pid_t process, const char *name);

/* Since the thread began, from /proc. 0: read. */
int thread_read_counts(pid_t process, pid_t thread, struct thread_counts *counts);

/* Traces the thread (a descendant's) over n system calls: count[number] each. 0: done, and the
 * thread runs on; -1: tracing is not permitted, or the thread ended. */
int thread_count_syscalls(pid_t thread, unsigned n, unsigned count[SYSCALL_NUMBERS]);

#endif
