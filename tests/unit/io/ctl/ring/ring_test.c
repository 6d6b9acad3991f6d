/* Changes to a ring, near names, options, optics within elements, CSV. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ring/beam.h"
#include "io/ctl/ring/change.h"
#include "io/ctl/ring/finer.h"
#include "io/ctl/ring/near.h"
#include "io/ctl/ring/request.h"
#include "io/ctl/ring/table.h"
#include "model/closed_orbit.h"
#include "tests/support/ring_file.h"

static struct lattice *ring; /* FODO: 12 equal cells */

static int load(void **state)
{
    (void) state;
    ring = ring_file_lattice("fodo");
    return 0;
}

static int unload(void **state)
{
    (void) state;
    lattice_destroy(ring);
    return 0;
}

static const struct element *first(const char *name)
{
    int64_t i = lattice_find(ring, name, 0);

    assert_true(i >= 0);
    return &ring->element[i];
}

static void assert_says(const char *text)
{
    if (!strstr(err_text(), text))
        fail_msg("\"%s\" does not say \"%s\"", err_text(), text);
}

/* ---- names --------------------------------------------------------------------------- */

static void distance_counts_letters_in_halves(void **state)
{
    (void) state;
    assert_int_equal(near_distance("QF", "QF", 9), 0);
    assert_int_equal(near_distance("QF", "qF", 9), 1);
    assert_int_equal(near_distance("QF", "QD", 9), 2);
    assert_int_equal(near_distance("Q1M1D1R", "Q1M1D", 9), 4);
    assert_int_equal(near_distance("", "abc", 9), 6);
    assert_int_equal(near_distance("aaaaaaaa", "bbbbbbbb", 3), 6);
}

static void the_nearest_names_come_first_and_once(void **state)
{
    struct near near = {.wanted = "QUAD1"};
    char text[NEAR_TEXT];

    (void) state;
    near_offer(&near, "QUAD22");
    near_offer(&near, "QUAD2");
    near_offer(&near, "SEXT");
    near_offer(&near, "QUAD2");
    near_offer(&near, "quad1");
    near_text(&near, text, sizeof text);
    assert_string_equal(text, "; near it: QUAD2, QUAD22, quad1");
}

/* ---- changes ------------------------------------------------------------------------- */

static void a_field_is_set_on_every_element_of_the_name(void **state)
{
    uint32_t n = 0;

    (void) state;
    assert_int_equal(change_set(ring, "QF.k1=1.25", &n), RC_OK);
    assert_int_equal(n, 12);
    for (uint32_t i = 0; i < ring->n_element; i++)
        if (strcmp(ring->element[i].name, "QF") == 0)
            assert_true(ring->element[i].b[1] == 1.25);
    assert_int_equal(change_set(ring, "SF.k2=3", &n), RC_OK);
    assert_close(first("SF")->b[2], 1.5, 1e-15, 0);
    assert_int_equal(change_set(ring, "QF.a1=-0.01", &n), RC_OK);
    assert_close(first("QF")->a[1], -0.01, 1e-15, 0);
}

static void one_occurrence_is_set_alone(void **state)
{
    uint32_t n = 0;

    (void) state;
    assert_int_equal(change_set(ring, "QF#3.dy=1e-4", &n), RC_OK);
    assert_int_equal(n, 1);
    assert_true(first("QF")->dy_m == 0);
    assert_true(ring->element[lattice_find(ring, "QF", 3)].dy_m == 1e-4);
    assert_false(closed_orbit_is_design(ring));
}

static void the_main_strength_of_a_family_is_scaled(void **state)
{
    double qf = first("QF")->b[1], qd = first("QD")->b[1], sf = first("SF")->b[2];
    uint32_t n = 0;

    (void) state;
    assert_int_equal(change_scale(ring, "Q*=1.01", &n), RC_OK);
    assert_int_equal(n, 24);
    assert_close(first("QF")->b[1], 1.01 * qf, 1e-15, 0);
    assert_close(first("QD")->b[1], 1.01 * qd, 1e-15, 0);
    assert_true(first("SF")->b[2] == sf);
    assert_int_equal(change_scale(ring, "SF.k2=0.5", &n), RC_OK);
    assert_close(first("SF")->b[2], 0.5 * sf, 1e-15, 0);
    assert_true(closed_orbit_is_design(ring));
}

static void kicks_go_to_the_element_of_the_corrector_and_add_up(void **state)
{
    const struct element *element = &ring->element[ring->hcorrector[1].element];

    (void) state;
    assert_int_equal(change_kick(ring, "H02=25"), RC_OK);
    assert_int_equal(change_kick(ring, "H02=5"), RC_OK);
    assert_int_equal(change_kick(ring, "V02=-10"), RC_OK);
    assert_close(element->hkick_rad, 30e-6, 1e-12, 0);
    assert_close(element->vkick_rad, -10e-6, 1e-12, 0);
}

