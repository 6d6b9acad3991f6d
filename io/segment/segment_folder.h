/* The segment files of one folder, in order. Any thread; the folder may grow and shrink
 * meanwhile. */
#ifndef ORBIT_IO_SEGMENT_SEGMENT_FOLDER_H
#define ORBIT_IO_SEGMENT_SEGMENT_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "io/segment/segment_format.h"
#include "rt/base/rc.h"

struct segment_file {
    uint64_t first; /* number of its first record */
    uint64_t size_b;
};

struct segment_folder {
    size_t n;
    struct segment_file *file; /* [n], ascending */
};

/* Lists the segments; files of other names are passed over. RC_SYS: the folder cannot be read;
 * RC_NOMEM. *list is empty on failure. */
MUST_USE enum rc segment_folder_list(struct segment_folder *list, const char *path);
void segment_folder_free(struct segment_folder *list);

/* Path of the segment whose first record has this number. */
void segment_folder_path(char *path, size_t size, const char *folder, uint64_t first);

#endif
