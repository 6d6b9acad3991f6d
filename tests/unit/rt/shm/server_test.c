/* orbitd's server with its real client, over a real socket. */
#include "tests/support/test.h"

#include "rt/shm/server.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/shm/client.h"
#include "rt/shm/endpoint.h"
#include "tests/support/exchange_rig.h"

enum { PATIENCE_MS = 5000 };

struct fixture {
    struct rig rig;
    unsigned n_fd;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->n_fd = rig_n_fd();
    rig_create(&f->rig);
    rig_start(&f->rig);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    bool leaked;

    rig_stop(&f->rig);
    rig_destroy(&f->rig);
    leaked = rig_n_fd() != f->n_fd;
    free(f);
    return leaked ? -1 : 0;
}

static struct client *open_client(struct fixture *f, enum client_role role, const char *name)
{
    struct client *client = NULL;

    if (client_open(&client, f->rig.socket_path, role, name, RIG_DEVICES) != RC_OK)
        fail_msg("%s", err_text());
    return client;
}

static void refused(struct fixture *f, enum client_role role, const char *name,
                    uint64_t device_hash, enum rc code, const char *reason)
{
    struct client *client = NULL;

    assert_int_equal(client_open(&client, f->rig.socket_path, role, name, device_hash), code);
    assert_null(client);
    if (!strstr(err_text(), reason))
        fail_msg("'%s' does not say '%s'", err_text(), reason);
}

/* Bounded wait for something that another thread does. */
static void wait_generation(struct fixture *f, unsigned source, bool attached)
{
    for (int i = 0; i < PATIENCE_MS; i++) {
        if ((f->rig.generation[source] != 0) == attached)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("source %u is not %s", source, attached ? "attached" : "detached");
}

static void an_observer_reads_what_the_loop_writes(void **state)
{
    struct fixture *f = *state;
    struct client *client = open_client(f, ROLE_OBSERVER, "viewer");
    const struct orbit_dims *dims = client_dims(client);
    struct status_block *status = f->rig.shared[SEG_STATUS].base;
    struct text_block *text = calloc(1, sizeof *text);
    struct hist *hist = calloc(1, sizeof *hist);
    double *snapshot = calloc(1, snapshot_size_b(dims));
    double *record = calloc(1, record_size_b(dims));
    uint64_t next = 0;
    uint64_t lost = 0;

    assert_int_equal(dims->n_bpm, 5);
    assert_int_equal(client_run_id(client), 7777);
    assert_true(client_alive(client));
    assert_int_equal(client_n_value(client), 0);
    assert_false(client_read_snapshot(client, snapshot));
    assert_false(client_read_text(client, text));
    assert_int_equal(client_read_record(client, &next, record, &lost), 0);

    status->counter[COUNTER_CYCLES] = 12;
    hist_record(&status->phase[PHASE_CYCLE], 1000);
    snapshot[snapshot_offset_b(dims, VEC_STEP) / 8] = 0.5;
    slot_ring_write(&f->rig.ring[SEG_SNAPSHOT], snapshot);
    strcpy(text->why, "no beam");
    slot_ring_write(&f->rig.ring[SEG_TEXT], text);
    record[0] = 2.5;
    slot_ring_write(&f->rig.ring[SEG_RECORD], record);
    memset(snapshot, 0, snapshot_size_b(dims));
    memset(text, 0, sizeof *text);
    record[0] = 0;

    assert_int_equal(status_load(&client_status(client)->counter[COUNTER_CYCLES]), 12);
    client_copy_phase(client, PHASE_CYCLE, hist);
    assert_int_equal(hist->count, 1);
    assert_true(client_read_snapshot(client, snapshot));
    assert_true(snapshot_values(dims, snapshot, VEC_STEP)[0] == 0.5);
    assert_true(client_read_text(client, text));
    assert_string_equal(text->why, "no beam");
    assert_int_equal(client_read_record(client, &next, record, &lost), 1);
    assert_true(record[0] == 2.5);
    assert_int_equal(next, 2);

    client_close(client);
    free(text);
    free(hist);
    free(snapshot);
    free(record);
}

static void a_source_publishes_and_its_end_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct client *client = open_client(f, ROLE_SOURCE, "act");
    struct frame_head head = {.frame_seq = 1, .n_value = 6};
    const double value[6] = {1, 2, 3, 4, 5, 6};
    const int64_t t_ns[6] = {0};
    const uint64_t quality[6] = {0};
    _Alignas(64) unsigned char memory[6 * 32];
    struct frame_reader reader;
    struct frame_view view;

    wait_generation(f, RIG_ACT, true);
    assert_int_equal(client_generation(client), f->rig.generation[RIG_ACT]);
    assert_int_equal(client_n_value(client), 6);
    assert_true(client_publish_frame(client, &head, value, value, t_ns, quality));
    head.n_value = 10;
    assert_false(client_publish_frame(client, &head, value, value, t_ns, quality));
    assert_int_equal(frame_reader_attach(&reader, &f->rig.input[RIG_ACT], 6, memory), RC_OK);
    assert_true(frame_read(&reader, &view));
    assert_int_equal(view.head.source_id, RIG_ACT);
    assert_int_equal(view.head.generation, client_generation(client));
    assert_memory_equal(view.value, value, sizeof value);
    client_close(client);
    wait_generation(f, RIG_ACT, false);
}

