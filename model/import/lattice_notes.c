/* What a LatticeJSON file says that the model has no place for. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "model/import/parts.h"

static bool is_zero(const json_t *value)
{
    return json_is_number(value) && fabs(json_number_value(value)) <= 0;
}

static void note_element(struct import_report *report, const char *name, const json_t *attrs)
{
    static const char *const unused[] = {
        "info", "conversion_factor_ps_value", "phase", "fiducial", "end1_focus", "end2_foucs"};

    for (size_t i = 0; i < sizeof unused / sizeof unused[0]; i++) {
        const json_t *value = json_object_get(attrs, unused[i]);

        if (value && !is_zero(value))
            import_report_add(report, "element '%s': %s plays no part", name, unused[i]);
    }
}

static void note_extension(struct import_report *report, const char *key)
{
    static const char *const used[] = {"harmonic_number", "bpms", "hcorrectors", "vcorrectors"};

    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++)
        if (!strcmp(key, used[i]))
            return;
    import_report_add(report, "x_ext.%s plays no part", key);
}

void lattice_notes(const struct import_source *source, struct import_report *report)
{
    json_t *root = json_loadb(source->text, source->size, 0, NULL);
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(root, "elements"), key, value)
        note_element(report, key, json_array_get(value, 1));
    json_object_foreach(json_object_get(root, "x_ext"), key, value) note_extension(report, key);
    json_decref(root);
}
