#include "io/replay/law_trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/replay/sets.h"
#include "io/stream/stream_reader.h"
#include "rt/loop/law/law.h"
#include "rt/loop/mask.h"
#include "rt/loop/params.h"
#include "rt/loop/response.h"
#include "rt/loop/set_image.h"

enum { SETTLE_PART = 4 };

/* A machine with a law, or with the set points of the run. */
struct side {
    const struct params *p;
    struct law_state *law; /* NULL: set points are the run's, or stand */
    struct response response;
    double *y, *sum;   /* [n_row] */
    double *u, *u_eff; /* [n_col] */
    uint64_t n_sum;
};

struct run {
    struct law_trial *trial;
    struct params_store *store;
    struct params *p[2]; /* old, new */
    struct side side[SIDE_COUNT];
    double *disturbance, *error, *u_first, *v, *next, *step,
        *share; /* [n_row] x 2, [n_col] x 5 */
    uint64_t *saturated;
    void *memory;
    int64_t period_ns;
    uint64_t run_id, n_seen, n_total;
};

/* ---- making ---- */

static enum rc load_params(struct run *run, const struct set_head *image,
                           const struct trial_law *law)
{
    struct params *fresh;
    enum rc rc =
        params_create(&run->store, &run->trial->dims, (enum matvec_storage) image->storage);

    for (unsigned i = 0; i < 2 && rc == RC_OK; i++) {
        run->p[i] = params_begin(run->store);
        rc = run->p[i] ? set_image_unpack(run->p[i], image)
                       : err_set(RC_NOMEM, "no memory for a parameter set");
    }
    if (rc != RC_OK)
        return rc;
    fresh = run->p[1];
    fresh->tuning.law = law->settings;
    fresh->tuning.every = law->every;
    for (uint64_t col = 0; col < dims_n_col(&fresh->dims); col++)
        fresh->law_gain[col] = col < fresh->dims.n_h ? law->gain_h : law->gain_v;
    return params_make_law(fresh);
}

static double *carve(double **at, uint64_t n)
{
    double *array = *at;

    *at += (n + 7) / 8 * 8;
    return array;
}

static enum rc make_law(struct side *side, uint64_t n_col)
{
    void *memory = aligned_alloc(CACHE_LINE, law_state_size(n_col));

    if (!memory)
        return err_set(RC_NOMEM, "no memory for a law");
    side->law = law_state_init(memory, n_col);
    return RC_OK;
}

static enum rc make_modes(struct run *run)
{
    for (unsigned plane = 0; plane < 2; plane++) {
        uint64_t n_mode = run->p[0]->optional[PARAM_MODES_X + plane].cols;

        if (n_mode == 0)
            return err_set(RC_INPUT, "the parameter set of the recording carries no modes");
        run->trial->n_mode[plane] = n_mode;
        for (unsigned i = 0; i < SIDE_COUNT; i++) {
            run->trial->side[i].mode_m[plane] = calloc(n_mode, sizeof(double));
            if (!run->trial->side[i].mode_m[plane])
                return err_set(RC_NOMEM, "no memory for %lu modes", n_mode);
        }
    }
    return RC_OK;
}

static enum rc make_sides(struct run *run)
{
    uint64_t n_row = dims_n_row(&run->trial->dims), n_col = dims_n_col(&run->trial->dims);
    uint64_t n_word = (2 * SIDE_COUNT + 2) * (n_row + 8) + (2 * SIDE_COUNT + 6) * (n_col + 8);
    double *at = calloc(n_word, sizeof *at);
    enum rc rc = RC_OK;

