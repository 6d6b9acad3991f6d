/* From what a BPM says to where the beam is, in the frame of the ring:
 *
 *   p = gain raw - offset       for each plane, raw in m
 *   x = p_x cos(roll) + p_y sin(roll)
 *   y = p_y cos(roll) - p_x sin(roll)
 *
 * The sign of a gain is the polarity. */
#ifndef ORBIT_IO_GATEWAY_BPM_POSITION_H
#define ORBIT_IO_GATEWAY_BPM_POSITION_H

#include <stdint.h>

#include "config/devices.h"

/* value and quality [2 n_bpm], x first: turns raw positions of a BPM in m into its position.
 * With a roll each plane needs both readings, so that one bad reading spoils both. */
void bpm_position(const struct devices *devices, uint64_t bpm, double *value,
                  uint64_t *quality);

#endif
