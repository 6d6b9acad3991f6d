#include "model/quick_orbit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/solve.h"

enum { X, PX, Y, PY, DIM, MOST_STEPS = 20 };

/* Four columns of the tangent map at a time. */
typedef double vec4 __attribute__((vector_size(32)));

/* The kernels are worth wider vectors where the CPU has them. */
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&            \
    !defined(__SANITIZE_THREAD__)
#define WIDER __attribute__((target_clones("arch=haswell", "default")))
#else
#define WIDER
#endif
#define INLINE inline __attribute__((always_inline)) /* into each of the clones */

/* z' = m z + k for an affine block; one element to be stepped through otherwise. */
struct block {
    uint32_t first, end;
    bool affine;
    double m[DIM][DIM], k[DIM];
};

/* x and y at a BPM in the last turn, and how they depend on its start. */
struct reading {
    vec4 slope[2];
    double at[2], unused[2];
};

struct quick_orbit {
    uint32_t n_element, n_block;
    const struct lattice *lattice;
    double delta;
    bool *cut;               /* [n_element]: a BPM is read at its entrance */
    struct block *block;     /* [n_element] */
    struct reading *reading; /* [n_element], of those that are cut */
    double turn[DIM][DIM];
    double step[DIM]; /* from where the last turn started to the orbit found */
};

static const double outer = 1.3512071919596578, inner = -1.7024143839193153;
static const double tolerance = 1e-12, lost_m = 1.0;

/* ---- one plane of an element, affine: x' = a x + b px + e, px' = c x + d px + f ---- */

struct plane {
    double a, b, c, d, e, f;
};

static const struct plane nothing = {.a = 1, .d = 1};

/* later after first */
static struct plane chain(const struct plane *later, const struct plane *first)
{
    return (struct plane){.a = later->a * first->a + later->b * first->c,
                          .b = later->a * first->b + later->b * first->d,
                          .c = later->c * first->a + later->d * first->c,
                          .d = later->c * first->b + later->d * first->d,
                          .e = later->a * first->e + later->b * first->f + later->e,
                          .f = later->c * first->e + later->d * first->f + later->f};
}

static void add_drift(struct plane *p, double l)
{
    p->a += l * p->c;
    p->b += l * p->d;
    p->e += l * p->f;
}

/* px' = px + c x + f */
static void add_kick(struct plane *p, double c, double f)
{
    p->c += c * p->a;
    p->d += c * p->b;
    p->f += c * p->e + f;
}

static struct plane power(struct plane base, uint32_t n)
{
    struct plane result = nothing;

    for (; n > 0; n >>= 1) {
        if (n & 1)
            result = chain(&base, &result);
        if (n > 1)
            base = chain(&base, &base);
    }
    return result;
}

/* All slices of a body whose kick per length is c x + f. */
static struct plane body(const struct element *element, double c, double f, double inverse)
{
    double l = element->length_m / element->n_slices;
    double first = 0.5 * outer * l * inverse, between = 0.5 * (outer + inner) * l * inverse;
    struct plane slice = nothing;

    add_drift(&slice, first);
    add_kick(&slice, outer * l * c, outer * l * f);
    add_drift(&slice, between);
    add_kick(&slice, inner * l * c, inner * l * f);
    add_drift(&slice, between);
    add_kick(&slice, outer * l * c, outer * l * f);
    add_drift(&slice, first);
    return power(slice, element->n_slices);
}

/* Edges as in model/track.c. */
static void add_edge(struct plane *x, struct plane *y, const struct element *e, bool entrance,
                     double inverse)
{
    double angle = entrance ? e->e1_rad : e->e2_rad, fint = entrance ? e->fint1 : e->fint2;
    double h = e->angle_rad / e->length_m, sine = sin(angle);
    double psi = h * e->gap_m * fint * (1 + sine * sine) / cos(angle);

    add_kick(x, h * tan(angle), 0);
    add_kick(y, -h * tan(angle - psi * inverse), 0);
}

