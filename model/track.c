#include "model/track.h"

#include <math.h>
#include <string.h>

enum { X, PX, Y, PY, DELTA, CT };

static const double lost_m = 1.0;

void tangent_start(struct tangent *tangent)
{
    memset(tangent, 0, sizeof *tangent);
    tangent->n = 5;
    for (uint32_t c = 0; c < tangent->n; c++)
        tangent->column[c][c] = 1;
}

/* ---- the two halves of a slice ---- */

static void drift_tangent(struct tangent *t, const double z[TRACK_DIM], double length,
                          double inverse)
{
    double l = length * inverse;

    for (uint32_t c = 0; c < t->n; c++) {
        double *u = t->column[c];
        double slope = z[PX] * u[PX] + z[PY] * u[PY];
        double square = z[PX] * z[PX] + z[PY] * z[PY];

        u[X] += l * (u[PX] - z[PX] * inverse * u[DELTA]);
        u[Y] += l * (u[PY] - z[PY] * inverse * u[DELTA]);
        u[CT] += l * inverse * (slope - square * inverse * u[DELTA]);
    }
}

static void drift(double z[TRACK_DIM], double length, struct tangent *t)
{
    double inverse = 1 / (1 + z[DELTA]);
    double l = length * inverse;

    if (t)
        drift_tangent(t, z, length, inverse);
    z[X] += l * z[PX];
    z[Y] += l * z[PY];
    z[CT] += 0.5 * l * inverse * (z[PX] * z[PX] + z[PY] * z[PY]);
}

/* Field and its derivative at x + iy: sum (b_n + i a_n)(x + iy)^n by Horner's rule. */
struct field {
    double re, im, slope_re, slope_im;
};

static struct field field_at(const struct element *e, double x, double y)
{
    struct field f = {e->b[e->order], e->a[e->order], 0, 0};

    for (uint32_t n = e->order; n-- > 0;) {
        double re = f.re, im = f.im, slope_re = f.slope_re, slope_im = f.slope_im;

        f.slope_re = slope_re * x - slope_im * y + re;
        f.slope_im = slope_re * y + slope_im * x + im;
        f.re = re * x - im * y + e->b[n];
        f.im = re * y + im * x + e->a[n];
    }
    return f;
}

/* What the kicks of an element need: kept apart from it, for the misaligned frame changes them.
 */
struct kicker {
    const struct element *element;
    double h;                /* curvature */
    double along_x, along_y; /* kick per length: windings and field errors */
};

static void kick_tangent(struct tangent *t, const struct field *f, double h, double length,
                         double fraction)
{
    for (uint32_t c = 0; c < t->n; c++) {
        double *u = t->column[c];
        double re = f->slope_re * u[X] - f->slope_im * u[Y];
        double im = f->slope_im * u[X] + f->slope_re * u[Y];

        u[PX] -= length * (re - h * (u[DELTA] - h * u[X])) - fraction * t->kick_x[c];
        u[PY] += length * im + fraction * t->kick_y[c];
        u[CT] += length * h * u[X];
    }
}

/* fraction: of the element's kick that this step gives. */
static void kick(double z[TRACK_DIM], const struct kicker *k, double length, double fraction,
                 struct tangent *t)
{
    struct field f = field_at(k->element, z[X], z[Y]);

    if (t)
        kick_tangent(t, &f, k->h, length, fraction);
    z[PX] -= length * (f.re - k->along_x - k->h * (z[DELTA] - k->h * z[X]));
    z[PY] += length * (f.im + k->along_y);
    z[CT] += length * k->h * z[X];
}

/* Forest-Ruth; two half drifts of neighbouring slices are one. */
static void body(double z[TRACK_DIM], const struct kicker *k, struct tangent *t)
{
    static const double outer = 1.3512071919596578, inner = -1.7024143839193153;
    uint32_t n = k->element->n_slices;
    double part = 1.0 / n, l = k->element->length_m * part;
    double first = 0.5 * outer * l, between = 0.5 * (outer + inner) * l;

    drift(z, first, t);
    for (uint32_t i = 0; i < n; i++) {
        kick(z, k, outer * l, outer * part, t);
        drift(z, between, t);
        kick(z, k, inner * l, inner * part, t);
        drift(z, between, t);
        kick(z, k, outer * l, outer * part, t);
        drift(z, i + 1 < n ? 2 * first : first, t);
    }
}

/* ---- edges, thin elements, misalignment ---- */

/* The legacy form: the fringe angle shrinks with momentum, the kick itself does not. */
static void edge(double z[TRACK_DIM], const struct element *e, double angle, double fint,
                 struct tangent *t)
{
    double h = e->angle_rad / e->length_m, sine = sin(angle);
    double psi = h * e->gap_m * fint * (1 + sine * sine) / cos(angle);
    double inverse = 1 / (1 + z[DELTA]), tangent_y = tan(angle - psi * inverse);
    double x = h * tan(angle), y = -h * tangent_y;
    double y_delta = -h * (1 + tangent_y * tangent_y) * psi * inverse * inverse;

