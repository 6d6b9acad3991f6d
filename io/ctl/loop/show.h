/* A design as text, JSON and picture. */
#ifndef ORBIT_IO_CTL_LOOP_SHOW_H
#define ORBIT_IO_CTL_LOOP_SHOW_H

#include <stdio.h>

#include "io/ctl/loop/design.h"

void design_print(FILE *out, const struct design *design);
void design_print_json(const struct design *design);

/* |S| of the strongest, a middle and the weakest mode, and the margins' demand. RC_SYS,
 * RC_INPUT as figure_open. */
MUST_USE enum rc design_draw(const struct design *design, const char *path);

#endif
