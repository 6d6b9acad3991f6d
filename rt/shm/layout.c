#include "rt/shm/layout.h"

#include <stddef.h>
#include <string.h>

#include "rt/base/fnv.h"

static const struct layout_item items[] = {
#define FIELD(s, f) {#s "." #f, offsetof(struct s, f), sizeof(((struct s *) 0)->f)},
#define VALUE(name) {#name, (uint64_t) (name), 0},
#include "rt/shm/layout_items.def"
#undef FIELD
#undef VALUE
};

static const struct {
    enum vector_shape shape;
    const char *name;
} vectors[VEC_COUNT] = {
#define VECTOR(id, shape, unit, help) [VEC_##id] = {SHAPE_##shape, #id},
#include "rt/shm/vectors.def"
#undef VECTOR
};

/* Everything is copied as whole 8-byte words. */
_Static_assert(sizeof(struct segment_head) % 64 == 0, "heads fill cache lines");
_Static_assert(sizeof(struct slot_ring_head) % 64 == 0, "heads fill cache lines");
_Static_assert(sizeof(struct four_slot) % 64 == 0, "heads fill cache lines");
_Static_assert(sizeof(struct snapshot_head) % 8 == 0, "whole words");
_Static_assert(sizeof(struct record_head) % 8 == 0, "whole words");
_Static_assert(sizeof(struct setpoint_head) % 8 == 0, "whole words");
_Static_assert(sizeof(struct frame_head) % 8 == 0, "whole words");
_Static_assert(sizeof(struct param_head) % 8 == 0, "the matrices behind it are aligned");
_Static_assert(sizeof(struct text_block) % 8 == 0, "whole words");
_Static_assert(sizeof(double) == 8, "float64");

const struct layout_item *layout_items(uint64_t *n_item)
{
    *n_item = sizeof items / sizeof items[0];
    return items;
}

uint64_t layout_hash(void)
{
    uint64_t hash = FNV_START;

    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        hash = fnv_add(hash, items[i].name, strlen(items[i].name) + 1);
        hash = fnv_add(hash, &items[i].value, sizeof items[i].value);
        hash = fnv_add(hash, &items[i].size_b, sizeof items[i].size_b);
    }
    return hash;
}

enum vector_shape vector_shape(enum snapshot_vector vector)
{
    return vectors[vector].shape;
}

const char *vector_name(enum snapshot_vector vector)
{
    return vectors[vector].name;
}

uint64_t vector_length(const struct orbit_dims *dims, enum snapshot_vector vector)
{
    return vectors[vector].shape == SHAPE_ROW ? dims_n_row(dims) : dims_n_col(dims);
}

uint64_t snapshot_offset_b(const struct orbit_dims *dims, enum snapshot_vector vector)
{
    uint64_t offset_b = sizeof(struct snapshot_head);

    for (unsigned v = 0; v < vector; v++)
        offset_b += 8 * vector_length(dims, (enum snapshot_vector) v);
    return offset_b;
}

uint64_t snapshot_size_b(const struct orbit_dims *dims)
{
    return snapshot_offset_b(dims, VEC_COUNT);
}

uint64_t record_size_b(const struct orbit_dims *dims)
{
    return sizeof(struct record_head) + 8 * (2 * dims_n_row(dims) + 4 * dims_n_col(dims));
}

uint64_t setpoint_size_b(const struct orbit_dims *dims)
{
    return sizeof(struct setpoint_head) + 8 * dims_n_col(dims);
}

/* Names as sections.def uses them. */
enum side { side_n_row, side_n_col, side_n_bpm };
enum need { need_always, need_exact, need_up_to };

static const struct {
    const char *name;
    enum side rows, cols;
    enum need need;
} sections[PARAM_SECTION_COUNT] = {
#define SECTION(id, rows, cols, need, help)                                                    \
    [PARAM_##id] = {#id, side_##rows, side_##cols, need_##need},
#include "rt/shm/sections.def"
#undef SECTION
};

static uint64_t side_length(const struct orbit_dims *dims, enum side side)
{
    if (side == side_n_bpm)
        return dims->n_bpm;
    return side == side_n_row ? dims_n_row(dims) : dims_n_col(dims);
}

void section_most(const struct orbit_dims *dims, enum param_section_id id, uint64_t *rows,
                  uint64_t *cols)
{
    *rows = side_length(dims, sections[id].rows);
    *cols = side_length(dims, sections[id].cols);
}

int section_fits(const struct orbit_dims *dims, enum param_section_id id, uint64_t rows,
                 uint64_t cols)
{
    uint64_t most_rows, most_cols;

    section_most(dims, id, &most_rows, &most_cols);
    if (rows == 0 && cols == 0)
        return sections[id].need != need_always;
    if (sections[id].need == need_up_to)
        return rows == most_rows && cols >= 1 && cols <= most_cols;
    return rows == most_rows && cols == most_cols;
}

const char *section_name(enum param_section_id id)
{
    return sections[id].name;
}

uint64_t frame_size_b(uint64_t n_value)
{
    return sizeof(struct frame_head) + 4 * 8 * n_value;
}

int dims_valid(const struct orbit_dims *dims)
{
    if (dims->n_bpm < 1 || dims->n_bpm > ORBIT_MAX_BPM)
        return 0;
    /* Each below the limit first: a sum of hostile values might wrap. */
    if (dims->n_h > ORBIT_MAX_COL || dims->n_v > ORBIT_MAX_COL || dims->n_rf > ORBIT_MAX_COL)
        return 0;
    return dims_n_col(dims) >= 1 && dims_n_col(dims) <= ORBIT_MAX_COL;
}
