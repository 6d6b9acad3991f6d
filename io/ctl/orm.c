/* orbitctl orm: the orbit response matrix of a lattice file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/ctl/ctl.h"
#include "io/ctl/ring/draw.h"
#include "io/ctl/ring/table.h"
#include "model/closed_orbit.h"
#include "model/inverse.h"
#include "model/response.h"

static struct request request;
static double *matrix;            /* [2 n_bpm][n_h + n_v + 1] */
static struct spectrum spectrum;  /* of x by H and y by V */
static double *values[2];         /* what spectrum points to */
static bool about_orbit, with_rf; /* --about-orbit, --rf */
static bool row_names;            /* --row-names */

static enum rc compute_about_orbit(enum response_mode mode)
{
    const struct tracking how = {.exact = request.integrator == INTEGRATOR_EXACT};
    const struct closed_orbit_request problem = {
        .mode = mode == RESPONSE_FIXED_RF ? ORBIT_FIXED_RF : ORBIT_FIXED_MOMENTUM,
        .exact = how.exact};
    struct closed_orbit orbit = {0};
    enum rc rc = closed_orbit_solve(request.ring, &problem, &orbit);

    return rc == RC_OK ? response_matrix_about_as(&how, request.ring, orbit.start, mode, matrix)
                       : rc;
}

static enum rc compute_design(enum response_mode mode)
{
    struct optics *optics = NULL;
    enum rc rc = optics_create(&optics, request.ring->n_element);

    if (rc == RC_OK)
        rc = optics_compute(optics, request.ring, request.integrator);
    if (rc == RC_OK)
        rc = response_matrix_design(optics, request.ring, mode, matrix);
    optics_destroy(optics);
    return rc;
}

static enum rc check_devices(void)
{
    const struct lattice *ring = request.ring;

    if (ring->n_bpm == 0 || ring->n_hcorrector + ring->n_vcorrector == 0)
        return err_set(RC_INPUT, "%s: a response needs BPMs and correctors (x_ext): %u and %u",
                       request.path, ring->n_bpm, ring->n_hcorrector + ring->n_vcorrector);
    return RC_OK;
}

/* x by H, y by V. */
static enum rc decompose(int plane)
{
    const struct lattice *ring = request.ring;
    struct inverse_block block = {.matrix = matrix,
                                  .stride = lattice_columns(ring),
                                  .first_row = plane ? ring->n_bpm : 0,
                                  .n_row = ring->n_bpm,
                                  .first_col = plane ? ring->n_hcorrector : 0,
                                  .n_col = plane ? ring->n_vcorrector : ring->n_hcorrector};
    uint32_t n = block.n_row < block.n_col ? block.n_row : block.n_col;

    if (n == 0)
        return RC_OK;
    values[plane] = calloc(n, sizeof *values[plane]);
    if (!values[plane])
        return err_set(RC_NOMEM, "no memory for %u singular values", n);
    spectrum.n[plane] = n;
    spectrum.value[plane] = values[plane];
    return inverse_singular_values(&block, values[plane]);
}

static enum rc compute(void)
{
    enum response_mode mode =
        request.mode == RING_4D ? RESPONSE_FIXED_MOMENTUM : RESPONSE_FIXED_RF;
    enum rc rc = check_devices();

    if (rc != RC_OK)
        return rc;
    about_orbit = about_orbit || !closed_orbit_is_design(request.ring);
    matrix = calloc((size_t) lattice_rows(request.ring) * lattice_columns(request.ring),
                    sizeof *matrix);
    if (!matrix)
        return err_set(RC_NOMEM, "no memory for a response matrix");
    rc = about_orbit ? compute_about_orbit(mode) : compute_design(mode);
    for (int plane = 0; rc == RC_OK && plane < 2; plane++)
        rc = decompose(plane);
    return rc == RC_OK ? rc : err_add(rc, "%s", request.path);
}

/* ---- results ------------------------------------------------------------------------- */

static uint32_t shown_columns(void)
{
    return lattice_columns(request.ring) - (with_rf ? 0 : 1);
}

static const char *column_name(uint32_t j)
{
    const struct lattice *ring = request.ring;

    if (j < ring->n_hcorrector)
        return ring->hcorrector[j].name;
    j -= ring->n_hcorrector;
    return j < ring->n_vcorrector ? ring->vcorrector[j].name : "RF";
}

static void row_name(uint32_t i, char *name, size_t size)
{
    uint32_t n = request.ring->n_bpm;

    snprintf(name, size, "%s.%s", request.ring->bpm[i % n].name, i < n ? "x" : "y");
}

