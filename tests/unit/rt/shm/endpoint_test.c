#include "tests/support/test.h"

#include "rt/shm/endpoint.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "tests/support/exchange_rig.h"

struct pair {
    int a, b;
    unsigned n_fd; /* open before the test */
};

static struct pair pair;

static int set_up(void **state)
{
    int fds[2];

    (void) state;
    pair.n_fd = rig_n_fd();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return -1;
    pair.a = fds[0];
    pair.b = fds[1];
    return 0;
}

/* No test may leave a descriptor open, received ones included. */
static int tear_down(void **state)
{
    (void) state;
    close(pair.a);
    close(pair.b);
    return rig_n_fd() == pair.n_fd ? 0 : -1;
}

static void a_message_arrives_with_its_descriptors(void **state)
{
    struct endpoint_fds sent = {.n = 2, .fd = {pair.a, pair.b}};
    struct endpoint_fds got;
    struct orbit_msg msg, copy;

    (void) state;
    endpoint_prepare(&msg, MSG_COMMAND);
    strcpy(msg.text, "mode shadow");
    assert_int_equal(endpoint_send(pair.a, &msg, &sent, 0), RC_OK);
    assert_int_equal(endpoint_receive(pair.b, &copy, &got, 2, 0), RC_OK);
    assert_memory_equal(&copy, &msg, sizeof msg);
    assert_int_equal(got.n, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_not_equal(got.fd[i], sent.fd[i]);
        assert_true((fcntl(got.fd[i], F_GETFD) & FD_CLOEXEC) != 0);
    }
    endpoint_close_fds(&got);
    assert_int_equal(got.n, 0);
}

static void waiting_ends_in_time(void **state)
{
    struct endpoint_fds got;
    struct orbit_msg msg;
    int64_t start_ns = clock_mono_ns();

    (void) state;
    assert_int_equal(endpoint_receive(pair.b, &msg, &got, 0, 0), RC_TIMEOUT);
    assert_int_equal(endpoint_receive(pair.b, &msg, &got, 0, 30), RC_TIMEOUT);
    assert_true(clock_mono_ns() - start_ns >= 30000000);
}

static void a_full_queue_is_a_timeout_and_a_closed_one_is_gone(void **state)
{
    struct endpoint_fds got;
    struct orbit_msg msg;
    enum rc rc = RC_OK;

    (void) state;
    endpoint_prepare(&msg, MSG_REPLY);
    for (int i = 0; i < 100000 && rc == RC_OK; i++)
        rc = endpoint_send(pair.a, &msg, NULL, 0);
    assert_int_equal(rc, RC_TIMEOUT);
    close(pair.b);
    assert_int_equal(endpoint_send(pair.a, &msg, NULL, 0), RC_GONE);
    assert_int_equal(endpoint_receive(pair.a, &msg, &got, 0, 0), RC_GONE);
    pair.b = dup(pair.a);
}

static void the_last_words_of_a_peer_that_closed_are_heard(void **state)
{
    struct endpoint_fds got;
    struct orbit_msg msg;

    (void) state;
    endpoint_prepare(&msg, MSG_REPLY);
    assert_int_equal(endpoint_send(pair.a, &msg, NULL, 0), RC_OK);
    assert_int_equal(endpoint_send(pair.b, &msg, NULL, 0), RC_OK);
    close(pair.a); /* with our message unread */
    assert_int_equal(endpoint_receive(pair.b, &msg, &got, 0, 0), RC_OK);
    assert_int_equal(endpoint_receive(pair.b, &msg, &got, 0, 0), RC_GONE);
    pair.a = dup(pair.b);
}

static void expect_refusal(const char *reason)
{
    struct endpoint_fds got;
    struct orbit_msg msg;

    assert_int_equal(endpoint_receive(pair.b, &msg, &got, 1, 0), RC_INPUT);
    assert_int_equal(got.n, 0);
    assert_non_null(strstr(err_text(), reason));
}

static void wrong_sizes_are_refused(void **state)
{
    static unsigned char bytes[3 * sizeof(struct orbit_msg)];
    struct orbit_msg msg;

    (void) state;
    endpoint_prepare(&msg, MSG_COMMAND);
    memcpy(bytes, &msg, sizeof msg);
    assert_true(send(pair.a, bytes, 1, 0) == 1);
    expect_refusal("1 bytes");
    assert_true(send(pair.a, bytes, sizeof msg - 1, 0) > 0);
    expect_refusal("expected");
    assert_true(send(pair.a, bytes, sizeof bytes, 0) > 0);
    expect_refusal("expected");
}

static void foreign_contents_are_refused(void **state)
{
    struct orbit_msg msg;

    (void) state;
    endpoint_prepare(&msg, MSG_COMMAND);
    msg.magic++;
    assert_int_equal(endpoint_send(pair.a, &msg, NULL, 0), RC_OK);
    expect_refusal("not a message of orbitd");
    endpoint_prepare(&msg, MSG_COMMAND);
    msg.layout_hash++;
    assert_int_equal(endpoint_send(pair.a, &msg, NULL, 0), RC_OK);
    expect_refusal("layout");
    endpoint_prepare(&msg, MSG_COMMAND);
    memset(msg.text, 'x', sizeof msg.text);
    assert_int_equal(endpoint_send(pair.a, &msg, NULL, 0), RC_OK);
    expect_refusal("not terminated");
}

/* More descriptors than anything of ours would send, and descriptors with a message that is
 * bad. */
static void unwanted_descriptors_are_closed(void **state)
{
    enum { MANY = 253 };
    struct orbit_msg msg;
    struct iovec part = {.iov_base = &msg, .iov_len = sizeof msg};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MANY * sizeof(int))];
    } control;
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    struct cmsghdr *item = CMSG_FIRSTHDR(&header);
    int fds[MANY];

    (void) state;
    for (int i = 0; i < MANY; i++)
        fds[i] = pair.a;
    memset(&control, 0, sizeof control);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(item), fds, sizeof fds);
    endpoint_prepare(&msg, MSG_COMMAND);
    assert_true(sendmsg(pair.a, &header, 0) > 0);
    expect_refusal("more than 1 descriptors");
    assert_int_equal(rig_n_fd(), pair.n_fd + 2);
    msg.magic++;
    header.msg_controllen = CMSG_SPACE(sizeof(int));
    item->cmsg_len = CMSG_LEN(sizeof(int));
    assert_true(sendmsg(pair.a, &header, 0) > 0);
    expect_refusal("not a message of orbitd");
    assert_int_equal(rig_n_fd(), pair.n_fd + 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_message_arrives_with_its_descriptors),
        T(waiting_ends_in_time),
        T(a_full_queue_is_a_timeout_and_a_closed_one_is_gone),
        T(the_last_words_of_a_peer_that_closed_are_heard),
        T(wrong_sizes_are_refused),
        T(foreign_contents_are_refused),
        T(unwanted_descriptors_are_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
