/* The same ring in every format has the same tunes; what cannot be read is told with its line.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/import/import.h"
#include "model/lattice_json.h"
#include "model/optics.h"
#include "tests/support/ring_file.h"

static struct import_report report;

static enum rc read_text(struct lattice **ring, const char *text, enum import_format format)
{
    const struct import_source source = {
        .name = "input", .text = text, .size = strlen(text), .format = format};

    *ring = NULL;
    import_report_free(&report);
    return import_parse(ring, &source, &report);
}

static void tunes_of(const struct lattice *ring, double tune[2])
{
    struct optics *optics;

    assert_int_equal(optics_create(&optics, ring->n_element), RC_OK);
    assert_int_equal(optics_compute(optics, ring, INTEGRATOR_EXACT), RC_OK);
    tune[0] = optics->tune_x;
    tune[1] = optics->tune_y;
    optics_destroy(optics);
}

static void same_rings(const struct lattice *left, const struct lattice *right, double within)
{
    double a[2], b[2];

    tunes_of(left, a);
    tunes_of(right, b);
    assert_close(a[0], b[0], 0, within);
    assert_close(a[1], b[1], 0, within);
    assert_int_equal(left->n_bpm, right->n_bpm);
    assert_int_equal(left->n_hcorrector, right->n_hcorrector);
    assert_int_equal(left->n_vcorrector, right->n_vcorrector);
    assert_close(left->circumference_m, right->circumference_m, 0, 1e-9);
    assert_close(left->energy_gev, right->energy_gev, 0, 0);
}

/* Writes the ring and reads it again: every number to the last bit. */
static void survives_writing(const struct lattice *ring)
{
    struct lattice *again = NULL;
    char *text = NULL;
    size_t size = 0;

    assert_int_equal(export_lattice_json(ring, &text, &size), RC_OK);
    assert_int_equal(lattice_json_parse(&again, text, size, "again"), RC_OK);
    same_rings(ring, again, 0);
    assert_int_equal(again->n_element, ring->n_element);
    for (uint32_t i = 0; i < ring->n_element; i++) {
        assert_memory_equal(again->element[i].b, ring->element[i].b, sizeof ring->element[i].b);
        assert_memory_equal(again->element[i].a, ring->element[i].a, sizeof ring->element[i].a);
        assert_close(again->element[i].length_m, ring->element[i].length_m, 0, 0);
    }
    for (uint32_t i = 0; i < ring->n_bpm; i++)
        assert_string_equal(again->bpm[i].name, ring->bpm[i].name);
    lattice_destroy(again);
    free(text);
}

static void is_fodo(const char *path, enum import_format format)
{
    size_t size;
    char *text = ring_file_text(path, &size);
    struct lattice *ring, *fodo = ring_file_lattice("fodo");
    const struct import_source source = {
        .name = path, .text = text, .size = size, .format = format, .energy_gev = 1};

    assert_int_equal(import_format_of(path, text, size), format);
    if (import_parse(&ring, &source, &report) != RC_OK)
        fail_msg("%s", err_text());
    same_rings(ring, fodo, 1e-12);
    survives_writing(ring);
    lattice_destroy(ring);
    lattice_destroy(fodo);
    free(text);
}

static void the_fodo_ring_is_the_same_in_every_format(void **state)
{
    (void) state;
    is_fodo("tests/fuzz/corpus/madx/fodo_lines.madx", IMPORT_MADX);
    is_fodo("tests/fuzz/corpus/madx/fodo_sequence.seq", IMPORT_MADX);
    is_fodo("tests/fuzz/corpus/elegant/fodo.lte", IMPORT_ELEGANT);
    is_fodo("tests/fuzz/corpus/at_json/cell.json", IMPORT_AT_JSON);
    is_fodo("lattices/fodo/lattice.json", IMPORT_LATTICE_JSON);
}

static void every_ring_survives_writing(void **state)
{
    static const char *const names[] = {"bessy2", "dba", "fodo", "mls", "soleil"};

    (void) state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct lattice *ring = ring_file_lattice(names[i]);

        survives_writing(ring);
        lattice_destroy(ring);
    }
}

