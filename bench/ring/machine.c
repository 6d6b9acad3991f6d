#include "bench/ring/machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/plant/random.h"
#include "model/response.h"

/* Orbits only have to be better than BPM noise by far, and fewer Newton steps keep the rate up.
 */
static const double newton_step_m = 1e-9;
/* Far below the feed-down of sextupoles, far above rounding. */
static const double pattern_move_m = 1e-8;
static const double cut_sigma = 2.5;

struct machine {
    struct lattice *lattice;
    struct lattice *moved; /* for patterns: the same ring, quadrupoles displaced further */
    uint64_t seed;
    double path_m;           /* of the last solution */
    double start[TRACK_DIM]; /* of the last solution */
    double *own_hkick,
        *own_vkick;  /* kicks that are part of the design, per corrector of the plane */
    double *scratch; /* [2 bpms] */
};

static void displace(struct element *element, double x_m, double y_m)
{
    element->dx_m += x_m;
    element->dy_m += y_m;
}

/* Every kind of error has a stream of its own, so that switching one on leaves the others as
 * they were. */
enum stream { STREAM_MISALIGNMENT = 1, STREAM_FIELD, STREAM_PATTERN };

static void seed_stream(struct random *random, uint64_t seed, enum stream stream,
                        uint64_t which)
{
    random_seed(random, (seed << 24) ^ ((uint64_t) stream << 16) ^ which);
}

static void misalign(struct machine *machine, double rms_m)
{
    struct random random;

    seed_stream(&random, machine->seed, STREAM_MISALIGNMENT, 0);
    for (uint32_t i = 0; i < machine->lattice->n_element; i++) {
        struct element *element = &machine->lattice->element[i];

        if (element->kind == ELEMENT_QUADRUPOLE) {
            double x_m = rms_m * random_normal_cut(&random, cut_sigma);

            displace(element, x_m, rms_m * random_normal_cut(&random, cut_sigma));
        }
    }
}

static enum rc detune(struct machine *machine, double rms)
{
    struct random random;
    enum rc rc = RC_OK;

    seed_stream(&random, machine->seed, STREAM_FIELD, 0);
    for (uint32_t i = 0; !rc && i < machine->lattice->n_element; i++) {
        const struct element *element = &machine->lattice->element[i];

        if (element->kind == ELEMENT_QUADRUPOLE)
            rc = lattice_set_field(machine->lattice, i, 1, false,
                                   element->b[1] *
                                       (1 + rms * random_normal_cut(&random, cut_sigma)));
    }
    return rc;
}

static void keep_own_kicks(struct machine *machine)
{
    const struct lattice *lattice = machine->lattice;

    for (uint32_t i = 0; i < lattice->n_hcorrector; i++)
        machine->own_hkick[i] = lattice->element[lattice->hcorrector[i].element].hkick_rad;
    for (uint32_t i = 0; i < lattice->n_vcorrector; i++)
        machine->own_vkick[i] = lattice->element[lattice->vcorrector[i].element].vkick_rad;
}

static enum rc allocate(struct machine *machine, const struct lattice *design)
{
    enum rc rc = lattice_copy(&machine->lattice, design);

    if (rc)
        return rc;
    machine->own_hkick = calloc(design->n_hcorrector + 1, sizeof *machine->own_hkick);
    machine->own_vkick = calloc(design->n_vcorrector + 1, sizeof *machine->own_vkick);
    machine->scratch = calloc(2 * (size_t) design->n_bpm, sizeof *machine->scratch);
    if (!machine->own_hkick || !machine->own_vkick || !machine->scratch)
        return err_set(RC_NOMEM, "no memory for the virtual ring");
    return RC_OK;
}

static enum rc fill(struct machine *machine, const struct lattice *design,
                    const struct machine_errors *errors)
{
    enum rc rc = allocate(machine, design);

    if (rc)
        return rc;
    machine->seed = errors->seed;
    misalign(machine, errors->misalignment_m);
    rc = detune(machine, errors->field_error);
    if (rc)
        return rc;
    keep_own_kicks(machine);
    return lattice_copy(&machine->moved, machine->lattice);
}

enum rc machine_create(struct machine **machine, const struct lattice *design,
                       const struct machine_errors *errors)
{
    struct machine *m;
    enum rc rc;

    if (design->n_bpm == 0 || design->n_hcorrector + design->n_vcorrector == 0)
        return err_set(RC_INPUT,
                       "the lattice has %u BPMs and %u correctors: nothing to simulate",
                       design->n_bpm, design->n_hcorrector + design->n_vcorrector);
    m = calloc(1, sizeof *m);
    if (!m)
        return err_set(RC_NOMEM, "no memory for the virtual ring");
    rc = fill(m, design, errors);
    if (rc)
        machine_destroy(m);
    else
        *machine = m;
    return rc;
}

