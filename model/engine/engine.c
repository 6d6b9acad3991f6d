#include "model/engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/inverse.h"
#include "model/optics.h"
#include "model/response.h"
#include "rt/base/clock.h"

/* Below this the lattice has no errors of its own, and the design orbit's exact matrix holds.
 */
static const double design_orbit_m = 1e-9;

/* One computation under way. */
struct engine {
    const struct inputs *in;
    struct result *out;
    struct optics *optics;
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

static enum rc find_optics(struct engine *self)
{
    enum rc rc = optics_create(&self->optics, self->in->lattice->n_element);

    if (rc == RC_OK)
        rc = optics_compute(self->optics, self->in->lattice, INTEGRATOR_EXACT);
    if (rc != RC_OK)
        return err_add(rc, "optics of %s", self->in->cfg.ring_lattice);
    self->out->head.tune_x = self->optics->tune_x;
    self->out->head.tune_y = self->optics->tune_y;
    self->out->head.alpha_c = self->optics->alpha_c;
    self->out->head.rf_hz = self->in->lattice->rf_frequency_hz;
    return RC_OK;
}

static enum rc find_orbit(struct engine *self)
{
    const struct lattice *lattice = self->in->lattice;
    struct closed_orbit_request request = {.mode = ORBIT_FIXED_RF};
    struct closed_orbit orbit = {.start = {0}};
    enum rc rc = closed_orbit_solve(lattice, &request, &orbit);

    if (rc == RC_OK)
        rc = closed_orbit_at_bpms(lattice, orbit.start, self->position);
    if (rc != RC_OK)
        return err_add(rc, "closed orbit of %s", self->in->cfg.ring_lattice);
    memcpy(self->start, orbit.start, sizeof self->start);
    for (uint32_t i = 0; i < lattice_rows(lattice); i++)
        self->out->orbit_max_m = fmax(self->out->orbit_max_m, fabs(self->position[i]));
    return RC_OK;
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

    if (self->out->orbit_max_m < design_orbit_m)
        rc = response_matrix_design(self->optics, lattice, RESPONSE_FIXED_RF, self->ring);
    else
        rc = response_matrix_about(lattice, self->start, RESPONSE_FIXED_RF, self->ring);
    if (rc != RC_OK)
        return err_add(rc, "response matrix of %s", self->in->cfg.ring_lattice);
    put_in_device_order(self);
    return RC_OK;
}

/* ---- inverse ------------------------------------------------------------------------- */

static void weigh(const struct engine *self, double *row_weight, double *col_weight)
{
    const struct orbit_dims *dims = &self->out->head.dims;
    const struct cfg *cfg = &self->in->cfg;

    for (uint64_t i = 0; i < dims_n_row(dims); i++)
        row_weight[i] = 1;
    for (uint64_t j = 0; j < dims_n_col(dims); j++)
        col_weight[j] = 1;
    for (size_t i = 0; i < cfg->ring_disabled_bpms.count; i++) {
        int bpm = devices_find_bpm(&self->in->devices, cfg->ring_disabled_bpms.name[i]);

        row_weight[bpm] = row_weight[(uint64_t) bpm + dims->n_bpm] = 0;
    }
    for (size_t i = 0; i < cfg->ring_disabled_correctors.count; i++)
        col_weight[devices_find_corrector(&self->in->devices,
                                          cfg->ring_disabled_correctors.name[i])] = 0;
}

static enum rc invert_block(struct engine *self, unsigned which, const double *row_weight,
                            const double *col_weight)
{
    struct param_head *head = &self->out->head;
    const struct param_block *part = &head->block[which];
    uint64_t n_row = dims_n_row(&head->dims);
    bool is_x = part->row0 == 0;
    struct inverse_block block = {.matrix = self->out->r,
                                  .stride = (uint32_t) dims_n_col(&head->dims),
                                  .first_row = (uint32_t) part->row0,
                                  .n_row = (uint32_t) part->n_row,
                                  .first_col = (uint32_t) part->col0,
                                  .n_col = (uint32_t) part->n_col,
                                  .row_weight = row_weight + part->row0,
                                  .col_weight = col_weight + part->col0};
    double mu =
        is_x ? self->in->cfg.inverse_mu_h_m_per_rad : self->in->cfg.inverse_mu_v_m_per_rad;
    double *inverse = numbers(part->n_row * part->n_col);
    enum rc rc;

    if (!inverse)
        return err_set(RC_NOMEM, "no memory for the inverse");
    rc = inverse_tikhonov(&block, mu, inverse, &head->condition[which]);
    for (uint64_t j = 0; j < part->n_col && rc == RC_OK; j++)
        memcpy(self->out->k + (part->col0 + j) * n_row + part->row0, inverse + j * part->n_row,
               part->n_row * sizeof *inverse);
    free(inverse);
    return rc == RC_OK ? rc : err_add(rc, "%s plane", is_x ? "horizontal" : "vertical");
}

static void divide_into_blocks(struct param_head *head)
{
    const struct orbit_dims *dims = &head->dims;

    if (dims->n_h)
        head->block[head->n_block++] = (struct param_block){
            .row0 = 0, .n_row = dims->n_bpm, .col0 = 0, .n_col = dims->n_h};
    if (dims->n_v)
        head->block[head->n_block++] = (struct param_block){
            .row0 = dims->n_bpm, .n_row = dims->n_bpm, .col0 = dims->n_h, .n_col = dims->n_v};
}

static enum rc find_inverse(struct engine *self)
{
    const struct orbit_dims *dims = &self->out->head.dims;
    double *row_weight = numbers(dims_n_row(dims)), *col_weight = numbers(dims_n_col(dims));
    enum rc rc = RC_OK;

