/* Phase "judge": which conditions of CLOSED are unmet, who offended first, and what the state
 * makes of it. */
#include "rt/loop/workspace.h"

#include <math.h>

#define BIT(condition) (1ULL << (condition))

/* Of conditions.def, in the order of judgement. */
enum clock { clock_cycle, clock_frame, clock_own, CLOCK_COUNT };

static const struct {
    enum condition condition;
    enum clock clock;
} table[COND_COUNT] = {
#define CONDITION(id, clock, count, effect, offends, wrong, remedy) {COND_##id, clock_##clock},
#include "rt/loop/conditions.def"
#undef CONDITION
};

static RT_SAFE void miss(struct workspace *w, enum condition condition, uint64_t offender)
{
    w->missed |= BIT(condition);
    if (w->offender_of[condition] == UINT64_MAX)
        w->offender_of[condition] = offender;
}

/* What was missed often enough in a row is unmet, and the first that has an offender names it.
 */
static RT_SAFE void count_missed(struct workspace *w, const struct params *p)
{
    const uint64_t tick[CLOCK_COUNT] = {
        [clock_cycle] = 1, [clock_frame] = w->new_frame, [clock_own] = UINT32_MAX};

    w->unmet = 0;
    w->offender = UINT64_MAX;
    for (unsigned i = 0; i < COND_COUNT; i++) {
        enum condition condition = table[i].condition;
        uint64_t *count = &w->missed_count[condition];

        *count = w->missed & BIT(condition) ? *count + tick[table[i].clock] : 0;
        if (*count < p->tuning.patience[condition] || *count == 0)
            continue;
        w->unmet |= BIT(condition);
        if (w->offender == UINT64_MAX)
            w->offender = w->offender_of[condition];
    }
}

static RT_SAFE uint64_t count_bad(const uint64_t *quality, uint64_t n)
{
    uint64_t bad = 0;

    for (uint64_t i = 0; i < n; i++)
        bad += quality_is_bad(quality[i]);
    return bad;
}

static RT_SAFE uint64_t first_bad(const struct workspace *w, uint64_t row)
{
    while (!quality_is_bad(w->row_quality[row]))
        row++;
    return row;
}

/* Contradicts the others, and too many do already. */
static RT_SAFE void judge_crowd(struct workspace *w)
{
    for (unsigned plane = 0; plane < 2; plane++)
        if (w->innovation.plane[plane].crowded != UINT64_MAX)
            miss(w, COND_BPMS, w->innovation.plane[plane].crowded);
}

/* Rows that fail per block; one that cannot be masked makes the block blind. */
static RT_SAFE void judge_bpms(struct workspace *w, const struct params *p)
{
    w->blind = false;
    for (uint64_t b = 0; b < p->n_block; b++) {
        uint64_t row0 = p->block[b].row0;

        if (count_bad(w->row_quality + row0, p->block[b].n_row) <= p->tuning.max_masked)
            continue;
        w->blind = true;
        if (w->bpm[0].alive) /* else the silent source is the cause, not its BPMs */
            miss(w, COND_BPMS, first_bad(w, row0));
    }
}

/* No beam: two of low current, low median sum signal, less than half of the BPMs valid. */
static RT_SAFE void judge_beam(struct workspace *w, const struct params *p)
{
    unsigned signs = 0;

    if (!w->bpm[0].seen)
        return;
    signs += isfinite(w->current_a) && w->current_a < p->tuning.min_current_a;
    signs += isfinite(w->median_sum) && w->median_sum < p->tuning.bpm_min_sum;
    signs += 2 * w->n_invalid > w->n_row;
    if (signs >= 2)
        miss(w, COND_BEAM, UINT64_MAX);
}

static RT_SAFE void judge_column(struct workspace *w, uint64_t col)
{
    uint64_t quality = w->col_quality[col];

    if (quality & (QUALITY_ABSENT | QUALITY_STALE | QUALITY_INVALID | QUALITY_DISCONNECTED))
        miss(w, COND_ACTUATORS, col);
    if (quality & QUALITY_FOREIGN)
        miss(w, COND_MASTER, col);
    if (quality & QUALITY_TRACKING)
        miss(w, COND_READBACK, col);
}

/* All bits of the columns that count: mostly none, and then no column is looked at. */
static RT_SAFE uint64_t actuator_bits(const struct workspace *w, const struct params *p)
{
    uint64_t bits = 0;

    for (uint64_t col = 0; col < w->dims.n_h + w->dims.n_v; col++)
        bits |= p->col_disabled[col] ? 0 : w->col_quality[col];
    return bits;
}

