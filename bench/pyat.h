/* pyAT in a process of its own, one command at a time (bench/pyat.py). */
#ifndef ORBIT_BENCH_PYAT_H
#define ORBIT_BENCH_PYAT_H

#include <stdio.h>
#include <sys/types.h>

#include <jansson.h>

#include "rt/base/rc.h"

struct pyat {
    pid_t pid; /* 0: not there */
    FILE *to, *from;
    char why_not[160]; /* said by a report whose yardstick is missing */
};

/* Starts the Python that $ORBIT_BENCH_PYTHON names, on one thread. Without it pyat.why_not
 * tells why and the other functions fail. */
void pyat_open(struct pyat *pyat);
void pyat_close(struct pyat *pyat);

/* Sends a line, reads the answer: an object with "seconds" and results. RC_GONE, RC_INPUT. */
MUST_USE enum rc pyat_ask(struct pyat *pyat, json_t **answer, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