static void wrong_changes_say_what_is_wrong_and_change_nothing(void **state)
{
    static const struct {
        const char *text;
        enum rc rc;
        const char *says;
    } faults[] = {{"QG.k1=1", RC_INPUT, "no element QG; near it: QF, QD"},
                  {"QF.k9=1", RC_INPUT, "there is no field k9"},
                  {"QF.k1", RC_INPUT, "wants ELEMENT.field=value"},
                  {"QF=1", RC_INPUT, "wants ELEMENT.field=value"},
                  {"QF.k1=", RC_INPUT, "nothing is not a number"},
                  {"QF.k1=1x", RC_INPUT, "1x is not a number"},
                  {"QF.k1=nan", RC_INPUT, "nan is not a number"},
                  {"QF.k1=5000", RC_RANGE, "outside -1000 to 1000"},
                  {"QF.dx=1", RC_RANGE, "outside -0.1 to 0.1"},
                  {"QF#12.k1=1", RC_INPUT, "no element QF number 12"},
                  {"QF#x.k1=1", RC_INPUT, "wants ELEMENT.field=value"},
                  {"BPM.k1=1", RC_INPUT, "BPM has no k1, it is not a magnet"},
                  {"QF.a16=1", RC_INPUT, "there is no field a16"},
                  {"*.k1=1", RC_INPUT, "it is not a magnet"}};
    double before = first("QF")->b[1];

    (void) state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        assert_int_equal(change_set(ring, faults[i].text, NULL), faults[i].rc);
        assert_says(faults[i].says);
    }
    assert_true(first("QF")->b[1] == before && first("QF")->dx_m == 0);
}

static void wrong_factors_and_kicks_are_refused(void **state)
{
    (void) state;
    assert_int_equal(change_scale(ring, "BPM=2", NULL), RC_INPUT);
    assert_says("none of the 24 elements is a magnet");
    assert_int_equal(change_scale(ring, "QF=1e9", NULL), RC_RANGE);
    assert_int_equal(change_scale(ring, "X*=1", NULL), RC_INPUT);
    assert_int_equal(change_kick(ring, "H2=5"), RC_INPUT);
    assert_says("no corrector H2; near it: ");
    assert_int_equal(change_kick(ring, "H02=1e7"), RC_RANGE);
    assert_int_equal(change_kick(ring, "H02"), RC_INPUT);
    assert_true(closed_orbit_is_design(ring));
}

/* ---- options ------------------------------------------------------------------------- */

static struct request request;

static enum rc take(int count, ...)
{
    static char *words[16];
    struct args args = {.count = count, .item = words};
    va_list list;

    va_start(list, count);
    for (int i = 0; i < count; i++)
        words[i] = va_arg(list, char *);
    va_end(list);
    return request_take(&request, &args, false, "4d|fixed-rf");
}

static void options_are_understood(void **state)
{
    (void) state;
    assert_int_equal(take(8, "--mode", "fixed-rf", "--integrator=at", "--set", "QF.k1=1",
                          "--set", "QD.k1=2", "--kick=H01=3"),
                     RC_OK);
    assert_int_equal(request.mode, RING_FIXED_RF);
    assert_int_equal(request.integrator, INTEGRATOR_AT);
    assert_int_equal(request.n_change, 3);
    assert_string_equal(request.change[1].text, "QD.k1=2");
    assert_int_equal(request.change[2].kind, CHANGE_KICK);
    assert_true(request_wants_text(&request));
    assert_int_equal(take(2, "--csv", "-"), RC_OK);
    assert_false(request_wants_text(&request));
}

static void wrong_options_are_refused(void **state)
{
    (void) state;
    assert_int_equal(take(2, "--mode", "6d"), RC_INPUT);
    assert_says("wants 4d|fixed-rf");
    assert_int_equal(take(2, "--mode", "fixed"), RC_INPUT);
    assert_int_equal(take(2, "--mode", ""), RC_INPUT);
    assert_int_equal(take(2, "--integrator", "runge"), RC_INPUT);
    assert_int_equal(take(2, "--plot", "a.pdf"), RC_INPUT);
    assert_int_equal(take(1, "--set"), RC_INPUT);
}

/* ---- curves and tables --------------------------------------------------------------- */

