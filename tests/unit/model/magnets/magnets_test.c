#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/magnets/magnets.h"
#include "model/optics.h"
#include "tests/support/ring_file.h"

static struct magnets *read_table(const char *path, const char *reference)
{
    struct magnets *magnets = NULL;
    size_t size;
    char *text = ring_file_text(path, &size);

    if (magnets_read(&magnets, text, size, path, reference) != RC_OK)
        fail_msg("%s", err_text());
    free(text);
    return magnets;
}

static double tune_x(const struct lattice *lattice)
{
    struct optics *optics;
    double tune;

    assert_int_equal(optics_create(&optics, lattice->n_element), RC_OK);
    assert_int_equal(optics_compute(optics, lattice, INTEGRATOR_EXACT), RC_OK);
    tune = optics->tune_x;
    optics_destroy(optics);
    return tune;
}

static void apply_references(const struct magnets *magnets, struct lattice *lattice,
                             double energy_gev)
{
    double *input = calloc(magnets->n_converter, sizeof *input);

    magnets_reference_inputs(magnets, input);
    if (magnets_apply(magnets, lattice, energy_gev, input) != RC_OK)
        fail_msg("%s", err_text());
    free(input);
}

static void reference_currents_give_the_ring_as_it_is_written(const char *ring,
                                                              const char *table)
{
    struct lattice *lattice = ring_file_lattice(ring), *set;
    struct magnets *magnets = read_table(table, NULL);

    assert_int_equal(magnets_bind(magnets, lattice), RC_OK);
    assert_int_equal(lattice_copy(&set, lattice), RC_OK);
    apply_references(magnets, set, magnets->energy_gev);
    for (uint32_t i = 0; i < lattice->n_element; i++)
        for (unsigned n = 0; n < ELEMENT_TERMS; n++)
            assert_close(set->element[i].b[n], lattice->element[i].b[n], 1e-9, 1e-12);
    lattice_destroy(set);
    lattice_destroy(lattice);
    magnets_destroy(magnets);
}

static void bessy_ii_at_its_reference_currents_is_its_lattice(void **state)
{
    (void) state;
    reference_currents_give_the_ring_as_it_is_written("bessy2", "lattices/bessy2/magnets.json");
}

static void mls_at_its_reference_currents_is_its_lattice(void **state)
{
    (void) state;
    reference_currents_give_the_ring_as_it_is_written("mls", "lattices/mls/magnets.json");
}

static void every_quadrupole_and_sextupole_of_bessy_ii_is_fed(void **state)
{
    struct lattice *lattice = ring_file_lattice("bessy2");
    struct magnets *magnets = read_table("lattices/bessy2/magnets.json", NULL);

    (void) state;
    assert_int_equal(magnets_bind(magnets, lattice), RC_OK);
    for (uint32_t i = 0; i < lattice->n_element; i++) {
        const struct element *e = &lattice->element[i];
        uint32_t fed = 0;

        if (e->kind != ELEMENT_QUADRUPOLE && e->kind != ELEMENT_SEXTUPOLE)
            continue;
        for (uint32_t k = 0; k < magnets->n_link; k++)
            fed += strcmp(magnets->link[k].element, e->name) == 0;
        assert_int_equal(fed, 1);
    }
    lattice_destroy(lattice);
    magnets_destroy(magnets);
}

static void another_reference_moves_the_tune_a_little(void **state)
{
    struct lattice *lattice = ring_file_lattice("bessy2");
    struct magnets *loco = read_table("lattices/bessy2/magnets.json", "loco");
    double design = tune_x(lattice), fitted;

    (void) state;
    assert_int_equal(magnets_bind(loco, lattice), RC_OK);
    apply_references(loco, lattice, loco->energy_gev);
    fitted = tune_x(lattice);
    assert_true(fabs(fitted - design) > 1e-4 && fabs(fitted - design) < 0.2);
    lattice_destroy(lattice);
    magnets_destroy(loco);
}

static void one_power_converter_moves_all_its_magnets(void **state)
{
    struct lattice *lattice = ring_file_lattice("bessy2"), *set;
    struct magnets *magnets = read_table("lattices/bessy2/magnets.json", NULL);
    double *input = calloc(magnets->n_converter, sizeof *input);
    int64_t q1 = magnets_find(magnets, "Q1PDR");
    uint32_t moved = 0;

    (void) state;
    assert_int_equal(magnets_bind(magnets, lattice), RC_OK);
    assert_int_equal(lattice_copy(&set, lattice), RC_OK);
    magnets_reference_inputs(magnets, input);
    input[q1] += 1.0;
    assert_int_equal(magnets_apply(magnets, set, magnets->energy_gev, input), RC_OK);
    for (uint32_t i = 0; i < lattice->n_element; i++) {
        double change = set->element[i].b[1] - lattice->element[i].b[1];

        if (fabs(change) > 1e-9) {
            assert_close(change, 0.06393 / magnets_rigidity_t_m(1.7185), 1e-9, 0);
            moved++;
        }
    }
    assert_int_equal(moved, 16);
    free(input);
    lattice_destroy(set);
    lattice_destroy(lattice);
    magnets_destroy(magnets);
}

