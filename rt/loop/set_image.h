/* A parameter set in use as one block of bytes: matrices, tuning, references, limits. What is
 * made from those (packed kernels, terms of the law) is made again. The manager's thread, or a
 * replay's. */
#ifndef ORBIT_RT_LOOP_SET_IMAGE_H
#define ORBIT_RT_LOOP_SET_IMAGE_H

#include "rt/base/rc.h"
#include "rt/loop/params.h"

/* Most bytes that a set of these sizes takes, head included. */
uint64_t set_image_most_b(const struct orbit_dims *dims);

/* Fills image [set_image_most_b()]; revision and serial are left 0: params_publish() gives
 * them.
 */
void set_image_pack(struct set_head *image, struct params *params);

/* The same back into a slot, ready to be published. RC_INPUT: damaged, or of another layout or
 * other sizes; the slot is then to be abandoned. */
MUST_USE enum rc set_image_unpack(struct params *params, const struct set_head *image);

#endif
