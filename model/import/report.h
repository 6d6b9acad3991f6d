/* What a format could not say: one line each, told to the user after a conversion. */
#ifndef ORBIT_MODEL_IMPORT_REPORT_H
#define ORBIT_MODEL_IMPORT_REPORT_H

#include <stdint.h>

#include "rt/base/attr.h"

enum { REPORT_MAX_LINES = 1000, REPORT_LINE_SIZE = 200 };

/* Start with all zero; not shared between threads. */
struct import_report {
    uint32_t n_line;                /* kept, at most REPORT_MAX_LINES */
    uint32_t n_more;                /* further ones, only counted */
    char (*line)[REPORT_LINE_SIZE]; /* [n_line] */
};

/* Adds a line unless it is there already. */
void import_report_add(struct import_report *report, const char *format, ...) PRINTF_LIKE(2, 3);

void import_report_free(struct import_report *report);

#endif
