#include "io/stream/stream_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"

enum rc stream_file_open(struct stream_file *self, const char *folder,
                         const struct segment_limits *limits)
{
    enum rc rc;

    *self = (struct stream_file){0};
    rc = segment_log_open(&self->log, folder, limits);
    self->open = rc == RC_OK;
    return rc;
}

static void fill_header(struct stream_header *header, struct client *client,
                        const struct stream_about *about)
{
    const struct status_block *status = client_status(client);
    struct text_block text;

    *header = (struct stream_header){
        .magic = STREAM_MAGIC,
        .header_b = sizeof *header,
        .layout_hash = layout_hash(),
        .run_id = client_run_id(client),
        .device_hash = status->head.device_hash,
        .dims = *client_dims(client),
        .record_b = record_size_b(client_dims(client)),
        .period_ns = status_load(&status->period_ns),
        .revision = status_load(&status->revision),
        .utc_ns = clock_utc_ns(),
        .freeze = about->freeze,
        .pre_s = about->pre_s,
        .post_s = about->post_s,
    };
    snprintf(header->instance, sizeof header->instance, "%s", about->instance);
    snprintf(header->machine, sizeof header->machine, "%s", about->devices->machine);
    snprintf(header->reason, sizeof header->reason, "%s", about->reason);
    if (client_read_text(client, &text))
        snprintf(header->parameters, sizeof header->parameters, "%.*s",
                 (int) sizeof header->parameters - 1, text.model);
}

enum rc stream_file_begin(struct stream_file *self, struct client *client,
                          const struct stream_about *about)
{
    uint64_t size_b = stream_header_size_b(client_dims(client));
    struct stream_header *header = calloc(1, size_b);
    enum rc rc;

    if (!header)
        return err_set(RC_NOMEM, "no memory for a header of %lu bytes", size_b);
    fill_header(header, client, about);
    if (header->device_hash == devices_hash(about->devices))
        header->named =
            (uint64_t) stream_names((void *) (header + 1), &header->dims, about->devices);
    self->record_b = header->record_b;
    rc = segment_log_roll(&self->log);
    if (rc == RC_OK)
        rc = segment_log_preamble(&self->log, STREAM_HEADER, header, (uint32_t) size_b);
    free(header);
    return rc;
}

static void tell(struct stream_file *self, enum rc rc)
{
    if (rc != RC_OK && !self->failing)
        fprintf(stderr, "orbit-stream: %s\n", err_text());
    self->failing = rc != RC_OK;
}

/* A failure of the append stays told until a sync has worked. */
static void append(struct stream_file *self, uint32_t kind, const void *payload,
                   uint64_t size_b)
{
    enum rc rc = segment_log_append(&self->log, kind, payload, (uint32_t) size_b);

    if (rc != RC_OK)
        tell(self, rc);
}

void stream_file_record(struct stream_file *self, const void *payload)
{
    append(self, STREAM_RECORD, payload, self->record_b);
}

void stream_file_lost(struct stream_file *self, const struct stream_lost *lost)
{
    append(self, STREAM_LOST, lost, sizeof *lost);
}

void stream_file_mark(struct stream_file *self, const struct stream_mark *mark)
{
    append(self, STREAM_MARK, mark, sizeof *mark);
}

void stream_file_item(struct stream_file *self, enum stream_kind kind, const void *payload,
                      uint64_t size_b)
{
    append(self, kind, payload, size_b);
}

void stream_file_sync(struct stream_file *self)
{
    uint64_t dropped;
    enum rc rc = segment_log_sync(&self->log);

    tell(self, rc);
    dropped = self->log.n_dropped - self->n_told_dropped;
    if (rc != RC_OK || dropped == 0)
        return;
    self->n_told_dropped += dropped;
    fprintf(stderr, "orbit-stream: writing to %s works again, %lu items could not be written\n",
            self->log.folder, dropped);
    stream_file_lost(self, &(struct stream_lost){.count = dropped, .where = LOST_DISK});
}

void stream_file_close(struct stream_file *self)
{
    if (self->open) {
        stream_file_sync(self);
        tell(self, segment_log_close(&self->log));
    }
    self->open = false;
}
