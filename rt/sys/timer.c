#include "rt/sys/timer.h"

#include <errno.h>
#include <time.h>

#include "rt/base/clock.h"

struct timer timer_make(enum timer_mode mode, int64_t spin_ns, int64_t period_ns)
{
    int64_t most_ns = period_ns * 8 / 10;
    struct timer timer = {.mode = mode,
                          .spin_ns = mode == TIMER_SLEEP ? 0 : spin_ns,
                          .idle_ns = period_ns - most_ns};

    if (timer.spin_ns > most_ns)
        timer.spin_ns = most_ns;
    return timer;
}

void timer_sleep_until(int64_t wake_ns)
{
    struct timespec wake = {.tv_sec = wake_ns / 1000000000, .tv_nsec = wake_ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == EINTR)
        ;
}

int64_t timer_rest_ns(const struct timer *timer, int64_t deadline_ns)
{
    int64_t now_ns = clock_mono_ns(), wake_ns = deadline_ns - timer->spin_ns;

    if (timer->spin_ns == 0 || timer->mode == TIMER_SPIN)
        return now_ns;
    if (wake_ns < now_ns + timer->idle_ns)
        wake_ns = now_ns + timer->idle_ns;
    if (wake_ns < deadline_ns)
        timer_sleep_until(wake_ns);
    return clock_mono_ns();
}

int64_t timer_wait_ns(const struct timer *timer, int64_t deadline_ns)
{
    int64_t now_ns = clock_mono_ns();

    /* Where the sleep is over already, not even a system call. */
    if (timer->mode != TIMER_SPIN && now_ns < deadline_ns - timer->spin_ns)
        timer_sleep_until(deadline_ns - timer->spin_ns);
    while (now_ns < deadline_ns)
        now_ns = clock_mono_ns();
    return now_ns;
}
