#include "io/ctl/sysid/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rt/base/clock.h"

enum { ANSWER_MS = 5000, STEP_BINS = 400, PATIENCE_S = 15 };

/* What is summed up between two changes of level. */
struct collector {
    uint64_t n_row, n_col;
    void *record;
    uint64_t next;
    bool begun, ended;
    uint64_t level;        /* present one, from 1; 0: none */
    int64_t since_ns;      /* when it came */
    int64_t last_ns;       /* record before */
    double *sum_y, *sum_u; /* of its settled part */
    uint64_t n;
    double *before_y, *before_u; /* means of the level before */
    bool has_before;
    double *change; /* [n_row] what the model says of the last change */
    double *step_num, *step_den;
    char why[ORBIT_TEXT_SIZE];
};

static double *numbers(uint64_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

enum rc measure_open(struct measure *m)
{
    struct collector *c = calloc(1, sizeof *c);
    uint64_t n_row = dims_n_row(m->dims), n_col = dims_n_col(m->dims), n = m->plan->n_level;

    m->collector = c;
    m->slices = (struct slices){.n_row = n_row,
                                .n_col = n_col,
                                .level = calloc(n, sizeof *m->slices.level),
                                .y = numbers(n * n_row),
                                .u = numbers(n * n_col)};
    m->row_bad = calloc(n_row, sizeof *m->row_bad);
    m->n_step_bin = STEP_BINS;
    m->step_value = numbers(STEP_BINS);
    if (!c)
        return err_set(RC_NOMEM, "no memory for a measurement");
    c->n_row = n_row;
    c->n_col = n_col;
    c->record = calloc(1, record_size_b(m->dims));
    c->sum_y = numbers(n_row);
    c->sum_u = numbers(n_col);
    c->before_y = numbers(n_row);
    c->before_u = numbers(n_col);
    c->change = numbers(n_row);
    c->step_num = numbers(STEP_BINS);
    c->step_den = numbers(STEP_BINS);
    if (!c->record || !c->sum_y || !c->sum_u || !c->before_y || !c->before_u || !c->change ||
        !c->step_num || !c->step_den || !m->slices.level || !m->slices.y || !m->slices.u ||
        !m->row_bad || !m->step_value)
        return err_set(RC_NOMEM, "no memory for a measurement");
    return RC_OK;
}

void measure_close(struct measure *m)
{
    struct collector *c = m->collector;

    if (c) {
        free(c->record);
        free(c->sum_y);
        free(c->sum_u);
        free(c->before_y);
        free(c->before_u);
        free(c->change);
        free(c->step_num);
        free(c->step_den);
    }
    free(c);
    free(m->slices.level);
    free(m->slices.y);
    free(m->slices.u);
    free(m->row_bad);
    free(m->step_value);
    m->collector = NULL;
}

/* ---- records ------------------------------------------------------------------------- */

static void end_level(struct measure *m)
{
    struct collector *c = m->collector;
    struct slices *s = &m->slices;

    c->has_before = c->n > 0;
    for (uint64_t i = 0; i < c->n_row && c->n; i++)
        c->before_y[i] = c->sum_y[i] / (double) c->n;
    for (uint64_t j = 0; j < c->n_col && c->n; j++)
        c->before_u[j] = c->sum_u[j] / (double) c->n;
    if (c->n && c->level > 0 && s->n < m->plan->n_level) {
        s->level[s->n] = c->level - 1;
        memcpy(s->y + s->n * c->n_row, c->before_y, c->n_row * sizeof *s->y);
        memcpy(s->u + s->n * c->n_col, c->before_u, c->n_col * sizeof *s->u);
        s->n++;
    }
    memset(c->sum_y, 0, c->n_row * sizeof *c->sum_y);
    memset(c->sum_u, 0, c->n_col * sizeof *c->sum_u);
    c->n = 0;
}

static void begin_level(struct measure *m, const struct record_head *head, const double *u_cmd)
{
    struct collector *c = m->collector;

    c->level = head->excite_level;
    c->since_ns = head->t_mono_ns;
    if (!m->model || !c->has_before)
        return;
    for (uint64_t i = 0; i < c->n_row; i++) {
        double sum = 0;

        for (uint64_t j = 0; j < c->n_col; j++)
            sum += m->model[i * c->n_col + j] * (u_cmd[j] - c->before_u[j]);
        c->change[i] = m->row_bad[i] ? 0 : sum;
    }
}

/* The answer to the change, in units of what the model says of it in the end. */
static void add_to_step(struct measure *m, int64_t age_ns, const double *y)
{
    struct collector *c = m->collector;
    uint64_t bin = (uint64_t) ((double) age_ns * 1e-9 / m->step_bin_s);
    double num = 0, den = 0;

    if (!m->model || !c->has_before || bin >= m->n_step_bin)
        return;
    for (uint64_t i = 0; i < c->n_row; i++) {
        num += c->change[i] * (y[i] - c->before_y[i]);
        den += c->change[i] * c->change[i];
    }
    c->step_num[bin] += num;
    c->step_den[bin] += den;
}

static void note_quality(struct measure *m, const uint64_t *quality)
{
    for (uint64_t i = 0; i < m->collector->n_row; i++)
        m->row_bad[i] |= quality[i] != QUALITY_GOOD;
}

static void take_record(struct measure *m)
{
    struct collector *c = m->collector;
    const struct record_head *head = c->record;
    const double *y = (const double *) (head + 1);
    const uint64_t *quality = (const uint64_t *) (y + c->n_row);
    const double *u_cmd = y + 2 * c->n_row, *u_found = u_cmd + c->n_col;
    bool drives = state_drives(head->state, head->arm_id);

    if (head->excite_level != c->level) {
        end_level(m);
        begin_level(m, head, u_cmd);
    }
    c->begun = c->begun || head->excite_level > 0;
    c->ended = c->begun && head->excite_level == 0;
    m->closed = m->closed || (c->begun && head->state == STATE_CLOSED);
    if (!drives || head->excite_level == 0 || !head->new_frame)
        return;
    note_quality(m, quality);
    add_to_step(m, head->frame_t_sample_ns - c->since_ns, y);
    if (head->frame_t_sample_ns - c->since_ns < m->settle_ns)
        return;
    for (uint64_t i = 0; i < c->n_row; i++)
        c->sum_y[i] += y[i];
    for (uint64_t j = 0; j < c->n_col; j++)
        c->sum_u[j] += m->closed ? u_cmd[j] : u_found[j];
    c->n++;
}

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};

    nanosleep(&pause, NULL);
}

