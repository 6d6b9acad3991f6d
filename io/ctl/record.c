/* orbitctl record: the recordings of orbit-stream listed, converted and asked for. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "io/ctl/ctl.h"
#include "io/ctl/record_dump.h"
#include "io/ctl/session.h"
#include "io/stream/stream_reader.h"
#include "rt/base/clock.h"

enum { ANSWER_S = 8, PATH_SIZE = CFG_PATH_SIZE + 300, NAME_MOST = 255 };

/* ---- list ---- */

static uint64_t folder_size_b(const struct segment_folder *list)
{
    uint64_t sum_b = 0;

    for (size_t i = 0; i < list->n; i++)
        sum_b += list->file[i].size_b;
    return sum_b;
}

static void print_utc(int64_t utc_ns)
{
    time_t second = (time_t) (utc_ns / NS_PER_S);
    char stamp[32];
    struct tm utc;

    gmtime_r(&second, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    printf("  %s", stamp);
}

/* One line: name, size, and what the first header says. */
static void list_one(const char *folder, const char *name)
{
    char path[PATH_SIZE + NAME_MOST + 2];
    struct stream_reader reader;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (stream_reader_open(&reader, path) != RC_OK)
        return;
    printf("%-45s %9.1f MB %4zu files", name,
           (double) folder_size_b(&reader.segment.list) * 1e-6, reader.segment.list.n);
    if (stream_reader_next(&reader) == STREAM_HEADER) {
        print_utc(reader.header.utc_ns);
        printf("  run %" PRIu64 ", %s", reader.header.run_id, reader.header.reason);
    }
    putchar('\n');
    stream_reader_close(&reader);
}

static int is_recording(const struct dirent *entry)
{
    return strcmp(entry->d_name, STREAM_CONTINUOUS) == 0 ||
           strncmp(entry->d_name, STREAM_FREEZE_START, strlen(STREAM_FREEZE_START)) == 0;
}

static void records_folder(const struct session *session, char *path, size_t size)
{
    char state[CFG_PATH_SIZE];

    cfg_state_dir(&session->cfg, state, sizeof state);
    snprintf(path, size, "%s/" STREAM_FOLDER, state);
}

static int list(struct ctl *ctl, struct session *session)
{
    char folder[PATH_SIZE];
    struct dirent **entry;
    int n;

    if (args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    records_folder(session, folder, sizeof folder);
    n = scandir(folder, &entry, is_recording, alphasort);
    if (n < 0 && errno == ENOENT)
        n = 0;
    else if (n < 0)
        return ctl_fail(err_sys("folder %s", folder));
    else
        printf("%s:\n", folder);
    for (int i = 0; i < n; i++) {
        list_one(folder, entry[i]->d_name);
        free(entry[i]);
    }
    if (n)
        free(entry);
    else
        printf("no recordings in %s\n", folder);
    return CTL_DONE;
}

/* ---- freeze ---- */

static enum rc connect_stream(const struct session *session, int *fd)
{
    const struct timeval patience = {.tv_sec = ANSWER_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[CFG_PATH_SIZE];

    cfg_runtime_dir(&session->cfg, folder, sizeof folder);
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s/%s." STREAM_SOCKET, folder,
                 session->cfg.instance) >= (int) sizeof address.sun_path)
        return err_set(RC_RANGE, "the path of the socket in %s is too long", folder);
    *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return err_sys("no socket");
    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(*fd, (const void *) &address, sizeof address) == 0)
        return RC_OK;
    close(*fd);
    return err_set(RC_GONE, "no orbit-stream of instance %s (%s: %s)", session->cfg.instance,
                   address.sun_path, strerror(errno));
}

static enum rc ask_freeze(int fd, const char *reason, char *answer, size_t size)
{
    char line[STREAM_REASON_SIZE + 8];
    ssize_t got;

    snprintf(line, sizeof line, "freeze %s", reason);
    if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
        return err_sys("asking orbit-stream");
    got = recv(fd, answer, size - 1, 0);
    if (got <= 0)
        return err_set(RC_TIMEOUT, "orbit-stream does not answer");
    answer[got] = '\0';
    return RC_OK;
}

static int freeze(struct ctl *ctl, struct session *session)
{
    const char *reason = "operator";
    char answer[PATH_SIZE];
    char *text;
    enum rc rc;
    int fd = -1;

    if (args_take_text(&ctl->args, "--reason", &reason) != RC_OK ||
        args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    rc = connect_stream(session, &fd);
    if (rc != RC_OK)
        return ctl_fail(rc);
    rc = ask_freeze(fd, reason, answer, sizeof answer);
    close(fd);
    if (rc != RC_OK)
        return ctl_fail(rc);
    if (strtol(answer, &text, 10) != 0)
        return ctl_fail(err_set(RC_STATE, "no freeze:%s", text));
    printf("freezing to%s\n", text);
    return CTL_DONE;
}

/* ---- dump ---- */

void ctl_find_recording(const struct ctl *ctl, const char *name, char *path, size_t size)
{
    static struct session session;
    char folder[PATH_SIZE - 260];

    snprintf(path, size, "%s", name);
    if (access(path, F_OK) == 0 || strchr(name, '/') || (!ctl->config_path && !ctl->instance) ||
        session_locate(&session, ctl) != RC_OK)
        return;
    records_folder(&session, folder, sizeof folder);
    snprintf(path, size, "%s/%.255s", folder, name);
    session_close(&session);
}

static int dump(struct ctl *ctl)
{
    struct dump_spec spec = {0};
    const char *run = NULL;
    char path[PATH_SIZE];
    enum rc rc;

    if (args_take_text(&ctl->args, "--hdf5", &spec.hdf5_path) != RC_OK ||
        args_take_text(&ctl->args, "--csv", &spec.csv_path) != RC_OK ||
        args_take_text(&ctl->args, "--run", &run) != RC_OK ||
        args_finish(&ctl->args, 1, 1) != RC_OK)
        return ctl_usage(ctl);
    if (!spec.hdf5_path == !spec.csv_path) {
        (void) !err_set(RC_INPUT, "one of --hdf5 FILE and --csv FILE");
        return ctl_usage(ctl);
    }
    spec.run_id = run ? strtoull(run, NULL, 10) : 0;
    ctl_find_recording(ctl, ctl->args.item[0], path, sizeof path);
    rc = record_dump(path, &spec);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}

int command_record(struct ctl *ctl)
{
    static struct session session;
    const char *what = ctl->args.count ? ctl->args.item[0] : "";
    int (*run)(struct ctl *, struct session *) = NULL;
    enum rc rc;
    int code;

    if (strcmp(what, "list") == 0)
        run = list;
    else if (strcmp(what, "freeze") == 0)
        run = freeze;
    else if (strcmp(what, "dump") != 0) {
        (void) !err_set(RC_INPUT, "list, dump or freeze?");
        return ctl_usage(ctl);
    }
    ctl->args.item++;
    ctl->args.count--;
    if (!run)
        return dump(ctl);
    rc = session_locate(&session, ctl);
    if (rc != RC_OK)
        return ctl_fail(rc);
    code = run(ctl, &session);
    session_close(&session);
    return code;
}
