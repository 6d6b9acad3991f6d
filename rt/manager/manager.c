#include "rt/manager/manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "rt/manager/commands.h"
#include "rt/manager/event_log.h"
#include "rt/manager/tuning.h"
#include "rt/manager/why.h"
#include "rt/sys/notify.h"

struct manager {
    struct machine *machine;
    struct server *server;
    char socket_path[CFG_PATH_SIZE];
    struct text_block text;
    struct notify notify;
    struct event_log events;
    uint64_t generations;
    uint64_t n_commands, n_accepted, n_rejected;
    int64_t text_due_ns;
};

enum { POLL_MS = 20, TEXT_PERIOD_MS = 100 };

static void count(struct manager *manager, enum counter counter, uint64_t *own)
{
    __atomic_store_n(&manager->machine->status->counter[counter], ++*own, __ATOMIC_RELAXED);
}

static void set_generation(struct machine *m, uint64_t source, uint64_t generation)
{
    atomic_store_explicit(&m->hal.generation[source], generation, memory_order_relaxed);
    __atomic_store_n(&m->status->source_generation[source], generation, __ATOMIC_RELAXED);
}

static uint64_t on_attach(void *self, uint64_t source)
{
    struct manager *manager = self;

    set_generation(manager->machine, source, ++manager->generations);
    fprintf(stderr, "orbitd: source %s attached, generation %llu\n",
            machine_source_name(manager->machine, source),
            (unsigned long long) manager->generations);
    return manager->generations;
}

static void on_detach(void *self, uint64_t source)
{
    struct manager *manager = self;

    set_generation(manager->machine, source, 0);
    fprintf(stderr, "orbitd: source %s went away\n",
            machine_source_name(manager->machine, source));
}

/* A staged plan or check is hundreds of lines, of which the last says all. */
static bool is_routine(const char *line, enum rc rc)
{
    bool staging =
        strncmp(line, "sysid wave ", 11) == 0 || strncmp(line, "check put ", 10) == 0;

    return strcmp(line, "ping") == 0 || (staging && rc == RC_OK);
}

static enum rc on_command(void *self, const struct server_peer *peer, const char *line,
                          char *reply, size_t reply_size)
{
    struct manager *manager = self;
    enum rc rc = command_execute(manager->machine, peer, line, reply, reply_size);

    if (rc != RC_OK && !reply[0])
        snprintf(reply, reply_size, "%s", err_text());
    count(manager, COUNTER_COMMANDS, &manager->n_commands);
    if (!is_routine(line, rc))
        fprintf(stderr, "orbitd: command '%s' from %s (pid %d, uid %u): %s: %s\n", line,
                peer->name, (int) peer->pid, (unsigned) peer->uid, rc_name(rc), reply);
    return rc;
}

static void on_close(void *self, const struct server_peer *peer)
{
    struct manager *manager = self;

    if (owner_forget(&manager->machine->owner, peer->connection))
        fprintf(stderr, "orbitd: %s (pid %d) has gone and owns the loop no longer\n",
                peer->name, (int) peer->pid);
}

static enum rc accept_set(struct machine *m, const struct param_set *set)
{
    struct params *params = params_begin(m->params);
    enum rc rc;

    if (!params)
        return err_set(RC_STATE, "all parameter slots are in use: the loop has not run lately");
    rc = params_fill(params, set->head, &set->matrices);
    if (rc == RC_OK)
        rc = tuning_apply(params, &m->cfg, &m->devices, &m->check);
    if (rc == RC_OK)
        machine_publish(m, params);
    else
        params_abandon(m->params, params);
    return rc;
}

static enum rc on_parameters(void *self, const struct server_peer *peer,
                             const struct param_set *set, char *reply, size_t reply_size)
{
    struct manager *manager = self;
    enum rc rc = accept_set(manager->machine, set);

    if (rc == RC_OK) {
        count(manager, COUNTER_SETS_ACCEPTED, &manager->n_accepted);
        snprintf(reply, reply_size, "accepted as revision %llu: %.*s, Qx %.4f, Qy %.4f",
                 (unsigned long long) params_revision(manager->machine->params),
                 ORBIT_NAME_SIZE, set->head->origin, set->head->tune_x, set->head->tune_y);
    } else {
        count(manager, COUNTER_SETS_REJECTED, &manager->n_rejected);
        snprintf(reply, reply_size, "rejected: %s", err_text());
    }
    snprintf(manager->text.model, sizeof manager->text.model, "%s", reply);
    fprintf(stderr, "orbitd: parameter set from %s: %s\n", peer->name, reply);
    return rc;
}

static void make_folder(const char *socket_path)
{
    char folder[CFG_PATH_SIZE];
    char *slash;

    snprintf(folder, sizeof folder, "%s", socket_path);
    slash = strrchr(folder, '/');
    if (!slash)
        return;
    *slash = '\0';
    for (char *at = folder + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        (void) mkdir(folder, 0755);
        *at = '/';
    }
    (void) mkdir(folder, 0755); /* what is missing then, server_create reports */
}

