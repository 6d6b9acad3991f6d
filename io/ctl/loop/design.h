/* What a control law and an inverse would do on a machine, before anybody closes the loop.
 *
 *   design_load -> design_compute -> { read the planes } -> design_free
 *
 * Each plane is judged for itself, as the law has it (one block a plane). The machine is the
 * model's response, a measured one, or either with errors (struct design_mismatch).
 */
#ifndef ORBIT_IO_CTL_LOOP_DESIGN_H
#define ORBIT_IO_CTL_LOOP_DESIGN_H

#include "model/engine/engine.h"
#include "model/engine/external.h"
#include "model/margin.h"
#include "model/stability.h"

enum { DESIGN_PLANES = 2 }; /* H, V */

/* Kinds of errors, and how large: rms of gains of BPMs and correctors, rms of single elements,
 * change of both tunes, rms beta beat. 0: none. */
enum mismatch_kind {
    MISMATCH_GAINS,
    MISMATCH_ELEMENTS,
    MISMATCH_TUNE,
    MISMATCH_BETA,
    MISMATCH_KINDS
};

struct design_request {
    const char *config_path, *law_path;  /* law_path: keys laid over the configuration; NULL */
    const char *matrix[DESIGN_PLANES];   /* CSV, mm/A: design and machine; NULL: the model's */
    const char *response[DESIGN_PLANES]; /* CSV, mm/A: the machine; NULL: as the design */
    uint32_t modes;                      /* truncated to so many; 0: Tikhonov as configured */
    double size[MISMATCH_KINDS];
    uint32_t trials; /* machines per kind of error */
    uint64_t seed;
};

/* Machines with one kind of error. */
struct design_mismatch {
    double size;
    uint32_t n_trial, n_stable;
    uint32_t n_never;  /* machines with a mode of the wrong sign: unstable for any gain */
    double worst_peak; /* of |S|, over the stable ones */
    double least_real; /* smallest real part of an eigenvalue over all */
};

struct design_plane {
    uint32_t n_row, n_col, n_mode;
    double *r, *k, *truth;       /* [n_row][n_col], [n_col][n_row], [n_row][n_col] */
    struct stability_mode *mode; /* [n_mode] */
    struct margin *margin;       /* [n_mode] on a machine like the design, quick */
    double complex *lambda;      /* [n_col] on the machine without errors */
    struct stability nominal;
    double noise_static; /* rad rms of a corrector per m of BPM noise, one static correction */
    double noise_closed; /* ... in closed loop, per m rms of one reading */
    struct design_mismatch mismatch[MISMATCH_KINDS];
    bool enough; /* margins as demanded, and stable with every error asked for */
};

struct design {
    struct design_request request;
    struct inputs inputs;
    struct margin_loop loop[DESIGN_PLANES];
    struct margin_need need;
    struct design_plane plane[DESIGN_PLANES]; /* n_col 0: there are no such correctors */
    bool enough;
};

const char *mismatch_name(enum mismatch_kind kind);

/* Reads everything and makes the inverses. Faults of the files are printed to stderr. */
MUST_USE enum rc design_load(struct design *design, const struct design_request *request);

/* RC_NUMERIC: eigenvalues; RC_INPUT: an error that a matrix from a file cannot have (tune,
 * beta). */
MUST_USE enum rc design_compute(struct design *design);

/* One that was not loaded is fine, if zeroed. */
void design_free(struct design *design);

#endif
