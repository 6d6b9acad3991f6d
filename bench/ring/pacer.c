#include "bench/ring/pacer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rt/base/clock.h"

struct pacer {
    struct engine *engine;
    int64_t period_ns;
    pacer_take_fn take;
    void *context;
    pthread_t thread;
    atomic_bool stop;
    atomic_uint_fast64_t samples, skipped;
};

static void sleep_until(int64_t deadline_ns)
{
    struct timespec deadline = clock_timespec(deadline_ns);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) != 0)
        ;
}

/* Steps over points of the grid that are over already; returns how many. */
static int64_t points_passed(int64_t deadline_ns, int64_t period_ns)
{
    int64_t late_ns = clock_mono_ns() - deadline_ns;

    return late_ns > period_ns ? late_ns / period_ns : 0;
}

static void *run(void *argument)
{
    struct pacer *p = argument;
    int64_t start_ns = clock_mono_ns(), deadline_ns = start_ns, utc_ns, last_utc_ns = 0, passed;

    while (!p->stop) {
        const struct engine_sample *sample;

        deadline_ns += p->period_ns;
        sleep_until(deadline_ns);
        passed = points_passed(deadline_ns, p->period_ns);
        deadline_ns += passed * p->period_ns;
        utc_ns = clock_utc_ns();
        if (utc_ns <= last_utc_ns)
            utc_ns = last_utc_ns + 1;
        last_utc_ns = utc_ns;
        sample = engine_step(p->engine, (double) (deadline_ns - start_ns) * 1e-9,
                             (double) ((passed + 1) * p->period_ns) * 1e-9);
        p->take(p->context, sample, utc_ns);
        p->samples++;
        p->skipped += (uint64_t) passed;
    }
    return NULL;
}

enum rc pacer_start(struct pacer **pacer, struct engine *engine, double rate_hz,
                    pacer_take_fn take, void *context)
{
    struct pacer *p = calloc(1, sizeof *p);

    if (!p)
        return err_set(RC_NOMEM, "no memory for the update thread");
    *p = (struct pacer){.engine = engine,
                        .period_ns = (int64_t) ((double) NS_PER_S / rate_hz),
                        .take = take,
                        .context = context};
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        free(p);
        return err_set(RC_SYS, "no thread for the virtual ring's samples");
    }
    *pacer = p;
    return RC_OK;
}

void pacer_stop(struct pacer *pacer)
{
    if (!pacer)
        return;
    pacer->stop = true;
    pthread_join(pacer->thread, NULL);
    free(pacer);
}

struct pacer_counts pacer_counts(const struct pacer *pacer)
{
    return (struct pacer_counts){.samples = pacer->samples, .skipped = pacer->skipped};
}