/* The text of the failure must have all the parts. */
static void refused(const char *text, enum import_format format, const char *part,
                    const char *other)
{
    struct lattice *ring;

    if (read_text(&ring, text, format) == RC_OK)
        fail_msg("accepted: %.60s", text);
    assert_null(ring);
    if (!strstr(err_text(), part) || !strstr(err_text(), other))
        fail_msg("'%s' and '%s' are not in: %s", part, other, err_text());
}

static void a_fault_of_madx_is_told_with_its_line(void **state)
{
    (void) state;
    refused("d: drift, l=1;\nq: quadrupole, l=-1;\nr: line=(d,q); beam, energy=1;", IMPORT_MADX,
            "input:2", "'q': the length is negative");
    refused("\nb: sbend, angle=0.1; r: line=(b); beam, energy=1;", IMPORT_MADX, "input:2",
            "a bend needs a length");
    refused("d: drift, l=1; r: line=(d);", IMPORT_MADX, "no energy", "--energy");
    refused("d: drift, l=1;\n\nd: drift;", IMPORT_MADX, "input:3", "defined in line 1");
    refused("d: drift, l=1/0; r: line=(d); beam, energy=1;", IMPORT_MADX, "'d'", "not finite");
    refused("r: line=(d);\n", IMPORT_MADX, "input:1", "'d' is not defined");
    refused("x = 1 +;", IMPORT_MADX, "input:1", "a name is expected");
    refused("call, file=\"x\";", IMPORT_MADX, "call", "not read");
    refused("b: sbend, l=1, angle=1, tilt=1; r: line=(b); beam, energy=1;", IMPORT_MADX, "'b'",
            "out of the plane");
    refused("q: quadrupole, l=1; s: sequence, l=3;\nq, at=1;\nq, at=1.5; endsequence;"
            "beam, energy=1;",
            IMPORT_MADX, "input:3", "before the end");
    refused("", IMPORT_MADX, "no line", "");
    refused("d: drift, l=1,\nl=2;", IMPORT_MADX, "input:2", "'l' is given twice");
    refused("d: drift;\n\1", IMPORT_MADX, "input:2", "control character");
}

static void a_fault_of_elegant_is_told_with_its_line(void **state)
{
    (void) state;
    refused("D: DRIF,L=1\nR: LINE=(D,E)\n", IMPORT_ELEGANT, "input:2", "'E' is not defined");
    refused("D: DRIF, &\nL=\"1 +\"\nR: LINE=(D)\n", IMPORT_ELEGANT, "input:2",
            "nothing to work");
    refused("D: DRIF,L=1\nR: LINE=(D)\n", IMPORT_ELEGANT, "no energy", "");
}

static void a_fault_of_at_json_is_told_with_its_element(void **state)
{
    (void) state;
    refused("{\"elements\": [\n{]}", IMPORT_AT_JSON, "input:2", "");
    refused("{\"elements\": [{\"FamName\": \"D\", \"Class\": \"Drift\", \"Length\": \"x\"}]}",
            IMPORT_AT_JSON, "'D'", "Length is not a number");
    refused("{\"elements\": [{\"FamName\": \"D\", \"Class\": \"Drift\", \"Length\": -1}]}",
            IMPORT_AT_JSON, "'D'", "negative");
    refused("{\"elements\": []}", IMPORT_AT_JSON, "no elements", "");
    refused("{\"elements\": [\n{\"FamName\": \"D\", \"Class\": \"Drift\",\n\"Length\": NaN}]}",
            IMPORT_AT_JSON, "input:3:", "element 'D': invalid token");
    refused("{\"elements\": [\n{\"FamName\": \"D\", \"Length\": 1,\n\"Length\": 2}]}",
            IMPORT_AT_JSON, "input:3:", "element 'D': duplicate");
    refused("{\"elements\": [\n{\"FamName\": \"D\", \"Class\": \"Drift\", \"Length\": 1},\n"
            "{\"FamName\": \"B\", \"Class\": \"Dipole\", \"BendingAngle\": 1}]}",
            IMPORT_AT_JSON, "input:3: element 1 'B'", "a bend needs a length");
    refused("{\"elements\": [{\"FamName\": \"D\", \"Class\": \"Drift\", \"Length\": 1}],\n"
            "\"properties\": {\"periodicity\": 100000, \"energy\": -1}}",
            IMPORT_AT_JSON, "input:2: properties.energy", "");
}

