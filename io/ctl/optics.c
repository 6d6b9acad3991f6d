/* orbitctl optics: tunes, beta functions and dispersion of a lattice file. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/ring/beam.h"
#include "io/ctl/ring/draw.h"
#include "io/ctl/ring/table.h"
#include "model/chromaticity.h"

enum rows { ROWS_BPMS, ROWS_ALL, ROWS_NONE };

static struct request request;
static struct beam beam;
static double chromaticity[2], natural[2]; /* NaN: none, see compute_chromaticity */

static enum rc take_rows(struct args *args, enum rows *rows)
{
    static const char *const words[] = {
        [ROWS_BPMS] = "bpms", [ROWS_ALL] = "all", [ROWS_NONE] = "none"};
    const char *word = NULL;
    enum rc rc = args_take_text(args, "--at", &word);

    if (rc != RC_OK || !word)
        return rc;
    for (int i = ROWS_BPMS; i <= ROWS_NONE; i++) {
        if (strcmp(word, words[i]) == 0) {
            *rows = (enum rows) i;
            return RC_OK;
        }
    }
    return err_set(RC_INPUT, "--at %s: wants bpms, all or none", word);
}

static void fill_table(struct table *table)
{
    *table = (struct table){.ring = request.ring};
    table_add(table, "beta_x_m", beam.beta_x_m, 1);
    table_add(table, "alpha_x", beam.alpha_x, 1);
    table_add(table, "mu_x_rad", beam.mu_x_rad, 1);
    table_add(table, "beta_y_m", beam.beta_y_m, 1);
    table_add(table, "alpha_y", beam.alpha_y, 1);
    table_add(table, "mu_y_rad", beam.mu_y_rad, 1);
    table_add(table, "eta_x_m", beam.eta_x_m, 1);
    table_add(table, "etap_x", beam.etap_x, 1);
    if (!beam.about_orbit)
        return;
    table_add(table, "beta_x_mode2_m", beam.beta_x_mode2_m, 1);
    table_add(table, "beta_y_mode1_m", beam.beta_y_mode1_m, 1);
    table_add(table, "eta_y_m", beam.eta_y_m, 1);
    table_add(table, "etap_y", beam.etap_y, 1);
    table_add(table, "x_m", beam.x_m, 1);
    table_add(table, "y_m", beam.y_m, 1);
}

static void print_extremes(const char *what, const double *value)
{
    double low = INFINITY, high = -INFINITY;

    for (uint32_t i = 0; i <= request.ring->n_element; i++) {
        low = fmin(low, value[i]);
        high = fmax(high, value[i]);
    }
    printf("%-13s%.6g to %.6g m\n", what, low, high);
}

/* What is of interest off the design orbit only. */
static void print_coupling(void)
{
    print_extremes("dispersion y", beam.eta_y_m);
    printf("%-13smode 2 has up to %.4g %% of beta x, mode 1 up to %.4g %% of beta y\n",
           "coupling", 100 * beam_coupling(&beam, 0), 100 * beam_coupling(&beam, 1));
    print_extremes("orbit x", beam.x_m);
    print_extremes("orbit y", beam.y_m);
    if (request.mode == RING_4D)
        return;
    printf("%-13s%.6e\n", "delta", beam.delta);
    if (request.mode == RING_6D)
        printf("%-13s%.9f\n", "synchr. tune", beam.synchrotron_tune);
}

static void print_head(void)
{
    const struct lattice *ring = request.ring;

    printf("%-13s%s\n", "ring", ring->title && ring->title[0] ? ring->title : request.path);
    printf("%-13s%u elements, %u BPMs, %u H, %u V, %.6f m\n", "size", ring->n_element,
           ring->n_bpm, ring->n_hcorrector, ring->n_vcorrector, ring->circumference_m);
    printf("%-13s%s, %s, %s\n", "computed", integrator_word(request.integrator),
           mode_word(request.mode),
           beam.about_orbit ? "about the closed orbit" : "about the design orbit");
    printf("%-13sx %.9f   y %.9f\n", "tune", beam.tune[0], beam.tune[1]);
    printf("%-13sx %.6f   y %.6f   (natural: x %.6f   y %.6f)\n", "chromaticity",
           chromaticity[0], chromaticity[1], natural[0], natural[1]);
    printf("%-13s%.9e\n", "alpha_c", beam.alpha_c);
    print_extremes("beta x", beam.beta_x_m);
    print_extremes("beta y", beam.beta_y_m);
    print_extremes("dispersion", beam.eta_x_m);
    if (beam.about_orbit)
        print_coupling();
}

