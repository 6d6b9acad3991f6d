#include "rt/manager/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rt/base/clock.h"
#include "rt/manager/reload.h"
#include "rt/manager/sysid.h"
#include "rt/manager/why.h"

static const struct {
    const char *line;
    enum request request;
    bool lowers;
    const char *done;
} requests[] = {
    {"mode off", REQUEST_OFF, true, "off"},
    {"mode shadow", REQUEST_SHADOW, true, "shadow: nothing is driven"},
    {"mode arm", REQUEST_ARM, false,
     "armed: waiting for the gateway, then orbitctl mode closed"},
    {"mode closed", REQUEST_CLOSE, false, "closed"},
    {"mode hold", REQUEST_HOLD, true, "held: set points stay"},
    {"reset", REQUEST_RESET, false, "reset"},
    {"baseline", REQUEST_BASELINE, false,
     "baseline: the innovation starts anew, nothing is masked by it"},
};

/* The loop answers within one period, or does not run. */
static enum rc ask_loop(struct machine *m, enum request request, enum answer *answer,
                        uint64_t *unmet)
{
    struct timespec pause = {.tv_nsec = 200000};
    int64_t period_ns = (int64_t) m->status->period_ns;
    int64_t give_up_ns = clock_mono_ns() + 500 * 1000000LL + 3 * period_ns;
    uint64_t ticket = loop_request(m->loop, request);

    while (!loop_answer(m->loop, ticket, answer, unmet)) {
        if (clock_mono_ns() > give_up_ns)
            return err_set(RC_TIMEOUT, "the loop did not answer: it is not running");
        nanosleep(&pause, NULL);
    }
    return RC_OK;
}

static enum rc explain(const struct machine *m, enum answer answer, uint64_t unmet, char *reply,
                       size_t size)
{
    uint64_t offender = __atomic_load_n(&m->status->unmet_offender, __ATOMIC_RELAXED);
    int n = 0;

    switch (answer) {
    case ANSWER_DONE:
        return RC_OK;
    case ANSWER_UNMET:
        n = snprintf(reply, size, "refused: ");
        why_list(unmet, offender, &m->devices, reply + n, size - (size_t) n);
        break;
    case ANSWER_NOT_ARMED:
        snprintf(reply, size, "refused in state %s: orbitctl mode arm comes first",
                 state_name((enum loop_state) m->status->state));
        break;
    case ANSWER_TRIPPED:
        snprintf(reply, size, "refused: a trip is latched, orbitctl reset comes first");
        break;
    case ANSWER_CAUSE_STAYS:
        n = snprintf(reply, size, "refused, the cause of the trip is still there: ");
        unmet &= __atomic_load_n(&m->status->cause, __ATOMIC_RELAXED);
        why_list(unmet, offender, &m->devices, reply + n, size - (size_t) n);
        break;
    }
    return RC_STATE;
}

enum rc command_request(struct machine *m, enum request request, char *reply, size_t size)
{
    enum answer answer;
    uint64_t unmet;
    enum rc rc = ask_loop(m, request, &answer, &unmet);

    return rc == RC_OK ? explain(m, answer, unmet, reply, size) : rc;
}

static enum rc execute_request(struct machine *m, const struct server_peer *peer, size_t i,
                               char *reply, size_t size)
{
    enum rc rc = requests[i].lowers ? RC_OK : owner_check(&m->owner, peer, clock_mono_ns());

    if (rc == RC_OK)
        rc = command_request(m, requests[i].request, reply, size);
    if (rc == RC_OK)
        snprintf(reply, size, "%s", requests[i].done);
    return rc;
}

/* Stopping is lowering; all else of a measurement is the owner's. */
static enum rc execute_measurement(struct machine *m, const struct server_peer *peer,
                                   const char *line, char *reply, size_t size)
{
    bool stops = strcmp(line, "sysid stop") == 0;
    enum rc rc = stops ? RC_OK : owner_check(&m->owner, peer, clock_mono_ns());

    if (rc != RC_OK)
        return rc;
    return line[0] == 's' ? sysid_execute(m, line + 6, reply, size)
                          : sysid_check(m, line + 6, reply, size);
}

/* The loop clears one histogram a cycle, and tells by the cycle that ended it. */
static enum rc reset_timing(struct machine *m, char *reply, size_t size)
{
    const uint64_t *done = &m->status->timing_reset_cycle;
    uint64_t before = __atomic_load_n(done, __ATOMIC_RELAXED), after = before;
    struct timespec pause = {.tv_nsec = 200000};
    int64_t period_ns = (int64_t) m->status->period_ns;
    int64_t give_up_ns = clock_mono_ns() + 500 * 1000000LL + 3 * PHASE_COUNT * period_ns;

