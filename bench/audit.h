/* Which system calls a thread makes: counted one by one by ptrace, so that the thread is slowed
 * down but nothing is missed. For functional statements only, never while times are taken. */
#ifndef ORBIT_BENCH_AUDIT_H
#define ORBIT_BENCH_AUDIT_H

#include <stdint.h>
#include <sys/types.h>

#include "rt/base/rc.h"

enum { AUDIT_KINDS = 512 };

struct audit {
    uint64_t calls[AUDIT_KINDS]; /* by number of the system call; the last for all beyond */
};

/* Watches for so long. RC_DENIED with the reason where tracing is not permitted. */
MUST_USE enum rc audit_thread(struct audit *audit, pid_t thread, double seconds);

/* "clock_nanosleep", "futex", ..., or its number. Static memory. */
const char *audit_name(unsigned number);

#endif
