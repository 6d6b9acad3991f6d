/* Judging a host: what holds on any. */
#include "tests/support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

static void everything_that_is_not_good_has_a_remedy(void **state)
{
    const struct host_needs needs = {.core = -1, .priority = 80, .memory_b = 64 << 20};
    unsigned n = hostcheck_run(&needs, finding);

    (void) state;
    assert_int_equal(n, 15);
    for (unsigned i = 0; i < n; i++) {
        assert_true(finding[i].found[0] != '\0');
        assert_true(strlen(finding[i].why) > 20);
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

static void throttling_and_fair_server_are_about_a_loop_that_spins(void **state)
{
    struct host_needs needs = {.core = -1, .priority = 0, .memory_b = 1 << 20};
    unsigned n = hostcheck_run(&needs, finding);
    char line[32] = "";
    FILE *file = fopen("/proc/sys/kernel/sched_rt_runtime_us", "re");

    (void) state;
    assert_int_equal(find(n, "fair server")->fitness, FITNESS_OK);
    if (file && fgets(line, sizeof line, file) && atol(line) >= 850000) {
        assert_int_equal(find(n, "throttling")->fitness, FITNESS_OK);
        needs.spin = true;
        n = hostcheck_run(&needs, finding);
        assert_int_equal(find(n, "throttling")->fitness, FITNESS_BAD);
        assert_non_null(strstr(find(n, "throttling")->remedy, "sched_rt_runtime_us=-1"));
    }
    if (file)
        fclose(file);
}

static void more_memory_than_an_address_space_cannot_be_locked(void **state)
{
    const struct host_needs needs = {.core = -1, .priority = 0, .memory_b = 1ULL << 60};
    unsigned n = hostcheck_run(&needs, finding);

    (void) state;
    assert_int_equal(find(n, "memory lock")->fitness, FITNESS_DEGRADED);
}

/* What a process inherits leaves isolated processors out: that is no reason to call them bad.
 */
static void a_processor_that_was_not_inherited_is_good_where_it_can_be_had(void **state)
{
    struct host_needs needs = {.core = -1, .priority = 0, .memory_b = 1 << 20};
    cpu_set_t before, fewer;
    unsigned n;
    int last = -1;

    (void) state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    if (CPU_COUNT(&before) < 2)
        skip();
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET((size_t) core, &before))
            last = core;
    fewer = before;
    CPU_CLR((size_t) last, &fewer);
    assert_int_equal(sched_setaffinity(0, sizeof fewer, &fewer), 0);
    needs.core = last;
    n = hostcheck_run(&needs, finding);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(find(n, "processor")->fitness, FITNESS_OK);
    assert_true(atoi(find(n, "processor")->found) == last);
}

/* "## Section" of the guide; the last line of defence against a reference to nowhere. */
static bool guide_has(const char *section)
{
    char line[512], heading[128];
    FILE *guide = fopen(ORBIT_SOURCE_DIR "/config/host/README.md", "re");
    bool found = false;

    assert_non_null(guide);
    snprintf(heading, sizeof heading, "## %s\n", section);
    while (!found && fgets(line, sizeof line, guide))
        found = strcmp(line, heading) == 0;
    fclose(guide);
    return found;
}

static void every_finding_refers_to_a_section_of_the_host_guide(void **state)
{
    const struct host_needs needs = {.core = -1, .priority = 0, .memory_b = 1 << 20};
    unsigned n = hostcheck_run(&needs, finding);

    (void) state;
    assert_false(guide_has("No such section"));
    for (unsigned i = 0; i < n; i++)
        if (!guide_has(finding[i].section))
            fail_msg("%s: the host guide has no section '%s'", finding[i].name,
                     finding[i].section);
}

/* What the guide explains without a finding is about no single setting of the host. */
static void every_section_of_the_guide_belongs_to_a_finding(void **state)
{
    const struct host_needs needs = {.core = -1, .priority = 0, .memory_b = 1 << 20};
    unsigned n = hostcheck_run(&needs, finding);
    FILE *guide = fopen(ORBIT_SOURCE_DIR "/config/host/README.md", "re");
    char line[512];

    (void) state;
    assert_non_null(guide);
    while (fgets(line, sizeof line, guide)) {
        bool known = strncmp(line, "## ", 3) != 0 || strcmp(line, "## Units\n") == 0 ||
                     strcmp(line, "## Tuning a running host\n") == 0;

        line[strcspn(line, "\n")] = '\0';
        for (unsigned i = 0; i < n && !known; i++)
            known = strcmp(line + 3, finding[i].section) == 0;
        if (!known)
            fail_msg("no finding refers to '%s'", line);
    }
    fclose(guide);
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
        cmocka_unit_test(everything_that_is_not_good_has_a_remedy),
        cmocka_unit_test(a_processor_that_is_not_allowed_is_bad),
        cmocka_unit_test(throttling_and_fair_server_are_about_a_loop_that_spins),
        cmocka_unit_test(more_memory_than_an_address_space_cannot_be_locked),
        cmocka_unit_test(a_processor_that_was_not_inherited_is_good_where_it_can_be_had),
        cmocka_unit_test(every_finding_refers_to_a_section_of_the_host_guide),
        cmocka_unit_test(every_section_of_the_guide_belongs_to_a_finding),
        cmocka_unit_test(a_foreign_fifo_thread_is_found_where_it_may_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
