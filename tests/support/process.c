#include "tests/support/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rt/base/clock.h"

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

static _Noreturn void become(const char *path, const char *const argv[], const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(path, (char *const *) (const void *) argv);
    _exit(127);
}

pid_t process_start(const char *program, const char *const argv[], const char *log)
{
    char path[512];
    pid_t pid;

    snprintf(path, sizeof path, "%s/%s", getenv("ORBITD_BIN") ? getenv("ORBITD_BIN") : "bin",
             program);
    pid = fork();
    if (pid == 0)
        become(path, argv, log);
    return pid;
}

int process_stop(pid_t pid)
{
    int status;

    if (pid <= 0)
        return -1;
    kill(pid, SIGTERM);
    for (int i = 0; i < 250; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        pause_ms(20);
    }
    kill(pid, SIGKILL);
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static bool matches(const char *entry, pid_t parent, const char *name)
{
    char path[64], comm[64], state;
    int pid, ppid;
    FILE *file;
    bool same;

    snprintf(path, sizeof path, "/proc/%.20s/stat", entry);
    file = fopen(path, "re");
    if (!file)
        return false;
    same = fscanf(file, "%d (%63[^)]) %c %d", &pid, comm, &state, &ppid) == 4 &&
           ppid == parent && strncmp(comm, name, 15) == 0 && state != 'Z';
    fclose(file);
    return same;
}

pid_t process_find_child(pid_t parent, const char *name)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = -1;

    while (proc && (entry = readdir(proc)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            matches(entry->d_name, parent, name))
            found = (pid_t) atoi(entry->d_name);
    if (proc)
        closedir(proc);
    return found;
}

int process_capture(const char *command, char *output, size_t size)
{
    FILE *pipe = popen(command, "re");
    size_t used;
    int status;

    output[0] = '\0';
    if (!pipe)
        return -1;
    used = fread(output, 1, size - 1, pipe);
    output[used] = '\0';
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool process_wait(bool (*done)(void *context), void *context, double timeout_s)
{
    int64_t end_ns = clock_mono_ns() + (int64_t) (timeout_s * 1e9);

    while (!done(context)) {
        if (clock_mono_ns() > end_ns)
            return false;
        pause_ms(20);
    }
    return true;
}

int process_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;

    if (fd >= 0 && bind(fd, (struct sockaddr *) &address, size) == 0 &&
        getsockname(fd, (struct sockaddr *) &address, &size) == 0)
        port = ntohs(address.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}
