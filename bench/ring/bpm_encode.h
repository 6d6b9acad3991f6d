/* BPM readings as datagrams, the counterpart of rt/hal/bpm_datagram.h, written for itself.
 * Pure. */
#ifndef ORBIT_BENCH_RING_BPM_ENCODE_H
#define ORBIT_BENCH_RING_BPM_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/base/datagram_format.h"

enum { BPM_DATAGRAM_MAX_B = 4096, BPM_DATAGRAM_MAX = 256 };

struct bpm_word {
    uint32_t id;
    int32_t x_nm, y_nm, sum;
    bool valid;
};

/* One datagram of n BPMs (LIBERA_SPARK: one; HZB_CONCENTRATOR: ids 0 to 6). Returns its size.
 */
size_t bpm_encode(enum bpm_format format, uint32_t counter, const struct bpm_word *word,
                  size_t n, uint8_t byte[BPM_DATAGRAM_MAX_B]);

#endif
