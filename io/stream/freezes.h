/* The folders of frozen recordings, "freeze-20261121T093000.123Z-hold": their names sort by
 * time.
 */
#ifndef ORBIT_IO_STREAM_FREEZES_H
#define ORBIT_IO_STREAM_FREEZES_H

#include <stddef.h>
#include <stdint.h>

/* Path of a new freeze in `folder`. reason: letters, digits, '-' and '_' stay, others become
 * '_'.
 */
void freezes_path(char *path, size_t size, const char *folder, int64_t utc_ns,
                  const char *reason);

/* Removes the oldest freezes beyond the newest `keep`; returns how many. */
unsigned freezes_trim(const char *folder, unsigned keep);

#endif
