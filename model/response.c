#include "model/response.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/solve.h"

/* A reading is a row vector, an orbit is a column vector at the start of the ring; the last
 * component is delta. */
enum { STATE = 5 };

struct reading {
    uint32_t element;
    double row[STATE];
};

struct orbit_of_kick {
    uint32_t element;
    double upstream[STATE], downstream[STATE];
};

static double dot(const double *row, const double *column)
{
    return row[0] * column[0] + row[1] * column[1] + row[2] * column[2] + row[3] * column[3] +
           row[4] * column[4];
}

static double read_kick(const struct reading *reading, const struct orbit_of_kick *orbit)
{
    bool downstream = reading->element > orbit->element;

    return dot(reading->row, downstream ? orbit->downstream : orbit->upstream);
}

/* The element of corrector column j: H first, then V. */
static uint32_t column_element(const struct lattice *lattice, uint32_t j)
{
    uint32_t n_h = lattice->n_hcorrector;

    return j < n_h ? lattice->hcorrector[j].element : lattice->vcorrector[j - n_h].element;
}

/* d(orbit)/df = -eta/(alpha_c f); alpha_c f = (path per delta) f/C. */
static double delta_per_hz(const struct lattice *lattice, double path_per_delta_m)
{
    if (lattice->rf_frequency_hz <= 0)
        return 0;
    return -lattice->circumference_m / (path_per_delta_m * lattice->rf_frequency_hz);
}

static enum rc check_path(enum response_mode mode, double path_per_delta_m)
{
    if (mode == RESPONSE_FIXED_RF && !(fabs(path_per_delta_m) > 1e-12))
        return err_set(RC_NUMERIC, "no response at fixed RF: the momentum compaction is zero");
    return RC_OK;
}

/* ---- about the design orbit: the planes apart ---- */

struct plane {
    const double *turn;  /* 2x2 */
    double one_minus[4]; /* (1 - M)^-1 */
};

static enum rc plane_start(struct plane *plane, const double turn[4], char name)
{
    double a = 1 - turn[0], b = -turn[1], c = -turn[2], d = 1 - turn[3];
    double det = a * d - b * c;

    if (!(fabs(det) > 1e-12))
        return err_set(RC_NUMERIC, "no response in %c: the tune is an integer", name);
    plane->turn = turn;
    plane->one_minus[0] = d / det;
    plane->one_minus[1] = -b / det;
    plane->one_minus[2] = -c / det;
    plane->one_minus[3] = a / det;
    return RC_OK;
}

static void multiply(double out[2], const double m[4], const double v[2])
{
    double a = v[0];

    out[0] = m[0] * a + m[1] * v[1];
    out[1] = m[2] * a + m[3] * v[1];
}

/* start = (1 - M)^-1 M w, seen = w = T^-1 exit: the kick as seen at the start of the ring. */
static void plane_orbit(const struct plane *plane, const double t[4], const double exit[2],
                        double start[2], double seen[2])
{
    seen[0] = t[3] * exit[0] - t[1] * exit[1];
    seen[1] = t[0] * exit[1] - t[2] * exit[0];
    multiply(start, plane->turn, seen);
    multiply(start, plane->one_minus, start);
}

static void kick_of(const struct optics *optics, const struct element *element,
                    struct kick_map *kick)
{
    if (optics->integrator == INTEGRATOR_EXACT)
        map_kick_exact(kick, element);
    else
        map_kick_sliced(kick, element);
}

/* By how much a kick lengthens the turn at fixed momentum. */
static double path_of_kick(const struct optics *optics, const struct map *exit,
                           const double start[2], const double seen[2])
{
    const double *turn = optics->turn.p;

    return turn[0] * start[0] + turn[1] * start[1] + (turn[0] - exit->p[0]) * seen[0] +
           (turn[1] - exit->p[1]) * seen[1];
}

struct design {
    const struct optics *optics;
    const struct lattice *lattice;
    struct plane x, y;
    double path_to_delta; /* -1/(path per delta), 0 at fixed momentum */
};

