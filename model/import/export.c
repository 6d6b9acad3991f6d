/* Writes a ring as LatticeJSON: definitions that are alike share a name, the ring is one line.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/import/import.h"
#include "rt/base/fnv.h"

static const char *const types[] = {
    [ELEMENT_DRIFT] = "Drift",           [ELEMENT_MARKER] = "Marker",
    [ELEMENT_MONITOR] = "Monitor",       [ELEMENT_CORRECTOR] = "Corrector",
    [ELEMENT_CAVITY] = "Cavity",         [ELEMENT_DIPOLE] = "Dipole",
    [ELEMENT_QUADRUPOLE] = "Quadrupole", [ELEMENT_SEXTUPOLE] = "Sextupole",
    [ELEMENT_OCTUPOLE] = "Octupole",     [ELEMENT_MULTIPOLE] = "Multipole",
};

struct writer {
    FILE *out;
    const struct lattice *ring;
    json_t *index;                       /* name as written -> how often it was taken */
    json_t *same;                        /* name and content -> element that was written */
    char (*name)[LATTICE_MAX_NAME + 13]; /* [n_element], as written */
};

/* ---- names ---- */

/* Content without the place in the ring, as a word. */
static void describe(const struct element *e, char key[LATTICE_MAX_NAME + 24])
{
    struct element plain = *e;

    plain.name = NULL;
    plain.occurrence = 0;
    snprintf(key, LATTICE_MAX_NAME + 24, "%s %016" PRIx64, e->name,
             fnv_add(FNV_START, &plain, sizeof plain));
}

static enum rc remember(json_t *index, const char *key, json_int_t value)
{
    return json_object_set_new_nocheck(index, key, json_integer(value))
               ? err_set(RC_NOMEM, "no memory for names")
               : RC_OK;
}

/* Elements of one name that differ get ".2", ".3": in a file a name means one thing. */
static enum rc find_name(struct writer *w, uint32_t i, bool *first)
{
    const struct element *e = &w->ring->element[i];
    char key[LATTICE_MAX_NAME + 24];
    const json_t *found;
    json_int_t k;
    enum rc rc;

    describe(e, key);
    found = json_object_get(w->same, key);
    *first = !found;
    if (found) {
        memcpy(w->name[i], w->name[json_integer_value(found)], sizeof w->name[i]);
        return RC_OK;
    }
    snprintf(w->name[i], sizeof w->name[i], "%s", e->name);
    for (k = json_integer_value(json_object_get(w->index, e->name));
         json_object_get(w->index, w->name[i]); k++)
        snprintf(w->name[i], sizeof w->name[i], "%.56s.%u", e->name, (unsigned) k + 1);
    rc = remember(w->same, key, i);
    if (rc == RC_OK)
        rc = remember(w->index, w->name[i], 1);
    return rc == RC_OK && k > 1 ? remember(w->index, e->name, k) : rc;
}

static void put_text(FILE *out, const char *text)
{
    putc('"', out);
    for (const unsigned char *c = (const unsigned char *) text; *c; c++) {
        if (*c < 0x20)
            fprintf(out, "\\u%04x", *c);
        else if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else
            putc(*c, out);
    }
    putc('"', out);
}

/* ---- numbers ---- */

/* The shortest text that gives the same number. */
static void put_number(FILE *out, double value)
{
    char text[40];
    double back = NAN;

    for (int digits = 15; digits <= 17 && !(fabs(back - value) <= 0); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        back = strtod(text, NULL);
    }
    fputs(text, out);
}

static void put_field(FILE *out, const char *name, double value)
{
    if (!(fabs(value) > 0))
        return;
    fprintf(out, ", \"%s\": ", name);
    put_number(out, value);
}

static void put_terms(FILE *out, const char *name, const double *term)
{
    int n = ELEMENT_TERMS;

    while (n > 0 && !(fabs(term[n - 1]) > 0))
        n--;
    if (n == 0)
        return;
    fprintf(out, ", \"%s\": [", name);
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        put_number(out, term[i]);
    }
    fputs("]", out);
}

/* ---- elements ---- */

/* Terms that the type has a name of its own for: a bit each. */
static unsigned named_terms(enum element_kind kind)
{
    switch (kind) {
    case ELEMENT_DIPOLE:
        return 1u << 1 | 1u << 2;
    case ELEMENT_QUADRUPOLE:
        return 1u << 1;
    case ELEMENT_SEXTUPOLE:
        return 1u << 2;
    case ELEMENT_OCTUPOLE:
        return 1u << 3;
    default:
        return 0;
    }
}

/* k1, k2, k3 where the type has them and they say all; a list of coefficients otherwise. */
static void put_strengths(FILE *out, const struct element *e)
{
    static const double factor[] = {0, 1, 2, 6};
    static const char *const key[] = {"", "k1", "k2", "k3"};
    double rest[ELEMENT_TERMS];

    memcpy(rest, e->b, sizeof rest);
    for (int n = 1; n <= 3; n++) {
        double k = factor[n] * e->b[n];

        if (!(named_terms(e->kind) & 1u << n) || fabs(k / factor[n] - e->b[n]) > 0)
            continue;
        put_field(out, key[n], k);
        rest[n] = 0;
    }
    put_terms(out, "polynom_b", rest);
    put_terms(out, "polynom_a", e->a);
    if (e->n_slices != 10)
        fprintf(out, ", \"n_slices\": %u", e->n_slices);
}

static void put_bend(FILE *out, const struct element *e)
{
    put_field(out, "angle", e->angle_rad);
    put_field(out, "e1", e->e1_rad);
    put_field(out, "e2", e->e2_rad);
    put_field(out, "fint1", e->fint1);
    put_field(out, "fint2", e->fint2);
    put_field(out, "gap", e->gap_m);
}

