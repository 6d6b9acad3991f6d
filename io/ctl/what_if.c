/* orbitctl what-if: what changes to a ring do to its optics and orbit. The file stays as it is.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/plot/figure.h"
#include "io/ctl/ring/draw.h"
#include "io/ctl/ring/inside.h"
#include "io/ctl/ring/request.h"
#include "io/ctl/ring/table.h"
#include "model/chromaticity.h"
#include "model/closed_orbit.h"

static struct request request;
static struct optics *before, *after;
static double xi_before[2], xi_after[2]; /* chromaticities; NaN: none */
static struct closed_orbit orbit;        /* after the changes */
static double (*everywhere)[TRACK_DIM];

/* After against before at every entrance and the end; one block of memory, owned by beat_x. */
static struct {
    double *beat_x, *beat_y; /* (after - before)/before of beta */
    double *eta_x_m, *x_m, *y_m;
} change;

static enum rc compute_optics(struct optics **optics, const struct lattice *ring,
                              const char *when)
{
    enum rc rc = optics_create(optics, ring->n_element);

    if (rc == RC_OK)
        rc = optics_compute(*optics, ring, request.integrator);
    return rc == RC_OK ? rc : err_add(rc, "%s %s", request.path, when);
}

static enum rc follow(const struct tracking *how)
{
    const struct lattice *ring = request.ring;
    double z[TRACK_DIM];
    enum rc rc = RC_OK;

    memcpy(z, orbit.start, sizeof z);
    for (uint32_t i = 0; rc == RC_OK && i < ring->n_element; i++) {
        memcpy(everywhere[i], z, sizeof z);
        rc = track_range_as(how, ring, i, i + 1, z, NULL);
    }
    memcpy(everywhere[ring->n_element], z, sizeof z);
    return rc;
}

static void compute_chromaticity(const struct lattice *ring, double xi[2])
{
    if (chromaticity_corrected(ring, request.integrator == INTEGRATOR_EXACT, xi) == RC_OK)
        return;
    fprintf(stderr, "orbitctl: note: no chromaticity: %s\n", err_text());
    xi[0] = xi[1] = (double) NAN;
}

static enum rc compute_orbit(void)
{
    struct closed_orbit_request problem = {
        .mode = request.mode == RING_4D ? ORBIT_FIXED_MOMENTUM : ORBIT_FIXED_RF,
        .exact = request.integrator == INTEGRATOR_EXACT};
    enum rc rc = closed_orbit_solve(request.ring, &problem, &orbit);

    if (rc == RC_OK)
        rc = follow(&(struct tracking){.exact = problem.exact});
    return rc == RC_OK ? rc : err_add(rc, "%s after the changes", request.path);
}

static void compare(void)
{
    for (uint32_t i = 0; i <= request.ring->n_element; i++) {
        change.beat_x[i] = after->beta_x_m[i] / before->beta_x_m[i] - 1;
        change.beat_y[i] = after->beta_y_m[i] / before->beta_y_m[i] - 1;
        change.eta_x_m[i] = after->eta_x_m[i] - before->eta_x_m[i];
        change.x_m[i] = everywhere[i][0];
        change.y_m[i] = everywhere[i][2];
    }
}

static enum rc reserve(void)
{
    size_t n = request.ring->n_element + 1;

    everywhere = calloc(n, sizeof *everywhere);
    change.beat_x = calloc(5 * n, sizeof(double));
    if (!everywhere || !change.beat_x)
        return err_set(RC_NOMEM, "no memory for %zu places", n);
    change.beat_y = change.beat_x + n;
    change.eta_x_m = change.beat_y + n;
    change.x_m = change.eta_x_m + n;
    change.y_m = change.x_m + n;
    return RC_OK;
}

static enum rc compute(void)
{
    enum rc rc = reserve();

    if (rc == RC_OK)
        rc = compute_optics(&before, request.before, "before the changes");
    if (rc == RC_OK)
        rc = compute_optics(&after, request.ring, "after the changes");
    if (rc == RC_OK)
        rc = compute_orbit();
    if (rc != RC_OK)
        return rc;
    compute_chromaticity(request.before, xi_before);
    compute_chromaticity(request.ring, xi_after);
    compare();
    return RC_OK;
}

/* ---- results ------------------------------------------------------------------------- */

struct extent {
    double rms, max;
};

/* Over all element entrances. */
static struct extent extent_of(const double *value)
{
    struct extent extent = {0};
    uint32_t n = request.ring->n_element;

    for (uint32_t i = 0; i < n; i++) {
        extent.rms += value[i] * value[i];
        extent.max = fmax(extent.max, fabs(value[i]));
    }
    extent.rms = sqrt(extent.rms / n);
    return extent;
}

static void print_pair(const char *what, double a, double b)
{
    printf("%-22s %16.9f %16.9f %+16.9f\n", what, a, b, b - a);
}

static void print_extent(const char *what, const double *value, double factor, const char *unit)
{
    struct extent extent = extent_of(value);

    printf("%-22s %16.6g %16.6g %s\n", what, extent.rms * factor, extent.max * factor, unit);
}