static void describe_server(struct server_config *config, struct machine *m)
{
    config->run_id = m->run_id;
    config->device_hash = devices_hash(&m->devices);
    config->dims = m->dims;
    for (unsigned kind = 0; kind < SEG_INPUT; kind++)
        config->shared[kind] = &m->shared[kind];
    config->n_source = m->n_source;
    for (unsigned s = 0; s < m->n_source; s++)
        config->source[s] =
            (struct server_source){.name = machine_source_name(m, s),
                                   .input = m->input[s].base ? &m->input[s] : NULL,
                                   .n_value = m->hal.reader[s].n_value};
}

enum rc manager_create(struct manager **out, struct machine *machine, const char *verdict)
{
    struct manager *manager = calloc(1, sizeof *manager);
    struct server_config config = {
        .self = manager,
        .calls = {.on_attach = on_attach,
                  .on_detach = on_detach,
                  .on_command = on_command,
                  .on_close = on_close,
                  .on_parameters = on_parameters},
    };
    enum rc rc;

    *out = NULL;
    if (!manager)
        return err_set(RC_NOMEM, "no memory for the manager");
    manager->machine = machine;
    snprintf(manager->text.verdict, sizeof manager->text.verdict, "%s", verdict);
    snprintf(manager->text.model, sizeof manager->text.model, "no parameter set came yet");
    cfg_socket_path(&machine->cfg, manager->socket_path, sizeof manager->socket_path);
    config.socket_path = manager->socket_path;
    describe_server(&config, machine);
    make_folder(manager->socket_path);
    rc = event_log_open(&manager->events, machine);
    if (rc == RC_OK)
        rc = server_create(&manager->server, &config);
    if (rc != RC_OK) {
        free(manager);
        return rc;
    }
    notify_open(&manager->notify);
    *out = manager;
    return RC_OK;
}

static void copy_counters(struct machine *m)
{
    uint64_t n_bad = 0, counter[SOURCE_COUNTER_COUNT];

    for (unsigned s = 0; s < m->n_source; s++) {
        hal_shm_counters(&m->hal, s, counter);
        for (unsigned i = 0; i < SOURCE_COUNTER_COUNT; i++)
            __atomic_store_n(&m->status->source_counter[s][i], counter[i], __ATOMIC_RELAXED);
        n_bad += counter[SOURCE_CONTENT] + counter[SOURCE_SIZE];
    }
    __atomic_store_n(&m->status->counter[COUNTER_FRAMES_BAD], n_bad, __ATOMIC_RELAXED);
}

static void write_text(struct manager *manager)
{
    const struct status_block *status = manager->machine->status;
    struct why_facts facts = {
        .state = (enum loop_state) __atomic_load_n(&status->state, __ATOMIC_RELAXED),
        .unmet = __atomic_load_n(&status->unmet, __ATOMIC_RELAXED),
        .unmet_offender = __atomic_load_n(&status->unmet_offender, __ATOMIC_RELAXED),
        .timer = (enum timer_mode) __atomic_load_n(&status->timer, __ATOMIC_RELAXED),
        .arm_id = __atomic_load_n(&status->arm_id, __ATOMIC_RELAXED),
        .at_trip = {(uint64_t) manager->machine->cfg.trip_slow,
                    (uint64_t) manager->machine->cfg.trip_fast},
        .cause = __atomic_load_n(&status->cause, __ATOMIC_RELAXED),
        .cause_offender = __atomic_load_n(&status->offender, __ATOMIC_RELAXED)};

    why_write(&facts, &manager->machine->devices, manager->text.why, sizeof manager->text.why);
    owner_describe(&manager->machine->owner, clock_mono_ns(), manager->text.owner,
                   sizeof manager->text.owner);
    slot_ring_write(&manager->machine->texts, &manager->text);
}

static void feed_watchdog(struct manager *manager)
{
    const uint64_t *cycles = &manager->machine->status->counter[COUNTER_CYCLES];

    notify_feed(&manager->notify, __atomic_load_n(cycles, __ATOMIC_RELAXED), clock_mono_ns());
}

enum rc manager_run(struct manager *manager, const atomic_bool *stop, atomic_bool *reload)
{
    enum rc rc = RC_OK;
    char reply[ORBIT_TEXT_SIZE];
    struct server_peer signaller = {.pid = getpid(), .uid = geteuid(), .name = "SIGHUP"};

    notify_ready(&manager->notify, manager->text.verdict);
    while (rc == RC_OK && !atomic_load(stop)) {
        rc = server_poll(manager->server, POLL_MS);
        if (atomic_exchange(reload, false))
            (void) !on_command(manager, &signaller, "reload", reply, sizeof reply);
        event_log_drain(&manager->events, manager->machine, false);
        if (clock_mono_ns() >= manager->text_due_ns) {
            copy_counters(manager->machine);
            write_text(manager);
            feed_watchdog(manager);
            manager->text_due_ns = clock_mono_ns() + TEXT_PERIOD_MS * 1000000LL;
        }
    }
    notify_stopping(&manager->notify);
    return rc;
}

void manager_destroy(struct manager *manager)
{
    if (!manager)
        return;
    event_log_drain(&manager->events, manager->machine, true);
    server_destroy(manager->server);
    notify_close(&manager->notify);
    free(manager);
}
