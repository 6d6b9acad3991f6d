#include "io/modbus/bpm_source.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "io/gateway/bpm_position.h"
#include "io/modbus/quality.h"
#include "rt/base/clock.h"

#define PASS_WAIT_NS (NS_PER_S / 10)

enum { NO_POINT = -1 };

struct bpm_source {
    const struct register_map *map;
    const struct devices *devices;
    struct board *board;
    struct orbit_link link;
    uint64_t pace;  /* link of the map */
    int64_t *row;   /* [2 n_bpm]: point of each position, or NO_POINT */
    int64_t *valid; /* [n_bpm]: point of its status bits */
    int64_t current;
    struct reading *reading; /* [n_point] */
    struct frame_head head;
    double *value, *aux; /* [2 n_bpm], as the three below */
    int64_t *t_value_ns;
    uint64_t *quality;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop;
};

/* ---- making ---- */

static enum rc make_arrays(struct bpm_source *s)
{
    size_t n_row = 2 * s->devices->n_bpm;
    s->row = calloc(n_row, sizeof *s->row);
    s->valid = calloc(s->devices->n_bpm, sizeof *s->valid);
    s->reading = calloc(s->map->n_point, sizeof *s->reading);
    s->value = calloc(n_row, sizeof *s->value);
    s->aux = calloc(n_row, sizeof *s->aux);
    s->t_value_ns = calloc(n_row, sizeof *s->t_value_ns);
    s->quality = calloc(n_row, sizeof *s->quality);
    s->head.n_value = n_row;
    if (!s->row || !s->valid || !s->reading || !s->value || !s->aux || !s->t_value_ns ||
        !s->quality) {
        return err_set(RC_NOMEM, "no memory for BPM frames");
    }
    for (size_t i = 0; i < n_row; i++) {
        s->row[i] = NO_POINT;
        s->valid[i / 2] = NO_POINT;
        s->aux[i] = NAN; /* not measured */
    }
    s->current = NO_POINT;
    return RC_OK;
}

static int64_t *place_of(struct bpm_source *s, const struct map_point *point)
{
    switch (point->quantity) {
    case QUANTITY_X:
        return &s->row[point->device];
    case QUANTITY_Y:
        return &s->row[s->devices->n_bpm + point->device];
    case QUANTITY_BPM_VALID:
        return &s->valid[point->device];
    case QUANTITY_CURRENT:
        return &s->current;
    default:
        return NULL;
    }
}

static enum rc find_points(struct bpm_source *s)
{
    bool has_pace = false;
    for (uint64_t i = 0; i < s->map->n_point; i++) {
        const struct map_point *point = &s->map->point[i];
        int64_t *place = place_of(s, point);
        bool position = point->quantity == QUANTITY_X || point->quantity == QUANTITY_Y;
        if (place) {
            *place = (int64_t) i;
        }
        if (position && !has_pace) {
            s->pace = point->link;
            has_pace = true;
        }
    }
    return has_pace ? RC_OK : err_set(RC_INPUT, "the register map has no BPM");
}

/* ---- a frame ---- */

static void take_row(struct bpm_source *s, uint64_t bpm, uint64_t row)
{
    const struct reading none = {.fault = READING_NO_LINK};
    const struct reading *reading = s->row[row] == NO_POINT ? &none : &s->reading[s->row[row]];
    s->value[row] = reading->si;
    s->t_value_ns[row] = reading->t_sample_ns;
    s->quality[row] = quality_of_reading(reading->fault);
    if (s->valid[bpm] != NO_POINT) {
        s->quality[row] |= quality_of_reading(s->reading[s->valid[bpm]].fault);
    }
}

static void fill(struct bpm_source *s)
{
    uint64_t n = s->devices->n_bpm;
    board_copy(s->board, s->reading);
    for (uint64_t i = 0; i < n; i++) {
        take_row(s, i, i);
        take_row(s, i, n + i);
        bpm_position(s->devices, i, s->value, s->quality);
    }
}

static double current_a(const struct bpm_source *s)
{
    const struct reading *reading = s->current == NO_POINT ? NULL : &s->reading[s->current];
    return reading && reading->fault == READING_GOOD ? reading->si : (double) NAN;
}

static void publish(struct bpm_source *s, struct client *client, const struct scan *scan)
{
    fill(s);
    s->head.frame_seq = scan->number;
    s->head.t_sample_ns = scan->t_sample_ns;
    s->head.t_received_ns = clock_mono_ns();
    s->head.scalar[SCALAR_CURRENT_A] = current_a(s);
    s->head.scalar[SCALAR_SUM] = NAN;
    for (unsigned i = SCALAR_INPUT; i < FRAME_SCALARS; i++) {
        s->head.scalar[i] = (double) NAN;
    }
    client_publish_frame(client, &s->head, s->value, s->aux, s->t_value_ns, s->quality);
}

static void *run(void *argument)
{
    struct bpm_source *s = argument;
    struct scan scan = {0};
    while (!atomic_load(&s->stop)) {
        struct client *client = link_poll(&s->link, clock_mono_ns());
        bool news = board_wait(s->board, s->pace, scan.number, PASS_WAIT_NS, &scan);
        if (client && news) {
            publish(s, client, &scan);
        }
    }
    link_close(&s->link);
    return NULL;
}

/* ---- from start to stop ---- */

enum rc bpm_source_start(struct bpm_source **source, const struct register_map *map,
                         const struct devices *devices, struct board *board,
                         const struct link_spec *spec)
{
    struct bpm_source *s = calloc(1, sizeof *s);
    *source = s;
    if (!s) {
        return err_set(RC_NOMEM, "no memory for BPM frames");
    }
    s->map = map;
    s->devices = devices;
    s->board = board;
    link_init(&s->link, spec);
    enum rc rc = make_arrays(s);
    rc = rc ? rc : find_points(s);
    if (rc == RC_OK) {
        s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
        rc = s->has_thread ? RC_OK : err_sys("no thread");
    }
    if (rc) {
        bpm_source_stop(s);
        *source = NULL;
    }
    return rc;
}

void bpm_source_stop(struct bpm_source *s)
{
    if (!s) {
        return;
    }
    atomic_store(&s->stop, true);
    if (s->has_thread) {
        pthread_join(s->thread, NULL);
    }
    free(s->row);
    free(s->valid);
    free(s->reading);
    free(s->value);
    free(s->aux);
    free(s->t_value_ns);
    free(s->quality);
    free(s);
}