    for (uint32_t c = 0; t && c < t->n; c++) {
        double *u = t->column[c];

        u[PX] += x * u[X];
        u[PY] += y * u[Y] + y_delta * z[Y] * u[DELTA];
    }
    z[PX] += x * z[X];
    z[PY] += y * z[Y];
}

static void thin_kick(double z[TRACK_DIM], double x, double y, struct tangent *t)
{
    for (uint32_t c = 0; t && c < t->n; c++) {
        t->column[c][PX] += t->kick_x[c];
        t->column[c][PY] += t->kick_y[c];
    }
    z[PX] += x;
    z[PY] += y;
}

static void turn_vector(double u[TRACK_DIM], double cosine, double sine)
{
    double x = u[X], px = u[PX];

    u[X] = cosine * x + sine * u[Y];
    u[Y] = cosine * u[Y] - sine * x;
    u[PX] = cosine * px + sine * u[PY];
    u[PY] = cosine * u[PY] - sine * px;
}

static void turn_kicks(struct tangent *t, double cosine, double sine)
{
    for (uint32_t c = 0; t && c < t->n; c++) {
        double x = t->kick_x[c];

        t->kick_x[c] = cosine * x + sine * t->kick_y[c];
        t->kick_y[c] = cosine * t->kick_y[c] - sine * x;
    }
}

static void turn_frame(double z[TRACK_DIM], struct tangent *t, double cosine, double sine)
{
    turn_vector(z, cosine, sine);
    for (uint32_t c = 0; t && c < t->n; c++)
        turn_vector(t->column[c], cosine, sine);
    turn_kicks(t, cosine, sine);
}

/* Windings of a magnet act along it even when its own field is off: the path of a turn shows
 * it.
 */
static bool has_field(const struct element *e)
{
    bool wound =
        e->kind >= ELEMENT_DIPOLE && (fabs(e->hkick_rad) > 0 || fabs(e->vkick_rad) > 0);

    return wound || e->order > 0 || fabs(e->angle_rad) > 0 || fabs(e->b[0]) > 0 ||
           fabs(e->a[0]) > 0;
}

static void halves_with_kick(const struct element *e, double z[TRACK_DIM], struct tangent *t)
{
    if (e->length_m <= 0) {
        thin_kick(z, e->hkick_rad, e->vkick_rad, t);
        return;
    }
    drift(z, 0.5 * e->length_m, t);
    thin_kick(z, e->hkick_rad, e->vkick_rad, t);
    drift(z, 0.5 * e->length_m, t);
}

/* In the frame of the magnet. Windings are fixed to the beam's planes (kick_x, kick_y of hkick,
 * vkick were turned into this frame by the caller); a rolled bending field lacks angle (1 - cos
 * roll) and kicks down. */
static void magnet(const struct element *e, double z[TRACK_DIM], struct tangent *t,
                   double cosine, double sine)
{
    double x = e->hkick_rad + e->angle_rad * (1 - cosine),
           y = e->vkick_rad - e->angle_rad * sine;
    struct kicker k = {.element = e,
                       .h = e->angle_rad / e->length_m,
                       .along_x = (cosine * x + sine * y) / e->length_m,
                       .along_y = (cosine * y - sine * x) / e->length_m};

    if (e->kind == ELEMENT_DIPOLE)
        edge(z, e, e->e1_rad, e->fint1, t);
    body(z, &k, t);
    if (e->kind == ELEMENT_DIPOLE)
        edge(z, e, e->e2_rad, e->fint2, t);
}

static void misaligned_magnet(const struct element *e, double z[TRACK_DIM], struct tangent *t)
{
    double cosine = 1, sine = 0;

    if (fabs(e->roll_rad) > 0)
        sincos(e->roll_rad, &sine, &cosine);
    z[X] -= e->dx_m;
    z[Y] -= e->dy_m;
    if (fabs(sine) > 0)
        turn_frame(z, t, cosine, sine);
    magnet(e, z, t, cosine, sine);
    if (fabs(sine) > 0)
        turn_frame(z, t, cosine, -sine);
    z[X] += e->dx_m;
    z[Y] += e->dy_m;
}

void track_element(const struct element *element, double z[TRACK_DIM], struct tangent *tangent)
{
    if (element->length_m > 0 && has_field(element))
        misaligned_magnet(element, z, tangent);
    else
        halves_with_kick(element, z, tangent);
}

enum rc track_range(const struct lattice *lattice, uint32_t first, uint32_t end,
                    double z[TRACK_DIM], struct tangent *tangent)
{
    for (uint32_t i = first; i < end; i++) {
        track_element(&lattice->element[i], z, tangent);
        /* Written so that a NaN is lost too. */
        if (!(fabs(z[X]) < lost_m && fabs(z[Y]) < lost_m && isfinite(z[PX] + z[PY] + z[CT])))
            return err_set(RC_NUMERIC, "particle lost in element %u '%s' at s = %.3f m", i,
                           lattice->element[i].name, lattice->s_m[i]);
    }
    return RC_OK;
}