static RT_SAFE void judge_actuators(struct workspace *w, const struct params *p)
{
    uint64_t n_kick = w->dims.n_h + w->dims.n_v;

    if (!w->actuator.alive)
        miss(w, COND_ACTUATORS, UINT64_MAX);
    if (w->actuator.alive && actuator_bits(w, p) != 0)
        for (uint64_t col = 0; col < n_kick; col++)
            if (!p->col_disabled[col])
                judge_column(w, col);
    if (w->n_saturated > p->tuning.max_saturated)
        miss(w, COND_SATURATION, UINT64_MAX);
}

/* The gateway's life: it acknowledges the arming and, in CLOSED, confirms blocks in time. */
static RT_SAFE void judge_echo(struct workspace *w, const struct params *p)
{
    const int64_t *word = w->actuator.view.head.word;
    uint64_t echoed = w->actuator.alive ? (uint64_t) word[WORD_LAST_CYCLE] : 0;
    bool acknowledged = w->actuator.alive && w->machine.arm_id != 0 &&
                        (uint64_t) word[WORD_ACK_ARM_ID] == w->machine.arm_id;

    if (!acknowledged)
        miss(w, COND_ARM_ACK, UINT64_MAX);
    if (echoed > w->echoed_cycle || w->block_cycle == 0 || w->echoed_cycle >= w->block_cycle)
        w->echoed_ns = w->now_ns;
    w->echoed_cycle = echoed > w->echoed_cycle ? echoed : w->echoed_cycle;
    if (!w->actuator.alive || w->now_ns - w->echoed_ns > p->tuning.actuator_max_age_ns)
        miss(w, COND_ECHO, UINT64_MAX);
}

static RT_SAFE uint64_t worst_row(const struct workspace *w)
{
    uint64_t worst = UINT64_MAX;
    double size = 0.0;

    for (uint64_t row = 0; row < w->n_row; row++) {
        if (w->row_quality[row] == QUALITY_GOOD && fabs(w->error[row]) > size) {
            size = fabs(w->error[row]);
            worst = row;
        }
    }
    return worst;
}

/* A large orbit may be closed on where a capture stage is configured, and is its until it is
 * small.
 */
static RT_SAFE double trip_limit_m(const struct workspace *w, const struct params *p)
{
    const struct capture *capture = &p->tuning.capture;
    bool captures = !state_drives(w->machine.state, w->machine.arm_id) || !w->driving ||
                    w->stepper.capturing;

    return capture->orbit_m > 0.0 && captures
               ? fmax(capture->trip_orbit_m, p->tuning.trip_orbit_m)
               : p->tuning.trip_orbit_m;
}

static RT_SAFE void judge_orbit(struct workspace *w, const struct params *p)
{
    double limit_m = trip_limit_m(w, p);

    if (w->inhibited)
        return;
    if (w->max_x_m > limit_m || w->max_y_m > limit_m)
        miss(w, COND_ORBIT, worst_row(w));
}

void phase_judge(struct workspace *w, const struct params *p)
{
    struct state_limits limits = {.arm_timeout_ns = p->tuning.arm_timeout_ns,
                                  .hold_max_ns = p->tuning.hold_max_ns,
                                  .hold_settle_ns = p->tuning.hold_settle_ns,
                                  .retreats = retreat_is_wanted(p)};

    w->missed = 0;
    for (unsigned condition = 0; condition < COND_COUNT; condition++)
        w->offender_of[condition] = UINT64_MAX;
    judge_actuators(w, p);
    judge_bpms(w, p);
    judge_crowd(w);
    judge_orbit(w, p);
    judge_echo(w, p);
    judge_beam(w, p);
    if (p->unchecked_col != UINT64_MAX)
        miss(w, COND_CHECK, p->unchecked_col);
    if (p->revision == 0)
        miss(w, COND_PARAMETERS, UINT64_MAX);
    if (!w->bpm[0].alive)
        miss(w, COND_PACE, UINT64_MAX);
    if (w->inhibited && w->now_ns - w->inhibit_began_ns > p->tuning.inhibit_max_ns)
        miss(w, COND_INHIBIT, UINT64_MAX);
    if (w->skipped > 0)
        miss(w, COND_TIMING, UINT64_MAX);
    count_missed(w, p);
    state_advance(&w->machine, w->unmet, w->offender, &limits, w->now_ns);
}
