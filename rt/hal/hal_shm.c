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

static RT_SAFE int64_t await_frame_ns(void *self, int64_t from_ns, int64_t until_ns,
                                      int64_t *received_ns)
{
    struct hal_shm *shm = self;
    struct frame_head head;
    int64_t now_ns;
    bool arrived;

    timer_sleep_until(from_ns);
    do {
        arrived =
            frame_peek(&shm->reader[0], &head) && head.generation != 0 &&
            head.generation == atomic_load_explicit(&shm->generation[0], memory_order_relaxed);
        now_ns = clock_mono_ns();
    } while (!arrived && now_ns < until_ns);
    *received_ns = arrived ? head.t_received_ns : INT64_MIN;
    return now_ns;
}

static RT_SAFE bool read_frame(void *self, unsigned source, struct frame_view *view)
{
    struct hal_shm *shm = self;
    bool new_frame = frame_read(&shm->reader[source], view);

    atomic_store_explicit(&shm->n_bad[source], shm->reader[source].n_bad, memory_order_relaxed);
    return new_frame;
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
}

struct hal hal_shm_bind(struct hal_shm *self)
{
    return (struct hal){.self = self,
                        .now_ns = now_ns,
                        .utc_ns = utc_ns,
                        .wait_ns = wait_ns,
                        .await_frame_ns = await_frame_ns,
                        .read_frame = read_frame,
                        .generation = generation,
                        .write_setpoint = write_setpoint};
}
