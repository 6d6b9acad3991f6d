/* Programs of the project as children of a test: start, find, signal, and always end. */
#ifndef ORBIT_TESTS_SUPPORT_PROCESS_H
#define ORBIT_TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Starts bin/program with up to four arguments; output goes to log (appended). The child dies
 * with us. */
pid_t process_start(const char *program, const char *const argv[], const char *log);

/* SIGTERM, then SIGKILL after 5 s; returns the exit status of waitpid, -1 if there was none. */
int process_stop(pid_t pid);

/* Pid of the child of `parent` whose command name is `name` (15 characters at most count), or
 * -1. */
pid_t process_find_child(pid_t parent, const char *name);

/* Runs a command line and keeps the first bytes of its output. Returns its exit code. */
int process_capture(const char *command, char *output, size_t size);

/* Calls `done(context)` every 20 ms until it is true; false after timeout_s. */
bool process_wait(bool (*done)(void *context), void *context, double timeout_s);

/* A UDP/TCP port that was free a moment ago. */
int process_free_port(void);

#endif
