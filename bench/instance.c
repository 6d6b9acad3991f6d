#include "bench/instance.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/folders.h"
#include "rt/base/clock.h"

enum { MOST_THREADS = 64, LONGEST_WHERE = 70 };
static volatile sig_atomic_t stopped;
static const double start_timeout_s = 60, quick_start_timeout_s = 12, poll_s = 0.05;

void bench_pause(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t) seconds};

    pause.tv_nsec = (long) ((seconds - (double) pause.tv_sec) * 1e9);
    while (!stopped && nanosleep(&pause, &pause) != 0 && errno == EINTR)
        ;
}

static void note_stop(int number)
{
    (void) number;
    stopped = 1;
}

bool bench_stopped(void)
{
    return stopped;
}

/* Not restarted: a wait for a child ends too, and is made again. */
static void catch_stop(void)
{
    struct sigaction action = {.sa_handler = note_stop};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* In a process group of its own: a Ctrl-C is for this program, which ends the others in order.
 */
static _Noreturn void become(const char *path, const char *const argv[], const char *log,
                             pid_t parent)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(path, (char *const *) (uintptr_t) argv);
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    _exit(127);
}

enum rc bench_start(pid_t *child, const char *const argv[], const char *log)
{
    char folder[FOLDER_PATH], path[FOLDER_PATH + 64];
    pid_t parent = getpid();
    enum rc rc = bench_folder(folder, sizeof folder);

    if (rc != RC_OK)
        return rc;
    snprintf(path, sizeof path, "%s/%s", folder, argv[0]);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    *child = fork();
    if (*child == 0)
        become(path, argv, log, parent);
    if (*child < 0)
        return err_sys("%s", path);
    setpgid(*child, *child); /* whichever is first */
    return RC_OK;
}

void bench_end(pid_t *child, int number)
{
    if (*child <= 0)
        return;
    kill(*child, number);
    while (waitpid(*child, NULL, 0) < 0 && errno == EINTR)
        ;
    kill(-*child, SIGKILL); /* what it left behind */
    while (waitpid(-*child, NULL, 0) > 0 || errno == EINTR)
        ;
    *child = 0;
}

/* ---- start --------------------------------------------------------------------------- */

static enum rc free_port(int *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 && bind(fd, (struct sockaddr *) &name, size) == 0 &&
                 getsockname(fd, (struct sockaddr *) &name, &size) == 0;

    if (fd >= 0)
        close(fd);
    *port = ntohs(name.sin_port);
    return found ? RC_OK : err_sys("no free port");
}

static enum rc write_config(const struct instance *self, const struct bench_options *options,
                            const struct instance_setup *setup)
{
    char ring[2 * FOLDER_PATH];
    enum rc rc = bench_ring_folder(setup->ring, ring, sizeof ring);
    FILE *file = rc == RC_OK ? fopen(self->config, "we") : NULL;

    if (rc != RC_OK)
        return rc;
    if (!file)
        return err_sys("%s", self->config);
    fprintf(file,
            "instance: bench\nruntime_dir: %s\n"
            "ring: {lattice: %s/lattice.json, devices: %s/devices.json, reference: "
            "'state:reference.txt'}\n"
            "loop: {rate_hz: %d, timer: hybrid, core: %d, priority: %d}\n"
            "record: {size_mib: 32}\nsource: {bpm_max_age_ms: 500}\ncheck: {required: false}\n"
            "epics: {ca_port: %d, current_pv: '%s'}\nvirtual: {rate_hz: %d, ca_port: %d}\n"
            "run: {programs: [orbit-ring, orbitd, orbit-model, orbit-epics]}\n%s",
            self->folder, ring, ring, setup->rate_hz, options->core, options->priority,
            self->epics_port, setup->current_pv ? setup->current_pv : "", setup->rate_hz,
            self->ring_port, setup->more ? setup->more : "");
    return fclose(file) == 0 ? RC_OK : err_sys("%s", self->config);
}

static enum rc make_folder(struct instance *self)
{
    const char *where = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";

    if (strlen(where) > LONGEST_WHERE)
        return err_set(RC_RANGE, "TMPDIR: %s: too long for the path of a socket", where);
    snprintf(self->folder, sizeof self->folder, "%s/orbit-bench-XXXXXX", where);
    if (!mkdtemp(self->folder)) {
        self->folder[0] = '\0';
        return err_sys("cannot make a folder in %s", where);
    }
    snprintf(self->config, sizeof self->config, "%s/bench.yaml", self->folder);
    snprintf(self->socket, sizeof self->socket, "%s/bench.sock", self->folder);
    snprintf(self->log, sizeof self->log, "%s/log", self->folder);
    return RC_OK;
}

bool instance_attach(struct instance *self)
{
    if (self->client && client_alive(self->client))
        return true;
    client_close(self->client);
    return client_open(&self->client, self->socket, ROLE_OBSERVER, "bench", 0) == RC_OK;
}

