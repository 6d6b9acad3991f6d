/* orbitctl what-if: what changes to a ring do to its optics and orbit. The file stays as it is.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/ring/draw.h"
#include "io/ctl/ring/table.h"
#include "model/chromaticity.h"

static struct request request;
static struct beam before, after;
static double xi_before[2], xi_after[2]; /* chromaticities; NaN: none */

/* After against before at every entrance and the end; one block of memory, owned by beat_x. */
static struct {
    double *beat_x, *beat_y; /* (after - before)/before of beta */
    double *eta_x_m, *eta_y_m, *x_m, *y_m;
} change;

static void compute_chromaticity(const struct lattice *ring, double xi[2])
{
    if (chromaticity_corrected(ring, request.integrator == INTEGRATOR_EXACT, xi) == RC_OK)
        return;
    fprintf(stderr, "orbitctl: note: no chromaticity: %s\n", err_text());
    xi[0] = xi[1] = (double) NAN;
}

static void compare(void)
{
    for (uint32_t i = 0; i < after.n; i++) {
        change.beat_x[i] = after.beta_x_m[i] / before.beta_x_m[i] - 1;
        change.beat_y[i] = after.beta_y_m[i] / before.beta_y_m[i] - 1;
        change.eta_x_m[i] = after.eta_x_m[i] - before.eta_x_m[i];
        change.eta_y_m[i] = after.eta_y_m[i] - before.eta_y_m[i];
        change.x_m[i] = after.x_m[i] - before.x_m[i];
        change.y_m[i] = after.y_m[i] - before.y_m[i];
    }
}

static enum rc reserve(void)
{
    size_t n = request.ring->n_element + 1;

    change.beat_x = calloc(6 * n, sizeof(double));
    if (!change.beat_x)
        return err_set(RC_NOMEM, "no memory for %zu places", n);
    change.beat_y = change.beat_x + n;
    change.eta_x_m = change.beat_y + n;
    change.eta_y_m = change.eta_x_m + n;
    change.x_m = change.eta_y_m + n;
    change.y_m = change.x_m + n;
    return RC_OK;
}

static enum rc compute_beam(struct beam *beam, const struct lattice *ring, const char *when)
{
    enum rc rc = beam_compute(beam, ring, request.integrator, request.mode);

    return rc == RC_OK ? rc : err_add(rc, "%s %s", request.path, when);
}

static enum rc compute(void)
{
    enum rc rc = reserve();

    if (rc == RC_OK)
        rc = compute_beam(&before, request.before, "before the changes");
    if (rc == RC_OK)
        rc = compute_beam(&after, request.ring, "after the changes");
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
    uint32_t n_change = request_changes(&request);

    printf("%s, integrator %s, orbit %s; %u change%s\n\n",
           ring->title && ring->title[0] ? ring->title : request.path,
           integrator_word(request.integrator), mode_word(request.mode), n_change,
           n_change == 1 ? "" : "s");
    printf("%-22s %16s %16s %16s\n", "", "before", "after", "change");
    print_pair("tune x", before.tune[0], after.tune[0]);
    print_pair("tune y", before.tune[1], after.tune[1]);
    print_pair("chromaticity x", xi_before[0], xi_after[0]);
    print_pair("chromaticity y", xi_before[1], xi_after[1]);
    print_pair("momentum comp. [1e-3]", before.alpha_c * 1e3, after.alpha_c * 1e3);
    print_pair("mode 2 in beta x [%]", 100 * beam_coupling(&before, 0),
               100 * beam_coupling(&after, 0));
    print_pair("mode 1 in beta y [%]", 100 * beam_coupling(&before, 1),
               100 * beam_coupling(&after, 1));
    printf("\n%-22s %16s %16s\n", "over all elements", "rms", "largest");
    print_extent("beta beat x", change.beat_x, 100, "%");
    print_extent("beta beat y", change.beat_y, 100, "%");
    print_extent("dispersion change x", change.eta_x_m, 1e3, "mm");
    print_extent("dispersion change y", change.eta_y_m, 1e3, "mm");
    print_extent("orbit change x", change.x_m, 1e6, "um");
    print_extent("orbit change y", change.y_m, 1e6, "um");
}

static void fill_table(struct table *table)
{
    *table = (struct table){.ring = request.ring};
    table_add(table, "beta_x_before_m", before.beta_x_m, 1);
    table_add(table, "beta_x_after_m", after.beta_x_m, 1);
    table_add(table, "beta_y_before_m", before.beta_y_m, 1);
    table_add(table, "beta_y_after_m", after.beta_y_m, 1);
    table_add(table, "beta_beat_x", change.beat_x, 1);
    table_add(table, "beta_beat_y", change.beat_y, 1);
    table_add(table, "eta_x_before_m", before.eta_x_m, 1);
    table_add(table, "eta_x_after_m", after.eta_x_m, 1);
    table_add(table, "eta_y_before_m", before.eta_y_m, 1);
    table_add(table, "eta_y_after_m", after.eta_y_m, 1);
    table_add(table, "beta_x_mode2_after_m", after.beta_x_mode2_m, 1);
    table_add(table, "beta_y_mode1_after_m", after.beta_y_mode1_m, 1);
    table_add(table, "orbit_x_m", after.x_m, 1);
    table_add(table, "orbit_y_m", after.y_m, 1);
    table_add(table, "orbit_change_x_m", change.x_m, 1);
    table_add(table, "orbit_change_y_m", change.y_m, 1);
}

