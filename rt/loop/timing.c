#include "rt/loop/timing.h"

#include "rt/base/cache.h"
#include "rt/base/hist.h"
#include "rt/shm/slow_cycle.h"

void timing_record(struct timing *timing, enum phase phase, int64_t ns)
{
    uint64_t duration_ns = ns > 0 ? (uint64_t) ns : 0;

    timing->now.phase_ns[phase] = duration_ns;
    hist_record(&timing->status->phase[phase], duration_ns);
}

void timing_warm(const struct timing *timing, enum phase phase)
{
    struct hist *hist = &timing->status->phase[phase];

    cache_warm_to_write(hist, CACHE_LINE);
    cache_warm_to_write(&hist->bin[hist_bin(timing->now.phase_ns[phase])], CACHE_LINE);
}

static RT_SAFE void find_least(struct timing *timing)
{
    unsigned least = 0;

    for (unsigned i = 1; i < ORBIT_WORST_CYCLES; i++)
        if (timing->took_ns[i] < timing->took_ns[least])
            least = i;
    timing->least = least;
}

void timing_end_cycle(struct timing *timing, uint64_t cycle, int64_t utc_ns, uint64_t skipped)
{
    struct slow_cycle *now = &timing->now;
    uint64_t took_ns = now->phase_ns[PHASE_WAKE] + now->phase_ns[PHASE_CYCLE];
    unsigned least = timing->least;

    if (took_ns <= timing->took_ns[least])
        return;
    now->cycle = cycle;
    now->t_utc_ns = utc_ns;
    now->skipped = skipped;
    slow_cycle_write(&timing->status->worst[least], ++timing->writes, now);
    timing->took_ns[least] = took_ns;
    find_least(timing);
}

static RT_SAFE void clear_list(struct timing *timing)
{
    const struct slow_cycle empty = {0};

    for (unsigned i = 0; i < ORBIT_WORST_CYCLES; i++) {
        slow_cycle_write(&timing->status->worst[i], ++timing->writes, &empty);
        timing->took_ns[i] = 0;
    }
    timing->least = 0;
}

void timing_advance_reset(struct timing *timing, uint64_t cycle)
{
    uint64_t wanted = atomic_load_explicit(&timing->resets_wanted, memory_order_relaxed);

    if (wanted == timing->resets_done)
        return;
    if (timing->cleared < PHASE_COUNT) {
        hist_clear(&timing->status->phase[timing->cleared++]);
        return;
    }
    clear_list(timing);
    timing->cleared = 0;
    timing->resets_done = wanted;
    __atomic_store_n(&timing->status->timing_reset_cycle, cycle, __ATOMIC_RELEASE);
}

void timing_request_reset(struct timing *timing)
{
    atomic_fetch_add_explicit(&timing->resets_wanted, 1, memory_order_relaxed);
}
