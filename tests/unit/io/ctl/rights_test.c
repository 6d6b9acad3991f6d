/* What is left after dropping rights, seen by the kernel in a child. */
#include "tests/support/test.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/ctl/rights.h"
#include "rt/base/cores.h"

static unsigned long long capabilities(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    unsigned long long value = ~0ULL;
    char line[256];

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoull(line + strlen(name) + 1, NULL, 16);
    if (file)
        fclose(file);
    return value;
}

/* Runs a check in a child and returns its exit code: the number of the check that failed, or 0.
 */
static int in_child(int (*check)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(check());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int has_nothing(void)
{
    struct sched_param param = {.sched_priority = 1};
    struct rlimit limit;
    bool was_root = geteuid() == 0;

    if (rights_drop_all() != RC_OK)
        return 1;
    if (capabilities("CapPrm:") || capabilities("CapEff:") || capabilities("CapInh:") ||
        capabilities("CapAmb:"))
        return 2;
    if (was_root && capabilities("CapBnd:"))
        return 3;
    if (capabilities("NoNewPrivs:") != 1)
        return 4;
    if (sched_setscheduler(0, SCHED_FIFO, &param) == 0)
        return 5;
    if (getrlimit(RLIMIT_RTPRIO, &limit) != 0 || limit.rlim_max != 0)
        return 6;
    return getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_max > 65536 ? 7 : 0;
}

static int has_only_real_time(void)
{
    const unsigned long long nice_and_lock = 1ULL << 23 | 1ULL << 14;
    unsigned long long before = capabilities("CapPrm:") & nice_and_lock;

    if (rights_keep_real_time() != RC_OK)
        return 1;
    if (capabilities("CapPrm:") != before || capabilities("CapAmb:") != before)
        return 2;
    return geteuid() == 0 && capabilities("CapBnd:") & ~nice_and_lock ? 3 : 0;
}

static int keeps_one_processor(void)
{
    struct cores cores, now;

    cores_read(&cores);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        int core = cores_choose(&cores, i);

        rights_leave_core(core);
        cores_read(&now);
        if (CPU_COUNT(&now.inherited) > 1 && cores_has(&now.inherited, core))
            return 1;
    }
    rights_leave_core(-1);
    rights_leave_core(100000);
    cores_read(&now);
    return CPU_COUNT(&now.inherited) == 1 ? 0 : 2;
}

static void dropping_all_leaves_nothing_and_no_way_back(void **state)
{
    (void) state;
    assert_int_equal(in_child(has_nothing), 0);
}

static void orbitd_keeps_its_two_where_they_were(void **state)
{
    (void) state;
    assert_int_equal(in_child(has_only_real_time), 0);
}

static void the_loops_processor_is_left_unless_it_is_the_only_one(void **state)
{
    (void) state;
    assert_int_equal(in_child(keeps_one_processor), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropping_all_leaves_nothing_and_no_way_back),
        cmocka_unit_test(orbitd_keeps_its_two_where_they_were),
        cmocka_unit_test(the_loops_processor_is_left_unless_it_is_the_only_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
