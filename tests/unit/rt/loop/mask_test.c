/* Replaced BPMs against what they stand for: the inverse, and the fit, without those rows. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/column_space.h"
#include "model/inverse.h"
#include "rt/loop/innovation.h"
#include "rt/loop/mask.h"

enum { N_BPM = 40, N_H = 18, N_ROW = 2 * N_BPM, RANK = 18 };

static const struct orbit_dims dims = {.n_bpm = N_BPM, .n_h = N_H, .n_v = 1};
enum { N_COL = N_H + 1 };
static double r[N_ROW * N_COL], k[N_COL * N_ROW], error[N_ROW];

static double uniform(uint64_t *random)
{
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double) (*random >> 11) / 9007199254740992.0 - 0.5;
}

/* The inverse of the x plane, with these weights of its rows. */
static void invert(const double *weight, double *inverse)
{
    struct inverse_block block = {
        .matrix = r, .stride = N_COL, .n_row = N_BPM, .n_col = N_H, .row_weight = weight};

    assert_int_equal(inverse_tikhonov(&block, 0.7, inverse, NULL), RC_OK);
}

static struct params_store *make_store(uint64_t seed, const struct column_space *space)
{
    struct param_head head = {
        .dims = dims, .n_block = 1, .block = {{.n_row = N_BPM, .n_col = N_H}}};
    struct param_matrices matrices = param_matrices_of(&dims, r, k);
    double inverse[N_H * N_BPM];
    struct params_store *store;
    struct params *p;
    uint64_t random = seed;

    for (int i = 0; i < N_BPM; i++)
        for (int j = 0; j < N_H; j++)
            r[i * N_COL + j] = 20.0 * uniform(&random);
    for (int i = 0; i < N_ROW; i++)
        error[i] = 1e-3 * uniform(&random);
    memset(k, 0, sizeof k);
    invert(NULL, inverse);
    for (int j = 0; j < N_H; j++)
        memcpy(k + j * N_ROW, inverse + j * N_BPM, N_BPM * sizeof *k);
    if (space)
        matrices.of[PARAM_BASIS_X] = (struct param_matrix){space->basis, N_BPM, space->rank};
    assert_int_equal(params_create(&store, &dims, MATVEC_F64), RC_OK);
    p = params_begin(store);
    assert_int_equal(params_fill(p, &head, &matrices), RC_OK);
    p->tuning.baseline_frames = 1;
    params_publish(store, p);
    return store;
}

/* Different rows in every try. */
static void choose_rows(uint64_t *random, struct mask *mask, uint64_t n)
{
    bool taken[N_BPM] = {false};

    mask->n = 0;
    while (mask->n < n) {
        uint64_t row = (uint64_t) ((uniform(random) + 0.5) * N_BPM);

        if (!taken[row])
            mask->row[mask->n++] = row;
        taken[row] = true;
    }
}

static void correct_without(const struct mask *mask, double *c)
{
    double weight[N_BPM], inverse[N_H * N_BPM];

    for (int i = 0; i < N_BPM; i++)
        weight[i] = 1.0;
    for (uint64_t m = 0; m < mask->n; m++)
        weight[mask->row[m]] = 0.0;
    invert(weight, inverse);
    for (int j = 0; j < N_H; j++) {
        c[j] = 0.0;
        for (int i = 0; i < N_BPM; i++)
            c[j] += inverse[j * N_BPM + i] * error[i];
    }
}

static void correct_masked(const struct params *p, const struct mask *mask, double *c)
{
    double e[N_ROW];

    memcpy(e, error, sizeof e);
    for (uint64_t m = 0; m < mask->n; m++)
        e[mask->row[m]] = 0.0;
    for (int j = 0; j < N_H; j++) {
        c[j] = 0.0;
        for (int i = 0; i < N_BPM; i++)
            c[j] += k[j * N_ROW + i] * e[i];
    }
    assert_true(mask_replace(p, &p->block[0], mask, e, c));
}

