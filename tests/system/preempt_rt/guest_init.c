/* The first process of the guest that run.sh boots: starts orbitd there, watches it run, stops
 * it, and prints what it saw as lines "RESULT name=value" on the serial console. */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "rt/shm/client.h"

enum { N_WARM_CYCLES = 200, N_CYCLES = 1000, PATIENCE_S = 90 };

static void mount_all(void)
{
    (void) mount("proc", "/proc", "proc", 0, NULL);
    (void) mount("sys", "/sys", "sysfs", 0, NULL);
    (void) mount("dev", "/dev", "devtmpfs", 0, NULL);
    (void) mount("run", "/run", "tmpfs", 0, NULL);
}

static void unlimit_real_time(void)
{
    FILE *file = fopen("/proc/sys/kernel/sched_rt_runtime_us", "w");

    if (!file)
        return;
    fputs("-1\n", file);
    fclose(file);
}

static pid_t start_orbitd(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/orbitd", "orbitd", "--config", "/etc/guest.yaml", (char *) NULL);
        _exit(127);
    }
    return pid;
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == pid;
}

static struct client *connect_to(const char *socket_path, pid_t orbitd)
{
    const int64_t give_up_ns = clock_mono_ns() + PATIENCE_S * NS_PER_S;
    struct client *client = NULL;

    while (client_open(&client, socket_path, ROLE_OBSERVER, "guest", 0) != RC_OK) {
        if (has_ended(orbitd) || clock_mono_ns() > give_up_ns)
            return NULL;
        pause_briefly();
    }
    return client;
}

static uint64_t await_cycles(struct client *client, uint64_t n_cycles)
{
    const int64_t give_up_ns = clock_mono_ns() + PATIENCE_S * NS_PER_S;
    const uint64_t *cycles = &client_status(client)->counter[COUNTER_CYCLES];

    while (status_load(cycles) < n_cycles && client_alive(client) &&
           clock_mono_ns() < give_up_ns)
        pause_briefly();
    return status_load(cycles);
}

/* The thread of orbitd that runs under SCHED_FIFO; 0: none. */
static pid_t find_loop_thread(pid_t orbitd)
{
    char path[64];
    pid_t found = 0;
    DIR *tasks;

    snprintf(path, sizeof path, "/proc/%d/task", (int) orbitd);
    tasks = opendir(path);
    for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
        pid_t thread = (pid_t) strtol(entry->d_name, NULL, 10);

        if (thread > 0 && sched_getscheduler(thread) == SCHED_FIFO)
            found = thread;
    }
    if (tasks)
        closedir(tasks);
    return found;
}

/* Page faults of a thread since its start; fields 10 and 12 of stat(5). */
static long count_faults(pid_t orbitd, pid_t thread)
{
    char path[64], line[512] = "";
    long minor = -1, major = -1;
    FILE *file;
    const char *at;

    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int) orbitd, (int) thread);
    file = fopen(path, "r");
    at = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (file)
        fclose(file);
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %ld %*u %ld", &minor, &major) != 2)
        return -1;
    return minor + major;
}

static long read_locked_kib(pid_t orbitd)
{
    char path[64], line[256];
    long locked_kib = -1;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int) orbitd);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmLck: %ld", &locked_kib) == 1)
            break;
    if (file)
        fclose(file);
    return locked_kib;
}

static void report_rights(pid_t orbitd, struct client *client)
{
    pid_t loop = find_loop_thread(orbitd);
    cpu_set_t set;

    CPU_ZERO(&set);
    if (loop > 0)
        (void) sched_getaffinity(loop, sizeof set, &set);
    printf("RESULT fifo_priority=%llu\n",
           (unsigned long long) status_load(&client_status(client)->loop_priority));
    printf("RESULT fifo_thread=%d\n", loop > 0);
    printf("RESULT only_core_1=%d\n", CPU_COUNT(&set) == 1 && CPU_ISSET(1, &set));
    printf("RESULT memory_locked=%d\n", read_locked_kib(orbitd) > 8192);
}

static void watch(pid_t orbitd, struct client *client)
{
    static struct text_block text;
    pid_t loop = find_loop_thread(orbitd);
    long faults;

    (void) await_cycles(client, N_WARM_CYCLES);
    faults = count_faults(orbitd, loop);
    printf("RESULT cycles_ran=%d\n", await_cycles(client, N_CYCLES) >= N_CYCLES);
    printf("RESULT faults=%ld\n", count_faults(orbitd, loop) - faults);
    if (client_read_text(client, &text))
        printf("RESULT verdict=%s\n", text.verdict);
    printf("RESULT verdict_code=%llu\n",
           (unsigned long long) status_load(&client_status(client)->verdict));
    report_rights(orbitd, client);
}

static void stop(pid_t orbitd)
{
    int status = 0;

    kill(orbitd, SIGTERM);
    waitpid(orbitd, &status, 0);
    printf("RESULT exit_code=%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    printf("RESULT signal=%d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(void)
{
    struct utsname name;
    struct client *client;
    pid_t orbitd;

    mount_all();
    unlimit_real_time();
    uname(&name);
    printf("\nRESULT preempt_rt=%d\nguest: %s %s\n", strstr(name.version, "PREEMPT_RT") != NULL,
           name.release, name.version);
    fflush(stdout);
    orbitd = start_orbitd();
    client = connect_to("/run/orbitd/guest.sock", orbitd);
    printf("RESULT connected=%d\n", client != NULL);
    if (client)
        watch(orbitd, client);
    stop(orbitd);
    client_close(client);
    printf("RESULT end=1\n");
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    return EXIT_FAILURE;
}
