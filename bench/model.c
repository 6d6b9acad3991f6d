#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/folders.h"
#include "bench/model_ring.h"
#include "bench/plain_svd.h"
#include "bench/pyat.h"
#include "bench/samples.h"
#include "model/inverse.h"
#include "rt/base/clock.h"

enum { MAX_ROUND = 99, OWN_CALLS = 31, QUICK_CALLS = 3, N_SIZE = 8 };

struct run {
    const struct bench_options *options;
    json_t *result;
    struct pyat pyat;
};

/* One work and its yardstick, a median of its calls per round. */
struct duel {
    int rounds;
    double own_us[MAX_ROUND], yardstick_us[MAX_ROUND];
    bool has_yardstick;
};

static int own_calls(const struct run *run)
{
    return run->options->quick ? QUICK_CALLS : OWN_CALLS;
}

/* Median time of a call, us. */
static enum rc time_calls(int calls, enum rc (*work)(void *), void *argument, double *us)
{
    double samples[OWN_CALLS];
    enum rc rc = RC_OK;

    for (int i = 0; rc == RC_OK && i < calls; i++) {
        int64_t from = clock_mono_ns();

        rc = work(argument);
        samples[i] = (double) (clock_mono_ns() - from) / 1000;
    }
    if (rc == RC_OK)
        *us = samples_median(samples, (size_t) calls);
    return rc;
}

static json_t *spread_json(const double *values, int n)
{
    double sorted[MAX_ROUND];

    for (int i = 0; i < n; i++)
        sorted[i] = values[i];
    double median = samples_median(sorted, (size_t) n);

    return json_pack("{s:f, s:f, s:f}", "median", median, "low", sorted[0], "high",
                     sorted[n - 1]);
}

/* Times of both, and how many times faster, round by round. */
static void add_duel(json_t *row, const struct duel *duel)
{
    double faster[MAX_ROUND];

    json_object_set_new(row, "own_us", spread_json(duel->own_us, duel->rounds));
    if (!duel->has_yardstick) {
        json_object_set_new(row, "faster", json_null());
        return;
    }
    for (int i = 0; i < duel->rounds; i++)
        faster[i] = duel->yardstick_us[i] / duel->own_us[i];
    json_object_set_new(row, "yardstick_us", spread_json(duel->yardstick_us, duel->rounds));
    json_object_set_new(row, "faster", spread_json(faster, duel->rounds));
}

/* ---- against pyAT -------------------------------------------------------------------- */

static enum rc update_exact(void *ring)
{
    return model_ring_update(ring, INTEGRATOR_EXACT);
}

static enum rc update_at(void *ring)
{
    return model_ring_update(ring, INTEGRATOR_AT);
}

static enum rc update_rf(void *ring)
{
    return model_ring_update_rf(ring);
}

static enum rc orbit(void *ring)
{
    return model_ring_orbit(ring);
}

/* What is compared; the yardstick's command does the same work. */
static const struct contest {
    const char *what, *integrator, *command;
    enum rc (*work)(void *);
    bool same; /* the results of both are */
} contests[] = {{"update", "exact", "update", update_exact, true},
                {"update-rf", "exact", "update", update_rf, false},
                {"update", "at", "update", update_at, true},
                {"orbit", "at", "orbit", orbit, true}};
enum { N_CONTEST = sizeof(contests) / sizeof(contests[0]) };

static double relative_difference(const struct model_ring *ring, const json_t *norms)
{
    double worst = 0;

    for (int plane = 0; plane < 2; plane++) {
        double theirs = json_number_value(json_array_get(norms, (size_t) plane));

        worst = fmax(worst, fabs(model_ring_norm(ring, plane) / theirs - 1));
    }
    return worst;
}

static double orbit_difference(const struct model_ring *ring, const json_t *answer)
{
    static const char *const planes[2] = {"x_m", "y_m"};
    uint32_t n = ring->lattice->n_bpm;
    double worst = 0;

    for (uint32_t k = 0; k < 2; k++)
        for (uint32_t i = 0; i < n; i++)
            worst = fmax(
                worst,
                fabs(ring->position_m[k * n + i] -
                     json_number_value(json_array_get(json_object_get(answer, planes[k]), i))));
    return worst;
}

