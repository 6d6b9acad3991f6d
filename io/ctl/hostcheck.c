#include "io/ctl/hostcheck.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "rt/base/attr.h"
#include "rt/base/cores.h"
#include "rt/base/rivals.h"

enum { LINE = 256 };

/* ---- reading ------------------------------------------------------------------------- */

static PRINTF_LIKE(3, 4) bool read_line(char *line, size_t size, const char *format, ...)
{
    char path[LINE];
    va_list args;
    FILE *file;
    bool ok;

    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    file = fopen(path, "re");
    ok = file && fgets(line, (int) size, file);
    if (file)
        fclose(file);
    line[ok ? strcspn(line, "\n") : 0] = '\0';
    return ok;
}

/* ---- findings ------------------------------------------------------------------------ */

static PRINTF_LIKE(3, 4) void set_found(struct finding *f, enum fitness fitness,
                                        const char *format, ...)
{
    va_list args;

    f->fitness = fitness;
    va_start(args, format);
    vsnprintf(f->found, sizeof f->found, format, args);
    va_end(args);
}

static PRINTF_LIKE(2, 3) void set_remedy(struct finding *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(f->remedy, sizeof f->remedy, format, args);
    va_end(args);
}

static void check_kernel(struct finding *f, const struct host_needs *needs, int core)
{
    char line[LINE];
    struct utsname name;
    bool is_rt = read_line(line, sizeof line, "/sys/kernel/realtime") && line[0] == '1';

    (void) needs, (void) core;
    uname(&name);
    set_found(f, is_rt ? FITNESS_OK : FITNESS_DEGRADED, "%.60s%s", name.release,
              is_rt ? ", PREEMPT_RT" : ", not PREEMPT_RT");
    if (!is_rt)
        set_remedy(f, "install and boot a PREEMPT_RT kernel (Debian: linux-image-rt-amd64)");
}

static void check_virtual(struct finding *f, const struct host_needs *needs, int core)
{
    char line[8192];
    bool is_guest = false;
    FILE *file = fopen("/proc/cpuinfo", "re");

    (void) needs, (void) core;
    while (file && fgets(line, sizeof line, file))
        is_guest |= strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
    if (file)
        fclose(file);
    set_found(f, is_guest ? FITNESS_DEGRADED : FITNESS_OK,
              is_guest ? "a virtual machine" : "bare metal");
    if (is_guest)
        set_remedy(f, "its host may stop it for milliseconds at any time: use bare metal");
}

/* What is permitted shows only when it is asked for: a thread of its own tries. */
static void *try_core(void *argument)
{
    int *core = argument;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t) *core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        *core = -1;
    return NULL;
}

static bool core_is_permitted(int core)
{
    pthread_t thread;

    if (core < 0 || core >= CPU_SETSIZE || pthread_create(&thread, NULL, try_core, &core) != 0)
        return false;
    pthread_join(thread, NULL);
    return core >= 0;
}

static void check_processor(struct finding *f, const struct host_needs *needs, int core)
{
    struct cores cores;
    char online[80];
    int n;

    cores_read(&cores);
    cores_print(&cores.online, online, sizeof online);
    n = CPU_COUNT(&cores.online);
    if (!cores_has(&cores.online, core)) {
        set_found(f, FITNESS_BAD, "processor %d is not online; online are %s", core, online);
        set_remedy(f, "set loop.core to one of these, or to -1");
    } else if (!core_is_permitted(core)) {
        set_found(f, FITNESS_BAD, "processor %d is online, but this process may not run there",
                  core);
        set_remedy(f, "allow it in the cpuset (systemd: AllowedCPUs=), or change loop.core");
    } else {
        set_found(f, n > 1 ? FITNESS_OK : FITNESS_DEGRADED, "%d of %s%s", core, online,
                  needs->core < 0 ? ", chosen by loop.core -1" : "");
        if (n < 2)
            set_remedy(f, "give the host a second processor");
    }
}

/* All online processors but one, as the kernel wants it in irqaffinity. */
static void list_others(int core, char *list, size_t size)
{
    struct cores cores;

    cores_read(&cores);
    if (cores_has(&cores.online, core))
        CPU_CLR((size_t) core, &cores.online);
    cores_print(&cores.online, list, size);
}