static void an_observer_cannot_publish(void **state)
{
    struct client *client = open_client(*state, ROLE_OBSERVER, "viewer");
    const double value[1] = {0};
    const struct frame_head head = {.frame_seq = 1};

    assert_false(client_publish_frame(client, &head, value, value, NULL, NULL));
    client_close(client);
}

static void one_source_has_one_connection_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct client *first = open_client(f, ROLE_SOURCE, "bpm");
    struct client *second;
    char by[32];

    snprintf(by, sizeof by, "by pid %d", (int) getpid());
    refused(f, ROLE_SOURCE, "bpm", 0, RC_DENIED, by);
    client_close(first);
    second = open_client(f, ROLE_SOURCE, "bpm");
    assert_true(client_generation(second) >= 2);
    client_close(second);
}

/* Its successor may say hello before the server has looked at the dead connection. */
static void a_killed_source_is_replaced_at_once(void **state)
{
    struct fixture *f = *state;
    struct client *successor = NULL;
    int ready[2];
    char byte;
    pid_t pid;

    rig_stop(&f->rig); /* one thread while forking */
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct client *client;
        bool good = client_open(&client, f->rig.socket_path, ROLE_SOURCE, "bpm", 0) == RC_OK;

        if (write(ready[1], good ? "y" : "n", 1) == 1)
            pause();
        _exit(1);
    }
    rig_start(&f->rig);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(client_open(&successor, f->rig.socket_path, ROLE_SOURCE, "bpm", 0), RC_OK);
    client_close(successor);
    close(ready[0]);
    close(ready[1]);
}

static void who_does_not_fit_is_refused_with_the_reason(void **state)
{
    struct fixture *f = *state;

    refused(f, ROLE_SOURCE, "nobody", 0, RC_DENIED, "configured: bpm, act");
    refused(f, ROLE_OBSERVER, "viewer", 1, RC_INPUT, "device table");
    refused(f, ROLE_OBSERVER, "", 0, RC_INPUT, "1 to 31 bytes");
    refused(f, ROLE_OBSERVER, "two words", 0, RC_INPUT, "printable");
    refused(f, ROLE_OBSERVER, "a-name-that-is-longer-than-a-name-may-be", 0, RC_RANGE,
            "longer");
    refused(f, (enum client_role) 9, "viewer", 0, RC_INPUT, "role 9");
}

static void without_orbitd_the_socket_is_named(void **state)
{
    struct client *client;

    (void) state;
    assert_int_equal(client_open(&client, "/tmp/no-such-orbitd", ROLE_OBSERVER, "x", 0),
                     RC_SYS);
    assert_non_null(strstr(err_text(), "/tmp/no-such-orbitd"));
}

static void a_command_is_answered_with_code_and_text(void **state)
{
    struct fixture *f = *state;
    struct client *client = open_client(f, ROLE_OBSERVER, "operator");
    char reply[64];

    f->rig.answer = "now SHADOW";
    assert_int_equal(client_command(client, "mode shadow", PATIENCE_MS, reply, sizeof reply),
                     RC_OK);
    assert_string_equal(reply, "now SHADOW");
    assert_string_equal(f->rig.line, "mode shadow");
    assert_string_equal(f->rig.peer.name, "operator");
    assert_int_equal(f->rig.peer.pid, getpid());
    assert_true(f->rig.peer.is_operator);
    f->rig.verdict = RC_STATE;
    f->rig.answer = "no beam";
    assert_int_equal(client_command(client, "mode closed", PATIENCE_MS, reply, sizeof reply),
                     RC_STATE);
    assert_string_equal(reply, "no beam");
    assert_string_equal(err_text(), "no beam");
    assert_int_equal(client_command(client, "a\nb", PATIENCE_MS, reply, sizeof reply),
                     RC_INPUT);
    assert_int_equal(f->rig.n_command, 2);
    assert_true(client_alive(client));
    client_close(client);
}

