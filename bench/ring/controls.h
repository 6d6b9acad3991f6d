/* What is set from outside while the virtual ring runs: set points of the machine, and its
 * settings and faults.
 *
 * Set points are single values and counted: tests prove with the counters that nothing was
 * written when nothing may be. Settings change as one set under a lock with a revision. Set by
 * any thread (the CA server's), taken by the update thread, which never waits.
 */
#ifndef ORBIT_BENCH_RING_CONTROLS_H
#define ORBIT_BENCH_RING_CONTROLS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/plant/bpm.h"
#include "rt/base/rc.h"

/* Single settings, SI units. */
enum setting {
    SETTING_BPM_NOISE_M, /* rms of one reading */
    SETTING_LINE_M,      /* rms orbit motion at 50 Hz */
    SETTING_DRIFT_M,     /* rms slow drift */
    SETTING_LIFETIME_S,  /* of the stored beam */
    SETTING_POLE_SCALE,  /* bandwidth of every corrector times this */
    SETTING_RATE_SCALE,  /* ramp of every corrector times this */
    SETTING_STEP_SCALE,  /* DAC step of every corrector times this; 0: none */
    SETTING_READBACK_A,  /* rms noise of a readback */
    /* Chance of a datagram to be lost, sent twice, sent after the next one, sent five samples
     * late, or to have a byte changed. */
    SETTING_UDP_LOST,
    SETTING_UDP_DUPLICATE,
    SETTING_UDP_REORDER,
    SETTING_UDP_LATE,
    SETTING_UDP_CORRUPT,
    SETTING_MODBUS_FAULT, /* enum modbus_fault */
    SETTING_COUNT
};

enum fault { FAULT_POLARITY, FAULT_FREEZE, FAULT_NAN, FAULT_SUM, FAULT_COUNT };

struct settings {
    uint32_t n_bpm, n_corrector;
    double value[SETTING_COUNT];
    struct plant_bpm_channel *bpm; /* [n_bpm]; noise is a single setting */
    double *gain_error;            /* [n_corrector] */
    bool *fault[FAULT_COUNT];      /* FAULT_POLARITY: [n_corrector], the others [n_bpm] */
};

/* Empty settings, all zero. */
MUST_USE enum rc settings_create(struct settings **settings, uint32_t n_bpm,
                                 uint32_t n_corrector);
void settings_destroy(struct settings *settings);
void settings_copy(struct settings *to, const struct settings *from);

/* Devices that a fault concerns. */
uint32_t settings_fault_size(const struct settings *settings, enum fault fault);

struct controls;

/* Keeps a copy of `initial`. rf_hz: frequency at the start. */
MUST_USE enum rc controls_create(struct controls **controls, const struct settings *initial,
                                 double rf_hz);
void controls_destroy(struct controls *controls);

/* Somebody put a set point: RC_RANGE if it is not finite. */
MUST_USE enum rc controls_put_corrector(struct controls *controls, uint32_t i, double set_a);
MUST_USE enum rc controls_put_rf(struct controls *controls, double rf_hz);

/* All correctors to zero and the RF to its start; not counted as writes. */
void controls_reset_kicks(struct controls *controls);

/* How often that was done. */
uint64_t controls_resets(const struct controls *controls);

double controls_corrector_a(const struct controls *controls, uint32_t i);
double controls_rf_hz(const struct controls *controls);

struct write_counts {
    uint64_t writes;                   /* set points put */
    int64_t last_utc_ns, last_mono_ns; /* of the last one; 0: none yet */
};

struct write_counts controls_writes(const struct controls *controls);

/* A stored current put from outside (A), for the update thread to take once; the newest wins.
 */
void controls_inject(struct controls *controls, double current_a);
bool controls_take_injection(struct controls *controls, double *current_a);

/* Settings: lock, change what controls_settings gives, unlock. Unlocking with `changed` raises
 * the revision. */
struct settings *controls_lock(struct controls *controls);
void controls_unlock(struct controls *controls, bool changed);

/* Copies the settings if they changed since *revision (start with 0) and nobody is changing
 * them now. */
bool controls_take_settings(struct controls *controls, uint64_t *revision,
                            struct settings *copy);

#endif
