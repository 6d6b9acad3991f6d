/* Phase "correct": the static correction of every cycle, and once per law period the law's step
 * (stepper.c). */
#include "rt/loop/workspace.h"

#include <string.h>

#include "rt/loop/mask.h"

static RT_SAFE void find_masked(const struct workspace *w, const struct params *p,
                                const struct param_block *block, struct mask *mask)
{
    mask->n = 0;
    for (uint64_t row = block->row0; row < block->row0 + block->n_row; row++)
        if (w->row_quality[row] != QUALITY_GOOD && !p->row_disabled[row] &&
            mask->n < MAX_MASKED)
            mask->row[mask->n++] = row;
}

/* K e of one block into c [n_col]; missing errors are replaced on the way. */
static RT_SAFE void correct_block(struct workspace *w, const struct params *p, uint64_t b,
                                  double *c)
{
    const struct param_block *block = &p->block[b];
    struct mask mask;

    find_masked(w, p, block, &mask);
    for (uint64_t i = 0; i < mask.n; i++)
        w->error[mask.row[i]] = 0.0;
    matvec_apply(&p->correct[b], w->error + block->row0, c + block->col0);
    if (mask.n == 0)
        return;
    if (!mask_replace(p, block, &mask, w->error, c + block->col0))
        w->blind = true;
    for (uint64_t i = 0; i < mask.n; i++) {
        w->row_quality[mask.row[i]] |= QUALITY_MASKED;
        w->y[mask.row[i]] = w->reference_m[mask.row[i]] + w->error[mask.row[i]];
    }
}

static RT_SAFE void static_correction(struct workspace *w, const struct params *p)
{
    memset(w->full, 0, w->n_col * sizeof *w->full);
    if (w->blind)
        return;
    for (uint64_t b = 0; b < p->n_block; b++)
        correct_block(w, p, b, w->full);
    for (uint64_t col = 0; col < w->n_col; col++)
        w->full[col] = -w->full[col];
}

void phase_correct(struct workspace *w, const struct params *p)
{
    w->stepped = false;
    if (w->new_frame)
        stepper_learn_period(w);
    if (p->revision == 0)
        return;
    static_correction(w, p);
    if (w->new_frame)
        stepper_take_frame(w, p);
}
