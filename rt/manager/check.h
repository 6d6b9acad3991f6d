/* The check of polarity and gain that CLOSED needs: for every corrector, how its measured
 * response compares with the model's column.
 *
 * It is measured outside (orbitctl sysid check) and judged here, kept in the state folder with
 * the hash of the device table, and forgotten when that table changes: then polarities or
 * calibrations may be others. The manager's thread only.
 */
#ifndef ORBIT_RT_MANAGER_CHECK_H
#define ORBIT_RT_MANAGER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg.h"
#include "config/devices.h"
#include "rt/base/rc.h"

struct check_result {
    bool measured;
    double gain;        /* measured column on the model's: <m, r>/<r, r> */
    double correlation; /* cosine between both */
};

struct check {
    uint64_t device_hash, revision; /* of the device table; of the parameter set then in use */
    int64_t utc_s;                  /* when it was kept last; 0: never */
    struct check_result result[DEVICES_MAX_CORRECTOR];
};

/* Reads what was kept. A file that is not there, is of another device table or cannot be
 * understood leaves no result; the reason for the last two goes to `note`, else it is empty. */
void check_load(struct check *check, const struct cfg *cfg, const struct devices *devices,
                char *note, size_t note_size);

/* Keeps it. RC_SYS. */
MUST_USE enum rc check_save(const struct check *check, const struct cfg *cfg,
                            const struct devices *devices);

/* One measurement. RC_INPUT: no such corrector, or not finite numbers. */
MUST_USE enum rc check_put(struct check *check, const struct devices *devices, const char *name,
                           double gain, double correlation);

/* Measured, and within check.correlation, check.gain_low and check.gain_high. */
bool check_is_good(const struct check_result *result, const struct cfg *cfg);

/* First enabled corrector that is not good; UINT64_MAX: none, or none is demanded. */
uint64_t check_first_bad(const struct check *check, const struct cfg *cfg,
                         const struct devices *devices);

#endif
