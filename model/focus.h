/* Solutions of u'' + K u = F over a length, for constant K and F: with any sign of K, and with
 * all digits near K = 0 (a common value). */
#ifndef ORBIT_MODEL_FOCUS_H
#define ORBIT_MODEL_FOCUS_H

/* u(L) = c u + s u' + one_minus_c F, u'(L) = -K s u + c u' + s F, and the integral of u over
 * the length is s u + one_minus_c u' + length_minus_s F. */
struct focus {
    double c, s;
    double one_minus_c;    /* (1 - c)/K */
    double length_minus_s; /* (L - s)/K */
};

struct focus focus_over(double k, double length);

/* Derivatives of the four by K. */
struct focus focus_slope(const struct focus *focus, double k, double length);

#endif
