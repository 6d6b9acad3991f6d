/* Response matrices from elsewhere: measured ones, in CSV.
 *
 * One line a BPM, one column a corrector, numbers separated by commas; a first line of names
 * and lines that begin with '#' are passed over. In mm/A, as operators measure; with the
 * conversions of the correctors it becomes m/rad.
 */
#ifndef ORBIT_MODEL_ENGINE_EXTERNAL_H
#define ORBIT_MODEL_ENGINE_EXTERNAL_H

#include <stdint.h>

#include "config/devices.h"
#include "rt/base/attr.h"
#include "rt/base/rc.h"

struct external_matrix {
    uint32_t n_row, n_col;
    double *value; /* [n_row][n_col] */
};

/* RC_SYS: not readable; RC_INPUT: "file:line: reason" for a cell that is not a finite number, a
 * line of another length, a column or a row of zeros, or nothing at all. */
MUST_USE enum rc external_matrix_load(struct external_matrix *matrix, const char *path);
void external_matrix_free(struct external_matrix *matrix);

/* From mm/A to m/rad; plane_h: its columns are the devices' H correctors, else V. RC_INPUT:
 * another number of columns. */
MUST_USE enum rc external_matrix_to_rad(struct external_matrix *matrix,
                                        const struct devices *devices, bool plane_h,
                                        const char *path);

#endif
