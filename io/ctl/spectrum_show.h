/* What orbitctl spectrum and orbitctl replay --law give beside their tables: JSON and pictures.
 */
#ifndef ORBIT_IO_CTL_SPECTRUM_SHOW_H
#define ORBIT_IO_CTL_SPECTRUM_SHOW_H

#include <stdint.h>

#include "io/replay/motion.h"
#include "rt/base/rc.h"

/* On standard output; `most` modes per plane. A figure that does not exist is null. */
void spectrum_print_json(const struct motion *motion, uint64_t most);

/* Root of the mean density over the good BPMs against frequency, per plane, with kicks and
 * without. path ends in .svg or .png. RC_SYS, RC_NOMEM. */
MUST_USE enum rc spectrum_draw(const struct motion *motion, const char *path);

#endif
