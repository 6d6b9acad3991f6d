/* From the file of streams and the device table to what the loop's hal receives and sends. */
#ifndef ORBIT_RT_MANAGER_STREAMS_SETUP_H
#define ORBIT_RT_MANAGER_STREAMS_SETUP_H

#include "rt/manager/machine.h"

/* Opens the input of source.bpm[source]. RC_INPUT: udp.map has none for it; as
 * udp_input_create. */
MUST_USE enum rc streams_make_input(struct udp_input **input, const struct machine *machine,
                                    unsigned source);

/* Opens the outputs as source.actuator, and marks what is disabled. RC_INPUT: udp.map has none;
 * as udp_actuator_create. */
MUST_USE enum rc streams_make_actuator(struct udp_actuator **actuator,
                                       const struct machine *machine, unsigned source);

/* ring.disabled_correctors, as the configuration has it now. */
void streams_follow_config(struct machine *machine);

#endif
