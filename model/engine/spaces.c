#include "model/engine/spaces.h"

#include <stdlib.h>
#include <string.h>

/* Of the orbit of one kick anywhere, this share may be taken for BPMs' faults. */
static const double tolerance = 0.01;

struct plane {
    const struct inputs *in;
    const struct optics *optics;
    const struct orbit_dims *dims;
    const double *r;
    int index;       /* 0: x, 1: y */
    uint32_t *place; /* [n_bpm] element of each BPM, device order */
};

static bool is_disabled(const struct inputs *in, uint64_t bpm)
{
    for (size_t i = 0; i < in->cfg.ring_disabled_bpms.count; i++)
        if (devices_find_bpm(&in->devices, in->cfg.ring_disabled_bpms.name[i]) == (int) bpm)
            return true;
    return false;
}

static const double *row_of_r(const struct plane *plane, uint64_t bpm)
{
    uint64_t row = bpm + (uint64_t) plane->index * plane->dims->n_bpm;

    return plane->r + row * dims_n_col(plane->dims);
}

static uint32_t clear_disabled(const struct plane *plane, struct columns *columns)
{
    uint32_t left = columns->n_row;

    for (uint32_t i = 0; i < columns->n_row; i++) {
        if (!is_disabled(plane->in, i))
            continue;
        memset(columns->a + (size_t) i * columns->n_col, 0, columns->n_col * sizeof(double));
        left--;
    }
    return left;
}

/* Kicks at every element, the frequency, and what R says of the correctors: a quarter of the
 * directions at least is left to judge BPMs by. */
static enum rc find_beam(const struct plane *plane, struct column_space *space)
{
    uint32_t n_bpm = (uint32_t) plane->dims->n_bpm, n_col = (uint32_t) dims_n_col(plane->dims);
    uint32_t n_kick = plane->in->lattice->n_element + 1;
    struct columns columns = {.n_row = n_bpm, .n_col = n_kick + n_col};
    uint32_t usable;
    enum rc rc;

    columns.a = calloc((size_t) n_bpm * columns.n_col, sizeof *columns.a);
    if (!columns.a)
        return err_set(RC_NOMEM, "no memory for the orbits of %u kicks", columns.n_col);
    columns_of_kicks(plane->optics, plane->place, n_bpm, plane->index, columns.a,
                     columns.n_col);
    for (uint32_t i = 0; i < n_bpm; i++)
        memcpy(columns.a + (size_t) i * columns.n_col + n_kick, row_of_r(plane, i),
               n_col * sizeof *columns.a);
    usable = clear_disabled(plane, &columns);
    rc = column_space_find(space, &columns, usable - usable / 4, tolerance, true);
    free(columns.a);
    return rc;
}

static enum rc find_modes(const struct plane *plane, struct column_space *space)
{
    uint64_t n_h = plane->dims->n_h, n_v = plane->dims->n_v;
    uint64_t col0 = plane->index == 0 ? 0 : n_h, n = plane->index == 0 ? n_h : n_v;
    struct columns columns = {.n_row = (uint32_t) plane->dims->n_bpm, .n_col = (uint32_t) n};
    enum rc rc;

    if (n == 0)
        return RC_OK;
    columns.a = calloc(columns.n_row * n, sizeof *columns.a);
    if (!columns.a)
        return err_set(RC_NOMEM, "no memory for the modes of the display");
    for (uint32_t i = 0; i < columns.n_row; i++)
        memcpy(columns.a + i * n, row_of_r(plane, i) + col0, n * sizeof *columns.a);
    (void) clear_disabled(plane, &columns);
    rc = column_space_find(space, &columns, (uint32_t) n, 0, false);
    free(columns.a);
    return rc;
}

enum rc spaces_find(struct spaces *spaces, const struct inputs *in, const struct optics *optics,
                    const struct orbit_dims *dims, const double *r)
{
    struct plane plane = {.in = in, .optics = optics, .dims = dims, .r = r};
    enum rc rc = RC_OK;

    plane.place = calloc(dims->n_bpm, sizeof *plane.place);
    if (!plane.place)
        return err_set(RC_NOMEM, "no memory for the places of BPMs");
    for (uint64_t i = 0; i < dims->n_bpm; i++)
        plane.place[i] = in->lattice->bpm[in->bpm[i]].element;
    for (plane.index = 0; plane.index < 2 && rc == RC_OK; plane.index++) {
        rc = find_beam(&plane, &spaces->beam[plane.index]);
        if (rc == RC_OK)
            rc = find_modes(&plane, &spaces->modes[plane.index]);
    }
    free(plane.place);
    return rc == RC_OK ? rc : err_add(rc, "basis of %c", plane.index == 1 ? 'x' : 'y');
}

void spaces_free(struct spaces *spaces)
{
    for (int i = 0; i < 2; i++) {
        column_space_free(&spaces->beam[i]);
        column_space_free(&spaces->modes[i]);
    }
}
