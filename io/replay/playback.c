#include "io/replay/playback.h"

#include <stdlib.h>
#include <string.h>

#include "io/replay/sets.h"
#include "io/stream/stream_reader.h"

static const double tolerance_of_kernels = 1e-9;

/* Records without a gap between them, and the first checkpoint in it. */
struct stretch {
    uint64_t run_id, first_cycle, last_cycle, n_record;
    struct checkpoint_head *checkpoint; /* NULL: none is usable */
};

struct player {
    struct playback *result;
    struct sets sets;
    struct stretch *stretch; /* [result->n_stretch] */
    struct replay *replay;
    uint64_t run_id;   /* of the replay */
    uint64_t revision; /* in use */
    uint64_t in_work;  /* stretch */
    bool lost;         /* this stretch has differed */
};

/* ---- first pass: what is there ---- */

static bool continues(const struct stretch *stretch, const struct record_head *head)
{
    return stretch->run_id == head->run_id &&
           head->cycle == stretch->last_cycle + 1 + head->skipped;
}

static enum rc note_record(struct player *self, const struct record_head *head)
{
    uint64_t n = self->result->n_stretch;
    struct stretch *last = n ? &self->stretch[n - 1] : NULL, *grown;

    self->result->n_record++;
    if (last && continues(last, head) && !head->excite_level) {
        last->last_cycle = head->cycle;
        last->n_record++;
        return RC_OK;
    }
    if (last && head->excite_level && last->last_cycle == 0)
        return RC_OK;
    grown = realloc(self->stretch, (n + 1) * sizeof *grown);
    if (!grown)
        return err_set(RC_NOMEM, "no memory for %lu stretches", n + 1);
    self->stretch = grown;
    self->stretch[n] = (struct stretch){.run_id = head->run_id,
                                        .first_cycle = head->cycle,
                                        .last_cycle = head->excite_level ? 0 : head->cycle,
                                        .n_record = 1};
    self->result->n_stretch++;
    return RC_OK;
}

static struct stretch *find_stretch(const struct player *self, uint64_t run_id, uint64_t cycle)
{
    for (uint64_t i = self->result->n_stretch; i > 0; i--) {
        struct stretch *s = &self->stretch[i - 1];

        if (s->run_id == run_id && s->first_cycle <= cycle && cycle <= s->last_cycle)
            return s;
    }
    return NULL;
}

static enum rc note_checkpoint(struct player *self, const struct checkpoint_head *head)
{
    const struct stream_set set = {.run_id = head->run_id,
                                   .revision = head->revision,
                                   .serial = head->serial,
                                   .set_hash = head->set_hash};
    struct stretch *stretch = find_stretch(self, head->run_id, head->cycle);
    uint64_t size_b = sizeof *head + head->state_b;
    enum rc rc = sets_add(&self->sets, &set);

    if (rc != RC_OK || !stretch || stretch->checkpoint || !head->whole)
        return rc;
    stretch->checkpoint = malloc(size_b);
    if (!stretch->checkpoint)
        return err_set(RC_NOMEM, "no memory for a checkpoint of %lu bytes", size_b);
    memcpy(stretch->checkpoint, head, size_b);
    return RC_OK;
}

static enum rc note(struct player *self, const struct stream_reader *reader, int kind)
{
    if (kind == STREAM_RECORD)
        return note_record(self, reader->record.head);
    if (kind == STREAM_SET)
        return sets_add(&self->sets, &reader->set);
    return kind == STREAM_CHECKPOINT ? note_checkpoint(self, reader->checkpoint) : RC_OK;
}

/* ---- second pass: playing ---- */

static void note_difference(struct playback *result, const struct stream_reader *reader,
                            const struct replay_difference *difference)
{
    uint64_t n_bpm = reader->header.dims.n_bpm, index = difference->index;

    if (result->cycle)
        return;
    result->cycle = reader->record.head->cycle;
    result->difference = *difference;
    if (index == UINT64_MAX)
        return;
    index = difference->what[0] == 'y' ? index % n_bpm : n_bpm + index;
    memcpy(result->name, reader->name[index], sizeof result->name);
}

