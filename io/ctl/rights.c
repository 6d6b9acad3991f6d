#include "io/ctl/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rt/base/cores.h"

enum { MEMLOCK_B = 64 * 1024 };

/* 64 capabilities in the two words of the kernel's interface. */
struct capabilities {
    uint64_t effective, permitted, inheritable;
};

static enum rc capabilities_get(struct capabilities *caps)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    if (syscall(SYS_capget, &head, data) != 0)
        return err_sys("cannot read the capabilities");
    caps->effective = data[0].effective | (uint64_t) data[1].effective << 32;
    caps->permitted = data[0].permitted | (uint64_t) data[1].permitted << 32;
    caps->inheritable = data[0].inheritable | (uint64_t) data[1].inheritable << 32;
    return RC_OK;
}

static enum rc capabilities_set(const struct capabilities *caps)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    for (int word = 0; word < 2; word++) {
        data[word].effective = (uint32_t) (caps->effective >> 32 * word);
        data[word].permitted = (uint32_t) (caps->permitted >> 32 * word);
        data[word].inheritable = (uint32_t) (caps->inheritable >> 32 * word);
    }
    if (syscall(SYS_capset, &head, data) != 0)
        return err_sys("cannot change the capabilities");
    return RC_OK;
}

/* Without CAP_SETPCAP the bounding set stays: a process of an ordinary user has nothing that
 * could come back by exec, which no_new_privs makes sure of. */
static enum rc drop_bounding(uint64_t keep)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (!(keep & 1ULL << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 &&
            errno != EPERM)
            return err_sys("cannot drop capability %lu", cap);
    return RC_OK;
}

enum rc rights_keep_real_time(void)
{
    const unsigned wanted[] = {CAP_SYS_NICE, CAP_IPC_LOCK};
    struct capabilities caps = {0};
    enum rc rc = capabilities_get(&caps);
    uint64_t keep = 0;

    if (rc != RC_OK)
        return rc;
    for (unsigned i = 0; i < 2; i++)
        keep |= 1ULL << wanted[i];
    rc = drop_bounding(keep);
    keep &= caps.permitted;
    caps = (struct capabilities){.effective = keep, .permitted = keep, .inheritable = keep};
    if (rc == RC_OK)
        rc = capabilities_set(&caps);
    for (unsigned i = 0; i < 2 && rc == RC_OK; i++)
        if (keep & 1ULL << wanted[i] &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long) wanted[i], 0, 0) != 0)
            return err_sys("cannot hand capability %u on", wanted[i]);
    return rc;
}

static enum rc limit(__rlimit_resource_t which, rlim_t most, const char *name)
{
    struct rlimit limits;

    if (getrlimit(which, &limits) != 0)
        return err_sys("cannot read the %s limit", name);
    if (limits.rlim_max > most)
        limits.rlim_max = most;
    limits.rlim_cur = limits.rlim_max;
    if (setrlimit(which, &limits) != 0)
        return err_sys("cannot lower the %s limit", name);
    return RC_OK;
}

enum rc rights_drop_all(void)
{
    const struct capabilities none = {0};
    enum rc rc = limit(RLIMIT_RTPRIO, 0, "RTPRIO");

    if (rc == RC_OK)
        rc = limit(RLIMIT_MEMLOCK, MEMLOCK_B, "MEMLOCK");
    if (rc == RC_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        rc = err_sys("cannot set no_new_privs");
    if (rc == RC_OK)
        rc = drop_bounding(0);
    if (rc == RC_OK && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        rc = err_sys("cannot clear the ambient capabilities");
    return rc == RC_OK ? capabilities_set(&none) : rc;
}

void rights_leave_core(int loop_core)
{
    struct cores cores;
    int core;

    cores_read(&cores);
    core = cores_choose(&cores, loop_core);
    if (!cores_has(&cores.inherited, core) || CPU_COUNT(&cores.inherited) < 2)
        return;
    CPU_CLR((size_t) core, &cores.inherited);
    /* A refusal leaves the child where it is; the loop's priority still wins there. */
    (void) sched_setaffinity(0, sizeof cores.inherited, &cores.inherited);
}
