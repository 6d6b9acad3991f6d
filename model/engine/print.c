#include "model/engine/print.h"

#include <inttypes.h>

void result_print(FILE *out, const struct inputs *inputs, const struct result *result)
{
    const struct param_head *head = &result->head;
    const struct lattice *lattice = inputs->lattice;
    const struct orbit_dims *dims = &head->dims;

    fprintf(out, "machine     %s\n", head->origin);
    fprintf(out, "lattice     %s: %u elements, %.6f m\n", inputs->cfg.ring_lattice,
            lattice->n_element, lattice->circumference_m);
    fprintf(out, "tunes       Qx %.7f, Qy %.7f\n", head->tune_x, head->tune_y);
    fprintf(out, "alpha_c     %.7e\n", head->alpha_c);
    fprintf(out, "rf          %.6f MHz\n", head->rf_hz * 1e-6);
    fprintf(out, "orbit       %.3f um at most, without kicks\n", result->orbit_max_m * 1e6);
    fprintf(out,
            "matrix      %" PRIu64 " x %" PRIu64 ": %" PRIu64 " BPMs; %" PRIu64 " H, %" PRIu64
            " V, %" PRIu64 " RF\n",
            dims_n_row(dims), dims_n_col(dims), dims->n_bpm, dims->n_h, dims->n_v, dims->n_rf);
    for (uint64_t b = 0; b < head->n_block; b++)
        fprintf(out, "condition   %.4g of R'R + mu^2, %s, mu %g m/rad\n", head->condition[b],
                head->block[b].row0 ? "vertical" : "horizontal",
                head->block[b].row0 ? inputs->cfg.inverse_mu_v_m_per_rad
                                    : inputs->cfg.inverse_mu_h_m_per_rad);
    for (int i = 0; i < 2; i++)
        fprintf(out,
                "beam basis  %c: %u of %u directions leave %.2g of the orbit of one kick\n",
                "xy"[i], result -> spaces.beam[i].rank, result->spaces.beam[i].n_row,
                result->spaces.beam[i].left);
    fprintf(out,
            "times       optics %.3f ms, closed orbit %.3f ms, response %.3f ms, inverse %.3f "
            "ms, bases %.3f ms\n",
            result->optics_ms, result->orbit_ms, result->response_ms, result->inverse_ms,
            result->spaces_ms);
}