static void the_correction_is_that_of_the_inverse_without_the_masked_rows(void **state)
{
    uint64_t random = 20241121;

    (void) state;
    for (uint64_t n = 1; n <= MAX_MASKED; n++) {
        struct params_store *store = make_store(n, NULL);
        struct params *p = params_begin(store);
        struct mask mask;
        double with[N_H], without[N_H], size = 0.0;

        choose_rows(&random, &mask, n);
        correct_without(&mask, without);
        correct_masked(p, &mask, with);
        for (int j = 0; j < N_H; j++)
            size = fmax(size, fabs(without[j]));
        for (int j = 0; j < N_H; j++)
            assert_close(with[j], without[j], 0, 1e-10 * size);
        params_destroy(store);
    }
}

/* Q (Q_g^T Q_g)^-1 Q_g^T d over the good rows, by Tikhonov with mu near 0. */
static void fit_without(const struct column_space *space, const struct mask *mask,
                        const double *d, double *fit)
{
    static double inverse[RANK * N_BPM];
    double weight[N_BPM], part[RANK];
    struct inverse_block block = {.matrix = space->basis,
                                  .stride = space->rank,
                                  .n_row = N_BPM,
                                  .n_col = space->rank,
                                  .row_weight = weight};

    for (int i = 0; i < N_BPM; i++)
        weight[i] = 1.0;
    for (uint64_t m = 0; m < mask->n; m++)
        weight[mask->row[m]] = 0.0;
    assert_int_equal(inverse_tikhonov(&block, 1e-9, inverse, NULL), RC_OK);
    for (uint32_t q = 0; q < space->rank; q++) {
        part[q] = 0.0;
        for (int i = 0; i < N_BPM; i++)
            part[q] += inverse[q * N_BPM + (uint32_t) i] * d[i];
    }
    for (int i = 0; i < N_BPM; i++) {
        fit[i] = 0.0;
        for (uint32_t q = 0; q < space->rank; q++)
            fit[i] += space->basis[(uint32_t) i * space->rank + q] * part[q];
    }
}

static void the_beam_part_is_the_fit_without_the_unusable_rows(void **state)
{
    static double a[N_BPM * RANK];
    struct columns columns = {.n_row = N_BPM, .n_col = RANK, .a = a};
    uint64_t random = 7, quality[N_ROW] = {0};
    const double zero[N_ROW] = {0}, still[N_COL] = {0};
    struct column_space space;
    struct innovation innovation;

    (void) state;
    for (int i = 0; i < N_BPM * RANK; i++)
        a[i] = uniform(&random);
    assert_int_equal(column_space_find(&space, &columns, RANK, 1e-9, true), RC_OK);
    for (uint64_t n = 0; n <= MAX_MASKED; n++) {
        struct params_store *store = make_store(n + 50, &space);
        struct params *p = params_begin(store);
        struct innovation_frame frame = {.y = zero, .u_eff = still, .quality = quality};
        double fit[N_BPM];
        struct mask mask;

        choose_rows(&random, &mask, n);
        assert_int_equal(innovation_create(&innovation, &dims), RC_OK);
        innovation_restart(&innovation);
        innovation_update(&innovation, p, &frame); /* baseline: the zero orbit */
        for (uint64_t m = 0; m < n; m++)
            quality[mask.row[m]] = QUALITY_INVALID;
        frame.y = error;
        innovation_update(&innovation, p, &frame);
        assert_true(innovation.plane[0].judged);
        assert_false(innovation.plane[1].judged); /* its basis is not there */
        fit_without(&space, &mask, error, fit);
        for (int i = 0; i < N_BPM; i++)
            assert_close(innovation.beam[i], fit[i], 0, 1e-12);
        memset(quality, 0, sizeof quality);
        innovation_destroy(&innovation);
        params_destroy(store);
    }
    column_space_free(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_correction_is_that_of_the_inverse_without_the_masked_rows),
        cmocka_unit_test(the_beam_part_is_the_fit_without_the_unusable_rows),
    };

    return cmocka_run_group_tests_name("rt/loop/mask", tests, NULL, NULL);
}