static void a_ring_without_energy_is_refused(void **state)
{
    static const char text[] = "{\"version\": \"2.0\", \"root\": \"R\", \"elements\": {\"D\": "
                               "[\"Drift\", {\"length\": 1}]}, \"lattices\": {\"R\": [\"D\"]}}";
    struct import_source source = {
        .name = "input", .text = text, .size = sizeof text - 1, .format = IMPORT_LATTICE_JSON};
    struct lattice *ring;

    (void) state;
    refused(text, IMPORT_LATTICE_JSON, "input: no energy", "--energy");
    source.energy_gev = 1.5;
    assert_int_equal(import_parse(&ring, &source, &report), RC_OK);
    assert_close(ring->energy_gev, 1.5, 0, 0);
    lattice_destroy(ring);
}

static void bombs_are_refused_in_bounded_time(void **state)
{
    char text[4096];
    size_t n = 0;

    (void) state;
    refused("d: drift, l=1; l: line=(100000*d); r: line=(100000*l); beam, energy=1;",
            IMPORT_MADX, "more than 100000 elements", "");
    refused("l: line=(); m: line=(100000*l); n: line=(100000*m); o: line=(100000*n);",
            IMPORT_MADX, "steps", "");
    refused("a := b; b := a; d: drift, l := a; l: line=(d);", IMPORT_MADX, "nested deeper", "");
    refused("l: line=(l);", IMPORT_MADX, "deeper than", "'l'");
    for (int i = 0; i < 60; i++)
        n +=
            (size_t) snprintf(text + n, sizeof text - n, "v%d := v%d + v%d; ", i, i + 1, i + 1);
    snprintf(text + n, sizeof text - n, "v60 = 1; d: drift, l := v0; l: line=(d);");
    refused(text, IMPORT_MADX, "steps", "");
    memset(text, '(', 4000);
    memcpy(text, "x=", 2);
    text[4000] = 0;
    refused(text, IMPORT_MADX, "nested deeper", "input:1");
}

static bool reported(const char *part)
{
    for (uint32_t i = 0; i < report.n_line; i++)
        if (strstr(report.line[i], part))
            return true;
    return false;
}

static void what_cannot_be_said_is_reported(void **state)
{
    struct lattice *ring;

    (void) state;
    assert_int_equal(read_text(&ring,
                               "s: solenoid, l=1; q: quadrupole, l=1, k1:=kq;\n"
                               "m: multipole, knl={0, 0, 2}; c: rfcavity, harmon=10, lag=0.5;"
                               "r: line=(s, q, m, c); beam, energy=2; twiss;",
                               IMPORT_MADX),
                     RC_OK);
    assert_true(reported("line 1: element 's': solenoid becomes a drift"));
    assert_true(reported("'kq' is not defined"));
    assert_true(reported("'m': a thin lens is made 1 nm long"));
    assert_true(reported("'c': lag plays no part"));
    assert_true(reported("line 2: twiss plays no part"));
    assert_close(ring->element[2].b[2] * ring->element[2].length_m, 1.0, 1e-14, 0);
    assert_close(ring->rf_frequency_hz, 10 * 299792458.0 / ring->circumference_m, 1e-14, 0);
    lattice_destroy(ring);
}

static void misalignment_of_at_is_read(void **state)
{
    size_t size;
    char *text = ring_file_text("tests/fuzz/corpus/at_json/misaligned.json", &size);
    struct lattice *ring;

    (void) state;
    assert_int_equal(read_text(&ring, text, IMPORT_AT_JSON), RC_OK);
    assert_close(ring->element[0].dx_m, 1e-4, 1e-15, 0);
    assert_close(ring->element[0].dy_m, -2e-4, 1e-15, 0);
    assert_close(ring->element[0].roll_rad, 0.1, 1e-14, 0);
    assert_true(reported("class M66 becomes a marker"));
    lattice_destroy(ring);
    free(text);
}

