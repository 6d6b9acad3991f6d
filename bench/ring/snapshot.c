#include "bench/ring/snapshot.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct snapshots {
    uint32_t n_bpm, n_corrector;
    pthread_mutex_t lock;
    struct snapshot newest; /* guarded by `lock` */
    struct snapshot taken;  /* the taker's */
};

static bool allocate(struct snapshot *s, uint32_t n_bpm, uint32_t n_corrector)
{
    s->position_m = calloc(2 * (size_t) n_bpm, sizeof *s->position_m);
    s->sum = calloc(n_bpm, sizeof *s->sum);
    s->readback_a = calloc(n_corrector, sizeof *s->readback_a);
    return s->position_m && s->sum && s->readback_a;
}

static void release(struct snapshot *s)
{
    free(s->position_m);
    free(s->sum);
    free(s->readback_a);
}

enum rc snapshots_create(struct snapshots **snapshots, uint32_t n_bpm, uint32_t n_corrector)
{
    struct snapshots *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(RC_NOMEM, "no memory for snapshots");
    s->n_bpm = n_bpm;
    s->n_corrector = n_corrector;
    pthread_mutex_init(&s->lock, NULL);
    if (!allocate(&s->newest, n_bpm, n_corrector) || !allocate(&s->taken, n_bpm, n_corrector)) {
        snapshots_destroy(s);
        return err_set(RC_NOMEM, "no memory for snapshots");
    }
    *snapshots = s;
    return RC_OK;
}

void snapshots_destroy(struct snapshots *snapshots)
{
    if (!snapshots)
        return;
    release(&snapshots->newest);
    release(&snapshots->taken);
    pthread_mutex_destroy(&snapshots->lock);
    free(snapshots);
}

static void copy(const struct snapshots *s, struct snapshot *to, const struct snapshot *from)
{
    memcpy(to->position_m, from->position_m, 2 * (size_t) s->n_bpm * sizeof(double));
    memcpy(to->sum, from->sum, s->n_bpm * sizeof(double));
    memcpy(to->readback_a, from->readback_a, s->n_corrector * sizeof(double));
    memcpy(to->why, from->why, sizeof to->why);
    to->beam_a = from->beam_a;
    to->t_utc_ns = from->t_utc_ns;
}

void snapshots_put(struct snapshots *snapshots, const struct engine_sample *sample,
                   int64_t t_utc_ns)
{
    struct snapshot *to = &snapshots->newest;

    if (pthread_mutex_trylock(&snapshots->lock) != 0)
        return;
    memcpy(to->position_m, sample->position_m, 2 * (size_t) snapshots->n_bpm * sizeof(double));
    memcpy(to->sum, sample->sum, snapshots->n_bpm * sizeof(double));
    memcpy(to->readback_a, sample->readback_a, snapshots->n_corrector * sizeof(double));
    snprintf(to->why, sizeof to->why, "%s", sample->why);
    to->beam_a = sample->beam_a;
    to->t_utc_ns = t_utc_ns;
    pthread_mutex_unlock(&snapshots->lock);
}

const struct snapshot *snapshots_take(struct snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->lock);
    copy(snapshots, &snapshots->taken, &snapshots->newest);
    pthread_mutex_unlock(&snapshots->lock);
    return &snapshots->taken;
}
