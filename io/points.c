#include "io/points.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/devices.h"

enum derived { DERIVED_MASKED, DERIVED_FRAME_AGE, DERIVED_AGE, DERIVED_RATE };

/* Every kind of entry fills the same structure; what an entry does not name stays zero. */
#define POINT_ROW(id, vec, where, egu, s, p, range, text)                                      \
    {.name = #id,                                                                              \
     .origin = POINT_FROM_VECTOR,                                                              \
     .index = VEC_##vec,                                                                       \
     .part = POINT_PART_##where,                                                               \
     .unit = egu,                                                                              \
     .scale = s,                                                                               \
     .prec = p,                                                                                \
     .low = -(range),                                                                          \
     .high = range,                                                                            \
     .help = text},
#define POINT_COL POINT_ROW
#define POINT_REFERENCE(id, where, egu, s, p, range, text)                                     \
    {.name = #id,                                                                              \
     .origin = POINT_FROM_REFERENCE,                                                           \
     .part = POINT_PART_##where,                                                               \
     .unit = egu,                                                                              \
     .scale = s,                                                                               \
     .prec = p,                                                                                \
     .low = -(range),                                                                          \
     .high = range,                                                                            \
     .help = text},
#define POINT_AMPERE(id, vec, where, p, range, text)                                           \
    {.name = #id,                                                                              \
     .origin = POINT_FROM_VECTOR,                                                              \
     .index = VEC_##vec,                                                                       \
     .part = POINT_PART_##where,                                                               \
     .ampere = true,                                                                           \
     .unit = "A",                                                                              \
     .scale = 1,                                                                               \
     .prec = p,                                                                                \
     .low = -(range),                                                                          \
     .high = range,                                                                            \
     .help = text},
#define POINT_BITS(id, vec, where, text)                                                       \
    {.name = #id,                                                                              \
     .kind = POINT_KIND_INTEGER,                                                               \
     .origin = POINT_FROM_VECTOR,                                                              \
     .index = VEC_##vec,                                                                       \
     .part = POINT_PART_##where,                                                               \
     .unit = "",                                                                               \
     .scale = 1,                                                                               \
     .help = text},
#define POINT_REAL(id, field, egu, s, p, lo, hi, text)                                         \
    {.name = #id,                                                                              \
     .origin = POINT_FROM_HEAD_REAL,                                                           \
     .index = offsetof(struct snapshot_head, field),                                           \
     .unit = egu,                                                                              \
     .scale = s,                                                                               \
     .prec = p,                                                                                \
     .low = lo,                                                                                \
     .high = hi,                                                                               \
     .help = text},
#define POINT_INT(id, field, egu, text)                                                        \
    {.name = #id,                                                                              \
     .kind = POINT_KIND_INTEGER,                                                               \
     .origin = POINT_FROM_HEAD_INT,                                                            \
     .index = offsetof(struct snapshot_head, field),                                           \
     .unit = egu,                                                                              \
     .scale = 1,                                                                               \
     .help = text},
#define POINT_STATUS(id, field, text)                                                          \
    {.name = #id,                                                                              \
     .kind = POINT_KIND_INTEGER,                                                               \
     .origin = POINT_FROM_STATUS,                                                              \
     .index = offsetof(struct status_block, field),                                            \
     .unit = "",                                                                               \
     .scale = 1,                                                                               \
     .help = text},
#define POINT_COUNT(id, which, text)                                                           \
    {.name = #id,                                                                              \
     .kind = POINT_KIND_INTEGER,                                                               \
     .origin = POINT_FROM_COUNTER,                                                             \
     .index = COUNTER_##which,                                                                 \
     .unit = "",                                                                               \
     .scale = 1,                                                                               \
     .help = text},
#define POINT_PHASE(id, which, per_cent, text)                                                 \
    {.name = #id,                                                                              \
     .origin = POINT_FROM_PHASE,                                                               \
     .index = PHASE_##which,                                                                   \
     .unit = "us",                                                                             \
     .scale = 1e-3,                                                                            \
     .prec = 3,                                                                                \
     .low = 0,                                                                                 \
     .high = 1000,                                                                             \
     .percent = per_cent,                                                                      \
     .help = text},
