#include "io/ctl/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/devices.h"

enum {
    MAX_VALUES = sizeof((struct values *) 0)->point / sizeof((struct values *) 0)->point[0]
};

/* ---- names --------------------------------------------------------------------------- */

enum rc values_find(struct values *values, int n_name, char *const *name)
{
    char unknown[400] = "";
    size_t used = 0;

    values->n = 0;
    if (n_name > MAX_VALUES)
        return err_set(RC_RANGE, "%d names are more than %d", n_name, (int) MAX_VALUES);
    for (int i = 0; i < n_name; i++) {
        const struct point_def *point = point_by_name(name[i]);

        values->point[values->n++] = point;
        if (!point && used + strlen(name[i]) + 2 < sizeof unknown)
            used += (size_t) snprintf(unknown + used, sizeof unknown - used, " %s", name[i]);
    }
    if (used)
        return err_set(RC_INPUT, "not known:%s; orbitctl get --list tells all names", unknown);
    return RC_OK;
}

void values_list(FILE *out)
{
    for (size_t i = 0; i < points_count(); i++) {
        const struct point_def *point = points_at(i);

        fprintf(out, "%-20s %-5s %s\n", point->name, point->unit, point->help);
    }
}

/* ---- reading ------------------------------------------------------------------------- */

static bool is_vector(const struct point_def *point)
{
    return point->part != POINT_PART_NONE;
}

/* Numbers of a point, to be freed; *rc says why there are none. */
static double *read_numbers(const struct point_def *point, const struct points_source *source,
                            size_t *n, enum rc *rc)
{
    double *number;

    *n = point_length(point, &source->dims);
    number = calloc(*n + 1, sizeof *number);
    if (!number) {
        *rc = err_set(RC_NOMEM, "no memory for %s", point->name);
        return NULL;
    }
    *rc = point_read(point, source, number);
    if (*rc == RC_OK)
        return number;
    free(number);
    return NULL;
}

static bool is_text(const struct point_def *point)
{
    return point->kind == POINT_KIND_TEXT || point->kind == POINT_KIND_CHOICE;
}

/* Name of the device behind an element; NULL: not known. */
static const char *device_name(const struct point_def *point,
                               const struct points_source *source, size_t i)
{
    const struct devices *devices = source->devices;

    if (!devices)
        return NULL;
    switch (point->part) {
    case POINT_PART_X:
    case POINT_PART_Y:
        return devices->bpm[i].name;
    case POINT_PART_H:
        return devices->corrector[i].name;
    case POINT_PART_V:
        return devices->corrector[devices->n_h + i].name;
    case POINT_PART_RF:
        return devices->rf.name;
    case POINT_PART_NONE:
        break;
    }
    return NULL;
}

/* ---- text ---------------------------------------------------------------------------- */

static enum rc print_text(FILE *out, const struct point_def *point,
                          const struct points_source *source)
{
    char text[ORBIT_TEXT_SIZE];
    enum rc rc = point_read_text(point, source, text, sizeof text);

    if (rc == RC_OK)
        fprintf(out, "%s %s\n", point->name, text);
    return rc;
}

static enum rc print_names(FILE *out, const struct point_def *point,
                           const struct points_source *source)
{
    size_t n = point_length(point, &source->dims);

    if (!source->devices)
        return err_set(RC_GONE, "%s: needs the device table in use, give --config",
                       point->name);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s[%zu] %s\n", point->name, i, point_element_name(point, source, i));
    return RC_OK;
}

enum rc value_print(FILE *out, const struct point_def *point,
                    const struct points_source *source)
{
    double *number;
    size_t n;
    enum rc rc;

    if (is_text(point))
        return print_text(out, point, source);
    if (point->kind == POINT_KIND_NAMES)
        return print_names(out, point, source);
    number = read_numbers(point, source, &n, &rc);
    for (size_t i = 0; i < n && number; i++) {
        const char *device = device_name(point, source, i);

        if (is_vector(point))
            fprintf(out, "%s[%zu] %.*f %s%s%s\n", point->name, i, point->prec, number[i],
                    point->unit, device ? " " : "", device ? device : "");
        else
            fprintf(out, "%s %.*f %s\n", point->name, point->prec, number[i], point->unit);
    }
    free(number);
    return rc;
}

static void print_summary(FILE *out, const struct point_def *point, const double *number,
                          size_t n)
{
    double sum = 0, largest = 0;

    for (size_t i = 0; i < n; i++) {
        sum += number[i] * number[i];
        largest = fmax(largest, fabs(number[i]));
    }
    fprintf(out, "rms %.*f max %.*f", point->prec, n ? sqrt(sum / (double) n) : 0, point->prec,
            largest);
}

void value_print_short(FILE *out, const struct point_def *point,
                       const struct points_source *source)
{
    char text[ORBIT_TEXT_SIZE];
    double *number;
    size_t n;
    enum rc rc;

    if (is_text(point)) {
        rc = point_read_text(point, source, text, sizeof text);
        text[strcspn(text, "\n")] = '\0';
        fputs(rc == RC_OK ? text : "-", out);
        return;
    }
    number = read_numbers(point, source, &n, &rc);
    if (!number)
        fputs("-", out);
    else if (is_vector(point))
        print_summary(out, point, number, n);
    else
        fprintf(out, "%.*f", point->prec, number[0]);
    free(number);
}

/* ---- JSON ---------------------------------------------------------------------------- */

static json_t *number_json(const struct point_def *point, double number)
{
    if (!isfinite(number))
        return json_null();
    return point->kind == POINT_KIND_INTEGER ? json_integer((json_int_t) number)
                                             : json_real(number);
}

static json_t *numbers_json(const struct point_def *point, const struct points_source *source)
{
    json_t *json = NULL;
    size_t n;
    enum rc rc;
    double *number = read_numbers(point, source, &n, &rc);

    if (number && !is_vector(point))
        json = number_json(point, number[0]);
    else if (number)
        json = json_array();
    for (size_t i = 0; i < n && json_is_array(json); i++)
        json_array_append_new(json, number_json(point, number[i]));
    free(number);
    return json;
}

static json_t *names_json(const struct point_def *point, const struct points_source *source)
{
    json_t *json = source->devices ? json_array() : NULL;

    for (size_t i = 0; i < point_length(point, &source->dims) && json; i++)
        json_array_append_new(json, json_string(point_element_name(point, source, i)));
    return json;
}

json_t *value_json(const struct point_def *point, const struct points_source *source)
{
    char text[ORBIT_TEXT_SIZE];

    if (point->kind == POINT_KIND_NAMES)
        return names_json(point, source);
    if (!is_text(point))
        return numbers_json(point, source);
    if (point_read_text(point, source, text, sizeof text) != RC_OK)
        return NULL;
    return json_string(text);
}

json_t *values_json(const struct values *values, const struct points_source *source)
{
    const struct snapshot_head *head = source->snapshot;
    json_t *all = json_object(), *root = json_object();

    for (unsigned i = 0; i < values->n; i++) {
        json_t *value = value_json(values->point[i], source);

        json_object_set_new(all, values->point[i]->name,
                            json_pack("{s:o, s:s}", "value", value ? value : json_null(),
                                      "unit", values->point[i]->unit));
    }
    if (head) {
        json_object_set_new(root, "cycle", json_integer((json_int_t) head->cycle));
        json_object_set_new(root, "t_utc", json_real((double) head->t_utc_ns * 1e-9));
    }
    json_object_set_new(root, "values", all);
    return root;
}
