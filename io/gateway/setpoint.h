/* One set point of a power converter: its conversion, what we wrote, and whether somebody else
 * wrote since. Values are in the device's unit (A), kicks in rad.
 *
 * What shows something else than what we wrote last, by more than 1.5 steps, was changed by
 * another master: `foreign` until setpoint_forget(). Before our first write of an arming found
 * values are only followed. */
#ifndef ORBIT_IO_GATEWAY_SETPOINT_H
#define ORBIT_IO_GATEWAY_SETPOINT_H

#include <stdbool.h>

struct setpoint {
    double kick_per_unit; /* signed */
    double limit, step;   /* 0: none */
    bool wrote;           /* in the present arming */
    bool foreign, clamped;
    double written, written_before;
};

/* What was written is history: from here on values are only followed. */
void setpoint_forget(struct setpoint *setpoint);

/* true: *value, within the limit and on a step, is to be written, `found` being what the device
 * has if nothing was written yet. false: not finite, foreign, or no change of half a step. */
bool setpoint_is_due(struct setpoint *setpoint, double kick, double found, double *value);

/* `value` went out; `found` as above. */
void setpoint_note(struct setpoint *setpoint, double value, double found);

/* The last write has no answer: if the device shows what was there before, that is what we
 * wrote last. */
void setpoint_resolve(struct setpoint *setpoint, double found);

/* Judges what the device shows. may_be_old: what was written before may still be seen. */
void setpoint_watch(struct setpoint *setpoint, double found, bool may_be_old);

#endif
