/* A lattice file of any format that the readers know. */
#ifndef ORBIT_IO_CTL_RING_LATTICE_FILE_H
#define ORBIT_IO_CTL_RING_LATTICE_FILE_H

#include "io/ctl/args.h"
#include "model/import/import.h"

struct lattice_file {
    struct import_source source;
    struct import_report report;
    char *text;
};

/* Takes the format (the option's name is given), --use and --energy out. RC_INPUT, RC_RANGE. */
MUST_USE enum rc lattice_file_take(struct lattice_file *file, struct args *args,
                                   const char *format_option);

/* Reads; the format is that of the option, else what name and text look like. RC_SYS, RC_INPUT,
 * RC_RANGE with file, line and reason. The report has lines in both cases. */
MUST_USE enum rc lattice_file_read(struct lattice_file *file, const char *path,
                                   struct lattice **ring);

/* Prints the report on standard error. */
void lattice_file_tell(const struct lattice_file *file);

void lattice_file_free(struct lattice_file *file);

#endif
