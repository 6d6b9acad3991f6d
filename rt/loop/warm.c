#include "rt/loop/warm.h"

#include "rt/base/cache.h"
#include "rt/loop/publish.h"

/* The wait is left this long before the deadline; a chunk of matrix takes less than that from
 * memory. Matrices are fetched only where there is time for all of them. */
enum { LEAVE_NS = 2500, CHUNK_B = 4096, MATRICES_NS = 40000 };

/* All code marked RT_SAFE, by the linker. */
extern const char __start_orbit_rt[], __stop_orbit_rt[];

static RT_SAFE bool has_time(const struct warm *warm, int64_t until_ns)
{
    return warm->hal->now_ns(warm->hal->self) < until_ns;
}

static RT_SAFE void warm_matrix(const struct warm *warm, const struct matvec *m,
                                int64_t until_ns)
{
    size_t size_b = m->n_row ? matvec_size_b(m->n_row, m->n_col, m->storage) : 0;

    for (size_t at = 0; at < size_b && has_time(warm, until_ns); at += CHUNK_B)
        cache_warm((const char *) m->panels + at,
                   size_b - at < CHUNK_B ? size_b - at : CHUNK_B);
}

static RT_SAFE void warm_matrices(const struct warm *warm, const struct params *p,
                                  int64_t until_ns)
{
    warm_matrix(warm, &p->predict, until_ns);
    for (uint64_t b = 0; b < p->n_block; b++) {
        warm_matrix(warm, &p->correct[b], until_ns);
        if (params_law_matrix(p, b) != &p->correct[b])
            warm_matrix(warm, params_law_matrix(p, b), until_ns);
    }
}

static RT_SAFE void warm_params(const struct params *p)
{
    uint64_t row_b = dims_n_row(&p->dims) * 8, col_b = dims_n_col(&p->dims) * 8;

    cache_warm(p, sizeof *p);
    cache_warm(p->reference_m, row_b);
    cache_warm(p->row_disabled, row_b);
    cache_warm(p->col_disabled, col_b);
    cache_warm(p->lower, col_b);
    cache_warm(p->upper, col_b);
}

/* Writing the next blocks without committing them fetches more than their lines: the code that
 * writes them, and what the processor learns of its branches. */
static RT_SAFE void warm_outputs(const struct warm *warm, const struct params *p)
{
    struct status_block *status = warm->out->status;

    fill_snapshot(warm->w, p, warm->out->snapshots);
    slot_ring_abandon(warm->out->snapshots);
    publish_inputs(warm->w, warm->out->records);
    fill_record(warm->w, p, warm->out->records);
    slot_ring_abandon(warm->out->records);
    cache_warm_to_write(status, offsetof(struct status_block, phase));
    for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
        timing_warm(warm->timing, (enum phase) phase);
}

/* The same for the passes over the rows, whose results go nowhere. */
static RT_SAFE void warm_rows(const struct workspace *w, const struct params *p)
{
    const struct row_limits limits = {.afresh = -1};

    if (!w->bpm[0].seen)
        return;
    w->rows->take(&limits, &w->bpm[0].view, w->n_row, w->warm_row, w->warm_bits);
    (void) w->rows->finish(w->n_row,
                           (const uint64_t *const[2]){p->row_disabled, p->row_disabled}, w->y,
                           w->reference_m, w->warm_row, w->warm_bits);
}

void warm_until(const struct warm *warm, int64_t due_ns)
{
    int64_t until_ns = due_ns - LEAVE_NS;
    int64_t now_ns = warm->hal->rest_ns(warm->hal->self, due_ns);
    const struct params *p;

    if (now_ns >= until_ns)
        return;
    p = params_acquire(warm->params);
    if (until_ns - now_ns > MATRICES_NS)
        warm_matrices(warm, p, until_ns);
    cache_warm(__start_orbit_rt, (size_t) (__stop_orbit_rt - __start_orbit_rt));
    warm_params(p);
    cache_warm_to_write(warm->w, sizeof *warm->w);
    cache_warm_to_write(warm->w->memory, warm->w->memory_b);
    warm_rows(warm->w, p);
    warm_outputs(warm, p);
    params_release(warm->params);
    do
        warm->hal->warm_frames(warm->hal->self);
    while (has_time(warm, until_ns));
}
