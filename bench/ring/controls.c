#include "bench/ring/controls.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"

enum rc settings_create(struct settings **settings, uint32_t n_bpm, uint32_t n_corrector)
{
    struct settings *s = calloc(1, sizeof *s);
    bool good = s != NULL;

    if (good) {
        s->n_bpm = n_bpm;
        s->n_corrector = n_corrector;
        s->bpm = calloc(n_bpm, sizeof *s->bpm);
        s->gain_error = calloc(n_corrector, sizeof *s->gain_error);
        good = s->bpm && s->gain_error;
    }
    for (enum fault f = 0; good && f < FAULT_COUNT; f++) {
        s->fault[f] = calloc(settings_fault_size(s, f), sizeof(bool));
        good = s->fault[f] != NULL;
    }
    if (!good) {
        settings_destroy(s);
        return err_set(RC_NOMEM, "no memory for settings");
    }
    *settings = s;
    return RC_OK;
}

void settings_destroy(struct settings *settings)
{
    if (!settings)
        return;
    free(settings->bpm);
    free(settings->gain_error);
    for (enum fault f = 0; f < FAULT_COUNT; f++)
        free(settings->fault[f]);
    free(settings);
}

uint32_t settings_fault_size(const struct settings *settings, enum fault fault)
{
    return fault == FAULT_POLARITY ? settings->n_corrector : settings->n_bpm;
}

void settings_copy(struct settings *to, const struct settings *from)
{
    memcpy(to->value, from->value, sizeof to->value);
    memcpy(to->bpm, from->bpm, from->n_bpm * sizeof *from->bpm);
    memcpy(to->gain_error, from->gain_error, from->n_corrector * sizeof *from->gain_error);
    for (enum fault f = 0; f < FAULT_COUNT; f++)
        memcpy(to->fault[f], from->fault[f], settings_fault_size(from, f) * sizeof(bool));
}

struct controls {
    uint32_t n_corrector;
    double start_rf_hz;
    _Atomic(double) *set_a; /* [n_corrector] */
    _Atomic(double) rf_hz;
    atomic_uint_fast64_t writes, resets;
    atomic_int_fast64_t last_utc_ns, last_mono_ns;
    _Atomic(double) injected_a;
    atomic_bool injection;
    pthread_mutex_t lock;
    atomic_uint_fast64_t revision; /* changed under the lock */
    struct settings *settings;
};

enum rc controls_create(struct controls **controls, const struct settings *initial,
                        double rf_hz)
{
    struct controls *c = calloc(1, sizeof *c);
    enum rc rc = RC_OK;

    if (!c)
        return err_set(RC_NOMEM, "no memory for controls");
    pthread_mutex_init(&c->lock, NULL);
    c->n_corrector = initial->n_corrector;
    c->start_rf_hz = rf_hz;
    c->rf_hz = rf_hz;
    c->revision = 1;
    c->set_a = calloc(initial->n_corrector, sizeof *c->set_a);
    if (!c->set_a)
        rc = err_set(RC_NOMEM, "no memory for set points");
    else
        rc = settings_create(&c->settings, initial->n_bpm, initial->n_corrector);
    if (rc) {
        controls_destroy(c);
        return rc;
    }
    settings_copy(c->settings, initial);
    *controls = c;
    return RC_OK;
}

void controls_destroy(struct controls *controls)
{
    if (!controls)
        return;
    settings_destroy(controls->settings);
    pthread_mutex_destroy(&controls->lock);
    free(controls->set_a);
    free(controls);
}

static void count_write(struct controls *controls)
{
    controls->last_utc_ns = clock_utc_ns();
    controls->last_mono_ns = clock_mono_ns();
    controls->writes++;
}

enum rc controls_put_corrector(struct controls *controls, uint32_t i, double set_a)
{
    count_write(controls);
    if (!isfinite(set_a))
        return err_set(RC_RANGE, "set point %u is not a finite number", i);
    controls->set_a[i] = set_a;
    return RC_OK;
}

enum rc controls_put_rf(struct controls *controls, double rf_hz)
{
    count_write(controls);
    if (!isfinite(rf_hz))
        return err_set(RC_RANGE, "RF frequency is not a finite number");
    controls->rf_hz = rf_hz;
    return RC_OK;
}

void controls_reset_kicks(struct controls *controls)
{
    for (uint32_t i = 0; i < controls->n_corrector; i++)
        controls->set_a[i] = 0;
    controls->rf_hz = controls->start_rf_hz;
    controls->resets++;
}

uint64_t controls_resets(const struct controls *controls)
{
    return controls->resets;
}

double controls_corrector_a(const struct controls *controls, uint32_t i)
{
    return controls->set_a[i];
}

double controls_rf_hz(const struct controls *controls)
{
    return controls->rf_hz;
}

struct write_counts controls_writes(const struct controls *controls)
{
    return (struct write_counts){.writes = controls->writes,
                                 .last_utc_ns = controls->last_utc_ns,
                                 .last_mono_ns = controls->last_mono_ns};
}

void controls_inject(struct controls *controls, double current_a)
{
    controls->injected_a = current_a;
    controls->injection = true;
}

bool controls_take_injection(struct controls *controls, double *current_a)
{
    if (!atomic_exchange(&controls->injection, false))
        return false;
    *current_a = controls->injected_a;
    return true;
}

struct settings *controls_lock(struct controls *controls)
{
    pthread_mutex_lock(&controls->lock);
    return controls->settings;
}

void controls_unlock(struct controls *controls, bool changed)
{
    if (changed)
        controls->revision++;
    pthread_mutex_unlock(&controls->lock);
}

bool controls_take_settings(struct controls *controls, uint64_t *revision,
                            struct settings *copy)
{
    if (controls->revision == *revision || pthread_mutex_trylock(&controls->lock) != 0)
        return false;
    *revision = controls->revision;
    settings_copy(copy, controls->settings);
    pthread_mutex_unlock(&controls->lock);
    return true;
}
