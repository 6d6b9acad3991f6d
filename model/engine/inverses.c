#include "model/engine/inverses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/inverse.h"

enum energy_row { ENERGY_ROW_NONE, ENERGY_ROW_ENERGY, ENERGY_ROW_SUM };

/* Inverses under construction; weights by row and column of the machine. */
struct finding {
    struct inverses *out;
    struct param_head *head;
    const struct inputs *in;
    const double *r;
    double *row_weight, *col_weight, *law_weight, *zero_sum;
    uint64_t n_row, n_col;
};

static double *numbers(uint64_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

/* ---- weights ---- */

static void weigh(const struct finding *f)
{
    const struct orbit_dims *dims = &f->head->dims;
    const struct cfg *cfg = &f->in->cfg;

    for (uint64_t i = 0; i < f->n_row; i++)
        f->row_weight[i] = 1;
    for (uint64_t j = 0; j < f->n_col; j++)
        f->col_weight[j] = 1;
    for (size_t i = 0; i < cfg->ring_disabled_bpms.count; i++) {
        int bpm = devices_find_bpm(&f->in->devices, cfg->ring_disabled_bpms.name[i]);

        f->row_weight[bpm] = f->row_weight[(uint64_t) bpm + dims->n_bpm] = 0;
    }
    for (size_t i = 0; i < cfg->ring_disabled_correctors.count; i++)
        f->col_weight[devices_find_corrector(&f->in->devices,
                                             cfg->ring_disabled_correctors.name[i])] = 0;
}

static bool is_slow(const struct finding *f, uint64_t col)
{
    return strcmp(f->in->devices.corrector[col].class_name, "slow") == 0;
}

/* Whether a block has enabled correctors of both classes. */
static bool is_mixed(const struct finding *f, const struct param_block *part)
{
    uint64_t n_slow = 0, n_fast = 0;

    for (uint64_t j = part->col0; j < part->col0 + part->n_col; j++) {
        if (f->col_weight[j] > 0) {
            n_slow += is_slow(f, j);
            n_fast += !is_slow(f, j);
        }
    }
    return n_slow && n_fast;
}

static void weigh_for_law(const struct finding *f)
{
    memcpy(f->law_weight, f->col_weight, f->n_col * sizeof *f->law_weight);
    for (uint64_t b = 0; b < f->head->n_block; b++) {
        const struct param_block *part = &f->head->block[b];

        for (uint64_t j = part->col0; is_mixed(f, part) && j < part->col0 + part->n_col; j++)
            f->law_weight[j] = is_slow(f, j) ? 0 : f->col_weight[j];
    }
}

/* ---- blocks ---- */

static void divide_into_blocks(struct param_head *head, bool coupled)
{
    const struct orbit_dims *dims = &head->dims;

    head->n_block = 0;
    if (coupled) {
        head->block[head->n_block++] = (struct param_block){
            .row0 = 0, .n_row = 2 * dims->n_bpm, .col0 = 0, .n_col = dims->n_h + dims->n_v};
        return;
    }
    if (dims->n_h)
        head->block[head->n_block++] = (struct param_block){
            .row0 = 0, .n_row = dims->n_bpm, .col0 = 0, .n_col = dims->n_h};
    if (dims->n_v)
        head->block[head->n_block++] = (struct param_block){
            .row0 = dims->n_bpm, .n_row = dims->n_bpm, .col0 = dims->n_h, .n_col = dims->n_v};
}

static struct inverse_block block_of(const struct finding *f, const struct param_block *part,
                                     const double *col_weight)
{
    return (struct inverse_block){.matrix = f->r,
                                  .stride = (uint32_t) f->n_col,
                                  .first_row = (uint32_t) part->row0,
                                  .n_row = (uint32_t) part->n_row,
                                  .first_col = (uint32_t) part->col0,
                                  .n_col = (uint32_t) part->n_col,
                                  .row_weight = f->row_weight + part->row0,
                                  .col_weight = col_weight + part->col0,
                                  .zero_sum = f->zero_sum ? f->zero_sum + part->col0 : NULL,
                                  .zero_sum_weight = f->in->cfg.inverse_energy_weight};
}

static bool is_x(const struct param_block *part)
{
    return part->row0 == 0;
}

static double mu_of(const struct finding *f, const struct param_block *part)
{
    const struct cfg *cfg = &f->in->cfg;

    return is_x(part) ? cfg->inverse_mu_h_m_per_rad : cfg->inverse_mu_v_m_per_rad;
}

static struct inverse_gains gains_of(const struct finding *f, const struct param_block *part)
{
    const struct cfg *cfg = &f->in->cfg;

    return (struct inverse_gains){.knee = is_x(part) ? cfg->law_gain_knee_h_m_per_rad
                                                     : cfg->law_gain_knee_v_m_per_rad,
                                  .weak = cfg->law_gain_weak};
}

/* A block's matrix [n_col of it][width of it] into the whole one, from column `first` on. */
static void put(double *whole, uint64_t stride, const struct param_block *part,
                const double *block, uint64_t first, uint64_t width)
{
    for (uint64_t j = 0; j < part->n_col; j++)
        memcpy(whole + (part->col0 + j) * stride + first, block + j * width,
               width * sizeof *block);
}

/* ---- matrices of one block ---- */

static enum rc find_static(struct finding *f, unsigned which, double *scratch)
{
    const struct param_block *part = &f->head->block[which];
    struct inverse_block block = block_of(f, part, f->col_weight);
    enum rc rc = inverse_tikhonov(&block, mu_of(f, part), scratch, &f->head->condition[which]);

    if (rc == RC_OK)
        put(f->out->k, f->n_row, part, scratch, part->row0, part->n_row);
    return rc;
}

static enum rc find_law(struct finding *f, unsigned which, double *scratch)
{
    const struct param_block *part = &f->head->block[which];
    struct inverse_block block = block_of(f, part, f->law_weight);
    struct inverse_gains gains = gains_of(f, part);
    enum rc rc;

    if (!f->out->law_k)
        return RC_OK;
    rc = inverse_shaped(&block, mu_of(f, part), &gains, scratch);
    if (rc == RC_OK)
        put(f->out->law_k, f->n_row, part, scratch, part->row0, part->n_row);
    return rc;
}

static enum rc find_metric(struct finding *f, unsigned which, double *scratch)
{
    const struct param_block *part = &f->head->block[which];
    struct inverse_block block = block_of(f, part, f->law_weight);
    enum rc rc = inverse_metric(&block, mu_of(f, part), scratch);

    if (rc == RC_OK)
        put(f->out->metric, f->n_col, part, scratch, part->col0, part->n_col);
    return rc;
}

/* K R for rows of one class and columns of the other; k [n_col of the block][n_row of it] is
 * zero in the other rows. */
static void multiply(const struct finding *f, const struct param_block *part, const double *k,
                     const double *col_weight)
{
    for (uint64_t s = 0; s < part->n_col; s++) {
        double *to = f->out->offload + (part->col0 + s) * f->n_col + part->col0;

        for (uint64_t i = 0; i < part->n_row; i++) {
            const double *r = f->r + (part->row0 + i) * f->n_col + part->col0;

            for (uint64_t j = 0; j < part->n_col; j++)
                to[j] +=
                    k[s * part->n_row + i] * r[j] * (col_weight[part->col0 + j] > 0 ? 1 : 0);
        }
    }
}

/* What correctors with row_weight have to do for the orbit of those with col_weight. The energy
 * row is left out: what is copied is all of the others' effect. */
static enum rc replace(struct finding *f, const struct param_block *part,
                       const double *row_weight, const double *col_weight, double *scratch)
{
    struct inverse_block block = block_of(f, part, row_weight);
    enum rc rc;

    block.zero_sum = NULL;
    rc = inverse_tikhonov(&block, mu_of(f, part), scratch, NULL);
    if (rc == RC_OK)
        multiply(f, part, scratch, col_weight);
    return rc;
}

static enum rc find_offload(struct finding *f, unsigned which, double *scratch)
{
    const struct param_block *part = &f->head->block[which];
    double *slow;
    enum rc rc;

    if (!is_mixed(f, part))
        return RC_OK;
    slow = numbers(f->n_col);
    if (!slow)
        return err_set(RC_NOMEM, "no memory for the slow correctors");
    for (uint64_t j = part->col0; j < part->col0 + part->n_col; j++)
        slow[j] = is_slow(f, j) ? f->col_weight[j] : 0;
    rc = replace(f, part, slow, f->law_weight, scratch);
    if (rc == RC_OK)
        rc = replace(f, part, f->law_weight, slow, scratch);
    free(slow);
    return rc;
}

static enum rc find_block(struct finding *f, unsigned which)
{
    static enum rc (*const steps[])(struct finding *, unsigned, double *) = {
        find_static, find_law, find_metric, find_offload};
    const struct param_block *part = &f->head->block[which];
    uint64_t larger = part->n_row > part->n_col ? part->n_row : part->n_col;
    double *scratch = numbers(larger * part->n_col);
    enum rc rc = scratch ? RC_OK : err_set(RC_NOMEM, "no memory for the inverse");

    for (unsigned i = 0; i < sizeof steps / sizeof steps[0] && rc == RC_OK; i++)
        rc = steps[i](f, which, scratch);
    free(scratch);
    return rc == RC_OK ? rc : err_add(rc, "%s plane", is_x(part) ? "horizontal" : "vertical");
}

/* ---- whole ---- */

static bool law_differs(const struct finding *f)
{
    bool differs = false;

    for (uint64_t b = 0; b < f->head->n_block; b++)
        differs = differs || gains_of(f, &f->head->block[b]).knee > 0 ||
                  is_mixed(f, &f->head->block[b]);
    return differs;
}

static bool any_mixed(const struct finding *f)
{
    bool mixed = false;

    for (uint64_t b = 0; b < f->head->n_block; b++)
        mixed = mixed || is_mixed(f, &f->head->block[b]);
    return mixed;
}

/* Only H correctors turn a kick into a change of energy. */
static void fill_zero_sum(const struct finding *f, const double *energy)
{
    bool plain = f->in->cfg.inverse_energy_row == ENERGY_ROW_SUM;

    for (uint64_t j = 0; j < f->head->dims.n_h; j++)
        f->zero_sum[j] = plain ? 1 : energy[j];
}

static enum rc allocate(struct finding *f, const double *energy)
{
    bool has_row = energy && f->in->cfg.inverse_energy_row != ENERGY_ROW_NONE;

    f->row_weight = numbers(f->n_row);
    f->col_weight = numbers(f->n_col);
    f->law_weight = numbers(f->n_col);
    f->zero_sum = has_row ? numbers(f->n_col) : NULL;
    f->out->k = numbers(f->n_col * f->n_row);
    f->out->metric = numbers(f->n_col * f->n_col);
    if (!f->row_weight || !f->col_weight || !f->law_weight || (has_row && !f->zero_sum) ||
        !f->out->k || !f->out->metric)
        return err_set(RC_NOMEM, "no memory for the inverses");
    weigh(f);
    weigh_for_law(f);
    if (has_row)
        fill_zero_sum(f, energy);
    f->out->law_k = law_differs(f) ? numbers(f->n_col * f->n_row) : NULL;
    f->out->offload = any_mixed(f) ? numbers(f->n_col * f->n_col) : NULL;
    if ((law_differs(f) && !f->out->law_k) || (any_mixed(f) && !f->out->offload))
        return err_set(RC_NOMEM, "no memory for the law's inverse");
    return RC_OK;
}

enum rc inverses_find(struct inverses *out, struct param_head *head, const struct inputs *in,
                      const double *r, const double *energy)
{
    struct finding f = {.out = out,
                        .head = head,
                        .in = in,
                        .r = r,
                        .n_row = dims_n_row(&head->dims),
                        .n_col = dims_n_col(&head->dims)};
    enum rc rc;

    *out = (struct inverses){0};
    divide_into_blocks(head, in->cfg.inverse_coupled);
    rc = allocate(&f, energy);
    for (unsigned b = 0; b < head->n_block && rc == RC_OK; b++)
        rc = find_block(&f, b);
    free(f.row_weight);
    free(f.col_weight);
    free(f.law_weight);
    free(f.zero_sum);
    if (rc != RC_OK)
        inverses_free(out);
    return rc;
}

void inverses_free(struct inverses *inverses)
{
    free(inverses->k);
    free(inverses->metric);
    free(inverses->law_k);
    free(inverses->offload);
    *inverses = (struct inverses){0};
}

static bool same(const double *a, const double *b, uint64_t n)
{
    return !a == !b && (!a || memcmp(a, b, n * sizeof *a) == 0);
}

bool inverses_same(const struct inverses *a, const struct inverses *b,
                   const struct orbit_dims *dims)
{
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);

    return same(a->k, b->k, n_col * n_row) && same(a->law_k, b->law_k, n_col * n_row) &&
           same(a->metric, b->metric, n_col * n_col) &&
           same(a->offload, b->offload, n_col * n_col);
}
