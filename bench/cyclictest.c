#include "bench/cyclictest.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_US = 30000, ARGUMENT_SIZE = 24, N_NUMBER = 5 };

struct histogram {
    size_t count[MOST_US], total, overflows;
};

/* "000017 000123": 123 wake-ups were 17 us late. */
static void read_line(struct histogram *histogram, const char *line)
{
    unsigned long us, count;

    if (sscanf(line, "# Histogram Overflows: %lu", &count) == 1) {
        histogram->overflows = count;
        histogram->total += count;
    } else if (line[0] != '#' && sscanf(line, "%lu %lu", &us, &count) == 2 && us < MOST_US) {
        histogram->count[us] = count;
        histogram->total += count;
    }
}

static double percentile_ns(const struct histogram *histogram, double share)
{
    size_t below = (size_t) (share * (double) (histogram->total - 1)), seen = 0;

    for (size_t us = 0; us < MOST_US; us++) {
        seen += histogram->count[us];
        if (seen > below)
            return 1000.0 * (double) us;
    }
    return 1000.0 * MOST_US;
}

static enum rc read_histogram(int fd, struct percentiles *late)
{
    struct histogram *histogram = calloc(1, sizeof(*histogram));
    FILE *output = histogram ? fdopen(fd, "r") : NULL;
    char line[256];

    if (!output) {
        free(histogram);
        close(fd);
        return err_set(RC_NOMEM, "output of cyclictest");
    }
    while (fgets(line, sizeof(line), output))
        read_line(histogram, line);
    fclose(output);
    size_t total = histogram->total;

    if (total > 0)
        *late = (struct percentiles){.p50 = percentile_ns(histogram, 0.5),
                                     .p99 = percentile_ns(histogram, 0.99),
                                     .p999 = percentile_ns(histogram, 0.999),
                                     .max = percentile_ns(histogram, 1.0)};
    free(histogram);
    return total > 0 ? RC_OK : err_set(RC_GONE, "cyclictest printed no histogram");
}

/* Starts it with standard output to the pipe; what it complains about is not wanted in our
 * table. */
static enum rc spawn(char *const argv[], int pipe_write, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_write, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    error = posix_spawnp(child, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        errno = error;
        return err_sys("cyclictest (Debian package rt-tests)");
    }
    return RC_OK;
}

static enum rc run_to_pipe(char *const argv[], struct percentiles *late)
{
    int ends[2], status;
    pid_t child;
    enum rc rc;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_sys("pipe to cyclictest");
    rc = spawn(argv, ends[1], &child);
    close(ends[1]);
    if (rc != RC_OK) {
        close(ends[0]);
        return rc;
    }
    rc = read_histogram(ends[0], late);
    if (waitpid(child, &status, 0) == child && status != 0)
        rc = err_set(RC_GONE,
                     "cyclictest ended with status %d (SCHED_FIFO and memory lock need "
                     "CAP_SYS_NICE and CAP_IPC_LOCK)",
                     WEXITSTATUS(status));
    return rc;
}

enum rc cyclictest_run(const struct bench_options *options, int rate_hz, size_t cycles,
                       struct percentiles *late)
{
    char number[N_NUMBER][ARGUMENT_SIZE];
    char name[] = "cyclictest", lock[] = "-m", one[] = "-t1", quiet[] = "-q";
    char *const argv[] = {name,      lock,      one,       quiet,     number[0],
                          number[1], number[2], number[3], number[4], NULL};

    snprintf(number[0], ARGUMENT_SIZE, "-p%d", options->priority);
    snprintf(number[1], ARGUMENT_SIZE, "-a%d", options->core);
    snprintf(number[2], ARGUMENT_SIZE, "-i%d", 1000000 / rate_hz);
    snprintf(number[3], ARGUMENT_SIZE, "-l%zu", cycles);
    snprintf(number[4], ARGUMENT_SIZE, "-h%d", (int) MOST_US);
    return run_to_pipe(argv, late);
}
