#include "rt/hal/hal_replay.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

/* value, aux, t_value_ns, quality, each [n]. */
static enum rc make_view(struct hal_replay *self, unsigned source, uint64_t n)
{
    double *memory = calloc(4 * n, sizeof *memory);
    struct frame_view *view = &self->view[source];

    self->memory[source] = memory;
    if (!memory)
        return err_set(RC_NOMEM, "no memory for %lu values", n);
    view->head.source_id = source;
    view->head.n_value = n;
    view->value = memory;
    view->aux = memory + n;
    view->t_value_ns = (const void *) (memory + 2 * n);
    view->quality = (const void *) (memory + 3 * n);
    return RC_OK;
}

enum rc hal_replay_create(struct hal_replay *self, const struct orbit_dims *dims)
{
    uint64_t n_row = dims_n_row(dims), *absent;
    enum rc rc;

    *self = (struct hal_replay){.dims = *dims};
    rc = make_view(self, REPLAY_PACE, n_row);
    if (rc == RC_OK)
        rc = make_view(self, REPLAY_VALUES, n_row);
    if (rc == RC_OK)
        rc = make_view(self, REPLAY_ECHO, dims_n_col(dims));
    if (rc != RC_OK) {
        hal_replay_destroy(self);
        return rc;
    }
    absent = (uint64_t *) self->memory[REPLAY_PACE] + 3 * n_row;
    for (uint64_t row = 0; row < n_row; row++)
        absent[row] = QUALITY_ABSENT;
    return RC_OK;
}

void hal_replay_destroy(struct hal_replay *self)
{
    for (unsigned source = 0; source < REPLAY_SOURCES; source++)
        free(self->memory[source]);
    *self = (struct hal_replay){0};
}

/* A value that was not good does not matter; its bits do. The sum signal is above every limit.
 */
static void feed_rows(struct hal_replay *self)
{
    struct frame_view *view = &self->view[REPLAY_VALUES];
    double *value = self->memory[REPLAY_VALUES], *sum = value + view->head.n_value;
    int64_t *t_ns = (void *) (sum + view->head.n_value);
    uint64_t *quality = (void *) (t_ns + view->head.n_value);

    for (uint64_t row = 0; row < view->head.n_value; row++) {
        quality[row] = self->record.row_quality[row] & ~REPLAY_ROW_OWN;
        value[row] = quality[row] == QUALITY_GOOD ? self->record.y[row] : 0.0;
        sum[row] = DBL_MAX;
        t_ns[row] = self->record.head->now_ns;
    }
    view->head.generation = 1;
    view->head.frame_seq++;
    view->head.t_sample_ns = self->record.head->now_ns;
}

static void feed_columns(struct hal_replay *self)
{
    struct frame_view *view = &self->view[REPLAY_ECHO];
    double *readback = self->memory[REPLAY_ECHO], *found = readback + view->head.n_value;
    uint64_t *quality = (void *) (found + 2 * view->head.n_value);

    for (uint64_t col = 0; col < view->head.n_value; col++) {
        readback[col] = self->record.u_readback[col];
        found[col] = self->record.u_found[col];
        quality[col] = self->record.col_quality[col] & ~REPLAY_COL_OWN;
    }
}

static void feed_heads(struct hal_replay *self)
{
    const struct record_head *record = self->record.head;
    struct frame_head *pace = &self->view[REPLAY_PACE].head;
    struct frame_head *echo = &self->view[REPLAY_ECHO].head;

    pace->generation = record->pace_generation;
    pace->frame_seq = record->frame_seq;
    pace->t_sample_ns = record->frame_t_sample_ns;
    memcpy(pace->word, record->pace_word, sizeof pace->word);
    memcpy(pace->scalar, record->pace_scalar, sizeof pace->scalar);
    echo->generation = record->echo_generation;
    echo->frame_seq = record->echo_seq;
    echo->t_sample_ns = record->echo_t_sample_ns;
    memcpy(echo->word, record->echo_word, sizeof echo->word);
}

void hal_replay_feed(struct hal_replay *self, const void *payload)
{
    self->record = record_view(&self->dims, payload);
    feed_heads(self);
    feed_rows(self);
    feed_columns(self);
}

/* ---- what the loop calls ---- */

static RT_SAFE int64_t now_ns(void *self)
{
    const struct hal_replay *replay = self;

    return replay->record.head ? replay->record.head->now_ns : 0;
}

static RT_SAFE int64_t utc_ns(void *self)
{
    const struct hal_replay *replay = self;

    return replay->record.head ? replay->record.head->t_utc_ns : 0;
}

static RT_SAFE int64_t wait_ns(void *self, int64_t deadline_ns)
{
    (void) deadline_ns;
    return now_ns(self);
}

static RT_SAFE int64_t rest_ns(void *self, int64_t deadline_ns)
{
    (void) self;
    return deadline_ns;
}

static RT_SAFE void warm_frames(void *self)
{
    (void) self;
}

/* Whether the frame was found in time is told by the mode that the cycle ended up in. */
static RT_SAFE int64_t await_frame_ns(void *self, int64_t from_ns, int64_t until_ns,
                                      int64_t *received_ns)
{
    const struct hal_replay *replay = self;
    bool arrived = replay->record.head->timer == TIMER_EXTERNAL;

    (void) from_ns;
    (void) until_ns;
    *received_ns = arrived ? replay->record.head->now_ns : INT64_MIN;
    return now_ns(self);
}

static RT_SAFE bool read_frame(void *self, unsigned source, struct frame_view *view)
{
    const struct hal_replay *replay = self;
    const struct record_head *record = replay->record.head;
    bool new_frame = source == REPLAY_VALUES ||
                     (source == REPLAY_PACE ? record->new_frame : record->new_echo) != 0;

    if (new_frame)
        *view = replay->view[source];
    return new_frame;
}

static RT_SAFE uint64_t generation(void *self, unsigned source)
{
    const struct hal_replay *replay = self;

    return replay->view[source].head.generation;
}

static RT_SAFE void write_setpoint(void *self, const struct setpoint_head *head,
                                   const double *value)
{
    struct hal_replay *replay = self;

    (void) value;
    replay->setpoint = *head;
    replay->n_setpoint++;
}

struct hal hal_replay_bind(struct hal_replay *self)
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