static void a_late_answer_is_not_taken_for_the_next_one(void **state)
{
    struct fixture *f = *state;
    struct client *client = open_client(f, ROLE_OBSERVER, "operator");
    char reply[64];

    rig_stop(&f->rig);
    f->rig.answer = "first";
    assert_int_equal(client_command(client, "one", 1, reply, sizeof reply), RC_TIMEOUT);
    rig_poll(&f->rig);
    f->rig.answer = "second";
    rig_start(&f->rig);
    assert_int_equal(client_command(client, "two", PATIENCE_MS, reply, sizeof reply), RC_OK);
    assert_string_equal(reply, "second");
    client_close(client);
}

static void a_model_sends_matrices_and_others_may_not(void **state)
{
    struct fixture *f = *state;
    struct client *model = open_client(f, ROLE_MODEL, "model");
    struct client *viewer = open_client(f, ROLE_OBSERVER, "viewer");
    struct param_head head = {.n_block = 1};
    double r[60], k[60];
    struct param_matrices matrices = param_matrices_of(&f->rig.config.dims, r, k);

    for (int i = 0; i < 60; i++) {
        r[i] = 1;
        k[i] = 2;
    }
    assert_int_equal(client_send_parameters(model, &head, &matrices, PATIENCE_MS), RC_OK);
    assert_int_equal(f->rig.n_parameters, 1);
    assert_true(f->rig.r_sum == 60 && f->rig.k_sum == 120);
    assert_int_equal(head.device_hash, RIG_DEVICES);
    f->rig.verdict = RC_NUMERIC;
    f->rig.answer = "unstable";
    assert_int_equal(client_send_parameters(model, &head, &matrices, PATIENCE_MS), RC_NUMERIC);
    assert_string_equal(err_text(), "unstable");
    assert_int_equal(client_send_parameters(viewer, &head, &matrices, PATIENCE_MS), RC_DENIED);
    head.n_block = 0;
    assert_int_equal(client_send_parameters(model, &head, &matrices, PATIENCE_MS), RC_INPUT);
    assert_int_equal(f->rig.n_parameters, 2);
    client_close(model);
    client_close(viewer);
}

static void clients_see_the_end_of_orbitd_and_keep_what_they_mapped(void **state)
{
    struct fixture *f = *state;
    struct client *client = open_client(f, ROLE_OBSERVER, "viewer");
    struct pollfd poll_fd = {.fd = client_fd(client), .events = POLLIN};
    char reply[16];

    rig_stop(&f->rig);
    rig_destroy(&f->rig);
    assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
    assert_false(client_alive(client));
    assert_int_equal(client_command(client, "x", PATIENCE_MS, reply, sizeof reply), RC_GONE);
    assert_int_equal(status_load(&client_status(client)->head.run_id), 7777);
    client_close(client);
    rig_create(&f->rig);
    rig_start(&f->rig);
}

static void a_second_instance_is_refused_and_a_stale_socket_replaced(void **state)
{
    struct fixture *f = *state;
    struct server *second = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    char mine[32];

    snprintf(mine, sizeof mine, "pid %d", (int) getpid());
    assert_int_equal(server_create(&second, &f->rig.config), RC_STATE);
    assert_null(second);
    assert_non_null(strstr(err_text(), mine));
    assert_int_equal(access(f->rig.socket_path, F_OK), 0);

    rig_stop(&f->rig);
    server_destroy(f->rig.server);
    assert_int_equal(access(f->rig.socket_path, F_OK), -1);
    strcpy(address.sun_path, f->rig.socket_path);
    assert_int_equal(bind(fd, (const struct sockaddr *) &address, sizeof address), 0);
    close(fd); /* the name stays, as after a crash */
    assert_int_equal(server_create(&f->rig.server, &f->rig.config), RC_OK);
    rig_start(&f->rig);
    client_close(open_client(f, ROLE_OBSERVER, "viewer"));
}

static void a_file_in_the_place_of_the_socket_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct server_config config = f->rig.config;
    struct server *server;
    char path[128], lock[160];
    FILE *file;

    snprintf(path, sizeof path, "%s/precious", f->rig.folder);
    snprintf(lock, sizeof lock, "%s.lock", path);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    config.socket_path = path;
    assert_int_equal(server_create(&server, &config), RC_STATE);
    assert_non_null(strstr(err_text(), "no socket"));
    assert_int_equal(unlink(path), 0);
    unlink(lock);
}

