#include "rt/hal/bpm_stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NO_BPM = -1 };

/* What the frame being made knows of one of its BPMs. */
struct place {
    struct stream_bpm own;
    uint64_t in_frame; /* number of the last frame it was in */
    uint64_t missed;   /* frames in a row without it */
    /* Where each BPM counts for itself. */
    uint64_t counter, n_late;
    bool has_counter;
};

/* Four arrays of a frame, [2 n_bpm] each, one block. */
struct arrays {
    double *value, *aux;
    int64_t *t_value_ns;
    uint64_t *quality;
};

struct bpm_stream {
    enum bpm_format format;
    uint32_t counter_step;
    double sum_scale; /* 0: sums are not used */
    uint64_t n_bpm, n_place, counter_mask;
    bool per_sender;
    int16_t place_of_id[DATAGRAM_MAX_ID];
    struct place *place; /* [n_place] */

    bool open, has_counter; /* a frame is being made */
    uint64_t counter;
    uint64_t number; /* of the frame being made or made last; lost ones count */
    uint64_t n_in, n_awaited, n_late;
    int64_t last_ns; /* of its last datagram */
    double sum;      /* of its sums */
    uint64_t n_sum;
    struct arrays making, made;
    struct frame_head head;
    bool is_new;
    struct bpm_datagram datagram;
    uint64_t counters[SOURCE_COUNTER_COUNT];
};

/* ---- making ---- */

static enum rc make_arrays(struct arrays *arrays, uint64_t n_row)
{
    arrays->value = calloc(4 * n_row, 8);
    if (!arrays->value)
        return err_set(RC_NOMEM, "no memory for the frames of a stream");
    arrays->aux = arrays->value + n_row;
    arrays->t_value_ns = (void *) (arrays->value + 2 * n_row);
    arrays->quality = (void *) (arrays->value + 3 * n_row);
    for (uint64_t i = 0; i < n_row; i++)
        arrays->quality[i] = QUALITY_ABSENT;
    return RC_OK;
}

static enum rc place_sender(const struct bpm_stream *s, uint64_t i)
{
    if (s->n_place > STREAM_MAX_SENDER)
        return err_set(RC_RANGE,
                       "%lu BPMs that send for themselves are more than the %d that the loop "
                       "takes: group them",
                       s->n_place, STREAM_MAX_SENDER);
    for (uint64_t k = 0; k < i; k++)
        if (s->place[k].own.sender == s->place[i].own.sender)
            return err_set(RC_RANGE, "two BPMs have the same sender");
    return RC_OK;
}

static enum rc place_id(struct bpm_stream *s, uint64_t i)
{
    static const uint32_t limits[BPM_FORMAT_COUNT] = {256, 256, DATAGRAM_MAX_ID, HZB_BPMS,
                                                      DATAGRAM_MAX_ID};
    uint32_t id = s->place[i].own.id, limit = limits[s->format];

    if (id >= limit)
        return err_set(RC_RANGE, "id %u is beyond %u, the last one of the format", id,
                       limit - 1);
    if (s->place_of_id[id] != NO_BPM)
        return err_set(RC_RANGE, "two BPMs have the id %u", id);
    s->place_of_id[id] = (int16_t) i;
    return RC_OK;
}

static enum rc place_bpms(struct bpm_stream *s, const struct stream_setup *setup)
{
    enum rc rc = RC_OK;

    for (unsigned id = 0; id < DATAGRAM_MAX_ID; id++)
        s->place_of_id[id] = NO_BPM;
    for (uint64_t i = 0; i < s->n_place && rc == RC_OK; i++) {
        s->place[i].own = setup->bpm[i];
        rc = s->per_sender ? place_sender(s, i) : place_id(s, i);
    }
    return rc;
}

enum rc bpm_stream_create(struct bpm_stream **out, const struct stream_setup *setup)
{
    struct bpm_stream *s = calloc(1, sizeof *s);
    enum rc rc;

    *out = NULL;
    if (!s)
        return err_set(RC_NOMEM, "no memory for a stream");
    s->format = setup->format;
    s->counter_step = setup->counter_step;
    s->sum_scale = setup->sum_nominal > 0 ? 1 / setup->sum_nominal : 0;
    s->n_bpm = setup->n_bpm;
    s->n_place = s->n_awaited = setup->n_stream_bpm;
    s->per_sender = setup->format == BPM_LIBERA_SPARK;
    s->counter_mask = bpm_counter_bits(setup->format) == 16 ? 0xffff : 0xffffffff;
    s->head.source_id = setup->source_id;
    s->head.generation = 1;
    s->head.n_value = 2 * s->n_bpm;
    s->place = calloc(s->n_place, sizeof *s->place);
    rc = s->place ? make_arrays(&s->making, 2 * s->n_bpm)
                  : err_set(RC_NOMEM, "no memory for a stream");
    if (rc == RC_OK)
        rc = make_arrays(&s->made, 2 * s->n_bpm);
    if (rc == RC_OK)
        rc = place_bpms(s, setup);
    if (rc != RC_OK) {
        bpm_stream_destroy(s);
        return rc;
    }
    *out = s;
    return RC_OK;
}

