#include "io/segment/segment_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/segment/crc32c.h"
#include "io/segment/segment_folder.h"
#include "io/segment/segment_reader.h"

enum {
    BUFFER_B = 1 << 20,
    ROOM_B = BUFFER_B + SEGMENT_MAX_PAYLOAD_B + 2 * ((int) sizeof(struct segment_record) + 8),
    SMALLEST_SEGMENT_B = 4096
};

/* ---- opening ---- */

/* Number behind the last good record of the newest segment. A segment of which not one record
 * is good keeps its name, so its number is used up; an empty file is the trace of a crash
 * between creation and first write. */
static enum rc recover_last(struct segment_log *self, uint64_t first)
{
    char path[SEGMENT_PATH_SIZE + 32];
    struct segment_reader reader;
    enum rc rc;
    int got;

    segment_folder_path(path, sizeof path, self->folder, first);
    rc = segment_reader_open(&reader, path);
    if (rc != RC_OK)
        return rc;
    self->next = first + 1;
    while ((got = segment_reader_next(&reader)) == 1)
        if (reader.record.number >= self->next)
            self->next = reader.record.number + 1;
    segment_reader_close(&reader);
    return got < 0 ? (enum rc) got : RC_OK;
}

static enum rc recover(struct segment_log *self)
{
    struct segment_folder list;
    enum rc rc = segment_folder_list(&list, self->folder);

    self->next = 1;
    if (rc != RC_OK)
        return rc;
    if (list.n && list.file[list.n - 1].size_b == 0) {
        char path[SEGMENT_PATH_SIZE + 32];

        self->next = list.file[--list.n].first;
        segment_folder_path(path, sizeof path, self->folder, self->next);
        if (unlink(path) != 0)
            rc = err_sys("%s", path);
    } else if (list.n) {
        rc = recover_last(self, list.file[list.n - 1].first);
    }
    segment_folder_free(&list);
    return rc;
}

enum rc segment_log_open(struct segment_log *self, const char *folder,
                         const struct segment_limits *limits)
{
    enum rc rc;

    *self = (struct segment_log){.limits = *limits, .fd = -1};
    if (limits->segment_b < SMALLEST_SEGMENT_B ||
        (limits->folder_b && limits->folder_b < 2 * limits->segment_b))
        return err_set(RC_RANGE, "segments of %lu bytes in a folder of %lu", limits->segment_b,
                       limits->folder_b);
    if (snprintf(self->folder, sizeof self->folder, "%s", folder) >= (int) sizeof self->folder)
        return err_set(RC_RANGE, "the path of folder %s is too long", folder);
    if (mkdir(folder, 0750) != 0 && errno != EEXIST)
        return err_sys("folder %s", folder);
    self->buffer = malloc(ROOM_B);
    if (!self->buffer)
        return err_set(RC_NOMEM, "no memory for the buffer of %s", folder);
    rc = recover(self);
    if (rc != RC_OK)
        (void) segment_log_close(self);
    return rc;
}

enum rc segment_log_preamble(struct segment_log *self, uint32_t kind, const void *payload,
                             uint32_t length_b)
{
    void *copy;

    if (length_b == 0 || segment_record_size_b(length_b) > self->limits.segment_b / 2 ||
        length_b > SEGMENT_MAX_PAYLOAD_B)
        return err_set(RC_RANGE, "a preamble of %u bytes in segments of %lu", length_b,
                       self->limits.segment_b);
    copy = malloc(length_b);
    if (!copy)
        return err_set(RC_NOMEM, "no memory for a preamble of %u bytes", length_b);
    memcpy(copy, payload, length_b);
    free(self->preamble);
    self->preamble = copy;
    self->preamble_kind = kind;
    self->preamble_b = length_b;
    return RC_OK;
}

/* ---- the bound of the folder ---- */

static void drop_file(struct segment_log *self, uint64_t first)
{
    char path[SEGMENT_PATH_SIZE + 32];

    segment_folder_path(path, sizeof path, self->folder, first);
    if (unlink(path) == 0)
        self->n_segment_dropped++;
}

/* Before a segment begins: leaves room for it. Failing to look is no reason not to record. */
static void keep_bound(struct segment_log *self)
{
    struct segment_folder list;
    uint64_t sum_b = self->limits.segment_b;

    if (!self->limits.folder_b || segment_folder_list(&list, self->folder) != RC_OK)
        return;
    for (size_t i = 0; i < list.n; i++)
        sum_b += list.file[i].size_b;
    for (size_t i = 0; i < list.n && sum_b > self->limits.folder_b; i++) {
        sum_b -= list.file[i].size_b;
        drop_file(self, list.file[i].first);
    }
    segment_folder_free(&list);
}

/* ---- writing ---- */

/* The name of a new file is on the disk only when its folder is. */
static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void) fsync(fd);
        close(fd);
    }
}

