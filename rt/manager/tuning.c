#include "rt/manager/tuning.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/reference.h"
#include "model/engine/law_cfg.h"
#include "rt/manager/ff_file.h"

static int64_t ms_to_ns(double ms)
{
    return (int64_t) (ms * 1e6);
}

static struct law_energy_settings energy_from_cfg(const struct cfg *cfg)
{
    static const enum law_energy_removal removal[] = {ENERGY_REMOVED_WITH_RF, ENERGY_REMOVED,
                                                      ENERGY_KEPT};

    return (struct law_energy_settings){.drive = cfg->energy_drive_rf,
                                        .removal = removal[cfg->energy_removal],
                                        .gain = cfg->energy_gain,
                                        .deadband_hz = cfg->energy_deadband_hz,
                                        .step_hz = cfg->energy_step_hz,
                                        .window_hz = cfg->energy_window_hz,
                                        .period_ns = ms_to_ns(1e3 * cfg->energy_period_s)};
}

/* How often in a row a condition must be missing: the table's expression of cfg. */
static void set_patience(struct tuning *tuning, const struct cfg *cfg)
{
    const int64_t at_once = 1;

#define CONDITION(id, clock, count, effect, offends, wrong, remedy)                            \
    tuning->patience[COND_##id] = (uint64_t) (count);
#include "rt/loop/conditions.def"
#undef CONDITION
}

struct tuning tuning_from_cfg(const struct cfg *cfg)
{
    struct tuning tuning = {
        .drive_h = cfg->law_horizontal,
        .drive_v = cfg->law_vertical,
        .every = (uint64_t) cfg->law_every,
        .law = law_from_cfg(cfg),
        .energy = energy_from_cfg(cfg),
        .offload = {.gain = cfg->offload_gain,
                    .period_ns = ms_to_ns(1e3 / cfg->offload_rate_hz)},
        .capture = {.orbit_m = cfg->capture_orbit_m,
                    .gain = cfg->capture_gain,
                    .step_scale = cfg->capture_step_scale,
                    .trip_orbit_m = cfg->capture_trip_orbit_m},
        .reference_kicks = cfg->law_reference_kicks == 1 ? KICKS_OF_CLOSING : KICKS_ZERO,
        .pull_to_reference = cfg->law_regularisation == 1,
        .ramp_ns = ms_to_ns(1e3 * cfg->law_ramp_s),
        .slew_m_per_s = cfg->reference_slew_m_per_s,
        .inhibit_tail_ns = ms_to_ns(cfg->inhibit_tail_ms),
        .inhibit_max_ns = ms_to_ns(1e3 * cfg->inhibit_max_s),
        .max_saturated = (uint64_t) cfg->law_max_saturated,
        .gain_blank = (uint64_t) cfg->bpm_gain_blank,
        .max_masked = (uint64_t) cfg->bpm_max_masked,
        .trip_count = (uint64_t) cfg->trip_count,
        .readback_tolerance_rad = cfg->law_readback_tolerance_rad,
        .bpm_max_m = cfg->bpm_max_m,
        .bpm_min_sum = cfg->bpm_min_sum,
        .min_current_a = cfg->beam_min_current_a,
        .trip_orbit_m = cfg->trip_orbit_m,
        .bpm_max_age_ns = ms_to_ns(cfg->source_bpm_max_age_ms),
        .actuator_max_age_ns = ms_to_ns(cfg->source_actuator_max_age_ms),
        .actuator_pole_hz = cfg->actuator_pole_hz,
        .response_delay_ns = ms_to_ns(cfg->actuator_delay_ms + cfg->bpm_delay_ms),
        .fast_delay_ns = ms_to_ns(law_actuator_delay_ms(cfg) + cfg->bpm_delay_ms),
        .arm_timeout_ns = ms_to_ns(cfg->arm_timeout_s * 1e3),
        .hold_max_ns = ms_to_ns(cfg->hold_max_s * 1e3),
        .hold_settle_ns = ms_to_ns(cfg->hold_settle_s * 1e3),
        .lease_min_ns = ms_to_ns(cfg->lease_min_ms),
        .lease_law_periods = (uint64_t) cfg->lease_law_periods,
        .virtual_loop = cfg->law_virtual,
        .mask_misfits = cfg->innovation_mask,
        .mask_z = cfg->innovation_mask_z,
        .mask_min_m = cfg->innovation_mask_min_m,
        .model_error = cfg->innovation_model_error,
        .mask_count = (uint64_t) cfg->innovation_mask_count,
        .release_count = (uint64_t) cfg->innovation_release_count,
        .noise_frames = (uint64_t) cfg->innovation_noise_frames,
        .baseline_frames = (uint64_t) cfg->innovation_baseline_frames,
    };

    tuning.at_trip[0] = (uint64_t) cfg->trip_slow;
    tuning.at_trip[1] = (uint64_t) cfg->trip_fast;
    tuning.return_rad_s = cfg->trip_return_rad_s;
    set_patience(&tuning, cfg);
    return tuning;
}

static enum rc disable_bpms(struct params *p, const struct cfg *cfg,
                            const struct devices *devices)
{
    memset(p->row_disabled, 0, dims_n_row(&p->dims) * sizeof *p->row_disabled);
    for (size_t i = 0; i < cfg->ring_disabled_bpms.count; i++) {
        const char *name = cfg->ring_disabled_bpms.name[i];
        int index = devices_find_bpm(devices, name);

        if (index < 0)
            return err_set(RC_INPUT, "ring.disabled_bpms: there is no BPM %s", name);
        p->row_disabled[index] = QUALITY_DISABLED;
        p->row_disabled[p->dims.n_bpm + (uint64_t) index] = QUALITY_DISABLED;
    }
    return RC_OK;
}

/* The RF is never the law's; without a channel of its own its column counts as disabled for
 * everything but prediction. */
static enum rc disable_correctors(struct params *p, const struct cfg *cfg,
                                  const struct devices *devices)
{
    uint64_t n_kick = p->dims.n_h + p->dims.n_v;

    memset(p->col_disabled, 0, dims_n_col(&p->dims) * sizeof *p->col_disabled);
    for (uint64_t col = n_kick; col < dims_n_col(&p->dims); col++)
        p->col_disabled[col] = cfg->energy_drive_rf ? 0 : QUALITY_DISABLED;
    for (size_t i = 0; i < cfg->ring_disabled_correctors.count; i++) {
        const char *name = cfg->ring_disabled_correctors.name[i];
        int index = devices_find_corrector(devices, name);

        if (index < 0)
            return err_set(RC_INPUT, "ring.disabled_correctors: there is no corrector %s",
                           name);
        p->col_disabled[index] = QUALITY_DISABLED;
    }
    return RC_OK;
}

static void set_limits(struct params *p, const struct cfg *cfg, const struct devices *devices)
{
    const double gain[2] = {cfg->law_gain_h, cfg->law_gain_v};
    uint64_t n_kick = p->dims.n_h + p->dims.n_v;

    for (uint64_t col = 0; col < dims_n_col(&p->dims); col++) {
        const struct corrector_device *c = col < n_kick ? &devices->corrector[col] : NULL;
        double limit = c ? fabs(c->rad_per_a) * c->limit_a : (double) INFINITY;

        p->lower[col] = -limit;
        p->upper[col] = limit;
        p->fast[col] = c && strcmp(c->class_name, "fast") == 0;
        p->pole_hz[col] = p->fast[col] && cfg->actuator_fast_pole_hz > 0.0
                              ? cfg->actuator_fast_pole_hz
                              : p->tuning.actuator_pole_hz;
        p->law_gain[col] = gain[col >= p->dims.n_h];
    }
}

/* A law that steps faster than its set points get out would count with kicks that never were.
 * Where the gateway writes whole blocks as they come (UDP), there is nothing to outrun. */
static enum rc check_rate(const struct cfg *cfg)
{
    double law_hz = cfg->law_frame_hz / (double) cfg->law_every;
    double write_hz =
        cfg->fieldbus_actuator_source[0] ? cfg->fieldbus_write_hz : cfg->epics_write_hz;

    if (cfg->udp_actuator_source[0] || law_hz <= 1.001 * write_hz)
        return RC_OK;
    return err_set(
        RC_RANGE,
        "law.every %ld: the law would step %g times a second, %s lets set points out %g "
        "times",
        cfg->law_every, law_hz,
        cfg->fieldbus_actuator_source[0] ? "fieldbus.write_hz" : "epics.write_hz", write_hz);
}

/* Zero is the right kick of a trim only: others carry what the closed orbit needs. */
static enum rc check_trims(const struct cfg *cfg)
{
    bool slow = cfg->trip_slow == AT_TRIP_ZERO && !cfg->trip_slow_trim;
    bool fast = cfg->trip_fast == AT_TRIP_ZERO && !cfg->trip_fast_trim;

    if (!slow && !fast)
        return RC_OK;
    return err_set(RC_INPUT, "trip.%s zero: only for trims, which trip.%s_trim says they are",
                   slow ? "slow" : "fast", slow ? "slow" : "fast");
}

enum rc tuning_apply(struct params *p, const struct cfg *cfg, const struct devices *devices,
                     const struct check *check)
{
    enum rc rc = disable_bpms(p, cfg, devices);

    p->tuning = tuning_from_cfg(cfg);
    set_limits(p, cfg, devices);
    if (rc == RC_OK)
        rc = disable_correctors(p, cfg, devices);
    if (rc == RC_OK && cfg->ring_reference[0] != '\0')
        rc = reference_load(p->reference_m, devices, cfg->ring_reference);
    else if (rc == RC_OK)
        memset(p->reference_m, 0, dims_n_row(&p->dims) * sizeof *p->reference_m);
    p->unchecked_col = check_first_bad(check, cfg, devices);
    memset(&p->ff, 0, sizeof p->ff);
    if (rc == RC_OK)
        rc = check_rate(cfg);
    if (rc == RC_OK)
        rc = check_trims(cfg);
    if (rc == RC_OK && cfg->feedforward_tables[0] != '\0')
        rc = ff_load(&p->ff, p->ff_value, cfg, devices, cfg->feedforward_tables);
    return rc == RC_OK ? params_make_law(p) : rc;
}