/* ---- clients that do not behave: raw sockets, served step by step ---- */

static int raw_connect(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, f->rig.socket_path);
    assert_int_equal(connect(fd, (const struct sockaddr *) &address, sizeof address), 0);
    return fd;
}

static void say_hello_as(int fd, enum client_role role, const char *name)
{
    struct orbit_msg msg;

    endpoint_prepare(&msg, MSG_HELLO);
    msg.arg[0] = role;
    strcpy(msg.text, name);
    assert_int_equal(endpoint_send(fd, &msg, NULL, 0), RC_OK);
}

static void say_hello(int fd)
{
    say_hello_as(fd, ROLE_OBSERVER, "raw");
}

/* The successor's place in the server's list is ahead of its predecessor's, whose end is
 * unread. */
static void a_successor_heard_before_the_end_of_its_predecessor_is_taken(void **state)
{
    struct fixture *f = *state;
    struct orbit_msg msg;
    struct endpoint_fds fds;
    int successor = raw_connect(f);
    int first = raw_connect(f);

    rig_stop(&f->rig);
    rig_poll(&f->rig);
    say_hello_as(first, ROLE_SOURCE, "bpm");
    rig_poll(&f->rig);
    assert_int_equal(f->rig.generation[RIG_BPM], 1);
    close(first);
    say_hello_as(successor, ROLE_SOURCE, "bpm");
    assert_int_equal(server_poll(f->rig.server, 0), RC_OK);
    assert_int_equal(f->rig.generation[RIG_BPM], 2);
    assert_int_equal(endpoint_receive(successor, &msg, &fds, ENDPOINT_MAX_FD, 0), RC_OK);
    assert_int_equal(msg.type, MSG_WELCOME);
    assert_int_equal(msg.generation, 2);
    endpoint_close_fds(&fds);
    close(successor);
    rig_start(&f->rig);
}

/* In a child with another uid; exit status 0 if all was refused that should be. */
static int try_as_stranger(const char *path)
{
    struct client *client;
    char reply[64];

    if (setresuid(65534, 65534, 65534) < 0)
        return 1;
    if (client_open(&client, path, ROLE_SOURCE, "bpm", 0) != RC_DENIED)
        return 2;
    if (client_open(&client, path, ROLE_MODEL, "model", 0) != RC_DENIED)
        return 3;
    if (client_open(&client, path, ROLE_OBSERVER, "viewer", 0) != RC_OK)
        return 4;
    if (client_command(client, "mode off", PATIENCE_MS, reply, sizeof reply) != RC_DENIED)
        return 5;
    client_close(client);
    return 0;
}

static void another_user_may_look_but_not_touch(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t pid;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(f->rig.folder, 0755), 0);
    rig_stop(&f->rig); /* one thread while forking */
    pid = fork();
    if (pid == 0)
        _exit(try_as_stranger(f->rig.socket_path));
    rig_start(&f->rig);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(f->rig.n_command, 0);
}

static void more_clients_than_places_are_told_so(void **state)
{
    struct fixture *f = *state;
    int fds[SERVER_MAX_CLIENT];

    rig_stop(&f->rig);
    for (int i = 0; i < SERVER_MAX_CLIENT; i++) {
        fds[i] = raw_connect(f);
        say_hello(fds[i]);
        rig_poll(&f->rig);
    }
    assert_int_equal(server_n_client(f->rig.server), SERVER_MAX_CLIENT);
    rig_start(&f->rig);
    refused(f, ROLE_OBSERVER, "late", 0, RC_STATE, "64 clients");
    rig_stop(&f->rig);
    for (int i = 0; i < SERVER_MAX_CLIENT; i++)
        close(fds[i]);
    rig_poll(&f->rig);
    assert_int_equal(server_n_client(f->rig.server), 0);
    rig_start(&f->rig);
    client_close(open_client(f, ROLE_OBSERVER, "later"));
}

static void a_silent_caller_loses_his_place(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char byte;

    assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

/* Sends commands and reads no answer: the queue fills, the server drops it and serves the
 * others. */
static void who_does_not_read_his_answers_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct orbit_msg msg;
    int fd = raw_connect(f);
    enum rc rc = RC_OK;

    rig_stop(&f->rig);
    say_hello(fd);
    endpoint_prepare(&msg, MSG_COMMAND);
    for (int i = 0; i < 100000 && rc == RC_OK; i++) {
        rc = endpoint_send(fd, &msg, NULL, 0);
        assert_int_equal(server_poll(f->rig.server, 0), RC_OK);
    }
    assert_int_equal(rc, RC_GONE);
    assert_int_equal(server_n_client(f->rig.server), 0);
    close(fd);
    rig_start(&f->rig);
}

