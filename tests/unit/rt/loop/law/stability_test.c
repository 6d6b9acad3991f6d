/* What errors of the response matrix do to the laws, by running them: gains of BPMs and
 * correctors 20 % wrong are borne with every number of modes, elements 20 % wrong are not. A
 * smooth ring of 104 monitors and 48 correctors stands for a machine; ORBIT_MEASURED_MATRIX
 * names a file with a measured one instead, rows of numbers separated by commas, monitors by
 * correctors. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/inverse.h"
#include "model/plant/random.h"
#include "rt/loop/law/law.h"

enum { MOST_ROW = 160, MOST_COL = 64, STEPS = 30000 };

static double r_model[MOST_ROW * MOST_COL], r_true[MOST_ROW * MOST_COL];
static double k[MOST_COL * MOST_ROW];
static uint32_t n_row, n_col;

/* sqrt(beta_i beta_j) cos(pi Q - |phi_i - phi_j|)/(2 sin pi Q), in m/rad. */
static void make_ring(void)
{
    const double tune = 17.85;

    n_row = 104;
    n_col = 48;
    for (uint32_t i = 0; i < n_row; i++)
        for (uint32_t j = 0; j < n_col; j++) {
            double at = (i + 0.3 * sin(i * 2.0)) / n_row,
                   from = (j + 0.3 * cos(j * 3.0)) / n_col;
            double beta_i = 8.0 + 6.0 * cos(2.0 * M_PI * 16.0 * at);
            double beta_j = 8.0 + 6.0 * cos(2.0 * M_PI * 16.0 * from);

            r_model[i * n_col + j] = sqrt(beta_i * beta_j) *
                                     cos(M_PI * tune - 2.0 * M_PI * tune * fabs(at - from)) /
                                     (2.0 * sin(M_PI * tune));
        }
}

/* false: no such file is named. */
static bool read_measured(void)
{
    const char *path = getenv("ORBIT_MEASURED_MATRIX");
    static char line[16384];
    FILE *in = path ? fopen(path, "r") : NULL;

    if (!in)
        return false;
    n_row = 0;
    while (n_row < MOST_ROW && fgets(line, sizeof line, in)) {
        uint32_t j = 0;

        for (char *at = line, *end; j < MOST_COL; at = end + (*end == ','), j++) {
            double value = strtod(at, &end);

            if (end == at)
                break;
            r_model[n_row * MOST_COL + j] = value;
        }
        if (j > 0) {
            n_col = j;
            n_row++;
        }
    }
    fclose(in);
    for (uint32_t i = 0; i < n_row; i++)
        memmove(r_model + i * n_col, r_model + i * MOST_COL, n_col * sizeof *r_model);
    return n_row > 0;
}

static int set_up(void **state)
{
    (void) state;
    if (!read_measured())
        make_ring();
    return 0;
}

static void invert(uint32_t modes)
{
    struct inverse_block block = {
        .matrix = r_model, .stride = n_col, .n_row = n_row, .n_col = n_col};

    if (inverse_truncated(&block, modes, k, NULL) != RC_OK)
        fail_msg("%s", err_text());
}

static void spoil_gains(struct random *random)
{
    double row[MOST_ROW], col[MOST_COL];

    for (uint32_t i = 0; i < n_row; i++)
        row[i] = 1.0 + 0.2 * random_normal(random);
    for (uint32_t j = 0; j < n_col; j++)
        col[j] = 1.0 + 0.2 * random_normal(random);
    for (uint32_t i = 0; i < n_row; i++)
        for (uint32_t j = 0; j < n_col; j++)
            r_true[i * n_col + j] = r_model[i * n_col + j] * row[i] * col[j];
}

static void spoil_elements(struct random *random)
{
    for (uint32_t i = 0; i < n_row * n_col; i++)
        r_true[i] = r_model[i] * (1.0 + 0.2 * random_normal(random));
}

static void make_terms(struct law_terms *terms, enum law_kind kind)
{
    double lower[MOST_COL], upper[MOST_COL], pole_hz[MOST_COL];
    struct law_settings settings = {.kind = kind,
                                    .ki = 0.02,
                                    .bandwidth_hz = 32.0,
                                    .lead_max = 20.0,
                                    .delay_s = 700e-6,
                                    .period_s = 1e-4};
    struct law_columns columns = {
        .n_col = n_col, .lower = lower, .upper = upper, .pole_hz = pole_hz};

    for (uint32_t j = 0; j < n_col; j++) {
        lower[j] = -(double) INFINITY;
        upper[j] = (double) INFINITY;
        pole_hz[j] = 500.0;
    }
    if (law_terms_make(terms, &settings, &columns) != RC_OK)
        fail_msg("%s", err_text());
}

