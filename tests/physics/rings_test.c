/* The table in lattices/README.md against the rings, and each ring's device table against its
 * lattice. */
#include "tests/support/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/optics.h"
#include "tests/support/ring_file.h"

enum { FIGURES = 10, MOST_RINGS = 16 };

struct row {
    char ring[32];
    double figure[FIGURES]; /* elements, C, BPM, H, V, Qx, Qy, alpha_c, h, E */
};

/* A row is "| name | figure | ... |", all of it figures: the heading and the rest of the text
 * are not. */
static bool read_row(char *line, struct row *row)
{
    char *cell;

    if (sscanf(line, "| %31[a-z0-9] |", row->ring) != 1)
        return false;
    strsep(&line, "|");
    strsep(&line, "|");
    for (int i = 0; i < FIGURES; i++) {
        char *end;

        cell = strsep(&line, "|");
        row->figure[i] = cell ? strtod(cell, &end) : 0;
        if (!cell || end == cell)
            return false;
    }
    return true;
}

static uint32_t read_table(struct row rows[MOST_RINGS])
{
    size_t size;
    char *text = ring_file_text("lattices/README.md", &size), *rest = text, *line;
    uint32_t n = 0;

    while ((line = strsep(&rest, "\n")) && n < MOST_RINGS)
        n += read_row(line, &rows[n]);
    free(text);
    return n;
}

static void check_row(const struct row *row)
{
    struct lattice *lattice = ring_file_lattice(row->ring);
    const double *want = row->figure;
    struct optics *optics;

    assert_int_equal(optics_create(&optics, lattice->n_element), RC_OK);
    assert_int_equal(optics_compute(optics, lattice, INTEGRATOR_EXACT), RC_OK);
    assert_close(lattice->n_element, want[0], 0, 0);
    assert_close(lattice->circumference_m, want[1], 0, 5e-7);
    assert_close(lattice->n_bpm, want[2], 0, 0);
    assert_close(lattice->n_hcorrector, want[3], 0, 0);
    assert_close(lattice->n_vcorrector, want[4], 0, 0);
    assert_close(optics->tune_x, want[5], 0, 5.1e-8);
    assert_close(optics->tune_y, want[6], 0, 5.1e-8);
    assert_close(optics->alpha_c, want[7], 1e-7, 0);
    assert_close(lattice->harmonic_number, want[8], 0, 0);
    assert_close(lattice->energy_gev, want[9], 0, 0);
    optics_destroy(optics);
    lattice_destroy(lattice);
}

static void every_ring_of_the_table_has_its_figures(void **state)
{
    struct row rows[MOST_RINGS];
    uint32_t n = read_table(rows);

    (void) state;
    assert_int_equal(n, 5);
    for (uint32_t i = 0; i < n; i++)
        check_row(&rows[i]);
}

static void same_names(const json_t *list, const char *plane,
                       const struct lattice_device *device, uint32_t n)
{
    uint32_t found = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (plane && strcmp(plane, json_string_value(json_object_get(item, "plane"))))
            continue;
        assert_true(found < n);
        assert_string_equal(json_string_value(json_object_get(item, "name")),
                            device[found].name);
        found++;
    }
    assert_int_equal(found, n);
}

static void same_devices(const json_t *root, const struct lattice *lattice)
{
    const json_t *correctors = json_object_get(root, "correctors");

    assert_close(json_number_value(json_object_get(root, "energy_gev")), lattice->energy_gev, 0,
                 0);
    same_names(json_object_get(root, "bpms"), NULL, lattice->bpm, lattice->n_bpm);
    same_names(correctors, "h", lattice->hcorrector, lattice->n_hcorrector);
    same_names(correctors, "v", lattice->vcorrector, lattice->n_vcorrector);
}

static void devices_are_in_the_order_of_the_lattice(void **state)
{
    struct row rows[MOST_RINGS];
    uint32_t n = read_table(rows);

    (void) state;
    for (uint32_t i = 0; i < n; i++) {
        struct lattice *lattice = ring_file_lattice(rows[i].ring);
        char path[128];
        size_t size;
        char *text;
        json_t *root;

        snprintf(path, sizeof path, "lattices/%.31s/devices.json", rows[i].ring);
        text = ring_file_text(path, &size);
        root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        same_devices(root, lattice);
        json_decref(root);
        free(text);
        lattice_destroy(lattice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ring_of_the_table_has_its_figures),
        cmocka_unit_test(devices_are_in_the_order_of_the_lattice),
    };

    return cmocka_run_group_tests_name("physics/rings", tests, NULL, NULL);
}