static enum rc use_set(struct player *self, uint64_t revision)
{
    const struct stream_set *set = sets_find(&self->sets, self->run_id, revision);
    struct set_head *image;
    enum rc rc;

    if (!set)
        return err_set(RC_INPUT, "the recording does not name the parameters of revision %lu",
                       revision);
    rc = sets_load(&self->sets, set->set_hash, &image);
    if (rc == RC_OK)
        rc = replay_use_set(self->replay, image, revision, set->serial);
    free(image);
    self->revision = revision;
    return rc;
}

static enum rc begin_run(struct player *self, const struct stream_header *header,
                         const struct checkpoint_head *checkpoint)
{
    struct replay_setup setup = {.dims = header->dims,
                                 .run_id = checkpoint->run_id,
                                 .period_ns = (int64_t) checkpoint->period_ns};
    struct set_head *image;
    enum rc rc = sets_load(&self->sets, checkpoint->set_hash, &image);

    if (rc != RC_OK)
        return rc;
    setup.kernel = image->kernel;
    setup.storage = image->storage;
    free(image);
    replay_destroy(self->replay);
    rc = replay_create(&self->replay, &setup);
    if (rc != RC_OK)
        return rc;
    self->run_id = checkpoint->run_id;
    self->result->dims = header->dims;
    self->result->kernel = setup.kernel;
    if (!replay_exact(self->replay))
        self->result->tolerance = tolerance_of_kernels;
    return RC_OK;
}

static enum rc begin_stretch(struct player *self, const struct stream_header *header,
                             const struct stretch *stretch)
{
    enum rc rc = RC_OK;

    if (!self->replay || self->run_id != stretch->run_id)
        rc = begin_run(self, header, stretch->checkpoint);
    if (rc == RC_OK)
        rc = use_set(self, stretch->checkpoint->revision);
    if (rc == RC_OK)
        rc = replay_restore(self->replay, stretch->checkpoint);
    self->lost = false;
    return rc;
}

static enum rc play_record(struct player *self, const struct stream_reader *reader)
{
    const struct record_head *head = reader->record.head;
    const struct stretch *stretch = find_stretch(self, head->run_id, head->cycle);
    struct playback *result = self->result;
    uint64_t index = stretch ? (uint64_t) (stretch - self->stretch) + 1 : 0;
    enum rc rc = RC_OK;
    struct replay_difference difference;
    const void *made;

    if (!stretch || !stretch->checkpoint || head->cycle <= stretch->checkpoint->cycle)
        return RC_OK;
    if (index != self->in_work)
        rc = begin_stretch(self, &reader->header, stretch);
    self->in_work = index;
    if (rc != RC_OK || self->lost)
        return rc;
    if (head->revision != self->revision)
        rc = use_set(self, head->revision);
    if (rc != RC_OK)
        return rc;
    made = replay_cycle(self->replay, head);
    result->n_compared++;
    self->lost = !replay_same(&result->dims, head, made, result->tolerance, &difference);
    result->n_same += !self->lost;
    if (self->lost)
        note_difference(result, reader, &difference);
    return RC_OK;
}

/* ---- both ---- */

static enum rc pass(struct player *self, const char *path, bool play)
{
    struct stream_reader reader;
    enum rc rc = stream_reader_open(&reader, path);
    int kind = 1;

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && (kind = stream_reader_next(&reader)) > 0)
        if (!play)
            rc = note(self, &reader, kind);
        else if (kind == STREAM_RECORD)
            rc = play_record(self, &reader);
    stream_reader_close(&reader);
    return kind < 0 ? (enum rc) kind : rc;
}

enum rc playback_run(struct playback *playback, const char *path)
{
    struct player self = {.result = playback};
    enum rc rc;

    *playback = (struct playback){0};
    sets_begin(&self.sets, path);
    rc = pass(&self, path, false);
    if (rc == RC_OK)
        rc = pass(&self, path, true);
    if (rc == RC_OK && playback->n_compared == 0)
        rc = err_set(RC_INPUT, "no checkpoint with records behind it among %lu records",
                     playback->n_record);
    replay_destroy(self.replay);
    for (uint64_t i = 0; i < playback->n_stretch; i++)
        free(self.stretch[i].checkpoint);
    free(self.stretch);
    sets_end(&self.sets);
    return rc;
}