/* The machine: set points through 7 steps of delay and the pole, then r_true. K R_true is made
 * once, the law's v = -(K R_true u + K d). */
struct run {
    struct law_terms terms;
    struct law_state *state;
    double kr[MOST_COL * MOST_COL], kd[MOST_COL], past[8][MOST_COL], kick[MOST_COL];
};

static void project(struct run *run)
{
    for (uint32_t a = 0; a < n_col; a++) {
        run->kd[a] = 0.0;
        for (uint32_t i = 0; i < n_row; i++)
            run->kd[a] += k[a * n_row + i] * 1e-5 * sin(1.0 + 2.3 * i);
        for (uint32_t b = 0; b < n_col; b++) {
            run->kr[a * n_col + b] = 0.0;
            for (uint32_t i = 0; i < n_row; i++)
                run->kr[a * n_col + b] += k[a * n_row + i] * r_true[i * n_col + b];
        }
    }
}

static void one_step(struct run *run, unsigned step, double *u)
{
    const double pole = exp(-2.0 * M_PI * 500.0 * 1e-4);
    double v[MOST_COL], next[MOST_COL], moved[MOST_COL], *arrived = run->past[step % 8];
    uint64_t saturated[MOST_COL];
    struct law_input in = {.v = v, .u_now = u, .gain = 1.0, .step_scale = 1.0, .closed = true};
    struct law_output out = {.u = next, .step = moved, .saturated = saturated};

    for (uint32_t j = 0; j < n_col; j++)
        run->kick[j] = arrived[j] + pole * (run->kick[j] - arrived[j]);
    for (uint32_t a = 0; a < n_col; a++) {
        v[a] = -run->kd[a];
        for (uint32_t b = 0; b < n_col; b++)
            v[a] -= run->kr[a * n_col + b] * run->kick[b];
    }
    law_step(&run->terms, run->state, &in, &out);
    memcpy(u, next, n_col * sizeof *u);
    memcpy(arrived, u, n_col * sizeof *u);
}

/* Whether set points have come to rest, or are on their way there, after 3 s. */
static bool is_stable(enum law_kind kind)
{
    static struct run run;
    double u[MOST_COL] = {0}, largest[2] = {0};

    memset(&run, 0, sizeof run);
    run.state = law_state_init(aligned_alloc(CACHE_LINE, law_state_size(n_col)), n_col);
    make_terms(&run.terms, kind);
    project(&run);
    for (unsigned step = 0; step < STEPS && largest[0] < 1e3 && largest[1] < 1e3; step++) {
        one_step(&run, step, u);
        for (uint32_t j = 0; j < n_col; j++)
            largest[step > STEPS / 2] = fmax(largest[step > STEPS / 2], fabs(u[j]));
    }
    free(run.state);
    return largest[0] < 1e3 && largest[1] <= 1.5 * largest[0];
}

static const enum law_kind kinds[] = {LAW_PI, LAW_IMC};

static void gains_a_fifth_wrong_are_borne_with_every_number_of_modes(void **state)
{
    static const uint32_t modes[] = {8, 15, 26, 40, 48};

    (void) state;
    for (unsigned m = 0; m < sizeof modes / sizeof modes[0]; m++) {
        struct random random;

        random_seed(&random, 3 + m);
        invert(modes[m] < n_col ? modes[m] : n_col);
        spoil_gains(&random);
        for (unsigned i = 0; i < 2; i++)
            if (!is_stable(kinds[i]))
                fail_msg("law %u is not stable with %u modes", i, modes[m]);
    }
}

static void elements_a_fifth_wrong_are_not_borne_by_weak_modes(void **state)
{
    struct random random;

    (void) state;
    random_seed(&random, 5);
    spoil_elements(&random);
    invert(12);
    assert_true(is_stable(LAW_PI));
    assert_true(is_stable(LAW_IMC));
    invert(n_col);
    assert_false(is_stable(LAW_PI));
    assert_false(is_stable(LAW_IMC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(gains_a_fifth_wrong_are_borne_with_every_number_of_modes,
                               set_up),
        cmocka_unit_test_setup(elements_a_fifth_wrong_are_not_borne_by_weak_modes, set_up),
    };

    return cmocka_run_group_tests_name("law/stability", tests, NULL, NULL);
}