static void at_another_energy_fields_bend_less(void **state)
{
    struct lattice *lattice = ring_file_lattice("bessy2"), *set;
    struct magnets *magnets = read_table("lattices/bessy2/magnets.json", NULL);

    (void) state;
    assert_int_equal(magnets_bind(magnets, lattice), RC_OK);
    assert_int_equal(lattice_copy(&set, lattice), RC_OK);
    apply_references(magnets, set, 1.01 * magnets->energy_gev);
    for (uint32_t k = 0; k < magnets->n_link; k++) {
        uint32_t i = magnets->link[k].index;
        uint32_t n = magnets->link[k].property.n;

        assert_close(set->element[i].b[n], lattice->element[i].b[n] / 1.01, 1e-9, 1e-12);
    }
    lattice_destroy(set);
    lattice_destroy(lattice);
    magnets_destroy(magnets);
}

static void a_strength_is_solved_back_to_its_current(void **state)
{
    struct lattice *lattice = ring_file_lattice("bessy2");
    struct magnets *magnets = read_table("lattices/bessy2/magnets.json", NULL);
    double *input = calloc(magnets->n_converter, sizeof *input);

    (void) state;
    assert_int_equal(magnets_bind(magnets, lattice), RC_OK);
    magnets_reference_inputs(magnets, input);
    for (uint32_t k = 0; k < magnets->n_link; k++) {
        const struct magnet_link *link = &magnets->link[k];
        double solved = 0;

        assert_int_equal(
            magnets_solve(magnets, k, magnets->energy_gev, link->k_ref, input, &solved), RC_OK);
        assert_close(solved, link->i_ref, 1e-11, 1e-9);
    }
    assert_int_equal(magnets_solve(magnets, 0, magnets->energy_gev, 1e3, input, &input[0]),
                     RC_RANGE);
    assert_non_null(strstr(err_text(), "Q1PDR"));
    free(input);
    lattice_destroy(lattice);
    magnets_destroy(magnets);
}

static void a_current_out_of_range_names_its_converter_and_changes_nothing(void **state)
{
    struct lattice *lattice = ring_file_lattice("bessy2");
    struct magnets *magnets = read_table("lattices/bessy2/magnets.json", NULL);
    double *input = calloc(magnets->n_converter, sizeof *input);
    double before;

    (void) state;
    assert_int_equal(magnets_bind(magnets, lattice), RC_OK);
    before = lattice->element[magnets->link[0].index].b[1];
    magnets_reference_inputs(magnets, input);
    input[0] += 1;
    input[magnets->n_converter - 1] = NAN;
    assert_int_equal(magnets_apply(magnets, lattice, magnets->energy_gev, input), RC_INPUT);
    assert_non_null(strstr(err_text(), magnets->converter[magnets->n_converter - 1].name));
    input[magnets->n_converter - 1] = 1e6;
    assert_int_equal(magnets_apply(magnets, lattice, magnets->energy_gev, input), RC_RANGE);
    assert_close(lattice->element[magnets->link[0].index].b[1], before, 0, 0);
    free(input);
    lattice_destroy(lattice);
    magnets_destroy(magnets);
}

/* ---- tables made here, on the small ring ---- */

#define HEAD                                                                                   \
    "{\"format\":\"orbitd-magnets-1\",\"machine\":\"t\",\"origin\":\"t\",\"revision\":\"1\","  \
    "\"energy_gev\":%.9g,\"active_reference\":\"r\",\"references\":{\"r\":{\"origin\":\"t\","  \
    "\"date\":\"t\",\"branch\":\"t\"}},\"conversions\":{\"c\":{\"kind\":\"identity\","         \
    "\"gives\":\"strength\"}},\"power_converters\":["                                          \
    "{\"name\":\"A\",\"set\":\"A:set\",\"readback\":\"A:rdbk\",\"unit\":\"A\",\"lower\":-9,"   \
    "\"upper\":9},{\"name\":\"B\",\"set\":\"B:set\",\"readback\":\"B:rdbk\",\"unit\":\"A\","   \
    "\"lower\":-9,\"upper\":9}],\"magnets\":[%s]}"

