#include "bench/ring/serve.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench/ring/machine_pvs.h"
#include "bench/ring/pacer.h"
#include "bench/ring/registers_port.h"
#include "bench/ring/sim_pvs.h"
#include "bench/ring/solver.h"
#include "bench/ring/streams_port.h"
#include "io/endpoints.h"
#include "rt/base/clock.h"

static const double solve_hz = 25;
static const int64_t publish_period_ns = NS_PER_S / 20;
static const double stored_a = 0.25;
static const char program[] = "orbit-ring";

struct server {
    struct ring *ring;
    struct ioc *ioc;
    struct controls *controls;
    struct disturbance *disturbance;
    struct solver *solver;
    struct engine *engine;
    struct snapshots *snapshots;
    struct machine_pvs *machine_pvs;
    struct sim_pvs *sim_pvs;
    struct pacer *pacer;
    struct streams_port *streams; /* NULL: not wanted, as the next */
    struct registers_port *registers;
};

/* Every thread stays off the loop's core; EPICS threads inherit it. With one core there is
 * nothing to stay off. */
static void leave_loop_core(const struct cfg *cfg)
{
    cpu_set_t set;
    long last = sysconf(_SC_NPROCESSORS_ONLN) - 1;
    int core = cfg->loop_core < 0 ? (int) last : (int) cfg->loop_core;

    if (sched_getaffinity(0, sizeof set, &set) != 0 || core >= CPU_SETSIZE)
        return;
    CPU_CLR((unsigned) core, &set);
    if (CPU_COUNT(&set) > 0 && sched_setaffinity(0, sizeof set, &set) != 0)
        fprintf(stderr, "orbit-ring: stays on the loop's core %d\n", core);
}

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- start ---- */

static enum rc make_engine(struct server *s)
{
    const struct cfg *cfg = &s->ring->cfg;
    struct engine_parts parts = {.controls = s->controls,
                                 .solver = s->solver,
                                 .disturbance = s->disturbance,
                                 .n_bpm = ring_bpms(s->ring),
                                 .n_corrector = ring_correctors(s->ring),
                                 .corrector = s->ring->corrector,
                                 .corrector_delay_s = cfg->actuator_delay_ms * 1e-3,
                                 .bpm_delay_s = cfg->bpm_delay_ms * 1e-3,
                                 .step_s = 1 / cfg->virtual_rate_hz,
                                 .beam_a = stored_a,
                                 .seed = (uint64_t) cfg->virtual_seed};

    return engine_create(&s->engine, &parts);
}

static enum rc make_parts(struct server *s)
{
    struct ring *ring = s->ring;
    enum rc rc = controls_create(&s->controls, ring->settings, ring->lattice->rf_frequency_hz);

    if (!rc)
        rc = disturbance_create(&s->disturbance, ring->machine,
                                (uint64_t) ring->cfg.virtual_seed);
    if (!rc)
        rc = snapshots_create(&s->snapshots, ring_bpms(ring), ring_correctors(ring));
    if (!rc)
        rc = solver_start(&s->solver, ring->machine, solve_hz);
    return rc ? rc : make_engine(s);
}

static enum rc start_ioc(struct server *s, struct ioc_place *place)
{
    enum rc rc = machine_pvs_add(&s->machine_pvs, s->ioc, s->ring, s->controls);

    if (!rc)
        rc = sim_pvs_add(&s->sim_pvs, s->ioc, s->ring, s->controls);
    if (!rc)
        rc = ioc_start(s->ioc, place);
    return rc;
}

/* Update thread. */
static void take_sample(void *context, const struct engine_sample *sample, int64_t t_utc_ns)
{
    struct server *s = context;

    machine_pvs_publish_orbit(s->machine_pvs, sample, t_utc_ns);
    snapshots_put(s->snapshots, sample, t_utc_ns);
    if (s->streams)
        streams_port_step(s->streams, sample);
    if (s->registers)
        registers_port_put(s->registers, sample);
}

static enum rc open_ports(struct server *s)
{
    const struct cfg *cfg = &s->ring->cfg;
    enum rc rc = RC_OK;

