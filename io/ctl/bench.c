/* orbitctl bench: the testbench. orbit-bench measures and judges; this starts it and draws what
 * it found. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/ctl/bench_plots.h"
#include "io/ctl/child.h"
#include "io/ctl/ctl.h"

enum { MOST_WORDS = 64, FIXED_WORDS = 5 };

struct testbench {
    char program[CHILD_PATH + 16];
    const char *plot_folder, *json_path, *from_path;
    char own_json[32]; /* the report, if only the plots want it */
    const char *word[MOST_WORDS + FIXED_WORDS + 1];
    int n;
};

static void add(struct testbench *bench, const char *word)
{
    bench->word[bench->n++] = word;
}

/* A part named as an operand is the same as --only: "bench disturb". */
static enum rc take_words(struct testbench *bench, struct args *args)
{
    if (args->count > MOST_WORDS)
        return err_set(RC_RANGE, "%d words are more than %d", args->count, MOST_WORDS);
    add(bench, "orbit-bench");
    if (args->count > 0 && args->item[0][0] != '-')
        add(bench, "--only");
    for (int i = 0; i < args->count; i++)
        add(bench, args->item[i]);
    if (bench->json_path) {
        add(bench, "--json");
        add(bench, bench->json_path);
    }
    return RC_OK;
}

static enum rc make_own_json(struct testbench *bench)
{
    int fd;

    if (bench->json_path || !bench->plot_folder)
        return RC_OK;
    strcpy(bench->own_json, "/tmp/orbit-bench-XXXXXX");
    fd = mkstemp(bench->own_json);
    if (fd < 0)
        return err_sys("cannot make a file for the report");
    close(fd);
    bench->json_path = bench->own_json;
    return RC_OK;
}

/* Made now, so that a folder that cannot be had is not found out after minutes of measuring. */
static enum rc make_plot_folder(const struct testbench *bench)
{
    struct stat is;

    if (!bench->plot_folder)
        return RC_OK;
    if (mkdir(bench->plot_folder, 0755) != 0 && errno != EEXIST)
        return err_sys("--plot: %s", bench->plot_folder);
    if (stat(bench->plot_folder, &is) != 0 || !S_ISDIR(is.st_mode))
        return err_set(RC_INPUT, "--plot: %s is not a folder", bench->plot_folder);
    return RC_OK;
}

static enum rc find_program(struct testbench *bench)
{
    char folder[CHILD_PATH];
    enum rc rc = child_folder(folder, sizeof folder);

    if (rc != RC_OK)
        return rc;
    snprintf(bench->program, sizeof bench->program, "%s/orbit-bench", folder);
    return access(bench->program, X_OK) == 0 ? RC_OK : err_sys("%s", bench->program);
}

/* Ctrl-C is for it; this one waits for its end. */
static enum rc measure(const struct testbench *bench, int *code)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    pid_t child;
    int error, status = 0;

    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    sigaction(SIGINT, &ignore, &before);
    error = posix_spawn(&child, bench->program, NULL, &attributes,
                        (char *const *) (uintptr_t) bench->word, environ);
    posix_spawnattr_destroy(&attributes);
    if (error == 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    sigaction(SIGINT, &before, NULL);
    errno = error;
    if (error != 0)
        return err_sys("%s", bench->program);
    if (WIFSIGNALED(status))
        return err_set(RC_STATE, "orbit-bench was ended by signal %d", WTERMSIG(status));
    *code = WEXITSTATUS(status);
    return RC_OK;
}

static enum rc draw(const char *report_path, const char *folder)
{
    json_error_t error;
    json_t *report = json_load_file(report_path, 0, &error);
    unsigned n = 0;
    enum rc rc;

    if (!report)
        return err_set(RC_INPUT, "%s:%d: %s", report_path, error.line, error.text);
    rc = bench_plots_draw(report, folder, &n);
    json_decref(report);
    if (rc == RC_OK)
        printf("%u plots in %s\n", n, folder);
    return rc;
}

static enum rc take_options(struct testbench *bench, struct args *args)
{
    enum rc rc = args_take_text(args, "--plot", &bench->plot_folder);

    if (rc == RC_OK)
        rc = args_take_text(args, "--json", &bench->json_path);
    if (rc == RC_OK)
        rc = args_take_text(args, "--from", &bench->from_path);
    if (rc == RC_OK && bench->from_path && (!bench->plot_folder || args->count > 0))
        rc = err_set(RC_INPUT, "--from FILE draws a report again: it goes with --plot alone");
    return rc;
}

static int run(struct testbench *bench, struct args *args)
{
    enum rc rc = find_program(bench);
    int code = CTL_FAILED;

    if (rc == RC_OK)
        rc = make_own_json(bench);
    if (rc == RC_OK)
        rc = take_words(bench, args);
    if (rc == RC_OK)
        rc = measure(bench, &code);
    if (rc == RC_OK && code == CTL_DONE && bench->plot_folder)
        rc = draw(bench->json_path, bench->plot_folder);
    if (bench->own_json[0])
        unlink(bench->own_json);
    return rc == RC_OK ? code : ctl_fail(rc);
}

int command_bench(struct ctl *ctl)
{
    struct testbench bench = {.json_path = NULL};
    enum rc rc = take_options(&bench, &ctl->args);

    if (rc != RC_OK)
        return ctl_usage(ctl);
    rc = make_plot_folder(&bench);
    if (rc == RC_OK && bench.from_path)
        rc = draw(bench.from_path, bench.plot_folder);
    else if (rc == RC_OK)
        return run(&bench, &ctl->args);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
