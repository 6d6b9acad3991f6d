#include "io/ctl/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/base/clock.h"

enum { MAX_CHILDREN = 32, MAX_OTHERS = 256 };

#define STOP_GRACE_NS 3000000000LL
/* A terminal's Ctrl-C and the script around may both ask: the same wish, not impatience. */
#define IMPATIENCE_NS 1000000000LL

struct supervisor {
    struct child *child;
    unsigned n;
    int signals;
    unsigned asked_to_stop;   /* how often: again means at once */
    int64_t asked_ns;         /* last */
    pid_t others[MAX_OTHERS]; /* children that this process had before: not ours to end */
    unsigned n_other;
};

/* ---- descendants --------------------------------------------------------------------- */

static pid_t parent_of(pid_t pid)
{
    char path[64], line[512];
    const char *at;
    FILE *file;
    int parent = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    /* "pid (name) state ppid": the name may hold anything, so from its last bracket. */
    at = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (!at || sscanf(at + 1, " %*c %d", &parent) != 1)
        parent = 0;
    fclose(file);
    return parent;
}

static unsigned own_children(pid_t *pid, unsigned most)
{
    DIR *proc = opendir("/proc");
    unsigned n = 0;

    for (struct dirent *entry; proc && n < most && (entry = readdir(proc));) {
        pid_t candidate = (pid_t) strtol(entry->d_name, NULL, 10);

        if (candidate > 0 && parent_of(candidate) == getpid())
            pid[n++] = candidate;
    }
    if (proc)
        closedir(proc);
    return n;
}

static bool is_other(const struct supervisor *self, pid_t pid)
{
    for (unsigned i = 0; i < self->n_other; i++)
        if (self->others[i] == pid)
            return true;
    return false;
}

/* ---- events -------------------------------------------------------------------------- */

static struct child *find_child(struct supervisor *self, pid_t pid)
{
    for (unsigned i = 0; i < self->n; i++)
        if (self->child[i].pid == pid)
            return &self->child[i];
    return NULL;
}

static void reap(struct supervisor *self)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *child = find_child(self, pid);

        if (child)
            child_ended(child, status, clock_mono_ns());
    }
}

static void ask_to_stop(struct supervisor *self)
{
    int64_t now_ns = clock_mono_ns();

    if (self->asked_to_stop && now_ns - self->asked_ns < IMPATIENCE_NS)
        return;
    self->asked_to_stop++;
    self->asked_ns = now_ns;
}

static void take_signals(struct supervisor *self)
{
    struct signalfd_siginfo info;

    while (read(self->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            ask_to_stop(self);
    reap(self);
}

/* Waits for something to happen, up to until_ns. */
static void wait_event(struct supervisor *self, int64_t until_ns)
{
    struct pollfd fds[MAX_CHILDREN + 1] = {{.fd = self->signals, .events = POLLIN}};
    int64_t left_ms = (until_ns - clock_mono_ns()) / 1000000 + 1;

    for (unsigned i = 0; i < self->n; i++)
        fds[i + 1] = (struct pollfd){.fd = self->child[i].out, .events = POLLIN};
    if (left_ms < 0)
        left_ms = 0;
    if (left_ms > 1000)
        left_ms = 1000;
    if (poll(fds, self->n + 1, (int) left_ms) <= 0)
        return;
    for (unsigned i = 0; i < self->n; i++)
        if (fds[i + 1].revents)
            child_pump(&self->child[i]);
    if (fds[0].revents)
        take_signals(self);
}

/* ---- start and restart --------------------------------------------------------------- */

static void start(struct child *child, bool again)
{
    int64_t now_ns = clock_mono_ns();

    if (child_start(child, now_ns) != RC_OK) {
        fprintf(stderr, "orbitctl: %s\n", err_text());
        child->backoff_ns = child_next_backoff_ns(0, child->backoff_ns);
        child->due_ns = now_ns + child->backoff_ns;
        return;
    }
    child->restarts += again;
    fprintf(stderr, "orbitctl: %s %s (pid %d)\n", again ? "restarted" : "started", child->name,
            (int) child->pid);
}

/* Starts what is due; returns when the next one is. */
static int64_t restart_due(struct supervisor *self, int64_t horizon_ns)
{
    for (unsigned i = 0; i < self->n; i++) {
        struct child *child = &self->child[i];

        if (child->pid == 0 && child->due_ns <= clock_mono_ns())
            start(child, child->started_ns != 0);
        if (child->pid == 0 && child->due_ns < horizon_ns)
            horizon_ns = child->due_ns;
    }
    return horizon_ns;
}

/* ---- stop ---------------------------------------------------------------------------- */

static void stop_child(struct supervisor *self, struct child *child)
{
    int64_t until_ns = clock_mono_ns() + STOP_GRACE_NS;
    unsigned asked = self->asked_to_stop;

    child_signal(child, SIGTERM);
    child_signal(child, SIGCONT); /* a stopped one can end in order */
    while (child->pid && clock_mono_ns() < until_ns && self->asked_to_stop == asked)
        wait_event(self, until_ns);
    if (!child->pid)
        return;
    fprintf(stderr, "orbitctl: %s (pid %d) does not stop: killed\n", child->name,
            (int) child->pid);
    child_signal(child, SIGKILL);
    while (child->pid)
        wait_event(self, clock_mono_ns() + NS_PER_S);
}

/* Ends what the children left behind. Killing may orphan more of them: until none is left. */
static void sweep(struct supervisor *self)
{
    pid_t left[MAX_OTHERS];
    bool found = true;

    while (found) {
        unsigned n = own_children(left, MAX_OTHERS);

        found = false;
        for (unsigned i = 0; i < n; i++) {
            if (is_other(self, left[i]))
                continue;
            found = true;
            (void) kill(left[i], SIGKILL);
            (void) waitpid(left[i], NULL, 0);
        }
    }
}

static void stop_all(struct supervisor *self)
{
    for (unsigned i = self->n; i-- > 0;) {
        if (self->child[i].pid)
            stop_child(self, &self->child[i]);
        child_pump(&self->child[i]);
        if (self->child[i].out >= 0)
            close(self->child[i].out);
        self->child[i].out = -1;
    }
    sweep(self);
}

/* ---- whole --------------------------------------------------------------------------- */

static enum rc begin(struct supervisor *self, sigset_t *before)
{
    sigset_t set;

    if (self->n > MAX_CHILDREN)
        return err_set(RC_RANGE, "%u programs are more than %d", self->n, MAX_CHILDREN);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, before);
    self->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (self->signals < 0)
        return err_sys("no signalfd");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    self->n_other = own_children(self->others, MAX_OTHERS);
    return RC_OK;
}

enum rc supervisor_run(struct child *children, unsigned n, double seconds)
{
    struct supervisor self = {.child = children, .n = n, .signals = -1};
    int64_t begun_ns = clock_mono_ns();
    int64_t end_ns = seconds > 0 ? begun_ns + (int64_t) (seconds * 1e9) : INT64_MAX;
    sigset_t before;
    enum rc rc = begin(&self, &before);

    if (rc != RC_OK)
        return rc;
    while (!self.asked_to_stop && clock_mono_ns() < end_ns) {
        int64_t horizon_ns = clock_mono_ns() + NS_PER_S;

        wait_event(&self, restart_due(&self, horizon_ns < end_ns ? horizon_ns : end_ns));
    }
    fprintf(stderr, "orbitctl: stopping\n");
    stop_all(&self);
    take_signals(&self); /* a wish that came twice is not for our caller */
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    close(self.signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return RC_OK;
}
