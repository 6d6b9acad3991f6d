/* The files of parameter sets in the folder of all recordings, and which of them may go. */
#ifndef ORBIT_IO_STREAM_SET_FILES_H
#define ORBIT_IO_STREAM_SET_FILES_H

#include <dirent.h>
#include <stdint.h>

/* Not 0: its name is that of a set's file. For scandir(3). */
int set_files_match(const struct dirent *entry);

/* records: the folder of all recordings. The time of a set's file is when orbitd began to use
 * it last; it was in use until the time of the next one. Removes the sets that went out of use
 * an hour or more before now_ns (UTC), and before the oldest segment of the continuous
 * recording began, if there is one. The newest stays, and freezes have names of their own.
 * Where the age of that segment cannot be told nothing goes. Returns how many went. */
unsigned set_files_trim(const char *records, int64_t now_ns);

#endif
