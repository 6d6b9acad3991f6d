/* BPM frames from readings. The pace is the link of the first BPM channel of the map: each of
 * its passes gives one frame, whose number is the pass's, so that a pass left out shows as a
 * loss. Values of other links keep their own times. Its own thread. */
#ifndef ORBIT_IO_MODBUS_BPM_SOURCE_H
#define ORBIT_IO_MODBUS_BPM_SOURCE_H

#include "config/devices.h"
#include "io/gateway/link.h"
#include "io/modbus/board.h"

struct bpm_source;

/* Arguments must outlive it. RC_INPUT: the map has no BPM; RC_NOMEM, RC_SYS. */
MUST_USE enum rc bpm_source_start(struct bpm_source **source, const struct register_map *map,
                                  const struct devices *devices, struct board *board,
                                  const struct link_spec *spec);
void bpm_source_stop(struct bpm_source *source); /* NULL is fine */

#endif
