/* CRC-32C (Castagnoli polynomial 0x1edc6f41, reflected), as iSCSI (RFC 3720, appendix B.4) has
 * it. Finds every single burst of up to 32 wrong bits. Any thread. */
#ifndef ORBIT_IO_SEGMENT_CRC32C_H
#define ORBIT_IO_SEGMENT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC of what `crc` already stands for followed by size_b bytes; start with 0. */
uint32_t crc32c_add(uint32_t crc, const void *data, size_t size_b);

#endif
