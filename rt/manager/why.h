/* WHY: why the loop is not closed, in the operator's words. */
#ifndef ORBIT_RT_MANAGER_WHY_H
#define ORBIT_RT_MANAGER_WHY_H

#include <stddef.h>
#include <stdint.h>

#include "config/devices.h"
#include "rt/shm/layout.h"

struct why_facts {
    enum loop_state state;
    uint64_t unmet, unmet_offender;
    uint64_t cause, cause_offender;
    enum timer_mode timer;
    uint64_t arm_id;     /* in TRIPPED not 0: correctors go back */
    uint64_t at_trip[2]; /* enum at_trip of slow and of fast correctors */
};

/* One line per condition that is unmet, after HOLD or a trip first the cause; "closed" when
 * closed. Always terminated; too long a text ends in "...". */
void why_write(const struct why_facts *facts, const struct devices *devices, char *text,
               size_t size);

/* The words for a set of conditions in one line, for the answer to a refused command. */
void why_list(uint64_t conditions, uint64_t offender, const struct devices *devices, char *text,
              size_t size);

#endif