static json_t *beam_json(const struct beam *beam, const double xi[2])
{
    return json_pack("{s:[f,f], s:o, s:f, s:f, s:[f,f], s:s}", "tune", beam->tune[0],
                     beam->tune[1], "chromaticity", json_numbers(xi, 2, 1),
                     "momentum_compaction", beam->alpha_c, "delta", beam->delta, "coupling",
                     beam_coupling(beam, 0), beam_coupling(beam, 1), "about",
                     beam->about_orbit ? "closed" : "design");
}

static json_t *extent_json(const double *value)
{
    struct extent extent = extent_of(value);

    return json_pack("{s:f, s:f}", "rms", extent.rms, "max", extent.max);
}

static void print_json(const struct table *table)
{
    const struct {
        const char *key;
        const double *value;
    } summaries[] = {{"beta_beat_x_summary", change.beat_x},
                     {"beta_beat_y_summary", change.beat_y},
                     {"dispersion_change_m_summary", change.eta_x_m},
                     {"dispersion_change_y_m_summary", change.eta_y_m},
                     {"orbit_x_m_summary", after.x_m},
                     {"orbit_y_m_summary", after.y_m},
                     {"orbit_change_x_m_summary", change.x_m},
                     {"orbit_change_y_m_summary", change.y_m}};
    json_t *root = json_pack("{s:s, s:s, s:s, s:o, s:o}", "lattice", request.path, "integrator",
                             integrator_word(request.integrator), "mode",
                             mode_word(request.mode), "before", beam_json(&before, xi_before),
                             "after", beam_json(&after, xi_after));

    for (size_t i = 0; i < sizeof summaries / sizeof summaries[0]; i++)
        json_object_set_new(root, summaries[i].key, extent_json(summaries[i].value));
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
static void fill_beat(struct beam *now, const struct beam *then)
{
    for (uint32_t i = 0; i < now->n; i++) {
        now->beta_x_m[i] = 100 * (now->beta_x_m[i] / then->beta_x_m[i] - 1);
        now->beta_y_m[i] = 100 * (now->beta_y_m[i] / then->beta_y_m[i] - 1);
        now->eta_x_m[i] = 1e3 * (now->eta_x_m[i] - then->eta_x_m[i]);
        now->eta_y_m[i] = 1e3 * (now->eta_y_m[i] - then->eta_y_m[i]);
        now->x_m[i] = 1e6 * (now->x_m[i] - then->x_m[i]);
        now->y_m[i] = 1e6 * (now->y_m[i] - then->y_m[i]);
    }
}

/* Beta beat in percent over the change of dispersion in mm. */
static enum rc draw_beat(const char *title, const struct beam *beat, const double *s_m)
{
    struct curves curves = {
        .title = title,
        .panel = {{"beta beat [%]",
                   2,
                   {{"beta x", beat->beta_x_m, false}, {"beta y", beat->beta_y_m, false}},
                   false},
                  {"eta change [mm]",
                   after.about_orbit ? 2 : 1,
                   {{"eta x", beat->eta_x_m, false}, {"eta y", beat->eta_y_m, false}},
                   false}},
        .n = beat->n,
        .s_m = s_m};

    return draw_curves(&request, &curves);
}

static enum rc draw(void)
{
    double *s_now = NULL, *s_then = NULL;
    struct beam now, then = {.n = 0};
    char title[200];
    enum rc rc = beam_compute_fine(&now, &s_now, &request, request.ring);

    snprintf(title, sizeof title, "What if:  Qx %.5f to %.5f,  Qy %.5f to %.5f", before.tune[0],
             after.tune[0], before.tune[1], after.tune[1]);
    if (rc == RC_OK)
        rc = beam_compute_fine(&then, &s_then, &request, request.before);
    if (rc == RC_OK) {
        fill_beat(&now, &then);
        rc = draw_beat(title, &now, s_now);
    }
    beam_free(&now);
    beam_free(&then);
    free(s_now);
    free(s_then);
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
    enum rc rc = request_take(&request, &ctl->args, ctl->json, "4d|fixed-rf|6d");

    if (rc == RC_OK)
        rc = args_finish(&ctl->args, 1, 1);
    if (rc == RC_OK && request_changes(&request) == 0)
        rc = err_set(RC_INPUT, "what changes? --current, --set, --scale or --kick");
    if (rc != RC_OK)
        return ctl_usage(ctl);
    rc = request_load(&request, ctl->args.item[0]);
    if (rc == RC_OK)
        rc = compute();
    if (rc == RC_OK)
        rc = show();
    beam_free(&before);
    beam_free(&after);
    free(change.beat_x);
    request_free(&request);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