/* The ring in pieces is the same ring: its optics at the old places, and on the way. */
static void a_finer_ring_has_the_same_optics(void **state)
{
    struct lattice *finer;
    struct beam whole, pieces;
    uint32_t at = 0;

    (void) state;
    assert_int_equal(finer_ring(&finer, ring, 0.05), RC_OK);
    assert_true(finer->n_element > 5 * ring->n_element);
    assert_int_equal(beam_compute(&whole, ring, INTEGRATOR_EXACT, RING_4D), RC_OK);
    assert_int_equal(beam_compute(&pieces, finer, INTEGRATOR_EXACT, RING_4D), RC_OK);
    for (uint32_t i = 0; i < ring->n_element; i++) {
        while (strcmp(finer->element[at].name, ring->element[i].name) != 0 ||
               finer->s_m[at] < ring->s_m[i] - 1e-9)
            at++;
        assert_close(finer->s_m[at], ring->s_m[i], 0, 1e-9);
        assert_close(pieces.beta_x_m[at], whole.beta_x_m[i], 1e-10, 0);
        assert_close(pieces.beta_y_m[at], whole.beta_y_m[i], 1e-10, 0);
        assert_close(pieces.eta_x_m[at], whole.eta_x_m[i], 1e-10, 1e-12);
    }
    assert_close(pieces.tune[1], whole.tune[1], 0, 1e-12);
    assert_close(pieces.alpha_c, whole.alpha_c, 1e-10, 0);
    beam_free(&whole);
    beam_free(&pieces);
    lattice_destroy(finer);
}

/* The same with everything that couples and kicks, about the closed orbit. */
static void a_finer_ring_has_the_same_coupled_optics(void **state)
{
    struct lattice *finer;
    struct beam whole, pieces;
    uint32_t last;

    (void) state;
    assert_true(closed_orbit_is_design(ring));
    assert_int_equal(change_set(ring, "QF#3.tilt=0.002", NULL), RC_OK);
    assert_false(closed_orbit_is_design(ring));
    assert_int_equal(change_set(ring, "B#5.tilt=0.001", NULL), RC_OK);
    assert_int_equal(change_set(ring, "COR#7.hkick=1e-4", NULL), RC_OK);
    assert_int_equal(change_set(ring, "SF#2.vkick=1e-4", NULL), RC_OK);
    assert_int_equal(finer_ring(&finer, ring, 0.05), RC_OK);
    assert_int_equal(beam_compute(&whole, ring, INTEGRATOR_EXACT, RING_6D), RC_OK);
    assert_int_equal(beam_compute(&pieces, finer, INTEGRATOR_EXACT, RING_6D), RC_OK);
    last = finer->n_element;
    assert_close(pieces.x_m[last], whole.x_m[ring->n_element], 0, 1e-10);
    assert_close(pieces.y_m[last], whole.y_m[ring->n_element], 0, 1e-10);
    assert_close(pieces.delta, whole.delta, 0, 1e-10);
    assert_close(pieces.beta_x_m[last], whole.beta_x_m[ring->n_element], 1e-6, 0);
    assert_close(pieces.beta_x_mode2_m[last], whole.beta_x_mode2_m[ring->n_element], 1e-5, 0);
    assert_close(pieces.synchrotron_tune, whole.synchrotron_tune, 0, 1e-9);
    assert_true(fabs(whole.x_m[0]) > 1e-6 && fabs(whole.y_m[0]) > 1e-6);
    assert_true(beam_coupling(&whole, 0) > 1e-4 && beam_coupling(&whole, 1) > 1e-4);
    beam_free(&whole);
    beam_free(&pieces);
    lattice_destroy(finer);
}

static void a_table_is_a_line_of_names_and_one_per_element(void **state)
{
    struct table table = {.ring = ring};
    char *text = NULL;
    size_t size;
    unsigned lines = 0;
    FILE *file = open_memstream(&text, &size);

    (void) state;
    assert_non_null(file);
    table_add(&table, "s_again_m", ring->s_m, 1);
    table_write_csv(file, &table);
    csv_name(file, "a,\"b\"");
    fclose(file);
    assert_memory_equal(text, "name,kind,s_m,length_m,s_again_m\nBPM,Monitor,0,0,0\n", 51);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, ring->n_element + 1);
    assert_string_equal(strrchr(text, '\n') + 1, "\"a,\"\"b\"\"\"");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_letters_in_halves),
        cmocka_unit_test(the_nearest_names_come_first_and_once),
        cmocka_unit_test_setup_teardown(a_field_is_set_on_every_element_of_the_name, load,
                                        unload),
        cmocka_unit_test_setup_teardown(one_occurrence_is_set_alone, load, unload),
        cmocka_unit_test_setup_teardown(the_main_strength_of_a_family_is_scaled, load, unload),
        cmocka_unit_test_setup_teardown(kicks_go_to_the_element_of_the_corrector_and_add_up,
                                        load, unload),
        cmocka_unit_test_setup_teardown(wrong_changes_say_what_is_wrong_and_change_nothing,
                                        load, unload),
        cmocka_unit_test_setup_teardown(wrong_factors_and_kicks_are_refused, load, unload),
        cmocka_unit_test(options_are_understood),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test_setup_teardown(a_finer_ring_has_the_same_optics, load, unload),
        cmocka_unit_test_setup_teardown(a_finer_ring_has_the_same_coupled_optics, load, unload),
        cmocka_unit_test_setup_teardown(a_table_is_a_line_of_names_and_one_per_element, load,
                                        unload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