static bool is_zero(double value)
{
    return fpclassify(value) == FP_ZERO;
}

static bool has_order(const struct element *e, uint32_t from)
{
    for (uint32_t n = from; n <= e->order; n++)
        if (!is_zero(e->a[n]) || !is_zero(e->b[n]))
            return true;
    return false;
}

static bool is_affine(const struct element *e)
{
    return !has_order(e, 2) || e->length_m <= 0;
}

/* The planes apart and not turned: what `body` and the kernel below can do. */
static bool is_upright(const struct element *e)
{
    return is_zero(e->roll_rad) && is_zero(e->ds_m) && is_zero(e->a[1]);
}

static bool is_magnet(const struct element *e)
{
    return e->kind >= ELEMENT_DIPOLE && e->length_m > 0;
}

static void magnet_planes(struct plane *x, struct plane *y, const struct element *e,
                          double delta)
{
    double h = e->angle_rad / e->length_m, inverse = 1 / (1 + delta);
    struct plane bx =
        body(e, -e->b[1] - h * h, -e->b[0] + e->hkick_rad / e->length_m + h * delta, inverse);
    struct plane by = body(e, e->b[1], e->a[0] + e->vkick_rad / e->length_m, inverse);

    x->e -= e->dx_m;
    y->e -= e->dy_m;
    if (e->kind == ELEMENT_DIPOLE)
        add_edge(x, y, e, true, inverse);
    *x = chain(&bx, x);
    *y = chain(&by, y);
    if (e->kind == ELEMENT_DIPOLE)
        add_edge(x, y, e, false, inverse);
    x->e += e->dx_m;
    y->e += e->dy_m;
}

static void plain_planes(struct plane *x, struct plane *y, const struct element *e,
                         double delta)
{
    double half = 0.5 * e->length_m / (1 + delta);

    add_drift(x, half);
    add_drift(y, half);
    add_kick(x, 0, e->hkick_rad);
    add_kick(y, 0, e->vkick_rad);
    add_drift(x, half);
    add_drift(y, half);
}

/* ---- blocks -------------------------------------------------------------------------- */

static void block_start(struct block *block, uint32_t first)
{
    *block = (struct block){.first = first, .end = first, .affine = true};
    for (int i = 0; i < DIM; i++)
        block->m[i][i] = 1;
}

/* Rows of one plane of the block, behind an element. */
static void append_plane(struct block *block, int row, const struct plane *p)
{
    for (int c = 0; c < DIM; c++) {
        double x = block->m[row][c], px = block->m[row + 1][c];

        block->m[row][c] = p->a * x + p->b * px;
        block->m[row + 1][c] = p->c * x + p->d * px;
    }
    double x = block->k[row], px = block->k[row + 1];

    block->k[row] = p->a * x + p->b * px + p->e;
    block->k[row + 1] = p->c * x + p->d * px + p->f;
}

/* Any affine element, from its tangent map: rolled and skew ones. */
static void append_tracked(struct block *block, const struct element *element, double delta)
{
    double z[TRACK_DIM] = {0, 0, 0, 0, delta, 0}, m[DIM][DIM], k[DIM];
    struct tangent tangent;

    tangent_start(&tangent);
    track_element(element, z, &tangent);
    for (int i = 0; i < DIM; i++) {
        k[i] = z[i];
        for (int c = 0; c < DIM; c++) {
            m[i][c] = 0;
            for (int j = 0; j < DIM; j++)
                m[i][c] += tangent.column[j][i] * block->m[j][c];
        }
        for (int j = 0; j < DIM; j++)
            k[i] += tangent.column[j][i] * block->k[j];
    }
    memcpy(block->m, m, sizeof m);
    memcpy(block->k, k, sizeof k);
}

static void append(struct block *block, const struct element *element, double delta)
{
    struct plane x = nothing, y = nothing;

    if (!is_upright(element)) {
        append_tracked(block, element, delta);
        return;
    }
    if (is_magnet(element))
        magnet_planes(&x, &y, element, delta);
    else
        plain_planes(&x, &y, element, delta);
    append_plane(block, X, &x);
    append_plane(block, Y, &y);
}

