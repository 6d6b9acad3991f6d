/* The two clocks of the project, as 64-bit nanoseconds.
 *
 * Deadlines and ages are always taken from clock_mono_ns(); UTC is for people and archives, and
 * may step. Both read the vDSO without a system call. Any thread.
 */
#ifndef ORBIT_RT_BASE_CLOCK_H
#define ORBIT_RT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "rt/base/attr.h"

#define NS_PER_S 1000000000LL

RT_SAFE static inline int64_t clock_read_ns(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t) now.tv_sec * NS_PER_S + now.tv_nsec;
}

RT_SAFE static inline int64_t clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

RT_SAFE static inline int64_t clock_utc_ns(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

static inline struct timespec clock_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t) (ns / NS_PER_S),
                             .tv_nsec = (long) (ns % NS_PER_S)};
}

#endif
