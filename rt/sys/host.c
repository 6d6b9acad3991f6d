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
#include <sys/utsname.h>
#include <unistd.h>

#include "rt/base/cores.h"

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

/* -1 also where the kernel has no throttling at all. Scaled to a period of one second. */
static int64_t read_rt_runtime_us(void)
{
    char runtime[32], period[32];
    long period_us;

    if (!read_line("/proc/sys/kernel/sched_rt_runtime_us", runtime, sizeof runtime) ||
        !read_line("/proc/sys/kernel/sched_rt_period_us", period, sizeof period))
        return -1;
    period_us = strtol(period, NULL, 10);
    if (strtol(runtime, NULL, 10) < 0 || period_us <= 0)
        return -1;
    return strtol(runtime, NULL, 10) * 1000000L / period_us;
}

/* Kernels before 6.12 have none: 0. */
static int64_t read_fair_server_ns(int core)
{
    char path[80], line[32];
    struct utsname name;
    int major = 0, minor = 0;

    if (uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
        (major < 6 || (major == 6 && minor < 12)))
        return 0;
    snprintf(path, sizeof path, "/sys/kernel/debug/sched/fair_server/cpu%d/runtime", core);
    return read_line(path, line, sizeof line) ? strtoll(line, NULL, 10) : -1;
}

/* tsc-early is the same counter during the first seconds after boot, before it is refined. */
static bool clock_is_fast(void)
{
    char line[64];

    return read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", line,
                     sizeof line) &&
           (strcmp(line, "tsc") == 0 || strcmp(line, "tsc-early") == 0 ||
            strcmp(line, "arch_sys_counter") == 0);
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
    grant->rt_runtime_us = read_rt_runtime_us();
    grant->clock_is_fast = clock_is_fast();
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

/* Left to itself, it falls back to a processor that it inherited where a cpuset keeps it from
 * the isolated ones. */
static int pin_wanted(const struct cores *cores, int wanted)
{
    int core = pin(cores_choose(cores, wanted));
    struct cores shared = *cores;

    if (core >= 0 || wanted >= 0)
        return core;
    CPU_ZERO(&shared.isolated);
    return pin(cores_choose(&shared, wanted));
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
    struct cores cores;

    cores_read(&cores);
    grant->core = pin_wanted(&cores, wish->core);
    grant->priority = take_priority(wish->priority);
    grant->core_isolated = cores_has(&cores.isolated, grant->core);
    grant->fair_server_ns = read_fair_server_ns(grant->core);
    rivals_find(&grant->rivals, grant->core, wish->priority > 0 ? wish->priority : 1, NULL);
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

/* A loop that sleeps leaves 20 % of each period idle, which is more than these two want. */
enum { ENOUGH_RT_RUNTIME_US = 850000 };

static bool is_throttled(const struct host_grant *grant, const struct host_wish *wish)
{
    return grant->rt_runtime_us >= 0 &&
           (wish->spin || grant->rt_runtime_us < ENOUGH_RT_RUNTIME_US);
}

struct check {
    bool missing;
    const char *what;
};

static size_t list_missing(const struct check *checks, size_t n_check, const char *title,
                           char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < n_check; i++) {
        int n;

        if (!checks[i].missing)
            continue;
        n = snprintf(text + used, size - used, "%s%s", used ? "; " : title, checks[i].what);
        if (n > 0)
            used += (size_t) n < size - used ? (size_t) n : size - used - 1;
    }
    return used;
}

/* A fair server of unknown budget does not refuse: the verdict tells it. */
bool host_allows_spin(const struct host_grant *grant, char *why, size_t size)
{
    const struct check checks[] = {
        {grant->core < 0, "the loop is not pinned: loop.core is not allowed"},
        {grant->core >= 0 && !grant->core_isolated,
         "the loop's processor is not isolated: boot with isolcpus"},
        {grant->rt_runtime_us >= 0,
         "real-time threads are throttled: sysctl kernel.sched_rt_runtime_us=-1"},
        {grant->fair_server_ns > 0,
         "the fair server stops it: write 0 to its runtime for this processor (debugfs "
         "sched/fair_server)"},
    };

    return list_missing(checks, sizeof checks / sizeof checks[0], "", why, size) == 0;
}

bool host_verdict(const struct host_grant *grant, const struct host_wish *wish, char *text,
                  size_t size)
{
    char rivals[sizeof grant->rivals.names + 100];
    const struct check checks[] = {
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
        {is_throttled(grant, wish),
         "real-time threads are throttled: sysctl kernel.sched_rt_runtime_us=-1"},
        {wish->spin && grant->fair_server_ns != 0,
         "the fair server may stop a spinning loop: write 0 to its runtime for this processor "
         "(debugfs sched/fair_server), or use loop.timer hybrid"},
        {!grant->clock_is_fast,
         "the clock is read by a system call: boot with clocksource=tsc tsc=reliable"},
        {grant->rivals.n > 0, rivals},
    };

    snprintf(rivals, sizeof rivals,
             "other real-time threads on the loop's processor, %s: give them another one",
             grant->rivals.names);
    if (list_missing(checks, sizeof checks / sizeof checks[0], "degraded: ", text, size) > 0)
        return false;
    snprintf(text, size, "real-time");
    return true;
}