static enum rc read_links(struct magnets **magnets, const struct lattice *lattice,
                          const char *links)
{
    static char text[4096];
    int n = snprintf(text, sizeof text, HEAD, lattice->energy_gev, links);

    return magnets_read(magnets, text, (size_t) n, "table", NULL);
}

#define LINK(property, converter, points)                                                      \
    "{\"element\":\"QF\",\"property\":\"" property "\",\"power_converter\":\"" converter       \
    "\",\"conversion\":\"c\",\"references\":{\"r\":" points "}}"

static void windings_of_one_magnet_add(void **state)
{
    struct lattice *lattice = ring_file_lattice("fodo");
    struct magnets *magnets;
    double input[2] = {0.5, 0.25};

    (void) state;
    assert_int_equal(
        read_links(&magnets, lattice, LINK("k1", "A", "[0, 2]") "," LINK("k1", "B", "[0.25]")),
        RC_OK);
    assert_int_equal(magnets_bind(magnets, lattice), RC_OK);
    assert_int_equal(magnets_apply(magnets, lattice, lattice->energy_gev, input), RC_OK);
    assert_close(lattice->element[magnets->link[0].index].b[1], 2.5, 1e-15, 0);
    input[1] = 1.25;
    assert_int_equal(magnets_apply(magnets, lattice, lattice->energy_gev, input), RC_OK);
    assert_close(lattice->element[magnets->link[0].index].b[1], 3.5, 1e-15, 0);
    magnets_destroy(magnets);
    lattice_destroy(lattice);
}

static void two_owners_of_one_magnet_are_refused_by_name(void **state)
{
    struct lattice *lattice = ring_file_lattice("fodo");
    struct magnets *magnets;

    (void) state;
    assert_int_equal(
        read_links(&magnets, lattice, LINK("k1", "A", "[0, 2]") "," LINK("k1", "B", "[0, 2]")),
        RC_OK);
    assert_int_equal(magnets_bind(magnets, lattice), RC_INPUT);
    assert_non_null(strstr(err_text(), "A and B both claim"));
    magnets_destroy(magnets);
    lattice_destroy(lattice);
}

static void a_wrong_energy_is_an_error_not_a_rescale(void **state)
{
    struct lattice *lattice = ring_file_lattice("bessy2");
    struct magnets *magnets = read_table("lattices/bessy2/magnets.json", NULL);

    (void) state;
    lattice->energy_gev = 1.7;
    assert_int_equal(magnets_bind(magnets, lattice), RC_INPUT);
    assert_non_null(strstr(err_text(), "1.718500"));
    lattice_destroy(lattice);
    magnets_destroy(magnets);
}

static void faults_are_named_with_their_place(void **state)
{
    static const struct {
        const char *links, *said;
    } faults[] = {
        {LINK("k1", "C", "[0, 2]"), "\"power_converter\" is not in"},
        {LINK("x7", "A", "[0, 2]"), "\"property\" is none of"},
        {LINK("k99", "A", "[0, 2]"), "\"property\" is none of"},
        {LINK("k1", "A", "[]"), "is not [input, strength]"},
        {LINK("k1", "A", "[0, \"2\"]"), "not a number"},
        {"{\"element\":\"QF\",\"colour\":1}", "\"colour\" is not known"},
        {"{\"element\":\"QF\"}", "\"property\" is missing"},
    };
    struct lattice *lattice = ring_file_lattice("fodo");
    struct magnets *magnets;

    (void) state;
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        assert_int_equal(read_links(&magnets, lattice, faults[i].links), RC_INPUT);
        assert_null(magnets);
        assert_non_null(strstr(err_text(), "magnets, number 1 QF"));
        assert_non_null(strstr(err_text(), faults[i].said));
    }
    lattice_destroy(lattice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bessy_ii_at_its_reference_currents_is_its_lattice),
        cmocka_unit_test(mls_at_its_reference_currents_is_its_lattice),
        cmocka_unit_test(every_quadrupole_and_sextupole_of_bessy_ii_is_fed),
        cmocka_unit_test(another_reference_moves_the_tune_a_little),
        cmocka_unit_test(one_power_converter_moves_all_its_magnets),
        cmocka_unit_test(at_another_energy_fields_bend_less),
        cmocka_unit_test(a_strength_is_solved_back_to_its_current),
        cmocka_unit_test(a_current_out_of_range_names_its_converter_and_changes_nothing),
        cmocka_unit_test(windings_of_one_magnet_add),
        cmocka_unit_test(two_owners_of_one_magnet_are_refused_by_name),
        cmocka_unit_test(a_wrong_energy_is_an_error_not_a_rescale),
        cmocka_unit_test(faults_are_named_with_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
