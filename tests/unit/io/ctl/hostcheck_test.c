/* Judging a host: what holds on any. */
#include "tests/support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "io/ctl/hostcheck.h"

static struct finding finding[HOSTCHECK_MAX];

static const struct finding *find(unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(finding[i].name, name) == 0)
            return &finding[i];
    fail_msg("no finding %s", name);
    return NULL;
}

static void lists_of_processors_are_understood(void **state)
{
    (void) state;
    assert_true(hostcheck_list_has("3", 3));
    assert_true(hostcheck_list_has("0,2-5", 4));
    assert_false(hostcheck_list_has("0,2-5", 1));
    assert_false(hostcheck_list_has("0,2-5", 6));
    assert_false(hostcheck_list_has("", 0));
    assert_false(hostcheck_list_has("(null)", 0));
}

static void everything_that_is_not_good_has_a_remedy(void **state)
{
    const struct host_needs needs = {.core = -1, .priority = 80, .memory_b = 64 << 20};
    unsigned n = hostcheck_run(&needs, finding);

    (void) state;
    assert_int_equal(n, 14);
    for (unsigned i = 0; i < n; i++) {
        assert_true(finding[i].found[0] != '\0');
        if ((finding[i].fitness == FITNESS_OK) != (finding[i].remedy[0] == '\0'))
            fail_msg("%s: '%s' has remedy '%s'", finding[i].name, finding[i].found,
                     finding[i].remedy);
    }
}

static void a_processor_that_is_not_allowed_is_bad(void **state)
{
    const struct host_needs needs = {.core = 1000, .priority = 0, .memory_b = 1 << 20};
    unsigned n = hostcheck_run(&needs, finding);

    (void) state;
    assert_int_equal(find(n, "processor")->fitness, FITNESS_BAD);
    assert_int_equal(find(n, "SCHED_FIFO")->fitness, FITNESS_DEGRADED);
}

static void more_memory_than_an_address_space_cannot_be_locked(void **state)
{
    const struct host_needs needs = {.core = -1, .priority = 0, .memory_b = 1ULL << 60};
    unsigned n = hostcheck_run(&needs, finding);

    (void) state;
    assert_int_equal(find(n, "memory lock")->fitness, FITNESS_DEGRADED);
}

static pthread_barrier_t barrier;

static void *be_fifo(void *granted)
{
    struct sched_param param = {.sched_priority = 1};

    *(bool *) granted = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void a_foreign_fifo_thread_is_found_where_it_may_run(void **state)
{
    const struct host_needs needs = {.core = -1, .priority = 0, .memory_b = 1 << 20};
    bool granted = false;
    pthread_t thread;
    unsigned n;

    (void) state;
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, be_fifo, &granted), 0);
    pthread_barrier_wait(&barrier);
    n = hostcheck_run(&needs, finding);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    if (!granted)
        skip(); /* an ordinary user cannot make one */
    assert_int_equal(find(n, "other FIFO")->fitness, FITNESS_DEGRADED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_processors_are_understood),
        cmocka_unit_test(everything_that_is_not_good_has_a_remedy),
        cmocka_unit_test(a_processor_that_is_not_allowed_is_bad),
        cmocka_unit_test(more_memory_than_an_address_space_cannot_be_locked),
        cmocka_unit_test(a_foreign_fifo_thread_is_found_where_it_may_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
