/* orbitctl orbit: the closed orbit of a lattice file with kicks and misalignments. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/ring/draw.h"
#include "io/ctl/ring/request.h"
#include "io/ctl/ring/table.h"
#include "model/closed_orbit.h"

static struct request request;
static struct closed_orbit_request problem;
static struct closed_orbit orbit;
static double (*everywhere)[TRACK_DIM]; /* [n_element + 1] */
static double rf_shift_hz;
static struct tracking how;

static enum rc take_momentum(struct args *args)
{
    enum rc rc = args_take_number(args, "--delta", -0.2, 0.2, &problem.delta);

    if (rc == RC_OK)
        rc = args_take_number(args, "--rf-shift", -1e6, 1e6, &rf_shift_hz);
    if (rc == RC_OK && fpclassify(problem.delta) != FP_ZERO && request.mode != RING_4D)
        return err_set(RC_INPUT, "--delta: only with --mode 4d, else the ring finds its own");
    if (rc == RC_OK && fpclassify(rf_shift_hz) != FP_ZERO && request.mode == RING_4D)
        return err_set(RC_INPUT, "--rf-shift: not with --mode 4d");
    return rc;
}

static enum rc set_problem(void)
{
    static const enum orbit_mode modes[] = {[RING_4D] = ORBIT_FIXED_MOMENTUM,
                                            [RING_FIXED_RF] = ORBIT_FIXED_RF,
                                            [RING_6D] = ORBIT_6D};
    double f = request.ring->rf_frequency_hz;

    problem.mode = modes[request.mode];
    problem.exact = how.exact = request.integrator == INTEGRATOR_EXACT;
    how.cavities = request.mode == RING_6D;
    if (f <= 0 && request.mode == RING_6D)
        return err_set(RC_INPUT, "--mode 6d: the ring has no cavity with a frequency");
    if (request.mode == RING_6D)
        problem.path_m = closed_orbit_path_of_rf(request.ring);
    if (fpclassify(rf_shift_hz) == FP_ZERO)
        return RC_OK;
    if (f <= 0)
        return err_set(RC_INPUT, "--rf-shift: the ring has no cavity with a frequency");
    problem.path_m -= request.ring->circumference_m * rf_shift_hz / f;
    return RC_OK;
}

static enum rc follow(void)
{
    const struct lattice *ring = request.ring;
    double z[TRACK_DIM];
    enum rc rc = RC_OK;

    memcpy(z, orbit.start, sizeof z);
    for (uint32_t i = 0; rc == RC_OK && i < ring->n_element; i++) {
        memcpy(everywhere[i], z, sizeof z);
        rc = track_range_as(&how, ring, i, i + 1, z, NULL);
    }
    memcpy(everywhere[ring->n_element], z, sizeof z);
    return rc;
}

static enum rc compute(void)
{
    uint32_t n = request.ring->n_element + 1;
    enum rc rc = set_problem();

    if (rc == RC_OK)
        rc = closed_orbit_solve(request.ring, &problem, &orbit);
    if (rc != RC_OK)
        return err_add(rc, "%s", request.path);
    everywhere = calloc(n, sizeof *everywhere);
    if (!everywhere)
        return err_set(RC_NOMEM, "no memory for an orbit of %u places", n);
    return follow();
}

/* ---- results ------------------------------------------------------------------------- */

struct extent {
    double rms, max;
};

static struct extent at_bpms(int coordinate)
{
    const struct lattice *ring = request.ring;
    struct extent extent = {0};

    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        double value = everywhere[ring->bpm[i].element][coordinate];

        extent.rms += value * value;
        extent.max = fmax(extent.max, fabs(value));
    }
    extent.rms = ring->n_bpm ? sqrt(extent.rms / ring->n_bpm) : 0;
    return extent;
}

static void print_plane(const char *name, int coordinate)
{
    struct extent extent = at_bpms(coordinate);

    printf("%-13srms %.3f um, largest %.3f um at the BPMs\n", name, extent.rms * 1e6,
           extent.max * 1e6);
}

