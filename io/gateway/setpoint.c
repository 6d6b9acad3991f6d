#include "io/gateway/setpoint.h"

#include <math.h>

void setpoint_forget(struct setpoint *setpoint)
{
    setpoint->wrote = false;
    setpoint->foreign = false;
    setpoint->clamped = false;
}

/* What the power converter shall get: within its limit and on a DAC step. */
static double to_unit(struct setpoint *setpoint, double kick)
{
    double value = kick / setpoint->kick_per_unit;
    setpoint->clamped = setpoint->limit > 0 && fabs(value) > setpoint->limit;
    if (setpoint->clamped) {
        value = copysign(setpoint->limit, value);
    }
    return setpoint->step > 0 ? round(value / setpoint->step) * setpoint->step : value;
}

static double before(const struct setpoint *setpoint, double found)
{
    return setpoint->wrote ? setpoint->written : found;
}

bool setpoint_is_due(struct setpoint *setpoint, double kick, double found, double *value)
{
    double present = before(setpoint, found);
    /* NaN is the loop's word for a set point that is not its own. */
    if (!isfinite(kick)) {
        return false;
    }
    *value = to_unit(setpoint, kick);
    return isfinite(present) && !setpoint->foreign &&
           fabs(*value - present) >= 0.5 * setpoint->step && fabs(*value - present) > 0;
}

void setpoint_note(struct setpoint *setpoint, double value, double found)
{
    setpoint->written_before = before(setpoint, found);
    setpoint->written = value;
    setpoint->wrote = true;
}

static bool differs(const struct setpoint *setpoint, double a, double b)
{
    return fabs(a - b) > 1.5 * setpoint->step + 1e-12 * fabs(b);
}

void setpoint_resolve(struct setpoint *setpoint, double found)
{
    if (differs(setpoint, found, setpoint->written) &&
        !differs(setpoint, found, setpoint->written_before)) {
        setpoint->written = setpoint->written_before;
    }
}

void setpoint_watch(struct setpoint *setpoint, double found, bool may_be_old)
{
    if (!setpoint->wrote || setpoint->foreign || !differs(setpoint, found, setpoint->written)) {
        return;
    }
    setpoint->foreign = !may_be_old || differs(setpoint, found, setpoint->written_before);
}
