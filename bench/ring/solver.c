#include "bench/ring/solver.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"

/* Far below what a BPM sees. */
static const double same_kick_rad = 1e-11, same_rf_hz = 1e-6;

struct solver {
    struct machine *machine;
    uint32_t rows, columns; /* of the matrix: 2 bpms, correctors + 1 */
    int64_t period_ns;
    pthread_t thread;
    /* The thread's own */
    double *input; /* what the present round is for */
    /* Guarded by `lock`, which nobody holds for longer than some copies */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, fresh;
    double *wanted;
    struct solution *taken, *ready,
        *made; /* swapped round; `made` is the thread's, `taken` the taker's */
    struct solver_counts counts;
    struct solution storage[3];
};

static size_t bytes(size_t n)
{
    return n * sizeof(double);
}

static bool solution_allocate(struct solution *solution, size_t rows, size_t columns)
{
    solution->input = calloc(columns, sizeof(double));
    solution->position_m = calloc(rows, sizeof(double));
    solution->matrix = calloc(rows * columns, sizeof(double));
    return solution->input && solution->position_m && solution->matrix;
}

static enum rc allocate(struct solver *s)
{
    bool good = true;

    for (int i = 0; i < 3; i++)
        good = solution_allocate(&s->storage[i], s->rows, s->columns) && good;
    s->input = calloc(s->columns, sizeof(double));
    s->wanted = calloc(s->columns, sizeof(double));
    good = good && s->input && s->wanted;
    s->taken = &s->storage[0];
    s->ready = &s->storage[1];
    s->made = &s->storage[2];
    return good ? RC_OK : err_set(RC_NOMEM, "no memory for the orbit solver");
}

static void release(struct solver *s)
{
    for (int i = 0; i < 3; i++) {
        free(s->storage[i].input);
        free(s->storage[i].position_m);
        free(s->storage[i].matrix);
    }
    free(s->input);
    free(s->wanted);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool changed(const struct solver *s)
{
    for (uint32_t i = 0; i + 1 < s->columns; i++)
        if (fabs(s->input[i] - s->made->input[i]) > same_kick_rad)
            return true;
    return fabs(s->input[s->columns - 1] - s->made->input[s->columns - 1]) > same_rf_hz;
}

/* Fills `made` for s->input. */
static enum rc solve(struct solver *s)
{
    struct solution *made = s->made;
    enum rc rc;

    memcpy(made->input, s->input, bytes(s->columns));
    rc = machine_solve(s->machine, s->input, s->input[s->columns - 1], made->position_m);
    if (!rc)
        rc = machine_response(s->machine, made->matrix);
    made->found = rc == RC_OK;
    snprintf(made->why, sizeof made->why, "%s", rc ? err_text() : "");
    return rc;
}

/* The taker's side of the exchange; the lock is held. */
static void take(struct solver *s)
{
    struct solution *taken = s->taken;

    s->taken = s->ready;
    s->ready = taken;
    s->fresh = false;
}

/* The lock is held. `made` goes to the taker; the thread keeps its input to compare with. */
static void hand_over(struct solver *s)
{
    struct solution *made = s->made;

    s->made = s->ready;
    s->ready = made;
    s->fresh = true;
    memcpy(s->made->input, made->input, bytes(s->columns));
}

static void round_once(struct solver *s)
{
    bool again;
    int64_t start_ns = clock_mono_ns();
    enum rc rc = RC_OK;

    pthread_mutex_lock(&s->lock);
    memcpy(s->input, s->wanted, bytes(s->columns));
    pthread_mutex_unlock(&s->lock);
    again = changed(s);
    if (again)
        rc = solve(s);
    pthread_mutex_lock(&s->lock);
    s->counts.rounds++;
    if (again) {
        s->counts.solves++;
        s->counts.failures += rc != RC_OK;
        s->counts.solve_ms = (double) (clock_mono_ns() - start_ns) * 1e-6;
        hand_over(s);
    }
    pthread_mutex_unlock(&s->lock);
}

/* False: the solver is to stop. */
static bool wait_until(struct solver *s, int64_t deadline_ns)
{
    struct timespec deadline = clock_timespec(deadline_ns);
    bool go_on;

    pthread_mutex_lock(&s->lock);
    while (!s->stop && pthread_cond_timedwait(&s->wake, &s->lock, &deadline) == 0)
        ;
    go_on = !s->stop;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *run(void *argument)
{
    struct solver *s = argument;
    int64_t deadline_ns = clock_mono_ns();

    do {
        round_once(s);
        deadline_ns += s->period_ns;
        if (deadline_ns < clock_mono_ns())
            deadline_ns = clock_mono_ns();
    } while (wait_until(s, deadline_ns));
    return NULL;
}

static enum rc initialise(struct solver *s)
{
    pthread_condattr_t attributes;
    enum rc rc;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    rc = allocate(s);
    if (!rc)
        rc = solve(s);
    if (!rc) {
        hand_over(s);
        take(s);
    }
    return rc;
}

enum rc solver_start(struct solver **solver, struct machine *machine, double rate_hz)
{
    struct solver *s = calloc(1, sizeof *s);
    enum rc rc;

    if (!s)
        return err_set(RC_NOMEM, "no memory for the orbit solver");
    s->machine = machine;
    s->rows = 2 * machine_bpms(machine);
    s->columns = machine_correctors(machine) + 1;
    s->period_ns = (int64_t) ((double) NS_PER_S / rate_hz);
    rc = initialise(s);
    if (!rc && pthread_create(&s->thread, NULL, run, s) != 0)
        rc = err_set(RC_SYS, "no thread for the orbit solver");
    if (rc) {
        release(s);
        return rc;
    }
    *solver = s;
    return RC_OK;
}

void solver_stop(struct solver *solver)
{
    if (!solver)
        return;
    pthread_mutex_lock(&solver->lock);
    solver->stop = true;
    pthread_cond_signal(&solver->wake);
    pthread_mutex_unlock(&solver->lock);
    pthread_join(solver->thread, NULL);
    release(solver);
}

const struct solution *solver_exchange(struct solver *solver, const double *input)
{
    if (pthread_mutex_trylock(&solver->lock) == 0) {
        memcpy(solver->wanted, input, bytes(solver->columns));
        if (solver->fresh)
            take(solver);
        pthread_mutex_unlock(&solver->lock);
    }
    return solver->taken;
}

struct solver_counts solver_counts(struct solver *solver)
{
    struct solver_counts counts;

    pthread_mutex_lock(&solver->lock);
    counts = solver->counts;
    pthread_mutex_unlock(&solver->lock);
    return counts;
}
