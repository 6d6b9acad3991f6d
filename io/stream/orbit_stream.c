/* orbit-stream: full-rate records of an instance to disk, see orbit-stream(8). */
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/cfg.h"
#include "io/stream/recorder.h"
#include "rt/base/clock.h"

enum { ANSWER_MS = 5000, HEAR_MS = 500, STOP_MS = 800, LINE_SIZE = SEGMENT_PATH_SIZE + 16 };

struct program {
    struct cfg cfg;
    struct devices devices;
    char orbitd_path[CFG_PATH_SIZE], folder[CFG_PATH_SIZE + 16], socket_path[108];
    struct recorder *recorder;
    pthread_t thread;
    int socket, signals;
};

/* ---- freeze on request ---- */

static enum rc open_socket(struct program *p)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[CFG_PATH_SIZE];

    cfg_runtime_dir(&p->cfg, folder, sizeof folder);
    if (snprintf(p->socket_path, sizeof p->socket_path, "%s/%s." STREAM_SOCKET, folder,
                 p->cfg.instance) >= (int) sizeof p->socket_path)
        return err_set(RC_RANGE, "the path of the socket in %s is too long", folder);
    memcpy(address.sun_path, p->socket_path, sizeof p->socket_path);
    unlink(p->socket_path);
    p->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (p->socket < 0 || bind(p->socket, (const void *) &address, sizeof address) != 0 ||
        chmod(p->socket_path, 0660) != 0 || listen(p->socket, 4) != 0)
        return err_sys("socket %s", p->socket_path);
    return RC_OK;
}

/* "freeze REASON" is answered by "CODE TEXT". */
static void answer(struct program *p, char *line)
{
    char text[SEGMENT_PATH_SIZE], reply[LINE_SIZE];
    enum rc rc = RC_INPUT;

    snprintf(text, sizeof text, "expected: freeze REASON");
    if (strncmp(line, "freeze ", 7) == 0)
        rc = recorder_freeze(p->recorder, line + 7, ANSWER_MS, text, sizeof text);
    snprintf(reply, sizeof reply, "%d %s", (int) rc, text);
    memcpy(line, reply, sizeof reply);
}

static void serve_one(struct program *p)
{
    const struct timeval patience = {.tv_usec = HEAR_MS * 1000};
    int fd = accept4(p->socket, NULL, NULL, SOCK_CLOEXEC);
    char line[LINE_SIZE];
    ssize_t got;

    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    got = recv(fd, line, sizeof line - 1, 0);
    if (got > 0) {
        line[got] = '\0';
        answer(p, line);
        (void) !send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    close(fd);
}

static void run_until_signal(struct program *p)
{
    for (;;) {
        struct pollfd fd[2] = {{.fd = p->signals, .events = POLLIN},
                               {.fd = p->socket, .events = POLLIN}};

        if (poll(fd, 2, -1) < 0)
            continue;
        if (fd[0].revents)
            return;
        if (fd[1].revents)
            serve_one(p);
    }
}

/* ---- program ---- */

static void *record(void *recorder)
{
    recorder_run(recorder);
    return NULL;
}

static enum rc make_recorder(struct program *p)
{
    struct recorder_spec spec = {
        .socket_path = p->orbitd_path,
        .folder = p->folder,
        .instance = p->cfg.instance,
        .devices = &p->devices,
        .continuous = p->cfg.stream_continuous,
        .pre_s = p->cfg.stream_pre_s,
        .post_s = p->cfg.stream_post_s,
        .sync_s = p->cfg.stream_sync_s,
        .limits = {.segment_b = (uint64_t) p->cfg.stream_segment_mib << 20,
                   .folder_b = (uint64_t) p->cfg.stream_size_mib << 20},
        .keep = (unsigned) p->cfg.stream_freezes,
    };
    char folder[CFG_PATH_SIZE];

    cfg_state_dir(&p->cfg, folder, sizeof folder);
    if (mkdir(folder, 0750) == 0)
        fprintf(stderr, "orbit-stream: made %s\n", folder);
    snprintf(p->folder, sizeof p->folder, "%s/" STREAM_FOLDER, folder);
    return recorder_create(&p->recorder, &spec);
}

static enum rc load(struct program *p, const char *config_path)
{
    static struct cfg_faults faults;
    enum rc rc = cfg_load(&p->cfg, config_path, &faults);

    cfg_faults_print(stderr, &faults);
    if (rc != RC_OK)
        return err_set(rc, "%s is not usable", config_path);
    cfg_socket_path(&p->cfg, p->orbitd_path, sizeof p->orbitd_path);
    return devices_load(&p->devices, p->cfg.ring_devices);
}

static void block_signals(struct program *p)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    p->signals = signalfd(-1, &signals, SFD_CLOEXEC);
}

static enum rc begin(struct program *p, const char *config_path)
{
    enum rc rc = load(p, config_path);

    if (rc == RC_OK)
        rc = make_recorder(p);
    if (rc == RC_OK)
        rc = open_socket(p);
    if (rc == RC_OK && pthread_create(&p->thread, NULL, record, p->recorder) != 0)
        rc = err_sys("no thread");
    return rc;
}

/* A disk that hangs must not keep us: a stop takes less than a second. */
static int stop(struct program *p)
{
    struct timespec until = clock_timespec(clock_utc_ns() + STOP_MS * 1000000LL);

    unlink(p->socket_path);
    recorder_stop(p->recorder);
    if (pthread_timedjoin_np(p->thread, NULL, &until) != 0) {
        fprintf(stderr,
                "orbit-stream: the disk does not answer, the last records may be lost\n");
        _exit(EXIT_FAILURE);
    }
    recorder_destroy(p->recorder);
    devices_free(&p->devices);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static const char usage[] = "usage: orbit-stream --config FILE\n";
    static struct program program = {.socket = -1};
    const char *config_path = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option != 'c') {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? EXIT_SUCCESS : 2;
        }
        config_path = optarg;
    }
    if (!config_path || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    block_signals(&program);
    if (begin(&program, config_path) != RC_OK) {
        fprintf(stderr, "orbit-stream: %s\n", err_text());
        recorder_destroy(program.recorder);
        return EXIT_FAILURE;
    }
    run_until_signal(&program);
    return stop(&program);
}
