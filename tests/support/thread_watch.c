#include "tests/support/thread_watch.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* <linux/ptrace.h> cannot be included beside <sys/ptrace.h>. */
#define GET_SYSCALL_INFO ((enum __ptrace_request) 0x420e)
struct syscall_info {
    uint8_t op;
    uint8_t pad[3];
    uint32_t arch;
    uint64_t instruction_pointer, stack_pointer;
    uint64_t number, args[6], rest[2];
};
enum { SYSCALL_ENTRY = 1 };

static bool read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, size - 1, file) : 0;

    if (file)
        fclose(file);
    text[n] = '\0';
    return n > 0;
}

pid_t thread_find(pid_t process, const char *name)
{
    char path[300], comm[64];
    struct dirent *entry;
    DIR *folder;
    pid_t found = -1;

    snprintf(path, sizeof path, "/proc/%d/task", (int) process);
    folder = opendir(path);
    while (folder && found < 0 && (entry = readdir(folder))) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int) process, entry->d_name);
        if (read_file(path, comm, sizeof comm) && strcspn(comm, "\n") == strlen(name) &&
            strncmp(comm, name, strlen(name)) == 0)
            found = atoi(entry->d_name);
    }
    if (folder)
        closedir(folder);
    return found;
}

int thread_read_counts(pid_t process, pid_t thread, struct thread_counts *counts)
{
    char path[100], text[8192];
    const char *at;

    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int) process, (int) thread);
    /* Behind the name: state, five ids, flags, minflt, cminflt, majflt. */
    if (!read_file(path, text, sizeof text) || !(at = strrchr(text, ')')) ||
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", &counts->minor_faults,
               &counts->major_faults) != 2)
        return -1;
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int) process, (int) thread);
    if (!read_file(path, text, sizeof text) ||
        !(at = strstr(text, "\nvoluntary_ctxt_switches:")) ||
        sscanf(at + 1, "voluntary_ctxt_switches: %lu", &counts->voluntary_switches) != 1)
        return -1;
    return 0;
}

static bool stopped(pid_t thread)
{
    int status;

    return waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status);
}

static bool next_stop(pid_t thread)
{
    return ptrace(PTRACE_SYSCALL, thread, NULL, NULL) == 0 && stopped(thread);
}

int thread_count_syscalls(pid_t thread, unsigned n, unsigned count[SYSCALL_NUMBERS])
{
    struct syscall_info info;
    bool running = ptrace(PTRACE_SEIZE, thread, NULL, (void *) PTRACE_O_TRACESYSGOOD) == 0 &&
                   ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0 && stopped(thread);

    while (n > 0 && running) {
        running = next_stop(thread);
        if (!running || ptrace(GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0 ||
            info.op != SYSCALL_ENTRY || info.number >= SYSCALL_NUMBERS)
            continue;
        count[info.number]++;
        n--;
    }
    if (running)
        ptrace(PTRACE_DETACH, thread, NULL, NULL);
    return n == 0 ? 0 : -1;
}
