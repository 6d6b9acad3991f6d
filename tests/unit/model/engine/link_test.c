/* Handing the set over: once, again after a restart of orbitd, not again after a refusal. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/engine/link.h"
#include "rt/base/clock.h"
#include "tests/support/exchange_rig.h"

static struct rig rig;
static struct link link_;
static struct cfg cfg;
static struct result result;
static double r[10 * 6], k[6 * 10];

static void make_result(void)
{
    memset(&result, 0, sizeof result);
    result.head.dims = (struct orbit_dims){.n_bpm = 5, .n_h = 2, .n_v = 3, .n_rf = 1};
    result.head.device_hash = RIG_DEVICES;
    result.head.n_block = 1;
    result.head.block[0] = (struct param_block){.n_row = 5, .n_col = 2};
    result.r = r;
    result.inverses.k = k;
    for (int i = 0; i < 60; i++) {
        r[i] = 1;
        k[i] = 2;
    }
}

static int setup(void **state)
{
    (void) state;
    make_result();
    memset(&link_, 0, sizeof link_);
    memset(&cfg, 0, sizeof cfg);
    rig_create(&rig);
    rig_start(&rig);
    link_offer(&link_, &cfg);
    memcpy(link_.socket_path, rig.socket_path, sizeof rig.socket_path);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    link_close(&link_);
    rig_stop(&rig);
    rig_destroy(&rig);
    return 0;
}

static void the_set_arrives_once(void **state)
{
    (void) state;
    link_tend(&link_, &result);
    link_tend(&link_, &result);
    assert_int_equal(rig.n_parameters, 1);
    assert_close(rig.r_sum, 60, 0, 0);
    assert_close(rig.k_sum, 120, 0, 0);
    assert_int_equal(rig.peer.role, ROLE_MODEL);
    assert_false(link_.pending);
}

static void without_a_result_nothing_is_sent(void **state)
{
    (void) state;
    link_tend(&link_, NULL);
    assert_int_equal(link_fd(&link_), -1);
    assert_int_equal(rig.n_parameters, 0);
}

static void a_restarted_orbitd_gets_it_again(void **state)
{
    (void) state;
    link_tend(&link_, &result);
    rig_stop(&rig);
    rig_destroy(&rig);
    rig_create(&rig);
    rig_start(&rig);
    memcpy(link_.socket_path, rig.socket_path, sizeof rig.socket_path);
    assert_int_equal(rig.n_parameters, 0);
    link_tend(&link_, &result); /* notices, attaches, sends */
    assert_int_equal(rig.n_parameters, 1);
}

static void a_refused_set_is_not_sent_again_until_there_is_a_new_one(void **state)
{
    (void) state;
    rig.verdict = RC_INPUT;
    rig.answer = "rejected: not finite";
    link_tend(&link_, &result);
    link_tend(&link_, &result);
    assert_int_equal(rig.n_parameters, 1);
    link_.pending = true; /* what link_offer says, with the rig's path kept */
    link_tend(&link_, &result);
    assert_int_equal(rig.n_parameters, 2);
}

static void a_busy_orbitd_is_asked_again_later(void **state)
{
    (void) state;
    rig.verdict = RC_STATE;
    rig.answer = "all parameter slots are in use";
    link_tend(&link_, &result);
    assert_int_equal(rig.n_parameters, 1);
    assert_true(link_.pending);
    link_tend(&link_, &result);
    assert_int_equal(rig.n_parameters, 1); /* not before the back-off is over */
    link_.due_ns = clock_mono_ns();
    rig.verdict = RC_OK;
    link_tend(&link_, &result);
    assert_int_equal(rig.n_parameters, 2);
    assert_false(link_.pending);
}

static void back_off_doubles_to_its_limit(void **state)
{
    int64_t before_ns = 0;

    (void) state;
    snprintf(link_.socket_path, sizeof link_.socket_path, "%s/nobody", rig.folder);
    for (int i = 0; i < 8; i++) {
        link_.due_ns = 0;
        link_tend(&link_, &result);
        assert_true(link_.backoff_ns >= before_ns);
        before_ns = link_.backoff_ns;
        if (i == 0)
            assert_int_equal(link_.backoff_ns, LINK_BACKOFF_FIRST_NS);
    }
    assert_int_equal(link_.backoff_ns, LINK_BACKOFF_MOST_NS);
}

static void another_device_table_is_refused_by_orbitd(void **state)
{
    (void) state;
    result.head.device_hash = RIG_DEVICES + 1;
    link_tend(&link_, &result);
    assert_int_equal(rig.n_parameters, 0);
    assert_int_equal(link_fd(&link_), -1);
    assert_true(link_.said[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_set_arrives_once, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_result_nothing_is_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restarted_orbitd_gets_it_again, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_refused_set_is_not_sent_again_until_there_is_a_new_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_busy_orbitd_is_asked_again_later, setup, teardown),
        cmocka_unit_test_setup_teardown(back_off_doubles_to_its_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(another_device_table_is_refused_by_orbitd, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