    loop_reset_timing(m->loop);
    while (after == before && clock_mono_ns() < give_up_ns) {
        nanosleep(&pause, NULL);
        after = __atomic_load_n(done, __ATOMIC_ACQUIRE);
    }
    if (after == before)
        return err_set(RC_TIMEOUT, "the loop did not answer: it is not running");
    snprintf(reply, size, "timing is empty since cycle %llu", (unsigned long long) after);
    return RC_OK;
}

/* Matrices stay what they are: only the display changes. */
static enum rc renew_modes(struct machine *m, const struct server_peer *peer, char *reply,
                           size_t size)
{
    enum rc rc = owner_check(&m->owner, peer, clock_mono_ns());
    struct params *params = rc == RC_OK ? params_begin(m->params) : NULL;

    if (rc != RC_OK)
        return rc;
    if (!params)
        return err_set(RC_STATE, "all parameter slots are in use: the loop has not run lately");
    rc = params_renew_modes(params);
    if (rc != RC_OK) {
        params_abandon(m->params, params);
        return rc;
    }
    params_publish(m->params, params);
    snprintf(reply, size, "the display shows the modes of the matrices in use");
    return RC_OK;
}

static enum rc execute_reload(struct machine *m, const struct server_peer *peer, char *reply,
                              size_t size)
{
    enum rc rc = owner_check(&m->owner, peer, clock_mono_ns());

    return rc == RC_OK ? reload(m, reply, size) : rc;
}

/* own [SECONDS] [takeover] */
static enum rc execute_own(struct machine *m, const struct server_peer *peer,
                           const char *operands, char *reply, size_t size)
{
    enum { LONGEST_LEASE_S = 86400 };
    char before[ORBIT_NAME_SIZE], now_owner[ORBIT_NAME_SIZE + 64];
    char *end;
    unsigned long lease_s = strtoul(operands, &end, 10);
    bool takeover = strcmp(end + strspn(end, " "), "takeover") == 0;
    int64_t now_ns = clock_mono_ns();
    enum rc rc;

    if (lease_s > LONGEST_LEASE_S || (!takeover && *end))
        return err_set(RC_INPUT, "own [SECONDS] [takeover]: '%s' is not that; at most %d s",
                       operands, LONGEST_LEASE_S);
    rc = owner_take(&m->owner, peer, (int64_t) lease_s * 1000000000, takeover, now_ns, before);
    if (rc != RC_OK)
        return rc;
    owner_describe(&m->owner, now_ns, now_owner, sizeof now_owner);
    snprintf(reply, size, "the loop belongs to %s%s%s", now_owner,
             before[0] ? "; taken over from " : "", before);
    return RC_OK;
}

static enum rc execute_release(struct machine *m, const struct server_peer *peer, char *reply,
                               size_t size)
{
    enum rc rc = owner_release(&m->owner, peer, clock_mono_ns());

    if (rc == RC_OK)
        snprintf(reply, size, "the loop belongs to nobody");
    return rc;
}

enum rc command_execute(struct machine *m, const struct server_peer *peer, const char *line,
                        char *reply, size_t size)
{
    reply[0] = '\0';
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (strcmp(line, requests[i].line) == 0)
            return execute_request(m, peer, i, reply, size);
    if (strcmp(line, "reset timing") == 0)
        return reset_timing(m, reply, size);
    if (strcmp(line, "modes renew") == 0)
        return renew_modes(m, peer, reply, size);
    if (strcmp(line, "reload") == 0)
        return execute_reload(m, peer, reply, size);
    if (strcmp(line, "own") == 0 || strncmp(line, "own ", 4) == 0)
        return execute_own(m, peer, line + (line[3] ? 4 : 3), reply, size);
    if (strcmp(line, "release") == 0)
        return execute_release(m, peer, reply, size);
    if (strncmp(line, "sysid ", 6) == 0 || strncmp(line, "check ", 6) == 0)
        return execute_measurement(m, peer, line, reply, size);
    if (strcmp(line, "ping") == 0) {
        snprintf(reply, size, "alive");
        return RC_OK;
    }
    return err_set(
        RC_INPUT,
        "not understood: mode off|shadow|arm|closed|hold, reset, reset "
        "timing, baseline, modes renew, reload, own, release, sysid, check, ping are");
}
