#include "io/ctl/ring/table.h"

#include <math.h>
#include <string.h>

const char *kind_word(enum element_kind kind)
{
    static const char *const words[] = {
        [ELEMENT_DRIFT] = "Drift",           [ELEMENT_MARKER] = "Marker",
        [ELEMENT_MONITOR] = "Monitor",       [ELEMENT_CORRECTOR] = "Corrector",
        [ELEMENT_CAVITY] = "Cavity",         [ELEMENT_DIPOLE] = "Dipole",
        [ELEMENT_QUADRUPOLE] = "Quadrupole", [ELEMENT_SEXTUPOLE] = "Sextupole",
        [ELEMENT_OCTUPOLE] = "Octupole",     [ELEMENT_MULTIPOLE] = "Multipole"};

    return words[kind];
}

void table_add(struct table *table, const char *name, const double *value, uint32_t stride)
{
    table->column[table->n].name = name;
    table->column[table->n].value = value;
    table->column[table->n++].stride = stride;
}

void csv_name(FILE *out, const char *name)
{
    if (!strpbrk(name, ",\"\n\r")) {
        fputs(name, out);
        return;
    }
    fputc('"', out);
    for (const char *at = name; *at; at++)
        fputs(*at == '"' ? "\"\"" : (char[2]){*at, '\0'}, out);
    fputc('"', out);
}

static void write_line(FILE *out, const struct table *table, uint32_t i)
{
    const struct element *element = &table->ring->element[i];

    csv_name(out, element->name);
    fprintf(out, ",%s,%.17g,%.17g", kind_word(element->kind), table->ring->s_m[i],
            element->length_m);
    for (uint32_t k = 0; k < table->n; k++)
        fprintf(out, ",%.17g", table->column[k].value[(size_t) i * table->column[k].stride]);
    fputc('\n', out);
}

void table_write_csv(FILE *out, const struct table *table)
{
    fputs("name,kind,s_m,length_m", out);
    for (uint32_t k = 0; k < table->n; k++)
        fprintf(out, ",%s", table->column[k].name);
    fputc('\n', out);
    for (uint32_t i = 0; i < table->ring->n_element; i++)
        write_line(out, table, i);
}

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_numbers(const double *value, uint32_t n, uint32_t stride)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < n; i++) {
        double one = value[(size_t) i * stride];

        json_array_append_new(array, json_number(one));
    }
    return array;
}

void table_add_json(json_t *object, const struct table *table)
{
    const struct lattice *ring = table->ring;
    json_t *name = json_array(), *kind = json_array(), *length = json_array();

    for (uint32_t i = 0; i < ring->n_element; i++) {
        json_array_append_new(name, json_string(ring->element[i].name));
        json_array_append_new(kind, json_string(kind_word(ring->element[i].kind)));
        json_array_append_new(length, json_real(ring->element[i].length_m));
    }
    json_object_set_new(object, "name", name);
    json_object_set_new(object, "kind", kind);
    json_object_set_new(object, "s_m", json_numbers(ring->s_m, ring->n_element, 1));
    json_object_set_new(object, "length_m", length);
    for (uint32_t k = 0; k < table->n; k++)
        json_object_set_new(
            object, table->column[k].name,
            json_numbers(table->column[k].value, ring->n_element, table->column[k].stride));
}

void json_print(const json_t *object)
{
    json_dumpf(object, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    putchar('\n');
}
