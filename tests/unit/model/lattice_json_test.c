#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/lattice_json.h"

/* A small ring, from parts that a test replaces. */
static const char good_elements[] =
    "\"D\": [\"Drift\", {\"length\": 1.0}],"
    "\"Q\": [\"Quadrupole\", {\"length\": 2.5e-1, \"k1\": 1.5}],"
    "\"B\": [\"Monitor\", {\"length\": 0}]";
static const char good_lines[] =
    "\"R\": [\"CELL\", \"CELL\", \"D\"], \"CELL\": [\"B\", \"Q\", \"D\"]";

static enum rc parse(struct lattice **lattice, const char *text)
{
    return lattice_json_parse(lattice, text, strlen(text), "ring.json");
}

static enum rc parse_parts(struct lattice **lattice, const char *elements, const char *lines,
                           const char *rest)
{
    char text[4096];

    snprintf(
        text, sizeof text,
        "{\"version\": \"2.1\", \"root\": \"R\", \"elements\": {%s}, \"lattices\": {%s}%s}",
        elements, lines, rest);
    return parse(lattice, text);
}

static void refused(enum rc got, enum rc want, const char *const *words)
{
    assert_int_equal(got, want);
    for (; *words; words++)
        if (!strstr(err_text(), *words))
            fail_msg("'%s' is not in: %s", *words, err_text());
}

#define REFUSED(call, code, ...) refused(call, code, (const char *const[]){__VA_ARGS__, NULL})

static enum rc parse_element(const char *definition)
{
    struct lattice *lattice = NULL;
    char elements[1024];

    snprintf(elements, sizeof elements, "\"X\": %s", definition);
    return parse_parts(&lattice, elements, "\"R\": [\"X\"]", "");
}

static enum rc parse_lines(const char *lines)
{
    struct lattice *lattice = NULL;

    return parse_parts(&lattice, good_elements, lines, "");
}

static enum rc parse_x_ext(const char *x_ext)
{
    struct lattice *lattice = NULL;
    char rest[1024];

    snprintf(rest, sizeof rest, ", \"x_ext\": {%s}", x_ext);
    return parse_parts(&lattice, good_elements, good_lines, rest);
}

/* ---- what is read ---- */

static void nested_lines_are_laid_out_in_order(void **state)
{
    static const char *const names[] = {"B", "Q", "D", "B", "Q", "D", "D"};
    struct lattice *lattice = NULL;

    (void) state;
    assert_int_equal(parse_parts(&lattice, good_elements, good_lines, ""), RC_OK);
    assert_int_equal(lattice->n_element, 7);
    for (int i = 0; i < 7; i++)
        assert_string_equal(lattice->element[i].name, names[i]);
    assert_close(lattice->circumference_m, 3.5, 1e-15, 0);
    assert_close(lattice->s_m[5], 1.5, 1e-15, 0);
    lattice_destroy(lattice);
}

static void repeated_names_are_counted_along_the_ring(void **state)
{
    struct lattice *lattice = NULL;

    (void) state;
    assert_int_equal(parse_parts(&lattice, good_elements, good_lines, ""), RC_OK);
    assert_int_equal(lattice->element[2].occurrence, 0);
    assert_int_equal(lattice->element[6].occurrence, 2);
    assert_int_equal(lattice_find(lattice, "D", 1), 5);
    assert_int_equal(lattice_find(lattice, "D", 3), -1);
    lattice_destroy(lattice);
}

static void derivatives_become_field_coefficients(void **state)
{
    struct lattice *lattice = NULL;

    (void) state;
    assert_int_equal(
        parse_parts(&lattice,
                    "\"S\": [\"Sextupole\", {\"length\": 0.1, \"k2\": 6}],"
                    "\"O\": [\"Octupole\", {\"length\": 0.1, \"k3\": 6}],"
                    "\"M\": [\"Multipole\", {\"length\": 0.1, \"polynom_b\": [0, 1, 2],"
                    " \"polynom_a\": [0, 0, 0, 0, 5], \"n_slices\": 3}]",
                    "\"R\": [\"S\", \"O\", \"M\"]", ""),
        RC_OK);
    assert_close(lattice->element[0].b[2], 3, 1e-15, 0);
    assert_close(lattice->element[1].b[3], 1, 1e-15, 0);
    assert_close(lattice->element[2].b[2], 2, 0, 0);
    assert_close(lattice->element[2].a[4], 5, 0, 0);
    assert_int_equal(lattice->element[2].order, 4);
    assert_int_equal(lattice->element[2].n_slices, 3);
    assert_int_equal(lattice->element[0].n_slices, 10);
    lattice_destroy(lattice);
}

