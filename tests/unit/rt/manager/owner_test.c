#include "tests/support/test.h"

#include <string.h>

#include "rt/manager/owner.h"

static const struct server_peer alice = {.uid = 1, .connection = 11, .name = "alice"};
static const struct server_peer alice_again = {.uid = 1, .connection = 12, .name = "alice"};
static const struct server_peer bob = {.uid = 2, .connection = 21, .name = "bob"};
static const struct server_peer false_alice = {.uid = 2, .connection = 22, .name = "alice"};

enum { SECOND_NS = 1000000000 };

static void what_nobody_owns_anybody_may_change(void **state)
{
    struct owner owner = {0};
    char text[128];

    (void) state;
    assert_int_equal(owner_check(&owner, &alice, 0), RC_OK);
    assert_int_equal(owner_check(&owner, &bob, 0), RC_OK);
    owner_describe(&owner, 0, text, sizeof text);
    assert_string_equal(text, "nobody");
    assert_int_equal(owner_release(&owner, &alice, 0), RC_STATE);
}

static void others_are_refused_with_the_owners_name(void **state)
{
    struct owner owner = {0};
    char before[ORBIT_NAME_SIZE];

    (void) state;
    assert_int_equal(owner_take(&owner, &alice, 5LL * SECOND_NS, false, 0, before), RC_OK);
    assert_int_equal(owner_check(&owner, &bob, SECOND_NS), RC_DENIED);
    assert_non_null(strstr(err_text(), "alice"));
    assert_int_equal(owner_release(&owner, &bob, SECOND_NS), RC_DENIED);
    assert_int_equal(owner_take(&owner, &bob, SECOND_NS, false, 0, before), RC_DENIED);
}

static void the_session_is_its_name_and_its_user_not_its_connection(void **state)
{
    struct owner owner = {0};
    char before[ORBIT_NAME_SIZE];

    (void) state;
    assert_int_equal(owner_take(&owner, &alice, 5LL * SECOND_NS, false, 0, before), RC_OK);
    assert_int_equal(owner_check(&owner, &alice_again, 0), RC_OK);
    assert_int_equal(owner_check(&owner, &false_alice, 0), RC_DENIED);
    assert_false(owner_forget(&owner, alice.connection));
    assert_int_equal(owner_check(&owner, &bob, 0), RC_DENIED);
}

static void a_lease_ends_at_its_time(void **state)
{
    struct owner owner = {0};
    char before[ORBIT_NAME_SIZE];

    (void) state;
    assert_int_equal(owner_take(&owner, &alice, 5LL * SECOND_NS, false, 0, before), RC_OK);
    assert_int_equal(owner_check(&owner, &bob, 5LL * SECOND_NS - 1), RC_DENIED);
    assert_int_equal(owner_check(&owner, &bob, 5LL * SECOND_NS), RC_OK);
}

static void without_a_lease_it_ends_with_its_connection(void **state)
{
    struct owner owner = {0};
    char before[ORBIT_NAME_SIZE];

    (void) state;
    assert_int_equal(owner_take(&owner, &alice, 0, false, 0, before), RC_OK);
    assert_int_equal(owner_check(&owner, &bob, 3600LL * SECOND_NS), RC_DENIED);
    assert_false(owner_forget(&owner, bob.connection));
    assert_true(owner_forget(&owner, alice.connection));
    assert_int_equal(owner_check(&owner, &bob, 0), RC_OK);
}

static void a_takeover_names_who_lost_it(void **state)
{
    struct owner owner = {0};
    char before[ORBIT_NAME_SIZE];

    (void) state;
    assert_int_equal(owner_take(&owner, &alice, SECOND_NS, false, 0, before), RC_OK);
    assert_string_equal(before, "");
    assert_int_equal(owner_take(&owner, &bob, SECOND_NS, true, 0, before), RC_OK);
    assert_string_equal(before, "alice");
    assert_int_equal(owner_check(&owner, &alice, 0), RC_DENIED);
    assert_int_equal(owner_release(&owner, &bob, 0), RC_OK);
    assert_int_equal(owner_check(&owner, &alice, 0), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_owns_anybody_may_change),
        cmocka_unit_test(others_are_refused_with_the_owners_name),
        cmocka_unit_test(the_session_is_its_name_and_its_user_not_its_connection),
        cmocka_unit_test(a_lease_ends_at_its_time),
        cmocka_unit_test(without_a_lease_it_ends_with_its_connection),
        cmocka_unit_test(a_takeover_names_who_lost_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
