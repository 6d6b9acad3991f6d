/* The loop's timer: absolute deadlines on CLOCK_MONOTONIC.
 *
 * sleep: clock_nanosleep to the deadline. hybrid: sleep until spin_ns before it, then poll the
 * clock; hides the cost of waking up. At least 20 % of the period stay idle, because a FIFO
 * thread that never sleeps loses its core to the kernel's throttling for tens of milliseconds.
 * spin: poll the clock all the time; for a core that is the loop's alone (host_spin_faults).
 * external: the arrival of data starts the cycle (hal.h); for want of it, it waits as hybrid.
 */
#ifndef ORBIT_RT_SYS_TIMER_H
#define ORBIT_RT_SYS_TIMER_H

#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/timer_mode.h"

struct timer {
    enum timer_mode mode;
    int64_t spin_ns, idle_ns;
};

/* spin_ns is limited to 80 % of the period; sleep has none. What the work of a cycle takes is
 * taken from the spinning: idle_ns, a fifth of the period, is slept if there is time at all. */
struct timer timer_make(enum timer_mode mode, int64_t spin_ns, int64_t period_ns);

/* Returns the time, not before the deadline. */
RT_SAFE int64_t timer_wait_ns(const struct timer *timer, int64_t deadline_ns);

/* The part of the wait that is slept, where the rest of it is spun; returns the time, which may
 * be past the deadline. */
RT_SAFE int64_t timer_rest_ns(const struct timer *timer, int64_t deadline_ns);

/* Sleeps until then, whatever the mode; at once if it has passed. */
RT_SAFE void timer_sleep_until(int64_t wake_ns);

#endif
