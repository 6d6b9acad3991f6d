/* BPM positions out of datagrams. Pure.
 *
 * Layouts, with their origin: Libera Grouping as the fa-archiver and SESAME's feedback read it
 * (both orders of counter and status are in use); Libera Spark and the HZB concentrator as
 * BESSY II's capture programs read them; Diamond's Communication Controller as its VHDL sends
 * it. All positions are int32 in nm. What has no validity flag is not valid where it is zero in
 * both planes: that is what a silent BPM looks like.
 */
#ifndef ORBIT_RT_HAL_BPM_DATAGRAM_H
#define ORBIT_RT_HAL_BPM_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/datagram_format.h"

enum { DATAGRAM_MAX_B = 4096, DATAGRAM_MAX_SAMPLE = 256, DATAGRAM_MAX_ID = 1024, HZB_BPMS = 7 };

struct bpm_sample {
    uint32_t id; /* 0 for LIBERA_SPARK, whose sender tells */
    int32_t x_nm, y_nm;
    int32_t sum;      /* 0: the format has none */
    uint64_t quality; /* enum quality */
};

/* One datagram; its samples belong to one moment, told by the counter. */
struct bpm_datagram {
    uint64_t counter; /* bits: bpm_counter_bits() */
    size_t n;
    size_t n_bad; /* records left out: they contradict themselves or the others */
    struct bpm_sample sample[DATAGRAM_MAX_SAMPLE];
};

enum bpm_verdict {
    BPM_GOOD,
    BPM_SIZE,   /* no datagram of this format has this size */
    BPM_CONTENT /* nothing in it makes sense */
};

/* *out is undefined unless BPM_GOOD. */
RT_SAFE enum bpm_verdict bpm_decode(enum bpm_format format, const uint8_t *byte, size_t size_b,
                                    struct bpm_datagram *out);

/* Width of the format's counter, 16 or 32. */
RT_SAFE unsigned bpm_counter_bits(enum bpm_format format);

#endif
