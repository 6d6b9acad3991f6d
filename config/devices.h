/* The machine's device table: BPMs, correctors and RF, their PVs and conversions.
 *
 * A JSON file, read by libyaml (JSON is YAML), so that a fault has its line. Correctors come
 * out H first, then V, in the file's order; that order is the order of columns everywhere, the
 * BPMs' order that of rows. Polarity lives here: in the sign of rad_per_a and of a BPM's gain.
 */
#ifndef ORBIT_CONFIG_DEVICES_H
#define ORBIT_CONFIG_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg.h"
#include "rt/base/rc.h"

enum {
    DEVICE_NAME_SIZE = 32,
    DEVICE_PV_SIZE = 64,
    DEVICES_MAX_BPM = 1024,
    DEVICES_MAX_CORRECTOR = 1023 /* one column is left for RF */
};

/* A PV, or one element of a waveform PV ("NAME[k]" in the file). */
struct device_pv {
    char name[DEVICE_PV_SIZE]; /* without the machine's prefix; empty: none */
    int64_t element;           /* -1: a scalar */
};

struct bpm_device {
    char name[DEVICE_NAME_SIZE];
    struct device_pv pv_x, pv_y;
    double m_per_unit; /* of the PVs: nm, um, mm or m */
    double offset_x_m, offset_y_m, gain_x, gain_y, roll_rad;
};

enum corrector_plane { PLANE_H, PLANE_V };

struct corrector_device {
    char name[DEVICE_NAME_SIZE];
    char class_name[DEVICE_NAME_SIZE]; /* "slow" or "fast" */
    char element[DEVICE_NAME_SIZE];    /* of the lattice */
    enum corrector_plane plane;
    struct device_pv pv_set, pv_readback;
    double rad_per_a; /* signed */
    double limit_a, resolution_a, rate_a_per_s;
};

struct rf_device {
    char name[DEVICE_NAME_SIZE];
    struct device_pv pv_set, pv_readback;
    double hz_per_unit; /* Hz, kHz or MHz */
};

struct devices {
    char machine[DEVICE_NAME_SIZE];
    double energy_gev;
    uint64_t n_bpm, n_h, n_v, n_rf;     /* n_rf is 0 or 1 */
    struct bpm_device *bpm;             /* [n_bpm] */
    struct corrector_device *corrector; /* [n_h + n_v] */
    struct rf_device rf;
    uint64_t hash;
};

/* Reads a table. RC_INPUT with the first fault as text, "file:line:column: attribute: reason";
 * RC_NOMEM. *devices is empty on failure. */
MUST_USE enum rc devices_load(struct devices *devices, const char *path);

/* The same with every fault added to *faults; from a file, or from memory with `path` as its
 * name. */
MUST_USE enum rc devices_load_faults(struct devices *devices, const char *path,
                                     struct cfg_faults *faults);
MUST_USE enum rc devices_parse(struct devices *devices, const void *text, size_t size_b,
                               const char *path, struct cfg_faults *faults);

void devices_free(struct devices *devices);

/* FNV-1a over what programs must agree on: names, order, planes, factors. */
uint64_t devices_hash(const struct devices *devices);

/* Index, or -1. */
int devices_find_bpm(const struct devices *devices, const char *name);
int devices_find_corrector(const struct devices *devices, const char *name);

/* A row ("BPM7 x, PV RING:BPM7:x") or a column ("HS4, PV HS4:set") as people know it; out of
 * range: its index. */
void devices_describe(const struct devices *devices, bool row, uint64_t index, char *text,
                      size_t size);

#endif
