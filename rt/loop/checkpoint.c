#include "rt/loop/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "rt/base/fnv.h"
#include "rt/base/words.h"

struct block {
    void *at;
    uint64_t size_b; /* multiple of 8 */
};

enum { N_BLOCK = 10, N_RESPONSE = 2 };
static const int64_t longest_wait_ns = 9LL * CHECKPOINT_EVERY_NS;

_Static_assert(sizeof(struct workspace) % 8 == 0 && sizeof(struct grid) % 8 == 0,
               "blocks are copied in words");

static RT_SAFE struct block *list_stepper(const struct stepper *stepper, struct block *at)
{
    *at++ = (struct block){stepper->law, stepper->memory_b};
    *at++ = (struct block){stepper->offload.sum, stepper->offload.memory_b};
    return at;
}

/* Whoever gives the workspace more memory that outlives a cycle names it here. */
static RT_SAFE void list_blocks(struct workspace *w, struct grid *grid,
                                struct block block[N_BLOCK])
{
    struct block *at = block;

    *at++ = (struct block){w, sizeof *w};
    *at++ = (struct block){grid, sizeof *grid};
    *at++ = (struct block){w->memory, w->memory_b};
    at = list_stepper(&w->stepper, at);
    *at++ = (struct block){w->innovation.memory, w->innovation.memory_b};
    *at++ = (struct block){w->virtual_loop.memory, w->virtual_loop.memory_b};
    at = list_stepper(&w->virtual_loop.stepper, at);
    *at++ = (struct block){w->scorecard.memory, w->scorecard.memory_b};
}

/* What one build puts in another order has other sizes, as a rule, or another ABI. */
static uint64_t hash_order(struct workspace *w, struct grid *grid)
{
    uint64_t hash = layout_hash(), tuning_b = sizeof(struct tuning);
    struct block block[N_BLOCK];

    list_blocks(w, grid, block);
    hash = fnv_add(hash, &tuning_b, sizeof tuning_b);
    for (unsigned i = 0; i < N_BLOCK; i++)
        hash = fnv_add(hash, &block[i].size_b, sizeof block[i].size_b);
    return hash;
}

enum rc checkpoint_size_b(uint64_t *size_b, const struct orbit_dims *dims)
{
    struct workspace *w;
    struct block block[N_BLOCK];
    struct grid grid;
    enum rc rc = workspace_create(&w, dims, 1, 0);

    if (rc != RC_OK)
        return rc;
    list_blocks(w, &grid, block);
    *size_b = sizeof(struct checkpoint_head) +
              N_RESPONSE * (CHECKPOINT_PAST + 1) * w->n_col * sizeof(double);
    for (unsigned i = 0; i < N_BLOCK; i++)
        *size_b += block[i].size_b;
    workspace_destroy(w);
    return RC_OK;
}

void checkpoints_begin(struct checkpoints *self, struct slot_ring *ring, struct workspace *w,
                       struct grid *grid, const struct hal *hal)
{
    *self = (struct checkpoints){
        .ring = ring, .w = w, .grid = grid, .hal = hal, .state_hash = hash_order(w, grid)};
}

/* Past set points that the delay may reach, the present one and one to spare included. */
static RT_SAFE uint64_t count_past(const struct params *p, int64_t period_ns)
{
    int64_t slow_ns = p->tuning.response_delay_ns, fast_ns = p->tuning.fast_delay_ns;
    uint64_t delay = (uint64_t) ((slow_ns > fast_ns ? slow_ns : fast_ns) / period_ns) + 3;

    return delay < CHECKPOINT_PAST ? delay : CHECKPOINT_PAST;
}

static RT_SAFE double *past(const struct response *response, uint64_t back)
{
    uint64_t slot = (response->head + response->depth - back) % response->depth;

    return response->history + slot * response->n_col;
}

/* What stood before everything that is known. */
static RT_SAFE double *before_all(const struct response *response)
{
    return response->history + response->depth * response->n_col;
}

/* Of the machine and of the virtual loop. */
static RT_SAFE struct response *response_of(struct workspace *w, unsigned i)
{
    return i ? &w->virtual_loop.response : &w->response;
}