static void radius_stands_in_for_angle(void **state)
{
    struct lattice *lattice = NULL;

    (void) state;
    assert_int_equal(parse_parts(&lattice,
                                 "\"B\": [\"Dipole\", {\"length\": 2, \"radius\": 10}]",
                                 "\"R\": [\"B\"]", ""),
                     RC_OK);
    assert_close(lattice->element[0].angle_rad, 0.2, 1e-15, 0);
    lattice_destroy(lattice);
}

static void devices_are_found_by_name_occurrence_or_index(void **state)
{
    struct lattice *lattice = NULL;

    (void) state;
    assert_int_equal(
        parse_parts(&lattice, good_elements, good_lines,
                    ", \"x_ext\": {\"note\": 1, \"harmonic_number\": 7, \"bpms\":"
                    " [{\"name\": \"one\", \"element\": \"B\", \"occurrence\": 1},"
                    "  {\"name\": \"two\", \"element\": \"B\", \"index\": 0}],"
                    " \"hcorrectors\": [{\"name\": \"H\", \"element\": \"Q\", \"index\": 4}]}"),
        RC_OK);
    assert_int_equal(lattice->n_bpm, 2);
    assert_string_equal(lattice->bpm[0].name, "one");
    assert_int_equal(lattice->bpm[0].element, 3);
    assert_int_equal(lattice->bpm[1].element, 0);
    assert_int_equal(lattice->hcorrector[0].element, 4);
    assert_int_equal(lattice_find_device(lattice->bpm, 2, "two"), 1);
    assert_int_equal(lattice->harmonic_number, 7);
    lattice_destroy(lattice);
}

static void a_copy_shares_nothing(void **state)
{
    struct lattice *lattice = NULL, *copy = NULL;

    (void) state;
    assert_int_equal(parse_parts(&lattice, good_elements, good_lines,
                                 ", \"title\": \"T\", \"x_ext\": {\"bpms\":"
                                 " [{\"name\": \"P\", \"element\": \"B\", \"index\": 0}]}"),
                     RC_OK);
    assert_int_equal(lattice_copy(&copy, lattice), RC_OK);
    lattice->element[1].b[1] = 99;
    lattice_destroy(lattice);
    assert_close(copy->element[1].b[1], 1.5, 0, 0);
    assert_string_equal(copy->element[1].name, "Q");
    assert_string_equal(copy->bpm[0].name, "P");
    assert_string_equal(copy->title, "T");
    lattice_destroy(copy);
}

/* ---- what is refused ---- */

static void syntax_errors_name_line_and_column(void **state)
{
    struct lattice *lattice = NULL;

    (void) state;
    REFUSED(parse(&lattice, "{\"version\":\n \"2.0\",,}"), RC_INPUT, "ring.json:2:");
    REFUSED(parse(&lattice, "{\"a\": 1,\n \"a\": 2}"), RC_INPUT, "ring.json:2:", "duplicate");
    REFUSED(parse(&lattice, "{\"length\": NaN}"), RC_INPUT, "ring.json:1:", "NaN");
    REFUSED(parse(&lattice, "{\"length\": 1e999}"), RC_INPUT, "ring.json:1:", "overflow");
    REFUSED(parse(&lattice, "{\"elements\": {\"A\": [\"Drift\", {\"length\": 1}],\n\"B\": "
                            "[\"Drift\", {\"length\": NaN}]}}"),
            RC_INPUT, "ring.json:2:", "element 'B'", "NaN");
    REFUSED(parse(&lattice, "{\"elements\": {\"A\": [\"Drift\", {\"length\": 1}],\n\"A\": "
                            "[\"Drift\", {\"length\": 2}]}}"),
            RC_INPUT, "ring.json:2:", "element 'A'", "duplicate");
    REFUSED(parse(&lattice, ""), RC_INPUT, "ring.json");
    REFUSED(parse(&lattice, "[]"), RC_INPUT, "not a JSON object");
}