uint64_t instance_counter(const struct instance *self, enum counter counter)
{
    return status_load(&client_status(self->client)->counter[counter]);
}

static bool is_ready(struct instance *self)
{
    return instance_attach(self) && instance_counter(self, COUNTER_FRAMES) > 100 &&
           instance_counter(self, COUNTER_SETS_ACCEPTED) > 0 &&
           instance_counter(self, COUNTER_LAW_STEPS) > 0;
}

void instance_said(const struct instance *self, char *tail, size_t size)
{
    FILE *file = fopen(self->log, "re");
    size_t n = 0;

    if (file && fseek(file, -(long) size + 1, SEEK_END) != 0)
        rewind(file);
    if (file) {
        n = fread(tail, 1, size - 1, file);
        fclose(file);
    }
    tail[n] = '\0';
}

static enum rc wait_ready(struct instance *self, double timeout_s)
{
    int64_t end_ns = clock_mono_ns() + (int64_t) (timeout_s * 1e9);
    char tail[400];

    while (!is_ready(self)) {
        if (stopped)
            return err_set(RC_STATE, "stopped");
        if (clock_mono_ns() > end_ns || waitpid(self->run, NULL, WNOHANG) == self->run) {
            instance_said(self, tail, sizeof tail);
            return err_set(RC_TIMEOUT, "the virtual set does not run; it said: %s", tail);
        }
        bench_pause(poll_s);
    }
    return RC_OK;
}

enum rc instance_start(struct instance *self, const struct bench_options *options,
                       const struct instance_setup *setup)
{
    const char *const argv[] = {"orbitctl", "run", self->config, NULL};
    enum rc rc;

    *self = (struct instance){.core = options->core};
    catch_stop();
    unsetenv("EPICS_CA_ADDR_LIST"); /* the virtual ring is the machine */
    rc = make_folder(self);
    if (rc == RC_OK)
        rc = free_port(&self->ring_port);
    if (rc == RC_OK)
        rc = free_port(&self->epics_port);
    if (rc == RC_OK)
        rc = write_config(self, options, setup);
    if (rc == RC_OK)
        rc = bench_start(&self->run, argv, self->log);
    if (rc == RC_OK)
        rc = wait_ready(self, options->quick ? quick_start_timeout_s : start_timeout_s);
    if (rc != RC_OK)
        instance_stop(self);
    return rc;
}

/* The folder holds files, and one level of folders with files. */
static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    char inner[2 * FOLDER_PATH];

    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR)
            remove_folder(inner);
        else
            unlink(inner);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

void instance_stop(struct instance *self)
{
    client_close(self->client);
    self->client = NULL;
    bench_end(&self->run, SIGTERM); /* it ends its children, by force if it must */
    if (self->folder[0])
        remove_folder(self->folder);
    self->folder[0] = '\0';
}

/* ---- processes and threads ----------------------------------------------------------- */

static bool is_child(const char *id, pid_t parent, const char *name)
{
    char path[64], comm[64], state;
    int pid, ppid;
    FILE *file;
    bool same;

    snprintf(path, sizeof path, "/proc/%.20s/stat", id);
    file = fopen(path, "re");
    if (!file)
        return false;
    same = fscanf(file, "%d (%63[^)]) %c %d", &pid, comm, &state, &ppid) == 4 &&
           ppid == parent && strncmp(comm, name, 15) == 0 && state != 'Z';
    fclose(file);
    return same;
}

pid_t instance_program(const struct instance *self, const char *name)
{
    DIR *proc = opendir("/proc");
    pid_t found = -1;

    for (struct dirent *entry; proc && (entry = readdir(proc));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            is_child(entry->d_name, self->run, name))
            found = (pid_t) strtol(entry->d_name, NULL, 10);
    if (proc)
        closedir(proc);
    return found;
}

static long voluntary_switches(pid_t process, pid_t thread)
{
    char path[80], line[128];
    long n = -1;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int) process, (int) thread);
    file = fopen(path, "re");
    while (file && n < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) != 1)
            n = -1;
    if (file)
        fclose(file);
    return n;
}

pid_t instance_loop_thread(const struct instance *self)
{
    pid_t process = instance_program(self, "orbitd"), thread[MOST_THREADS], busiest = -1;
    long before[MOST_THREADS], most = 0;
    char path[64];
    int n = 0;
    DIR *tasks;

    snprintf(path, sizeof path, "/proc/%d/task", (int) process);
    tasks = opendir(path);
    for (struct dirent *entry; tasks && n < MOST_THREADS && (entry = readdir(tasks));) {
        thread[n] = (pid_t) strtol(entry->d_name, NULL, 10);
        if (thread[n] > 0)
            before[n] = voluntary_switches(process, thread[n]), n++;
    }
    if (tasks)
        closedir(tasks);
    bench_pause(0.3);
    for (int i = 0; i < n; i++) {
        long made = voluntary_switches(process, thread[i]) - before[i];

        if (made > most)
            most = made, busiest = thread[i];
    }
    return busiest;
}
