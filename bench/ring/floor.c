#include "bench/ring/floor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lapacke.h>

enum { MAX_ITERATIONS = 12 };

/* Better than this is far below one BPM's noise. */
static const double settled_m = 1e-9;
/* Singular values below this part of the largest move no BPM that anybody could see. */
static const double rank_limit = 1e-9;

/* Working memory of one search; rows = 2 bpms, columns = correctors. */
struct search {
    struct machine *machine;
    struct readings *readings;
    uint32_t rows, columns;
    double *kick_rad;   /* [columns] */
    double *position_m; /* [rows] */
    double *error_m;    /* [rows] */
    double *zero_m;     /* [rows]: the error of a beam on the axis */
    double *matrix;     /* [rows][columns + 1] */
    double *seen;       /* [rows][columns]: the matrix as the BPMs see it */
    double *right;      /* [max(rows, columns)] */
    double *singular;   /* [columns] */
};

static enum rc search_allocate(struct search *s, struct machine *machine,
                               struct readings *readings)
{
    size_t rows = 2 * (size_t) machine_bpms(machine), columns = machine_correctors(machine);

    *s = (struct search){.machine = machine,
                         .readings = readings,
                         .rows = (uint32_t) rows,
                         .columns = (uint32_t) columns};
    s->kick_rad = calloc(columns, sizeof *s->kick_rad);
    s->position_m = calloc(rows, sizeof *s->position_m);
    s->error_m = calloc(rows, sizeof *s->error_m);
    s->zero_m = calloc(rows, sizeof *s->zero_m);
    s->matrix = calloc(rows * (columns + 1), sizeof *s->matrix);
    s->seen = calloc(rows * columns, sizeof *s->seen);
    s->right = calloc(rows + columns, sizeof *s->right);
    s->singular = calloc(rows + columns, sizeof *s->singular);
    if (!s->kick_rad || !s->position_m || !s->error_m || !s->zero_m || !s->matrix || !s->seen ||
        !s->right || !s->singular)
        return err_set(RC_NOMEM, "no memory for the least-squares floor");
    readings_error(readings, s->position_m, s->zero_m);
    return RC_OK;
}

static void search_free(struct search *s)
{
    free(s->kick_rad);
    free(s->position_m);
    free(s->error_m);
    free(s->zero_m);
    free(s->matrix);
    free(s->seen);
    free(s->right);
    free(s->singular);
}

/* Orbit and error under the present kicks. */
static enum rc look(struct search *s, double rms_m[2])
{
    enum rc rc = machine_solve(s->machine, s->kick_rad, 0, s->position_m);

    if (rc)
        return rc;
    readings_error(s->readings, s->position_m, s->error_m);
    readings_rms(s->error_m, s->rows / 2, rms_m);
    return RC_OK;
}

/* Column by column through the BPMs, whose readings are affine in the position. */
static enum rc see_response(struct search *s)
{
    enum rc rc = machine_response(s->machine, s->matrix);

    for (uint32_t c = 0; !rc && c < s->columns; c++) {
        for (uint32_t r = 0; r < s->rows; r++)
            s->position_m[r] = s->matrix[(size_t) r * (s->columns + 1) + c];
        readings_error(s->readings, s->position_m, s->right);
        for (uint32_t r = 0; r < s->rows; r++)
            s->seen[(size_t) r * s->columns + c] = s->right[r] - s->zero_m[r];
    }
    return rc;
}

static enum rc step(struct search *s)
{
    lapack_int rank = 0, info;
    enum rc rc = see_response(s);

    if (rc)
        return rc;
    memcpy(s->right, s->error_m, s->rows * sizeof *s->right);
    info = LAPACKE_dgelsd(LAPACK_ROW_MAJOR, (lapack_int) s->rows, (lapack_int) s->columns, 1,
                          s->seen, (lapack_int) s->columns, s->right, 1, s->singular,
                          rank_limit, &rank);
    if (info)
        return err_set(RC_NUMERIC, "least squares for the floor failed (LAPACK %d)",
                       (int) info);
    for (uint32_t c = 0; c < s->columns; c++)
        s->kick_rad[c] -= s->right[c];
    return RC_OK;
}

static void describe_kicks(const struct search *s, struct floor_result *result)
{
    double sum = 0;

    result->kick_max_rad = 0;
    for (uint32_t c = 0; c < s->columns; c++) {
        sum += s->kick_rad[c] * s->kick_rad[c];
        result->kick_max_rad = fmax(result->kick_max_rad, fabs(s->kick_rad[c]));
    }
    result->kick_rms_rad = sqrt(sum / s->columns);
}

static enum rc iterate(struct search *s, struct floor_result *result)
{
    double last_m, now_m;
    enum rc rc = look(s, result->before_m);

    memcpy(result->after_m, result->before_m, sizeof result->after_m);
    now_m = hypot(result->after_m[0], result->after_m[1]);
    for (result->iterations = 0; !rc && result->iterations < MAX_ITERATIONS;) {
        last_m = now_m;
        rc = step(s);
        if (!rc)
            rc = look(s, result->after_m);
        result->iterations++;
        now_m = hypot(result->after_m[0], result->after_m[1]);
        if (fabs(last_m - now_m) < settled_m)
            break;
    }
    return rc;
}

enum rc floor_find(struct machine *machine, struct readings *readings,
                   struct floor_result *result, double *kick_rad)
{
    struct search s;
    enum rc rc = search_allocate(&s, machine, readings);

    if (!rc)
        rc = iterate(&s, result);
    if (!rc) {
        describe_kicks(&s, result);
        if (kick_rad)
            memcpy(kick_rad, s.kick_rad, s.columns * sizeof *kick_rad);
        memset(s.kick_rad, 0, s.columns * sizeof *s.kick_rad);
        rc = machine_solve(machine, s.kick_rad, 0, s.position_m);
    }
    search_free(&s);
    return rc ? err_add(rc, "least-squares floor") : RC_OK;
}