/* H columns fill components 0 and 1 and delta, V columns 2 and 3. */
static void design_orbit(const struct design *design, uint32_t j, struct orbit_of_kick *orbit)
{
    uint32_t e = column_element(design->lattice, j);
    const struct map *exit = &design->optics->transfer[e + 1];
    bool horizontal = j < design->lattice->n_hcorrector;
    struct kick_map kick;
    double start[2], seen[2], delta = 0;
    int at = horizontal ? 0 : 2;

    kick_of(design->optics, &design->lattice->element[e], &kick);
    if (horizontal) {
        plane_orbit(&design->x, exit->x, kick.x, start, seen);
        delta = design->path_to_delta *
                (path_of_kick(design->optics, exit, start, seen) + kick.ct_x);
    } else {
        plane_orbit(&design->y, exit->y, kick.y, start, seen);
    }
    *orbit = (struct orbit_of_kick){.element = e, .upstream[4] = delta, .downstream[4] = delta};
    for (int i = 0; i < 2; i++) {
        orbit->upstream[at + i] = start[i];
        orbit->downstream[at + i] = start[i] + seen[i];
    }
}

static void design_row(const struct design *design, const struct orbit_of_kick *orbit,
                       uint32_t bpm, double hz, double *row_x, double *row_y)
{
    const struct lattice *lattice = design->lattice;
    uint32_t e = lattice->bpm[bpm].element, n_h = lattice->n_hcorrector;
    const struct map *t = &design->optics->transfer[e];
    double eta = design->optics->eta_x_m[e];

    for (uint32_t j = 0; j < n_h; j++) {
        const double *z = e > orbit[j].element ? orbit[j].downstream : orbit[j].upstream;

        row_x[j] = t->x[0] * z[0] + t->x[1] * z[1] + eta * z[4];
        row_y[j] = 0;
    }
    for (uint32_t j = n_h; j < n_h + lattice->n_vcorrector; j++) {
        const double *z = e > orbit[j].element ? orbit[j].downstream : orbit[j].upstream;

        row_x[j] = 0;
        row_y[j] = t->y[0] * z[2] + t->y[1] * z[3];
    }
    row_x[n_h + lattice->n_vcorrector] = eta * hz;
    row_y[n_h + lattice->n_vcorrector] = 0;
}

static enum rc design_start(struct design *design, enum response_mode mode)
{
    const struct optics *optics = design->optics;
    enum rc rc = check_path(mode, optics->path_per_delta_m);

    if (rc == RC_OK)
        rc = plane_start(&design->x, optics->turn.x, 'x');
    if (rc == RC_OK)
        rc = plane_start(&design->y, optics->turn.y, 'y');
    design->path_to_delta = mode == RESPONSE_FIXED_RF ? -1 / optics->path_per_delta_m : 0;
    return rc;
}

enum rc response_matrix_design(const struct optics *optics, const struct lattice *lattice,
                               enum response_mode mode, double *matrix)
{
    struct design design = {.optics = optics, .lattice = lattice};
    uint32_t n_col = lattice_columns(lattice);
    double hz = delta_per_hz(lattice, optics->path_per_delta_m);
    struct orbit_of_kick *orbit;
    enum rc rc = design_start(&design, mode);

    if (rc != RC_OK)
        return rc;
    orbit = calloc(n_col, sizeof *orbit);
    if (!orbit)
        return err_set(RC_NOMEM, "no memory for %u columns", n_col);
    for (uint32_t j = 0; j + 1 < n_col; j++)
        design_orbit(&design, j, &orbit[j]);
    for (uint32_t i = 0; i < lattice->n_bpm; i++)
        design_row(&design, orbit, i, hz, matrix + (size_t) i * n_col,
                   matrix + (size_t) (lattice->n_bpm + i) * n_col);
    free(orbit);
    return RC_OK;
}

enum rc response_energy_row(const struct optics *optics, const struct lattice *lattice,
                            double *row)
{
    struct design design = {.optics = optics, .lattice = lattice};
    uint32_t n_col = lattice_columns(lattice);
    enum rc rc = design_start(&design, RESPONSE_FIXED_RF);

    for (uint32_t j = 0; j + 1 < n_col && rc == RC_OK; j++) {
        struct orbit_of_kick orbit;

        design_orbit(&design, j, &orbit);
        row[j] = orbit.upstream[4];
    }
    row[n_col - 1] = delta_per_hz(lattice, optics->path_per_delta_m);
    return rc;
}

/* ---- about any orbit: four coordinates together ---- */

/* What the pass around the ring leaves behind at an element that carries a device. */
struct station {
    double entrance[5][TRACK_DIM]; /* columns of the transfer map to the entrance */
    double exit[5][TRACK_DIM];
    double kick[2][TRACK_DIM]; /* exit per kick of the element: horizontal, vertical */
};

