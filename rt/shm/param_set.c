#include "rt/shm/param_set.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/base/fnv.h"

enum { SEALS_ALL = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static uint64_t matrix_size_b(const struct orbit_dims *dims)
{
    return 8 * dims_n_row(dims) * dims_n_col(dims);
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

static enum rc write_set(int fd, const struct param_head *head, const double *r,
                         const double *k)
{
    uint64_t size_b = matrix_size_b(&head->dims);
    enum rc rc = write_all(fd, head, sizeof *head);

    if (rc == RC_OK)
        rc = write_all(fd, r, size_b);
    if (rc == RC_OK)
        rc = write_all(fd, k, size_b);
    if (rc == RC_OK && fcntl(fd, F_ADD_SEALS, SEALS_ALL | F_SEAL_SEAL) < 0)
        rc = err_sys("seal a parameter set");
    return rc;
}

enum rc param_set_create(int *fd, struct param_head *head, const double *r, const double *k)
{
    uint64_t size_b = matrix_size_b(&head->dims);
    enum rc rc;

    *fd = -1;
    if (!dims_valid(&head->dims))
        return err_set(RC_RANGE, "dimensions of a parameter set are outside their limits");
    head->magic = ORBIT_SET_MAGIC;
    head->layout_hash = layout_hash();
    head->size_b = param_size_b(&head->dims);
    head->content_hash = fnv_add(fnv_add(FNV_START, r, size_b), k, size_b);
    *fd = memfd_create("orbit-parameters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return err_sys("memfd_create");
    rc = write_set(*fd, head, r, k);
    if (rc != RC_OK) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

static enum rc check_file(int fd, uint64_t size_b)
{
    struct stat stat;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || fstat(fd, &stat) < 0)
        return err_set(RC_INPUT, "parameter set: not a memory segment");
    if ((seals & SEALS_ALL) != SEALS_ALL)
        return err_set(RC_INPUT, "parameter set: not sealed against changes");
    if ((uint64_t) stat.st_size != size_b)
        return err_set(RC_INPUT, "parameter set: %ld bytes, expected %lu for these dimensions",
                       stat.st_size, size_b);
    return RC_OK;
}

static enum rc check_head(const struct param_head *head, const struct orbit_dims *dims,
                          uint64_t device_hash)
{
    if (head->magic != ORBIT_SET_MAGIC || head->layout_hash != layout_hash())
        return err_set(RC_INPUT, "parameter set: its layout is not ours");
    if (memcmp(&head->dims, dims, sizeof *dims) != 0 || head->size_b != param_size_b(dims))
        return err_set(RC_INPUT,
                       "parameter set: for %lu BPMs, %lu H, %lu V, %lu RF; this machine has "
                       "%lu, %lu, %lu, %lu",
                       head->dims.n_bpm, head->dims.n_h, head->dims.n_v, head->dims.n_rf,
                       dims->n_bpm, dims->n_h, dims->n_v, dims->n_rf);
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
    uint64_t size_b = param_size_b(dims);
    enum rc rc = check_file(fd, size_b);
    void *base;

    *set = (struct param_set){0};
    if (rc != RC_OK)
        return rc;
    base = mmap(NULL, size_b, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return err_sys("map a parameter set");
    rc = check_head(base, dims, device_hash);
    if (rc != RC_OK) {
        munmap(base, size_b);
        return rc;
    }
    set->head = base;
    set->r = (const double *) (set->head + 1);
    set->k = set->r + dims_n_row(dims) * dims_n_col(dims);
    return RC_OK;
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