enum rc quick_orbit_prepare(struct quick_orbit *quick, const struct lattice *lattice,
                            double delta)
{
    struct block *block = quick->block;
    bool open = false;

    if (lattice->n_element > quick->n_element)
        return err_set(RC_RANGE, "a ring of %u elements: at most %u", lattice->n_element,
                       quick->n_element);
    quick->lattice = lattice;
    quick->delta = delta;
    memset(quick->cut, 0, quick->n_element * sizeof *quick->cut);
    for (uint32_t i = 0; i < lattice->n_bpm; i++)
        quick->cut[lattice->bpm[i].element] = true;
    for (uint32_t i = 0; i < lattice->n_element; i++) {
        bool affine = is_affine(&lattice->element[i]);

        if (!open || !affine || quick->cut[i]) {
            block += i > 0;
            block_start(block, i);
            block->affine = affine;
        }
        if (affine)
            append(block, &lattice->element[i], delta);
        block->end = i + 1;
        open = affine;
    }
    quick->n_block = (uint32_t) (block - quick->block) + 1;
    return RC_OK;
}

/* ---- one turn ------------------------------------------------------------------------ */

/* Where the particle is, and how that depends on its start; column c is d/d(start c). */
struct ray {
    double z[DIM];
    vec4 d[DIM];
};

static INLINE void ray_affine(struct ray *ray, const struct block *block)
{
    const struct ray from = *ray;

    for (int i = 0; i < DIM; i++) {
        const double *m = block->m[i];

        ray->z[i] = m[0] * from.z[0] + m[1] * from.z[1] + m[2] * from.z[2] + m[3] * from.z[3] +
                    block->k[i];
        ray->d[i] = m[0] * from.d[0] + m[1] * from.d[1] + m[2] * from.d[2] + m[3] * from.d[3];
    }
}

static INLINE void ray_drift(struct ray *ray, double l)
{
    ray->z[X] += l * ray->z[PX];
    ray->z[Y] += l * ray->z[PY];
    ray->d[X] += l * ray->d[PX];
    ray->d[Y] += l * ray->d[PY];
}

/* Field coefficients up to the sextupole, windings included, times the length of a kick. */
struct sextupole {
    double b0, b1, b2, a0, a1, a2;
};

static struct sextupole kick_of(const struct element *e, double share)
{
    double l = share * e->length_m / e->n_slices, part = share / e->n_slices;

    return (struct sextupole){l * e->b[0] - part * e->hkick_rad, l * e->b[1], l * e->b[2],
                              l * e->a[0] + part * e->vkick_rad, l * e->a[1], l * e->a[2]};
}

/* Half the slopes of the field's second order serve both the field and its derivative; short
 * chains of dependent operations are what the time of a turn depends on. */
static INLINE void ray_kick(struct ray *ray, const struct sextupole *f)
{
    double x = ray->z[X], y = ray->z[Y];
    double re = f->b2 * x - f->a2 * y, im = f->b2 * y + f->a2 * x;
    double slope_re = f->b1 + 2 * re, slope_im = f->a1 + 2 * im;
    vec4 dx = ray->d[X], dy = ray->d[Y];

    ray->z[PX] = ray->z[PX] - f->b0 - (f->b1 + re) * x + (f->a1 + im) * y;
    ray->z[PY] = ray->z[PY] + f->a0 + (f->b1 + re) * y + (f->a1 + im) * x;
    ray->d[PX] = ray->d[PX] - slope_re * dx + slope_im * dy;
    ray->d[PY] = ray->d[PY] + slope_im * dx + slope_re * dy;
}

