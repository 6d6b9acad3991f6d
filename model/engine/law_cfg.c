#include "model/engine/law_cfg.h"

/* How often the law steps; 0: not known. */
static double law_period_s(const struct cfg *cfg)
{
    return cfg->law_frame_hz > 0.0 ? (double) cfg->law_every / cfg->law_frame_hz : 0.0;
}

/* Half of what is averaged lies before the newest frame, on average. */
static double law_delay_s(const struct cfg *cfg)
{
    double before_s =
        cfg->law_frame_hz > 0.0 ? 0.5 * (double) (cfg->law_every - 1) / cfg->law_frame_hz : 0.0;

    return 1e-3 * (cfg->actuator_delay_ms + cfg->bpm_delay_ms) + before_s;
}

struct law_settings law_from_cfg(const struct cfg *cfg)
{
    return (struct law_settings){
        .kind = cfg->law_kind == 1 ? LAW_IMC : LAW_PI,
        .kp = cfg->law_kp,
        .ki = cfg->law_ki,
        .bandwidth_hz = cfg->law_bandwidth_hz,
        .leak = cfg->law_leak,
        .lead_max = cfg->law_lead_max,
        .delay_s = law_delay_s(cfg),
        .period_s = law_period_s(cfg),
        .rate_limit = cfg->law_rate_limit_rad_s,
        .step_limit = cfg->law_step_limit_rad,
        .release = cfg->law_release_rad,
    };
}