void bpm_stream_destroy(struct bpm_stream *s)
{
    if (!s)
        return;
    free(s->making.value);
    free(s->made.value);
    free(s->place);
    free(s);
}

/* ---- counting ---- */

void bpm_stream_count(struct bpm_stream *s, enum source_counter counter, uint64_t n)
{
    __atomic_store_n(&s->counters[counter], s->counters[counter] + n, __ATOMIC_RELAXED);
}

const uint64_t *bpm_stream_counters(const struct bpm_stream *s)
{
    return s->counters;
}

enum order { ORDER_NEXT, ORDER_SAME, ORDER_LATE, ORDER_RESTART };

/* How a counter follows another; *gap counts what is missing in between. */
static RT_SAFE enum order order_of(const struct bpm_stream *s, uint64_t before, uint64_t now,
                                   uint64_t *gap)
{
    uint64_t step = s->counter_step ? s->counter_step : 1;
    uint64_t forward = (now - before) & s->counter_mask;
    uint64_t backward = (before - now) & s->counter_mask;

    *gap = 0;
    if (forward == 0)
        return ORDER_SAME;
    if (forward <= MAX_GAP * step) {
        *gap = s->counter_step ? (forward + step / 2) / step : 1;
        *gap -= *gap > 0;
        return ORDER_NEXT;
    }
    /* Without a step the counter is a clock, of which no distance is too far. */
    if (!s->counter_step)
        return backward < forward ? ORDER_LATE : ORDER_NEXT;
    return backward <= MAX_GAP * step ? ORDER_LATE : ORDER_RESTART;
}

/* ---- frames ---- */

static RT_SAFE void mark_missing(struct bpm_stream *s)
{
    for (uint64_t i = 0; i < s->n_place; i++) {
        struct place *place = &s->place[i];
        uint64_t row = place->own.bpm;

        if (place->in_frame == s->number)
            continue;
        s->making.quality[row] |= QUALITY_STALE;
        s->making.quality[s->n_bpm + row] |= QUALITY_STALE;
        place->missed++;
        s->n_awaited -= place->missed == SILENT_FRAMES;
    }
}

/* The frame being made becomes the newest one. */
static RT_SAFE void close_frame(struct bpm_stream *s)
{
    if (s->n_in < s->n_place)
        mark_missing(s);
    if (s->n_in < s->n_awaited)
        bpm_stream_count(s, SOURCE_INCOMPLETE, 1);
    memcpy(s->made.value, s->making.value, 8 * s->n_bpm * 8);
    s->head.frame_seq = s->number;
    s->head.t_sample_ns = s->head.t_received_ns = s->last_ns;
    s->head.scalar[SCALAR_CURRENT_A] = __builtin_nan("");
    for (unsigned i = SCALAR_INPUT; i < FRAME_SCALARS; i++)
        s->head.scalar[i] = __builtin_nan("");
    s->head.scalar[SCALAR_SUM] = s->n_sum ? s->sum / (double) s->n_sum : (double) NAN;
    s->open = false;
    s->is_new = true;
    bpm_stream_count(s, SOURCE_FRAMES, 1);
}

static RT_SAFE void open_frame(struct bpm_stream *s, uint64_t gap)
{
    s->open = true;
    s->number += 1 + gap;
    s->n_in = 0;
    s->n_sum = 0;
    s->sum = 0;
    bpm_stream_count(s, SOURCE_LOST, gap);
}

static RT_SAFE void put(struct bpm_stream *s, struct place *place,
                        const struct bpm_sample *sample, int64_t now_ns)
{
    const struct bpm_transform *t = &place->own.transform;
    double x_nm = sample->x_nm, y_nm = sample->y_nm;
    double sum = s->sum_scale > 0 ? sample->sum * s->sum_scale : (double) NAN;
    uint64_t row_x = place->own.bpm, row_y = s->n_bpm + row_x;

    s->making.value[row_x] = t->xx * x_nm + t->xy * y_nm + t->x0;
    s->making.value[row_y] = t->yx * x_nm + t->yy * y_nm + t->y0;
    s->making.aux[row_x] = s->making.aux[row_y] = sum;
    s->making.t_value_ns[row_x] = s->making.t_value_ns[row_y] = now_ns;
    s->making.quality[row_x] = s->making.quality[row_y] = sample->quality;
    place->in_frame = s->number;
    s->n_awaited += place->missed >= SILENT_FRAMES;
    place->missed = 0;
    s->n_in++;
    s->sum += sample->quality == QUALITY_GOOD ? sum : 0;
    s->n_sum += sample->quality == QUALITY_GOOD;
}

/* ---- one datagram of a group ---- */

