/* A BPM source that is a UDP stream: its socket, read by the loop itself. */
#ifndef ORBIT_RT_HAL_UDP_INPUT_H
#define ORBIT_RT_HAL_UDP_INPUT_H

#include "rt/hal/bpm_stream.h"
#include "rt/hal/udp_socket.h"

struct udp_input_setup {
    struct stream_setup stream;
    struct udp_address listen;
    uint32_t from; /* the only sender that is believed; 0: any (LIBERA_SPARK: those of its
                      BPMs) */
};

struct udp_input;

/* Opens the socket. RC_RANGE as bpm_stream_create, RC_SYS (in use, no such address), RC_NOMEM.
 */
MUST_USE enum rc udp_input_create(struct udp_input **input,
                                  const struct udp_input_setup *setup);
void udp_input_destroy(struct udp_input *input); /* NULL is fine */

/* Takes what has arrived, without waiting. true: a frame is ready. */
RT_SAFE bool udp_input_poll(struct udp_input *input);

RT_SAFE struct bpm_stream *udp_input_stream(struct udp_input *input);

/* Port that it listens on. */
uint16_t udp_input_port(const struct udp_input *input);

#endif
