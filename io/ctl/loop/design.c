#include "io/ctl/loop/design.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/law_margin.h"
#include "model/inverse.h"
#include "model/mismatch.h"

const char *mismatch_name(enum mismatch_kind kind)
{
    static const char *const names[MISMATCH_KINDS] = {"gains", "elements", "tune", "beta"};

    return names[kind];
}

static double *numbers(size_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

/* ---- matrices ------------------------------------------------------------------------ */

static const struct param_block *block_of(const struct result *result, int which)
{
    for (uint64_t b = 0; b < result->head.n_block; b++)
        if ((result->head.block[b].row0 != 0) == which)
            return &result->head.block[b];
    return NULL;
}

/* R of one plane out of the whole, as a matrix of its own. */
static double *take_r(const struct result *result, const struct param_block *block)
{
    uint64_t n_col = dims_n_col(&result->head.dims);
    double *r = numbers(block->n_row * block->n_col);

    for (uint64_t i = 0; r && i < block->n_row; i++)
        memcpy(r + i * block->n_col, result->r + (block->row0 + i) * n_col + block->col0,
               block->n_col * sizeof *r);
    return r;
}

static double *take_k(const struct result *result, const struct param_block *block)
{
    uint64_t n_row = dims_n_row(&result->head.dims);
    double *k = numbers(block->n_row * block->n_col);

    for (uint64_t j = 0; k && j < block->n_col; j++)
        memcpy(k + j * block->n_row,
               result->inverses.k + (block->col0 + j) * n_row + block->row0,
               block->n_row * sizeof *k);
    return k;
}

static enum rc load_csv(const struct design *design, const char *path, int which,
                        struct external_matrix *matrix)
{
    enum rc rc = external_matrix_load(matrix, path);

    if (rc == RC_OK)
        rc = external_matrix_to_rad(matrix, &design->inputs.devices, which == 0, path);
    if (rc != RC_OK)
        external_matrix_free(matrix);
    return rc;
}

static enum rc take_design(struct design *design, int which, const struct result *result)
{
    struct design_plane *plane = &design->plane[which];
    const struct param_block *block = block_of(result, which);
    struct external_matrix matrix;
    enum rc rc;

    if (!block)
        return RC_OK;
    if (design->request.matrix[which]) {
        rc = load_csv(design, design->request.matrix[which], which, &matrix);
        if (rc != RC_OK)
            return rc;
        plane->n_row = matrix.n_row;
        plane->n_col = matrix.n_col;
        plane->r = matrix.value;
    } else {
        plane->n_row = (uint32_t) block->n_row;
        plane->n_col = (uint32_t) block->n_col;
        plane->r = take_r(result, block);
        plane->k = take_k(result, block);
    }
    plane->n_mode = plane->n_row < plane->n_col ? plane->n_row : plane->n_col;
    return RC_OK;
}

/* The configuration's own inverse is there already, unless the matrix or the modes are others.
 */
static enum rc invert(struct design *design, int which)
{
    struct design_plane *plane = &design->plane[which];
    struct inverse_block block = {.matrix = plane->r,
                                  .stride = plane->n_col,
                                  .n_row = plane->n_row,
                                  .n_col = plane->n_col};
    const struct cfg *cfg = &design->inputs.cfg;
    double mu = which ? cfg->inverse_mu_v_m_per_rad : cfg->inverse_mu_h_m_per_rad;
    uint32_t modes = design->request.modes;

    if (plane->k && modes == 0)
        return RC_OK;
    if (modes > plane->n_mode)
        return err_set(RC_RANGE, "--modes %u: %s has %u", modes, which ? "V" : "H",
                       plane->n_mode);
    free(plane->k);
    plane->k = numbers((size_t) plane->n_row * plane->n_col);
    if (!plane->k)
        return err_set(RC_NOMEM, "no memory for an inverse");
    return modes ? inverse_truncated(&block, modes, plane->k, NULL)
                 : inverse_tikhonov(&block, mu, plane->k, NULL);
}

static enum rc take_truth(struct design *design, int which)
{
    struct design_plane *plane = &design->plane[which];
    const char *path = design->request.response[which];
    size_t size_b = (size_t) plane->n_row * plane->n_col * sizeof *plane->r;
    struct external_matrix matrix;
    enum rc rc;

    if (!path) {
        plane->truth = malloc(size_b);
        if (!plane->truth)
            return err_set(RC_NOMEM, "no memory for a response");
        memcpy(plane->truth, plane->r, size_b);
        return RC_OK;
    }
    rc = load_csv(design, path, which, &matrix);
    if (rc == RC_OK && matrix.n_row != plane->n_row) {
        rc = err_set(RC_INPUT, "%s: %u rows, but the design has %u BPMs", path, matrix.n_row,
                     plane->n_row);
        external_matrix_free(&matrix);
    }
    plane->truth = rc == RC_OK ? matrix.value : NULL;
    return rc;
}

static enum rc make_plane(struct design *design, int which, const struct result *result)
{
    struct design_plane *plane = &design->plane[which];
    enum rc rc = take_design(design, which, result);

    if (rc != RC_OK || plane->n_col == 0)
        return rc;
    plane->mode = calloc(plane->n_mode, sizeof *plane->mode);
    plane->margin = calloc(plane->n_mode, sizeof *plane->margin);
    plane->lambda = calloc(plane->n_col, sizeof *plane->lambda);
    if (!plane->r || !plane->mode || !plane->margin || !plane->lambda)
        return err_set(RC_NOMEM, "no memory for a plane");
    rc = invert(design, which);
    return rc == RC_OK ? take_truth(design, which) : rc;
}

static enum rc load_inputs(struct design *design)
{
    static struct cfg_faults faults;
    const struct design_request *request = &design->request;
    enum rc rc = cfg_load(&design->inputs.cfg, request->config_path, &faults);

    if (rc == RC_OK && request->law_path)
        rc = cfg_overlay(&design->inputs.cfg, request->law_path, &faults);
    if (rc == RC_OK)
        rc = inputs_load_machine(&design->inputs, request->config_path, &faults);
    if (rc == RC_OK)
        return RC_OK;
    cfg_faults_print(stderr, &faults);
    return err_set(rc, "%s%s%s is not usable", request->config_path,
                   request->law_path ? " with " : "",
                   request->law_path ? request->law_path : "");
}

enum rc design_load(struct design *design, const struct design_request *request)
{
    struct result result = {.r = NULL};
    enum rc rc;

    memset(design, 0, sizeof *design);
    design->request = *request;
    rc = load_inputs(design);
    if (rc == RC_OK)
        rc = law_margin_create(design->loop, &design->inputs.cfg);
    if (rc == RC_OK)
        rc = engine_compute(&result, &design->inputs);
    design->need = law_margin_need(&design->inputs.cfg);
    for (int which = 0; which < DESIGN_PLANES && rc == RC_OK; which++)
        rc = make_plane(design, which, &result);
    engine_free(&result);
    return rc;
}

void design_free(struct design *design)
{
    for (int which = 0; which < DESIGN_PLANES; which++) {
        struct design_plane *plane = &design->plane[which];

        free(plane->r);
        free(plane->k);
        free(plane->truth);
        free(plane->mode);
        free(plane->margin);
        free(plane->lambda);
    }
    law_margin_free(design->loop);
    inputs_free(&design->inputs);
    memset(design, 0, sizeof *design);
}

/* ---- the machine as it is ------------------------------------------------------------ */

static struct stability_block against(const struct design_plane *plane, const double *r)
{
    return (struct stability_block){.n_row = plane->n_row,
                                    .n_col = plane->n_col,
                                    .r = r,
                                    .k = plane->k,
                                    .r_stride = plane->n_col,
                                    .k_stride = plane->n_row};
}

static const struct margin_loop *loop_of(const struct design *design,
                                         const struct design_plane *plane)
{
    return &design->loop[plane - design->plane];
}

/* White noise of the readings, seen through every mode of the law. */
static double closed_loop_noise(const struct design *design, const struct design_plane *plane)
{
    double sum = 0.0;

    for (uint32_t m = 0; m < plane->n_mode; m++) {
        double gain = margin_noise_gain(loop_of(design, plane), plane->mode[m].kappa,
                                        plane->mode[m].gain);

        sum += gain * gain;
    }
    return sqrt(sum / plane->n_col / (double) design->inputs.cfg.law_every);
}

static enum rc judge_nominal(struct design *design, struct design_plane *plane)
{
    struct stability_block designed = against(plane, plane->r);
    struct stability_block real = against(plane, plane->truth);
    enum rc rc = stability_modes(&designed, plane->mode);

    if (rc == RC_OK)
        rc = stability_eigenvalues(&real, plane->lambda);
    if (rc != RC_OK)
        return rc;
    for (uint32_t m = 0; m < plane->n_mode; m++)
        plane->margin[m] = margin_of(loop_of(design, plane), plane->mode[m].gain, true);
    plane->nominal =
        stability_judge(loop_of(design, plane), plane->n_col, plane->lambda, false);
    plane->noise_static = stability_static_noise(&designed);
    plane->noise_closed = closed_loop_noise(design, plane);
    plane->enough = margin_is_enough(&plane->nominal.margin, &design->need);
    return RC_OK;
}

/* ---- machines with errors ------------------------------------------------------------ */

static enum rc judge_machine(const struct design *design, struct design_plane *plane,
                             const double *r, struct design_mismatch *mismatch)
{
    struct stability_block block = against(plane, r);
    struct stability verdict;
    double least = INFINITY, largest = 0.0;
    enum rc rc = stability_eigenvalues(&block, plane->lambda);

    if (rc != RC_OK)
        return rc;
    verdict = stability_judge(loop_of(design, plane), plane->n_col, plane->lambda, true);
    for (uint32_t j = 0; j < plane->n_col; j++)
        largest = fmax(largest, cabs(plane->lambda[j]));
    for (uint32_t j = 0; j < plane->n_col; j++)
        if (cabs(plane->lambda[j]) > STABILITY_UNCONTROLLED * largest)
            least = fmin(least, creal(plane->lambda[j]));
    if (verdict.margin.stable)
        mismatch->worst_peak = fmax(mismatch->worst_peak, verdict.margin.peak);
    mismatch->n_stable += verdict.margin.stable;
    mismatch->n_never += least < 0;
    mismatch->least_real = mismatch->n_trial ? fmin(mismatch->least_real, least) : least;
    mismatch->n_trial++;
    return RC_OK;
}

static enum rc try_matrix(struct design *design, struct design_plane *plane,
                          enum mismatch_kind kind, struct random *random)
{
    size_t n = (size_t) plane->n_row * plane->n_col;
    double *r = numbers(n), size = design->request.size[kind];
    enum rc rc;

    if (!r)
        return err_set(RC_NOMEM, "no memory for a response");
    memcpy(r, plane->truth, n * sizeof *r);
    if (kind == MISMATCH_GAINS)
        mismatch_gains(random, size, r, plane->n_row, plane->n_col);
    else
        mismatch_elements(random, size, r, plane->n_row, plane->n_col);
    rc = judge_machine(design, plane, r, &plane->mismatch[kind]);
    free(r);
    return rc;
}

enum { TUNE_SIGNS = 4 }; /* both tunes up or down */

static enum rc change_ring(const struct design *design, enum mismatch_kind kind, uint32_t trial,
                           struct random *random, struct lattice *ring)
{
    static const double sign[TUNE_SIGNS][2] = {{1, 1}, {-1, -1}, {1, -1}, {-1, 1}};
    double size = design->request.size[kind];

    return kind == MISMATCH_TUNE
               ? mismatch_tune(ring, size * sign[trial][0], size * sign[trial][1])
               : mismatch_beta(ring, random, size);
}

/* The response of a ring with other quadrupoles, against the inverse of the right ones. */
static enum rc try_ring(struct design *design, enum mismatch_kind kind, uint32_t trial,
                        struct random *random)
{
    struct inputs other = design->inputs;
    struct result result = {.r = NULL};
    enum rc rc = lattice_copy(&other.lattice, design->inputs.lattice);

    if (rc != RC_OK)
        return rc;
    rc = change_ring(design, kind, trial, random, other.lattice);
    if (rc == RC_OK)
        rc = engine_compute(&result, &other);
    for (int which = 0; which < DESIGN_PLANES && rc == RC_OK; which++) {
        struct design_plane *plane = &design->plane[which];
        double *r = plane->n_col ? take_r(&result, block_of(&result, which)) : NULL;

        if (r)
            rc = judge_machine(design, plane, r, &plane->mismatch[kind]);
        free(r);
    }
    engine_free(&result);
    lattice_destroy(other.lattice);
    return rc == RC_OK ? rc : err_add(rc, "mismatch %s", mismatch_name(kind));
}

static enum rc refuse_foreign(const struct design *design, enum mismatch_kind kind)
{
    for (int which = 0; which < DESIGN_PLANES; which++)
        if (design->request.matrix[which] || design->request.response[which])
            return err_set(RC_INPUT,
                           "mismatch %s is one of the lattice: it cannot be applied to a "
                           "matrix from a file; gains and elements can",
                           mismatch_name(kind));
    return RC_OK;
}

static enum rc try_kind(struct design *design, enum mismatch_kind kind)
{
    uint32_t trials = design->request.trials;
    bool of_ring = kind == MISMATCH_TUNE || kind == MISMATCH_BETA;
    enum rc rc = of_ring ? refuse_foreign(design, kind) : RC_OK;
    struct random random;

    random_seed(&random, design->request.seed + (uint64_t) kind);
    if (kind == MISMATCH_TUNE && trials > TUNE_SIGNS)
        trials = TUNE_SIGNS; /* nothing is random in it */
    for (uint32_t trial = 0; trial < trials && rc == RC_OK; trial++) {
        if (of_ring)
            rc = try_ring(design, kind, trial, &random);
        for (int which = 0; !of_ring && which < DESIGN_PLANES && rc == RC_OK; which++)
            if (design->plane[which].n_col)
                rc = try_matrix(design, &design->plane[which], kind, &random);
    }
    for (int which = 0; which < DESIGN_PLANES; which++) {
        struct design_plane *plane = &design->plane[which];

        plane->mismatch[kind].size = design->request.size[kind];
        plane->enough =
            plane->enough && plane->mismatch[kind].n_stable == plane->mismatch[kind].n_trial;
    }
    return rc;
}

enum rc design_compute(struct design *design)
{
    enum rc rc = RC_OK;

    for (int which = 0; which < DESIGN_PLANES && rc == RC_OK; which++) {
        design->plane[which].enough = true;
        if (design->plane[which].n_col)
            rc = judge_nominal(design, &design->plane[which]);
    }
    for (int kind = 0; kind < MISMATCH_KINDS && rc == RC_OK; kind++)
        if (design->request.size[kind] > 0)
            rc = try_kind(design, (enum mismatch_kind) kind);
    design->enough = design->plane[0].enough && design->plane[1].enough;
    /* The last trial's eigenvalues are not those to show. */
    for (int which = 0; which < DESIGN_PLANES && rc == RC_OK; which++) {
        struct stability_block real =
            against(&design->plane[which], design->plane[which].truth);

        if (design->plane[which].n_col)
            rc = stability_eigenvalues(&real, design->plane[which].lambda);
    }
    return rc;
}
