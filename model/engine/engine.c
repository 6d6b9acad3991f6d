#include "model/engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/coupled_optics.h"
#include "model/optics.h"
#include "model/quick_orbit.h"
#include "model/response.h"
#include "rt/base/clock.h"

/* Exact matrices, whatever the orbit. */
static const struct tracking how = {.exact = true};

/* One computation under way. */
struct engine {
    const struct inputs *in;
    struct result *out;
    bool on_axis;            /* the design orbit is closed, nothing couples the planes */
    struct optics *optics;   /* about the design orbit, without coupling */
    double start[TRACK_DIM]; /* of the closed orbit */
    double *position;        /* [2 n_bpm of the lattice] */
    double *ring;            /* response matrix in the lattice's order */
};

static double *numbers(uint64_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

static double ms_since(int64_t *from_ns)
{
    int64_t now_ns = clock_mono_ns();
    double ms = (double) (now_ns - *from_ns) * 1e-6;

    *from_ns = now_ns;
    return ms;
}

/* ---- optics, orbit, response --------------------------------------------------------- */

/* A first guess at fixed momentum, which the quick map finds in a fraction of a turn's time by
 * slices. */
static enum rc guess_orbit(const struct lattice *lattice, double start[4])
{
    struct quick_orbit *quick = NULL;
    enum rc rc = quick_orbit_create(&quick, lattice->n_element);

    if (rc == RC_OK)
        rc = quick_orbit_prepare(quick, lattice, 0);
    if (rc == RC_OK)
        rc = quick_orbit_solve(quick, start, NULL);
    quick_orbit_destroy(quick);
    return rc;
}

static enum rc solve_orbit(struct engine *self)
{
    const struct lattice *lattice = self->in->lattice;
    const struct closed_orbit_request request = {.mode = ORBIT_FIXED_RF, .exact = how.exact};
    struct closed_orbit orbit = {.start = {0}};
    enum rc rc = guess_orbit(lattice, orbit.start);

    if (rc == RC_OK)
        rc = closed_orbit_solve(lattice, &request, &orbit);
    if (rc == RC_OK)
        rc = closed_orbit_at_bpms_as(&how, lattice, orbit.start, self->position);
    memcpy(self->start, orbit.start, sizeof self->start);
    return rc;
}

static enum rc find_orbit(struct engine *self)
{
    const struct lattice *lattice = self->in->lattice;
    enum rc rc = RC_OK;

    self->on_axis = closed_orbit_is_design(lattice);
    if (!self->on_axis)
        rc = solve_orbit(self);
    if (rc != RC_OK)
        return err_add(rc, "closed orbit of %s", self->in->cfg.ring_lattice);
    for (uint32_t i = 0; i < lattice_rows(lattice); i++)
        self->out->orbit_max_m = fmax(self->out->orbit_max_m, fabs(self->position[i]));
    return RC_OK;
}

/* The spaces of orbits that a beam can have are taken from these, whatever the errors. */
static enum rc optics_without_coupling(struct engine *self)
{
    struct lattice *upright;
    enum rc rc = lattice_copy(&upright, self->in->lattice);

    for (uint32_t i = 0; rc == RC_OK && i < upright->n_element; i++) {
        upright->element[i].roll_rad = 0;
        rc = lattice_set_field(upright, i, 1, true, 0);
    }
    if (rc == RC_OK)
        rc = optics_compute(self->optics, upright, INTEGRATOR_EXACT);
    lattice_destroy(upright);
    return rc;
}

static enum rc optics_on_axis(struct engine *self)
{
    enum rc rc = optics_compute(self->optics, self->in->lattice, INTEGRATOR_EXACT);

    if (rc != RC_OK)
        return rc;
    self->out->head.tune_x = self->optics->tune_x;
    self->out->head.tune_y = self->optics->tune_y;
    self->out->head.alpha_c = self->optics->alpha_c;
    return rc;
}

static enum rc optics_about_orbit(struct engine *self)
{
    struct coupled_optics *optics = NULL;
    enum rc rc = optics_without_coupling(self);

    if (rc == RC_OK)
        rc = coupled_optics_create(&optics, self->in->lattice->n_element);
    if (rc == RC_OK)
        rc = coupled_optics_compute(optics, self->in->lattice, &how, self->start);
    if (rc == RC_OK) {
        self->out->head.tune_x = optics->tune[0];
        self->out->head.tune_y = optics->tune[1];
        self->out->head.alpha_c = optics->alpha_c;
    }
    coupled_optics_destroy(optics);
    return rc;
}

static enum rc find_optics(struct engine *self)
{
    enum rc rc = optics_create(&self->optics, self->in->lattice->n_element);

    if (rc == RC_OK)
        rc = (self->on_axis ? optics_on_axis : optics_about_orbit)(self);
    self->out->head.rf_hz = self->in->lattice->rf_frequency_hz;
    return rc == RC_OK ? rc : err_add(rc, "optics of %s", self->in->cfg.ring_lattice);
}

/* From the lattice's order of BPMs and correctors to the device table's. */
static void put_in_device_order(struct engine *self)
{
    const struct orbit_dims *dims = &self->out->head.dims;
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);
    uint64_t stride = lattice_columns(self->in->lattice);

    for (uint64_t i = 0; i < n_row; i++) {
        uint64_t plane = i / dims->n_bpm;
        uint64_t row = self->in->bpm[i % dims->n_bpm] + plane * self->in->lattice->n_bpm;

        for (uint64_t j = 0; j < n_col; j++)
            self->out->r[i * n_col + j] = self->ring[row * stride + self->in->column[j]];
    }
}