struct about {
    const struct lattice *lattice;
    struct tracking how;
    uint32_t *station_of; /* [n_element]: 0 none, else index + 1 */
    uint32_t n_station;
    struct station *station;
    double turn[5][TRACK_DIM];
    double dispersion[4];
    double path_per_delta_m;
};

static void mark(struct about *about, const struct lattice_device *device, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!about->station_of[device[i].element])
            about->station_of[device[i].element] = ++about->n_station;
}

static enum rc about_create(struct about *about, const struct tracking *how,
                            const struct lattice *lattice)
{
    *about = (struct about){.lattice = lattice, .how = {.exact = how->exact}};
    about->station_of = calloc((size_t) lattice->n_element + 1, sizeof *about->station_of);
    if (!about->station_of)
        return err_set(RC_NOMEM, "no memory for the response of %u elements",
                       lattice->n_element);
    mark(about, lattice->bpm, lattice->n_bpm);
    mark(about, lattice->hcorrector, lattice->n_hcorrector);
    mark(about, lattice->vcorrector, lattice->n_vcorrector);
    about->station = calloc((size_t) about->n_station + 1, sizeof *about->station);
    if (!about->station) {
        free(about->station_of);
        return err_set(RC_NOMEM, "no memory for %u stations", about->n_station);
    }
    return RC_OK;
}

static void about_destroy(struct about *about)
{
    free(about->station_of);
    free(about->station);
}

static void add_kick_columns(struct tangent *tangent)
{
    memset(tangent->column[5], 0, 2 * sizeof tangent->column[5]);
    tangent->kick_x[5] = tangent->kick_y[6] = 1;
    tangent->kick_y[5] = tangent->kick_x[6] = 0;
    tangent->n = 7;
}

static enum rc pass_station(struct about *about, uint32_t element, double z[TRACK_DIM],
                            struct tangent *tangent)
{
    struct station *station = &about->station[about->station_of[element] - 1];
    enum rc rc;

    memcpy(station->entrance, tangent->column, sizeof station->entrance);
    add_kick_columns(tangent);
    rc = track_range_as(&about->how, about->lattice, element, element + 1, z, tangent);
    memcpy(station->exit, tangent->column, sizeof station->exit);
    memcpy(station->kick, tangent->column[5], sizeof station->kick);
    tangent->n = 5;
    return rc;
}

static enum rc go_round(struct about *about, const double start[TRACK_DIM])
{
    uint32_t n = about->lattice->n_element;
    struct tangent tangent;
    double z[TRACK_DIM];
    enum rc rc = RC_OK;

    memcpy(z, start, sizeof z);
    tangent_start(&tangent);
    for (uint32_t i = 0; i < n && rc == RC_OK; i++)
        rc = about->station_of[i]
                 ? pass_station(about, i, z, &tangent)
                 : track_range_as(&about->how, about->lattice, i, i + 1, z, &tangent);
    memcpy(about->turn, tangent.column, sizeof about->turn);
    return rc;
}

/* v <- (1 - M)^-1 v */
static enum rc close_up(const struct about *about, double v[SOLVE_MAX])
{
    double a[SOLVE_MAX][SOLVE_MAX];

    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 4; column++)
            a[row][column] = (row == column ? 1 : 0) - about->turn[column][row];
    if (!solve_small(a, v, 4))
        return err_set(RC_NUMERIC, "no response: 1 - M is singular (integer resonance)");
    return RC_OK;
}

static enum rc find_dispersion(struct about *about)
{
    double v[SOLVE_MAX] = {about->turn[4][0], about->turn[4][1], about->turn[4][2],
                           about->turn[4][3]};
    enum rc rc = close_up(about, v);

    about->path_per_delta_m = about->turn[4][5];
    for (int i = 0; i < 4; i++) {
        about->dispersion[i] = v[i];
        about->path_per_delta_m += about->turn[i][5] * v[i];
    }
    return rc;
}

/* w = T^-1 exit, T symplectic. */
static void seen_at_start(const struct station *station, const double exit[TRACK_DIM],
                          double w[4])
{
    double t[4][4], inverse[4][4];

    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 4; column++)
            t[row][column] = station->exit[column][row];
    solve_symplectic_inverse(inverse, t);
    for (int row = 0; row < 4; row++) {
        w[row] = 0;
        for (int column = 0; column < 4; column++)
            w[row] += inverse[row][column] * exit[column];
    }
}

