/* A study as text, JSON, CSV and picture. */
#ifndef ORBIT_IO_CTL_SYSID_REPORT_H
#define ORBIT_IO_CTL_SYSID_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "io/ctl/sysid/study.h"

/* What the machine's answer to a step says, and the keys to take it over. */
void report_step(FILE *out, const struct study *study);

/* Of a run in one direction: the step, and at the line of a sine the answer against the model.
 */
void report_transfer(FILE *out, const struct study *study);

/* Response against the model; `all`: every corrector, else those beyond the check's limits. */
void report_response(FILE *out, const struct study *study, bool all);

json_t *report_json(const struct study *study);

/* The measured matrix, m/rad: a line of correctors, then one line a row (x, then y), with the
 * BPM's name first. RC_SYS. */
MUST_USE enum rc report_csv(const struct study *study, const char *path);

/* Mean answer to a step, and gain and correlation of every corrector. RC_SYS, RC_INPUT. */
MUST_USE enum rc report_draw(const struct study *study, const char *path);

#endif