void machine_destroy(struct machine *machine)
{
    if (!machine)
        return;
    lattice_destroy(machine->lattice);
    lattice_destroy(machine->moved);
    free(machine->own_hkick);
    free(machine->own_vkick);
    free(machine->scratch);
    free(machine);
}

uint32_t machine_bpms(const struct machine *machine)
{
    return machine->lattice->n_bpm;
}

uint32_t machine_correctors(const struct machine *machine)
{
    return machine->lattice->n_hcorrector + machine->lattice->n_vcorrector;
}

static void apply_kicks(struct machine *machine, struct lattice *lattice,
                        const double *kick_rad)
{
    const double *vkick_rad = kick_rad + lattice->n_hcorrector;

    for (uint32_t i = 0; i < lattice->n_hcorrector; i++)
        lattice->element[lattice->hcorrector[i].element].hkick_rad =
            machine->own_hkick[i] + kick_rad[i];
    for (uint32_t i = 0; i < lattice->n_vcorrector; i++)
        lattice->element[lattice->vcorrector[i].element].vkick_rad =
            machine->own_vkick[i] + vkick_rad[i];
}

static enum rc solve_from(const struct lattice *lattice, double path_m, double start[TRACK_DIM],
                          double *position_m)
{
    struct closed_orbit_request request = {
        .mode = ORBIT_FIXED_RF, .path_m = path_m, .step_m = newton_step_m};
    struct closed_orbit orbit = {.iterations = 0};
    enum rc rc;

    memcpy(orbit.start, start, sizeof orbit.start);
    rc = closed_orbit_solve(lattice, &request, &orbit);
    if (!rc)
        rc = closed_orbit_at_bpms(lattice, orbit.start, position_m);
    if (!rc)
        memcpy(start, orbit.start, sizeof orbit.start);
    return rc;
}

static double path_of(const struct lattice *lattice, double rf_hz)
{
    return lattice->rf_frequency_hz > 0
               ? -lattice->circumference_m * rf_hz / lattice->rf_frequency_hz
               : 0;
}

enum rc machine_solve(struct machine *machine, const double *kick_rad, double rf_hz,
                      double *position_m)
{
    double path_m = path_of(machine->lattice, rf_hz);
    double start[TRACK_DIM];
    enum rc rc;

    apply_kicks(machine, machine->lattice, kick_rad);
    apply_kicks(machine, machine->moved, kick_rad);
    memcpy(start, machine->start, sizeof start);
    rc = solve_from(machine->lattice, path_m, start, position_m);
    if (rc == RC_NUMERIC) {
        memset(start, 0, sizeof start);
        rc = solve_from(machine->lattice, path_m, start, position_m);
    }
    if (rc)
        return err_add(rc, "closed orbit of the virtual ring");
    memcpy(machine->start, start, sizeof start);
    machine->path_m = path_m;
    return RC_OK;
}

enum rc machine_response(struct machine *machine, double *matrix)
{
    return response_matrix_about(machine->lattice, machine->start, RESPONSE_FIXED_RF, matrix);
}

static void move_quadrupoles(struct machine *machine, uint64_t which)
{
    struct random random;

    seed_stream(&random, machine->seed, STREAM_PATTERN, which);
    for (uint32_t i = 0; i < machine->lattice->n_element; i++) {
        struct element *moved = &machine->moved->element[i];

        moved->dx_m = machine->lattice->element[i].dx_m;
        moved->dy_m = machine->lattice->element[i].dy_m;
        if (moved->kind == ELEMENT_QUADRUPOLE) {
            double x_m = pattern_move_m * random_normal(&random);

            displace(moved, x_m, pattern_move_m * random_normal(&random));
        }
    }
}

static void scale_to_rms_1(double *value, uint32_t n)
{
    double sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum += value[i] * value[i];
    for (uint32_t i = 0; sum > 0 && i < n; i++)
        value[i] /= sqrt(sum / n);
}

enum rc machine_pattern(struct machine *machine, uint64_t which, double *position_m)
{
    uint32_t n = machine_bpms(machine);
    double start[TRACK_DIM];
    enum rc rc = closed_orbit_at_bpms(machine->lattice, machine->start, machine->scratch);

    if (rc)
        return rc;
    move_quadrupoles(machine, which);
    memcpy(start, machine->start, sizeof start);
    rc = solve_from(machine->moved, machine->path_m, start, position_m);
    if (rc)
        return err_add(rc, "orbit of moving quadrupoles");
    for (uint32_t i = 0; i < 2 * n; i++)
        position_m[i] -= machine->scratch[i];
    scale_to_rms_1(position_m, n);
    scale_to_rms_1(position_m + n, n);
    return RC_OK;
}
