/* A pure delay of n channels for a signal that is stepped at varying times: values are kept
 * with their time, and what is read is the newest one that is old enough (a zero-order hold).
 */
#ifndef ORBIT_MODEL_PLANT_DELAY_LINE_H
#define ORBIT_MODEL_PLANT_DELAY_LINE_H

#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

struct delay_line;

/* depth: how many past values are kept; choose longest delay over shortest step, plus two. */
MUST_USE enum rc delay_line_create(struct delay_line **line, uint32_t n, uint32_t depth);
void delay_line_destroy(struct delay_line *line);

/* Everything is as if `value` [n] had been there for ever. */
void delay_line_reset(struct delay_line *line, const double *value);

/* A new value [n] holds from t_s on. Times never go back; a full line drops its oldest value.
 */
void delay_line_push(struct delay_line *line, double t_s, const double *value);

/* Value [n] that held at t_s: the newest pushed at or before it, else the oldest kept. The
 * pointer stays good until the next push. */
const double *delay_line_at(const struct delay_line *line, double t_s);

/* Time of the first push after t_s; infinity: there is none. */
double delay_line_next_s(const struct delay_line *line, double t_s);

#endif
