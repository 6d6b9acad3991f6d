#include "bench/pyat.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One thread, whatever the numerical libraries under numpy would like. */
static void ask_for_one_thread(void)
{
    static const char *const names[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                        "MKL_NUM_THREADS"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        setenv(names[i], "1", 1);
}

/* to[0] and from[1] become the child's standard input and output. */
static int spawn(pid_t *pid, const char *python, const int to[2], const int from[2])
{
    char script[] = ORBIT_BENCH_SOURCE "/bench/pyat.py";
    char *argv[] = {strdup(python), script, NULL};
    posix_spawn_file_actions_t actions;
    int status;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    status = argv[0] ? posix_spawn(pid, python, &actions, NULL, argv, environ) : -1;
    posix_spawn_file_actions_destroy(&actions);
    free(argv[0]);
    return status;
}

void pyat_open(struct pyat *pyat)
{
    const char *python = getenv("ORBIT_BENCH_PYTHON");
    int to[2], from[2], status;

    *pyat = (struct pyat){.why_not = "no pyAT: ORBIT_BENCH_PYTHON is not set (run.sh sets it)"};
    if (!python || pipe2(to, O_CLOEXEC) != 0)
        return;
    if (pipe2(from, O_CLOEXEC) != 0) {
        close(to[0]);
        close(to[1]);
        return;
    }
    ask_for_one_thread();
    status = spawn(&pyat->pid, python, to, from);
    close(to[0]);
    close(from[1]);
    pyat->to = fdopen(to[1], "w");
    pyat->from = fdopen(from[0], "r");
    if (status != 0) {
        pyat_close(pyat);
        snprintf(pyat->why_not, sizeof(pyat->why_not), "no pyAT: cannot start %.100s", python);
    }
}

void pyat_close(struct pyat *pyat)
{
    if (pyat->to)
        fclose(pyat->to);
    if (pyat->from)
        fclose(pyat->from);
    if (pyat->pid > 0)
        waitpid(pyat->pid, NULL, 0); /* it ends with its input */
    *pyat = (struct pyat){0};
}

enum rc pyat_ask(struct pyat *pyat, json_t **answer, const char *format, ...)
{
    va_list arguments;
    char *line = NULL;
    size_t size = 0;
    json_error_t error;

    *answer = NULL;
    if (pyat->pid <= 0)
        return err_set(RC_GONE, "%s", pyat->why_not);
    va_start(arguments, format);
    vfprintf(pyat->to, format, arguments);
    va_end(arguments);
    fputc('\n', pyat->to);
    if (fflush(pyat->to) == 0 && getline(&line, &size, pyat->from) > 0)
        *answer = json_loads(line, 0, &error);
    free(line);
    if (!*answer)
        return err_set(RC_GONE, "pyAT did not answer: its message stands above");
    return RC_OK;
}
