#include "model/solve.h"

#include <math.h>

static const double singular = 1e-13;

static void swap_rows(double a[SOLVE_MAX][SOLVE_MAX], double b[SOLVE_MAX], int i, int j)
{
    double hold = b[i];

    b[i] = b[j];
    b[j] = hold;
    for (int k = 0; k < SOLVE_MAX; k++) {
        hold = a[i][k];
        a[i][k] = a[j][k];
        a[j][k] = hold;
    }
}

static int largest_below(double a[SOLVE_MAX][SOLVE_MAX], int column, int n)
{
    int best = column;

    for (int i = column + 1; i < n; i++)
        if (fabs(a[i][column]) > fabs(a[best][column]))
            best = i;
    return best;
}

static double largest_of(double a[SOLVE_MAX][SOLVE_MAX], int n)
{
    double most = 0;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            most = fmax(most, fabs(a[i][j]));
    return most;
}

static void eliminate(double a[SOLVE_MAX][SOLVE_MAX], double b[SOLVE_MAX], int column, int n)
{
    for (int i = column + 1; i < n; i++) {
        double factor = a[i][column] / a[column][column];

        for (int j = column; j < n; j++)
            a[i][j] -= factor * a[column][j];
        b[i] -= factor * b[column];
    }
}

bool solve_small(double a[SOLVE_MAX][SOLVE_MAX], double b[SOLVE_MAX], int n)
{
    double scale = largest_of(a, n);

    for (int column = 0; column < n; column++) {
        swap_rows(a, b, column, largest_below(a, column, n));
        if (!(fabs(a[column][column]) > singular * scale))
            return false;
        eliminate(a, b, column, n);
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int j = i + 1; j < n; j++)
            b[i] -= a[i][j] * b[j];
        b[i] /= a[i][i];
    }
    return true;
}

void solve_symplectic_inverse(double inverse[4][4], double m[4][4])
{
    for (int i = 0; i < 4; i += 2) {
        for (int j = 0; j < 4; j += 2) {
            inverse[i][j] = m[j + 1][i + 1];
            inverse[i][j + 1] = -m[j][i + 1];
            inverse[i + 1][j] = -m[j + 1][i];
            inverse[i + 1][j + 1] = m[j][i];
        }
    }
}