    run->memory = at;
    if (!at)
        return err_set(RC_NOMEM, "no memory for a trial");
    run->disturbance = carve(&at, n_row);
    run->error = carve(&at, n_row);
    for (unsigned i = 0; i < SIDE_COUNT && rc == RC_OK; i++) {
        struct side *side = &run->side[i];

        side->p = run->p[i == SIDE_NEW];
        side->y = carve(&at, n_row);
        side->sum = carve(&at, n_row);
        side->u = carve(&at, n_col);
        side->u_eff = carve(&at, n_col);
        rc = response_create(&side->response, n_col, MAX_DELAY_CYCLES);
        if (rc == RC_OK && i >= SIDE_OLD)
            rc = make_law(side, n_col);
    }
    run->u_first = carve(&at, n_col);
    run->v = carve(&at, n_col);
    run->next = carve(&at, n_col);
    run->step = carve(&at, n_col);
    run->share = carve(&at, n_col);
    run->saturated = (void *) carve(&at, n_col);
    return rc;
}

/* ---- a cycle ---- */

static void follow_response(struct run *run, struct side *side, uint64_t cycles)
{
    const struct tuning *t = &run->p[0]->tuning;
    const double period_ns = (double) run->period_ns;
    const struct response_model model = {
        .delay_cycles = {(uint64_t) ((double) t->response_delay_ns / period_ns + 0.5),
                         (uint64_t) ((double) t->fast_delay_ns / period_ns + 0.5)},
        .fast = run->p[0]->fast,
        .share = run->share};

    for (uint64_t k = 0; k < cycles; k++)
        response_advance(&side->response, side->u, side->u_eff, &model);
}

/* Errors of the side, with rows that are not good replaced. */
static void find_errors(struct run *run, struct side *side, const struct record_view *record)
{
    uint64_t n_row = dims_n_row(&run->trial->dims);
    const struct params *p = side->p;

    for (uint64_t row = 0; row < n_row; row++)
        run->error[row] =
            record->row_quality[row] == QUALITY_GOOD ? side->y[row] - p->reference_m[row] : 0.0;
    for (uint64_t b = 0; b < p->n_block; b++) {
        const struct param_block *block = &p->block[b];
        struct mask mask = {.n = 0};

        for (uint64_t row = block->row0; row < block->row0 + block->n_row; row++)
            if (record->row_quality[row] != QUALITY_GOOD && !p->row_disabled[row] &&
                mask.n < MAX_MASKED)
                mask.row[mask.n++] = row;
        if (mask.n == 0)
            continue;
        matvec_apply(&p->correct[b], run->error + block->row0, run->v + block->col0);
        (void) !mask_replace(p, block, &mask, run->error, run->v + block->col0);
    }
}

static void step_law(struct run *run, struct side *side, struct trial_figures *figures)
{
    uint64_t n_row = dims_n_row(&run->trial->dims), n_col = dims_n_col(&run->trial->dims);
    const struct params *p = side->p;
    struct law_output out = {.u = run->next, .step = run->step, .saturated = run->saturated};
    const struct optional_matrix *metric = &p->optional[PARAM_METRIC];
    struct law_input in = {.v = run->v,
                           .u_now = side->u,
                           .metric = metric->rows ? metric->a : NULL,
                           .gain = 1.0,
                           .step_scale = 1.0,
                           .closed = true};

    for (uint64_t row = 0; row < n_row; row++)
        side->sum[row] /= (double) side->n_sum;
    memset(run->v, 0, n_col * sizeof *run->v);
    for (uint64_t b = 0; b < p->n_block; b++)
        matvec_apply(params_law_matrix(p, b), side->sum + p->block[b].row0,
                     run->v + p->block[b].col0);
    for (uint64_t col = 0; col < n_col; col++)
        run->v[col] = -run->v[col];
    law_step(&p->law, side->law, &in, &out);
    memcpy(side->u, run->next, n_col * sizeof *side->u);
    memset(side->sum, 0, n_row * sizeof *side->sum);
    side->n_sum = 0;
    figures->n_step++;
    figures->n_saturated += out.n_saturated > 0;
}

static void act(struct run *run, struct side *side, struct trial_figures *figures)
{
    uint64_t n_row = dims_n_row(&run->trial->dims);

    for (uint64_t row = 0; row < n_row; row++)
        side->sum[row] += run->error[row];
    if (++side->n_sum >= side->p->tuning.every)
        step_law(run, side, figures);
}

/* ---- figures ---- */