static enum rc begin_file(struct segment_log *self)
{
    char path[SEGMENT_PATH_SIZE + 32];

    keep_bound(self);
    segment_folder_path(path, sizeof path, self->folder, self->first);
    self->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (self->fd < 0)
        return err_sys("segment %s", path);
    self->written_b = 0;
    self->n_segment++;
    sync_folder(self->folder);
    return RC_OK;
}

/* Ends the segment behind its last good record; without one it goes. */
static void give_up_file(struct segment_log *self)
{
    char path[SEGMENT_PATH_SIZE + 32];

    if (self->fd < 0)
        return;
    segment_folder_path(path, sizeof path, self->folder, self->first);
    if (self->written_b == 0)
        (void) unlink(path);
    else if (ftruncate(self->fd, (off_t) self->written_b) != 0)
        (void) !err_add(RC_SYS, "the end of %s stays damaged", path);
    close(self->fd);
    self->fd = -1;
}

static enum rc write_all(struct segment_log *self)
{
    uint64_t done_b = 0;

    while (done_b < self->buffered_b) {
        ssize_t put = pwrite(self->fd, self->buffer + done_b, self->buffered_b - done_b,
                             (off_t) (self->written_b + done_b));

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return err_sys("writing %lu bytes to a segment of %s", self->buffered_b,
                           self->folder);
        done_b += (uint64_t) put;
    }
    return RC_OK;
}

static enum rc drop_buffer(struct segment_log *self, enum rc rc)
{
    self->n_dropped += self->n_buffered;
    give_up_file(self);
    self->buffered_b = self->n_buffered = 0;
    self->written_b = 0;
    self->dirty = false;
    return rc;
}

enum rc segment_log_flush(struct segment_log *self)
{
    enum rc rc = RC_OK;

    if (self->buffered_b == 0)
        return RC_OK;
    if (self->fd < 0)
        rc = begin_file(self);
    if (rc == RC_OK)
        rc = write_all(self);
    if (rc != RC_OK)
        return drop_buffer(self, rc);
    self->written_b += self->buffered_b;
    self->total_b += self->buffered_b;
    self->buffered_b = self->n_buffered = 0;
    self->dirty = true;
    return RC_OK;
}

enum rc segment_log_sync(struct segment_log *self)
{
    enum rc rc = segment_log_flush(self);

    if (rc != RC_OK || !self->dirty)
        return rc;
    self->dirty = false;
    if (fdatasync(self->fd) == 0)
        return RC_OK;
    rc = err_sys("fdatasync of a segment of %s", self->folder);
    close(self->fd);
    self->fd = -1;
    self->written_b = 0;
    return rc;
}

enum rc segment_log_roll(struct segment_log *self)
{
    enum rc rc = segment_log_sync(self);

    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    self->written_b = 0;
    return rc;
}

/* ---- appending ---- */

static void put_record(struct segment_log *self, uint32_t kind, const void *payload,
                       uint32_t length_b)
{
    unsigned char *at = self->buffer + self->buffered_b;
    uint64_t size_b = segment_record_size_b(length_b);
    struct segment_record head = {
        .magic = SEGMENT_MAGIC, .length_b = length_b, .number = self->next, .kind = kind};

    memset(at + size_b - 8, 0, 8);
    memcpy(at + sizeof head, payload, length_b);
    head.crc = crc32c_add(0, &head, SEGMENT_HEAD_CRC_B);
    head.crc = crc32c_add(head.crc, at + sizeof head, size_b - sizeof head);
    memcpy(at, &head, sizeof head);
    self->buffered_b += size_b;
    self->next++;
}

static bool at_start(const struct segment_log *self)
{
    return self->written_b + self->buffered_b == 0;
}

enum rc segment_log_append(struct segment_log *self, uint32_t kind, const void *payload,
                           uint32_t length_b)
{
    uint64_t size_b = segment_record_size_b(length_b);
    enum rc rc = RC_OK;

    if (length_b > SEGMENT_MAX_PAYLOAD_B || size_b > self->limits.segment_b / 2)
        return err_set(RC_RANGE, "a record of %u bytes in segments of %lu", length_b,
                       self->limits.segment_b);
    if (!at_start(self) && self->written_b + self->buffered_b + size_b > self->limits.segment_b)
        rc = segment_log_roll(self);
    else if (self->buffered_b + size_b > BUFFER_B)
        rc = segment_log_flush(self);
    if (at_start(self)) {
        self->first = self->next;
        if (self->preamble_b)
            put_record(self, self->preamble_kind, self->preamble, self->preamble_b);
    }
    put_record(self, kind, payload, length_b);
    self->n_buffered++;
    self->n_appended++;
    return rc;
}

enum rc segment_log_close(struct segment_log *self)
{
    enum rc rc = self->buffer ? segment_log_roll(self) : RC_OK;

    free(self->buffer);
    free(self->preamble);
    self->buffer = self->preamble = NULL;
    return rc;
}
