/* Any bytes as datagrams of any format: the first byte chooses the format, each datagram begins
 * with its length and its sender. Every value of every frame is finite, no position comes from
 * a datagram that was refused, and every datagram is accounted for. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "rt/hal/bpm_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_BPM = 4 };

static void must(int holds)
{
    if (!holds)
        abort();
}

static void look_at(struct bpm_stream *stream, uint64_t *last_seq)
{
    struct frame_view view;

    if (!bpm_stream_read(stream, &view))
        return;
    must(view.head.frame_seq > *last_seq && view.head.n_value == 2 * N_BPM);
    *last_seq = view.head.frame_seq;
    for (unsigned row = 0; row < 2 * N_BPM; row++)
        must(isfinite(view.value[row]) && isfinite(view.aux[row]));
}

static uint64_t refused(const struct bpm_stream *stream)
{
    const uint64_t *counter = bpm_stream_counters(stream);

    return counter[SOURCE_SIZE] + counter[SOURCE_CONTENT];
}

static void feed(struct bpm_stream *stream, const uint8_t *data, size_t size)
{
    uint64_t n = 0, last_seq = 0;

    for (size_t at = 0; at + 3 <= size; n++) {
        size_t length = data[at] | (size_t) data[at + 1] << 8;
        uint32_t sender = data[at + 2];
        uint64_t before = refused(stream);

        at += 3;
        length = length < size - at ? length : size - at;
        (void) bpm_stream_take(stream, data + at, length, sender, (int64_t) n + 1);
        must(refused(stream) - before <= DATAGRAM_MAX_SAMPLE);
        look_at(stream, &last_seq);
        at += length;
    }
    must(bpm_stream_counters(stream)[SOURCE_DATAGRAMS] == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream_bpm bpm[N_BPM];
    struct stream_setup setup = {.counter_step = 1,
                                 .sum_nominal = 1000,
                                 .n_bpm = N_BPM,
                                 .n_stream_bpm = N_BPM,
                                 .bpm = bpm};
    struct bpm_stream *stream;

    if (size == 0)
        return 0;
    setup.format = data[0] % BPM_FORMAT_COUNT;
    for (uint32_t i = 0; i < N_BPM; i++)
        bpm[i] = (struct stream_bpm){
            .bpm = i, .id = i, .sender = i, .transform = {.xx = 1e-9, .yy = 1e-9}};
    must(bpm_stream_create(&stream, &setup) == RC_OK);
    feed(stream, data + 1, size - 1);
    bpm_stream_destroy(stream);
    return 0;
}