static RT_SAFE void write_block(struct checkpoints *self, const struct params *p)
{
    struct workspace *w = self->w;
    uint64_t n_past = count_past(p, self->grid->period_ns);
    struct checkpoint_head head = {.cycle = w->cycle,
                                   .run_id = w->run_id,
                                   .t_mono_ns = w->t_grid_ns,
                                   .revision = p->revision,
                                   .serial = p->serial,
                                   .set_hash = p->image_hash,
                                   .state_hash = self->state_hash,
                                   .whole = n_past < CHECKPOINT_PAST && !w->excite.plan,
                                   .period_ns = (uint64_t) self->grid->period_ns,
                                   .timer = w->timer,
                                   .command = w->last_request};
    uint64_t *at = slot_ring_begin(self->ring), *head_at = at;
    struct block block[N_BLOCK];

    at += sizeof head / 8;
    list_blocks(w, self->grid, block);
    for (unsigned i = 0; i < N_BLOCK; i++, at += block[i - 1].size_b / 8)
        words_store(at, block[i].at, block[i].size_b / 8);
    for (unsigned i = 0; i < N_RESPONSE; i++) {
        for (uint64_t back = 0; back < n_past; back++, at += w->n_col)
            words_store(at, past(response_of(w, i), back), w->n_col);
        words_store(at, before_all(response_of(w, i)), w->n_col);
        at += w->n_col;
    }
    head.state_b = (uint64_t) (at - head_at) * 8 - sizeof head;
    words_store(head_at, &head, sizeof head / 8);
    slot_ring_commit(self->ring);
}

void checkpoints_follow(struct checkpoints *self, const struct params *p)
{
    const struct workspace *w = self->w;
    int64_t now_ns, left_ns;

    if (!self->ring || p->revision == 0 || w->now_ns < self->due_ns)
        return;
    now_ns = self->hal->now_ns(self->hal->self);
    left_ns = self->grid->start_ns + self->grid->period_ns - now_ns;
    if (2 * self->cost_ns > left_ns && w->now_ns < self->due_ns + longest_wait_ns)
        return;
    write_block(self, p);
    self->cost_ns = self->hal->now_ns(self->hal->self) - now_ns;
    self->due_ns = w->now_ns + CHECKPOINT_EVERY_NS;
}

/* ---- back ---- */

/* Two workspaces that never ran differ in one thing: where their memory lies. So the words in
 * which they differ are the pointers, and those stay; everything else is taken over. */
static void take_words(struct workspace *w, const struct workspace *twin, const void *saved)
{
    const uint64_t *from = saved;
    uint64_t own, other;

    for (uint64_t i = 0; i < sizeof *w / 8; i++) {
        memcpy(&own, (const char *) w + 8 * i, 8);
        memcpy(&other, (const char *) twin + 8 * i, 8);
        if (own == other)
            memcpy((char *) w + 8 * i, from + i, 8);
    }
}

static void take_past(struct workspace *w, const double *saved, uint64_t n_past)
{
    for (unsigned i = 0; i < N_RESPONSE; i++) {
        for (uint64_t back = 0; back < n_past; back++, saved += w->n_col)
            memcpy(past(response_of(w, i), back), saved, w->n_col * sizeof *saved);
        memcpy(before_all(response_of(w, i)), saved, w->n_col * sizeof *saved);
        saved += w->n_col;
    }
}

static enum rc check_head(struct workspace *w, struct grid *grid,
                          const struct checkpoint_head *head, uint64_t blocks_b)
{
    uint64_t row_b = N_RESPONSE * w->n_col * sizeof(double);

    if (head->state_hash != hash_order(w, grid))
        return err_set(RC_INPUT,
                       "the checkpoint is of another build of orbitd: replay with the "
                       "orbitctl that was installed with it");
    if (!head->whole)
        return err_set(RC_INPUT,
                       "the checkpoint is not whole: an excitation was playing, or the "
                       "delay is longer than %d cycles",
                       CHECKPOINT_PAST);
    if (head->state_b < blocks_b + row_b || (head->state_b - blocks_b) % row_b != 0 ||
        (head->state_b - blocks_b) / row_b > CHECKPOINT_PAST + 1)
        return err_set(RC_INPUT, "a checkpoint of %lu bytes", head->state_b);
    return RC_OK;
}

enum rc checkpoint_restore(struct workspace *w, struct grid *grid,
                           const struct checkpoint_head *head)
{
    const char *at = (const char *) (head + 1), *end = at + head->state_b;
    uint64_t n_source = w->n_bpm_source, blocks_b = 0;
    struct block block[N_BLOCK];
    struct workspace *twin;
    enum rc rc;

    list_blocks(w, grid, block);
    for (unsigned i = 0; i < N_BLOCK; i++)
        blocks_b += block[i].size_b;
    rc = check_head(w, grid, head, blocks_b);
    if (rc == RC_OK)
        rc = workspace_create(&twin, &w->dims, n_source, w->machine.since_ns);
    if (rc != RC_OK)
        return rc;
    take_words(w, twin, at);
    w->rows = twin->rows; /* the same in both, and not as it was in the run's process */
    workspace_destroy(twin);
    w->n_bpm_source = n_source;
    at += block[0].size_b;
    for (unsigned i = 1; i < N_BLOCK; i++, at += block[i - 1].size_b)
        memcpy(block[i].at, at, block[i].size_b);
    take_past(w, (const double *) (const void *) at,
              (uint64_t) (end - at) / sizeof(double) / w->n_col / N_RESPONSE - 1);
    return RC_OK;
}