/* false: the datagram is not to be used. */
static RT_SAFE bool begin_group(struct bpm_stream *s)
{
    uint64_t counter = s->datagram.counter, gap = 0;
    enum order order = s->has_counter ? order_of(s, s->counter, counter, &gap) : ORDER_RESTART;

    if (order == ORDER_LATE && ++s->n_late < LATE_IN_A_ROW) {
        bpm_stream_count(s, SOURCE_LATE, 1);
        return false;
    }
    s->n_late = 0;
    if (order == ORDER_SAME)
        return true;
    if (s->open)
        close_frame(s);
    if (s->has_counter && order != ORDER_NEXT)
        bpm_stream_count(s, SOURCE_RESTARTS, 1);
    s->has_counter = true;
    s->counter = counter;
    open_frame(s, gap);
    return true;
}

static RT_SAFE void put_group(struct bpm_stream *s, int64_t now_ns)
{
    uint64_t unknown = 0, twice = 0;

    for (size_t i = 0; i < s->datagram.n; i++) {
        int16_t index = s->place_of_id[s->datagram.sample[i].id];

        if (index == NO_BPM)
            unknown++;
        else if (s->place[index].in_frame == s->number)
            twice++;
        else
            put(s, &s->place[index], &s->datagram.sample[i], now_ns);
    }
    bpm_stream_count(s, SOURCE_UNKNOWN, unknown);
    bpm_stream_count(s, SOURCE_DUPLICATE, twice);
}

static RT_SAFE void take_group(struct bpm_stream *s, int64_t now_ns)
{
    if (begin_group(s))
        put_group(s, now_ns);
}

/* ---- one datagram of a BPM that sends for itself ---- */

static RT_SAFE struct place *find_sender(struct bpm_stream *s, uint32_t sender)
{
    for (uint64_t i = 0; i < s->n_place; i++)
        if (s->place[i].own.sender == sender)
            return &s->place[i];
    return NULL;
}

/* Number of the frame that the datagram belongs to: the one after the last that the sender was
 * in, with what it lost in between; 0: the datagram is not to be used. So that a loss does not
 * leave the sender a period ahead of the others for ever. */
static RT_SAFE uint64_t follow_sender(struct bpm_stream *s, struct place *place)
{
    uint64_t counter = s->datagram.counter, gap = 0;
    enum order order =
        place->has_counter ? order_of(s, place->counter, counter, &gap) : ORDER_RESTART;

    if (order == ORDER_SAME || (order == ORDER_LATE && ++place->n_late < LATE_IN_A_ROW)) {
        bpm_stream_count(s, order == ORDER_SAME ? SOURCE_DUPLICATE : SOURCE_LATE, 1);
        return 0;
    }
    if (place->has_counter && order != ORDER_NEXT)
        bpm_stream_count(s, SOURCE_RESTARTS, 1);
    place->n_late = 0;
    place->has_counter = true;
    place->counter = counter;
    if (order == ORDER_NEXT)
        return place->in_frame + 1 + gap;
    return s->open && place->in_frame != s->number ? s->number : s->number + 1;
}

static RT_SAFE void take_single(struct bpm_stream *s, uint32_t sender, int64_t now_ns)
{
    struct place *place = find_sender(s, sender);
    uint64_t number = place ? follow_sender(s, place) : 0;

    if (!place)
        bpm_stream_count(s, SOURCE_UNKNOWN, 1);
    if (number == 0)
        return;
    if (number > s->number) {
        if (s->open)
            close_frame(s);
        open_frame(s, number - s->number - 1);
    }
    put(s, place, &s->datagram.sample[0], now_ns);
}

/* ---- datagrams ---- */

bool bpm_stream_take(struct bpm_stream *s, const uint8_t *byte, size_t size_b, uint32_t sender,
                     int64_t now_ns)
{
    enum bpm_verdict verdict = bpm_decode(s->format, byte, size_b, &s->datagram);

    bpm_stream_count(s, SOURCE_DATAGRAMS, 1);
    if (verdict != BPM_GOOD) {
        bpm_stream_count(s, verdict == BPM_SIZE ? SOURCE_SIZE : SOURCE_CONTENT, 1);
        return false;
    }
    bpm_stream_count(s, SOURCE_CONTENT, s->datagram.n_bad);
    if (s->per_sender)
        take_single(s, sender, now_ns);
    else
        take_group(s, now_ns);
    s->last_ns = now_ns;
    if (s->open && s->n_in > 0 && s->n_in >= s->n_awaited)
        close_frame(s);
    return s->is_new;
}

bool bpm_stream_has_frame(const struct bpm_stream *s)
{
    return s->is_new;
}

int64_t bpm_stream_received_ns(const struct bpm_stream *s)
{
    return s->head.t_received_ns;
}

void bpm_stream_view(const struct bpm_stream *s, struct frame_view *view)
{
    *view = (struct frame_view){.head = s->head,
                                .value = s->made.value,
                                .aux = s->made.aux,
                                .t_value_ns = s->made.t_value_ns,
                                .quality = s->made.quality};
}

bool bpm_stream_read(struct bpm_stream *s, struct frame_view *view)
{
    if (!s->is_new)
        return false;
    s->is_new = false;
    view->head = s->head;
    view->value = s->made.value;
    view->aux = s->made.aux;
    view->t_value_ns = s->made.t_value_ns;
    view->quality = s->made.quality;
    return true;
}
