#include "rt/shm/param_set.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/base/fnv.h"

enum { SEALS_ALL = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static uint64_t matrix_size_b(const struct param_matrix *matrix)
{
    return 8 * matrix->rows * matrix->cols;
}

struct param_matrices param_matrices_of(const struct orbit_dims *dims, const double *r,
                                        const double *k)
{
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);

    return (struct param_matrices){
        .of = {[PARAM_R] = {r, n_row, n_col}, [PARAM_K] = {k, n_col, n_row}}};
}

static enum rc check_shape(const struct orbit_dims *dims, unsigned which, uint64_t have_rows,
                           uint64_t have_cols)
{
    enum param_section_id id = (enum param_section_id) which;
    uint64_t rows, cols;

    if (section_fits(dims, id, have_rows, have_cols))
        return RC_OK;
    section_most(dims, id, &rows, &cols);
    return err_set(RC_INPUT, "matrix %s is %lu x %lu, this machine's is %lu x %lu",
                   section_name(id), have_rows, have_cols, rows, cols);
}

enum rc param_matrices_check(const struct param_matrices *matrices,
                             const struct orbit_dims *dims)
{
    enum rc rc = RC_OK;

    for (unsigned i = 0; i < PARAM_SECTION_COUNT && rc == RC_OK; i++)
        rc = check_shape(dims, i, matrices->of[i].rows, matrices->of[i].cols);
    return rc;
}

uint64_t param_size_b(const struct param_matrices *matrices)
{
    uint64_t size_b = sizeof(struct param_head);

    for (unsigned i = 0; i < PARAM_SECTION_COUNT; i++)
        size_b += matrix_size_b(&matrices->of[i]);
    return size_b;
}

static enum rc write_all(int fd, const void *data, uint64_t size_b)
{
    const unsigned char *from = data;

    while (size_b > 0) {
        ssize_t n = write(fd, from, size_b);

        if (n < 0 && errno != EINTR)
            return err_sys("write a parameter set");
        if (n > 0) {
            from += n;
            size_b -= (uint64_t) n;
        }
    }
    return RC_OK;
}

static enum rc write_set(int fd, const struct param_head *head,
                         const struct param_matrices *matrices)
{
    enum rc rc = write_all(fd, head, sizeof *head);

    for (unsigned i = 0; i < PARAM_SECTION_COUNT && rc == RC_OK; i++)
        rc = write_all(fd, matrices->of[i].a, matrix_size_b(&matrices->of[i]));
    if (rc == RC_OK && fcntl(fd, F_ADD_SEALS, SEALS_ALL | F_SEAL_SEAL) < 0)
        rc = err_sys("seal a parameter set");
    return rc;
}

/* Sections follow each other, so the hash of all is the hash of one after the other. */
static void describe(struct param_head *head, const struct param_matrices *matrices)
{
    uint64_t offset_b = sizeof *head, hash = FNV_START;

    for (unsigned i = 0; i < PARAM_SECTION_COUNT; i++) {
        const struct param_matrix *matrix = &matrices->of[i];

        head->section[i] = (struct param_section){
            .id = i, .rows = matrix->rows, .cols = matrix->cols, .offset_b = offset_b};
        hash = fnv_add(hash, matrix->a, matrix_size_b(matrix));
        offset_b += matrix_size_b(matrix);
    }
    head->magic = ORBIT_SET_MAGIC;
    head->layout_hash = layout_hash();
    head->size_b = offset_b;
    head->content_hash = hash;
}