/* How far the results of both are apart, so that nobody is fast with something else. */
static void add_difference(json_t *row, const struct contest *contest,
                           const struct model_ring *ring, const json_t *answer)
{
    const json_t *norms = json_object_get(answer, "norms");

    if (norms && contest->same)
        json_object_set_new(row, "norm_difference",
                            json_real(relative_difference(ring, norms)));
    else if (answer && contest->work == orbit)
        json_object_set_new(row, "largest_difference_m",
                            json_real(orbit_difference(ring, answer)));
}

static enum rc play(struct run *run, const struct contest *contest, struct model_ring *ring,
                    json_t *row)
{
    struct duel *duel = calloc(1, sizeof(*duel));
    json_t *answer = NULL;
    enum rc rc = duel ? RC_OK : err_set(RC_NOMEM, "rounds of a benchmark");

    for (int i = 0; rc == RC_OK && i < run->options->rounds; i++) {
        rc = time_calls(own_calls(run), contest->work, ring, &duel->own_us[i]);
        duel->rounds = i + 1;
        if (rc != RC_OK || run->pyat.pid == 0)
            continue;
        json_decref(answer);
        rc = pyat_ask(&run->pyat, &answer, "%s", contest->command);
        duel->has_yardstick = true;
        duel->yardstick_us[i] = 1e6 * json_number_value(json_object_get(answer, "seconds"));
    }
    if (rc == RC_OK) {
        add_duel(row, duel);
        add_difference(row, contest, ring, answer);
    }
    json_decref(answer);
    free(duel);
    return rc;
}

static enum rc measure_contests(struct run *run, const char *name, struct model_ring *ring)
{
    enum rc rc = RC_OK;

    for (int k = 0; rc == RC_OK && k < N_CONTEST; k++) {
        json_t *row = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "what", contests[k].what,
                                "ring", name, "integrator", contests[k].integrator, "n_element",
                                (json_int_t) ring->lattice->n_element, "n_row",
                                (json_int_t) lattice_rows(ring->lattice), "n_col",
                                (json_int_t) lattice_columns(ring->lattice), "memory_b",
                                (json_int_t) ring->memory_b);

        rc = play(run, &contests[k], ring, row);
        json_array_append_new(run->result, row);
    }
    return rc;
}

static enum rc measure_ring(struct run *run, const char *name)
{
    char path[512];
    struct model_ring ring;
    json_t *answer;
    enum rc rc;

    if (bench_ring_lattice(name, path, sizeof(path)) != RC_OK)
        return RC_OK; /* the part measures the rings that are there */
    rc = model_ring_open(&ring, name);
    if (rc == RC_OK && run->pyat.pid > 0) {
        rc = pyat_ask(&run->pyat, &answer, "load %s", name);
        json_decref(answer);
    }
    if (rc == RC_OK)
        rc = measure_contests(run, name, &ring);
    model_ring_close(&ring);
    return rc;
}

/* ---- inverse ------------------------------------------------------------------------- */

struct inversion {
    int n_row, n_col;
    double *matrix, *inverse;
    double *masked, *anew, *weight; /* weight: a third of the way down is 0 */
};

static struct inverse_block whole(const struct inversion *p)
{
    return (struct inverse_block){.matrix = p->matrix,
                                  .stride = (uint32_t) p->n_col,
                                  .n_row = (uint32_t) p->n_row,
                                  .n_col = (uint32_t) p->n_col};
}

static enum rc invert_tikhonov(void *argument)
{
    struct inversion *p = argument;
    struct inverse_block block = whole(p);

    return inverse_tikhonov(&block, 1, p->inverse, NULL);
}

static enum rc invert_truncated(void *argument)
{
    struct inversion *p = argument;
    struct inverse_block block = whole(p);

    return inverse_truncated(&block, 0, p->inverse, NULL);
}

static enum rc invert_plain(void *argument)
{
    struct inversion *p = argument;

    return plain_svd_inverse(p->matrix, p->n_row, p->n_col, p->inverse);
}