#define POINT_CHOICE(id, field, words, text)                                                   \
    {.name = #id,                                                                              \
     .kind = POINT_KIND_CHOICE,                                                                \
     .origin = POINT_FROM_STATUS,                                                              \
     .index = offsetof(struct status_block, field),                                            \
     .unit = "",                                                                               \
     .scale = 1,                                                                               \
     .choices = words,                                                                         \
     .help = text},
#define POINT_TEXT(id, field, text_)                                                           \
    {.name = #id,                                                                              \
     .kind = POINT_KIND_TEXT,                                                                  \
     .origin = POINT_FROM_TEXT,                                                                \
     .index = offsetof(struct text_block, field),                                              \
     .unit = "",                                                                               \
     .help = text_},
#define POINT_RUN(id, text)                                                                    \
    {.name = #id, .kind = POINT_KIND_TEXT, .origin = POINT_FROM_RUN, .unit = "", .help = text},
#define POINT_NAMES(id, where, text)                                                           \
    {.name = #id,                                                                              \
     .kind = POINT_KIND_NAMES,                                                                 \
     .origin = POINT_FROM_DEVICES,                                                             \
     .part = POINT_PART_##where,                                                               \
     .unit = "",                                                                               \
     .help = text},
#define POINT_DERIVED(id, what, egu, p, lo, hi, text)                                          \
    {.name = #id,                                                                              \
     .kind = p ? POINT_KIND_REAL : POINT_KIND_INTEGER,                                         \
     .origin = POINT_FROM_DERIVED,                                                             \
     .index = DERIVED_##what,                                                                  \
     .unit = egu,                                                                              \
     .scale = 1,                                                                               \
     .prec = p,                                                                                \
     .low = lo,                                                                                \
     .high = hi,                                                                               \
     .help = text},

static const struct point_def table[] = {
#include "io/points.def"
};

size_t points_count(void)
{
    return sizeof table / sizeof *table;
}

const struct point_def *points_at(size_t index)
{
    return index < points_count() ? &table[index] : NULL;
}

const struct point_def *point_by_name(const char *name)
{
    for (size_t i = 0; i < points_count(); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

/* Where a part lies in its vector. */
static size_t part_start(const struct point_def *point, const struct orbit_dims *dims)
{
    switch (point->part) {
    case POINT_PART_Y:
        return dims->n_bpm;
    case POINT_PART_V:
        return dims->n_h;
    case POINT_PART_RF:
        return dims->n_h + dims->n_v;
    case POINT_PART_NONE:
    case POINT_PART_X:
    case POINT_PART_H:
        break;
    }
    return 0;
}

size_t point_length(const struct point_def *point, const struct orbit_dims *dims)
{
    if (point->origin == POINT_FROM_TEXT) {
        return ORBIT_TEXT_SIZE;
    }
    if (point->origin == POINT_FROM_RUN) {
        return ORBIT_NAME_SIZE;
    }
    switch (point->part) {
    case POINT_PART_X:
    case POINT_PART_Y:
        return dims->n_bpm;
    case POINT_PART_H:
        return dims->n_h;
    case POINT_PART_V:
        return dims->n_v;
    case POINT_PART_RF:
        return dims->n_rf;
    case POINT_PART_NONE:
        break;
    }
    return 1;
}

/* ---- numbers
 * ----------------------------------------------------------------------------------- */

static void read_bits(const struct point_def *point, const struct points_source *source,
                      double *value)
{
    const uint64_t *bits =
        snapshot_bits(&source->dims, source->snapshot, (enum snapshot_vector) point->index);
    size_t start = part_start(point, &source->dims), n = point_length(point, &source->dims);
    for (size_t i = 0; i < n; i++) {
        value[i] = (double) bits[start + i];
    }
}

static double ampere_per_rad(const struct devices *devices, size_t column)
{
    double rad_per_a = devices->corrector[column].rad_per_a;
    return rad_per_a == 0 ? (double) NAN : 1 / rad_per_a;
}

static enum rc read_vector(const struct point_def *point, const struct points_source *source,
                           double *value)
{
    if (point->kind == POINT_KIND_INTEGER) {
        read_bits(point, source, value);
        return RC_OK;
    }
    if (point->ampere && !source->devices) {
        return err_set(RC_GONE, "%s: no device table", point->name);
    }
    const double *v =
        snapshot_values(&source->dims, source->snapshot, (enum snapshot_vector) point->index);
    size_t start = part_start(point, &source->dims), n = point_length(point, &source->dims);
    for (size_t i = 0; i < n; i++) {
        double scale =
            point->ampere ? ampere_per_rad(source->devices, start + i) : point->scale;
        value[i] = v[start + i] * scale;
    }
    return RC_OK;
}

/* A replaced error says nothing about the reference: such elements are NaN. */
static void read_reference(const struct point_def *point, const struct points_source *source,
                           double *value)
{
    const double *y = snapshot_values(&source->dims, source->snapshot, VEC_Y);
    const double *error = snapshot_values(&source->dims, source->snapshot, VEC_ERROR);
    const uint64_t *bits = snapshot_bits(&source->dims, source->snapshot, VEC_ROW_QUALITY);
    size_t start = part_start(point, &source->dims), n = point_length(point, &source->dims);
    for (size_t i = 0; i < n; i++) {
        size_t k = start + i;
        value[i] = bits[k] == QUALITY_GOOD ? (y[k] - error[k]) * point->scale : (double) NAN;
    }
}

/* The rows that a point is made of; false: it is not about the orbit. */
static bool rows_of(const struct point_def *point, const struct orbit_dims *dims, size_t *start)
{
    static const struct {
        size_t offset_b;
        bool vertical;
    } head[] = {
        {offsetof(struct snapshot_head, rms_x_m), false},
        {offsetof(struct snapshot_head, max_x_m), false},
        {offsetof(struct snapshot_head, pred_err_x_m), false},
        {offsetof(struct snapshot_head, uncorrectable_x_m), false},
        {offsetof(struct snapshot_head, full_h_rad), false},
        {offsetof(struct snapshot_head, rms_y_m), true},
        {offsetof(struct snapshot_head, max_y_m), true},
        {offsetof(struct snapshot_head, pred_err_y_m), true},
        {offsetof(struct snapshot_head, uncorrectable_y_m), true},
        {offsetof(struct snapshot_head, full_v_rad), true},
    };
    bool vertical = point->part == POINT_PART_Y || point->part == POINT_PART_V;
    bool about =
        point->origin == POINT_FROM_VECTOR &&
        (point->index == VEC_Y || point->index == VEC_ERROR || point->index == VEC_PRED_NOW ||
         point->index == VEC_PRED_FULL || point->index == VEC_FULL);

    for (size_t i = 0; point->origin == POINT_FROM_HEAD_REAL && i < sizeof head / sizeof *head;
         i++) {
        if (point->index == head[i].offset_b) {
            about = true;
            vertical = head[i].vertical;
        }
    }
    *start = vertical ? dims->n_bpm : 0;
    return about;
}

bool point_has_ground(const struct point_def *point, const struct points_source *source)
{
    size_t start;
    if (!source->snapshot || !rows_of(point, &source->dims, &start)) {
        return true;
    }
    const uint64_t *bits = snapshot_bits(&source->dims, source->snapshot, VEC_ROW_QUALITY);
    for (size_t i = 0; i < source->dims.n_bpm; i++) {
        if (bits[start + i] == QUALITY_GOOD) {
            return true;
        }
    }
    return false;
}

static double count_masked(const struct points_source *source)
{
    const uint64_t *bits = snapshot_bits(&source->dims, source->snapshot, VEC_ROW_QUALITY);
    size_t n = 0;
    for (size_t i = 0; i < dims_n_row(&source->dims); i++) {
        n += (bits[i] & QUALITY_MASKED) != 0;
    }
    return (double) n;
}

static double derive(const struct point_def *point, const struct points_source *source)
{
    const struct snapshot_head *head = source->snapshot;
    switch ((enum derived) point->index) {
    case DERIVED_MASKED:
        return count_masked(source);
    case DERIVED_FRAME_AGE:
        return (double) head->frame_age_ns * 1e-6;
    case DERIVED_AGE:
        return (double) (source->now_ns - head->t_mono_ns) * 1e-6;
    case DERIVED_RATE:
        break;
    }
    uint64_t period_ns = status_load(&source->status->period_ns);
    return period_ns ? 1e6 / (double) period_ns : 0;
}

static bool lacks_block(const struct point_def *point, const struct points_source *source)
{
    switch (point->origin) {
    case POINT_FROM_VECTOR:
    case POINT_FROM_REFERENCE:
    case POINT_FROM_HEAD_REAL:
    case POINT_FROM_HEAD_INT:
        return !source->snapshot;
    case POINT_FROM_DERIVED:
        return point->index == DERIVED_RATE ? !source->status : !source->snapshot;
    case POINT_FROM_STATUS:
    case POINT_FROM_COUNTER:
    case POINT_FROM_RUN:
        return !source->status;
    case POINT_FROM_PHASE:
        return !source->phase;
    case POINT_FROM_TEXT:
        return !source->text;
    case POINT_FROM_DEVICES:
        break;
    }
    return !source->devices;
}

static uint64_t read_field(const void *block, size_t offset_b)
{
    uint64_t field;
    memcpy(&field, (const char *) block + offset_b, sizeof field);
    return field;
}

static double read_scalar(const struct point_def *point, const struct points_source *source)
{
    double real;
    switch (point->origin) {
    case POINT_FROM_HEAD_REAL:
        memcpy(&real, (const char *) source->snapshot + point->index, sizeof real);
        return real * point->scale;
    case POINT_FROM_HEAD_INT:
        return (double) read_field(source->snapshot, point->index);
    case POINT_FROM_STATUS:
        return (double) status_load(
            (const uint64_t *) (const void *) ((const char *) source->status + point->index));
    case POINT_FROM_COUNTER:
        return (double) status_load(&source->status->counter[point->index]);
    case POINT_FROM_PHASE:
        return (double) hist_percentile(&source->phase[point->index], point->percent) *
               point->scale;
    default:
        return derive(point, source);
    }
}

enum rc point_read(const struct point_def *point, const struct points_source *source,
                   double *value)
{
    if (point->kind == POINT_KIND_TEXT || point->kind == POINT_KIND_NAMES) {
        return err_set(RC_INPUT, "%s is a text", point->name);
    }
    if (lacks_block(point, source)) {
        return err_set(RC_GONE, "%s: orbitd publishes nothing", point->name);
    }
    if (point->origin == POINT_FROM_VECTOR) {
        return read_vector(point, source, value);
    }
    if (point->origin == POINT_FROM_REFERENCE) {
        read_reference(point, source, value);
    } else {
        *value = read_scalar(point, source);
    }
    return RC_OK;
}

/* ---- names
 * ------------------------------------------------------------------------------------- */

const char *point_element_name(const struct point_def *point,
                               const struct points_source *source, size_t index)
{
    const struct devices *devices = source->devices;
    size_t k = part_start(point, &source->dims) + index;
    if (!devices || point->part == POINT_PART_NONE ||
        index >= point_length(point, &source->dims)) {
        return NULL;
    }
    switch (point->part) {
    case POINT_PART_X:
    case POINT_PART_Y:
        return devices->bpm[index].name;
    case POINT_PART_RF:
        return devices->rf.name;
    default:
        return devices->corrector[k].name;
    }
}

/* ---- texts
 * ------------------------------------------------------------------------------------- */

bool point_choice_word(const struct point_def *point, size_t choice, char *word, size_t size_b)
{
    const char *start = point->choices;
    for (size_t i = 0; start && i < choice; i++) {
        start = strchr(start, '|');
        start = start ? start + 1 : NULL;
    }
    if (!start) {
        return false;
    }
    snprintf(word, size_b, "%.*s", (int) strcspn(start, "|"), start);
    return true;
}

static enum rc read_choice(const struct point_def *point, const struct points_source *source,
                           char *text, size_t size_b)
{
    double choice = 0;
    enum rc rc = point_read(point, source, &choice);
    if (rc == RC_OK && !point_choice_word(point, (size_t) choice, text, size_b)) {
        return err_set(RC_INPUT, "%s: unknown choice %.0f", point->name, choice);
    }
    return rc;
}

enum rc point_read_text(const struct point_def *point, const struct points_source *source,
                        char *text, size_t size_b)
{
    *text = '\0';
    if (point->kind == POINT_KIND_CHOICE) {
        return read_choice(point, source, text, size_b);
    }
    if (point->kind != POINT_KIND_TEXT) {
        return err_set(RC_INPUT, "%s is not a text", point->name);
    }
    if (lacks_block(point, source)) {
        return err_set(RC_GONE, "%s: orbitd publishes nothing", point->name);
    }
    if (point->origin == POINT_FROM_RUN) {
        snprintf(text, size_b, "%llu", (unsigned long long) source->status->head.run_id);
    } else {
        const char *field = (const char *) source->text + point->index;
        snprintf(text, size_b, "%.*s", ORBIT_TEXT_SIZE - 1, field);
    }
    return RC_OK;
}
