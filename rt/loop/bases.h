/* Bases of a parameter set, packed for the loop: what the beam can do at the BPMs (BASIS_X,
 * BASIS_Y: Q), and the modes in display (MODES_X, MODES_Y). Plane 0 is x, 1 is y.
 *
 * The display keeps its modes when new matrices come, so that amplitudes stay comparable, until
 * they are renewed by command. Part of struct params, with its threads and swaps.
 */
#ifndef ORBIT_RT_LOOP_BASES_H
#define ORBIT_RT_LOOP_BASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/loop/matvec.h"
#include "rt/shm/layout.h"

/* A matrix that a set need not carry; rows = 0: it does not. */
struct optional_matrix {
    double *a; /* [rows][cols], room for the largest shape */
    uint64_t rows, cols;
};

struct bases {
    uint64_t n_bpm;
    double left[2];                 /* share of one kick's orbit outside the basis */
    struct matvec onto[2], from[2]; /* Q^T, Q; valid where the set carries the basis */
    double *leverage;               /* [2 n_bpm] diagonal of Q Q^T */
    struct optional_matrix shown[2];
    struct matvec modes[2]; /* of the shown ones: transposed, [n_mode][n_bpm] */
    double *scratch;        /* [n_bpm][n_bpm] */
};

/* Bytes for dims, and where in `memory` (aligned, zeroed, kept by the caller) all lies. */
size_t bases_size_b(const struct orbit_dims *dims, enum matvec_storage storage);
MUST_USE enum rc bases_init(struct bases *bases, void *memory, const struct orbit_dims *dims,
                            enum matvec_storage storage);

/* Packs Q of both planes; optional: the set's, indexed by enum param_section_id. */
MUST_USE enum rc bases_pack(struct bases *bases, const struct optional_matrix *optional);

/* Makes the set's modes the shown ones; without `renew` only where none are shown yet. */
MUST_USE enum rc bases_show(struct bases *bases, const struct optional_matrix *optional,
                            bool renew);

/* Shown modes and `left` of another slot. */
MUST_USE enum rc bases_copy(struct bases *to, const struct bases *from);

#endif
