#include "rt/shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS_SIZE = F_SEAL_SHRINK | F_SEAL_GROW };

static enum rc check_request(const struct segment_head *head)
{
    if (!dims_valid(&head->dims))
        return err_set(RC_RANGE,
                       "dimensions of segment %.*s are outside their limits: %lu BPMs (1..%d), "
                       "%lu H + %lu V + %lu RF (1..%d)",
                       ORBIT_NAME_SIZE, head->name, head->dims.n_bpm, ORBIT_MAX_BPM,
                       head->dims.n_h, head->dims.n_v, head->dims.n_rf, ORBIT_MAX_COL);
    if (head->kind >= SEG_KIND_COUNT || head->size_b < sizeof *head || head->size_b > INT64_MAX)
        return err_set(RC_RANGE, "segment %.*s: kind %lu with %lu bytes", ORBIT_NAME_SIZE,
                       head->name, head->kind, head->size_b);
    return RC_OK;
}

/* The kernel would hand out pages until something is killed: the limit must be looked up. 0:
 * unknown. */
static uint64_t available_b(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    uint64_t kib = 0;

    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
            break;
    fclose(file);
    return kib * 1024;
}

static enum rc check_memory(uint64_t size_b)
{
    uint64_t limit_b = available_b();

    if (limit_b != 0 && size_b > limit_b)
        return err_set(RC_RANGE, "%lu MiB are wanted, %lu MiB of memory are available",
                       size_b >> 20, limit_b >> 20);
    return RC_OK;
}

/* fallocate first: without the memory this fails here, and not as SIGBUS in a cycle. */
static enum rc map_new(struct segment *segment)
{
    void *base;

    if (ftruncate(segment->fd, (off_t) segment->size_b) < 0)
        return err_sys("size of segment");
    if (fallocate(segment->fd, 0, 0, (off_t) segment->size_b) < 0)
        return err_sys("memory for a segment of %lu bytes", segment->size_b);
    base = mmap(NULL, segment->size_b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                segment->fd, 0);
    if (base == MAP_FAILED)
        return err_sys("map a segment of %lu bytes", segment->size_b);
    segment->base = base;
    return RC_OK;
}

enum rc segment_create(struct segment *segment, const struct segment_head *head)
{
    int seals = SEALS_SIZE | F_SEAL_SEAL | (head->kind == SEG_INPUT ? 0 : F_SEAL_FUTURE_WRITE);
    struct segment_head *made;
    char name[ORBIT_NAME_SIZE + 8];
    enum rc rc = check_request(head);

    *segment = (struct segment){.fd = -1, .size_b = head->size_b};
    if (rc == RC_OK)
        rc = check_memory(head->size_b);
    if (rc != RC_OK)
        return rc;
    snprintf(name, sizeof name, "orbit-%.*s", ORBIT_NAME_SIZE - 1, head->name);
    segment->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (segment->fd < 0)
        return err_sys("memfd_create %s", name);
    rc = map_new(segment);
    if (rc == RC_OK && fcntl(segment->fd, F_ADD_SEALS, seals) < 0)
        rc = err_sys("seal");
    if (rc != RC_OK) {
        segment_close(segment);
        return err_add(rc, "segment %s", name);
    }
    made = segment->base;
    *made = *head;
    made->magic = ORBIT_SEG_MAGIC;
    made->layout_hash = layout_hash();
    return RC_OK;
}

static enum rc check_head(const struct segment_head *head, const struct segment_head *expect)
{
    if (head->magic != ORBIT_SEG_MAGIC || head->layout_hash != layout_hash())
        return err_set(RC_INPUT, "its layout is not ours (hash %016lx, ours %016lx)",
                       head->layout_hash, layout_hash());
    if (head->kind != expect->kind)
        return err_set(RC_INPUT, "kind %lu, expected %lu", head->kind, expect->kind);
    if (head->run_id != expect->run_id)
        return err_set(RC_INPUT, "run %lu, expected %lu", head->run_id, expect->run_id);
    if (memcmp(&head->dims, &expect->dims, sizeof head->dims) != 0)
        return err_set(RC_INPUT, "%lu BPMs, %lu H, %lu V, %lu RF; expected %lu, %lu, %lu, %lu",
                       head->dims.n_bpm, head->dims.n_h, head->dims.n_v, head->dims.n_rf,
                       expect->dims.n_bpm, expect->dims.n_h, expect->dims.n_v,
                       expect->dims.n_rf);
    if (expect->device_hash != 0 && head->device_hash != expect->device_hash)
        return err_set(RC_INPUT, "device table %016lx, expected %016lx", head->device_hash,
                       expect->device_hash);
    return RC_OK;
}

