#include "rt/sys/host.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    bool ok = file && fgets(line, (int) size, file);

    if (file)
        fclose(file);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

static bool kernel_is_preempt_rt(void)
{
    char line[16];

    return read_line("/sys/kernel/realtime", line, sizeof line) && line[0] == '1';
}

/* Reads a list such as "1,3-5". */
static bool list_has(const char *list, int core)
{
    char *end;

    while (*list) {
        long first = strtol(list, &end, 10), last = first;

        if (end == list)
            return false;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        if (core >= first && core <= last)
            return true;
        list = *end == ',' ? end + 1 : end;
    }
    return false;
}

static bool core_is_isolated(int core)
{
    char line[256];

    return core >= 0 && read_line("/sys/devices/system/cpu/isolated", line, sizeof line) &&
           list_has(line, core);
}

static bool throttling_is_off(void)
{
    char line[32];

    return read_line("/proc/sys/kernel/sched_rt_runtime_us", line, sizeof line) &&
           strtol(line, NULL, 10) < 0;
}

static void hold_dma_latency(struct host_grant *grant)
{
    int32_t target_us = 0;

    grant->dma_latency_fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
    grant->dma_latency_held =
        grant->dma_latency_fd >= 0 &&
        write(grant->dma_latency_fd, &target_us, sizeof target_us) == sizeof target_us;
}

void host_lock_memory(struct host_grant *grant)
{
    /* The allocator gives nothing back and never maps piecemeal: no later fault, no shootdown.
     */
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_MMAP_MAX, 0);
    grant->memory_locked = mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
    hold_dma_latency(grant);
    grant->preempt_rt = kernel_is_preempt_rt();
    grant->throttling_off = throttling_is_off();
}

static int last_core(void)
{
    cpu_set_t set;
    int last = -1;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return -1;
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET((unsigned) core, &set))
            last = core;
    return last;
}

static int pin(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    if (core < 0 || core >= CPU_SETSIZE)
        return -1;
    CPU_SET((unsigned) core, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
        return -1;
    CPU_ZERO(&set);
    pthread_getaffinity_np(pthread_self(), sizeof set, &set);
    return CPU_COUNT(&set) == 1 && CPU_ISSET((unsigned) core, &set) ? core : -1;
}

static int take_priority(int priority)
{
    struct sched_param param = {.sched_priority = priority};
    int policy;

    if (priority == 0)
        return 0;
    (void) pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
    if (pthread_getschedparam(pthread_self(), &policy, &param) != 0 || policy != SCHED_FIFO)
        return 0;
    return param.sched_priority;
}

static void prefault_stack(void)
{
    volatile char stack[256 * 1024];

    for (size_t i = 0; i < sizeof stack; i += 4096)
        stack[i] = 0;
}

void host_enter_loop(struct host_grant *grant, const struct host_wish *wish)
{
    grant->core = pin(wish->core >= 0 ? wish->core : last_core());
    grant->priority = take_priority(wish->priority);
    grant->core_isolated = core_is_isolated(grant->core);
    prctl(PR_SET_TIMERSLACK, 1UL);
    prefault_stack();
}

void host_leave_core(int loop_core)
{
    cpu_set_t set;

    if (loop_core < 0 || sched_getaffinity(0, sizeof set, &set) != 0)
        return;
    CPU_CLR((unsigned) loop_core, &set);
    if (CPU_COUNT(&set) > 0)
        (void) sched_setaffinity(0, sizeof set, &set);
}

bool host_verdict(const struct host_grant *grant, const struct host_wish *wish, char *text,
                  size_t size)
{
    struct {
        bool missing;
        const char *what;
    } const checks[] = {
        {!grant->preempt_rt, "the kernel is not PREEMPT_RT: boot an rt kernel"},
        {wish->priority > 0 && grant->priority != wish->priority,
         "no SCHED_FIFO: give CAP_SYS_NICE or an rtprio limit"},
        {wish->priority == 0, "no SCHED_FIFO: loop.priority is 0"},
        {grant->core < 0, "not pinned: the processor of loop.core is not allowed"},
        {grant->core >= 0 && !grant->core_isolated,
         "the loop's processor is not isolated: boot with isolcpus"},
        {!grant->memory_locked,
         "memory not locked: give CAP_IPC_LOCK or raise the memlock limit"},
        {!grant->dma_latency_held,
         "cpu_dma_latency not held: allow writing /dev/cpu_dma_latency"},
    };
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        int n;

        if (!checks[i].missing)
            continue;
        n = snprintf(text + used, size - used, "%s%s",
                     used ? "; " : "degraded: ", checks[i].what);
        used += n > 0 && (size_t) n < size - used ? (size_t) n : 0;
    }
    if (used == 0)
        snprintf(text, size, "real-time");
    return used == 0;
}