/* ---- commands ------------------------------------------------------------------------ */

static enum rc tell(struct measure *m, const char *line)
{
    char reply[ORBIT_TEXT_SIZE] = "";
    enum rc rc = client_command(m->client, line, ANSWER_MS, reply, sizeof reply);

    if (rc != RC_OK && reply[0])
        snprintf(m->collector->why, sizeof m->collector->why, "%s", reply);
    return rc == RC_OK || !reply[0] ? rc : err_set(rc, "%s", reply);
}

static double in_turns(uint64_t turns)
{
    return (double) turns * 0x1p-64;
}

static enum rc stage_wave(struct measure *m, uint64_t col)
{
    const struct excite_wave *wave = &m->plan->wave[col];
    char line[200];

    if (m->plan->kind == EXCITE_SINE)
        snprintf(line, sizeof line, "sysid wave %s %.17g %.17g %.17g %.17g", m->name[col],
                 wave->amplitude, in_turns(wave->phase), in_turns(wave->rate),
                 (double) wave->chirp * 0x1p-64);
    else
        snprintf(line, sizeof line, "sysid wave %s %.17g %llu", m->name[col], wave->amplitude,
                 (unsigned long long) wave->phase);
    return tell(m, line);
}

static enum rc stage(struct measure *m)
{
    static const char *const kinds[EXCITE_KINDS] = {"sine", "prbs", "code"};
    char line[120];
    enum rc rc;

