/* Kills and stops the programs of a running set at random moments, again and again, and watches
 * three things from outside: what the loop missed, how soon the machine is in closed loop
 * again, and whether anything was written after a lease had ended (the virtual machine counts
 * writes).
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/folders.h"
#include "bench/instance.h"
#include "rt/base/clock.h"

enum { RATE_HZ = 200, PROGRAMS = 4 };

/* A put that had left the gateway when the lease ended arrives within this. */
static const double on_its_way_s = 0.2;
static const int64_t alive_ns = 100000000;
static const double arm_timeout_s = 60, recover_timeout_s = 120, poll_s = 0.02, shows_s = 0.8;

static const char *const programs[PROGRAMS] = {"orbit-epics", "orbitd", "orbit-model",
                                               "orbit-ring"};
enum { GATEWAY, LOOP, MODEL, MACHINE };

struct storm {
    const struct bench_options *options;
    struct instance instance;
    unsigned state; /* of the random numbers */
    json_t *rounds;
};

/* One blow, and what came of it. */
struct blow {
    int program, number;
    double stopped_s; /* SIGSTOP: for so long */
    double written_late, recovery_s;
    double missed, cycles, quiet_missed, quiet_cycles;
    bool writes_checked, stayed_closed, recovered;
};

/* xorshift: the sequence belongs to the seed on every host. */
static double random_between(struct storm *self, double low, double high)
{
    self->state ^= self->state << 13;
    self->state ^= self->state >> 17;
    self->state ^= self->state << 5;
    return low + (high - low) * (double) (self->state >> 8) / (double) (1 << 24);
}

/* ---- the loop ------------------------------------------------------------------------ */

static bool wait_for(struct storm *self, bool (*done)(struct instance *), double timeout_s)
{
    int64_t end_ns = clock_mono_ns() + (int64_t) (timeout_s * 1e9);

    while (!done(&self->instance)) {
        if (bench_stopped() || clock_mono_ns() > end_ns)
            return false;
        bench_pause(poll_s);
    }
    return true;
}

static uint64_t unmet(struct instance *instance)
{
    return status_load(&client_status(instance->client)->unmet);
}

static uint64_t state_of(struct instance *instance)
{
    return status_load(&client_status(instance->client)->state);
}

/* What a loop that stands still left behind is not its state. */
static bool is_alive(struct instance *instance)
{
    return instance_attach(instance) &&
           clock_mono_ns() - __atomic_load_n(&client_status(instance->client)->heartbeat_ns,
                                             __ATOMIC_RELAXED) <
               alive_ns;
}

static bool is_closed(struct instance *instance)
{
    return is_alive(instance) && state_of(instance) == STATE_CLOSED;
}

static bool can_arm(struct instance *instance)
{
    return is_alive(instance) && (unmet(instance) & ~(1ULL << COND_ARM_ACK)) == 0;
}

static bool can_close(struct instance *instance)
{
    return is_alive(instance) && unmet(instance) == 0;
}

/* HOLD ends by itself; what is in SHADOW is armed and closed as an operator would. */
static bool settled(struct instance *instance)
{
    return is_closed(instance) || (can_arm(instance) && state_of(instance) != STATE_HOLD);
}

static bool command(struct storm *self, const char *line)
{
    char reply[ORBIT_TEXT_SIZE] = "";

    return instance_attach(&self->instance) &&
           client_command(self->instance.client, line, 3000, reply, sizeof reply) == RC_OK;
}

static bool close_loop(struct storm *self, double timeout_s)
{
    int64_t end_ns = clock_mono_ns() + (int64_t) (timeout_s * 1e9);

    while (!bench_stopped() && clock_mono_ns() < end_ns) {
        if (wait_for(self, settled, arm_timeout_s) && is_closed(&self->instance))
            return true;
        if (command(self, "mode arm") && wait_for(self, can_close, 5) &&
            command(self, "mode closed") && wait_for(self, is_closed, 2))
            return true;
    }
    return false;
}

/* ---- writes -------------------------------------------------------------------------- */

/* Set points put to the machine so far, by its own count; NaN: it does not answer. */
static double count_writes(const struct storm *self)
{
    char folder[FOLDER_PATH], line[2 * FOLDER_PATH];
    double value = (double) NAN;
    FILE *pipe;

    if (bench_folder(folder, sizeof folder) != RC_OK)
        return value;
    snprintf(line, sizeof line, "%s/orbit-load get --ca-port %d SIM:WRITES 2>/dev/null", folder,
             self->instance.ring_port);
    pipe = popen(line, "re");
    if (pipe && fscanf(pipe, "%lf", &value) != 1)
        value = (double) NAN;
    if (pipe)
        pclose(pipe);
    return value;
}

/* Seconds from now until the newest lease has ended and what was on its way has arrived. */
static double lease_left_s(struct storm *self)
{
    struct setpoint_head *block = malloc(setpoint_size_b(client_dims(self->instance.client)));
    double left_s = 0;

    if (block && client_read_setpoint(self->instance.client, block))
        left_s = (double) (block->valid_until_ns - clock_mono_ns()) / 1e9;
    free(block);
    return fmax(0, left_s) + on_its_way_s;
}

/* From the end of the lease until `until` or the loop is closed anew nothing may be written. */
static void check_writes(struct storm *self, struct blow *blow, double watch_s)
{
    double before, after;

    bench_pause(lease_left_s(self));
    before = count_writes(self);
    bench_pause(watch_s);
    after = count_writes(self);
    /* Closed again meanwhile: those writes are right. */
    if (blow->program != LOOP && is_closed(&self->instance))
        return;
    if (isfinite(before) && isfinite(after)) {
        blow->writes_checked = true;
        blow->written_late = after - before;
    }
}

