/* The loop's timer: absolute deadlines on CLOCK_MONOTONIC.
 *
 * sleep: clock_nanosleep to the deadline. hybrid: sleep until spin_ns before it, then poll the
 * clock; hides the cost of waking up. At least 20 % of the period stay idle, because a FIFO
 * thread that never sleeps loses its core to the kernel's throttling for tens of milliseconds.
 */
#ifndef ORBIT_RT_SYS_TIMER_H
#define ORBIT_RT_SYS_TIMER_H

#include <stdint.h>

#include "rt/base/attr.h"

enum timer_mode { TIMER_SLEEP, TIMER_HYBRID };

struct timer {
    enum timer_mode mode;
    int64_t spin_ns;
};

/* spin_ns is limited to 80 % of the period. */
struct timer timer_make(enum timer_mode mode, int64_t spin_ns, int64_t period_ns);

/* Returns the time, not before the deadline. */
RT_SAFE int64_t timer_wait_ns(const struct timer *timer, int64_t deadline_ns);

#endif
