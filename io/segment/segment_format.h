/* Segment files: records one behind the other, nothing else.
 *
 *   record   = struct segment_record, payload [length_b], zero bytes up to a multiple of 8
 *   crc      = CRC-32C of the first 20 bytes of the head, the payload and the zero bytes
 *   file     = FOLDER/<number of its first record, 20 digits>.seg
 *
 * Numbers grow by one from record to record of a folder; a gap is a number of records that were
 * lost (no room, a fault of the disk). All integers are little-endian.
 *
 * What a crash leaves: bytes reach the file in order, in whole buffers, and a buffer that was
 * cut off fails its last record's length or checksum. So a reader that stops at the first bad
 * record has read every record that was complete, and all of those that a return of
 * segment_log_sync() covers.
 */
#ifndef ORBIT_IO_SEGMENT_SEGMENT_FORMAT_H
#define ORBIT_IO_SEGMENT_SEGMENT_FORMAT_H

#include <stdint.h>

#define SEGMENT_MAGIC  0x4745534fu /* "OSEG" */
#define SEGMENT_SUFFIX ".seg"

enum { SEGMENT_MAX_PAYLOAD_B = 4 << 20, SEGMENT_PATH_SIZE = 640, SEGMENT_NAME_DIGITS = 20 };

struct segment_record {
    uint32_t magic;
    uint32_t length_b; /* of the payload, <= SEGMENT_MAX_PAYLOAD_B */
    uint64_t number;   /* 1, 2, ... */
    uint32_t kind;     /* the user's */
    uint32_t crc;
};

enum { SEGMENT_HEAD_CRC_B = 20 };

/* Bytes in the file of a record with this payload. */
static inline uint64_t segment_record_size_b(uint64_t length_b)
{
    return sizeof(struct segment_record) + (length_b + 7) / 8 * 8;
}

#endif