static void check_isolation(struct finding *f, const struct host_needs *needs, int core)
{
    char isolated[80], others[80];
    struct cores cores;
    bool good;

    (void) needs;
    cores_read(&cores);
    good = cores_has(&cores.isolated, core);
    cores_print(&cores.isolated, isolated, sizeof isolated);
    list_others(core, others, sizeof others);
    set_found(f, good ? FITNESS_OK : FITNESS_DEGRADED, "isolated processors: %s",
              isolated[0] ? isolated : "none");
    if (!good && others[0])
        set_remedy(f, "boot with isolcpus=managed_irq,domain,%d rcu_nocbs=%d irqaffinity=%s",
                   core, core, others);
    else if (!good)
        set_remedy(f, "the only processor cannot be isolated: give the host a second one");
}

/* Interrupts that may fire on the loop's processor, of those that a driver asked for. */
static unsigned count_interrupts(int core, char *names, size_t size)
{
    DIR *folder = opendir("/proc/irq");
    unsigned n = 0;

    names[0] = '\0';
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char line[LINE];
        size_t used = strlen(names);
        cpu_set_t set;

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
            !read_line(line, sizeof line, "/proc/irq/%.16s/effective_affinity_list",
                       entry->d_name) ||
            !cores_parse(line, &set) || !cores_has(&set, core))
            continue;
        n++;
        if (used + 20 < size)
            snprintf(names + used, size - used, "%s%.16s", used ? "," : "", entry->d_name);
    }
    if (folder)
        closedir(folder);
    return n;
}

static void check_interrupts(struct finding *f, const struct host_needs *needs, int core)
{
    char names[100];
    unsigned n = count_interrupts(core, names, sizeof names);

    (void) needs;
    if (n == 0) {
        set_found(f, FITNESS_OK, "none on processor %d", core);
        return;
    }
    set_found(f, FITNESS_DEGRADED, "%u on processor %d: %s", n, core, names);
    set_remedy(f,
               "tune-host.sh --core %d --apply, and stop irqbalance or ban the processor there",
               core);
}

static void check_tick(struct finding *f, const struct host_needs *needs, int core)
{
    char line[LINE];
    cpu_set_t set;
    bool quiet;

    (void) needs;
    (void) read_line(line, sizeof line, "/sys/devices/system/cpu/nohz_full");
    quiet = cores_parse(line, &set) && cores_has(&set, core);
    set_found(f, quiet ? FITNESS_OK : FITNESS_DEGRADED, "processors without tick: %.120s",
              line[0] && line[0] != '(' ? line : "none");
    if (!quiet)
        set_remedy(f, "boot with nohz_full=%d, if the kernel has NO_HZ_FULL", core);
}

static void check_throttling(struct finding *f, const struct host_needs *needs, int core)
{
    char line[LINE];
    long runtime_us;

    (void) core;
    if (!read_line(line, sizeof line, "/proc/sys/kernel/sched_rt_runtime_us")) {
        set_found(f, FITNESS_OK, "this kernel has none");
        return;
    }
    runtime_us = strtol(line, NULL, 10);
    if (runtime_us < 0)
        set_found(f, FITNESS_OK, "off");
    else if (runtime_us >= 850000 && !needs->spin)
        set_found(f, FITNESS_OK, "%ld us of each s, enough: the timer leaves 20 %% idle",
                  runtime_us);
    else
        set_found(f, FITNESS_BAD, "%ld us of each s for real-time threads%s", runtime_us,
                  needs->spin ? ", and loop.timer is spin" : "");
    if (f->fitness != FITNESS_OK)
        set_remedy(f, "sysctl kernel.sched_rt_runtime_us=-1");
}

static void check_fair_server(struct finding *f, const struct host_needs *needs, int core)
{
    char line[LINE];
    struct utsname name;
    int major = 0, minor = 0;

    if (!needs->spin) {
        set_found(f, FITNESS_OK, "no matter: the timer leaves 20 %% of each period idle");
        return;
    }
    uname(&name);
    if (sscanf(name.release, "%d.%d", &major, &minor) == 2 && major * 1000 + minor < 6012) {
        set_found(f, FITNESS_OK, "this kernel has none");
        return;
    }
    if (!read_line(line, sizeof line, "/sys/kernel/debug/sched/fair_server/cpu%d/runtime",
                   core))
        set_found(f, FITNESS_DEGRADED, "not known: debugfs is not readable");
    else
        set_found(f, strtol(line, NULL, 10) ? FITNESS_DEGRADED : FITNESS_OK,
                  "%.20s ns of each s for ordinary tasks that wait on processor %d", line,
                  core);
    if (f->fitness != FITNESS_OK)
        set_remedy(
            f,
            "as root: echo 0 > /sys/kernel/debug/sched/fair_server/cpu%d/runtime, or keep "
            "other tasks off that processor",
            core);
}

