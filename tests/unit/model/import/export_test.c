/* Every attribute that the schema knows survives being written and read again, or is reported.
 */
#include "tests/support/test.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "model/import/import.h"
#include "tests/support/ring_file.h"

/* Said in another way when written. */
static const char *const renamed[] = {"radius", "h1", "h2"};
/* The model has no place for them: a line of the report. */
static const char *const reported[] = {
    "info", "conversion_factor_ps_value", "phase", "fiducial", "end1_focus", "end2_foucs"};

static bool is_in(const char *key, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(key, list[i]))
            return true;
    return false;
}

/* A value that no other attribute has. */
static json_t *value_of(const char *key, const json_t *schema)
{
    static double number = 0.001;
    const char *type = json_string_value(json_object_get(schema, "type"));

    number += 0.00137;
    if (json_object_get(schema, "const"))
        return json_integer(0);
    if (!strcmp(key, "angle") || !strcmp(key, "radius"))
        return json_real(strcmp(key, "angle") ? 0.5 / 0.125 : 0.125);
    if (!strcmp(key, "length"))
        return json_real(0.5);
    if (!strcmp(key, "frequency"))
        return json_real(5e8 + number);
    if (!strcmp(key, "harmonic_number") || !strcmp(type, "integer"))
        return json_integer(7);
    if (!strcmp(type, "string"))
        return json_string("text \"quoted\"");
    if (strcmp(type, "array") != 0)
        return json_real(number);
    /* dipole and fifth term: the ones between are k1, k2, k3 of some type */
    return json_pack("[f, i, i, i, i, f]", number, 0, 0, 0, 0, 3 * number);
}

static json_t *element_of(const json_t *alternative)
{
    json_t *items = json_object_get(alternative, "items");
    json_t *properties = json_object_get(json_array_get(items, 1), "properties"), *schema;
    json_t *attributes = json_object();
    const char *key;

    assert_true(json_object_size(properties) >= 6);
    json_object_foreach(properties, key, schema)
        json_object_set_new(attributes, key, value_of(key, schema));
    return json_pack("[O, o]", json_object_get(json_array_get(items, 0), "const"), attributes);
}

/* A ring with one element of each type, with all its attributes. */
static json_t *full_ring(void)
{
    size_t size, i;
    char *text = ring_file_text("lattices/lattice.schema.json", &size);
    json_t *schema = json_loadb(text, size, 0, NULL), *alternative;
    json_t *elements = json_object(), *line = json_array();
    const json_t *all = json_object_get(
        json_object_get(json_object_get(json_object_get(schema, "properties"), "elements"),
                        "additionalProperties"),
        "oneOf");

    free(text);
    assert_int_equal(json_array_size(all), 10);
    json_array_foreach(all, i, alternative)
    {
        json_t *element = element_of(alternative);
        const char *type = json_string_value(json_array_get(element, 0));

        json_array_append_new(line, json_string(type));
        json_object_set_new(elements, type, element);
    }
    json_decref(schema);
    return json_pack("{s:s, s:s, s:s, s:f, s:s, s:o, s:{s:o}, s:{s:i, s:[s], s:[s], s:[{s:s, "
                     "s:s, s:i}], s:i}}",
                     "version", "2.2", "title", "all", "info", "of everything", "energy", 1.7,
                     "root", "R", "elements", elements, "lattices", "R", line, "x_ext",
                     "harmonic_number", 17, "bpms", "Monitor", "hcorrectors", "Corrector",
                     "vcorrectors", "name", "V", "element", "Sextupole", "index", 7, "pv", 1);
}

static struct lattice *parse(const char *text, struct import_report *report)
{
    const struct import_source source = {
        .name = "all", .text = text, .size = strlen(text), .format = IMPORT_LATTICE_JSON};
    struct lattice *ring;

    if (import_parse(&ring, &source, report) != RC_OK)
        fail_msg("%s in\n%s", err_text(), text);
    return ring;
}

static void same_element(const struct element *a, const struct element *b)
{
    struct element left = *a, right = *b;

    assert_string_equal(left.name, right.name);
    left.name = right.name = NULL;
    assert_memory_equal(&left, &right, sizeof left);
}

