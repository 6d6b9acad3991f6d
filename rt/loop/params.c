#include "rt/loop/params.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <urcu-qsbr.h>

/* Publishing a pointer, and a grace period, order accesses with barriers inside a library that
 * the thread sanitizer does not see: here it is told what they order. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define SYNC_BEFORE(store) __tsan_release(&(store)->current)
#define SYNC_AFTER(store)  __tsan_acquire(&(store)->current)
#else
#define SYNC_BEFORE(store) ((void) (store))
#define SYNC_AFTER(store)  ((void) (store))
#endif

/* Who owns a slot. FREE -> FILLING -> PUBLISHED -> RETIRED -> FREE; only the reclaim thread
 * does the last. */
enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_PUBLISHED, SLOT_RETIRED };

struct params_store {
    struct params slot[PARAM_SLOTS];
    _Atomic int state[PARAM_SLOTS];
    struct params *current; /* rcu pointer */
    enum matvec_storage storage;
    uint64_t revision, serial;
    pthread_t reclaimer;
    pthread_mutex_t mutex; /* between manager and reclaimer only */
    pthread_cond_t retired;
    bool stop, running;
};

static size_t align_up(size_t size)
{
    return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

static bool is_optional(unsigned id)
{
    return id != PARAM_R && id != PARAM_K;
}

static size_t section_most_b(const struct params *p, unsigned id)
{
    uint64_t rows, cols;

    section_most(&p->dims, (enum param_section_id) id, &rows, &cols);
    return rows * cols * sizeof(double);
}

/* Room for every optional matrix at its largest; with memory given, also says where they lie.
 */
static size_t lay_out_optional(struct params *p, char *memory)
{
    size_t used = 0;

    for (unsigned i = 0; i < PARAM_SECTION_COUNT; i++) {
        if (!is_optional(i))
            continue;
        if (memory)
            p->optional[i].a = (double *) (void *) (memory + used);
        used += align_up(section_most_b(p, i));
    }
    return used;
}

static uint64_t ff_values(const struct params *p)
{
    return FF_MAX_TABLE * FF_MAX_POINT * (dims_n_row(&p->dims) + dims_n_col(&p->dims));
}

/* Bytes of one slot's arrays and of R's panels; with memory given, also says where they lie. */
static size_t lay_out(struct params *p, enum matvec_storage storage, char *memory,
                      void **predict)
{
    uint64_t n_row = dims_n_row(&p->dims), n_col = dims_n_col(&p->dims);
    size_t used = 0;

    struct part {
        size_t size_b;
        void **where;
    } parts[] = {
        {n_row * n_col * sizeof(double), (void **) &p->r},
        {n_row * n_col * sizeof(double), (void **) &p->k_by_row},
        {n_row * sizeof(double), (void **) &p->reference_m},
        {n_row * sizeof(uint64_t), (void **) &p->row_disabled},
        {n_col * sizeof(uint64_t), (void **) &p->col_disabled},
        {n_col * sizeof(double), (void **) &p->lower},
        {n_col * sizeof(double), (void **) &p->upper},
        {n_col * sizeof(double), (void **) &p->pole_hz},
        {n_col * sizeof(double), (void **) &p->law_gain},
        {n_col * sizeof(uint64_t), (void **) &p->fast},
        {n_col * sizeof(uint64_t), (void **) &p->offloaded},
        {n_row * sizeof(double), (void **) &p->energy_m_per_hz},
        {n_row * sizeof(double), (void **) &p->energy_fit},
        {ff_values(p) * sizeof(double), (void **) &p->ff_value},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (memory)
            *parts[i].where = memory + used;
        used += align_up(parts[i].size_b);
    }
    used += lay_out_optional(p, memory ? memory + used : NULL);
    if (memory)
        *predict = memory + used;
    used += align_up(matvec_size_b(n_row, n_col, storage));
    return used;
}

/* Of one kernel, be it of the whole. */
static size_t kernel_memory_b(const struct orbit_dims *dims, enum matvec_storage storage)
{
    return align_up(matvec_size_b(dims_n_col(dims), dims_n_row(dims), storage));
}

static enum rc slot_create(struct params *p, const struct orbit_dims *dims,
                           enum matvec_storage storage)
{
    size_t arrays_b, each_b = kernel_memory_b(dims, storage);
    size_t blocks_b = 2 * ORBIT_MAX_BLOCK * each_b;
    size_t offload_b = align_up(matvec_size_b(dims_n_col(dims), dims_n_col(dims), storage));
    size_t bases_b = bases_size_b(dims, storage);
    char *at;
    void *predict;
    enum rc rc;

    p->dims = *dims;
    arrays_b = lay_out(p, storage, NULL, NULL);
    p->memory = aligned_alloc(CACHE_LINE, arrays_b + blocks_b + offload_b + bases_b);
    if (!p->memory)
        return err_set(RC_NOMEM, "no memory for a parameter slot of %zu bytes",
                       arrays_b + blocks_b + offload_b + bases_b);
    memset(p->memory, 0, arrays_b + blocks_b + offload_b + bases_b);
    p->unchecked_col = UINT64_MAX;
    (void) lay_out(p, storage, p->memory, &predict);
    for (uint64_t col = 0; col < dims_n_col(dims); col++)
        p->law_gain[col] = 1.0;
    rc = matvec_init(&p->predict, predict, dims_n_row(dims), dims_n_col(dims), storage);
    at = (char *) p->memory + arrays_b;
    for (unsigned b = 0; b < 2 * ORBIT_MAX_BLOCK && rc == RC_OK; b++, at += each_b)
        rc = matvec_init(b < ORBIT_MAX_BLOCK ? &p->correct[b] : &p->law_k[b - ORBIT_MAX_BLOCK],
                         at, dims_n_col(dims), dims_n_row(dims), storage);
    if (rc == RC_OK)
        rc = matvec_init(&p->offload, at, dims_n_col(dims), dims_n_col(dims), storage);
    return rc == RC_OK ? bases_init(&p->bases, at + offload_b, dims, storage) : rc;
}

static bool reclaim_one(struct params_store *store)
{
    bool any = false;

    for (unsigned i = 0; i < PARAM_SLOTS; i++)
        any |= atomic_load(&store->state[i]) == SLOT_RETIRED;
    if (!any)
        return false;
    pthread_mutex_unlock(&store->mutex);
    synchronize_rcu();
    SYNC_AFTER(store);
    pthread_mutex_lock(&store->mutex);
    return true;
}

/* Only slots that were retired before the grace period began may be freed after it. */
static void *reclaim(void *argument)
{
    struct params_store *store = argument;
    bool waiting[PARAM_SLOTS];

    pthread_mutex_lock(&store->mutex);
    while (!store->stop) {
        for (unsigned i = 0; i < PARAM_SLOTS; i++)
            waiting[i] = atomic_load(&store->state[i]) == SLOT_RETIRED;
        if (!reclaim_one(store)) {
            pthread_cond_wait(&store->retired, &store->mutex);
            continue;
        }
        for (unsigned i = 0; i < PARAM_SLOTS; i++)
            if (waiting[i])
                atomic_store(&store->state[i], SLOT_FREE);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

enum rc params_create(struct params_store **out, const struct orbit_dims *dims,
                      enum matvec_storage storage)
{
    struct params_store *store = calloc(1, sizeof *store);
    enum rc rc = RC_OK;

    *out = NULL;
    if (!store)
        return err_set(RC_NOMEM, "no memory for the parameter store");
    store->storage = storage;
    for (unsigned i = 0; i < PARAM_SLOTS && rc == RC_OK; i++)
        rc = slot_create(&store->slot[i], dims, storage);
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->retired, NULL);
    if (rc == RC_OK && pthread_create(&store->reclaimer, NULL, reclaim, store) != 0)
        rc = err_set(RC_SYS, "cannot start the reclaim thread");
    store->running = rc == RC_OK;
    if (rc != RC_OK) {
        params_destroy(store);
        return rc;
    }
    *out = store;
    return RC_OK;
}

void params_destroy(struct params_store *store)
{
    if (!store)
        return;
    if (store->running) {
        pthread_mutex_lock(&store->mutex);
        store->stop = true;
        pthread_cond_signal(&store->retired);
        pthread_mutex_unlock(&store->mutex);
        pthread_join(store->reclaimer, NULL);
    }
    for (unsigned i = 0; i < PARAM_SLOTS; i++)
        free(store->slot[i].memory);
    pthread_mutex_destroy(&store->mutex);
    pthread_cond_destroy(&store->retired);
    free(store);
}

/* One block of a whole matrix [n_col][n_row]. */
static enum rc pack_block(struct matvec *kernel, const struct params *p,
                          const struct param_block *block, const double *whole)
{
    uint64_t n_row = dims_n_row(&p->dims);
    enum rc rc =
        matvec_init(kernel, kernel->panels, block->n_col, block->n_row, kernel->storage);

    if (rc == RC_OK)
        matvec_pack(kernel, whole + block->col0 * n_row + block->row0, n_row);
    return rc;
}

static enum rc pack_blocks(struct params *p, const double *k)
{
    const struct optional_matrix *law = &p->optional[PARAM_K_LAW];
    enum rc rc = RC_OK;

    for (uint64_t b = 0; b < p->n_block && rc == RC_OK; b++) {
        rc = pack_block(&p->correct[b], p, &p->block[b], k);
        if (rc == RC_OK && law->rows)
            rc = pack_block(&p->law_k[b], p, &p->block[b], law->a);
    }
    return rc;
}

static enum rc repack(struct params *p)
{
    uint64_t n_row = dims_n_row(&p->dims), n_col = dims_n_col(&p->dims);
    double *k = calloc(n_row * n_col, sizeof *k);
    enum rc rc;

    if (!k)
        return err_set(RC_NOMEM, "no memory to pack a parameter set");
    for (uint64_t j = 0; j < n_col; j++)
        for (uint64_t i = 0; i < n_row; i++)
            k[j * n_row + i] = p->k_by_row[i * n_col + j];
    matvec_pack(&p->predict, p->r, n_col);
    if (p->optional[PARAM_OFFLOAD].rows)
        matvec_pack(&p->offload, p->optional[PARAM_OFFLOAD].a, n_col);
    rc = pack_blocks(p, k);
    if (rc == RC_OK)
        rc = bases_pack(&p->bases, p->optional);
    free(k);
    return rc;
}

static void copy_optional(struct params *to, const struct params *from)
{
    for (unsigned i = 0; i < PARAM_SECTION_COUNT; i++) {
        const struct optional_matrix *matrix = &from->optional[i];

        to->optional[i].rows = matrix->rows;
        to->optional[i].cols = matrix->cols;
        if (matrix->rows)
            memcpy(to->optional[i].a, matrix->a, matrix->rows * matrix->cols * sizeof(double));
    }
}

static enum rc copy_set(struct params *to, const struct params *from)
{
    uint64_t n_row = dims_n_row(&to->dims), n_col = dims_n_col(&to->dims);
    enum rc rc;

    to->head = from->head;
    to->revision = from->revision;
    to->model_revision = from->model_revision;
    to->content_hash = from->content_hash;
    to->alpha_c = from->alpha_c;
    to->rf_hz = from->rf_hz;
    to->n_block = from->n_block;
    memcpy(to->block, from->block, sizeof to->block);
    memcpy(to->r, from->r, n_row * n_col * sizeof *to->r);
    memcpy(to->k_by_row, from->k_by_row, n_row * n_col * sizeof *to->k_by_row);
    copy_optional(to, from);
    memcpy(to->reference_m, from->reference_m, n_row * sizeof *to->reference_m);
    memcpy(to->row_disabled, from->row_disabled, n_row * sizeof *to->row_disabled);
    memcpy(to->col_disabled, from->col_disabled, n_col * sizeof *to->col_disabled);
    memcpy(to->lower, from->lower, n_col * sizeof *to->lower);
    memcpy(to->upper, from->upper, n_col * sizeof *to->upper);
    memcpy(to->pole_hz, from->pole_hz, n_col * sizeof *to->pole_hz);
    memcpy(to->law_gain, from->law_gain, n_col * sizeof *to->law_gain);
    to->law = from->law;
    to->ff = from->ff;
    memcpy(to->ff_value, from->ff_value, ff_values(to) * sizeof *to->ff_value);
    memcpy(to->fast, from->fast, n_col * sizeof *to->fast);
    memcpy(to->offloaded, from->offloaded, n_col * sizeof *to->offloaded);
    memcpy(to->energy_m_per_hz, from->energy_m_per_hz, n_row * sizeof *to->energy_m_per_hz);
    memcpy(to->energy_fit, from->energy_fit, n_row * sizeof *to->energy_fit);
    to->tuning = from->tuning;
    rc = bases_copy(&to->bases, &from->bases);
    return rc == RC_OK ? repack(to) : rc;
}

struct params *params_begin(struct params_store *store)
{
    for (unsigned i = 0; i < PARAM_SLOTS; i++) {
        if (atomic_load(&store->state[i]) != SLOT_FREE)
            continue;
        if (store->current && copy_set(&store->slot[i], store->current) != RC_OK)
            return NULL;
        atomic_store(&store->state[i], SLOT_FILLING);
        return &store->slot[i];
    }
    return NULL;
}

static enum rc check_finite(const struct param_matrices *matrices)
{
    for (unsigned id = 0; id < PARAM_SECTION_COUNT; id++) {
        const struct param_matrix *m = &matrices->of[id];

        for (uint64_t i = 0; i < m->rows * m->cols; i++)
            if (!isfinite(m->a[i]))
                return err_set(RC_INPUT, "%s[%lu][%lu] is not a finite number",
                               section_name((enum param_section_id) id), i / m->cols,
                               i % m->cols);
    }
    return RC_OK;
}

/* Columns of length 1, and what they leave is a share. Right angles are the sender's to know.
 */
static enum rc check_bases(const struct param_head *head, const struct param_matrices *matrices)
{
    for (unsigned plane = 0; plane < 2; plane++) {
        const struct param_matrix *basis = &matrices->of[PARAM_BASIS_X + plane];

        if (!(head->basis_left[plane] >= 0.0 && head->basis_left[plane] <= 1.0))
            return err_set(RC_INPUT, "basis_left[%u] = %g is not a share", plane,
                           head->basis_left[plane]);
        for (uint64_t q = 0; q < basis->cols; q++) {
            double sum = 0.0;

            for (uint64_t i = 0; i < basis->rows; i++)
                sum += basis->a[i * basis->cols + q] * basis->a[i * basis->cols + q];
            if (!(fabs(sum - 1.0) < 1e-6))
                return err_set(RC_INPUT, "column %lu of %s is not of length 1", q,
                               section_name((enum param_section_id)(PARAM_BASIS_X + plane)));
        }
    }
    return RC_OK;
}

static enum rc check_blocks(const struct param_head *head, uint64_t n_row, uint64_t n_col)
{
    uint64_t row = 0, col = 0;

    if (head->n_block < 1 || head->n_block > ORBIT_MAX_BLOCK)
        return err_set(RC_INPUT, "%llu blocks, 1 to %d are allowed",
                       (unsigned long long) head->n_block, ORBIT_MAX_BLOCK);
    for (uint64_t b = 0; b < head->n_block; b++) {
        const struct param_block *block = &head->block[b];

        if (block->n_row < 1 || block->n_col < 1 || block->row0 < row || block->col0 < col ||
            block->row0 > n_row || block->n_row > n_row - block->row0 || block->col0 > n_col ||
            block->n_col > n_col - block->col0)
            return err_set(RC_INPUT, "block %llu is empty, out of order or out of range",
                           (unsigned long long) b);
        row = block->row0 + block->n_row;
        col = block->col0 + block->n_col;
    }
    return RC_OK;
}

static void take_optional(struct params *p, const struct param_matrices *matrices)
{
    for (unsigned i = 0; i < PARAM_SECTION_COUNT; i++) {
        const struct param_matrix *matrix = &matrices->of[i];

        if (!is_optional(i))
            continue;
        p->optional[i].rows = matrix->rows;
        p->optional[i].cols = matrix->cols;
        if (matrix->rows)
            memcpy(p->optional[i].a, matrix->a, matrix->rows * matrix->cols * sizeof(double));
    }
}

enum rc params_fill(struct params *p, const struct param_head *head,
                    const struct param_matrices *matrices)
{
    uint64_t n_row = dims_n_row(&p->dims), n_col = dims_n_col(&p->dims);
    enum rc rc = check_blocks(head, n_row, n_col);

    if (rc == RC_OK)
        rc = param_matrices_check(matrices, &p->dims);
    if (rc == RC_OK)
        rc = check_finite(matrices);
    if (rc == RC_OK)
        rc = check_bases(head, matrices);
    if (rc != RC_OK)
        return rc;
    p->head = *head;
    p->model_revision = head->model_revision;
    p->content_hash = head->content_hash;
    p->alpha_c = head->alpha_c;
    p->rf_hz = head->rf_hz;
    p->n_block = head->n_block;
    memcpy(p->block, head->block, sizeof p->block);
    memcpy(p->r, matrices->of[PARAM_R].a, n_row * n_col * sizeof *p->r);
    for (uint64_t j = 0; j < n_col; j++)
        for (uint64_t i = 0; i < n_row; i++)
            p->k_by_row[i * n_col + j] = matrices->of[PARAM_K].a[j * n_row + i];
    take_optional(p, matrices);
    memcpy(p->bases.left, head->basis_left, sizeof p->bases.left);
    rc = repack(p);
    return rc == RC_OK ? bases_show(&p->bases, p->optional, false) : rc;
}

enum rc params_renew_modes(struct params *p)
{
    return bases_show(&p->bases, p->optional, true);
}

/* Whether the loop moves a column: the RF, disabled correctors and a plane that is switched off
 * are somebody else's, whatever the state. */
static bool is_enabled(const struct params *p, uint64_t col)
{
    bool plane_on = col < p->dims.n_h ? p->tuning.drive_h : p->tuning.drive_v;

    return col < p->dims.n_h + p->dims.n_v && plane_on && !p->col_disabled[col];
}

static enum rc span_blocks(struct params *p)
{
    struct law_span span[LAW_MAX_BLOCK];

    for (uint64_t b = 0; b < p->n_block; b++)
        span[b] = (struct law_span){.col0 = p->block[b].col0, .n_col = p->block[b].n_col};
    return p->n_block ? law_terms_blocks(&p->law, span, p->n_block) : RC_OK;
}

/* Dispersion as the enabled BPMs see it; without an RF, or with its column zero, there is none.
 */
static void find_energy(struct params *p)
{
    uint64_t n_row = dims_n_row(&p->dims), n_col = dims_n_col(&p->dims);
    uint64_t rf = p->dims.n_h + p->dims.n_v;
    double square = 0.0;

    memset(p->energy_fit, 0, n_row * sizeof *p->energy_fit);
    memset(p->energy_m_per_hz, 0, n_row * sizeof *p->energy_m_per_hz);
    for (uint64_t row = 0; row < n_row && p->dims.n_rf; row++) {
        p->energy_m_per_hz[row] = p->r[row * n_col + rf];
        if (!p->row_disabled[row])
            square += p->energy_m_per_hz[row] * p->energy_m_per_hz[row];
    }
    for (uint64_t row = 0; row < n_row && square > 0.0; row++)
        if (!p->row_disabled[row])
            p->energy_fit[row] = p->energy_m_per_hz[row] / square;
}

/* In a set that offloads, slow correctors are not the law's; those that are enabled take over.
 */
static void find_offloaded(struct params *p)
{
    bool offloads = p->optional[PARAM_OFFLOAD].rows > 0;
    uint64_t n_col = dims_n_col(&p->dims);

    for (uint64_t col = 0; col < n_col; col++)
        p->offloaded[col] = offloads && !p->fast[col] && is_enabled(p, col);
}

enum rc params_make_law(struct params *p)
{
    uint64_t n_col = dims_n_col(&p->dims);
    bool *driven = calloc(n_col, sizeof *driven);
    struct law_columns columns = {.n_col = n_col,
                                  .lower = p->lower,
                                  .upper = p->upper,
                                  .pole_hz = p->pole_hz,
                                  .gain = p->law_gain,
                                  .driven = driven};
    enum rc rc = RC_OK;

    if (!driven)
        return err_set(RC_NOMEM, "no memory for the law's terms");
    find_offloaded(p);
    for (uint64_t col = 0; col < n_col; col++)
        driven[col] = is_enabled(p, col) && !p->offloaded[col];
    rc = law_terms_make(&p->law, &p->tuning.law, &columns);
    free(driven);
    if (rc == RC_OK)
        rc = law_energy_check(&p->tuning.energy);
    if (rc == RC_OK)
        rc = offload_check(&p->tuning.offload);
    find_energy(p);
    return rc == RC_OK ? span_blocks(p) : rc;
}

void params_publish(struct params_store *store, struct params *params)
{
    params_publish_as(store, params, store->revision + (params->n_block > 0),
                      store->serial + 1);
}

void params_publish_as(struct params_store *store, struct params *params, uint64_t revision,
                       uint64_t serial)
{
    struct params *old = store->current;

    params->serial = store->serial = serial;
    if (params->n_block > 0)
        params->revision = store->revision = revision;
    atomic_store(&store->state[params - store->slot], SLOT_PUBLISHED);
    SYNC_BEFORE(store);
    rcu_assign_pointer(store->current, params);
    if (!old)
        return;
    pthread_mutex_lock(&store->mutex);
    atomic_store(&store->state[old - store->slot], SLOT_RETIRED);
    pthread_cond_signal(&store->retired);
    pthread_mutex_unlock(&store->mutex);
}

void params_abandon(struct params_store *store, struct params *params)
{
    atomic_store(&store->state[params - store->slot], SLOT_FREE);
}

uint64_t params_revision(const struct params_store *store)
{
    return store->revision;
}

void params_reader_enter(struct params_store *store)
{
    (void) store;
    rcu_register_thread();
    rcu_thread_offline();
}

void params_reader_leave(struct params_store *store)
{
    (void) store;
    rcu_unregister_thread();
}

const struct params *params_acquire(struct params_store *store)
{
    const struct params *newest;

    rcu_thread_online();
    newest = rcu_dereference(store->current);
    SYNC_AFTER(store);
    return newest;
}

void params_release(struct params_store *store)
{
    SYNC_BEFORE(store);
    rcu_thread_offline();
}