static enum rc find_response(struct engine *self)
{
    const struct lattice *lattice = self->in->lattice;
    enum rc rc;

    if (self->on_axis)
        rc = response_matrix_design(self->optics, lattice, RESPONSE_FIXED_RF, self->ring);
    else
        rc =
            response_matrix_about_as(&how, lattice, self->start, RESPONSE_FIXED_RF, self->ring);
    if (rc != RC_OK)
        return err_add(rc, "response matrix of %s", self->in->cfg.ring_lattice);
    put_in_device_order(self);
    return RC_OK;
}

/* ---- inverse ------------------------------------------------------------------------- */

/* What each column, in device order, does to the energy. */
static enum rc find_energy(const struct engine *self, double *energy)
{
    const struct lattice *lattice = self->in->lattice;
    uint64_t n_col = dims_n_col(&self->out->head.dims);
    double *row = numbers(lattice_columns(lattice));
    enum rc rc = row ? RC_OK : err_set(RC_NOMEM, "no memory for the energy row");

    if (rc == RC_OK)
        rc = self->on_axis ? response_energy_row(self->optics, lattice, row)
                           : response_energy_row_about(&how, lattice, self->start, row);
    for (uint64_t j = 0; j < n_col && rc == RC_OK; j++)
        energy[j] = row[self->in->column[j]];
    free(row);
    return rc == RC_OK ? rc : err_add(rc, "inverse.energy_row");
}

static enum rc find_inverse(struct engine *self)
{
    double *energy = numbers(dims_n_col(&self->out->head.dims));
    bool asked = self->in->cfg.inverse_energy_row != 0;
    enum rc rc = energy ? RC_OK : err_set(RC_NOMEM, "no memory for the energy row");

    if (rc == RC_OK && asked)
        rc = find_energy(self, energy);
    if (rc == RC_OK)
        rc = inverses_find(&self->out->inverses, &self->out->head, self->in, self->out->r,
                           asked ? energy : NULL);
    free(energy);
    return rc;
}

/* ---- whole --------------------------------------------------------------------------- */

static enum rc check_finite(const struct result *out)
{
    uint64_t n = dims_n_row(&out->head.dims) * dims_n_col(&out->head.dims);

    for (uint64_t i = 0; i < n; i++)
        if (!isfinite(out->r[i]) || !isfinite(out->inverses.k[i]))
            return err_set(RC_INPUT, "%s: element %llu is not finite",
                           isfinite(out->r[i]) ? "inverse" : "response matrix",
                           (unsigned long long) i);
    return RC_OK;
}

static enum rc find_spaces(struct engine *self)
{
    struct result *out = self->out;
    enum rc rc = spaces_find(&out->spaces, self->in, self->optics, &out->head.dims, out->r);

    for (int i = 0; i < 2; i++)
        out->head.basis_left[i] = out->spaces.beam[i].left;
    return rc;
}

static enum rc allocate(struct engine *self)
{
    const struct lattice *lattice = self->in->lattice;
    const struct orbit_dims *dims = &self->out->head.dims;

