#include "model/track.h"

#include <math.h>
#include <string.h>

#include "model/track_parts.h"

static const double lost_m = 1.0, light_m_s = 299792458.0;

void tangent_start(struct tangent *tangent)
{
    memset(tangent, 0, sizeof *tangent);
    tangent->n = 5;
    for (uint32_t c = 0; c < tangent->n; c++)
        tangent->column[c][c] = 1;
}

void tangent_start_6d(struct tangent *tangent)
{
    tangent_start(tangent);
    tangent->n = 6;
    tangent->column[CT][CT] = 1;
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

/* The fringe angle shrinks with momentum, the kick itself does not. The legacy form has no path
 * that goes with it; the potential -y(delta) y^2/2 of the kick demands one. */
static void edge_path(double z[TRACK_DIM], double y_delta, double fringe_tangent,
                      struct tangent *t)
{
    double square = z[Y] * z[Y];

    for (uint32_t c = 0; t && c < t->n; c++)
        t->column[c][CT] += y_delta * z[Y] * t->column[c][Y] +
                            0.5 * fringe_tangent * square * t->column[c][DELTA];
    z[CT] += 0.5 * y_delta * square;
}

static void edge(double z[TRACK_DIM], const struct element *e, bool entrance, bool exact,
                 struct tangent *t)
{
    double angle = entrance ? e->e1_rad : e->e2_rad, fint = entrance ? e->fint1 : e->fint2;
    double h = e->angle_rad / e->length_m, sine = sin(angle);
    double psi = h * e->gap_m * fint * (1 + sine * sine) / cos(angle);
    double inverse = 1 / (1 + z[DELTA]), tangent_y = tan(angle - psi * inverse);
    double x = h * tan(angle), y = -h * tangent_y;
    double psi_delta = psi * inverse * inverse, secant = 1 + tangent_y * tangent_y;
    double y_delta = -h * secant * psi_delta;

    if (exact)
        edge_path(z, y_delta, 2 * h * secant * psi_delta * (inverse - tangent_y * psi_delta),
                  t);
    for (uint32_t c = 0; t && c < t->n; c++) {
        double *u = t->column[c];

        u[PX] += x * u[X];
        u[PY] += y * u[Y] + y_delta * z[Y] * u[DELTA];
    }
    z[PX] += x * z[X];
    z[PY] += y * z[Y];
}

/* A corrector that is rolled kicks in its own planes. */
static void thin_kick(const struct element *e, double z[TRACK_DIM], struct tangent *t)
{
    double roll = e->kind == ELEMENT_CORRECTOR ? e->roll_rad : 0;
    double cosine = cos(roll), sine = sin(roll);

    for (uint32_t c = 0; t && c < t->n; c++) {
        t->column[c][PX] += cosine * t->kick_x[c] - sine * t->kick_y[c];
        t->column[c][PY] += cosine * t->kick_y[c] + sine * t->kick_x[c];
    }
    z[PX] += cosine * e->hkick_rad - sine * e->vkick_rad;
    z[PY] += cosine * e->vkick_rad + sine * e->hkick_rad;
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

void track_turn_frame(double z[TRACK_DIM], struct tangent *t, double cosine, double sine)
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
        thin_kick(e, z, t);
        return;
    }
    drift(z, 0.5 * e->length_m, t);
    thin_kick(e, z, t);
    drift(z, 0.5 * e->length_m, t);
}

/* In the frame of the magnet. Windings are fixed to the beam's planes (kick_x, kick_y of hkick,
 * vkick were turned into this frame by the caller); a rolled bending field lacks angle (1 - cos
 * roll) and kicks down. */
static void magnet(const struct element *e, double z[TRACK_DIM], struct tangent *t, bool exact,
                   const double roll[2])
{
    double cosine = roll[0], sine = roll[1];
    double x = e->hkick_rad + e->angle_rad * (1 - cosine),
           y = e->vkick_rad - e->angle_rad * sine;
    struct kicker k = {.element = e,
                       .h = e->angle_rad / e->length_m,
                       .along_x = (cosine * x + sine * y) / e->length_m,
                       .along_y = (cosine * y - sine * x) / e->length_m};

    if (e->kind == ELEMENT_DIPOLE)
        edge(z, e, true, exact, t);
    if (exact && e->order <= 1)
        track_exact_body(z, &k, t);
    else
        body(z, &k, t);
    if (e->kind == ELEMENT_DIPOLE)
        edge(z, e, false, exact, t);
}

static void misaligned_magnet(const struct element *e, double z[TRACK_DIM], struct tangent *t,
                              bool exact)
{
    double roll[2] = {1, 0};
    bool rolled = fabs(e->roll_rad) > 0, moved = fabs(e->ds_m) > 0;

    if (rolled)
        sincos(e->roll_rad, &roll[1], &roll[0]);
    if (moved)
        drift(z, e->ds_m, t);
    z[X] -= e->dx_m;
    z[Y] -= e->dy_m;
    if (rolled)
        track_turn_frame(z, t, roll[0], roll[1]);
    magnet(e, z, t, exact, roll);
    if (rolled)
        track_turn_frame(z, t, roll[0], -roll[1]);
    z[X] += e->dx_m;
    z[Y] += e->dy_m;
    if (moved)
        drift(z, -e->ds_m, t);
}

static void cavity(const struct element *e, double energy_ev, double z[TRACK_DIM],
                   struct tangent *t)
{
    double k = 2 * M_PI * e->frequency_hz / light_m_s, gain = e->voltage_v / energy_ev;
    double slope;

    drift(z, 0.5 * e->length_m, t);
    slope = gain * k * cos(k * (z[CT] - e->lag_m));
    for (uint32_t c = 0; t && c < t->n; c++)
        t->column[c][DELTA] -= slope * t->column[c][CT];
    z[DELTA] -= gain * sin(k * (z[CT] - e->lag_m));
    drift(z, 0.5 * e->length_m, t);
}

static void any_element(const struct element *element, double z[TRACK_DIM],
                        struct tangent *tangent, bool exact)
{
    if (element->length_m > 0 && has_field(element))
        misaligned_magnet(element, z, tangent, exact);
    else
        halves_with_kick(element, z, tangent);
}

void track_element(const struct element *element, double z[TRACK_DIM], struct tangent *tangent)
{
    any_element(element, z, tangent, false);
}

enum rc track_range_as(const struct tracking *how, const struct lattice *lattice,
                       uint32_t first, uint32_t end, double z[TRACK_DIM],
                       struct tangent *tangent)
{
    if (how->cavities && !(lattice->energy_gev > 0))
        return err_set(RC_INPUT, "cavities act on a ring of known energy only: none is given");
    for (uint32_t i = first; i < end; i++) {
        const struct element *element = &lattice->element[i];

        if (how->cavities && element->kind == ELEMENT_CAVITY)
            cavity(element, lattice->energy_gev * 1e9, z, tangent);
        else
            any_element(element, z, tangent, how->exact);
        /* Written so that a NaN is lost too. */
        if (!(fabs(z[X]) < lost_m && fabs(z[Y]) < lost_m &&
              isfinite(z[PX] + z[PY] + z[CT] + z[DELTA])))
            return err_set(RC_NUMERIC, "particle lost in element %u '%s' at s = %.3f m", i,
                           element->name, lattice->s_m[i]);
    }
    return RC_OK;
}

enum rc track_range(const struct lattice *lattice, uint32_t first, uint32_t end,
                    double z[TRACK_DIM], struct tangent *tangent)
{
    return track_range_as(&(struct tracking){0}, lattice, first, end, z, tangent);
}
