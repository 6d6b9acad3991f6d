/* UDP streams of the loop: the file udp.map, orbit-streams(5).
 *
 * Four lists: inputs are sockets that deliver the frames of a source, bpms say which BPM is
 * which in them, outputs are devices that take set points, supplies say which corrector is
 * which there. Every fault is reported with its line.
 */
#ifndef ORBIT_CONFIG_STREAMS_H
#define ORBIT_CONFIG_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/devices.h"
#include "config/entry.h"

enum { STREAMS_MAX_OUTPUT = 16 };

struct streams_address {
    uint32_t host; /* IPv4, host order; 0: none */
    uint16_t port;
};

struct streams_input {
    char source[ENTRY_NAME_SIZE];
    int format; /* enum bpm_format */
    struct streams_address listen, from;
    double sum_nominal;
    int64_t counter_step;
};

struct streams_bpm {
    char source[ENTRY_NAME_SIZE], bpm[ENTRY_NAME_SIZE];
    uint64_t input, device; /* found by these names */
    int64_t id;             /* -1: by `from` */
    struct streams_address from;
};

struct streams_output {
    char name[ENTRY_NAME_SIZE];
    int format; /* enum supply_format */
    struct streams_address send, listen;
    int64_t device; /* what it must say it is */
    double timeout_ms;
    bool write;
};

struct streams_supply {
    char output[ENTRY_NAME_SIZE], corrector[ENTRY_NAME_SIZE];
    uint64_t index, column; /* found by these names */
    int64_t supply;
};

struct streams {
    uint64_t n_input, n_bpm, n_output, n_supply;
    struct streams_input *input;
    struct streams_bpm *bpm;
    struct streams_output *output;
    struct streams_supply *supply;
};

/* RC_INPUT with every fault in *faults and the first as text; RC_NOMEM. *streams is empty on
 * failure. */
MUST_USE enum rc streams_load(struct streams *streams, const char *path,
                              const struct devices *devices, struct cfg_faults *faults);
MUST_USE enum rc streams_parse(struct streams *streams, const void *text, size_t size_b,
                               const char *path, const struct devices *devices,
                               struct cfg_faults *faults);
void streams_free(struct streams *streams);

/* Input of a source, or NULL: it comes by a gateway. */
const struct streams_input *streams_find_input(const struct streams *streams,
                                               const char *source);

#endif