/* ---- blows --------------------------------------------------------------------------- */

static void watch_quiet(struct storm *self, struct blow *blow)
{
    double cycles = (double) instance_counter(&self->instance, COUNTER_CYCLES);
    double missed = (double) instance_counter(&self->instance, COUNTER_SKIPPED);

    bench_pause(random_between(self, 0.2, 1.2));
    blow->quiet_cycles = (double) instance_counter(&self->instance, COUNTER_CYCLES) - cycles;
    blow->quiet_missed = (double) instance_counter(&self->instance, COUNTER_SKIPPED) - missed;
}

/* Returns from when on it can recover. */
static int64_t strike(struct storm *self, struct blow *blow, pid_t process)
{
    int64_t since_ns = clock_mono_ns();

    kill(process, blow->number);
    if (blow->program == GATEWAY || blow->program == LOOP)
        check_writes(self, blow, blow->number == SIGSTOP ? blow->stopped_s : 0.1);
    else if (blow->number == SIGSTOP)
        bench_pause(blow->stopped_s);
    if (blow->number == SIGSTOP) {
        since_ns = clock_mono_ns();
        kill(process, SIGCONT);
    }
    return since_ns;
}

static bool has_left(struct instance *instance)
{
    return !is_closed(instance);
}

/* A blow shows when the first frame or echo is too old: what is closed until then stays so. */
static bool leaves_closed(struct storm *self, struct blow *blow)
{
    blow->stayed_closed = !wait_for(self, has_left, shows_s);
    return !blow->stayed_closed;
}

static enum rc play_blow(struct storm *self, struct blow *blow)
{
    uint64_t run_id;
    int64_t since_ns;
    pid_t process;

    if (!close_loop(self, recover_timeout_s))
        return bench_stopped() ? err_set(RC_STATE, "stopped")
                               : err_set(RC_TIMEOUT, "the virtual set does not close its loop");
    watch_quiet(self, blow);
    process = instance_program(&self->instance, programs[blow->program]);
    if (process < 0)
        return err_set(RC_GONE, "%s does not run", programs[blow->program]);
    run_id = client_run_id(self->instance.client);
    blow->cycles = (double) instance_counter(&self->instance, COUNTER_CYCLES);
    blow->missed = (double) instance_counter(&self->instance, COUNTER_SKIPPED);
    since_ns = strike(self, blow, process);
    blow->recovered = !leaves_closed(self, blow) || close_loop(self, recover_timeout_s);
    blow->recovery_s = blow->stayed_closed ? 0 : (double) (clock_mono_ns() - since_ns) / 1e9;
    if (!blow->recovered)
        return RC_OK;
    if (client_run_id(self->instance.client) == run_id && blow->program != LOOP) {
        blow->cycles =
            (double) instance_counter(&self->instance, COUNTER_CYCLES) - blow->cycles;
        blow->missed =
            (double) instance_counter(&self->instance, COUNTER_SKIPPED) - blow->missed;
    } else {
        blow->cycles = blow->missed = 0; /* it was the loop itself */
    }
    return RC_OK;
}

static json_t *blow_json(const struct blow *blow)
{
    json_t *row = json_pack(
        "{s:s, s:s, s:b, s:b, s:f, s:f, s:f, s:f, s:f}", "program", programs[blow->program],
        "signal", blow->number == SIGKILL ? "KILL" : "STOP", "stayed_closed",
        blow->stayed_closed, "recovered", blow->recovered, "recovery_s", blow->recovery_s,
        "cycles", blow->cycles, "missed", blow->missed, "quiet_cycles", blow->quiet_cycles,
        "quiet_missed", blow->quiet_missed);

    json_object_set_new(row, "writes_after_expiry",
                        blow->writes_checked ? json_real(blow->written_late) : json_null());
    return row;
}

static enum rc play(struct storm *self)
{
    enum rc rc = RC_OK;

    for (int i = 0; rc == RC_OK && i < self->options->blows; i++) {
        struct blow blow = {.program = (int) random_between(self, 0, PROGRAMS),
                            .number = random_between(self, 0, 1) < 0.5 ? SIGKILL : SIGSTOP,
                            .stopped_s = random_between(self, 0.3, 1.5)};

        rc = play_blow(self, &blow);
        if (rc == RC_OK)
            json_array_append_new(self->rounds, blow_json(&blow));
    }
    return rc;
}

enum rc bench_storm(const struct bench_options *options, json_t **result)
{
    static const struct instance_setup setup = {.ring = "fodo",
                                                .rate_hz = RATE_HZ,
                                                .current_pv = "RING:current",
                                                .more =
                                                    "law: {every: 20}\nhold: {max_s: 120}\n"};
    struct storm self = {.options = options, .rounds = json_array()};
    enum rc rc;

    self.state = options->seed ? options->seed : (unsigned) time(NULL) | 1U;
    printf("storm: seed %u\n", self.state); /* before anything can go wrong */
    fflush(stdout);
    *result = json_pack("{s:I, s:i, s:o}", "seed", (json_int_t) self.state, "rate_hz",
                        (int) RATE_HZ, "blows", self.rounds);
    rc = instance_start(&self.instance, options, &setup);
    if (rc == RC_OK)
        rc = play(&self);
    instance_stop(&self.instance);
    return rc;
}
