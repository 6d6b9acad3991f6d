#include "rt/hal/udp_input.h"

#include <stdlib.h>

#include "rt/base/clock.h"

/* Batches of one poll: more than a period brings, and still bounded under a flood. */
enum { MAX_BATCHES = 4 };

struct udp_input {
    struct udp_socket socket;
    struct bpm_stream *stream;
    uint32_t from;
};

enum rc udp_input_create(struct udp_input **out, const struct udp_input_setup *setup)
{
    struct udp_input *input = calloc(1, sizeof *input);
    enum rc rc;

    *out = NULL;
    if (!input)
        return err_set(RC_NOMEM, "no memory for a stream");
    input->socket.fd = -1;
    input->from = setup->from;
    rc = bpm_stream_create(&input->stream, &setup->stream);
    if (rc == RC_OK)
        rc = udp_socket_open(&input->socket, &setup->listen);
    if (rc != RC_OK) {
        udp_input_destroy(input);
        return rc;
    }
    *out = input;
    return RC_OK;
}

void udp_input_destroy(struct udp_input *input)
{
    if (!input)
        return;
    udp_socket_close(&input->socket);
    bpm_stream_destroy(input->stream);
    free(input);
}

static RT_SAFE void take(struct udp_input *input, int i, int64_t now_ns)
{
    struct udp_datagram datagram = udp_socket_datagram(&input->socket, i);

    if (input->from && datagram.sender.host != input->from)
        bpm_stream_count(input->stream, SOURCE_UNKNOWN, 1);
    else
        (void) bpm_stream_take(input->stream, datagram.byte, datagram.size_b,
                               datagram.sender.host, now_ns);
}

bool udp_input_poll(struct udp_input *input)
{
    int n = UDP_BATCH;

    for (int batch = 0; batch < MAX_BATCHES && n == UDP_BATCH; batch++) {
        n = udp_socket_receive(&input->socket);
        if (n == 0)
            break;
        int64_t now_ns = clock_mono_ns();
        uint32_t dropped = udp_socket_new_drops(&input->socket, n);

        for (int i = 0; i < n; i++)
            take(input, i, now_ns);
        bpm_stream_count(input->stream, SOURCE_DROPPED, dropped);
    }
    return bpm_stream_has_frame(input->stream);
}

struct bpm_stream *udp_input_stream(struct udp_input *input)
{
    return input->stream;
}

uint16_t udp_input_port(const struct udp_input *input)
{
    return input->socket.port;
}
