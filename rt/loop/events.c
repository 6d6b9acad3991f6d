#include "rt/loop/events.h"

void events_note(const struct events *events, const struct workspace *w, enum event_kind kind,
                 const uint64_t arg[4])
{
    const struct event_record record = {.cycle = w->cycle,
                                        .t_mono_ns = w->now_ns,
                                        .t_utc_ns = w->utc_ns,
                                        .kind = kind,
                                        .arg = {arg[0], arg[1], arg[2], arg[3]}};

    slot_ring_write(events->ring, &record);
}

void events_begin(struct events *events, struct slot_ring *ring, const struct workspace *w,
                  int64_t period_ns)
{
    *events = (struct events){.ring = ring, .state = w->machine.state, .timer = w->timer};
    events_note(events, w, EVENT_START, (uint64_t[4]){(uint64_t) period_ns, w->timer});
}

static RT_SAFE void compare_state(struct events *events, const struct workspace *w)
{
    enum loop_state now = w->machine.state;
    bool fell = now == STATE_HOLD || now == STATE_TRIPPED;

    if (now == events->state)
        return;
    events_note(events, w, EVENT_STATE,
                (uint64_t[4]){events->state, now, fell ? w->machine.cause : 0,
                              fell ? w->machine.offender : UINT64_MAX});
    events->state = now;
}

static RT_SAFE void compare_source(struct events *events, const struct workspace *w,
                                   uint64_t source, const struct source_input *input)
{
    const struct frame_head *head = &input->view.head;
    uint64_t age_ns = (uint64_t) (w->now_ns - head->t_sample_ns);

    if (input->alive == events->alive[source])
        return;
    events->alive[source] = input->alive;
    if (input->alive)
        events_note(events, w, EVENT_SOURCE_BACK, (uint64_t[4]){source, head->generation});
    else
        events_note(events, w, EVENT_SOURCE_LOST,
                    (uint64_t[4]){source, input->seen ? head->generation : 0, age_ns});
}

static RT_SAFE bool is_among(const uint64_t *col, uint64_t n, uint64_t wanted)
{
    for (uint64_t i = 0; i < n; i++)
        if (col[i] == wanted)
            return true;
    return false;
}

/* Correctors that came to their limits, and those that left them. */
static RT_SAFE void compare_limits(struct events *events, const struct workspace *w)
{
    const struct law_state *law = w->stepper.law;

    for (uint64_t i = 0; i < law->n_active; i++)
        if (!is_among(events->active, events->n_active, law->active[i]))
            events_note(events, w, EVENT_LIMIT, (uint64_t[4]){1, 0, 0, law->active[i]});
    for (uint64_t i = 0; i < events->n_active; i++)
        if (!is_among(law->active, law->n_active, events->active[i]))
            events_note(events, w, EVENT_LIMIT, (uint64_t[4]){0, 0, 0, events->active[i]});
    events->n_active = law->n_active;
    for (uint64_t i = 0; i < law->n_active; i++)
        events->active[i] = law->active[i];
}

void events_compare(struct events *events, const struct workspace *w, const struct params *p,
                    uint64_t timing_reset_cycle)
{
    if (w->skipped)
        events_note(events, w, EVENT_LATE,
                    (uint64_t[4]){w->skipped, (uint64_t) w->first_late_ns});
    if (w->timer != events->timer)
        events_note(events, w, EVENT_TIMER, (uint64_t[4]){events->timer, w->timer});
    for (uint64_t s = 0; s < w->n_bpm_source; s++)
        compare_source(events, w, s, &w->bpm[s]);
    compare_source(events, w, w->n_bpm_source, &w->actuator);
    if (p->revision != events->revision)
        events_note(events, w, EVENT_PARAMETERS, (uint64_t[4]){events->revision, p->revision});
    compare_state(events, w);
    compare_limits(events, w);
    if (timing_reset_cycle != events->reset_cycle)
        events_note(events, w, EVENT_TIMING_RESET, (uint64_t[4]){0});
    events->timer = w->timer;
    events->revision = p->revision;
    events->reset_cycle = timing_reset_cycle;
}