    if (!cfg->virtual_devices)
        return RC_OK;
    if (cfg->udp_map[0])
        rc = streams_port_create(&s->streams, s->ring, s->controls);
    if (!rc && cfg->fieldbus_map[0])
        rc = registers_port_create(&s->registers, s->ring, s->controls);
    return rc;
}

static enum rc announce(const struct server *s, const struct ioc_place *place)
{
    struct endpoint_field field[] = {{"ca_port", place->ca_port, NULL},
                                     {"pva_port", place->pva_port, NULL}};
    const struct floor_result *floor = &s->ring->floor;

    printf("orbit-ring: %s, %u BPMs, %u correctors, seed %lld, CA port %d\n",
           s->ring->devices.machine, ring_bpms(s->ring), ring_correctors(s->ring),
           (long long) s->ring->cfg.virtual_seed, place->ca_port);
    printf("orbit-ring: rms before %.0f/%.0f um, floor %.2f/%.2f um (x/y)\n",
           floor->before_m[0] * 1e6, floor->before_m[1] * 1e6, floor->after_m[0] * 1e6,
           floor->after_m[1] * 1e6);
    fflush(stdout);
    return endpoints_write(s->ring->endpoints_path, program, field,
                           sizeof field / sizeof *field);
}

static enum rc start(struct server *s)
{
    const struct cfg *cfg = &s->ring->cfg;
    struct ioc_place place = {
        .interface = cfg->epics_interface, .prefix = "", .ca_port = (int) cfg->virtual_ca_port};
    enum rc rc = ioc_create(&s->ioc);

    if (!rc)
        rc = make_parts(s);
    if (!rc)
        rc = ring_write_reference(s->ring);
    if (!rc)
        rc = start_ioc(s, &place);
    if (!rc)
        rc = open_ports(s);
    if (!rc)
        rc = pacer_start(&s->pacer, s->engine, cfg->virtual_rate_hz, take_sample, s);
    return rc ? rc : announce(s, &place);
}

/* ---- running and end ---- */

static void publish_slow(struct server *s)
{
    const struct snapshot *now = snapshots_take(s->snapshots);
    struct solver_counts solver = solver_counts(s->solver);
    struct pacer_counts pacer = pacer_counts(s->pacer);

    if (now->t_utc_ns == 0)
        return;
    machine_pvs_publish_slow(s->machine_pvs, now);
    sim_pvs_publish(s->sim_pvs, now, &solver, &pacer);
}

/* Publishes until a signal ends it; SIGHUP is nobody's business here. */
static void run(struct server *s, const sigset_t *signals)
{
    int64_t deadline_ns = clock_mono_ns();
    int received = 0;

    sim_pvs_publish_settings(s->sim_pvs);
    while (received != SIGTERM && received != SIGINT) {
        int64_t left_ns;
        struct timespec left;

        deadline_ns += publish_period_ns;
        left_ns = deadline_ns - clock_mono_ns();
        if (left_ns < 0) {
            deadline_ns -= left_ns;
            left_ns = 0;
        }
        left = clock_timespec(left_ns);
        received = sigtimedwait(signals, NULL, &left);
        publish_slow(s);
    }
}

/* EPICS threads call into controls and PVs until the IOC is stopped; what they use is freed
 * after that. */
static void stop(struct server *s)
{
    pacer_stop(s->pacer);
    endpoints_remove(s->ring->endpoints_path, program);
    ioc_stop(s->ioc);
    registers_port_destroy(s->registers);
    streams_port_destroy(s->streams);
    solver_stop(s->solver);
    engine_destroy(s->engine);
    snapshots_destroy(s->snapshots);
    disturbance_destroy(s->disturbance);
    machine_pvs_free(s->machine_pvs);
    sim_pvs_free(s->sim_pvs);
    controls_destroy(s->controls);
}

enum rc serve(struct ring *ring)
{
    struct server server = {.ring = ring};
    sigset_t signals;
    enum rc rc;

    block_signals(&signals);
    leave_loop_core(&ring->cfg);
    rc = start(&server);
    if (!rc)
        run(&server, &signals);
    stop(&server);
    return rc;
}
