#include "rt/manager/commands.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rt/base/clock.h"
#include "rt/manager/reload.h"
#include "rt/manager/why.h"

static const struct {
    const char *line;
    enum request request;
    const char *done;
} requests[] = {
    {"mode off", REQUEST_OFF, "off"},
    {"mode shadow", REQUEST_SHADOW, "shadow: nothing is driven"},
    {"mode arm", REQUEST_ARM, "armed: waiting for the gateway, then orbitctl mode closed"},
    {"mode closed", REQUEST_CLOSE, "closed"},
    {"mode hold", REQUEST_HOLD, "held: set points stay"},
    {"reset", REQUEST_RESET, "reset"},
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

static enum rc execute_request(struct machine *m, size_t i, char *reply, size_t size)
{
    enum answer answer;
    uint64_t unmet;
    enum rc rc = ask_loop(m, requests[i].request, &answer, &unmet);

    if (rc != RC_OK) {
        snprintf(reply, size, "%s", err_text());
        return rc;
    }
    snprintf(reply, size, "%s", requests[i].done);
    return explain(m, answer, unmet, reply, size);
}

enum rc command_execute(struct machine *m, const char *line, char *reply, size_t size)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (strcmp(line, requests[i].line) == 0)
            return execute_request(m, i, reply, size);
    if (strcmp(line, "reload") == 0)
        return reload(m, reply, size);
    if (strcmp(line, "ping") == 0) {
        snprintf(reply, size, "alive");
        return RC_OK;
    }
    snprintf(reply, size,
             "not understood: mode off|shadow|arm|closed|hold, reset, reload, ping are");
    return RC_INPUT;
}
