/* The numbers that a user of the virtual BESSY II is told. Where the folder of measured
 * matrices is known (ORBIT_MEASURED_MATRICES), they are judged as well; a perturbed model
 * stands for them everywhere else. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/loop/design.h"
#include "tests/support/temp_files.h"

static const char *const config = ORBIT_SOURCE_DIR "/config/bessy2-virtual.yaml";

static struct design judged(const struct design_request *request)
{
    struct design design;

    assert_int_equal(design_load(&design, request), RC_OK);
    assert_int_equal(design_compute(&design), RC_OK);
    return design;
}

static void noise_of_a_corrector_is_known_for_bessy2(void **state)
{
    struct design_request request = {.config_path = config};
    struct design tikhonov = judged(&request);
    struct design whole;

    (void) state;
    request.modes = 48;
    whole = judged(&request);
    /* Tikhonov 1 m/rad: 0.35 urad rms per um; all vertical modes: 0.90. */
    assert_close(tikhonov.plane[1].noise_static, 0.35, 0.02, 0);
    assert_true(tikhonov.plane[1].noise_closed < 0.1 * tikhonov.plane[1].noise_static);
    assert_int_equal(tikhonov.plane[0].n_col, 48);
    assert_int_equal(tikhonov.plane[1].n_col, 64);
    assert_true(tikhonov.enough);
    assert_true(whole.plane[0].noise_static > tikhonov.plane[0].noise_static);
    design_free(&tikhonov);
    design_free(&whole);
    request.config_path = temp_file("all.yaml", "inverse:\n  mu_v_m_per_rad: 1e-6\n");
    request = (struct design_request){.config_path = config, .law_path = request.config_path};
    whole = judged(&request);
    assert_close(whole.plane[1].noise_static, 0.90, 0.02, 0);
    design_free(&whole);
}

static void errors_of_gains_are_borne_and_those_of_elements_are_predicted(void **state)
{
    struct design_request request = {
        .config_path = config,
        .size = {[MISMATCH_GAINS] = 0.2, [MISMATCH_ELEMENTS] = 0.2},
        .trials = 10,
        .seed = 5,
        .modes = 15};
    struct design few = judged(&request), many;

    (void) state;
    request.modes = 40;
    many = judged(&request);
    assert_true(few.enough);
    assert_int_equal(few.plane[0].mismatch[MISMATCH_ELEMENTS].n_stable, 10);
    assert_int_equal(many.plane[0].mismatch[MISMATCH_GAINS].n_stable, 10);
    assert_int_equal(many.plane[0].mismatch[MISMATCH_ELEMENTS].n_stable, 0);
    assert_int_equal(many.plane[0].mismatch[MISMATCH_ELEMENTS].n_never, 10);
    assert_true(many.plane[0].mismatch[MISMATCH_ELEMENTS].least_real < 0);
    assert_false(many.enough);
    design_free(&few);
    design_free(&many);
}

static void errors_of_tune_and_focusing_are_borne_by_the_default_law(void **state)
{
    struct design_request request = {.config_path = config,
                                     .size = {[MISMATCH_TUNE] = 0.1, [MISMATCH_BETA] = 0.1},
                                     .trials = 4,
                                     .seed = 2};
    struct design design = judged(&request);

    (void) state;
    for (int which = 0; which < DESIGN_PLANES; which++) {
        assert_int_equal(design.plane[which].mismatch[MISMATCH_TUNE].n_stable, 4);
        assert_int_equal(design.plane[which].mismatch[MISMATCH_BETA].n_stable, 4);
    }
    design_free(&design);
}

static void a_law_that_is_too_fast_for_its_delay_is_refused(void **state)
{
    struct design_request request = {
        .config_path = config,
        .law_path =
            temp_file("fast.yaml", "epics:\n  write_hz: 100\nlaw:\n  every: 10\n  ki: 0.5\n")};
    struct design design = judged(&request);

    (void) state;
    assert_close(design.loop[0].period_s, 0.01, 1e-12, 0);
    assert_false(design.enough);
    assert_true(design.plane[0].nominal.margin.gain < 2);
    design_free(&design);
}

static void a_file_can_be_the_machine_if_it_has_its_shape(void **state)
{
    struct design_request request = {.config_path = config,
                                     .response = {temp_file("few.csv", "1,2\n3,4\n"), NULL}};
    struct design design;

    (void) state;
    assert_int_equal(design_load(&design, &request), RC_INPUT);
    assert_non_null(strstr(err_text(), "few.csv: 2 columns, but there are 48 H"));
    design_free(&design);
}

static void a_tune_error_of_a_matrix_from_a_file_is_refused(void **state)
{
    char row[48 * 8 + 1] = "", *at = row;
    struct design_request request = {
        .config_path = config, .size = {[MISMATCH_TUNE] = 0.1}, .trials = 1};
    struct design design;

    (void) state;
    for (int j = 0; j < 48; j++)
        at += sprintf(at, "%s%d", j ? "," : "", j + 1);
    request.matrix[0] = temp_file("one.csv", row);
    assert_int_equal(design_load(&design, &request), RC_OK);
    assert_int_equal(design_compute(&design), RC_INPUT);
    assert_non_null(strstr(err_text(), "mismatch tune"));
    design_free(&design);
}

static void measured_matrix_bears_what_theory_says(void **state)
{
    const char *folder = getenv("ORBIT_MEASURED_MATRICES");
    char path[DESIGN_PLANES][512];
    struct design_request request = {
        .config_path = config,
        .size = {[MISMATCH_GAINS] = 0.2, [MISMATCH_ELEMENTS] = 0.2},
        .trials = 10,
        .seed = 1,
        .modes = 15};
    struct design design;

    (void) state;
    if (!folder)
        skip();
    for (int which = 0; which < DESIGN_PLANES; which++) {
        snprintf(path[which], sizeof path[which], "%s/FOFBsim_Smat%c.csv", folder,
                 which ? 'Y' : 'X');
        request.matrix[which] = path[which];
    }
    design = judged(&request);
    assert_true(design.enough);
    assert_close(design.plane[0].mode[0].singular / design.plane[0].mode[47].singular, 236, 0.2,
                 0);
    design_free(&design);
    request.modes = 30;
    design = judged(&request);
    assert_int_equal(design.plane[0].mismatch[MISMATCH_GAINS].n_stable, 10);
    assert_true(design.plane[0].mismatch[MISMATCH_ELEMENTS].n_never > 0);
    assert_false(design.enough);
    design_free(&design);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_of_a_corrector_is_known_for_bessy2),
        cmocka_unit_test(errors_of_gains_are_borne_and_those_of_elements_are_predicted),
        cmocka_unit_test(errors_of_tune_and_focusing_are_borne_by_the_default_law),
        cmocka_unit_test(a_law_that_is_too_fast_for_its_delay_is_refused),
        cmocka_unit_test(a_file_can_be_the_machine_if_it_has_its_shape),
        cmocka_unit_test(a_tune_error_of_a_matrix_from_a_file_is_refused),
        cmocka_unit_test(measured_matrix_bears_what_theory_says),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
