#include "rt/loop/excite.h"

#include <math.h>
#include <string.h>

/* x^11 + x^9 + 1 */
static void fill_prbs(uint64_t *bits)
{
    unsigned state = 1;

    for (unsigned i = 0; i < EXCITE_PRBS_LENGTH; i++) {
        unsigned bit = ((state >> 10) ^ (state >> 8)) & 1;

        bits[i / 64] |= (uint64_t) (state & 1) << (i % 64);
        state = (state << 1 | bit) & 0x7ff;
    }
}

void excite_plan_init(struct excite_plan *plan, enum excite_kind kind, uint64_t n_col)
{
    memset(plan, 0, sizeof *plan);
    plan->kind = kind;
    plan->n_col = n_col;
    plan->hold = 1;
    plan->n_code = 1;
    for (unsigned i = 0; i <= EXCITE_SINE_POINTS; i++)
        plan->sine[i] = sin(2.0 * M_PI * i / EXCITE_SINE_POINTS);
    fill_prbs(plan->prbs);
}

uint64_t excite_turns(double turns)
{
    double part = turns - floor(turns);

    return part >= 1.0 ? 0 : (uint64_t) (part * 0x1p64);
}

static enum rc check_wave(const struct excite_plan *plan, uint64_t col, double most_rad)
{
    const struct excite_wave *wave = &plan->wave[col];

    if (!(fabs(wave->amplitude) <= most_rad))
        return err_set(RC_RANGE, "column %llu: an amplitude of %g rad, at most %g is allowed",
                       (unsigned long long) col, wave->amplitude, most_rad);
    if (plan->kind == EXCITE_CODE && wave->phase >= plan->n_code)
        return err_set(RC_RANGE, "column %llu: row %llu of a code of %llu",
                       (unsigned long long) col, (unsigned long long) wave->phase,
                       (unsigned long long) plan->n_code);
    return RC_OK;
}

enum rc excite_plan_check(const struct excite_plan *plan, double most_rad)
{
    bool any = false;
    enum rc rc = RC_OK;

    if (plan->kind >= EXCITE_KINDS || plan->n_col > ORBIT_MAX_COL)
        return err_set(RC_RANGE, "an unknown kind of excitation, or too many columns");
    if (plan->n_level < 1 || plan->hold < 1)
        return err_set(RC_RANGE, "an excitation of %llu levels, %llu law steps each",
                       (unsigned long long) plan->n_level, (unsigned long long) plan->hold);
    if (plan->n_code < 1 || (plan->n_code & (plan->n_code - 1)))
        return err_set(RC_RANGE, "a code of %llu levels: a power of two is needed",
                       (unsigned long long) plan->n_code);
    for (uint64_t col = 0; col < plan->n_col && rc == RC_OK; col++) {
        any = any || fabs(plan->wave[col].amplitude) > 0.0;
        rc = check_wave(plan, col, most_rad);
    }
    return rc == RC_OK && !any ? err_set(RC_RANGE, "no corrector is excited") : rc;
}

static RT_SAFE double sine_at(const struct excite_plan *plan, uint64_t turns)
{
    uint64_t point = turns >> 52;
    double part = (double) (turns & 0xfffffffffffffULL) * 0x1p-52;

    return plan->sine[point] + part * (plan->sine[point + 1] - plan->sine[point]);
}

/* Levels in a disorder of their own, a one-to-one map of 0 ... n_code - 1: in the matrix's own
 * order some rows hardly change their sign, and would not be told from drift. */
static RT_SAFE uint64_t disorder(uint64_t level, uint64_t n_code)
{
    unsigned half = (unsigned) __builtin_ctzll(n_code) / 2 + 1;
    uint64_t mixed = level % n_code;

    for (unsigned round = 0; round < 3; round++) {
        mixed = mixed * 0x9e3779b97f4a7c15ULL & (n_code - 1);
        mixed ^= mixed >> half;
        mixed = (mixed * 0x2545f4914f6cdd1dULL + 1) & (n_code - 1);
    }
    return mixed;
}

/* Sylvester's matrix has -1 where the bits that row and column share are odd in number. */
static RT_SAFE bool code_is_negative(uint64_t row, uint64_t level, uint64_t n_code)
{
    return __builtin_parityll(row & disorder(level, n_code));
}

double excite_value(const struct excite_plan *plan, uint64_t col, uint64_t level)
{
    const struct excite_wave *wave = &plan->wave[col];
    uint64_t bit = level % EXCITE_PRBS_LENGTH, turns;

    if (plan->kind == EXCITE_PRBS)
        return plan->prbs[bit / 64] >> (bit % 64) & 1 ? wave->amplitude : -wave->amplitude;
    if (plan->kind == EXCITE_CODE)
        return code_is_negative(wave->phase, level, plan->n_code) ? -wave->amplitude
                                                                  : wave->amplitude;
    turns = wave->phase + wave->rate * level +
            (uint64_t) wave->chirp * (level * (level ? level - 1 : 0) / 2);
    return wave->amplitude * sine_at(plan, turns);
}

/* ---- playing ---- */

void excite_start(struct excite *excite, const struct excite_plan *plan)
{
    excite->plan = plan;
    excite->step = 0;
    excite->ending = false;
    excite->done = false;
}

void excite_drop(struct excite *excite, uint64_t n_col)
{
    excite_start(excite, NULL);
    memset(excite->wanted, 0, n_col * sizeof *excite->wanted);
    memset(excite->contained, 0, n_col * sizeof *excite->contained);
}

void excite_advance(struct excite *excite, uint64_t n_col)
{
    const struct excite_plan *plan = excite->plan;
    uint64_t level;

    if (!plan)
        return;
    level = excite->step / plan->hold;
    if (excite->ending || level >= plan->n_level) {
        memset(excite->wanted, 0, n_col * sizeof *excite->wanted);
        excite->done = true;
        return;
    }
    for (uint64_t col = 0; col < n_col; col++)
        excite->wanted[col] = excite_value(plan, col, level);
    excite->step++;
}

uint64_t excite_level(const struct excite *excite)
{
    if (!excite->plan || excite->done || excite->step == 0)
        return 0;
    return (excite->step - 1) / excite->plan->hold + 1;
}
