/* What a step of each law costs beside the product with its matrix, without the rest of the
 * cycle. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/samples.h"
#include "bench/tick.h"
#include "rt/loop/law/law.h"
#include "rt/loop/matvec.h"

struct size {
    const char *machine;
    uint64_t n_row, n_col; /* of one block; there are two */
};

static const struct size sizes[] = {
    {"BESSY II", 123, 56}, {"Diamond", 173, 172}, {"Sirius", 160, 80}};

static const struct contestant {
    const char *law;
    enum law_kind kind;
    uint64_t n_notch, n_harmonic, n_active;
} contestants[] = {{"pi", LAW_PI, 0, 0, 0},
                   {"imc", LAW_IMC, 0, 0, 0},
                   {"imc, 2 notches", LAW_IMC, 2, 0, 0},
                   {"imc, 2 harmonics", LAW_IMC, 0, 2, 0},
                   {"imc, 4 at limits", LAW_IMC, 0, 0, 4}};

enum { N_SIZE = sizeof sizes / sizeof sizes[0], BLOCKS = 2 };
enum { N_CONTESTANT = sizeof contestants / sizeof contestants[0] };

struct law_rig {
    const struct size *size;
    uint64_t n_col;
    struct law_terms terms;
    struct law_state *state;
    struct matvec k[BLOCKS];
    double *column; /* lower, upper, pole, v, u, step, next; [n_col] each */
    double *error, *metric;
    uint64_t *saturated;
};

enum { LOWER, UPPER, POLE, V, U, STEP, NEXT, COLUMNS };

static double *column(const struct law_rig *rig, unsigned which)
{
    return rig->column + which * rig->n_col;
}

static void close_rig(struct law_rig *rig)
{
    for (unsigned b = 0; b < BLOCKS; b++)
        free(rig->k[b].panels);
    free(rig->state);
    free(rig->column);
    free(rig->error);
    free(rig->metric);
    free(rig->saturated);
}

static enum rc make_matrices(struct law_rig *rig)
{
    const struct size *size = rig->size;
    size_t size_b = matvec_size_b(size->n_col, size->n_row, MATVEC_F32);
    double *a = calloc(size->n_col * size->n_row, sizeof *a);
    enum rc rc = a ? RC_OK : err_set(RC_NOMEM, "matrices of a benchmark");

    for (uint64_t i = 0; a && i < size->n_col * size->n_row; i++)
        a[i] = 1e-3 * (double) (i * 7919 % 41) - 2e-2;
    for (unsigned b = 0; b < BLOCKS && rc == RC_OK; b++) {
        void *memory = aligned_alloc(MATVEC_ALIGN, size_b);

        rc = memory ? matvec_init(&rig->k[b], memory, size->n_col, size->n_row, MATVEC_F32)
                    : err_set(RC_NOMEM, "matrices of a benchmark");
        if (rc == RC_OK)
            matvec_pack(&rig->k[b], a, size->n_row);
    }
    free(a);
    return rc;
}

static enum rc make_terms(struct law_rig *rig, const struct contestant *c)
{
    static const double notch_hz[] = {2000.0, 3000.0}, harmonic_hz[] = {10.0, 50.0};
    struct law_settings settings = {.kind = c->kind,
                                    .ki = 0.1,
                                    .bandwidth_hz = 200.0,
                                    .lead_max = 100.0,
                                    .delay_s = 700e-6,
                                    .period_s = 1e-4,
                                    .step_limit = 1e-5,
                                    .n_notch = c->n_notch,
                                    .n_harmonic = c->n_harmonic};
    struct law_columns columns = {.n_col = rig->n_col,
                                  .lower = column(rig, LOWER),
                                  .upper = column(rig, UPPER),
                                  .pole_hz = column(rig, POLE)};
    struct law_span span[BLOCKS];
    enum rc rc;

    for (unsigned i = 0; i < 2; i++) {
        settings.notch[i] = (struct law_notch){.f_hz = notch_hz[i], .width_hz = 50.0};
        settings.harmonic[i] = (struct law_harmonic){.f_hz = harmonic_hz[i], .width_hz = 0.5};
        span[i] = (struct law_span){.col0 = i * rig->size->n_col, .n_col = rig->size->n_col};
    }
    rc = law_terms_make(&rig->terms, &settings, &columns);
    return rc == RC_OK ? law_terms_blocks(&rig->terms, span, BLOCKS) : rc;
}

