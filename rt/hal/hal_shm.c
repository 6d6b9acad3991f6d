#include "rt/hal/hal_shm.h"

#include "rt/base/clock.h"
#include "rt/base/words.h"

static RT_SAFE int64_t now_ns(void *self)
{
    (void) self;
    return clock_mono_ns();
}

static RT_SAFE int64_t utc_ns(void *self)
{
    (void) self;
    return clock_utc_ns();
}

static RT_SAFE int64_t wait_ns(void *self, int64_t deadline_ns)
{
    const struct hal_shm *shm = self;

    return timer_wait_ns(&shm->timer, deadline_ns);
}

static RT_SAFE int64_t rest_ns(void *self, int64_t deadline_ns)
{
    const struct hal_shm *shm = self;

    return timer_rest_ns(&shm->timer, deadline_ns);
}

static RT_SAFE void warm_frames(void *self)
{
    struct hal_shm *shm = self;

    for (unsigned s = 0; s < ORBIT_MAX_SOURCE; s++)
        if (shm->reader[s].control)
            frame_warm(&shm->reader[s]);
}

/* A frame that read_frame would deliver now; when it was received. */
static RT_SAFE bool peek(struct hal_shm *shm, int64_t *received_ns)
{
    struct udp_input *udp = shm->udp[0];
    struct frame_head head;

    if (udp) {
        if (!udp_input_poll(udp))
            return false;
        *received_ns = bpm_stream_received_ns(udp_input_stream(udp));
        return true;
    }
    if (!frame_peek(&shm->reader[0], &head) || head.generation == 0 ||
        head.generation != atomic_load_explicit(&shm->generation[0], memory_order_relaxed))
        return false;
    *received_ns = head.t_received_ns;
    return true;
}

static RT_SAFE int64_t await_frame_ns(void *self, int64_t from_ns, int64_t until_ns,
                                      int64_t *received_ns)
{
    struct hal_shm *shm = self;
    int64_t now_ns;
    bool arrived;

    *received_ns = INT64_MIN;
    timer_sleep_until(from_ns);
    do {
        arrived = peek(shm, received_ns);
        now_ns = clock_mono_ns();
    } while (!arrived && now_ns < until_ns);
    return now_ns;
}

static RT_SAFE void count(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, before + n, memory_order_relaxed);
}

static RT_SAFE bool read_shared(struct hal_shm *shm, unsigned source, struct frame_view *view)
{
    struct frame_reader *reader = &shm->reader[source];
    uint64_t generation = reader->generation, before = reader->frame_seq;
    bool new_frame = frame_read(reader, view);

    atomic_store_explicit(&shm->n_bad[source], reader->n_bad, memory_order_relaxed);
    if (!new_frame)
        return false;
    count(&shm->n_frames[source], 1);
    if (reader->generation == generation && reader->frame_seq > before + 1)
        count(&shm->n_lost[source], reader->frame_seq - before - 1);
    return true;
}

static RT_SAFE bool read_frame(void *self, unsigned source, struct frame_view *view)
{
    struct hal_shm *shm = self;
    struct udp_input *udp = shm->udp[source];

    if (shm->supplies && source == shm->supplies_source)
        return udp_actuator_read(shm->supplies, view);
    if (!udp)
        return read_shared(shm, source, view);
    /* What the wait has found is read at once: looking again costs a system call. */
    if (!bpm_stream_has_frame(udp_input_stream(udp)))
        (void) udp_input_poll(udp);
    return bpm_stream_read(udp_input_stream(udp), view);
}

static RT_SAFE uint64_t generation(void *self, unsigned source)
{
    struct hal_shm *shm = self;

    return atomic_load_explicit(&shm->generation[source], memory_order_relaxed);
}

static RT_SAFE void write_setpoint(void *self, const struct setpoint_head *head,
                                   const double *value)
{
    struct hal_shm *shm = self;
    uint64_t *payload = slot_ring_begin(shm->setpoints);

    words_store(payload, head, sizeof *head / 8);
    words_store(payload + sizeof *head / 8, value, shm->n_col);
    slot_ring_commit(shm->setpoints);
    if (shm->supplies)
        udp_actuator_write(shm->supplies, head, value);
}

/* Those of a stream, or NULL. */
static const uint64_t *own_counters(const struct hal_shm *self, unsigned source)
{
    if (self->supplies && source == self->supplies_source)
        return udp_actuator_counters(self->supplies);
    return self->udp[source] ? bpm_stream_counters(udp_input_stream(self->udp[source])) : NULL;
}

void hal_shm_counters(const struct hal_shm *self, unsigned source, uint64_t *counter)
{
    const uint64_t *own = own_counters(self, source);

    for (unsigned i = 0; i < SOURCE_COUNTER_COUNT; i++)
        counter[i] = own ? __atomic_load_n(&own[i], __ATOMIC_RELAXED) : 0;
    if (own)
        return;
    counter[SOURCE_FRAMES] =
        atomic_load_explicit(&self->n_frames[source], memory_order_relaxed);
    counter[SOURCE_LOST] = atomic_load_explicit(&self->n_lost[source], memory_order_relaxed);
    counter[SOURCE_CONTENT] = atomic_load_explicit(&self->n_bad[source], memory_order_relaxed);
}

struct hal hal_shm_bind(struct hal_shm *self)
{
    return (struct hal){.self = self,
                        .now_ns = now_ns,
                        .utc_ns = utc_ns,
                        .wait_ns = wait_ns,
                        .rest_ns = rest_ns,
                        .warm_frames = warm_frames,
                        .await_frame_ns = await_frame_ns,
                        .read_frame = read_frame,
                        .generation = generation,
                        .write_setpoint = write_setpoint};
}
