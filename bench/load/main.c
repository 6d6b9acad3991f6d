#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "rt/base/clock.h"

static const char usage[] =
    "usage: orbit-load KIND [--socket PATH] [--ca-port N] [--prefix P] [--folder DIR]\n"
    "                  [--clients N] [--count-fd N]\n"
    "       orbit-load get --ca-port N PV\n"
    "KIND: ca, archive, web, fork, mmap. Runs until it is killed; see orbit-bench(1).\n";

static const struct {
    const char *name;
    enum rc (*run)(const struct load *load);
} kinds[] = {{"ca", load_ca},
             {"archive", load_archive},
             {"web", load_web},
             {"fork", load_fork},
             {"mmap", load_mmap}};

pid_t load_fork_child(void)
{
    pid_t parent = getpid(), child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
    }
    return child;
}

void load_rest(int64_t *since_ns)
{
    const struct timespec pause = {.tv_nsec = 2000000};

    if (clock_mono_ns() - *since_ns < 8000000)
        return;
    nanosleep(&pause, NULL);
    *since_ns = clock_mono_ns();
}

static enum rc share_count(struct load *load, int fd)
{
    void *memory = mmap(NULL, sizeof *load->done, PROT_READ | PROT_WRITE,
                        fd >= 0 ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS, fd, 0);

    if (memory == MAP_FAILED)
        return err_sys("--count-fd %d", fd);
    load->done = memory;
    return RC_OK;
}

static enum rc parse_number(const char *name, const char *text, int most, int *value)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end || number < 0 || number > most)
        return err_set(RC_INPUT, "--%s %s: wants a number from 0 to %d", name, text, most);
    *value = (int) number;
    return RC_OK;
}

static enum rc take_option(struct load *load, int key, int *count_fd)
{
    switch (key) {
    case 's':
        load->socket = optarg;
        return RC_OK;
    case 'f':
        load->folder = optarg;
        return RC_OK;
    case 'p':
        load->prefix = optarg;
        return RC_OK;
    case 'c':
        return parse_number("ca-port", optarg, 65535, &load->ca_port);
    case 'n':
        return parse_number("clients", optarg, 200, &load->clients);
    case 'd':
        return parse_number("count-fd", optarg, 1 << 20, count_fd);
    default:
        return err_set(RC_INPUT, "unknown option or missing argument");
    }
}

static enum rc parse(int argc, char **argv, struct load *load, int *count_fd)
{
    static const struct option known[] = {{"socket", required_argument, NULL, 's'},
                                          {"folder", required_argument, NULL, 'f'},
                                          {"prefix", required_argument, NULL, 'p'},
                                          {"ca-port", required_argument, NULL, 'c'},
                                          {"clients", required_argument, NULL, 'n'},
                                          {"count-fd", required_argument, NULL, 'd'},
                                          {0}};
    int key;

    opterr = 0;
    while ((key = getopt_long(argc, argv, "", known, NULL)) != -1) {
        enum rc rc = take_option(load, key, count_fd);

        if (rc != RC_OK)
            return rc;
    }
    return optind < argc ? RC_OK : err_set(RC_INPUT, "which kind of load?");
}

static enum rc run(const struct load *load, char **operand)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(operand[0], kinds[i].name) == 0)
            return kinds[i].run(load);
    if (strcmp(operand[0], "get") == 0 && operand[1])
        return load_get_pv(load, operand[1]);
    return err_set(RC_INPUT, "there is no load '%s'", operand[0]);
}

int main(int argc, char **argv)
{
    struct load load = {.socket = "", .folder = "/tmp", .prefix = "ORBITD:", .clients = 20};
    int count_fd = -1;
    enum rc rc = parse(argc, argv, &load, &count_fd);

    if (rc == RC_OK)
        rc = share_count(&load, count_fd);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (rc == RC_OK)
        rc = run(&load, argv + optind);
    if (rc == RC_OK)
        return 0;
    fprintf(stderr, "orbit-load: %s\n%s", err_text(), rc == RC_INPUT ? usage : "");
    return rc == RC_INPUT ? 2 : 1;
}