/* On a copy: what stays in registers need not go through memory at every kick. */
static INLINE void ray_sextupole(struct ray *shared, const struct element *e, double delta)
{
    const struct sextupole f = kick_of(e, outer), g = kick_of(e, inner);
    double l = e->length_m / e->n_slices, inverse = 1 / (1 + delta);
    double first = 0.5 * outer * l * inverse, between = 0.5 * (outer + inner) * l * inverse;
    uint32_t n = e->n_slices;
    struct ray ray = *shared;

    ray.z[X] -= e->dx_m;
    ray.z[Y] -= e->dy_m;
    ray_drift(&ray, first);
    for (uint32_t i = 0; i < n; i++) {
        ray_kick(&ray, &f);
        ray_drift(&ray, between);
        ray_kick(&ray, &g);
        ray_drift(&ray, between);
        ray_kick(&ray, &f);
        ray_drift(&ray, i + 1 < n ? 2 * first : first);
    }
    ray.z[X] += e->dx_m;
    ray.z[Y] += e->dy_m;
    *shared = ray;
}

/* Whatever else there is: bends with sextupoles, octupoles, rolled multipoles. */
static void ray_element(struct ray *ray, const struct element *element, double delta)
{
    double z[TRACK_DIM] = {ray->z[X], ray->z[PX], ray->z[Y], ray->z[PY], delta, 0};
    struct tangent tangent;

    tangent_start(&tangent);
    for (int c = 0; c < DIM; c++)
        for (int i = 0; i < DIM; i++)
            tangent.column[c][i] = ray->d[i][c];
    tangent.n = DIM;
    track_element(element, z, &tangent);
    for (int i = 0; i < DIM; i++) {
        ray->z[i] = z[i];
        for (int c = 0; c < DIM; c++)
            ray->d[i][c] = tangent.column[c][i];
    }
}

static INLINE bool is_simple_sextupole(const struct element *e)
{
    return is_zero(e->roll_rad) && is_zero(e->ds_m) && is_zero(e->angle_rad) &&
           !has_order(e, 3);
}

static INLINE void ray_block(struct ray *ray, const struct quick_orbit *quick,
                             const struct block *block)
{
    const struct element *element = &quick->lattice->element[block->first];

    if (block->affine)
        ray_affine(ray, block);
    else if (is_simple_sextupole(element))
        ray_sextupole(ray, element, quick->delta);
    else
        ray_element(ray, element, quick->delta);
}

static INLINE bool is_lost(const struct ray *ray)
{
    return !(fabs(ray->z[X]) <= lost_m && fabs(ray->z[Y]) <= lost_m && isfinite(ray->z[PX]) &&
             isfinite(ray->z[PY]));
}

static INLINE void ray_read(struct reading *reading, const struct ray *ray)
{
    reading->at[0] = ray->z[X];
    reading->at[1] = ray->z[Y];
    reading->slope[0] = ray->d[X];
    reading->slope[1] = ray->d[Y];
}

/* Returns the block where the particle was lost, or n_block. */
WIDER static uint32_t ray_turn(struct ray *ray, const struct quick_orbit *quick)
{
    for (uint32_t i = 0; i < quick->n_block; i++) {
        uint32_t first = quick->block[i].first;

        if (quick->cut[first])
            ray_read(&quick->reading[first], ray);
        ray_block(ray, quick, &quick->block[i]);
        if (is_lost(ray))
            return i;
    }
    return quick->n_block;
}

static void ray_start(struct ray *ray, const double start[DIM])
{
    for (int i = 0; i < DIM; i++) {
        ray->z[i] = start[i];
        ray->d[i] = (vec4){i == 0, i == 1, i == 2, i == 3};
    }
}

static enum rc turn_once(struct quick_orbit *quick, const double start[DIM], struct ray *ray)
{
    uint32_t end;

    ray_start(ray, start);
    end = ray_turn(ray, quick);
    if (end < quick->n_block)
        return err_set(RC_NUMERIC, "the particle is lost at %s",
                       quick->lattice->element[quick->block[end].first].name);
    for (int i = 0; i < DIM; i++)
        for (int c = 0; c < DIM; c++)
            quick->turn[i][c] = ray->d[i][c];
    return RC_OK;
}

