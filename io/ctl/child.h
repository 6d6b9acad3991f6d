/* One program that `orbitctl run` keeps alive: start, prefix what it says, restart with
 * back-off. */
#ifndef ORBIT_IO_CTL_CHILD_H
#define ORBIT_IO_CTL_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rt/base/rc.h"

enum { CHILD_LINE = 2048, CHILD_PATH = 512 };

#define CHILD_BACKOFF_FIRST_NS 200000000LL
#define CHILD_BACKOFF_MOST_NS  5000000000LL
#define CHILD_LIVED_NS         10000000000LL

struct child {
    const char *name;
    char path[CHILD_PATH];
    const char *config_path;
    bool real_time; /* keeps its rights; else it loses them all and the loop's processor */
    int loop_core;
    pid_t pid; /* 0: not running */
    int out;   /* read end of its stdout and stderr; -1: none */
    int64_t started_ns;
    int64_t due_ns;     /* not running: when it is started next */
    int64_t backoff_ns; /* waited before the next restart */
    unsigned restarts;
    char line[CHILD_LINE]; /* what it said without a newline so far */
    size_t used;
};

/* The folder of the running program: the others are taken from there, so that a build tree and
 * an installation both work. RC_SYS. */
MUST_USE enum rc child_folder(char *folder, size_t size);

/* Starts it as `path --config config_path` in its own process group; it dies with this process.
 * RC_SYS: no process or pipe. A program that cannot be executed says so itself and ends. */
MUST_USE enum rc child_start(struct child *child, int64_t now_ns);

/* Takes note of its end (status as of waitpid), says so, and sets when it is due again. */
void child_ended(struct child *child, int status, int64_t now_ns);

/* Waiting time before the next start, from how long it lived and what was waited before. */
int64_t child_next_backoff_ns(int64_t lived_ns, int64_t last_backoff_ns);

/* Passes on to stderr what it said, every line with its name in front. Closes `out` at its end.
 */
void child_pump(struct child *child);

/* Sends a signal to it if it runs. */
void child_signal(const struct child *child, int number);

#endif
