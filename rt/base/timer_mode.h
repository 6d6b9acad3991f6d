/* How the loop waits for its next cycle; rt/sys/timer.h and rt/loop/grid.h carry it out. */
#ifndef ORBIT_RT_BASE_TIMER_MODE_H
#define ORBIT_RT_BASE_TIMER_MODE_H

/* The first four in the order of the key loop.timer. */
enum timer_mode {
    TIMER_SLEEP,
    TIMER_HYBRID,
    TIMER_SPIN,
    TIMER_EXTERNAL,
    TIMER_FALLBACK, /* external, but no data came in time: by the timer, until they come again
                     */
    TIMER_MODE_COUNT
};

#endif
