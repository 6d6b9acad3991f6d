#include "bench/bench.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "rt/loop/matvec.h"

enum { LINE_SIZE = 512 };

/* First line of a file under /proc or /sys, or null. */
static json_t *file_line(const char *path)
{
    char line[LINE_SIZE] = "";
    FILE *file = fopen(path, "r");

    if (!file)
        return json_null();
    bool read = fgets(line, sizeof(line), file) != NULL;

    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return read ? json_string(line) : json_string("");
}

/* Value of a "name : value" line of /proc/cpuinfo, or null. */
static json_t *cpu_info(const char *name)
{
    char line[LINE_SIZE * 8];
    FILE *file = fopen("/proc/cpuinfo", "r");
    json_t *value = NULL;

    if (!file)
        return json_null();
    while (!value && fgets(line, sizeof(line), file)) {
        char *colon = strchr(line, ':');

        line[strcspn(line, "\n")] = '\0';
        if (colon && strncmp(line, name, strlen(name)) == 0)
            value = json_string(colon[1] ? colon + 2 : "");
    }
    fclose(file);
    return value ? value : json_null();
}

static bool cpu_is_virtual(void)
{
    json_t *flags = cpu_info("flags");
    bool found = json_is_string(flags) && strstr(json_string_value(flags), " hypervisor");

    json_decref(flags);
    return found;
}

static bool kernel_is_preempt_rt(const struct utsname *kernel)
{
    json_t *flag = file_line("/sys/kernel/realtime");
    bool set = json_is_string(flag) && strcmp(json_string_value(flag), "1") == 0;

    json_decref(flag);
    return set || strstr(kernel->version, "PREEMPT_RT") != NULL;
}

static void describe_kernel(json_t *host)
{
    struct utsname kernel;

    uname(&kernel);
    json_object_set_new(host, "kernel", json_string(kernel.release));
    json_object_set_new(host, "kernel_version", json_string(kernel.version));
    json_object_set_new(host, "preempt_rt", json_boolean(kernel_is_preempt_rt(&kernel)));
    json_object_set_new(host, "clocksource",
                        file_line("/sys/devices/system/clocksource/clocksource0/"
                                  "current_clocksource"));
    json_object_set_new(host, "governor",
                        file_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    json_object_set_new(host, "cpuidle_governor",
                        file_line("/sys/devices/system/cpu/cpuidle/current_governor"));
    json_object_set_new(host, "rt_runtime_us",
                        file_line("/proc/sys/kernel/sched_rt_runtime_us"));
    json_object_set_new(host, "isolated_cpus", file_line("/sys/devices/system/cpu/isolated"));
    json_object_set_new(host, "nohz_full_cpus", file_line("/sys/devices/system/cpu/nohz_full"));
}

json_t *bench_host(void)
{
    json_t *host = json_object();

    json_object_set_new(host, "cpu", cpu_info("model name"));
    json_object_set_new(host, "cpu_family", cpu_info("cpu family"));
    json_object_set_new(host, "cpu_model", cpu_info("model\t"));
    json_object_set_new(host, "n_cpu", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_object_set_new(host, "l1d_b", json_integer(sysconf(_SC_LEVEL1_DCACHE_SIZE)));
    json_object_set_new(host, "l2_b", json_integer(sysconf(_SC_LEVEL2_CACHE_SIZE)));
    json_object_set_new(host, "l3_b", json_integer(sysconf(_SC_LEVEL3_CACHE_SIZE)));
    json_object_set_new(host, "virtual", json_boolean(cpu_is_virtual()));
    describe_kernel(host);
    json_object_set_new(host, "compiler", json_string(ORBIT_BENCH_COMPILER));
    json_object_set_new(host, "flags", json_string(ORBIT_BENCH_FLAGS));
    json_object_set_new(host, "openblas", json_string(openblas_get_config()));
    json_object_set_new(host, "openblas_core", json_string(openblas_get_corename()));
    json_object_set_new(host, "matvec_variant",
                        json_string(matvec_variant_name(matvec_variant())));
    json_object_set_new(host, "load_average", file_line("/proc/loadavg"));
    return host;
}

/* The fields of the "cpu" line of /proc/stat (proc_pid_stat(5)): user nice system idle iowait
 * irq softirq steal. */
void cpu_time_read(struct cpu_time *now)
{
    double t[8] = {0};
    FILE *file = fopen("/proc/stat", "r");

    if (file) {
        if (fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3],
                   &t[4], &t[5], &t[6], &t[7]) != 8)
            memset(t, 0, sizeof(t));
        fclose(file);
    }
    *now = (struct cpu_time){.busy = t[0] + t[1] + t[2] + t[5] + t[6], .steal = t[7]};
    now->total = now->busy + now->steal + t[3] + t[4];
}

json_t *cpu_time_shares(const struct cpu_time *from, const struct cpu_time *to)
{
    double total = to->total - from->total;

    if (total <= 0)
        return json_null();
    return json_pack("{s:f, s:f}", "busy", (to->busy - from->busy) / total, "steal",
                     (to->steal - from->steal) / total);
}
