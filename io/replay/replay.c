#include "io/replay/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rt/hal/hal_replay.h"
#include "rt/loop/loop.h"
#include "rt/loop/set_image.h"

enum { SLOTS = 4, RECLAIM_TRIES = 2000 };

struct output {
    struct segment segment;
    struct slot_ring ring;
};

struct replay {
    struct replay_setup setup;
    struct hal_replay hal;
    struct params_store *params;
    struct segment status;
    struct output snapshots, records, events;
    struct slot_reader reader;
    struct loop *loop;
    uint64_t command;
    bool exact;
    void *record; /* what the loop wrote last */
};

static enum rc make_segment(const struct replay *self, struct segment *segment,
                            enum segment_kind kind, uint64_t size_b)
{
    const struct segment_head head = {
        .kind = kind, .size_b = size_b, .run_id = self->setup.run_id, .dims = self->setup.dims};

    return segment_create(segment, &head);
}

static enum rc make_output(const struct replay *self, struct output *output,
                           enum segment_kind kind, uint64_t payload_b)
{
    enum rc rc =
        make_segment(self, &output->segment, kind, segment_ring_size_b(SLOTS, payload_b));

    return rc == RC_OK ? slot_ring_create(&output->ring, &output->segment, SLOTS, payload_b)
                       : rc;
}

static enum rc make_outputs(struct replay *self)
{
    const struct orbit_dims *dims = &self->setup.dims;
    uint64_t record_b = record_size_b(dims);
    enum rc rc = make_segment(self, &self->status, SEG_STATUS, segment_status_size_b());

    if (rc == RC_OK)
        rc = make_output(self, &self->snapshots, SEG_SNAPSHOT, snapshot_size_b(dims));
    if (rc == RC_OK)
        rc = make_output(self, &self->records, SEG_RECORD, record_b);
    if (rc == RC_OK)
        rc = make_output(self, &self->events, SEG_EVENT, sizeof(struct event_record));
    if (rc == RC_OK)
        rc = slot_reader_attach(&self->reader, &self->records.segment, record_b);
    self->record = rc == RC_OK ? calloc(1, record_b) : NULL;
    return rc == RC_OK && !self->record ? err_set(RC_NOMEM, "no memory for a record") : rc;
}

enum rc replay_create(struct replay **replay, const struct replay_setup *setup)
{
    struct replay *self = calloc(1, sizeof *self);
    enum rc rc;

    *replay = NULL;
    if (!self)
        return err_set(RC_NOMEM, "no memory for a replay");
    self->setup = *setup;
    self->exact = matvec_select((enum matvec_variant) setup->kernel) == RC_OK;
    rc = make_outputs(self);
    if (rc == RC_OK)
        rc = hal_replay_create(&self->hal, &setup->dims);
    if (rc == RC_OK)
        rc = params_create(&self->params, &setup->dims, (enum matvec_storage) setup->storage);
    if (rc == RC_OK)
        *replay = self;
    else
        replay_destroy(self);
    return rc;
}

bool replay_exact(const struct replay *self)
{
    return self->exact;
}

static void end_loop(struct replay *self)
{
    if (self->loop)
        loop_end(self->loop);
    loop_destroy(self->loop);
    self->loop = NULL;
}

void replay_destroy(struct replay *self)
{
    if (!self)
        return;
    end_loop(self);
    params_destroy(self->params);
    hal_replay_destroy(&self->hal);
    segment_close(&self->status);
    segment_close(&self->snapshots.segment);
    segment_close(&self->records.segment);
    segment_close(&self->events.segment);
    free(self->record);
    free(self);
}

/* Slots come back from the reclaim thread, which needs a moment. */
static struct params *begin_params(struct params_store *store)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct params *params = params_begin(store);

    for (int i = 0; !params && i < RECLAIM_TRIES; i++) {
        nanosleep(&moment, NULL);
        params = params_begin(store);
    }
    return params;
}

enum rc replay_use_set(struct replay *self, const struct set_head *image, uint64_t revision,
                       uint64_t serial)
{
    struct params *params = begin_params(self->params);
    enum rc rc;

    if (!params)
        return err_set(RC_NOMEM, "no slot for a parameter set");
    rc = set_image_unpack(params, image);
    if (rc == RC_OK)
        params_publish_as(self->params, params, revision, serial);
    else
        params_abandon(self->params, params);
    return rc;
}

