/* Frames of one BPM source out of its datagrams: who is there, who is missing, what was lost.
 * Pure: bytes and a time in, frames out; udp_input.h has the socket.
 *
 * A frame is complete once every BPM that is awaited is in it. One that is missing in
 * SILENT_FRAMES frames in a row is not awaited any more until it comes again. Newer data end a
 * frame that is not complete. What a frame lacks keeps its last value with QUALITY_STALE and
 * its old time; a BPM that never came is QUALITY_ABSENT.
 *
 * Counters: the next one up to MAX_GAP is taken, and a gap shows in frame_seq; one that was
 * there already is a duplicate; one that is a little older came late and is left out; any other
 * is a restart of the sender. LATE_IN_A_ROW late ones are a restart too. Where each BPM sends
 * for itself the counters are its own, and a frame is one round of all; counter_step must then
 * be known, because only it tells who lost something.
 */
#ifndef ORBIT_RT_HAL_BPM_STREAM_H
#define ORBIT_RT_HAL_BPM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/hal/bpm_datagram.h"
#include "rt/shm/frame.h"
#include "rt/shm/layout.h"

enum { SILENT_FRAMES = 16, MAX_GAP = 1000, LATE_IN_A_ROW = 3, STREAM_MAX_SENDER = 16 };

/* From what a BPM says in nm to where the beam is in m: x = xx X + xy Y + x0, and y alike. */
struct bpm_transform {
    double xx, xy, x0, yx, yy, y0;
};

/* One BPM of the source. */
struct stream_bpm {
    uint64_t bpm;    /* of the machine */
    uint32_t id;     /* in the datagrams; not LIBERA_SPARK */
    uint32_t sender; /* LIBERA_SPARK: IPv4 address, host order */
    struct bpm_transform transform;
};

struct stream_setup {
    enum bpm_format format;
    uint32_t counter_step; /* of consecutive datagrams; 0: not known, gaps are not counted */
    double sum_nominal;    /* 0: sums are not used */
    uint64_t source_id, n_bpm;
    uint64_t n_stream_bpm;
    const struct stream_bpm *bpm; /* [n_stream_bpm] */
};

struct bpm_stream;

/* Copies the setup. RC_RANGE: an id twice or beyond the format's; too many senders. RC_NOMEM.
 */
MUST_USE enum rc bpm_stream_create(struct bpm_stream **stream,
                                   const struct stream_setup *setup);
void bpm_stream_destroy(struct bpm_stream *stream); /* NULL is fine */

/* One datagram, received at now_ns. true: a new frame is ready. */
RT_SAFE bool bpm_stream_take(struct bpm_stream *stream, const uint8_t *byte, size_t size_b,
                             uint32_t sender, int64_t now_ns);

/* A frame is ready that was not delivered; when its last datagram came. */
RT_SAFE bool bpm_stream_has_frame(const struct bpm_stream *stream);
RT_SAFE int64_t bpm_stream_received_ns(const struct bpm_stream *stream);

/* Delivers the newest frame; the view holds until the next delivery. false: none is new. */
RT_SAFE bool bpm_stream_read(struct bpm_stream *stream, struct frame_view *view);

/* View before the first frame: pointers set, every quality QUALITY_ABSENT. */
void bpm_stream_view(const struct bpm_stream *stream, struct frame_view *view);

/* Written by the loop's thread with relaxed stores, any thread reads ([SOURCE_COUNTER_COUNT],
 * enum source_counter). */
const uint64_t *bpm_stream_counters(const struct bpm_stream *stream);

/* Counts for what happened outside: a refused sender, datagrams that the kernel dropped. */
RT_SAFE void bpm_stream_count(struct bpm_stream *stream, enum source_counter counter,
                              uint64_t n);

#endif