static void print_row(const char *name, uint32_t i)
{
    printf("%-16s %10.4f %9.4f %9.4f %9.5f %9.4f %9.4f %9.5f %10.6f\n", name,
           request.ring->s_m[i], beam.beta_x_m[i], beam.alpha_x[i],
           beam.mu_x_rad[i] / (2 * M_PI), beam.beta_y_m[i], beam.alpha_y[i],
           beam.mu_y_rad[i] / (2 * M_PI), beam.eta_x_m[i]);
}

static void print_rows(enum rows rows)
{
    const struct lattice *ring = request.ring;

    if (rows == ROWS_NONE)
        return;
    printf("\n%-16s %10s %9s %9s %9s %9s %9s %9s %10s\n", rows == ROWS_ALL ? "element" : "BPM",
           "s [m]", "beta x", "alpha x", "mu x/2pi", "beta y", "alpha y", "mu y/2pi",
           "eta x [m]");
    for (uint32_t i = 0; rows == ROWS_ALL && i < ring->n_element; i++)
        print_row(ring->element[i].name, i);
    for (uint32_t i = 0; rows == ROWS_BPMS && i < ring->n_bpm; i++)
        print_row(ring->bpm[i].name, ring->bpm[i].element);
}

static void print_json(const struct table *table)
{
    const struct lattice *ring = request.ring;
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:[f,f], s:f}", "lattice", request.path, "title",
        ring->title ? ring->title : "", "integrator", integrator_word(request.integrator),
        "mode", mode_word(request.mode), "about", beam.about_orbit ? "closed" : "design",
        "energy_gev", ring->energy_gev, "circumference_m", ring->circumference_m, "tune",
        beam.tune[0], beam.tune[1], "momentum_compaction", beam.alpha_c);

    json_object_set_new(root, "chromaticity", json_numbers(chromaticity, 2, 1));
    json_object_set_new(root, "chromaticity_natural", json_numbers(natural, 2, 1));
    if (beam.about_orbit)
        json_object_set_new(
            root, "coupling",
            json_pack("[f,f]", beam_coupling(&beam, 0), beam_coupling(&beam, 1)));
    if (request.mode != RING_4D)
        json_object_set_new(root, "delta", json_real(beam.delta));
    if (request.mode == RING_6D)
        json_object_set_new(root, "synchrotron_tune", json_real(beam.synchrotron_tune));
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

/* A ring may be stable on momentum and not beside it: then its optics are shown all the same.
 */
static void compute_chromaticity(void)
{
    bool exact = request.integrator == INTEGRATOR_EXACT;

    if (chromaticity_corrected(request.ring, exact, chromaticity) != RC_OK) {
        fprintf(stderr, "orbitctl: note: no chromaticity: %s\n", err_text());
        chromaticity[0] = chromaticity[1] = (double) NAN;
    }
    if (chromaticity_natural(request.ring, exact, natural) != RC_OK)
        natural[0] = natural[1] = (double) NAN;
}

static enum rc compute(void)
{
    enum rc rc = beam_compute(&beam, request.ring, request.integrator, request.mode);

    if (rc == RC_OK)
        compute_chromaticity();
    return rc == RC_OK ? rc : err_add(rc, "%s", request.path);
}

static enum rc show(enum rows rows)
{
    struct table table;
    enum rc rc = RC_OK;

    fill_table(&table);
    if (request.json)
        print_json(&table);
    if (request_wants_text(&request)) {
        print_head();
        print_rows(rows);
    }
    if (request.csv)
        rc = write_csv(&table);
    if (rc == RC_OK && request.plot)
        rc = draw_optics(&request, &beam);
    return rc;
}

int command_optics(struct ctl *ctl)
{
    enum rows rows = ROWS_BPMS;
    enum rc rc = request_take(&request, &ctl->args, ctl->json, "4d|fixed-rf|6d");

    if (rc == RC_OK)
        rc = take_rows(&ctl->args, &rows);
    if (rc == RC_OK)
        rc = args_finish(&ctl->args, 1, 1);
    if (rc != RC_OK)
        return ctl_usage(ctl);
    rc = request_load(&request, ctl->args.item[0]);
    if (rc == RC_OK)
        rc = compute();
    if (rc == RC_OK)
        rc = show(rows);
    beam_free(&beam);
    request_free(&request);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