static void print_text(void)
{
    const struct lattice *ring = request.ring;
    double tune[2];

    printf("%-13s%s\n", "ring", ring->title && ring->title[0] ? ring->title : request.path);
    printf("%-13s%s, integrator %s, %u Newton steps, last step %.2g m\n", "mode",
           mode_word(request.mode), integrator_word(request.integrator), orbit.iterations,
           orbit.last_step);
    if (closed_orbit_is_stable(orbit.turn, tune))
        printf("%-13s%.9f and %.9f (about this orbit, fractional, 0 to 0.5)\n", "tunes",
               tune[0], tune[1]);
    printf("%-13s%.9e\n", "delta", orbit.start[4]);
    print_plane("x", 0);
    print_plane("y", 2);
    printf("\n%-16s %10s %12s %12s\n", "BPM", "s [m]", "x [um]", "y [um]");
    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        const double *z = everywhere[ring->bpm[i].element];

        printf("%-16s %10.4f %12.4f %12.4f\n", ring->bpm[i].name,
               ring->s_m[ring->bpm[i].element], z[0] * 1e6, z[2] * 1e6);
    }
}

static void fill_table(struct table *table)
{
    static const char *const names[TRACK_DIM] = {"x_m", "px", "y_m", "py", "delta", "ct_m"};

    *table = (struct table){.ring = request.ring};
    for (int k = 0; k < TRACK_DIM; k++)
        table_add(table, names[k], &everywhere[0][k], TRACK_DIM);
}

static json_t *bpms_json(void)
{
    const struct lattice *ring = request.ring;
    json_t *name = json_array(), *x = json_array(), *y = json_array();

    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        json_array_append_new(name, json_string(ring->bpm[i].name));
        json_array_append_new(x, json_real(everywhere[ring->bpm[i].element][0]));
        json_array_append_new(y, json_real(everywhere[ring->bpm[i].element][2]));
    }
    return json_pack("{s:o, s:o, s:o}", "name", name, "x_m", x, "y_m", y);
}

static void print_json(const struct table *table)
{
    struct extent x = at_bpms(0), y = at_bpms(2);
    json_t *root = json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:[f,f], s:[f,f]}", "lattice",
                             request.path, "mode", mode_word(request.mode), "integrator",
                             integrator_word(request.integrator), "iterations",
                             (int) orbit.iterations, "last_step", orbit.last_step, "delta_p",
                             orbit.start[4], "rms_m", x.rms, y.rms, "max_m", x.max, y.max);

    json_object_set_new(root, "start", json_numbers(orbit.start, TRACK_DIM, 1));
    json_object_set_new(root, "bpms", bpms_json());
    table_add_json(root, table);
    json_print(root);
    json_decref(root);
}

static enum rc write_csv(const struct table *table)
{
    FILE *file;
    enum rc rc = output_open(&file, request.csv);

    if (rc != RC_OK)
        return rc;
    table_write_csv(file, table);
    return output_close(file, request.csv);
}

static enum rc draw(void)
{
    uint32_t n = request.ring->n_element + 1;
    double *um = malloc(2 * (size_t) n * sizeof *um);
    char title[200];
    struct extent x = at_bpms(0), y = at_bpms(2);
    enum rc rc;

    if (!um)
        return err_set(RC_NOMEM, "no memory for a curve of %u points", n);
    for (uint32_t i = 0; i < n; i++) {
        um[i] = everywhere[i][0] * 1e6;
        um[n + i] = everywhere[i][2] * 1e6;
    }
    snprintf(title, sizeof title,
             "Closed orbit, %s:  rms at BPMs %.4g um in x, %.4g um in y;  delta %.3g",
             mode_word(request.mode), x.rms * 1e6, y.rms * 1e6, orbit.start[4]);
    rc = draw_curves(&request,
                     &(struct curves){.title = title,
                                      .panel = {{"x [um]", 1, {{"x", um, false}}, false},
                                                {"y [um]", 1, {{"y", um + n, false}}, false}},
                                      .n = n,
                                      .s_m = request.ring->s_m});
    free(um);
    return rc;
}

static enum rc show(void)
{
    struct table table;
    enum rc rc = RC_OK;

    fill_table(&table);
    if (request.json)
        print_json(&table);
    if (request_wants_text(&request))
        print_text();
    if (request.csv)
        rc = write_csv(&table);
    return rc == RC_OK && request.plot ? draw() : rc;
}

int command_orbit(struct ctl *ctl)
{
    enum rc rc = request_take(&request, &ctl->args, ctl->json, "4d|fixed-rf|6d");

    if (rc == RC_OK)
        rc = take_momentum(&ctl->args);
    if (rc == RC_OK)
        rc = args_finish(&ctl->args, 1, 1);
    if (rc != RC_OK)
        return ctl_usage(ctl);
    rc = request_load(&request, ctl->args.item[0]);
    if (rc == RC_OK)
        rc = compute();
    if (rc == RC_OK)
        rc = show();
    free(everywhere);
    request_free(&request);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