/* ---- Newton -------------------------------------------------------------------------- */

static enum rc newton_step(struct quick_orbit *quick, double z[DIM], double *step)
{
    double a[SOLVE_MAX][SOLVE_MAX] = {{0}}, b[SOLVE_MAX] = {0};
    struct ray ray;
    enum rc rc = turn_once(quick, z, &ray);

    if (rc != RC_OK)
        return rc;
    for (int i = 0; i < DIM; i++) {
        b[i] = ray.z[i] - z[i];
        for (int c = 0; c < DIM; c++)
            a[i][c] = (i == c) - quick->turn[i][c];
    }
    if (!solve_small(a, b, DIM))
        return err_set(RC_NUMERIC, "no closed orbit: a tune is an integer");
    *step = 0;
    for (int i = 0; i < DIM; i++) {
        z[i] += b[i];
        quick->step[i] = b[i];
        *step = fmax(*step, fabs(b[i]));
    }
    return RC_OK;
}

/* Newton's steps shrink as the square of the last; a hundredfold margin on that. */
static bool is_found(double step, double last)
{
    double ratio = step / last;

    return step <= tolerance || (last > 0 && 100 * ratio * ratio * step <= tolerance);
}

static enum rc check_stable(struct quick_orbit *quick)
{
    double tune[2];

    if (!closed_orbit_is_stable(quick->turn, tune))
        return err_set(RC_NUMERIC, "the motion about the closed orbit is not stable");
    return RC_OK;
}

enum rc quick_orbit_solve(struct quick_orbit *quick, double start[4], uint32_t *iterations)
{
    double z[DIM] = {start[0], start[1], start[2], start[3]}, step = 0, last = 0;

    for (uint32_t n = 1; n <= MOST_STEPS; n++) {
        enum rc rc = newton_step(quick, z, &step);

        if (rc == RC_OK && is_found(step, last))
            rc = check_stable(quick);
        else if (rc == RC_OK) {
            last = step;
            continue;
        }
        if (rc != RC_OK)
            return rc;
        memcpy(start, z, sizeof z);
        if (iterations)
            *iterations = n;
        return RC_OK;
    }
    return err_set(RC_NUMERIC, "no closed orbit after %d steps: the last was %.2g m",
                   MOST_STEPS, step);
}

/* ---- results and memory -------------------------------------------------------------- */

static double moved(const struct reading *reading, const double step[DIM], int row)
{
    double value = reading->at[row];

    for (int c = 0; c < DIM; c++)
        value += reading->slope[row][c] * step[c];
    return value;
}

void quick_orbit_at_bpms(const struct quick_orbit *quick, double *position_m)
{
    const struct lattice *lattice = quick->lattice;

    for (uint32_t i = 0; i < lattice->n_bpm; i++) {
        const struct reading *reading = &quick->reading[lattice->bpm[i].element];

        position_m[i] = moved(reading, quick->step, 0);
        position_m[lattice->n_bpm + i] = moved(reading, quick->step, 1);
    }
}

enum rc quick_orbit_create(struct quick_orbit **quick, uint32_t n_element)
{
    struct quick_orbit *q = calloc(1, sizeof *q);

    *quick = NULL;
    if (!q)
        return err_set(RC_NOMEM, "no memory for orbits");
    q->n_element = n_element;
    q->cut = calloc(n_element, sizeof *q->cut);
    q->block = calloc(n_element, sizeof *q->block);
    q->reading = aligned_alloc(sizeof(vec4), n_element * sizeof *q->reading);
    if (!q->cut || !q->block || !q->reading) {
        quick_orbit_destroy(q);
        return err_set(RC_NOMEM, "no memory for orbits of %u elements", n_element);
    }
    *quick = q;
    return RC_OK;
}

void quick_orbit_destroy(struct quick_orbit *quick)
{
    if (!quick)
        return;
    free(quick->cut);
    free(quick->block);
    free(quick->reading);
    free(quick);
}