static enum rc orbit_about(const struct about *about, uint32_t j, enum response_mode mode,
                           struct orbit_of_kick *orbit)
{
    uint32_t element = column_element(about->lattice, j);
    const struct station *station = &about->station[about->station_of[element] - 1];
    const double *exit = station->kick[j < about->lattice->n_hcorrector ? 0 : 1];
    double w[4], start[SOLVE_MAX] = {0}, path = exit[5], delta;
    enum rc rc;

    seen_at_start(station, exit, w);
    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 4; column++)
            start[row] += about->turn[column][row] * w[column];
    rc = close_up(about, start);
    for (int i = 0; i < 4; i++)
        path += about->turn[i][5] * (start[i] + w[i]) - station->exit[i][5] * w[i];
    delta = mode == RESPONSE_FIXED_RF ? -path / about->path_per_delta_m : 0;
    orbit->element = element;
    for (int i = 0; i < 4; i++) {
        orbit->upstream[i] = start[i];
        orbit->downstream[i] = start[i] + w[i];
    }
    orbit->upstream[4] = orbit->downstream[4] = delta;
    return rc;
}

/* coordinate: 0 for x, 2 for y. */
static void reading_about(const struct about *about, uint32_t bpm, int coordinate,
                          struct reading *reading)
{
    uint32_t element = about->lattice->bpm[bpm].element;
    const struct station *station = &about->station[about->station_of[element] - 1];

    reading->element = element;
    reading->row[4] = station->entrance[4][coordinate];
    for (int i = 0; i < 4; i++) {
        reading->row[i] = station->entrance[i][coordinate];
        reading->row[4] += reading->row[i] * about->dispersion[i];
    }
}

static enum rc fill_about(const struct about *about, enum response_mode mode, double *matrix)
{
    const struct lattice *lattice = about->lattice;
    uint32_t n_col = lattice_columns(lattice), n_row = lattice_rows(lattice);
    double hz = delta_per_hz(lattice, about->path_per_delta_m);

    for (uint32_t j = 0; j + 1 < n_col; j++) {
        struct orbit_of_kick orbit;
        enum rc rc = orbit_about(about, j, mode, &orbit);

        if (rc != RC_OK)
            return rc;
        for (uint32_t i = 0; i < n_row; i++) {
            bool vertical = i >= lattice->n_bpm;
            struct reading reading;

            reading_about(about, vertical ? i - lattice->n_bpm : i, vertical ? 2 : 0, &reading);
            matrix[(size_t) i * n_col + j] = read_kick(&reading, &orbit);
            matrix[(size_t) i * n_col + n_col - 1] = reading.row[4] * hz;
        }
    }
    return RC_OK;
}

/* One turn about the orbit, and what every BPM and corrector saw on the way. */
static enum rc about_start(struct about *about, const struct tracking *how,
                           const struct lattice *lattice, const double start[TRACK_DIM],
                           enum response_mode mode)
{
    enum rc rc = about_create(about, how, lattice);

    if (rc != RC_OK)
        return rc;
    rc = go_round(about, start);
    if (rc == RC_OK)
        rc = find_dispersion(about);
    if (rc == RC_OK)
        rc = check_path(mode, about->path_per_delta_m);
    if (rc != RC_OK)
        about_destroy(about);
    return rc;
}

enum rc response_matrix_about_as(const struct tracking *how, const struct lattice *lattice,
                                 const double start[TRACK_DIM], enum response_mode mode,
                                 double *matrix)
{
    struct about about;
    enum rc rc = about_start(&about, how, lattice, start, mode);

    if (rc != RC_OK)
        return rc;
    rc = fill_about(&about, mode, matrix);
    about_destroy(&about);
    return rc;
}

enum rc response_energy_row_about(const struct tracking *how, const struct lattice *lattice,
                                  const double start[TRACK_DIM], double *row)
{
    uint32_t n_col = lattice_columns(lattice);
    struct about about;
    enum rc rc = about_start(&about, how, lattice, start, RESPONSE_FIXED_RF);

    if (rc != RC_OK)
        return rc;
    for (uint32_t j = 0; j + 1 < n_col && rc == RC_OK; j++) {
        struct orbit_of_kick orbit;

        rc = orbit_about(&about, j, RESPONSE_FIXED_RF, &orbit);
        row[j] = orbit.upstream[4];
    }
    row[n_col - 1] = delta_per_hz(lattice, about.path_per_delta_m);
    about_destroy(&about);
    return rc;
}

enum rc response_matrix_about(const struct lattice *lattice, const double start[TRACK_DIM],
                              enum response_mode mode, double *matrix)
{
    return response_matrix_about_as(&(struct tracking){0}, lattice, start, mode, matrix);
}