/* A good text whose faults are in its meaning: those too have a line. */
static void faults_of_meaning_have_a_line(void **state)
{
    static const char head[] = "{\"version\": \"2.1\",\n \"root\": \"R\",\n";
    static const struct {
        const char *rest, *line;
    } faults[] = {
        {"\"elements\": {\n\"A\": [\"Drift\", {\"length\": 1}],\n"
         "\"B\": [\"Drift\",\n{\"length\": -1}]},\n\"lattices\": {\"R\": [\"A\"]}}",
         "ring.json:5: element 'B': the length is negative"},
        {"\"elements\": {\"A\": [\"Drift\", {\"length\": 1}]},\n\"lattices\": {\"Q\": "
         "[],\n\"R\": [\"A\",\n\"A\",\n\"C\"]}}",
         "ring.json:7: line 'R' names 'C'"},
        {"\"elements\": {\"\\\"}\": [\"Drift\", {\"length\": 1}]},\n\"lattices\": {},\n"
         "\"energy\": -1}",
         "ring.json:2: root 'R' is not a line"},
        {"\"elements\": {\"A\": [\"Monitor\", {\"length\": 1, \"info\": \"]}\"}]},\n"
         "\"lattices\": {\"R\": [\"A\"]},\n\"x_ext\": {\"bpms\": [\"A\",\n\"B\"]}}",
         "ring.json:6: x_ext.bpms[1]"},
        {"\"elements\": {\"A\": [\"Drift\", {\"length\": 1}]},\n\"lattices\": {\"R\": "
         "[\"A\"]},\n\"energy\": -1}",
         "ring.json:5: the energy"},
    };
    struct lattice *lattice = NULL;
    char text[1024];

    (void) state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        snprintf(text, sizeof text, "%s%s", head, faults[i].rest);
        REFUSED(parse(&lattice, text), RC_INPUT, faults[i].line);
    }
}

static void headers_are_checked(void **state)
{
    struct lattice *lattice = NULL;

    (void) state;
    REFUSED(parse(&lattice, "{}"), RC_INPUT, "version");
    REFUSED(parse(&lattice, "{\"version\": \"2.3\"}"), RC_INPUT, "'2.3'");
    REFUSED(parse(&lattice, "{\"version\": \"12.1\"}"), RC_INPUT, "'12.1'");
    REFUSED(parse(&lattice, "{\"version\": \"2.0\"}"), RC_INPUT, "root");
    REFUSED(parse_parts(&lattice, good_elements, good_lines, ", \"colour\": 1"), RC_INPUT,
            "'colour'");
    REFUSED(parse_parts(&lattice, good_elements, good_lines, ", \"energy\": -1"), RC_INPUT,
            "energy");
    REFUSED(parse_parts(&lattice, good_elements, good_lines, ", \"title\": 5"), RC_INPUT,
            "title");
}

static void elements_are_checked(void **state)
{
    (void) state;
    REFUSED(parse_element("[\"Wiggler\", {\"length\": 1}]"), RC_INPUT, "'X'", "'Wiggler'");
    REFUSED(parse_element("[\"Drift\", {\"length\": 1, \"k1\": 1}]"), RC_INPUT, "'X'", "Drift",
            "'k1'");
    REFUSED(parse_element("[\"Drift\", {}]"), RC_INPUT, "'X'", "length is missing");
    REFUSED(parse_element("[\"Drift\", {\"length\": -1}]"), RC_INPUT, "'X'", "negative");
    REFUSED(parse_element("[\"Drift\", {\"length\": \"1\"}]"), RC_INPUT, "'length'",
            "not a number");
    REFUSED(parse_element("[\"Drift\"]"), RC_INPUT, "'X'", "list of a type");
    REFUSED(parse_element("[7, {\"length\": 1}]"), RC_INPUT, "'X'", "type");
    REFUSED(parse_element("[\"Cavity\", {\"length\": 1}]"), RC_INPUT, "voltage");
    REFUSED(parse_element("[\"Cavity\", {\"length\": 1, \"voltage\": 1, \"frequency\": 0}]"),
            RC_INPUT, "frequency");
}