static void count_modes(struct run *run, struct trial_figures *figures)
{
    uint64_t n_bpm = run->trial->dims.n_bpm;

    for (unsigned plane = 0; plane < 2; plane++) {
        const struct optional_matrix *modes = &run->p[0]->optional[PARAM_MODES_X + plane];
        const double *e = run->error + plane * n_bpm;

        for (uint64_t m = 0; m < modes->cols; m++) {
            double amplitude = 0.0;

            for (uint64_t i = 0; i < n_bpm; i++)
                amplitude += modes->a[i * modes->cols + m] * e[i];
            figures->mode_m[plane][m] += amplitude * amplitude;
        }
        for (uint64_t i = 0; i < n_bpm; i++)
            figures->square_m2[plane] += e[i] * e[i] / (double) n_bpm;
    }
}

static void count_kicks(const struct run *run, const struct side *side,
                        struct trial_figures *figures)
{
    const struct orbit_dims *dims = &run->trial->dims;
    uint64_t n_kick = dims->n_h + dims->n_v;

    for (uint64_t col = 0; col < n_kick; col++) {
        double du = side->u[col] - run->u_first[col], limit = run->p[0]->upper[col];
        uint64_t n = col < dims->n_h ? dims->n_h : dims->n_v;

        figures->kick_rad[col >= dims->n_h] += du * du / (double) n;
        if (isfinite(limit) && limit > 0.0)
            figures->use = fmax(figures->use, fabs(side->u[col]) / limit);
    }
}

static void play_side(struct run *run, unsigned i, const struct record_view *record,
                      bool counts)
{
    uint64_t n_row = dims_n_row(&run->trial->dims);
    struct trial_figures *figures = &run->trial->side[i];
    struct side *side = &run->side[i];

    if (i != SIDE_RECORDED)
        follow_response(run, side, 1 + record->head->skipped);
    matvec_apply(&run->p[0]->predict, side->u_eff, side->y);
    for (uint64_t row = 0; row < n_row; row++)
        side->y[row] += run->disturbance[row];
    if (!record->head->new_frame)
        return;
    find_errors(run, side, record);
    if (counts) {
        count_modes(run, figures);
        count_kicks(run, side, figures);
    }
    if (side->law && !record->head->pace_word[WORD_INHIBIT])
        act(run, side, figures);
}

static void begin(struct run *run, const struct record_view *record)
{
    uint64_t n_col = dims_n_col(&run->trial->dims);

    run->run_id = record->head->run_id;
    memcpy(run->u_first, record->u_cmd, n_col * sizeof *run->u_first);
    for (uint64_t col = 0; col < n_col; col++)
        run->share[col] = response_share((double) run->period_ns * 1e-9 * 2.0 * M_PI *
                                         run->p[0]->pole_hz[col]);
    for (unsigned i = 0; i < SIDE_COUNT; i++) {
        struct side *side = &run->side[i];

        memcpy(side->u, record->u_cmd, n_col * sizeof *side->u);
        response_reset(&side->response, side->u, side->u_eff);
        if (side->law)
            law_track(side->law, side->u);
    }
}

static void play(struct run *run, const struct record_view *record)
{
    uint64_t n_row = dims_n_row(&run->trial->dims), n_col = dims_n_col(&run->trial->dims);
    struct side *recorded = &run->side[SIDE_RECORDED];
    bool counts = run->n_seen >= run->n_total / SETTLE_PART;

    if (run->n_seen++ == 0)
        begin(run, record);
    memcpy(recorded->u, record->u_cmd, n_col * sizeof *recorded->u);
    follow_response(run, recorded, 1 + record->head->skipped);
    matvec_apply(&run->p[0]->predict, recorded->u_eff, run->disturbance);
    for (uint64_t row = 0; row < n_row; row++)
        run->disturbance[row] = record->y[row] - run->disturbance[row];
    for (unsigned i = 0; i < SIDE_COUNT; i++)
        play_side(run, i, record, counts);
    run->trial->n_frame += counts && record->head->new_frame;
    run->trial->n_closed += record->head->state == STATE_CLOSED;
}

/* ---- the recording ---- */