    if (!dims_valid(dims))
        return err_set(RC_RANGE, "%s: more than %d BPMs or %d correctors",
                       self->in->cfg.ring_devices, ORBIT_MAX_BPM, ORBIT_MAX_COL);
    self->out->r = numbers(dims_n_row(dims) * dims_n_col(dims));
    self->ring = numbers((uint64_t) lattice_rows(lattice) * lattice_columns(lattice));
    self->position = numbers(lattice_rows(lattice));
    if (!self->out->r || !self->ring || !self->position)
        return err_set(RC_NOMEM, "no memory for the matrices");
    return RC_OK;
}

static enum rc compute(struct engine *self)
{
    struct {
        enum rc (*step)(struct engine *);
        double *ms;
    } const steps[] = {{find_orbit, &self->out->orbit_ms},
                       {find_optics, &self->out->optics_ms},
                       {find_response, &self->out->response_ms},
                       {find_inverse, &self->out->inverse_ms}};
    enum rc rc = allocate(self);
    int64_t from_ns = clock_mono_ns();

    for (unsigned i = 0; i < sizeof steps / sizeof steps[0] && rc == RC_OK; i++) {
        rc = steps[i].step(self);
        *steps[i].ms = ms_since(&from_ns);
    }
    if (rc == RC_OK)
        rc = check_finite(self->out);
    if (rc == RC_OK)
        rc = find_spaces(self);
    self->out->spaces_ms = ms_since(&from_ns);
    return rc;
}

enum rc engine_compute(struct result *out, const struct inputs *in)
{
    struct engine self = {.in = in, .out = out};
    enum rc rc;

    memset(out, 0, sizeof *out);
    out->head.dims = (struct orbit_dims){.n_bpm = in->devices.n_bpm,
                                         .n_h = in->devices.n_h,
                                         .n_v = in->devices.n_v,
                                         .n_rf = in->devices.n_rf};
    out->head.device_hash = devices_hash(&in->devices);
    snprintf(out->head.origin, sizeof out->head.origin, "%.*s", ORBIT_NAME_SIZE - 1,
             in->devices.machine);
    rc = compute(&self);
    optics_destroy(self.optics);
    free(self.ring);
    free(self.position);
    if (rc != RC_OK)
        engine_free(out);
    return rc;
}

/* One that there is. */
static void put_matrix(struct param_matrices *matrices, enum param_section_id id,
                       const double *a, uint64_t rows, uint64_t cols)
{
    if (a)
        matrices->of[id] = (struct param_matrix){a, rows, cols};
}

struct param_matrices engine_matrices(const struct result *result)
{
    const struct inverses *inverses = &result->inverses;
    uint64_t n_row = dims_n_row(&result->head.dims), n_col = dims_n_col(&result->head.dims);
    struct param_matrices matrices =
        param_matrices_of(&result->head.dims, result->r, inverses->k);

    put_matrix(&matrices, PARAM_METRIC, inverses->metric, n_col, n_col);
    put_matrix(&matrices, PARAM_K_LAW, inverses->law_k, n_col, n_row);
    put_matrix(&matrices, PARAM_OFFLOAD, inverses->offload, n_col, n_col);
    for (unsigned plane = 0; plane < 2; plane++) {
        const struct column_space *beam = &result->spaces.beam[plane];
        const struct column_space *modes = &result->spaces.modes[plane];

        put_matrix(&matrices, PARAM_BASIS_X + plane, beam->basis, beam->n_row, beam->rank);
        put_matrix(&matrices, PARAM_MODES_X + plane, modes->basis, modes->n_row, modes->rank);
    }
    return matrices;
}

void engine_free(struct result *out)
{
    free(out->r);
    inverses_free(&out->inverses);
    spaces_free(&out->spaces);
    memset(out, 0, sizeof *out);
}

bool engine_same(const struct result *a, const struct result *b)
{
    uint64_t size_b = dims_n_row(&a->head.dims) * dims_n_col(&a->head.dims) * sizeof(double);

    /* A head has no padding: it is of rt/shm/layout.h. */
    return a->r && b->r &&
           memcmp((const char *) &a->head, (const char *) &b->head, sizeof a->head) == 0 &&
           memcmp(a->r, b->r, size_b) == 0 &&
           inverses_same(&a->inverses, &b->inverses, &a->head.dims);
}