static void magnets_are_checked(void **state)
{
    (void) state;
    REFUSED(parse_element("[\"Quadrupole\", {\"length\": 1, \"n_slices\": 0}]"), RC_INPUT,
            "'n_slices'");
    REFUSED(parse_element("[\"Quadrupole\", {\"length\": 1, \"n_slices\": 1001}]"), RC_INPUT,
            "'n_slices'");
    REFUSED(parse_element("[\"Quadrupole\", {\"length\": 0, \"k1\": 1}]"), RC_INPUT, "'X'",
            "without length");
    REFUSED(parse_element("[\"Dipole\", {\"length\": 0, \"angle\": 1}]"), RC_INPUT, "'X'",
            "needs a length");
    REFUSED(parse_element("[\"Dipole\", {\"length\": 1, \"angle\": 1, \"h1\": 2}]"), RC_INPUT,
            "'h1'");
    REFUSED(parse_element("[\"Dipole\", {\"length\": 1, \"angle\": 1, \"radius\": 2}]"),
            RC_INPUT, "'radius'", "contradicts");
    REFUSED(parse_element("[\"Dipole\", {\"length\": 1, \"angle\": 1, \"e1\": 1.57}]"),
            RC_INPUT, "edge");
    REFUSED(
        parse_element("[\"Quadrupole\", {\"length\": 1, \"k1\": 1, \"polynom_b\": [0, 2]}]"),
        RC_INPUT, "contradicts");
    REFUSED(
        parse_element("[\"Multipole\", {\"length\": 1, \"polynom_b\": [0,0,0,0,0,0,0,0,0,0,0,0,"
                      "0,0,0,0,0]}]"),
        RC_INPUT, "16");
}

static void lines_are_checked(void **state)
{
    (void) state;
    REFUSED(parse_lines("\"R\": [\"A\"], \"A\": [\"D\", \"C\"], \"C\": [\"A\"]"), RC_INPUT,
            "A -> C -> A");
    REFUSED(parse_lines("\"R\": [\"R\"]"), RC_INPUT, "R -> R");
    REFUSED(parse_lines("\"R\": [\"Z\"]"), RC_INPUT, "'R'", "'Z'");
    REFUSED(parse_lines("\"R\": [3]"), RC_INPUT, "'R'", "not a name");
    REFUSED(parse_lines("\"R\": 3"), RC_INPUT, "'R'", "not a list");
    REFUSED(parse_lines("\"S\": [\"D\"]"), RC_INPUT, "root", "'R'");
    REFUSED(parse_lines("\"R\": [\"B\"]"), RC_INPUT, "no length");
    REFUSED(parse_lines("\"R\": [\"D\"], \"D\": [\"Q\"]"), RC_INPUT, "'D'",
            "element and a line");
}

static void devices_are_checked(void **state)
{
    (void) state;
    REFUSED(parse_x_ext("\"bpms\": [\"B\"]"), RC_INPUT, "bpms[0]", "occurrence", "'B'");
    REFUSED(parse_x_ext("\"bpms\": [\"Z\"]"), RC_INPUT, "bpms[0]", "'Z'");
    REFUSED(parse_x_ext("\"bpms\": [{\"element\": \"B\"}]"), RC_INPUT, "no name");
    REFUSED(parse_x_ext("\"bpms\": [{\"name\": \"B\", \"index\": 1}]"), RC_INPUT,
            "another element");
    REFUSED(parse_x_ext("\"bpms\": [{\"name\": \"B\", \"index\": 99}]"), RC_INPUT, "index");
    REFUSED(parse_x_ext(
                "\"bpms\": [{\"name\": \"B\", \"index\": 0}, {\"name\": \"B\", \"index\": 3}]"),
            RC_INPUT, "'B' twice");
    REFUSED(parse_x_ext("\"vcorrectors\": 1"), RC_INPUT, "vcorrectors");
    REFUSED(parse_x_ext("\"harmonic_number\": 0"), RC_INPUT, "harmonic_number");
}