static void write_row(FILE *out, uint32_t i)
{
    const double *row = matrix + (size_t) i * lattice_columns(request.ring);
    char name[LATTICE_MAX_NAME + 3];

    row_name(i, name, sizeof name);
    if (row_names)
        csv_name(out, name);
    for (uint32_t j = 0; j < shown_columns(); j++)
        fprintf(out, "%s%.17g", j || row_names ? "," : "", row[j]);
    fputc('\n', out);
}

static enum rc write_csv(void)
{
    FILE *file;
    enum rc rc = output_open(&file, request.csv);

    if (rc != RC_OK)
        return rc;
    fputs(row_names ? "bpm" : "", file);
    for (uint32_t j = 0; j < shown_columns(); j++) {
        fputs(j || row_names ? "," : "", file);
        csv_name(file, column_name(j));
    }
    fputc('\n', file);
    for (uint32_t i = 0; i < lattice_rows(request.ring); i++)
        write_row(file, i);
    return output_close(file, request.csv);
}

static json_t *condition_json(int plane)
{
    uint32_t n = spectrum.n[plane];
    double last = n ? spectrum.value[plane][n - 1] : 0;

    return last > 0 ? json_real(spectrum.value[plane][0] / last) : json_null();
}

static json_t *matrix_json(void)
{
    uint32_t stride = lattice_columns(request.ring);
    json_t *rows = json_array();

    for (uint32_t i = 0; i < lattice_rows(request.ring); i++)
        json_array_append_new(rows,
                              json_numbers(matrix + (size_t) i * stride, shown_columns(), 1));
    return rows;
}

static void print_json(void)
{
    json_t *rows = json_array(), *columns = json_array();
    char name[LATTICE_MAX_NAME + 3];

    for (uint32_t i = 0; i < lattice_rows(request.ring); i++) {
        row_name(i, name, sizeof name);
        json_array_append_new(rows, json_string(name));
    }
    for (uint32_t j = 0; j < shown_columns(); j++)
        json_array_append_new(columns, json_string(column_name(j)));
    json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:{s:o, s:o}, s:{s:o, s:o}}",
                             "lattice", request.path, "mode", mode_word(request.mode), "about",
                             about_orbit ? "closed" : "design", "integrator",
                             integrator_word(request.integrator), "rows", rows, "columns",
                             columns, "matrix", matrix_json(), "singular_values", "x",
                             json_numbers(spectrum.value[0], spectrum.n[0], 1), "y",
                             json_numbers(spectrum.value[1], spectrum.n[1], 1), "condition",
                             "x", condition_json(0), "y", condition_json(1));

    json_print(root);
    json_decref(root);
}

static void print_plane(int plane)
{
    uint32_t n = spectrum.n[plane];
    const double *value = spectrum.value[plane];

    if (n == 0)
        return;
    printf("\n%s: %u BPMs by %u correctors, condition ", plane ? "y" : "x", request.ring->n_bpm,
           plane ? request.ring->n_vcorrector : request.ring->n_hcorrector);
    if (value[n - 1] > 0)
        printf("%.6g", value[0] / value[n - 1]);
    else
        printf("infinite");
    printf(", singular values [m/rad]:");
    for (uint32_t i = 0; i < n; i++)
        printf("%s%12.6g", i % 8 ? "" : "\n", value[i]);
    putchar('\n');
}

static void print_text(void)
{
    const struct lattice *ring = request.ring;

    printf("%-13s%s\n", "ring", ring->title && ring->title[0] ? ring->title : request.path);
    printf("%-13s%s, %s\n", "mode", mode_word(request.mode),
           about_orbit ? "about the closed orbit" : "about the design orbit");
    printf("%-13s%s\n", "integrator", integrator_word(request.integrator));
    printf("%-13s%u rows by %u columns, m/rad%s\n", "matrix", lattice_rows(ring),
           shown_columns(), with_rf ? "; RF: m/Hz" : "");
    print_plane(0);
    print_plane(1);
}

static enum rc show(void)
{
    enum rc rc = RC_OK;

    if (request.json)
        print_json();
    if (request_wants_text(&request))
        print_text();
    if (request.csv)
        rc = write_csv();
    return rc == RC_OK && request.plot ? draw_response(&request, matrix, &spectrum) : rc;
}

int command_orm(struct ctl *ctl)
{
    enum rc rc = request_take(&request, &ctl->args, ctl->json, "4d|fixed-rf");

    about_orbit = args_take_flag(&ctl->args, "--about-orbit");
    with_rf = args_take_flag(&ctl->args, "--rf");
    row_names = args_take_flag(&ctl->args, "--row-names");
    if (rc == RC_OK)
        rc = args_finish(&ctl->args, 1, 1);
    if (rc != RC_OK)
        return ctl_usage(ctl);
    rc = request_load(&request, ctl->args.item[0]);
    if (rc == RC_OK)
        rc = compute();
    if (rc == RC_OK)
        rc = show();
    free(matrix);
    free(values[0]);
    free(values[1]);
    request_free(&request);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