enum rc replay_restore(struct replay *self, const struct checkpoint_head *checkpoint)
{
    const struct loop_setup setup = {.dims = self->setup.dims,
                                     .period_ns = self->setup.period_ns,
                                     .timer = TIMER_SLEEP,
                                     .run_id = self->setup.run_id,
                                     .n_bpm_source = REPLAY_BPM_SOURCES};
    const struct loop_outputs outputs = {.status = self->status.base,
                                         .snapshots = &self->snapshots.ring,
                                         .records = &self->records.ring,
                                         .events = &self->events.ring};
    struct hal hal = hal_replay_bind(&self->hal);
    enum rc rc;

    end_loop(self);
    rc = loop_create(&self->loop, &setup, &hal, self->params, &outputs);
    if (rc != RC_OK)
        return rc;
    loop_begin(self->loop);
    self->command = checkpoint->command;
    return loop_restore(self->loop, checkpoint, &self->hal.view[REPLAY_PACE],
                        &self->hal.view[REPLAY_ECHO]);
}

const void *replay_cycle(struct replay *self, const void *record)
{
    const struct record_head *head = record;

    hal_replay_feed(&self->hal, record);
    if (head->command != self->command)
        (void) loop_request(self->loop, (enum request)(head->command & 0xff));
    self->command = head->command;
    loop_step(self->loop);
    (void) slot_reader_read_newest(&self->reader, self->record);
    return self->record;
}

/* ---- comparing ---- */

static bool same_number(const char *what, uint64_t was, uint64_t is,
                        struct replay_difference *difference)
{
    if (was == is)
        return true;
    *difference = (struct replay_difference){
        .what = what, .index = UINT64_MAX, .was = (double) was, .is = (double) is};
    return false;
}

static bool same_bits(const char *what, const uint64_t *was, const uint64_t *is, uint64_t n,
                      struct replay_difference *difference)
{
    for (uint64_t i = 0; i < n; i++)
        if (!same_number(what, was[i], is[i], difference)) {
            difference->index = i;
            return false;
        }
    return true;
}

static double largest(const double *value, uint64_t n)
{
    double most = 0.0;

    for (uint64_t i = 0; i < n; i++)
        most = fmax(most, fabs(value[i]));
    return most;
}

static bool same_values(const char *what, const double *was, const double *is, uint64_t n,
                        double tolerance, struct replay_difference *difference)
{
    double most = tolerance > 0.0 ? tolerance * largest(was, n) : 0.0;

    for (uint64_t i = 0; i < n; i++) {
        if (memcmp(&was[i], &is[i], sizeof was[i]) == 0 || fabs(was[i] - is[i]) <= most)
            continue;
        *difference =
            (struct replay_difference){.what = what, .index = i, .was = was[i], .is = is[i]};
        return false;
    }
    return true;
}

static bool same_head(const struct record_head *was, const struct record_head *is,
                      struct replay_difference *d)
{
    return same_number("cycle", was->cycle, is->cycle, d) &&
           same_number("skipped", was->skipped, is->skipped, d) &&
           same_number("state", was->state, is->state, d) &&
           same_number("unmet", was->unmet, is->unmet, d) &&
           same_number("revision", was->revision, is->revision, d) &&
           same_number("arm_id", was->arm_id, is->arm_id, d) &&
           same_number("frame_seq", was->frame_seq, is->frame_seq, d) &&
           same_number("new_frame", was->new_frame, is->new_frame, d) &&
           same_number("new_echo", was->new_echo, is->new_echo, d) &&
           same_number("law_step", was->law_step, is->law_step, d) &&
           same_number("timer", was->timer, is->timer, d) &&
           same_values("current_a", &was->current_a, &is->current_a, 1, 0.0, d);
}

bool replay_same(const struct orbit_dims *dims, const void *was_payload, const void *is_payload,
                 double tolerance, struct replay_difference *d)
{
    struct record_view was = record_view(dims, was_payload), is = record_view(dims, is_payload);
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);

    return same_head(was.head, is.head, d) &&
           same_values("y", was.y, is.y, n_row, tolerance, d) &&
           same_bits("y_quality", was.row_quality, is.row_quality, n_row, d) &&
           same_values("u_cmd", was.u_cmd, is.u_cmd, n_col, tolerance, d) &&
           same_values("u_found", was.u_found, is.u_found, n_col, tolerance, d) &&
           same_values("u_readback", was.u_readback, is.u_readback, n_col, tolerance, d) &&
           same_bits("u_quality", was.col_quality, is.col_quality, n_col, d);
}