/* KNL = 3! b[3] L */
static void a_multipole_of_elegant_has_one_term(void **state)
{
    struct lattice *ring;
    struct import_source source = {.name = "input",
                                   .text = "M: MULT,L=0.5,ORDER=3,KNL=6,KSL=-12\nR: LINE=(M)\n",
                                   .format = IMPORT_ELEGANT,
                                   .energy_gev = 1};

    (void) state;
    source.size = strlen(source.text);
    assert_int_equal(import_parse(&ring, &source, &report), RC_OK);
    assert_close(ring->element[0].b[3], 2, 1e-15, 0);
    assert_close(ring->element[0].a[3], -4, 1e-15, 0);
    assert_int_equal(ring->element[0].order, 3);
    lattice_destroy(ring);
    refused("M: MULT,L=0.5,ORDER=16,KNL=6\nR: LINE=(M)\n", IMPORT_ELEGANT, "input:1", "'M'");
    refused("M: MULT,ORDER=2,KNL=6\nR: LINE=(M)\n", IMPORT_ELEGANT, "input:1", "'M'");
}

/* 0 takes the fringe off, others than 1 are told; what is zero is not. */
static void fringe_and_lag_of_at_are_read(void **state)
{
    size_t size;
    char *text = ring_file_text("tests/fuzz/corpus/at_json/fringe.json", &size);
    struct lattice *ring;

    (void) state;
    assert_int_equal(read_text(&ring, text, IMPORT_AT_JSON), RC_OK);
    assert_close(ring->element[0].fint1, 0, 0, 0);
    assert_close(ring->element[0].fint2, 0.5, 0, 0);
    assert_close(ring->element[1].lag_m, 0.125, 0, 0);
    assert_true(reported("FringeBendExit 2 is taken as 1"));
    assert_false(reported("FringeQuadEntrance"));
    assert_false(reported("FringeBendEntrance"));
    lattice_destroy(ring);
    free(text);
}

/* sin, ^ and signs; at once against deferred; attributes of ancestors and of other elements. */
static void expressions_are_those_of_madx(void **state)
{
    struct lattice *ring;

    (void) state;
    assert_int_equal(
        read_text(&ring,
                  "x = 2; a := x * 3; b = x * 3; x = 5;"
                  "q: quadrupole, l = 1, k1 = -2^2 + 2 * (1 + sin(pi / 2)) / 4 - -1;"
                  "p: q, l := a; r: q, l := b; s: q, l := q->l + 1e-1;"
                  "t: line = (p, r, s); beam, energy = 1;",
                  IMPORT_MADX),
        RC_OK);
    assert_close(ring->element[0].length_m, 15, 0, 0);
    assert_close(ring->element[1].length_m, 6, 0, 0);
    assert_close(ring->element[2].length_m, 1.1, 0, 1e-15);
    assert_close(ring->element[0].b[1], -2, 0, 1e-15);
    lattice_destroy(ring);
}

static int forget_report(void **state)
{
    (void) state;
    import_report_free(&report);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fodo_ring_is_the_same_in_every_format),
        cmocka_unit_test(every_ring_survives_writing),
        cmocka_unit_test(a_fault_of_madx_is_told_with_its_line),
        cmocka_unit_test(a_fault_of_elegant_is_told_with_its_line),
        cmocka_unit_test(a_fault_of_at_json_is_told_with_its_element),
        cmocka_unit_test(a_ring_without_energy_is_refused),
        cmocka_unit_test(bombs_are_refused_in_bounded_time),
        cmocka_unit_test(what_cannot_be_said_is_reported),
        cmocka_unit_test(misalignment_of_at_is_read),
        cmocka_unit_test(a_multipole_of_elegant_has_one_term),
        cmocka_unit_test(fringe_and_lag_of_at_are_read),
        cmocka_unit_test(expressions_are_those_of_madx),
    };

    return cmocka_run_group_tests_name("model/import", tests, NULL, forget_report);
}