static void one_call_serves_a_few_messages_of_each(void **state)
{
    struct fixture *f = *state;
    struct orbit_msg msg;
    int busy = raw_connect(f);
    int calm = raw_connect(f);

    rig_stop(&f->rig);
    say_hello(busy);
    say_hello(calm);
    rig_poll(&f->rig);
    endpoint_prepare(&msg, MSG_COMMAND);
    for (int i = 0; i < 6; i++)
        assert_int_equal(endpoint_send(busy, &msg, NULL, 0), RC_OK);
    assert_int_equal(endpoint_send(calm, &msg, NULL, 0), RC_OK);
    assert_int_equal(server_poll(f->rig.server, 0), RC_OK);
    assert_int_equal(f->rig.n_command, 5);
    rig_poll(&f->rig);
    assert_int_equal(f->rig.n_command, 7);
    close(busy);
    close(calm);
    rig_start(&f->rig);
}

/* Sends one message out of place; the answer names the fault, and the connection ends. */
static void expect_expulsion(struct fixture *f, bool greeted, const struct orbit_msg *msg,
                             const struct endpoint_fds *fds, const char *reason)
{
    int fd = raw_connect(f);
    struct orbit_msg got;
    struct endpoint_fds none;

    if (greeted) {
        say_hello(fd);
        assert_int_equal(endpoint_receive(fd, &got, &none, ENDPOINT_MAX_FD, PATIENCE_MS),
                         RC_OK);
        endpoint_close_fds(&none);
    }
    assert_int_equal(endpoint_send(fd, msg, fds, 0), RC_OK);
    assert_int_equal(endpoint_receive(fd, &got, &none, 0, PATIENCE_MS), RC_OK);
    assert_int_equal(got.code, RC_INPUT);
    if (!strstr(got.text, reason))
        fail_msg("'%s' does not say '%s'", got.text, reason);
    assert_int_equal(endpoint_receive(fd, &got, &none, 0, PATIENCE_MS), RC_GONE);
    close(fd);
}

static void messages_out_of_place_end_the_connection(void **state)
{
    struct fixture *f = *state;
    struct endpoint_fds fds = {.n = 1, .fd = {0}};
    struct orbit_msg msg;

    endpoint_prepare(&msg, MSG_COMMAND);
    expect_expulsion(f, false, &msg, NULL, "does not belong here");
    expect_expulsion(f, true, &msg, &fds, "descriptor");
    endpoint_prepare(&msg, MSG_HELLO);
    expect_expulsion(f, true, &msg, NULL, "does not belong here");
    endpoint_prepare(&msg, MSG_WELCOME);
    expect_expulsion(f, true, &msg, NULL, "does not belong here");
    msg.type = UINT64_MAX;
    expect_expulsion(f, false, &msg, NULL, "does not belong here");
    endpoint_prepare(&msg, MSG_HELLO);
    msg.layout_hash++;
    expect_expulsion(f, false, &msg, NULL, "same build");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_observer_reads_what_the_loop_writes),
        T(a_source_publishes_and_its_end_is_noticed),
        T(an_observer_cannot_publish),
        T(one_source_has_one_connection_at_a_time),
        T(a_killed_source_is_replaced_at_once),
        T(who_does_not_fit_is_refused_with_the_reason),
        T(without_orbitd_the_socket_is_named),
        T(a_command_is_answered_with_code_and_text),
        T(a_late_answer_is_not_taken_for_the_next_one),
        T(a_model_sends_matrices_and_others_may_not),
        T(clients_see_the_end_of_orbitd_and_keep_what_they_mapped),
        T(a_second_instance_is_refused_and_a_stale_socket_replaced),
        T(a_file_in_the_place_of_the_socket_is_left_alone),
        T(a_successor_heard_before_the_end_of_its_predecessor_is_taken),
        T(another_user_may_look_but_not_touch),
        T(more_clients_than_places_are_told_so),
        T(a_silent_caller_loses_his_place),
        T(who_does_not_read_his_answers_is_dropped),
        T(one_call_serves_a_few_messages_of_each),
        T(messages_out_of_place_end_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
