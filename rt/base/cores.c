#include "rt/base/cores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cores_has(const cpu_set_t *set, int core)
{
    return core >= 0 && core < CPU_SETSIZE && CPU_ISSET((size_t) core, set);
}

bool cores_parse(const char *list, cpu_set_t *set)
{
    char *end;

    CPU_ZERO(set);
    while (*list && *list != '\n') {
        long first = strtol(list, &end, 10), last = first;

        if (end == list)
            return false;
        if (*end == '-') {
            list = end + 1;
            last = strtol(list, &end, 10);
            if (end == list)
                return false;
        }
        if (first < 0 || last < first || last >= CPU_SETSIZE)
            return false;
        for (long core = first; core <= last; core++)
            CPU_SET((size_t) core, set);
        if (*end != ',' && *end != '\0' && *end != '\n')
            return false;
        list = *end == ',' ? end + 1 : end;
    }
    return true;
}

void cores_print(const cpu_set_t *set, char *list, size_t size)
{
    size_t used = 0;

    list[0] = '\0';
    for (int core = 0; core < CPU_SETSIZE; core++) {
        int last = core;
        char part[32];

        if (!cores_has(set, core))
            continue;
        while (cores_has(set, last + 1))
            last++;
        if (last > core)
            snprintf(part, sizeof part, "%s%d-%d", used ? "," : "", core, last);
        else
            snprintf(part, sizeof part, "%s%d", used ? "," : "", core);
        if (used + strlen(part) >= size)
            return;
        strcpy(list + used, part);
        used += strlen(part);
        core = last;
    }
}

static void read_set(const char *path, cpu_set_t *set)
{
    char line[4096];
    FILE *file = fopen(path, "re");

    CPU_ZERO(set);
    if (!file)
        return;
    if (fgets(line, sizeof line, file))
        (void) cores_parse(line, set);
    fclose(file);
}

void cores_read(struct cores *cores)
{
    read_set("/sys/devices/system/cpu/online", &cores->online);
    read_set("/sys/devices/system/cpu/isolated", &cores->isolated);
    if (sched_getaffinity(0, sizeof cores->inherited, &cores->inherited) != 0)
        CPU_ZERO(&cores->inherited);
}

static int last_of(const cpu_set_t *set)
{
    for (int core = CPU_SETSIZE - 1; core >= 0; core--)
        if (cores_has(set, core))
            return core;
    return -1;
}

int cores_choose(const struct cores *cores, int wanted)
{
    cpu_set_t free_ones;
    int core;

    if (wanted >= 0)
        return wanted;
    CPU_AND(&free_ones, &cores->isolated, &cores->online);
    core = last_of(&free_ones);
    return core >= 0 ? core : last_of(&cores->inherited);
}
