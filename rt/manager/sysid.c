#include "rt/manager/sysid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"
#include "rt/manager/commands.h"
#include "rt/manager/tuning.h"

static const char *const kinds[EXCITE_KINDS] = {"sine", "prbs", "code"};

/* ---- plans --------------------------------------------------------------------------- */

static enum rc stage_plan(struct machine *m, const char *words)
{
    enum { LONGEST = 10000000 };
    char kind[8];
    unsigned long long levels, hold, code;

    if (sscanf(words, "%7s %llu %llu %llu", kind, &levels, &hold, &code) != 4)
        return err_set(RC_INPUT, "sysid plan sine|prbs|code LEVELS HOLD CODE");
    if (levels > LONGEST || hold > LONGEST || code > ORBIT_MAX_COL)
        return err_set(RC_RANGE,
                       "sysid plan: at most %d levels and law steps each, a code of %d",
                       LONGEST, ORBIT_MAX_COL);
    for (unsigned k = 0; k < EXCITE_KINDS; k++) {
        if (strcmp(kind, kinds[k]) != 0)
            continue;
        excite_plan_init(&m->plan, (enum excite_kind) k, dims_n_col(&m->dims));
        m->plan.n_level = levels;
        m->plan.hold = hold;
        m->plan.n_code = code;
        m->staged = true;
        return RC_OK;
    }
    return err_set(RC_INPUT, "sysid plan: sine, prbs or code, not '%s'", kind);
}

static enum rc stage_wave(struct machine *m, const char *words)
{
    char name[DEVICE_NAME_SIZE];
    double amplitude, a = 0, rate = 0, chirp = 0;
    int n = sscanf(words, "%31s %lf %lf %lf %lf", name, &amplitude, &a, &rate, &chirp), col;

    if (!m->staged)
        return err_set(RC_STATE, "sysid wave: sysid plan comes first");
    if (n < 2 || !isfinite(amplitude) || !isfinite(a) || !isfinite(rate) || !isfinite(chirp))
        return err_set(RC_INPUT, "sysid wave CORRECTOR RAD ...: '%.60s' is not that", words);
    col = devices_find_corrector(&m->devices, name);
    if (col < 0)
        return err_set(RC_INPUT, "there is no corrector '%s'", name);
    m->plan.wave[col] = (struct excite_wave){.amplitude = amplitude,
                                             .phase = excite_turns(a),
                                             .rate = excite_turns(rate),
                                             .chirp = (int64_t) excite_turns(chirp)};
    if (m->plan.kind == EXCITE_CODE)
        m->plan.wave[col].phase = a >= 0 && a < ORBIT_MAX_COL ? (uint64_t) a : UINT64_MAX;
    return RC_OK;
}

/* What the excitation adds to must not lie at a limit already: a clipped wave measures nothing.
 */
static enum rc start(struct machine *m, char *reply, size_t size)
{
    uint64_t state = __atomic_load_n(&m->status->state, __ATOMIC_RELAXED);
    enum rc rc;

    if (!m->staged)
        return err_set(RC_STATE, "sysid go: sysid plan comes first");
    rc = excite_plan_check(&m->plan, m->cfg.sysid_max_rad);
    if (rc != RC_OK)
        return err_add(rc, "sysid go (sysid.max_rad %g)", m->cfg.sysid_max_rad);
    if (state != STATE_ARMED && state != STATE_CLOSED)
        return err_set(RC_STATE, "sysid go: in ARMED or CLOSED, not in %s: orbitctl mode arm",
                       state_name((enum loop_state) state));
    rc = loop_excite(m->loop, &m->plan);
    if (rc != RC_OK)
        return rc;
    if (state == STATE_ARMED)
        rc = command_request(m, REQUEST_PROBE, reply, size);
    if (rc == RC_OK)
        snprintf(reply, size, "%llu levels of %llu law steps, %s",
                 (unsigned long long) m->plan.n_level, (unsigned long long) m->plan.hold,
                 state == STATE_ARMED ? "alone" : "beside the law");
    return rc;
}

enum rc sysid_execute(struct machine *m, const char *words, char *reply, size_t size)
{
    enum rc rc;