/* A line a_i = [a_(i+1), a_(i+1)]: 2^40 elements, or none at all 2^40 times. */
static char *doubling_lines(int levels, const char *last)
{
    char *text = malloc(8192);
    size_t used = (size_t) snprintf(text, 8192, "\"R\": [\"L0\"]");

    for (int i = 0; i < levels; i++)
        used += (size_t) snprintf(text + used, 8192 - used, ", \"L%d\": [\"L%d\", \"L%d\"]", i,
                                  i + 1, i + 1);
    snprintf(text + used, 8192 - used, ", \"L%d\": [%s]", levels, last);
    return text;
}

static void lines_that_double_are_refused_at_once(void **state)
{
    char *many = doubling_lines(40, "\"D\""), *none = doubling_lines(40, ""),
         *deep = doubling_lines(80, "\"D\"");

    (void) state;
    REFUSED(parse_lines(many), RC_RANGE, "100000");
    REFUSED(parse_lines(none), RC_INPUT, "no length");
    REFUSED(parse_lines(deep), RC_RANGE, "64");
    free(many);
    free(none);
    free(deep);
}

static void definitions_beyond_the_limit_are_refused(void **state)
{
    size_t room = 64 * ((size_t) LATTICE_MAX_ELEMENTS + 1), used = 0;
    char *text = malloc(room);
    struct lattice *lattice = NULL;

    (void) state;
    assert_non_null(text);
    used += (size_t) sprintf(text, "{\"version\": \"2.0\", \"root\": \"R\", \"lattices\":"
                                   " {\"R\": [\"0\"]}, \"elements\": {");
    for (int i = 0; i <= LATTICE_MAX_ELEMENTS; i++)
        used += (size_t) snprintf(text + used, room - used,
                                  "%s\"%d\": [\"Drift\", {\"length\": 1}]", i ? "," : "", i);
    snprintf(text + used, room - used, "}}");
    REFUSED(parse(&lattice, text), RC_RANGE, "ring.json:1:", "'elements' has more than 100000",
            "'100000'");
    free(text);
}

static void names_beyond_the_limit_are_refused(void **state)
{
    char lines[256];

    (void) state;
    snprintf(lines, sizeof lines, "\"R\": [\"D\"], \"%080d\": [\"D\"]", 0);
    REFUSED(parse_lines(lines), RC_INPUT, "63");
    REFUSED(parse_x_ext("\"bpms\": [{\"name\": \"\", \"element\": \"B\", \"index\": 0}]"),
            RC_INPUT, "1 to 63");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_lines_are_laid_out_in_order),
        cmocka_unit_test(repeated_names_are_counted_along_the_ring),
        cmocka_unit_test(derivatives_become_field_coefficients),
        cmocka_unit_test(radius_stands_in_for_angle),
        cmocka_unit_test(devices_are_found_by_name_occurrence_or_index),
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(syntax_errors_name_line_and_column),
        cmocka_unit_test(faults_of_meaning_have_a_line),
        cmocka_unit_test(headers_are_checked),
        cmocka_unit_test(elements_are_checked),
        cmocka_unit_test(magnets_are_checked),
        cmocka_unit_test(lines_are_checked),
        cmocka_unit_test(devices_are_checked),
        cmocka_unit_test(lines_that_double_are_refused_at_once),
        cmocka_unit_test(definitions_beyond_the_limit_are_refused),
        cmocka_unit_test(names_beyond_the_limit_are_refused),
    };

    return cmocka_run_group_tests_name("model/lattice_json", tests, NULL, NULL);
}
