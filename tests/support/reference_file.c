#include "tests/support/reference_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/ring_file.h"
#include "tests/support/test.h"

json_t *reference_file(const char *ring)
{
    char path[128];
    size_t size;
    char *text;
    json_t *reference;

    snprintf(path, sizeof path, "tests/physics/reference/%s.json.xz", ring);
    text = ring_file_unpacked(path, &size);
    reference = json_loadb(text, size, 0, NULL);
    free(text);
    assert_non_null(reference);
    return reference;
}

double reference_item(const json_t *list, uint32_t i)
{
    assert_true(json_is_number(json_array_get(list, i)));
    return json_number_value(json_array_get(list, i));
}

double reference_number(const json_t *object, const char *key)
{
    assert_true(json_is_number(json_object_get(object, key)));
    return json_number_value(json_object_get(object, key));
}

void reference_kick(const json_t *reference, const char *amplitude, struct lattice *lattice)
{
    double rad = reference_number(reference, amplitude);

    assert_true(rad > 0);
    for (uint32_t i = 0; i < lattice->n_hcorrector; i++)
        lattice->element[lattice->hcorrector[i].element].hkick_rad = rad * sin(1 + 0.7 * i);
    for (uint32_t i = 0; i < lattice->n_vcorrector; i++)
        lattice->element[lattice->vcorrector[i].element].vkick_rad =
            rad * sin(1 + 0.7 * i + 0.5);
}

void reference_make_fine(const json_t *reference, struct lattice *lattice)
{
    reference_kick(reference, "fine_kick_rad", lattice);
    for (uint32_t i = 0; i < lattice->n_element; i++)
        lattice->element[i].gap_m = 0;
}