static void print_text(void)
{
    const struct lattice *ring = request.ring;

    printf("%s, integrator %s, orbit %s; %u change%s\n\n",
           ring->title && ring->title[0] ? ring->title : request.path,
           integrator_word(request.integrator), mode_word(request.mode), request.n_change,
           request.n_change == 1 ? "" : "s");
    printf("%-22s %16s %16s %16s\n", "", "before", "after", "change");
    print_pair("tune x", before->tune_x, after->tune_x);
    print_pair("tune y", before->tune_y, after->tune_y);
    print_pair("chromaticity x", xi_before[0], xi_after[0]);
    print_pair("chromaticity y", xi_before[1], xi_after[1]);
    print_pair("momentum comp. [1e-3]", before->alpha_c * 1e3, after->alpha_c * 1e3);
    printf("\n%-22s %16s %16s\n", "over all elements", "rms", "largest");
    print_extent("beta beat x", change.beat_x, 100, "%");
    print_extent("beta beat y", change.beat_y, 100, "%");
    print_extent("dispersion change x", change.eta_x_m, 1e3, "mm");
    print_extent("orbit x", change.x_m, 1e6, "um");
    print_extent("orbit y", change.y_m, 1e6, "um");
}

static void fill_table(struct table *table)
{
    *table = (struct table){.ring = request.ring};
    table_add(table, "beta_x_before_m", before->beta_x_m, 1);
    table_add(table, "beta_x_after_m", after->beta_x_m, 1);
    table_add(table, "beta_y_before_m", before->beta_y_m, 1);
    table_add(table, "beta_y_after_m", after->beta_y_m, 1);
    table_add(table, "beta_beat_x", change.beat_x, 1);
    table_add(table, "beta_beat_y", change.beat_y, 1);
    table_add(table, "eta_x_before_m", before->eta_x_m, 1);
    table_add(table, "eta_x_after_m", after->eta_x_m, 1);
    table_add(table, "orbit_x_m", change.x_m, 1);
    table_add(table, "orbit_y_m", change.y_m, 1);
}

static json_t *optics_json(const struct optics *optics, const double xi[2])
{
    return json_pack("{s:[f,f], s:o, s:f}", "tune", optics->tune_x, optics->tune_y,
                     "chromaticity", json_numbers(xi, 2, 1), "momentum_compaction",
                     optics->alpha_c);
}

static json_t *extent_json(const double *value)
{
    struct extent extent = extent_of(value);

    return json_pack("{s:f, s:f}", "rms", extent.rms, "max", extent.max);
}

static void print_json(const struct table *table)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "lattice", request.path,
        "integrator", integrator_word(request.integrator), "mode", mode_word(request.mode),
        "before", optics_json(before, xi_before), "after", optics_json(after, xi_after),
        "beta_beat_x_summary", extent_json(change.beat_x), "beta_beat_y_summary",
        extent_json(change.beat_y), "dispersion_change_m_summary", extent_json(change.eta_x_m),
        "orbit_x_m_summary", extent_json(change.x_m), "orbit_y_m_summary",
        extent_json(change.y_m));

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

/* Points within the elements too; both rings have them at the same places. */
static void fill_beat(struct inside *now, const struct inside *then)
{
    for (uint32_t i = 0; i < now->n; i++) {
        now->beta_x_m[i] = 100 * (now->beta_x_m[i] / then->beta_x_m[i] - 1);
        now->beta_y_m[i] = 100 * (now->beta_y_m[i] / then->beta_y_m[i] - 1);
        now->eta_x_m[i] = 1e3 * (now->eta_x_m[i] - then->eta_x_m[i]);
    }
}

/* Beta beat in percent over the change of dispersion in mm. */
static enum rc draw_beat(const char *title, const struct inside *beat)
{
    struct curves curves = {
        .title = title,
        .panel = {{"beta beat [%]",
                   2,
                   {{"beta x", beat->beta_x_m, false}, {"beta y", beat->beta_y_m, false}},
                   false},
                  {"eta change [mm]", 1, {{"eta x", beat->eta_x_m, false}}, false}},
        .n = beat->n,
        .s_m = beat->s_m};

    return draw_curves(&request, &curves);
}

static enum rc draw(void)
{
    double step_m = fmax((request.to_m - request.from_m) / FIGURE_WIDTH, 1e-3);
    struct inside now, then;
    char title[200];
    enum rc rc = inside_compute(&now, request.ring, after, step_m);

    if (rc != RC_OK)
        return rc;
    snprintf(title, sizeof title, "What if:  Qx %.5f to %.5f,  Qy %.5f to %.5f", before->tune_x,
             after->tune_x, before->tune_y, after->tune_y);
    rc = inside_compute(&then, request.before, before, step_m);
    if (rc == RC_OK) {
        fill_beat(&now, &then);
        rc = draw_beat(title, &now);
        inside_free(&then);
    }
    inside_free(&now);
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

int command_what_if(struct ctl *ctl)
{
    enum rc rc = request_take(&request, &ctl->args, ctl->json, "4d|fixed-rf");

    if (rc == RC_OK)
        rc = args_finish(&ctl->args, 1, 1);
    if (rc == RC_OK && request.n_change == 0)
        rc = err_set(RC_INPUT, "what changes? --set, --scale or --kick");
    if (rc != RC_OK)
        return ctl_usage(ctl);
    rc = request_load(&request, ctl->args.item[0]);
    if (rc == RC_OK)
        rc = compute();
    if (rc == RC_OK)
        rc = show();
    optics_destroy(before);
    optics_destroy(after);
    free(everywhere);
    free(change.beat_x);
    request_free(&request);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