static enum rc find_first(struct stream_reader *reader, const char *path)
{
    enum rc rc = stream_reader_open(reader, path);
    int kind = 0;

    if (rc != RC_OK)
        return rc;
    while ((kind = stream_reader_next(reader)) > 0)
        if (kind == STREAM_RECORD && reader->record.head->revision != 0)
            return RC_OK;
    stream_reader_close(reader);
    return kind < 0 ? (enum rc) kind
                    : err_set(RC_INPUT, "%s: no record with a parameter set", path);
}

static enum rc load(struct run *run, const struct stream_reader *reader,
                    const struct sets *sets, const struct trial_law *law)
{
    const struct record_head *head = reader->record.head;
    const struct stream_set *set = sets_find(sets, head->run_id, head->revision);
    struct set_head *image = NULL;
    enum rc rc;

    if (!set)
        return err_set(RC_INPUT, "the recording does not name the parameters of revision %lu",
                       head->revision);
    run->trial->dims = reader->header.dims;
    run->period_ns = (int64_t) reader->header.period_ns;
    run->run_id = head->run_id;
    rc = sets_load(sets, set->set_hash, &image);
    if (rc == RC_OK)
        rc = load_params(run, image, law);
    free(image);
    if (rc == RC_OK)
        rc = make_modes(run);
    return rc == RC_OK ? make_sides(run) : rc;
}

/* The records of the first run that has parameters; counted first, then played. */
static enum rc pass(struct run *run, const char *path, bool do_play)
{
    struct stream_reader reader;
    enum rc rc = find_first(&reader, path);
    int kind = STREAM_RECORD;

    if (rc != RC_OK)
        return rc;
    for (; kind > 0; kind = stream_reader_next(&reader)) {
        if (kind != STREAM_RECORD || reader.record.head->run_id != run->run_id)
            continue;
        run->n_total += !do_play;
        if (do_play)
            play(run, &reader.record);
    }
    stream_reader_close(&reader);
    return kind < 0 ? (enum rc) kind : RC_OK;
}

static void finish(struct law_trial *trial)
{
    double n = trial->n_frame ? (double) trial->n_frame : 1.0;

    for (unsigned i = 0; i < SIDE_COUNT; i++) {
        struct trial_figures *side = &trial->side[i];

        for (unsigned plane = 0; plane < 2; plane++) {
            side->rms_m[plane] = sqrt(side->square_m2[plane] / n);
            side->kick_rad[plane] = sqrt(side->kick_rad[plane] / n);
            for (uint64_t m = 0; m < trial->n_mode[plane]; m++)
                side->mode_m[plane][m] = sqrt(side->mode_m[plane][m] / n);
        }
    }
}

static void free_run(struct run *run)
{
    for (unsigned i = 0; i < SIDE_COUNT; i++) {
        response_destroy(&run->side[i].response);
        free(run->side[i].law);
    }
    params_destroy(run->store);
    free(run->memory);
}

enum rc law_trial_run(struct law_trial *trial, const char *path, const struct trial_law *law)
{
    struct run run = {.trial = trial};
    struct stream_reader reader;
    struct sets sets;
    enum rc rc;

    *trial = (struct law_trial){0};
    sets_begin(&sets, path);
    rc = sets_scan(&sets, path);
    if (rc == RC_OK)
        rc = find_first(&reader, path);
    if (rc == RC_OK) {
        rc = load(&run, &reader, &sets, law);
        stream_reader_close(&reader);
    }
    if (rc == RC_OK)
        rc = pass(&run, path, false);
    if (rc == RC_OK)
        rc = pass(&run, path, true);
    trial->n_record = run.n_total;
    finish(trial);
    free_run(&run);
    sets_end(&sets);
    if (rc != RC_OK)
        law_trial_free(trial);
    return rc;
}

void law_trial_free(struct law_trial *trial)
{
    for (unsigned i = 0; i < SIDE_COUNT; i++)
        for (unsigned plane = 0; plane < 2; plane++) {
            free(trial->side[i].mode_m[plane]);
            trial->side[i].mode_m[plane] = NULL;
        }
}