/* A row taken out of the inverse that was made before; copying that first is part of it. */
static enum rc mask_row(void *argument)
{
    struct inversion *p = argument;
    struct inverse_block block = whole(p);

    memcpy(p->masked, p->inverse, (size_t) p->n_row * (size_t) p->n_col * sizeof(double));
    return inverse_mask_row(&block, (uint32_t) p->n_row / 3, p->masked);
}

static enum rc mask_anew(void *argument)
{
    struct inversion *p = argument;
    struct inverse_block block = whole(p);

    block.row_weight = p->weight;
    return inverse_tikhonov(&block, 1, p->anew, NULL);
}

/* As a response looks: amplitudes times the cosine of a distance in phase, less half a tune; a
 * little noise keeps the last singular values away from zero, as measured ones are. */
static void fill(struct inversion *p)
{
    unsigned short seed[3] = {1, 2, 3};
    const double turn = 17.85 * 2 * M_PI;

    for (int i = 0; i < p->n_row; i++) {
        for (int j = 0; j < p->n_col; j++) {
            double apart = fabs((double) i / p->n_row - (double) j / p->n_col);

            p->matrix[i * p->n_col + j] =
                (3 + 2 * sin(1.3 * i)) * (3 + 2 * sin(2.1 * j)) * cos(turn * (apart - 0.5)) +
                0.1 * erand48(seed);
        }
    }
}

static enum rc play_inverse(struct run *run, struct inversion *p, json_t *row,
                            enum rc (*work)(void *), enum rc (*yardstick)(void *))
{
    struct duel *duel = calloc(1, sizeof(*duel));
    int calls = run->options->quick ? 1 : 5;
    enum rc rc = duel ? RC_OK : err_set(RC_NOMEM, "rounds of a benchmark");

    for (int i = 0; rc == RC_OK && i < run->options->rounds; i++) {
        rc = time_calls(calls, work, p, &duel->own_us[i]);
        if (rc == RC_OK)
            rc = time_calls(calls, yardstick, p, &duel->yardstick_us[i]);
        duel->rounds = i + 1;
        duel->has_yardstick = true;
    }
    if (rc == RC_OK)
        add_duel(row, duel);
    free(duel);
    return rc;
}

static const struct method {
    const char *what, *method;
    enum rc (*work)(void *), (*yardstick)(void *);
} methods[] = {{"inverse", "truncated", invert_truncated, invert_plain},
               {"inverse", "tikhonov", invert_tikhonov, invert_plain},
               {"mask", "rank-1", mask_row, mask_anew}}; /* takes the inverse made before */
enum { N_METHOD = sizeof(methods) / sizeof(methods[0]) };

static enum rc measure_methods(struct run *run, struct inversion *p)
{
    enum rc rc = RC_OK;

    for (int k = 0; rc == RC_OK && k < N_METHOD; k++) {
        json_t *row = json_pack("{s:s, s:s, s:i, s:i}", "what", methods[k].what, "method",
                                methods[k].method, "n_row", p->n_row, "n_col", p->n_col);

        rc = play_inverse(run, p, row, methods[k].work, methods[k].yardstick);
        json_array_append_new(run->result, row);
    }
    return rc;
}

static enum rc measure_inverse(struct run *run, int n_row, int n_col)
{
    size_t n = (size_t) n_row * (size_t) n_col;
    double *block = calloc(4 * n + (size_t) n_row, sizeof(*block));
    struct inversion p = {n_row, n_col, block, NULL, NULL, NULL, NULL};
    enum rc rc;

    if (!block)
        return err_set(RC_NOMEM, "an inverse");
    p.inverse = block + n;
    p.masked = block + 2 * n;
    p.anew = block + 3 * n;
    p.weight = block + 4 * n;
    for (int i = 0; i < n_row; i++)
        p.weight[i] = i == n_row / 3 ? 0 : 1;
    fill(&p);
    rc = measure_methods(run, &p);
    free(block);
    return rc;
}

/* ---- memory -------------------------------------------------------------------------- */