/* The harmonic number that the frequency comes to. */
static void put_cavity(FILE *out, const struct element *e, double circumference_m)
{
    double h = round(e->frequency_hz * circumference_m / 299792458.0);

    fputs(", \"voltage\": ", out);
    put_number(out, e->voltage_v);
    fputs(", \"frequency\": ", out);
    put_number(out, e->frequency_hz);
    put_field(out, "lag", e->lag_m);
    if (h >= 1 && h < 1e9)
        fprintf(out, ", \"harmonic_number\": %.0f", h);
}

static void put_element(struct writer *w, uint32_t i, bool is_first)
{
    const struct element *e = &w->ring->element[i];
    FILE *out = w->out;

    fputs(is_first ? "    " : ",\n    ", out);
    put_text(out, w->name[i]);
    fprintf(out, ": [\"%s\", {\"length\": ", types[e->kind]);
    put_number(out, e->length_m);
    if (e->kind == ELEMENT_DIPOLE)
        put_bend(out, e);
    if (e->kind == ELEMENT_CAVITY)
        put_cavity(out, e, w->ring->circumference_m);
    if (e->kind >= ELEMENT_DIPOLE)
        put_strengths(out, e);
    if (e->kind >= ELEMENT_DIPOLE || e->kind == ELEMENT_CORRECTOR) {
        put_field(out, "hkick", e->hkick_rad);
        put_field(out, "vkick", e->vkick_rad);
    }
    put_field(out, "dx", e->dx_m);
    put_field(out, "dy", e->dy_m);
    put_field(out, "ds", e->ds_m);
    put_field(out, "tilt", e->roll_rad);
    fputs("}]", out);
}

static enum rc put_elements(struct writer *w)
{
    bool any = false;

    fputs("  \"elements\": {\n", w->out);
    for (uint32_t i = 0; i < w->ring->n_element; i++) {
        bool first;
        enum rc rc = find_name(w, i, &first);

        if (rc != RC_OK)
            return rc;
        if (first)
            put_element(w, i, !any);
        any = true;
    }
    fputs("\n  },\n\n", w->out);
    return RC_OK;
}

/* ---- line and devices ---- */

/* A line must not have the name of an element. */
static void put_line(struct writer *w)
{
    char root[16] = "RING";

    for (unsigned k = 2; json_object_get(w->index, root); k++)
        snprintf(root, sizeof root, "RING.%u", k);
    fprintf(w->out, "  \"root\": \"%s\",\n\n  \"lattices\": {\n    \"%s\": [", root, root);
    for (uint32_t i = 0; i < w->ring->n_element; i++) {
        fputs(i == 0 ? "" : i % 8 ? ", " : ",\n      ", w->out);
        put_text(w->out, w->name[i]);
    }
    fputs("]\n  },\n\n", w->out);
}

static void put_devices(const struct writer *w, const char *list,
                        const struct lattice_device *device, uint32_t n)
{
    fprintf(w->out, "    \"%s\": [", list);
    for (uint32_t i = 0; i < n; i++) {
        fputs(i ? ",\n      {\"name\": " : "\n      {\"name\": ", w->out);
        put_text(w->out, device[i].name);
        fputs(", \"element\": ", w->out);
        put_text(w->out, w->name[device[i].element]);
        fprintf(w->out, ", \"index\": %u}", device[i].element);
    }
    fputs("]", w->out);
}

static void put_ext(const struct writer *w)
{
    const struct lattice *l = w->ring;

    fputs("  \"x_ext\": {\n", w->out);
    if (l->harmonic_number)
        fprintf(w->out, "    \"harmonic_number\": %u,\n", l->harmonic_number);
    else
        fputs("    \"harmonic_number\": null,\n", w->out);
    put_devices(w, "bpms", l->bpm, l->n_bpm);
    fputs(",\n", w->out);
    put_devices(w, "hcorrectors", l->hcorrector, l->n_hcorrector);
    fputs(",\n", w->out);
    put_devices(w, "vcorrectors", l->vcorrector, l->n_vcorrector);
    fputs("\n  }\n}\n", w->out);
}

static enum rc put_all(struct writer *w)
{
    const struct lattice *l = w->ring;
    enum rc rc;

    fputs("{\n  \"version\": \"2.2\",\n  \"title\": ", w->out);
    put_text(w->out, l->title ? l->title : "");
    if (l->info) {
        fputs(",\n  \"info\": ", w->out);
        put_text(w->out, l->info);
    }
    if (l->energy_gev > 0) {
        fputs(",\n  \"energy\": ", w->out);
        put_number(w->out, l->energy_gev);
    }
    fputs(",\n\n", w->out);
    rc = put_elements(w);
    if (rc == RC_OK) {
        put_line(w);
        put_ext(w);
    }
    return rc;
}

enum rc export_lattice_json(const struct lattice *lattice, char **text, size_t *size)
{
    struct writer w = {.ring = lattice};
    char *made = NULL;
    enum rc rc;

    w.out = open_memstream(&made, size);
    w.index = json_object();
    w.same = json_object();
    w.name = calloc((size_t) lattice->n_element + 1, sizeof *w.name);
    rc = w.out && w.index && w.same && w.name ? put_all(&w)
                                              : err_set(RC_NOMEM, "no memory for a text");
    if (w.out && fclose(w.out) != 0 && rc == RC_OK)
        rc = err_set(RC_NOMEM, "no memory for a text");
    json_decref(w.index);
    json_decref(w.same);
    free(w.name);
    if (rc == RC_OK)
        *text = made;
    else
        free(made);
    return rc;
}
