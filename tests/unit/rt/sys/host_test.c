/* The verdict: exactly "real-time" when all was granted, else one remedy for each thing that is
 * missing. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "rt/sys/host.h"

static const struct host_wish wish = {.core = 1, .priority = 80};

static struct host_grant everything(void)
{
    return (struct host_grant){.core = 1,
                               .priority = 80,
                               .memory_locked = true,
                               .preempt_rt = true,
                               .core_isolated = true,
                               .dma_latency_held = true,
                               .clock_is_fast = true,
                               .rt_runtime_us = -1};
}

static void assert_degraded(const struct host_grant *grant, const struct host_wish *asked,
                            const char *remedy)
{
    char text[2048];

    assert_false(host_verdict(grant, asked, text, sizeof text));
    assert_memory_equal(text, "degraded: ", 10);
    assert_non_null(strstr(text, remedy));
    assert_null(strchr(text, ';')); /* one thing is missing, one is named */
}

static void all_granted_is_exactly_real_time(void **state)
{
    struct host_grant grant = everything();
    char text[2048];

    (void) state;
    assert_true(host_verdict(&grant, &wish, text, sizeof text));
    assert_string_equal(text, "real-time");
}

static void each_missing_right_is_named_with_its_remedy(void **state)
{
    struct host_grant grant = everything();

    (void) state;
    grant.preempt_rt = false;
    assert_degraded(&grant, &wish, "boot an rt kernel");
    grant = everything(), grant.priority = 50;
    assert_degraded(&grant, &wish, "CAP_SYS_NICE");
    grant = everything(), grant.core = -1;
    assert_degraded(&grant, &wish, "loop.core");
    grant = everything(), grant.core_isolated = false;
    assert_degraded(&grant, &wish, "isolcpus");
    grant = everything(), grant.memory_locked = false;
    assert_degraded(&grant, &wish, "CAP_IPC_LOCK");
    grant = everything(), grant.dma_latency_held = false;
    assert_degraded(&grant, &wish, "/dev/cpu_dma_latency");
    grant = everything(), grant.clock_is_fast = false;
    assert_degraded(&grant, &wish, "clocksource=tsc");
    grant = everything();
    grant.rivals.n = 1;
    snprintf(grant.rivals.names, sizeof grant.rivals.names, "burner (4711)");
    assert_degraded(&grant, &wish, "burner (4711)");
}

static void throttling_matters_when_it_takes_what_the_loop_needs(void **state)
{
    const struct host_wish spinning = {.core = 1, .priority = 80, .spin = true};
    struct host_grant grant = everything();
    char text[2048];

    (void) state;
    grant.rt_runtime_us = 950000;
    assert_true(host_verdict(&grant, &wish, text, sizeof text));
    assert_degraded(&grant, &spinning, "sched_rt_runtime_us=-1");
    grant.rt_runtime_us = 500000;
    assert_degraded(&grant, &wish, "sched_rt_runtime_us=-1");
}

static void the_fair_server_matters_to_a_loop_that_never_sleeps(void **state)
{
    const struct host_wish spinning = {.core = 1, .priority = 80, .spin = true};
    struct host_grant grant = everything();
    char text[2048];

    (void) state;
    assert_true(host_verdict(&grant, &spinning, text, sizeof text));
    grant.fair_server_ns = 50000000;
    assert_true(host_verdict(&grant, &wish, text, sizeof text));
    assert_degraded(&grant, &spinning, "fair_server");
    grant.fair_server_ns = -1; /* not readable is not the same as off */
    assert_degraded(&grant, &spinning, "fair_server");
}

static void spinning_needs_a_processor_that_is_the_loops_alone(void **state)
{
    struct host_grant grant = everything();
    char why[1024];

    (void) state;
    assert_true(host_allows_spin(&grant, why, sizeof why));
    grant.core_isolated = false;
    assert_false(host_allows_spin(&grant, why, sizeof why));
    assert_non_null(strstr(why, "isolcpus"));
    grant = everything(), grant.rt_runtime_us = 999999;
    assert_false(host_allows_spin(&grant, why, sizeof why));
    assert_non_null(strstr(why, "sched_rt_runtime_us=-1"));
    grant = everything(), grant.fair_server_ns = 1;
    assert_false(host_allows_spin(&grant, why, sizeof why));
    assert_non_null(strstr(why, "fair_server"));
    grant = everything(), grant.core = -1;
    assert_false(host_allows_spin(&grant, why, sizeof why));
    assert_non_null(strstr(why, "loop.core"));
}

static void a_small_buffer_is_never_overrun(void **state)
{
    struct host_grant grant = {.core = -1};
    char text[64];

    (void) state;
    memset(text, '#', sizeof text);
    assert_false(host_verdict(&grant, &wish, text, 40));
    assert_true(strlen(text) < 40);
    assert_int_equal(text[40], '#');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_granted_is_exactly_real_time),
        cmocka_unit_test(each_missing_right_is_named_with_its_remedy),
        cmocka_unit_test(throttling_matters_when_it_takes_what_the_loop_needs),
        cmocka_unit_test(the_fair_server_matters_to_a_loop_that_never_sleeps),
        cmocka_unit_test(spinning_needs_a_processor_that_is_the_loops_alone),
        cmocka_unit_test(a_small_buffer_is_never_overrun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