    if (!row_weight || !col_weight) {
        rc = err_set(RC_NOMEM, "no memory for the weights");
    } else {
        weigh(self, row_weight, col_weight);
        divide_into_blocks(&self->out->head);
    }
    for (unsigned b = 0; b < self->out->head.n_block && rc == RC_OK; b++)
        rc = invert_block(self, b, row_weight, col_weight);
    free(row_weight);
    free(col_weight);
    return rc;
}

/* ---- whole --------------------------------------------------------------------------- */

static enum rc check_finite(const struct result *out)
{
    uint64_t n = dims_n_row(&out->head.dims) * dims_n_col(&out->head.dims);

    for (uint64_t i = 0; i < n; i++)
        if (!isfinite(out->r[i]) || !isfinite(out->k[i]))
            return err_set(RC_INPUT, "%s: element %llu is not finite",
                           isfinite(out->r[i]) ? "inverse" : "response matrix",
                           (unsigned long long) i);
    return RC_OK;
}

static enum rc allocate(struct engine *self)
{
    const struct lattice *lattice = self->in->lattice;
    const struct orbit_dims *dims = &self->out->head.dims;

    if (!dims_valid(dims))
        return err_set(RC_RANGE, "%s: more than %d BPMs or %d correctors",
                       self->in->cfg.ring_devices, ORBIT_MAX_BPM, ORBIT_MAX_COL);
    self->out->r = numbers(dims_n_row(dims) * dims_n_col(dims));
    self->out->k = numbers(dims_n_row(dims) * dims_n_col(dims));
    self->ring = numbers((uint64_t) lattice_rows(lattice) * lattice_columns(lattice));
    self->position = numbers(lattice_rows(lattice));
    if (!self->out->r || !self->out->k || !self->ring || !self->position)
        return err_set(RC_NOMEM, "no memory for the matrices");
    return RC_OK;
}

static enum rc compute(struct engine *self)
{
    struct {
        enum rc (*step)(struct engine *);
        double *ms;
    } const steps[] = {{find_optics, &self->out->optics_ms},
                       {find_orbit, &self->out->orbit_ms},
                       {find_response, &self->out->response_ms},
                       {find_inverse, &self->out->inverse_ms}};
    enum rc rc = allocate(self);
    int64_t from_ns = clock_mono_ns();

    for (unsigned i = 0; i < sizeof steps / sizeof steps[0] && rc == RC_OK; i++) {
        rc = steps[i].step(self);
        *steps[i].ms = ms_since(&from_ns);
    }
    return rc == RC_OK ? check_finite(self->out) : rc;
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

struct param_matrices engine_matrices(const struct result *result)
{
    return param_matrices_of(&result->head.dims, result->r, result->k);
}

void engine_free(struct result *out)
{
    free(out->r);
    free(out->k);
    memset(out, 0, sizeof *out);
}

bool engine_same(const struct result *a, const struct result *b)
{
    uint64_t size_b = dims_n_row(&a->head.dims) * dims_n_col(&a->head.dims) * sizeof(double);

    return a->r && b->r && memcmp(&a->head, &b->head, sizeof a->head) == 0 &&
           memcmp(a->r, b->r, size_b) == 0 && memcmp(a->k, b->k, size_b) == 0;
}
