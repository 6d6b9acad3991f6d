#include "io/ctl/ff_learn.h"

#include <math.h>
#include <stdlib.h>

enum rc ff_learn_create(struct ff_learn *learn, uint64_t n_point, uint64_t n_col, double low,
                        double high)
{
    *learn = (struct ff_learn){.n_point = n_point, .n_col = n_col, .low = low, .high = high};
    if (n_point < FF_LEARN_LEAST_POINTS || n_point > FF_LEARN_MOST_POINTS)
        return err_set(RC_RANGE, "%lu points, %d to %d are allowed", n_point,
                       FF_LEARN_LEAST_POINTS, FF_LEARN_MOST_POINTS);
    if (!(high > low))
        return err_set(RC_RANGE, "the input stays at %g: there is nothing to learn", low);
    learn->sum = calloc(n_point * n_col, sizeof *learn->sum);
    return learn->sum ? RC_OK : err_set(RC_NOMEM, "no memory for a table");
}

void ff_learn_destroy(struct ff_learn *learn)
{
    free(learn->sum);
    learn->sum = NULL;
}

double ff_learn_position(const struct ff_learn *learn, uint64_t point)
{
    return learn->low +
           (learn->high - learn->low) * (double) point / (double) (learn->n_point - 1);
}

void ff_learn_add(struct ff_learn *learn, double position, const double *u)
{
    double at =
        (position - learn->low) / (learn->high - learn->low) * (double) (learn->n_point - 1);
    uint64_t point;
    double share[2];

    if (!(at >= 0.0 && at <= (double) (learn->n_point - 1)))
        return;
    point = (uint64_t) at < learn->n_point - 1 ? (uint64_t) at : learn->n_point - 2;
    share[1] = at - (double) point;
    share[0] = 1.0 - share[1];
    learn->n_sample++;
    for (unsigned a = 0; a < 2; a++) {
        double *sum = learn->sum + (point + a) * learn->n_col;

        for (unsigned b = 0; b < 2; b++)
            learn->normal[point + a][point + b] += share[a] * share[b];
        for (uint64_t col = 0; col < learn->n_col; col++)
            sum[col] += share[a] * u[col];
    }
}

/* Elimination of a tridiagonal matrix, downwards and up again. */
enum rc ff_learn_solve(struct ff_learn *learn)
{
    uint64_t n = learn->n_point, n_col = learn->n_col;
    double least = 1e-6 * (double) learn->n_sample / (double) n;

    for (uint64_t p = 0; p < n; p++) {
        if (!(learn->normal[p][p] > least))
            return err_set(RC_INPUT, "nothing was recorded near %g: take fewer points",
                           ff_learn_position(learn, p));
        for (uint64_t col = 0; p + 1 < n && col < n_col; col++)
            learn->sum[(p + 1) * n_col + col] -=
                learn->normal[p + 1][p] / learn->normal[p][p] * learn->sum[p * n_col + col];
        if (p + 1 < n)
            learn->normal[p + 1][p + 1] -=
                learn->normal[p + 1][p] * learn->normal[p][p + 1] / learn->normal[p][p];
    }
    for (uint64_t p = n; p-- > 0;)
        for (uint64_t col = 0; col < n_col; col++) {
            double *sum = learn->sum + p * n_col + col;

            if (p + 1 < n)
                *sum -= learn->normal[p][p + 1] * sum[n_col];
            *sum /= learn->normal[p][p];
        }
    for (uint64_t p = 0; p < n; p++)
        for (uint64_t col = 0; col < n_col && p + 1 < n; col++)
            learn->sum[p * n_col + col] -= learn->sum[(n - 1) * n_col + col];
    for (uint64_t col = 0; col < n_col; col++)
        learn->sum[(n - 1) * n_col + col] = 0.0;
    return RC_OK;
}

static double span(const struct ff_learn *learn, uint64_t col)
{
    double largest = 0.0;

    for (uint64_t p = 0; p < learn->n_point; p++)
        largest = fmax(largest, fabs(learn->sum[p * learn->n_col + col]));
    return largest;
}

void ff_learn_print(const struct ff_learn *learn, FILE *out, const char *table,
                    const char *input, const char (*name)[ORBIT_NAME_SIZE], double least)
{
    fprintf(out, "# from %lu records\ntable %s %s\n", learn->n_sample, table, input);
    for (uint64_t p = 0; p < learn->n_point; p++) {
        fprintf(out, "at %.9g\n", ff_learn_position(learn, p));
        for (uint64_t col = 0; col < learn->n_col; col++)
            if (span(learn, col) > least)
                fprintf(out, "%.*s %.9g\n", ORBIT_NAME_SIZE, name[col],
                        learn->sum[p * learn->n_col + col]);
    }
}