static void check_clock(struct finding *f, const struct host_needs *needs, int core)
{
    char line[LINE];
    bool good;

    (void) needs, (void) core;
    (void) read_line(line, sizeof line,
                     "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    good = strncmp(line, "tsc", 3) == 0 || strcmp(line, "arch_sys_counter") == 0;
    set_found(f, good ? FITNESS_OK : FITNESS_DEGRADED, "%.40s", line[0] ? line : "not known");
    if (strcmp(line, "hpet") == 0 || strcmp(line, "acpi_pm") == 0)
        f->fitness = FITNESS_BAD; /* a microsecond a reading, and a system call */
    if (!good)
        set_remedy(f,
                   "boot with clocksource=tsc tsc=reliable, if the processor's TSC is sound");
}

static void check_frequency(struct finding *f, const struct host_needs *needs, int core)
{
    char line[LINE];
    bool good;

    (void) needs;
    if (!read_line(line, sizeof line, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor",
                   core)) {
        set_found(f, FITNESS_OK, "the kernel does not scale it");
        return;
    }
    good = strcmp(line, "performance") == 0;
    set_found(f, good ? FITNESS_OK : FITNESS_DEGRADED, "governor %.40s", line);
    if (!good)
        set_remedy(f, "cpupower -c %d frequency-set -g performance", core);
}

static void check_sleep_states(struct finding *f, const struct host_needs *needs, int core)
{
    const int32_t target_us = 0;
    char line[LINE];
    int fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
    bool held = fd >= 0 && write(fd, &target_us, sizeof target_us) == sizeof target_us;
    int reason = errno;

    (void) needs, (void) core;
    if (fd >= 0)
        close(fd);
    (void) read_line(line, sizeof line, "/sys/devices/system/cpu/cpuidle/current_driver");
    if (held) {
        set_found(f, FITNESS_OK, "cpu_dma_latency can be held at 0 (driver %s)",
                  line[0] ? line : "none");
        return;
    }
    set_found(f, FITNESS_DEGRADED, "cpu_dma_latency cannot be held: %s", strerror(reason));
    set_remedy(f, "let this user write /dev/cpu_dma_latency (udev rule), or boot with "
                  "processor.max_cstate=1");
}

/* ---- trying -------------------------------------------------------------------------- */

static void *try_fifo(void *argument)
{
    int *priority = argument;
    struct sched_param param = {.sched_priority = *priority};
    int policy, refused = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);

    if (refused || pthread_getschedparam(pthread_self(), &policy, &param) != 0 ||
        policy != SCHED_FIFO)
        *priority = -refused;
    else
        *priority = param.sched_priority;
    return NULL;
}

static void check_fifo(struct finding *f, const struct host_needs *needs, int core)
{
    int got = needs->priority;
    pthread_t thread;

    (void) core;
    if (needs->priority == 0) {
        set_found(f, FITNESS_DEGRADED, "not asked for: loop.priority is 0");
        set_remedy(f, "set loop.priority, 80 say");
        return;
    }
    if (pthread_create(&thread, NULL, try_fifo, &got) != 0) {
        set_found(f, FITNESS_BAD, "no thread could be started");
        set_remedy(f, "raise the limit on processes (ulimit -u)");
        return;
    }
    pthread_join(thread, NULL);
    if (got == needs->priority) {
        set_found(f, FITNESS_OK, "granted, priority %d", got);
        return;
    }
    set_found(f, FITNESS_DEGRADED, "refused to this user: %s", strerror(-got));
    set_remedy(f,
               "setcap cap_sys_nice,cap_ipc_lock+ep orbitd, or LimitRTPRIO=98; in a cpu cgroup "
               "with RT_GROUP_SCHED also cpu.rt_runtime_us");
}