static enum rc measure_memory(struct run *run)
{
    static const char *const rings[] = {"bessy2", "dba", "fodo", "mls", "soleil"};
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < sizeof(rings) / sizeof(rings[0]); i++) {
        struct model_ring ring;

        rc = model_ring_open(&ring, rings[i]);
        if (rc == RC_OK)
            json_array_append_new(run->result,
                                  json_pack("{s:s, s:s, s:I, s:I}", "what", "memory", "ring",
                                            rings[i], "n_element",
                                            (json_int_t) ring.lattice->n_element, "memory_b",
                                            (json_int_t) ring.memory_b));
        model_ring_close(&ring);
    }
    return rc;
}

/* ---- cost against the number of elements --------------------------------------------- */

struct growth {
    int n;
    double elements[N_SIZE], us[N_SIZE], memory_b[N_SIZE];
};

/* Weighted by 1/us^2, so that every size counts alike: fit = base + slope n. */
static void fit_line(const struct growth *g, double *base, double *slope)
{
    double w = 0, x = 0, y = 0, xx = 0, xy = 0, det;

    for (int i = 0; i < g->n; i++) {
        double weight = 1 / (g->us[i] * g->us[i]);

        w += weight;
        x += weight * g->elements[i];
        y += weight * g->us[i];
        xx += weight * g->elements[i] * g->elements[i];
        xy += weight * g->elements[i] * g->us[i];
    }
    det = w * xx - x * x;
    *slope = (w * xy - x * y) / det;
    *base = (y - *slope * x) / w;
}

static json_t *growth_json(const struct growth *g)
{
    json_t *sizes = json_array();
    double base, slope, worst = 0;

    fit_line(g, &base, &slope);
    for (int i = 0; i < g->n; i++) {
        double fit = base + slope * g->elements[i];

        worst = fmax(worst, fabs(g->us[i] / fit - 1));
        json_array_append_new(sizes, json_pack("{s:f, s:f, s:f, s:f}", "n_element",
                                               g->elements[i], "us", g->us[i], "fit_us", fit,
                                               "memory_b", g->memory_b[i]));
    }
    return json_pack("{s:s, s:f, s:f, s:f, s:o}", "what", "elements", "base_us", base,
                     "us_per_element", slope, "largest_deviation", worst, "sizes", sizes);
}

static enum rc measure_size(struct run *run, uint32_t cells, struct growth *g)
{
    struct model_ring ring;
    double us[MAX_ROUND];
    uint32_t cell = 0;
    enum rc rc = model_ring_repeat(&ring, cells, 24, &cell);

    for (int i = 0; rc == RC_OK && i < run->options->rounds; i++)
        rc = time_calls(own_calls(run), update_exact, &ring, &us[i]);
    if (rc == RC_OK) {
        g->elements[g->n] = cells * cell;
        g->memory_b[g->n] = (double) ring.memory_b;
        g->us[g->n++] = samples_median(us, (size_t) run->options->rounds);
    }
    model_ring_close(&ring);
    return rc;
}

static enum rc measure_growth(struct run *run)
{
    static const uint32_t cells[N_SIZE] = {9, 16, 28, 48, 84, 145, 251, 437};
    struct growth growth = {0};
    enum rc rc = RC_OK;

    for (int i = 0; rc == RC_OK && i < N_SIZE; i++)
        rc = measure_size(run, cells[i], &growth);
    if (rc == RC_OK)
        json_array_append_new(run->result, growth_json(&growth));
    return rc;
}

enum rc bench_model(const struct bench_options *options, json_t **result)
{
    struct run run = {.options = options, .result = json_array()};
    enum rc rc;

    pyat_open(&run.pyat);
    if (run.pyat.pid == 0)
        fprintf(stderr, "orbit-bench: %s\n", run.pyat.why_not);
    rc = measure_ring(&run, "bessy2");
    if (rc == RC_OK)
        rc = measure_ring(&run, "soleil");
    pyat_close(&run.pyat);
    if (rc == RC_OK)
        rc = measure_inverse(&run, 123, 112);
    if (rc == RC_OK)
        rc = measure_inverse(&run, 320, 288);
    if (rc == RC_OK)
        rc = measure_growth(&run);
    if (rc == RC_OK)
        rc = measure_memory(&run);
    *result = run.result;
    return rc;
}
