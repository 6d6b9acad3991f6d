#include "io/stream/stream_reader.h"

#include <stdlib.h>
#include <string.h>

#include "rt/base/rc.h"

enum rc stream_reader_open(struct stream_reader *self, const char *path)
{
    *self = (struct stream_reader){0};
    return segment_reader_open(&self->segment, path);
}

void stream_reader_close(struct stream_reader *self)
{
    segment_reader_close(&self->segment);
    free(self->name);
    self->name = NULL;
}

static enum rc check_header(const struct stream_header *header, uint32_t length_b)
{
    if (length_b < sizeof *header || header->magic != STREAM_MAGIC ||
        header->header_b != sizeof *header)
        return err_set(RC_INPUT, "this is no recording of a version that is known here");
    if (header->layout_hash != layout_hash())
        return err_set(RC_INPUT,
                       "a recording of another layout of records (%016lx, here %016lx)",
                       header->layout_hash, layout_hash());
    if (!dims_valid(&header->dims) || length_b != stream_header_size_b(&header->dims) ||
        header->record_b != record_size_b(&header->dims))
        return err_set(RC_INPUT, "a header whose sizes contradict each other");
    return RC_OK;
}

static void end_texts(struct stream_header *header)
{
    header->instance[sizeof header->instance - 1] = '\0';
    header->machine[sizeof header->machine - 1] = '\0';
    header->reason[sizeof header->reason - 1] = '\0';
    header->parameters[sizeof header->parameters - 1] = '\0';
}

static enum rc take_header(struct stream_reader *self)
{
    const struct stream_header *header = (const void *) self->segment.payload;
    enum rc rc = check_header(header, self->segment.record.length_b);
    uint64_t n_name, names_b;

    if (rc != RC_OK)
        return rc;
    self->header = *header;
    end_texts(&self->header);
    n_name = header->dims.n_bpm + dims_n_col(&header->dims);
    names_b = n_name * ORBIT_NAME_SIZE;
    free(self->name);
    self->name = malloc(names_b);
    if (!self->name)
        return err_set(RC_NOMEM, "no memory for %lu names", n_name);
    memcpy(self->name, header + 1, names_b);
    for (uint64_t i = 0; i < n_name; i++)
        self->name[i][ORBIT_NAME_SIZE - 1] = '\0';
    self->has_header = true;
    return RC_OK;
}

static enum rc take_fixed(const struct stream_reader *self, void *to, size_t size_b)
{
    if (self->segment.record.length_b != size_b)
        return err_set(RC_INPUT, "an item of %u bytes, expected %zu",
                       self->segment.record.length_b, size_b);
    memcpy(to, self->segment.payload, size_b);
    return RC_OK;
}

static enum rc take_record(struct stream_reader *self)
{
    if (!self->has_header || self->segment.record.length_b != self->header.record_b)
        return err_set(RC_INPUT, "a record of %u bytes without the header for it",
                       self->segment.record.length_b);
    self->record = record_view(&self->header.dims, self->segment.payload);
    return RC_OK;
}

static enum rc take_checkpoint(struct stream_reader *self)
{
    const struct checkpoint_head *head = (const void *) self->segment.payload;
    uint32_t length_b = self->segment.record.length_b;

    if (!self->has_header || length_b < sizeof *head ||
        head->state_b != length_b - sizeof *head)
        return err_set(RC_INPUT, "a checkpoint of %u bytes", length_b);
    self->checkpoint = head;
    return RC_OK;
}

static enum rc take(struct stream_reader *self)
{
    switch (self->segment.record.kind) {
    case STREAM_HEADER:
        return take_header(self);
    case STREAM_RECORD:
        return take_record(self);
    case STREAM_LOST:
        return take_fixed(self, &self->lost, sizeof self->lost);
    case STREAM_SET:
        return take_fixed(self, &self->set, sizeof self->set);
    case STREAM_CHECKPOINT:
        return take_checkpoint(self);
    default:
        self->mark = (struct stream_mark){0};
        return take_fixed(self, &self->mark, sizeof self->mark);
    }
}

int stream_reader_next(struct stream_reader *self)
{
    int got;

    while ((got = segment_reader_next(&self->segment)) == 1) {
        uint32_t kind = self->segment.record.kind;
        enum rc rc;

        if (kind < STREAM_HEADER || kind >= STREAM_KIND_END)
            continue;
        rc = take(self);
        self->mark.reason[sizeof self->mark.reason - 1] = '\0';
        return rc == RC_OK ? (int) kind : (int) rc;
    }
    return got;
}

bool stream_find_last(const char *folder, uint64_t *run_id, uint64_t *cycle)
{
    struct stream_reader reader;
    bool found = false;

    if (stream_reader_open(&reader, folder) != RC_OK)
        return false;
    for (size_t i = reader.segment.list.n; i > 0 && !found; i--) {
        int kind;

        segment_reader_seek(&reader.segment, i - 1);
        reader.segment.list.n = i; /* this one only */
        while ((kind = stream_reader_next(&reader)) > 0)
            if (kind == STREAM_RECORD) {
                *run_id = reader.record.head->run_id;
                *cycle = reader.record.head->cycle;
                found = true;
            }
    }
    stream_reader_close(&reader);
    return found;
}
