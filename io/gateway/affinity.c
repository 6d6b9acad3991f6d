#include "io/gateway/affinity.h"

#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t affinity_configured_core(const struct cfg *cfg)
{
    if (cfg->loop_core >= 0) {
        return (uint64_t) cfg->loop_core;
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint64_t) n - 1 : 0;
}

static void avoid(pid_t thread, uint64_t core)
{
    cpu_set_t set;
    if (sched_getaffinity(thread, sizeof set, &set) || !CPU_ISSET(core, &set) ||
        CPU_COUNT(&set) < 2) {
        return;
    }
    CPU_CLR(core, &set);
    sched_setaffinity(thread, sizeof set, &set);
}

void affinity_avoid_core(uint64_t core)
{
    DIR *tasks = core < CPU_SETSIZE ? opendir("/proc/self/task") : NULL;
    if (!tasks) {
        return;
    }
    for (struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
        int thread = atoi(entry->d_name);
        if (thread > 0) {
            avoid(thread, core);
        }
    }
    closedir(tasks);
}
