#include "io/ctl/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/ctl/rights.h"

static void say(const struct child *child, const char *line, size_t length)
{
    size_t name = strlen(child->name);
    bool named = length > name && strncmp(line, child->name, name) == 0 && line[name] == ':';

    if (named)
        fprintf(stderr, "%.*s\n", (int) length, line);
    else
        fprintf(stderr, "%s: %.*s\n", child->name, (int) length, line);
}

/* ---- start --------------------------------------------------------------------------- */

static void die_unstarted(const struct child *child, const char *why)
{
    fprintf(stderr, "%s: not started: %s\n", child->name, why);
    _exit(127);
}

/* In the child, between fork and exec. */
static void become(const struct child *child, pid_t parent, int out)
{
    char *const argv[] = {(char *) (uintptr_t) child->path, (char *) (uintptr_t) "--config",
                          (char *) (uintptr_t) child->config_path, NULL};
    sigset_t none;
    enum rc rc;

    (void) setpgid(0,
                   0); /* a terminal's Ctrl-C is for orbitctl alone: it stops them in order */
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (!child->real_time)
        rights_leave_core(child->loop_core);
    rc = child->real_time ? rights_keep_real_time() : rights_drop_all();
    if (rc != RC_OK)
        die_unstarted(child, err_text());
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(child->path, argv);
    die_unstarted(child, strerror(errno));
}

enum rc child_start(struct child *child, int64_t now_ns)
{
    pid_t parent = getpid();
    int ends[2], null;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_sys("no pipe for %s", child->name);
    child->pid = fork();
    if (child->pid == 0) {
        null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(null, STDIN_FILENO);
        become(child, parent, ends[1]);
    }
    close(ends[1]);
    if (child->pid < 0) {
        child->pid = 0;
        close(ends[0]);
        return err_sys("cannot start %s", child->name);
    }
    (void) setpgid(child->pid, child->pid);
    (void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (child->out >= 0)
        close(child->out);
    child->out = ends[0];
    child->started_ns = now_ns;
    return RC_OK;
}

/* ---- end ----------------------------------------------------------------------------- */

int64_t child_next_backoff_ns(int64_t lived_ns, int64_t last_backoff_ns)
{
    if (lived_ns >= CHILD_LIVED_NS || last_backoff_ns <= 0)
        return CHILD_BACKOFF_FIRST_NS;
    if (last_backoff_ns >= CHILD_BACKOFF_MOST_NS / 2)
        return CHILD_BACKOFF_MOST_NS;
    return 2 * last_backoff_ns;
}

static void describe_end(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, size, "ended with code %d", WEXITSTATUS(status));
}

void child_ended(struct child *child, int status, int64_t now_ns)
{
    char text[96];

    child->backoff_ns = child_next_backoff_ns(now_ns - child->started_ns, child->backoff_ns);
    child->due_ns = now_ns + child->backoff_ns;
    child_pump(child);
    describe_end(status, text, sizeof text);
    fprintf(stderr, "orbitctl: %s (pid %d) %s after %.1f s\n", child->name, (int) child->pid,
            text, (double) (now_ns - child->started_ns) * 1e-9);
    child->pid = 0;
}

void child_signal(const struct child *child, int number)
{
    if (child->pid > 0)
        (void) kill(child->pid, number);
}

/* ---- what it says -------------------------------------------------------------------- */

static void say_lines(struct child *child)
{
    char *line = child->line, *end;
    size_t left = child->used;

    while ((end = memchr(line, '\n', left))) {
        say(child, line, (size_t) (end - line));
        left -= (size_t) (end - line) + 1;
        line = end + 1;
    }
    if (left == sizeof child->line) { /* longer than the buffer: said in pieces */
        say(child, line, left);
        left = 0;
    }
    memmove(child->line, line, left);
    child->used = left;
}

void child_pump(struct child *child)
{
    ssize_t n;

    while (child->out >= 0) {
        n = read(child->out, child->line + child->used, sizeof child->line - child->used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* nothing more for now */
        child->used += (size_t) n;
        say_lines(child);
        if (n == 0) {
            if (child->used > 0)
                say(child, child->line, child->used);
            child->used = 0;
            close(child->out);
            child->out = -1;
        }
    }
}

enum rc child_folder(char *folder, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", folder, size - 1);
    char *slash;

    if (n <= 0)
        return err_sys("cannot find the own program");
    folder[n] = '\0';
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return RC_OK;
}