static enum rc open_rig(struct law_rig *rig, const struct size *size,
                        const struct contestant *c)
{
    uint64_t n_col = BLOCKS * size->n_col;
    void *state = aligned_alloc(CACHE_LINE, law_state_size(n_col));

    *rig = (struct law_rig){.size = size, .n_col = n_col};
    rig->column = calloc(COLUMNS * n_col, sizeof(double));
    rig->error = calloc(BLOCKS * size->n_row, sizeof(double));
    rig->metric = calloc(n_col * n_col, sizeof(double));
    rig->saturated = calloc(n_col, sizeof(uint64_t));
    if (!state || !rig->column || !rig->error || !rig->metric || !rig->saturated) {
        free(state);
        return err_set(RC_NOMEM, "columns of a benchmark");
    }
    rig->state = law_state_init(state, n_col);
    for (uint64_t j = 0; j < n_col; j++) {
        bool at_limit = j < c->n_active;

        column(rig, LOWER)[j] = -1e-3;
        column(rig, UPPER)[j] = at_limit ? 1e-9 : 1e-3;
        column(rig, POLE)[j] = 500.0;
        rig->metric[j * n_col + j] = 1.0;
    }
    return make_matrices(rig);
}

/* One step: the product, then the law; the ticks of each. */
static void take_step(struct law_rig *rig, int k, int64_t *product, int64_t *law)
{
    struct law_input in = {.v = column(rig, V),
                           .u_now = column(rig, U),
                           .metric = rig->metric,
                           .gain = 1.0,
                           .step_scale = 1.0,
                           .closed = true};
    struct law_output out = {
        .u = column(rig, NEXT), .step = column(rig, STEP), .saturated = rig->saturated};
    int64_t began = tick_now(), middle;

    for (unsigned b = 0; b < BLOCKS; b++)
        matvec_apply(&rig->k[b], rig->error + b * rig->size->n_row,
                     column(rig, V) + b * rig->size->n_col);
    middle = tick_now();
    law_step(&rig->terms, rig->state, &in, &out);
    *law = tick_now() - middle;
    *product = middle - began;
    memcpy(column(rig, U), column(rig, NEXT), rig->n_col * sizeof(double));
    for (uint64_t i = 0; i < BLOCKS * rig->size->n_row; i++)
        rig->error[i] = 1e-9 * (double) ((i * 31 + (uint64_t) k * 17) % 200) - 1e-7;
}

static json_t *measure(struct law_rig *rig, const struct bench_options *options,
                       const struct contestant *c)
{
    int n = options->calls;
    double *product = calloc((size_t) n, sizeof *product),
           *law = calloc((size_t) n, sizeof *law);
    struct percentiles of_product, of_law;
    double tick = tick_ns(), cost = tick_cost();
    json_t *row;

    for (int k = -n / 4; product && law && k < n; k++) {
        int64_t a, b;

        take_step(rig, k + n, &a, &b);
        if (k < 0)
            continue;
        product[k] = ((double) a - cost) * tick;
        law[k] = ((double) b - cost) * tick;
    }
    if (!product || !law) {
        free(product);
        free(law);
        return NULL;
    }
    of_product = samples_percentiles(product, (size_t) n);
    of_law = samples_percentiles(law, (size_t) n);
    row = json_pack("{s:s, s:s, s:I, s:o, s:o, s:f}", "machine", rig->size->machine, "law",
                    c->law, "n_col", (json_int_t) rig->n_col, "product",
                    percentiles_json(&of_product, 1), "step", percentiles_json(&of_law, 1),
                    "step_to_product", of_law.p50 / of_product.p50);
    free(product);
    free(law);
    return row;
}

enum rc bench_law(const struct bench_options *options, json_t **result)
{
    enum rc rc = RC_OK;

    *result = json_array();
    for (unsigned s = 0; s < N_SIZE && rc == RC_OK; s++)
        for (unsigned c = 0; c < N_CONTESTANT && rc == RC_OK; c++) {
            static struct law_rig rig;

            rc = open_rig(&rig, &sizes[s], &contestants[c]);
            if (rc == RC_OK)
                rc = make_terms(&rig, &contestants[c]);
            if (rc == RC_OK)
                json_array_append_new(*result, measure(&rig, options, &contestants[c]));
            close_rig(&rig);
        }
    return rc;
}
