#include "rt/loop/set_image.h"

#include <stdlib.h>
#include <string.h>

#include "rt/base/fnv.h"

/* Behind the matrices; all of them 8 bytes wide. */
struct array {
    void *at;
    uint64_t n;
};

enum { N_ARRAY = 11 };

_Static_assert(sizeof(struct tuning) % 8 == 0, "arrays behind it are aligned");

static void list_arrays(struct params *p, struct array array[N_ARRAY])
{
    uint64_t n_row = dims_n_row(&p->dims), n_col = dims_n_col(&p->dims);

    array[0] = (struct array){p->reference_m, n_row};
    array[1] = (struct array){p->row_disabled, n_row};
    array[2] = (struct array){p->col_disabled, n_col};
    array[3] = (struct array){p->lower, n_col};
    array[4] = (struct array){p->upper, n_col};
    array[5] = (struct array){p->pole_hz, n_col};
    array[6] = (struct array){p->law_gain, n_col};
    array[7] = (struct array){p->fast, n_col};
    array[8] = (struct array){&p->unchecked_col, 1};
    array[9] = (struct array){&p->ff, sizeof p->ff / 8};
    array[10] = (struct array){p->ff_value, FF_MAX_TABLE * FF_MAX_POINT * (n_row + n_col)};
}

static uint64_t arrays_b(const struct orbit_dims *dims)
{
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);

    return sizeof(struct tuning) + sizeof(struct ff_tables) +
           8 * (2 * n_row + 6 * n_col + 1 + FF_MAX_TABLE * FF_MAX_POINT * (n_row + n_col));
}

uint64_t set_image_most_b(const struct orbit_dims *dims)
{
    uint64_t size_b = sizeof(struct set_head) + sizeof(struct param_head), rows, cols;

    for (unsigned id = 0; id < PARAM_SECTION_COUNT; id++) {
        section_most(dims, (enum param_section_id) id, &rows, &cols);
        size_b += 8 * rows * cols;
    }
    return size_b + arrays_b(dims);
}

static uint64_t section_b(const struct param_section *section)
{
    return 8 * section->rows * section->cols;
}

/* K is kept transposed. */
static void put_matrix(double *to, const struct params *p, unsigned id,
                       const struct param_section *section)
{
    if (id == PARAM_R)
        memcpy(to, p->r, section_b(section));
    else if (id != PARAM_K)
        memcpy(to, p->optional[id].a, section_b(section));
    else
        for (uint64_t j = 0; j < section->rows; j++)
            for (uint64_t i = 0; i < section->cols; i++)
                to[j * section->cols + i] = p->k_by_row[i * section->rows + j];
}

static char *put_matrices(struct param_head *head, const struct params *p)
{
    uint64_t n_row = dims_n_row(&p->dims), n_col = dims_n_col(&p->dims);
    char *at = (char *) (head + 1);

    *head = p->head;
    for (unsigned id = 0; id < PARAM_SECTION_COUNT; id++) {
        struct param_section *section = &head->section[id];
        bool is_r = id == PARAM_R, is_k = id == PARAM_K;

        section->id = id;
        section->rows = is_r ? n_row : is_k ? n_col : p->optional[id].rows;
        section->cols = is_r ? n_col : is_k ? n_row : p->optional[id].cols;
        section->offset_b = (uint64_t) (at - (char *) head);
        put_matrix((double *) (void *) at, p, id, section);
        at += section_b(section);
    }
    head->size_b = (uint64_t) (at - (char *) head);
    head->dims = p->dims;
    return at;
}

void set_image_pack(struct set_head *image, struct params *p)
{
    struct array array[N_ARRAY];
    char *at = put_matrices((struct param_head *) (void *) (image + 1), p);

    memcpy(at, &p->tuning, sizeof p->tuning);
    at += sizeof p->tuning;
    list_arrays(p, array);
    for (unsigned i = 0; i < N_ARRAY; i++) {
        memcpy(at, array[i].at, 8 * array[i].n);
        at += 8 * array[i].n;
    }
    *image = (struct set_head){.size_b = (uint64_t) (at - (char *) (image + 1)),
                               .kernel = (uint64_t) matvec_variant(),
                               .storage = (uint64_t) p->predict.storage};
    image->set_hash = fnv_add(FNV_START, image + 1, image->size_b);
}

/* Sections lie behind each other and inside. */
static enum rc find_matrices(const struct param_head *head, struct param_matrices *matrices,
                             const struct orbit_dims *dims)
{
    uint64_t offset_b = sizeof *head;

    for (unsigned id = 0; id < PARAM_SECTION_COUNT; id++) {
        const struct param_section *section = &head->section[id];

        if (!section_fits(dims, (enum param_section_id) id, section->rows, section->cols) ||
            section->offset_b != offset_b)
            return err_set(RC_INPUT, "matrix %s of the set is not as large as this machine's",
                           section_name((enum param_section_id) id));
        matrices->of[id] =
            (struct param_matrix){.a = (const void *) ((const char *) head + offset_b),
                                  .rows = section->rows,
                                  .cols = section->cols};
        offset_b += section_b(section);
    }
    return head->size_b == offset_b ? RC_OK : err_set(RC_INPUT, "the set's size is wrong");
}

static enum rc check_image(const struct set_head *image, const struct params *p)
{
    const struct param_head *head = (const void *) (image + 1);

    if (image->size_b < sizeof *head + arrays_b(&p->dims) ||
        image->size_b > set_image_most_b(&p->dims) ||
        image->set_hash != fnv_add(FNV_START, image + 1, image->size_b))
        return err_set(RC_INPUT, "a parameter set that is damaged");
    if (memcmp(&head->dims, &p->dims, sizeof p->dims) != 0 ||
        head->size_b + arrays_b(&p->dims) != image->size_b)
        return err_set(RC_INPUT, "a parameter set of another machine or another build");
    return RC_OK;
}

enum rc set_image_unpack(struct params *p, const struct set_head *image)
{
    const struct param_head *head = (const void *) (image + 1);
    const char *at = (const char *) head + head->size_b;
    struct param_matrices matrices;
    struct array array[N_ARRAY];
    enum rc rc = check_image(image, p);

    if (rc == RC_OK)
        rc = find_matrices(head, &matrices, &p->dims);
    if (rc == RC_OK)
        rc = params_fill(p, head, &matrices);
    if (rc != RC_OK)
        return rc;
    memcpy(&p->tuning, at, sizeof p->tuning);
    at += sizeof p->tuning;
    list_arrays(p, array);
    for (unsigned i = 0; i < N_ARRAY; i++) {
        memcpy(array[i].at, at, 8 * array[i].n);
        at += 8 * array[i].n;
    }
    p->image_hash = image->set_hash;
    return params_make_law(p);
}