    if (strcmp(words, "go") == 0)
        return start(m, reply, size);
    if (strcmp(words, "stop") == 0) {
        loop_excite_stop(m->loop);
        snprintf(reply, size, "stopped: the kicks go back");
        return RC_OK;
    }
    if (strncmp(words, "plan ", 5) == 0)
        rc = stage_plan(m, words + 5);
    else if (strncmp(words, "wave ", 5) == 0)
        rc = stage_wave(m, words + 5);
    else
        rc = err_set(RC_INPUT, "sysid plan, wave, go or stop, not '%.40s'", words);
    if (rc == RC_OK)
        snprintf(reply, size, "staged");
    return rc;
}

/* ---- check --------------------------------------------------------------------------- */

/* The parameters in use, with the check as it is now. */
static enum rc publish(struct machine *m)
{
    struct params *params = params_begin(m->params);

    if (!params)
        return err_set(RC_STATE, "all parameter slots are in use: the loop has not run lately");
    params->unchecked_col = check_first_bad(&m->check, &m->cfg, &m->devices);
    machine_publish(m, params);
    return RC_OK;
}

static void describe(const struct machine *m, char *reply, size_t size)
{
    uint64_t n_kick = m->devices.n_h + m->devices.n_v, n_good = 0;
    uint64_t bad = check_first_bad(&m->check, &m->cfg, &m->devices);
    const struct check_result *result = &m->check.result[bad == UINT64_MAX ? 0 : bad];

    for (uint64_t col = 0; col < n_kick; col++)
        n_good += check_is_good(&m->check.result[col], &m->cfg);
    if (bad == UINT64_MAX)
        snprintf(reply, size, "%llu of %llu correctors are good", (unsigned long long) n_good,
                 (unsigned long long) n_kick);
    else if (!result->measured)
        snprintf(reply, size, "%llu of %llu correctors are good; %s was not measured",
                 (unsigned long long) n_good, (unsigned long long) n_kick,
                 m->devices.corrector[bad].name);
    else
        snprintf(reply, size,
                 "%llu of %llu correctors are good; %s has gain %.3f, correlation %.3f, needed "
                 "are %.3g to %.3g and %.3g (check.*)",
                 (unsigned long long) n_good, (unsigned long long) n_kick,
                 m->devices.corrector[bad].name, result->gain, result->correlation,
                 m->cfg.check_gain_low, m->cfg.check_gain_high, m->cfg.check_correlation);
}

/* Correctors that were not measured this time keep what they had: one may be repaired alone. */
static enum rc commit(struct machine *m, char *reply, size_t size)
{
    enum rc rc;

    for (uint64_t col = 0; col < m->devices.n_h + m->devices.n_v; col++)
        if (m->measured.result[col].measured)
            m->check.result[col] = m->measured.result[col];
    m->check.device_hash = devices_hash(&m->devices);
    m->check.revision = params_revision(m->params);
    m->check.utc_s = clock_utc_ns() / NS_PER_S;
    memset(&m->measured, 0, sizeof m->measured);
    rc = check_save(&m->check, &m->cfg, &m->devices);
    if (rc == RC_OK)
        rc = publish(m);
    if (rc == RC_OK)
        describe(m, reply, size);
    return rc;
}

static enum rc put(struct machine *m, const char *words)
{
    char name[DEVICE_NAME_SIZE];
    double gain, correlation;

    if (sscanf(words, "%31s %lf %lf", name, &gain, &correlation) != 3)
        return err_set(RC_INPUT, "check put CORRECTOR GAIN CORRELATION: '%.60s' is not that",
                       words);
    return check_put(&m->measured, &m->devices, name, gain, correlation);
}

enum rc sysid_check(struct machine *m, const char *words, char *reply, size_t size)
{
    enum rc rc = RC_OK;

    if (strcmp(words, "commit") == 0)
        return commit(m, reply, size);
    if (strcmp(words, "begin") == 0) {
        memset(&m->measured, 0, sizeof m->measured);
    } else if (strcmp(words, "forget") == 0) {
        memset(&m->check, 0, sizeof m->check);
        return commit(m, reply, size);
    } else if (strncmp(words, "put ", 4) == 0) {
        rc = put(m, words + 4);
    } else {
        rc = err_set(RC_INPUT, "check begin, put, commit or forget, not '%.40s'", words);
    }
    if (rc == RC_OK)
        snprintf(reply, size, "noted");
    return rc;
}
