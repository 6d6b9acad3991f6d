/* From the file of streams and the device table to what the loop's hal receives and sends. */
#ifndef ORBIT_RT_MANAGER_STREAMS_SETUP_H
#define ORBIT_RT_MANAGER_STREAMS_SETUP_H

#include "rt/manager/machine.h"

/* Opens the input of source.bpm[source]. RC_INPUT: udp.map has none for it; as
 * udp_input_create. */
MUST_USE enum rc streams_make_input(struct udp_input **input, const struct machine *machine,
                                    unsigned source);

#endif