static void same_devices(const struct lattice_device *a, const struct lattice_device *b,
                         uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_int_equal(a[i].element, b[i].element);
    }
}

static void same_ring(const struct lattice *a, const struct lattice *b)
{
    assert_int_equal(a->n_element, b->n_element);
    for (uint32_t i = 0; i < a->n_element; i++)
        same_element(&a->element[i], &b->element[i]);
    assert_string_equal(a->title, b->title);
    assert_close(a->energy_gev, b->energy_gev, 0, 0);
    assert_int_equal(a->harmonic_number, b->harmonic_number);
    assert_int_equal(a->n_bpm, b->n_bpm);
    assert_int_equal(a->n_hcorrector, b->n_hcorrector);
    assert_int_equal(a->n_vcorrector, b->n_vcorrector);
    same_devices(a->bpm, b->bpm, a->n_bpm);
    same_devices(a->hcorrector, b->hcorrector, a->n_hcorrector);
    same_devices(a->vcorrector, b->vcorrector, a->n_vcorrector);
}

static bool is_reported(const struct import_report *report, const char *type, const char *key)
{
    char line[128];

    snprintf(line, sizeof line, "element '%s': %s plays no part", type, key);
    for (uint32_t i = 0; i < report->n_line; i++)
        if (!strcmp(report->line[i], line))
            return true;
    return false;
}

/* Every attribute of an element that was read is written, or in the report. */
static void nothing_is_dropped(const char *type, const json_t *before, const json_t *after,
                               const struct import_report *report)
{
    json_t *attributes = json_array_get(before, 1), *value;
    const char *key;

    json_object_foreach(attributes, key, value)
    {
        if (is_in(key, renamed, sizeof renamed / sizeof renamed[0]))
            continue;
        if (is_in(key, reported, sizeof reported / sizeof reported[0]))
            assert_true(is_reported(report, type, key));
        else if (!json_object_get(json_array_get(after, 1), key))
            fail_msg("%s of %s is dropped", key, type);
    }
}

static void every_attribute_of_the_schema_survives_writing(void **state)
{
    json_t *full = full_ring(), *written, *element;
    char *text = json_dumps(full, JSON_INDENT(1)), *again = NULL;
    struct import_report report = {0}, second = {0};
    struct lattice *ring = parse(text, &report), *back;
    const char *type;
    size_t size;

    (void) state;
    assert_int_equal(export_lattice_json(ring, &again, &size), RC_OK);
    back = parse(again, &second);
    same_ring(ring, back);
    assert_int_equal(second.n_line, 0);
    written = json_loadb(again, size, 0, NULL);
    json_object_foreach(json_object_get(full, "elements"), type, element) nothing_is_dropped(
        type, element, json_object_get(json_object_get(written, "elements"), type), &report);
    json_decref(written);
    json_decref(full);
    lattice_destroy(ring);
    lattice_destroy(back);
    import_report_free(&report);
    import_report_free(&second);
    free(text);
    free(again);
}

static void a_ring_without_harmonic_number_stays_so(void **state)
{
    static const char text[] =
        "{\"version\": \"2.2\", \"root\": \"R\", \"energy\": 1, \"elements\": {\"C\": "
        "[\"Cavity\", "
        "{\"length\": "
        "3, \"voltage\": 1, \"frequency\": 3e8}]}, \"lattices\": {\"R\": [\"C\"]}, \"x_ext\": "
        "{\"harmonic_number\": null}}";
    struct import_report report = {0};
    struct lattice *ring = parse(text, &report), *back;
    char *again = NULL;
    size_t size;

    (void) state;
    assert_int_equal(ring->harmonic_number, 0);
    assert_int_equal(export_lattice_json(ring, &again, &size), RC_OK);
    back = parse(again, &report);
    assert_int_equal(back->harmonic_number, 0);
    lattice_destroy(ring);
    lattice_destroy(back);
    import_report_free(&report);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attribute_of_the_schema_survives_writing),
        cmocka_unit_test(a_ring_without_harmonic_number_stays_so),
    };

    return cmocka_run_group_tests_name("model/import/export", tests, NULL, NULL);
}
