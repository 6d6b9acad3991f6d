#include "model/engine/law_cfg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How often the law steps; 0: not known. */
static double law_period_s(const struct cfg *cfg)
{
    return cfg->law_frame_hz > 0.0 ? (double) cfg->law_every / cfg->law_frame_hz : 0.0;
}

double law_actuator_delay_ms(const struct cfg *cfg)
{
    return cfg->actuator_fast_delay_ms >= 0.0 ? cfg->actuator_fast_delay_ms
                                              : cfg->actuator_delay_ms;
}

/* Half of what is averaged lies before the newest frame, on average. */
static double law_delay_s(const struct cfg *cfg)
{
    double before_s =
        cfg->law_frame_hz > 0.0 ? 0.5 * (double) (cfg->law_every - 1) / cfg->law_frame_hz : 0.0;

    return 1e-3 * (law_actuator_delay_ms(cfg) + cfg->bpm_delay_ms) + before_s;
}

/* Numbers separated by blanks into value [most]; how many there are, which may be more than
 * most. What is no number is NaN. */
static uint64_t read_numbers(const char *text, double *value, uint64_t most)
{
    uint64_t n = 0;
    char *end;

    while (*(text += strspn(text, " ,")) != '\0') {
        double number = strtod(text, &end);
        bool whole = end != text && strchr(" ,", *end);

        if (n < most)
            value[n] = whole ? number : (double) NAN;
        n++;
        text += strcspn(text, " ,");
    }
    return n;
}

static void add_notches(struct law_settings *settings, const struct cfg *cfg)
{
    double f_hz[LAW_MAX_NOTCH];

    settings->n_notch = read_numbers(cfg->law_notch_hz, f_hz, LAW_MAX_NOTCH);
    for (uint64_t k = 0; k < settings->n_notch && k < LAW_MAX_NOTCH; k++)
        settings->notch[k] = (struct law_notch){.f_hz = f_hz[k],
                                                .width_hz = cfg->law_notch_width_hz,
                                                .depth = cfg->law_notch_depth};
}

static void add_harmonics(struct law_settings *settings, const struct cfg *cfg)
{
    double f_hz[LAW_MAX_HARMONIC];

    settings->n_harmonic = read_numbers(cfg->law_harmonic_hz, f_hz, LAW_MAX_HARMONIC);
    for (uint64_t h = 0; h < settings->n_harmonic && h < LAW_MAX_HARMONIC; h++)
        settings->harmonic[h] =
            (struct law_harmonic){.f_hz = f_hz[h], .width_hz = cfg->law_harmonic_width_hz};
}

struct law_settings law_from_cfg(const struct cfg *cfg)
{
    struct law_settings settings = {
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

    add_notches(&settings, cfg);
    add_harmonics(&settings, cfg);
    return settings;
}
