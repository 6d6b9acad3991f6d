/* orbitd: the hard real-time loop and its manager. See orbitd(8). */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/manager/machine.h"
#include "rt/manager/manager.h"

static atomic_bool stop_manager, stop_loop, reload_wanted;

static void on_signal(int number)
{
    if (number == SIGHUP)
        atomic_store(&reload_wanted, true);
    else
        atomic_store(&stop_manager, true);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* What the loop's thread tells main before its first cycle. */
struct loop_thread {
    struct machine *machine;
    pthread_t thread;
    pthread_barrier_t granted, begin;
    bool refused;
};

static void *run_loop(void *argument)
{
    struct loop_thread *self = argument;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    (void) pthread_setname_np(pthread_self(), "orbitd-loop");
    host_enter_loop(&self->machine->grant, &self->machine->wish);
    pthread_barrier_wait(&self->granted);
    pthread_barrier_wait(&self->begin);
    if (!self->refused)
        loop_run(self->machine->loop, &stop_loop);
    return NULL;
}

static enum rc accept_host(const struct machine *m, bool real_time, const char *verdict)
{
    char why[ORBIT_TEXT_SIZE];

    if (m->wish.spin && !m->cfg.loop_spin_force &&
        !host_allows_spin(&m->grant, why, sizeof why))
        return err_set(RC_DENIED,
                       "loop.timer spin is refused: %s; or loop.timer hybrid, or "
                       "loop.spin_force",
                       why);
    if (m->cfg.loop_strict && !real_time)
        return err_set(RC_DENIED, "loop.strict: %s", verdict);
    return RC_OK;
}

/* Starts the thread, waits until it has read back its rights, and judges them. */
static enum rc start_loop(struct loop_thread *self, char *verdict, size_t size)
{
    struct machine *m = self->machine;
    bool real_time;
    enum rc rc;

    pthread_barrier_init(&self->granted, NULL, 2);
    pthread_barrier_init(&self->begin, NULL, 2);
    if (pthread_create(&self->thread, NULL, run_loop, self) != 0)
        return err_set(RC_SYS, "cannot start the loop's thread");
    pthread_barrier_wait(&self->granted);
    real_time = host_verdict(&m->grant, &m->wish, verdict, size);
    m->status->verdict = real_time ? VERDICT_REAL_TIME : VERDICT_DEGRADED;
    m->status->loop_core = m->grant.core >= 0 ? (uint64_t) m->grant.core : UINT64_MAX;
    m->status->loop_priority = (uint64_t) m->grant.priority;
    rc = accept_host(m, real_time, verdict);
    self->refused = rc != RC_OK;
    host_leave_core(m->grant.core);
    pthread_barrier_wait(&self->begin);
    return rc;
}

static enum rc serve(struct machine *m)
{
    struct loop_thread loop = {.machine = m};
    struct manager *manager = NULL;
    char verdict[ORBIT_TEXT_SIZE] = "";
    enum rc rc;

    host_lock_memory(&m->grant);
    rc = start_loop(&loop, verdict, sizeof verdict);
    fprintf(stderr, "orbitd: %s: %.6g Hz, core %d, priority %d, %s\n", m->cfg.instance,
            m->cfg.loop_rate_hz, m->grant.core, m->grant.priority, verdict);
    if (rc == RC_OK)
        rc = manager_create(&manager, m, verdict);
    if (rc == RC_OK)
        rc = manager_run(manager, &stop_manager, &reload_wanted);
    atomic_store(&stop_loop, true);
    if (loop.thread)
        pthread_join(loop.thread, NULL);
    manager_destroy(manager);
    return rc;
}

static int usage(FILE *out, int code)
{
    fprintf(out, "usage: orbitd --config FILE\n"
                 "The hard real-time loop of an orbit co-processor; see orbitd(8).\n");
    return code;
}

int main(int argc, char **argv)
{
    struct machine machine;
    enum rc rc;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, EXIT_SUCCESS);
    if (argc != 3 || strcmp(argv[1], "--config") != 0)
        return usage(stderr, 2);
    catch_signals();
    rc = machine_create(&machine, argv[2], &stop_manager);
    if (rc == RC_OK)
        rc = serve(&machine);
    if (rc != RC_OK)
        fprintf(stderr, "orbitd: %s\n", err_text());
    machine_destroy(&machine);
    /* Asked to stop while it waited for the reference orbit: that is no failure. */
    if (rc == RC_GONE && atomic_load(&stop_manager))
        return EXIT_SUCCESS;
    return rc == RC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
