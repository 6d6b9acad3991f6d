#include "model/focus.h"

#include <math.h>

/* Power series in q = K L^2: near K = 0 the closed forms lose digits. */
static struct focus focus_series(double q, double length)
{
    double c = 1, s = 1, i1 = 0.5, i2 = 1.0 / 6, term = 1;

    for (int n = 1; n <= 6; n++) {
        double k = 2.0 * n;

        term *= -q / ((k - 1) * k);
        c += term;
        s += term / (k + 1);
        i1 += term / ((k + 1) * (k + 2));
        i2 += term / ((k + 1) * (k + 2) * (k + 3));
    }
    return (struct focus){c, s * length, i1 * length * length, i2 * length * length * length};
}

struct focus focus_over(double k, double length)
{
    double q = k * length * length, root = sqrt(fabs(k)), phi = root * length;
    struct focus f;

    if (fabs(q) < 0.01)
        return focus_series(q, length);
    if (k > 0) {
        sincos(phi, &f.s, &f.c);
    } else {
        double up = exp(phi), down = 1 / up;

        f.c = 0.5 * (up + down);
        f.s = 0.5 * (up - down);
    }
    f.s /= root;
    f.one_minus_c = (1 - f.c) / k;
    f.length_minus_s = (length - f.s) / k;
    return f;
}

/* (L^2/2 - one_minus_c)/K and (L^3/6 - length_minus_s)/K. Two more powers of K are divided out
 * than in focus_over: the series serves up to larger q. */
static void higher_integrals(const struct focus *f, double k, double length, double *third,
                             double *fourth)
{
    double square = length * length, q = k * square, term = 1.0 / 24, sum3 = term,
           sum4 = term / 5;

    if (fabs(q) > 1) {
        *third = (square / 2 - f->one_minus_c) / k;
        *fourth = (square * length / 6 - f->length_minus_s) / k;
        return;
    }
    for (int n = 6; n <= 24; n += 2) {
        term *= -q / ((n - 1) * n);
        sum3 += term;
        sum4 += term / (n + 1);
    }
    *third = sum3 * square * square;
    *fourth = sum4 * square * square * length;
}

struct focus focus_slope(const struct focus *focus, double k, double length)
{
    double third, fourth;

    higher_integrals(focus, k, length, &third, &fourth);
    return (struct focus){
        .c = -0.5 * length * focus->s,
        .s = 0.5 * (focus->length_minus_s - length * focus->one_minus_c),
        .one_minus_c = third - 0.5 * length * focus->length_minus_s,
        .length_minus_s = 0.5 * (3 * fourth - length * third),
    };
}