/* The true size and the seals come from the kernel, so nothing that is mapped can go away. */
static enum rc check_file(int fd, uint64_t least_b, uint64_t *size_b)
{
    struct stat stat;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || fstat(fd, &stat) < 0)
        return err_set(RC_INPUT, "not a memory segment: %s", strerror(errno));
    if ((seals & SEALS_SIZE) != SEALS_SIZE)
        return err_set(RC_INPUT, "not sealed against a change of its size");
    *size_b = (uint64_t) stat.st_size;
    if (*size_b < least_b)
        return err_set(RC_INPUT, "%lu bytes, expected %lu", *size_b, least_b);
    return RC_OK;
}

enum rc segment_attach(struct segment *segment, int fd, const struct segment_head *expect)
{
    int prot = PROT_READ | (expect->kind == SEG_INPUT ? PROT_WRITE : 0);
    uint64_t least_b = expect->size_b ? expect->size_b : sizeof *expect;
    enum rc rc;

    *segment = (struct segment){.fd = -1};
    rc = check_file(fd, least_b, &segment->size_b);
    if (rc == RC_OK) {
        segment->base = mmap(NULL, segment->size_b, prot, MAP_SHARED, fd, 0);
        if (segment->base == MAP_FAILED) {
            segment->base = NULL;
            rc = err_sys("mmap");
        }
    }
    if (rc == RC_OK)
        rc = check_head(segment->base, expect);
    if (rc == RC_OK && segment_head(segment)->size_b != segment->size_b)
        rc = err_set(RC_INPUT, "its head says %lu bytes, it has %lu",
                     segment_head(segment)->size_b, segment->size_b);
    if (rc != RC_OK) {
        segment_close(segment);
        return err_add(rc, "segment %lu of orbitd", expect->kind);
    }
    return RC_OK;
}

void segment_close(struct segment *segment)
{
    if (segment->base)
        munmap(segment->base, segment->size_b);
    /* A zeroed structure owns nothing: descriptor 0 is never a segment's. */
    if (segment->fd > 0)
        close(segment->fd);
    *segment = (struct segment){.fd = -1};
}

static uint64_t round_up(uint64_t size_b, uint64_t unit_b)
{
    return (size_b + unit_b - 1) / unit_b * unit_b;
}

uint64_t segment_status_size_b(void)
{
    return round_up(sizeof(struct status_block), CACHE_LINE);
}

uint64_t segment_ring_stride_b(uint64_t payload_b)
{
    return round_up(2 * sizeof(uint64_t) + payload_b, CACHE_LINE);
}

uint64_t segment_ring_size_b(uint64_t n_slot, uint64_t payload_b)
{
    return sizeof(struct segment_head) + sizeof(struct slot_ring_head) +
           n_slot * segment_ring_stride_b(payload_b);
}

uint64_t segment_input_stride_b(uint64_t n_value)
{
    return round_up(frame_size_b(n_value), CACHE_LINE);
}

uint64_t segment_input_size_b(uint64_t n_value)
{
    return sizeof(struct segment_head) + sizeof(struct four_slot) +
           4 * segment_input_stride_b(n_value);
}

uint64_t segment_ring_slots(uint64_t size_b, uint64_t payload_b)
{
    uint64_t n_slot = 4;

    while (segment_ring_size_b(2 * n_slot, payload_b) <= size_b)
        n_slot *= 2;
    return n_slot;
}
