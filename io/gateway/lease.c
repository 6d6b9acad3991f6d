#include "io/gateway/lease.h"

#include <stdlib.h>

#include "rt/base/clock.h"

enum rc lease_init(struct lease *lease, const struct orbit_dims *dims)
{
    *lease = (struct lease){.block = calloc(1, setpoint_size_b(dims))};
    return lease->block ? RC_OK : err_set(RC_NOMEM, "no memory for set points");
}

void lease_end(struct lease *lease)
{
    free(lease->block);
    lease->block = NULL;
}

void lease_set_rate(struct lease *lease, double write_hz)
{
    lease->write_period_ns = (int64_t) (1e9 / write_hz);
}

void lease_forget(struct lease *lease)
{
    lease->ack_arm_id = 0;
    lease->last_life = 0;
    lease->last_cycle = 0;
    lease->last_write_ns = 0;
}

bool lease_follow(struct lease *lease, struct client *client)
{
    const struct status_block *status = client_status(client);
    uint64_t arm_id = status_load(&status->arm_id), state = status_load(&status->state);
    bool history =
        arm_id != lease->ack_arm_id || (!state_drives(state, arm_id) && state != STATE_HOLD);
    lease->ack_arm_id = arm_id;
    return history;
}

bool lease_runs(const struct lease *lease)
{
    return clock_mono_ns() < lease->block->valid_until_ns;
}

bool lease_allows(const struct lease *lease, struct client *client)
{
    const struct setpoint_head *head = lease->block;
    return head->active == 1 && state_drives(head->state, head->arm_id) &&
           status_load(&client_status(client)->state) == head->state &&
           head->run_id == client_run_id(client) && head->arm_id != 0 &&
           head->arm_id == lease->ack_arm_id && lease_runs(lease);
}

/* The mean rate is capped; one batch may come a quarter of a period early, because blocks and
 * our ticks beat against each other and a block left out is a law step lost. */
static int64_t next_write_ns(const struct lease *lease, int64_t now_ns)
{
    int64_t earliest_ns = now_ns - lease->write_period_ns / 4;
    int64_t from_ns = lease->next_write_ns > earliest_ns ? lease->next_write_ns : earliest_ns;
    return from_ns + lease->write_period_ns;
}

bool lease_take(struct lease *lease, struct client *client, int64_t now_ns)
{
    const struct setpoint_head *head = lease->block;
    /* A refused block stays refused: CLOSED may come back while its lease still runs. */
    if (now_ns < lease->next_write_ns || !client_read_setpoint(client, lease->block) ||
        head->life == lease->last_life || head->life == lease->refused_life) {
        return false;
    }
    if (lease_allows(lease, client)) {
        lease->next_write_ns = next_write_ns(lease, now_ns);
        return true;
    }
    if (head->active == 1) {
        lease->refused_life = head->life;
        lease->n_refused++;
    }
    return false;
}

const double *lease_kicks(const struct lease *lease)
{
    return (const double *) (const void *) (lease->block + 1);
}

void lease_finish(struct lease *lease, bool complete)
{
    lease->last_life = complete ? lease->block->life : 0;
    lease->last_cycle = lease->block->cycle;
    lease->last_write_ns = clock_mono_ns();
}

void lease_echo(const struct lease *lease, struct frame_head *head)
{
    head->word[WORD_ACK_ARM_ID] = (int64_t) lease->ack_arm_id;
    head->word[WORD_LAST_CYCLE] = (int64_t) lease->last_cycle;
    head->word[WORD_LAST_WRITE_NS] = lease->last_write_ns;
    head->word[WORD_WRITES] = (int64_t) lease->n_written;
    head->word[WORD_REFUSED] = (int64_t) lease->n_refused;
}