/* With MLOCK_ONFAULT the limit is checked without touching a page. */
static void check_memory(struct finding *f, const struct host_needs *needs, int core)
{
    void *memory = mmap(NULL, needs->memory_b, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool locked = memory != MAP_FAILED && mlock2(memory, needs->memory_b, MLOCK_ONFAULT) == 0;
    int reason = errno;

    (void) core;
    if (memory != MAP_FAILED)
        munmap(memory, needs->memory_b);
    if (locked) {
        set_found(f, FITNESS_OK, "%" PRIu64 " MiB can be locked", needs->memory_b >> 20);
        return;
    }
    set_found(f, FITNESS_DEGRADED, "%" PRIu64 " MiB cannot be locked: %s",
              needs->memory_b >> 20, strerror(reason));
    set_remedy(f, "setcap cap_sys_nice,cap_ipc_lock+ep orbitd, or LimitMEMLOCK=infinity");
}

/* ---- other threads ------------------------------------------------------------------- */

static void check_foreign(struct finding *f, const struct host_needs *needs, int core)
{
    struct rivals rivals;

    (void) needs;
    rivals_find(&rivals, core, 1, "orbitd");
    if (rivals.n == 0) {
        set_found(f, FITNESS_OK, "none on processor %d", core);
        return;
    }
    set_found(f, FITNESS_DEGRADED, "%u on processor %d: %.119s", rivals.n, core, rivals.names);
    set_remedy(f, "give them other processors (taskset) or a lower priority");
}

static void check_sibling(struct finding *f, const struct host_needs *needs, int core)
{
    char line[LINE], alone[16];
    bool single;

    (void) needs;
    snprintf(alone, sizeof alone, "%d", core);
    single = !read_line(line, sizeof line,
                        "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", core) ||
             strcmp(line, alone) == 0;
    set_found(f, single ? FITNESS_OK : FITNESS_DEGRADED,
              single ? "processor %.16s shares its core with nobody"
                     : "processors %.60s share a core",
              single ? alone : line);
    if (!single)
        set_remedy(f, "switch hyperthreading off, or keep the sibling idle (isolcpus)");
}

/* ---- all ----------------------------------------------------------------------------- */

unsigned hostcheck_run(const struct host_needs *needs, struct finding finding[HOSTCHECK_MAX])
{
    static const struct {
        const char *name, *section;
        void (*check)(struct finding *, const struct host_needs *, int core);
        const char *why;
    } checks[] = {
        {"kernel", "Kernel", check_kernel,
         "a system call or interrupt of anybody may hold the loop up for milliseconds"},
        {"machine", "Machine", check_virtual,
         "the hypervisor takes the processor away and nothing here sees it coming"},
        {"processor", "Processors", check_processor,
         "the loop needs one processor, and everything else another one"},
        {"isolation", "Kernel command line", check_isolation,
         "the scheduler puts other threads on the loop's processor"},
        {"tick", "Kernel command line", check_tick,
         "the timer tick interrupts the loop some hundred times a second"},
        {"interrupts", "Interrupts", check_interrupts,
         "a device's interrupt goes before the loop, whatever its priority"},
        {"siblings", "Hyperthreads", check_sibling,
         "what runs on the sibling takes units and caches from the loop"},
        {"throttling", "Throttling and fair server", check_throttling,
         "the kernel takes the rest of each second from the loop in one piece"},
        {"fair server", "Throttling and fair server", check_fair_server,
         "a loop that never sleeps loses 50 ms of each second to ordinary tasks"},
        {"clock", "Clock", check_clock,
         "each of the cycle's time stamps costs a system call of a microsecond"},
        {"frequency", "Clock rate and sleep states", check_frequency,
         "the clock has to rise before a cycle is as fast as it can be"},
        {"sleep states", "Clock rate and sleep states", check_sleep_states,
         "waking up from a deep state takes up to hundreds of microseconds"},
        {"SCHED_FIFO", "Rights", check_fifo, "every ordinary thread competes with the loop"},
        {"memory lock", "Rights", check_memory,
         "a page that was taken away comes back in a cycle, from disk perhaps"},
        {"other FIFO", "Other real-time threads", check_foreign,
         "a thread of equal or higher priority runs first"},
    };
    unsigned n = sizeof checks / sizeof checks[0];
    struct cores cores;
    int core;

    cores_read(&cores);
    core = cores_choose(&cores, needs->core);

    for (unsigned i = 0; i < n; i++) {
        finding[i] = (struct finding){
            .name = checks[i].name, .section = checks[i].section, .why = checks[i].why};
        checks[i].check(&finding[i], needs, core);
    }
    return n;
}
