#include "rt/base/rivals.h"

#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
    struct rivals *found;
    int core, priority;
    const char *except;
};

/* Fields of /proc/.../stat behind the name, counted from the parent's id, which is 1. */
enum { FIELD_FLAGS = 6, FIELD_PRIORITY = 37, FIELD_POLICY = 38, N_FIELD = 39 };

static const unsigned long FLAG_KERNEL_THREAD = 0x00200000UL;

static bool read_stat(const char *process, const char *thread, char *line, int size)
{
    char path[80];
    FILE *file;
    bool ok;

    snprintf(path, sizeof path, "/proc/%.16s/task/%.16s/stat", process, thread);
    file = fopen(path, "re");
    ok = file && fgets(line, size, file);
    if (file)
        fclose(file);
    return ok;
}

static bool is_rival(const struct search *search, const char *behind_name, int thread)
{
    const char *at = behind_name + 3; /* ") S" */
    unsigned long field[N_FIELD] = {0};
    cpu_set_t set;

    for (int i = 1; i < N_FIELD && *at; i++) {
        char *end;

        field[i] = strtoul(at + 1, &end, 10);
        at = end;
    }
    if (field[FIELD_POLICY] != SCHED_FIFO && field[FIELD_POLICY] != SCHED_RR)
        return false;
    if ((field[FIELD_FLAGS] & FLAG_KERNEL_THREAD) ||
        field[FIELD_PRIORITY] < (unsigned long) search->priority)
        return false;
    return sched_getaffinity(thread, sizeof set, &set) == 0 && search->core >= 0 &&
           CPU_ISSET((size_t) search->core, &set);
}

static void look_at_thread(const struct search *search, const char *process, const char *thread)
{
    struct rivals *found = search->found;
    size_t used = strlen(found->names);
    char line[1024], *name, *end;

    if (!read_stat(process, thread, line, sizeof line))
        return;
    name = strchr(line, '(');
    end = strrchr(line, ')');
    if (!name || !end || strlen(end) < 4 ||
        !is_rival(search, end, (int) strtol(thread, NULL, 10)))
        return;
    *end = '\0';
    if (search->except && strcmp(name + 1, search->except) == 0)
        return;
    found->n++;
    if (used + 40 < sizeof found->names)
        snprintf(found->names + used, sizeof found->names - used, "%s%.16s (%.10s)",
                 used ? ", " : "", name + 1, thread);
}

static void look_at_process(const struct search *search, const char *process)
{
    char path[64];
    DIR *tasks;

    snprintf(path, sizeof path, "/proc/%.16s/task", process);
    tasks = opendir(path);
    for (struct dirent *entry; tasks && (entry = readdir(tasks));)
        if (entry->d_name[0] != '.')
            look_at_thread(search, process, entry->d_name);
    if (tasks)
        closedir(tasks);
}

void rivals_find(struct rivals *rivals, int core, int priority, const char *except)
{
    const struct search search = {rivals, core, priority, except};
    DIR *proc = opendir("/proc");

    *rivals = (struct rivals){.n = 0};
    for (struct dirent *entry; proc && (entry = readdir(proc));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            (except || strtol(entry->d_name, NULL, 10) != getpid()))
            look_at_process(&search, entry->d_name);
    if (proc)
        closedir(proc);
}
