#include "io/segment/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/segment/crc32c.h"

/* Room for the largest record, whatever its place. */
enum { WINDOW_B = 2 * SEGMENT_MAX_PAYLOAD_B };

static enum rc open_file(struct segment_reader *self, const char *path)
{
    self->offset_b = self->window_at_b = self->window_b = 0;
    self->fd = open(path, O_RDONLY | O_CLOEXEC);
    return self->fd < 0 ? err_sys("%s", path) : RC_OK;
}

static void close_file(struct segment_reader *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

enum rc segment_reader_open(struct segment_reader *self, const char *path)
{
    struct stat status;
    enum rc rc;

    *self = (struct segment_reader){.fd = -1};
    if (stat(path, &status) != 0)
        return err_sys("%s", path);
    self->window = malloc(WINDOW_B);
    if (!self->window)
        return err_set(RC_NOMEM, "no memory to read %s", path);
    if (S_ISDIR(status.st_mode)) {
        snprintf(self->folder, sizeof self->folder, "%s", path);
        rc = segment_folder_list(&self->list, path);
    } else {
        rc = open_file(self, path);
    }
    if (rc != RC_OK)
        segment_reader_close(self);
    return rc;
}

void segment_reader_seek(struct segment_reader *self, size_t index)
{
    close_file(self);
    self->file = index;
    self->record = (struct segment_record){0};
    self->n_read = self->n_lost = self->n_bad = self->bad_at_b = 0;
}

void segment_reader_close(struct segment_reader *self)
{
    close_file(self);
    segment_folder_free(&self->list);
    free(self->window);
    self->window = NULL;
}

/* Moves the window so that it begins at offset_b and fills it as far as the file goes. */
static enum rc fill_window(struct segment_reader *self)
{
    self->window_at_b = self->offset_b;
    self->window_b = 0;
    while (self->window_b < WINDOW_B) {
        ssize_t got = pread(self->fd, self->window + self->window_b, WINDOW_B - self->window_b,
                            (off_t) (self->window_at_b + self->window_b));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys("reading a segment");
        if (got == 0)
            break;
        self->window_b += (uint64_t) got;
    }
    return RC_OK;
}

static uint64_t in_window(const struct segment_reader *self)
{
    return self->window_at_b + self->window_b - self->offset_b;
}

static bool head_good(const struct segment_reader *self, const struct segment_record *head)
{
    return head->magic == SEGMENT_MAGIC && head->length_b <= SEGMENT_MAX_PAYLOAD_B &&
           head->number > self->record.number;
}

/* Size of the complete and good record at offset_b, 0: there is none. *head is its head. */
static uint64_t check(const struct segment_reader *self, struct segment_record *head)
{
    const unsigned char *at = self->window + (self->offset_b - self->window_at_b);
    uint64_t size_b;
    uint32_t crc;

    if (in_window(self) < sizeof *head)
        return 0;
    memcpy(head, at, sizeof *head);
    size_b = segment_record_size_b(head->length_b);
    if (!head_good(self, head) || in_window(self) < size_b)
        return 0;
    crc = crc32c_add(0, at, SEGMENT_HEAD_CRC_B);
    crc = crc32c_add(crc, at + sizeof *head, size_b - sizeof *head);
    return crc == head->crc ? size_b : 0;
}

static void accept(struct segment_reader *self, const struct segment_record *head,
                   uint64_t size_b)
{
    if (self->n_read)
        self->n_lost += head->number - self->record.number - 1;
    self->record = *head;
    self->payload = self->window + (self->offset_b - self->window_at_b) + sizeof *head;
    self->offset_b += size_b;
    self->n_read++;
}

/* 1: a record; 0: this file has no more. */
static int next_of_file(struct segment_reader *self)
{
    struct segment_record head;
    uint64_t size_b = check(self, &head);

    if (!size_b) {
        enum rc rc = fill_window(self);

        if (rc != RC_OK)
            return (int) rc;
        size_b = check(self, &head);
    }
    if (size_b)
        accept(self, &head, size_b);
    return size_b != 0;
}

static void end_file(struct segment_reader *self)
{
    if (in_window(self)) {
        self->n_bad++;
        self->bad_at_b = self->offset_b;
    }
    close_file(self);
    self->file++;
}

/* The next segment that is still there: the writer may have dropped the oldest. */
static bool begin_file(struct segment_reader *self)
{
    for (; self->file < self->list.n; self->file++) {
        char path[SEGMENT_PATH_SIZE + 32];

        segment_folder_path(path, sizeof path, self->folder, self->list.file[self->file].first);
        if (open_file(self, path) == RC_OK)
            return true;
    }
    return false;
}

int segment_reader_next(struct segment_reader *self)
{
    for (;;) {
        int got;

        if (self->fd < 0 && !begin_file(self))
            return 0;
        got = next_of_file(self);
        if (got != 0)
            return got;
        end_file(self);
    }
}
