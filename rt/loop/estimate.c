/* Phase "estimate": on each new frame of the pace, what the beam did since the baseline and
 * which BPMs contradict the others. What it masks is replaced in the same cycle. */
#include "rt/loop/workspace.h"

void phase_estimate(struct workspace *w, const struct params *p)
{
    struct innovation_frame frame = {.y = w->y, .u_eff = w->u_eff, .quality = w->row_quality};

    if (!w->new_frame || !w->bpm[0].alive || w->inhibited || p->revision == 0)
        return;
    innovation_update(&w->innovation, p, &frame);
    for (uint64_t row = 0; row < w->n_row; row++)
        w->row_quality[row] =
            (w->row_quality[row] & ~(uint64_t) QUALITY_MISFIT) | w->innovation.masked[row];
}
