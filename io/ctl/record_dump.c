#include "io/ctl/record_dump.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- CSV ---- */

static enum rc csv_begin(void *sink, const struct stream_reader *reader)
{
    (void) reader;
    fputs("cycle,t_utc_ns,state,skipped,revision,new_frame,law_step,current_a,wake_late_ns,"
          "y_rms_x_m,y_rms_y_m\n",
          sink);
    return RC_OK;
}

/* Of good rows in [first, first + n); NaN without one. */
static double rms(const struct record_view *record, uint64_t first, uint64_t n)
{
    double sum = 0;
    uint64_t n_good = 0;

    for (uint64_t i = first; i < first + n; i++)
        if (record->row_quality[i] == QUALITY_GOOD) {
            sum += record->y[i] * record->y[i];
            n_good++;
        }
    return n_good ? sqrt(sum / (double) n_good) : (double) NAN;
}

static enum rc csv_record(void *sink, const struct stream_reader *reader)
{
    const struct record_head *head = reader->record.head;
    uint64_t n_bpm = reader->header.dims.n_bpm;

    fprintf(sink,
            "%" PRIu64 ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
            ",%.9g,%.9g,%.9g,%.9g\n",
            head->cycle, head->t_utc_ns, head->state, head->skipped, head->revision,
            head->new_frame, head->law_step, head->current_a, head->wake_late_ns,
            rms(&reader->record, 0, n_bpm), rms(&reader->record, n_bpm, n_bpm));
    return ferror((FILE *) sink) ? err_sys("writing the CSV file") : RC_OK;
}

static enum rc csv_lost(void *sink, const struct stream_lost *lost, uint64_t before)
{
    (void) before;
    fprintf(sink, "# lost: %" PRIu64 " records\n", lost->count);
    return RC_OK;
}

static enum rc csv_mark(void *sink, const struct stream_mark *mark, uint64_t before)
{
    (void) before;
    fprintf(sink, "# mark: cycle %" PRIu64 " %s\n", mark->cycle, mark->reason);
    return RC_OK;
}

static enum rc csv_end(void *sink)
{
    return fclose(sink) == 0 ? RC_OK : err_sys("writing the CSV file");
}

static const struct dump_sink csv_sink = {csv_begin, csv_record, csv_lost, csv_mark, csv_end};

/* ---- from any recording to any sink ---- */

struct dump {
    struct stream_reader reader;
    const struct dump_sink *sink;
    void *to;
    uint64_t run_id;
    bool begun;
    struct orbit_dims dims; /* of what was begun */
    uint64_t device_hash, n_record, n_lost;
};

static enum rc take_record(struct dump *dump)
{
    const struct stream_header *header = &dump->reader.header;
    enum rc rc = RC_OK;

    if (!dump->begun) {
        dump->begun = true;
        dump->dims = header->dims;
        dump->device_hash = header->device_hash;
        rc = dump->sink->begin(dump->to, &dump->reader);
    }
    if (header->device_hash != dump->device_hash ||
        memcmp(&header->dims, &dump->dims, sizeof dump->dims) != 0)
        return err_set(RC_INPUT,
                       "run %lu has other devices than the runs before: choose one "
                       "with --run",
                       header->run_id);
    if (rc == RC_OK)
        rc = dump->sink->record(dump->to, &dump->reader);
    dump->n_record++;
    return rc;
}

static enum rc take(struct dump *dump, int kind)
{
    const struct stream_reader *reader = &dump->reader;

    if (dump->run_id && reader->has_header && reader->header.run_id != dump->run_id)
        return RC_OK;
    if (kind == STREAM_RECORD)
        return take_record(dump);
    if (kind == STREAM_LOST) {
        dump->n_lost += reader->lost.count;
        return dump->sink->lost(dump->to, &reader->lost, dump->n_record);
    }
    return kind == STREAM_MARK ? dump->sink->mark(dump->to, &reader->mark, dump->n_record)
                               : RC_OK;
}

static enum rc run(struct dump *dump, const char *path)
{
    int kind;

    while ((kind = stream_reader_next(&dump->reader)) > 0) {
        enum rc rc = take(dump, kind);

        if (rc != RC_OK)
            return rc;
    }
    if (kind < 0)
        return err_add((enum rc) kind, "%s", path);
    return dump->n_record ? RC_OK : err_set(RC_INPUT, "%s has no records", path);
}

static void tell(const struct dump *dump)
{
    const struct segment_reader *segment = &dump->reader.segment;

    fprintf(stderr, "orbitctl: %" PRIu64 " records, %" PRIu64 " lost\n", dump->n_record,
            dump->n_lost);
    if (segment->n_bad)
        fprintf(stderr, "orbitctl: %" PRIu64 " files with a damaged or unfinished end\n",
                segment->n_bad);
    if (segment->n_lost)
        fprintf(stderr, "orbitctl: %" PRIu64 " items missing in the files\n", segment->n_lost);
}

static enum rc open_sink(struct dump *dump, const struct dump_spec *spec)
{
    struct hdf5_dump *hdf5 = NULL;
    enum rc rc;

    if (spec->csv_path) {
        dump->sink = &csv_sink;
        dump->to = fopen(spec->csv_path, "we");
        return dump->to ? RC_OK : err_sys("%s", spec->csv_path);
    }
    dump->sink = &hdf5_sink;
    rc = hdf5_dump_create(&hdf5, spec->hdf5_path);
    dump->to = hdf5;
    return rc;
}

enum rc record_dump(const char *path, const struct dump_spec *spec)
{
    struct dump dump = {.run_id = spec->run_id};
    enum rc rc = stream_reader_open(&dump.reader, path), ended;

    if (rc != RC_OK)
        return rc;
    rc = open_sink(&dump, spec);
    if (rc == RC_OK) {
        rc = run(&dump, path);
        ended = dump.sink->end(dump.to);
        rc = rc == RC_OK ? ended : rc;
    }
    if (rc == RC_OK)
        tell(&dump);
    else if (dump.to)
        remove(spec->csv_path ? spec->csv_path : spec->hdf5_path);
    stream_reader_close(&dump.reader);
    return rc;
}