enum rc param_set_create(int *fd, struct param_head *head,
                         const struct param_matrices *matrices)
{
    enum rc rc;

    *fd = -1;
    if (!dims_valid(&head->dims))
        return err_set(RC_RANGE, "dimensions of a parameter set are outside their limits");
    rc = param_matrices_check(matrices, &head->dims);
    if (rc != RC_OK)
        return rc;
    describe(head, matrices);
    *fd = memfd_create("orbit-parameters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return err_sys("memfd_create");
    rc = write_set(*fd, head, matrices);
    if (rc != RC_OK) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

/* Bytes of a set with every matrix at its largest. */
static uint64_t most_size_b(const struct orbit_dims *dims)
{
    uint64_t size_b = sizeof(struct param_head), rows, cols;

    for (unsigned i = 0; i < PARAM_SECTION_COUNT; i++) {
        section_most(dims, (enum param_section_id) i, &rows, &cols);
        size_b += 8 * rows * cols;
    }
    return size_b;
}

static enum rc check_file(int fd, const struct orbit_dims *dims, uint64_t *size_b)
{
    struct stat stat;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || fstat(fd, &stat) < 0)
        return err_set(RC_INPUT, "parameter set: not a memory segment");
    if ((seals & SEALS_ALL) != SEALS_ALL)
        return err_set(RC_INPUT, "parameter set: not sealed against changes");
    *size_b = (uint64_t) stat.st_size;
    if (*size_b < sizeof(struct param_head) || *size_b > most_size_b(dims))
        return err_set(RC_INPUT, "parameter set: %lu bytes, expected %lu to %lu", *size_b,
                       sizeof(struct param_head), most_size_b(dims));
    return RC_OK;
}

/* Each matrix of a shape that it may have, one behind the other, and nothing behind the last.
 */
static enum rc find_matrices(struct param_set *set)
{
    const struct param_head *head = set->head;
    uint64_t offset_b = sizeof *head;
    enum rc rc = RC_OK;

    for (unsigned i = 0; i < PARAM_SECTION_COUNT && rc == RC_OK; i++) {
        const struct param_section *section = &head->section[i];
        const void *a = (const char *) head + offset_b;

        rc = check_shape(&head->dims, i, section->rows, section->cols);
        if (rc == RC_OK && (section->id != i || section->offset_b != offset_b))
            rc = err_set(RC_INPUT, "parameter set: matrix %s is out of place",
                         section_name((enum param_section_id) i));
        if (section->rows)
            set->matrices.of[i] = (struct param_matrix){a, section->rows, section->cols};
        offset_b += 8 * section->rows * section->cols;
    }
    if (rc == RC_OK && offset_b != head->size_b)
        rc = err_set(RC_INPUT, "parameter set: %lu bytes, expected %lu for its matrices",
                     head->size_b, offset_b);
    return rc;
}

static enum rc check_head(const struct param_head *head, const struct orbit_dims *dims,
                          uint64_t device_hash, uint64_t size_b)
{
    if (head->magic != ORBIT_SET_MAGIC || head->layout_hash != layout_hash())
        return err_set(RC_INPUT, "parameter set: its layout is not ours");
    if (memcmp(&head->dims, dims, sizeof *dims) != 0)
        return err_set(RC_INPUT,
                       "parameter set: for %lu BPMs, %lu H, %lu V, %lu RF; this machine has "
                       "%lu, %lu, %lu, %lu",
                       head->dims.n_bpm, head->dims.n_h, head->dims.n_v, head->dims.n_rf,
                       dims->n_bpm, dims->n_h, dims->n_v, dims->n_rf);
    if (head->size_b != size_b)
        return err_set(RC_INPUT, "parameter set: %lu bytes, expected %lu as its head says",
                       size_b, head->size_b);
    if (device_hash != 0 && head->device_hash != device_hash)
        return err_set(RC_INPUT, "parameter set: device table %016lx, ours is %016lx",
                       head->device_hash, device_hash);
    if (head->n_block < 1 || head->n_block > ORBIT_MAX_BLOCK)
        return err_set(RC_INPUT, "parameter set: %lu blocks (1..%d)", head->n_block,
                       ORBIT_MAX_BLOCK);
    if (!memchr(head->origin, 0, sizeof head->origin))
        return err_set(RC_INPUT, "parameter set: origin is not terminated");
    if (head->content_hash != fnv_add(FNV_START, head + 1, head->size_b - sizeof *head))
        return err_set(RC_INPUT, "parameter set: contents do not fit their hash");
    return RC_OK;
}

enum rc param_set_map(struct param_set *set, int fd, const struct orbit_dims *dims,
                      uint64_t device_hash)
{
    uint64_t size_b = 0;
    enum rc rc = check_file(fd, dims, &size_b);
    void *base;

    *set = (struct param_set){0};
    if (rc != RC_OK)
        return rc;
    base = mmap(NULL, size_b, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return err_sys("map a parameter set");
    rc = check_head(base, dims, device_hash, size_b);
    set->head = base;
    if (rc == RC_OK)
        rc = find_matrices(set);
    if (rc != RC_OK) {
        munmap(base, size_b);
        *set = (struct param_set){0};
    }
    return rc;
}

void param_set_unmap(struct param_set *set)
{
    if (set->head) {
        /* munmap takes a plain pointer; nothing is written through it. */
        union {
            const void *mapped;
            void *base;
        } address = {.mapped = set->head};

        munmap(address.base, set->head->size_b);
    }
    *set = (struct param_set){0};
}
