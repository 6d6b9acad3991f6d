#include "bench/audit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rt/base/clock.h"

enum { SYSCALL_STOP = SIGTRAP | 0x80 };

static void note(struct audit *audit, pid_t thread)
{
    struct __ptrace_syscall_info info = {0};
    uint64_t number;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    number = info.entry.nr;
    audit->calls[number < AUDIT_KINDS ? number : AUDIT_KINDS - 1]++;
}

/* Signals are handed on; other stops are ours. */
static enum rc go_on(struct audit *audit, pid_t thread, int64_t end_ns)
{
    int status;

    while (clock_mono_ns() < end_ns) {
        int pass_on = 0;

        if (waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status))
            return err_set(RC_GONE, "the thread ended while its system calls were counted");
        if (WSTOPSIG(status) == SYSCALL_STOP)
            note(audit, thread);
        else if (status >> 16 == 0)
            pass_on = WSTOPSIG(status);
        if (ptrace(PTRACE_SYSCALL, thread, 0, pass_on) != 0)
            return err_sys("ptrace");
    }
    return RC_OK;
}

enum rc audit_thread(struct audit *audit, pid_t thread, double seconds)
{
    int64_t end_ns = clock_mono_ns() + (int64_t) (seconds * 1e9);
    int status;
    enum rc rc;

    *audit = (struct audit){.calls = {0}};
    if (ptrace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD) != 0 ||
        ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0)
        return err_set(RC_DENIED, "ptrace: %s", strerror(errno));
    rc = go_on(audit, thread, end_ns);
    /* It has to stand still to be let go. */
    if (rc == RC_OK && (ptrace(PTRACE_INTERRUPT, thread, 0, 0) == 0 || errno == EIO) &&
        waitpid(thread, &status, __WALL) == thread)
        ptrace(PTRACE_DETACH, thread, 0, 0);
    return rc;
}

const char *audit_name(unsigned number)
{
    static const struct {
        long number;
        const char *name;
    } known[] = {{SYS_clock_nanosleep, "clock_nanosleep"},
                 {SYS_clock_gettime, "clock_gettime"},
                 {SYS_futex, "futex"},
                 {SYS_read, "read"},
                 {SYS_write, "write"},
                 {SYS_sendto, "sendto"},
                 {SYS_recvfrom, "recvfrom"},
                 {SYS_sendmsg, "sendmsg"},
                 {SYS_recvmsg, "recvmsg"},
                 {SYS_sched_yield, "sched_yield"},
                 {SYS_mmap, "mmap"},
                 {SYS_munmap, "munmap"},
                 {SYS_madvise, "madvise"},
                 {SYS_mprotect, "mprotect"},
                 {SYS_membarrier, "membarrier"},
                 {SYS_restart_syscall, "restart_syscall"}};
    static char text[32];

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].number == (long) number)
            return known[i].name;
    snprintf(text, sizeof text, "number %u", number);
    return text;
}