    snprintf(line, sizeof line, "sysid plan %s %llu %llu %llu", kinds[m->plan->kind],
             (unsigned long long) m->plan->n_level, (unsigned long long) m->plan->hold,
             (unsigned long long) m->plan->n_code);
    rc = tell(m, line);
    for (uint64_t col = 0; col < m->dims->n_h + m->dims->n_v && rc == RC_OK; col++)
        if (fabs(m->plan->wave[col].amplitude) > 0)
            rc = stage_wave(m, col);
    return rc;
}

/* Armed, it takes a moment until the gateway has acknowledged. */
static enum rc start(struct measure *m)
{
    uint64_t state = status_load(&client_status(m->client)->state);
    int64_t give_up_ns = clock_mono_ns() + PATIENCE_S * NS_PER_S;
    enum rc rc = state == STATE_CLOSED || state == STATE_ARMED ? RC_OK : tell(m, "mode arm");

    if (rc != RC_OK)
        return rc;
    for (;;) {
        rc = tell(m, "sysid go");
        if (rc != RC_STATE || clock_mono_ns() > give_up_ns || atomic_load(m->stop))
            return rc;
        pause_ms(50);
        if (status_load(&client_status(m->client)->state) == STATE_SHADOW)
            rc = tell(m, "mode arm");
    }
}

/* ---- run ----------------------------------------------------------------------------- */

static enum rc explain_end(const struct measure *m)
{
    uint64_t n = m->slices.n, wanted = m->plan->n_level;
    struct text_block text = {.why = ""};

    if (n + wanted / 20 + 1 >= wanted)
        return RC_OK;
    pause_ms(300); /* until WHY has been written */
    (void) client_read_text(m->client, &text);
    text.why[strcspn(text.why, "\n")] = '\0';
    return err_set(RC_RANGE, "the excitation ended after %llu of %llu levels: %.300s",
                   (unsigned long long) n, (unsigned long long) wanted,
                   atomic_load(m->stop) ? "given up" : text.why);
}

static enum rc collect(struct measure *m)
{
    struct collector *c = m->collector;
    int64_t news_ns = clock_mono_ns();
    bool told = false;

    while (!c->ended) {
        int got = client_read_record(m->client, &c->next, c->record, &m->n_lost);

        if (got > 0) {
            take_record(m);
            news_ns = clock_mono_ns();
            continue;
        }
        if (!client_alive(m->client))
            return err_set(RC_GONE, "orbitd went away");
        if (clock_mono_ns() - news_ns > PATIENCE_S * NS_PER_S)
            return err_set(RC_TIMEOUT, "no records come: the loop does not run");
        if (atomic_load(m->stop) && !told) {
            told = true;
            (void) !tell(m, "sysid stop");
        }
        pause_ms(2);
    }
    return explain_end(m);
}

static enum rc await_shadow(struct measure *m)
{
    int64_t give_up_ns = clock_mono_ns() + PATIENCE_S * NS_PER_S;

    while (status_load(&client_status(m->client)->state) == STATE_PROBE) {
        if (clock_mono_ns() > give_up_ns)
            return err_set(RC_TIMEOUT, "the gateway does not confirm the last set points");
        pause_ms(10);
    }
    return RC_OK;
}

enum rc measure_run(struct measure *m)
{
    struct collector *c = m->collector;
    enum rc rc = stage(m);

    if (rc == RC_OK)
        (void) client_read_record(m->client, &c->next, c->record, &m->n_lost);
    m->n_lost = 0;
    if (rc == RC_OK)
        rc = start(m);
    if (rc == RC_OK)
        rc = collect(m);
    for (uint64_t bin = 0; bin < m->n_step_bin; bin++)
        m->step_value[bin] =
            c->step_den[bin] > 0 ? c->step_num[bin] / c->step_den[bin] : (double) NAN;
    return rc == RC_OK ? await_shadow(m) : rc;
}
