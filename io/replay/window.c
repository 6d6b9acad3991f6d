#include "io/replay/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/replay/sets.h"
#include "io/stream/stream_reader.h"
#include "rt/loop/params.h"
#include "rt/loop/response.h"
#include "rt/loop/set_image.h"

enum { MOST_FRAMES = 1 << 20 };

struct window_machine {
    struct params_store *store;
    struct params *p;
    struct response response;
    bool primed;
    double period_ns;
    double *share, *u, *u_eff, *moved; /* [n_col] x 3, [n_row] */
};

/* ---- making ---- */

static enum rc make_machine(struct window *self, const struct set_head *image)
{
    const struct param_head *head = (const void *) (image + 1);
    struct window_machine *m = self->machine;
    uint64_t n_col;
    enum rc rc;

    if (image->size_b < sizeof *head || !dims_valid(&head->dims))
        return err_set(RC_INPUT, "a parameter set that is damaged");
    self->dims = head->dims;
    n_col = dims_n_col(&self->dims);
    rc = params_create(&m->store, &self->dims, (enum matvec_storage) image->storage);
    m->p = rc == RC_OK ? params_begin(m->store) : NULL;
    if (rc == RC_OK)
        rc = m->p ? set_image_unpack(m->p, image) : err_set(RC_NOMEM, "no parameter slot");
    if (rc == RC_OK)
        rc = response_create(&m->response, n_col, MAX_DELAY_CYCLES);
    m->share = calloc(3 * n_col + dims_n_row(&self->dims), sizeof *m->share);
    if (rc != RC_OK || !m->share)
        return rc != RC_OK ? rc : err_set(RC_NOMEM, "no memory for a window");
    m->u = m->share + n_col;
    m->u_eff = m->u + n_col;
    m->moved = m->u_eff + n_col;
    for (uint64_t col = 0; col < n_col; col++)
        m->share[col] = response_share(m->period_ns * 1e-9 * 2.0 * M_PI * m->p->pole_hz[col]);
    return RC_OK;
}

enum rc window_open(struct window *self, const struct set_head *image, int64_t period_ns,
                    uint64_t most)
{
    enum rc rc;

    *self = (struct window){.most = most < MOST_FRAMES ? most : MOST_FRAMES};
    self->machine = calloc(1, sizeof *self->machine);
    if (!self->machine)
        return err_set(RC_NOMEM, "no memory for a window");
    self->machine->period_ns = (double) period_ns;
    rc = make_machine(self, image);
    if (rc == RC_OK) {
        uint64_t n_row = dims_n_row(&self->dims), n_col = dims_n_col(&self->dims);

        self->error = malloc(self->most * n_row * sizeof *self->error);
        self->free = malloc(self->most * n_row * sizeof *self->free);
        self->u = malloc(self->most * n_col * sizeof *self->u);
        self->good = malloc(n_row * sizeof *self->good);
        self->limit = self->machine->p->upper;
        for (unsigned plane = 0; plane < 2; plane++) {
            self->mode[plane] = self->machine->p->optional[PARAM_MODES_X + plane].a;
            self->n_mode[plane] = self->machine->p->optional[PARAM_MODES_X + plane].cols;
        }
        if (!self->error || !self->free || !self->u || !self->good)
            rc = err_set(RC_NOMEM, "no memory for %lu frames", self->most);
        else
            memset(self->good, 1, n_row * sizeof *self->good);
    }
    if (rc != RC_OK)
        window_close(self);
    return rc;
}

void window_close(struct window *self)
{
    if (self->machine) {
        response_destroy(&self->machine->response);
        params_destroy(self->machine->store);
        free(self->machine->share);
    }
    free(self->machine);
    free(self->error);
    free(self->free);
    free(self->u);
    free(self->good);
    *self = (struct window){0};
}

/* ---- feeding ---- */

static void follow_kicks(struct window *self, const struct record_view *record)
{
    struct window_machine *m = self->machine;
    const struct tuning *t = &m->p->tuning;
    const struct response_model model = {
        .delay_cycles = {(uint64_t) ((double) t->response_delay_ns / m->period_ns + 0.5),
                         (uint64_t) ((double) t->fast_delay_ns / m->period_ns + 0.5)},
        .fast = m->p->fast,
        .share = m->share};

    memcpy(m->u, record->u_cmd, dims_n_col(&self->dims) * sizeof *m->u);
    if (!m->primed)
        response_reset(&m->response, m->u, m->u_eff);
    m->primed = true;
    for (uint64_t k = 0; k <= record->head->skipped; k++)
        response_advance(&m->response, m->u, m->u_eff, &model);
}

static void keep_frame(struct window *self, const struct record_view *record)
{
    uint64_t n_row = dims_n_row(&self->dims), n_col = dims_n_col(&self->dims);
    double *error = self->error + self->n * n_row, *without = self->free + self->n * n_row;
    const struct window_machine *m = self->machine;

    matvec_apply(&m->p->predict, m->u_eff, m->moved);
    for (uint64_t row = 0; row < n_row; row++) {
        bool good = record->row_quality[row] == QUALITY_GOOD;

        self->good[row] = self->good[row] && good;
        error[row] = good ? record->y[row] - m->p->reference_m[row] : 0.0;
        without[row] = good ? error[row] - m->moved[row] : 0.0;
    }
    memcpy(self->u + self->n * n_col, record->u_cmd, n_col * sizeof *self->u);
}

bool window_feed(struct window *self, const struct record_view *record)
{
    const struct record_head *head = record->head;

    if (self->n >= self->most)
        return false;
    follow_kicks(self, record);
    if (!head->new_frame)
        return true;
    keep_frame(self, record);
    if (self->n++ == 0) {
        self->first_ns = head->frame_t_sample_ns;
        self->first_seq = head->frame_seq;
    }
    self->last_ns = head->frame_t_sample_ns;
    self->last_seq = head->frame_seq;
    self->n_closed += head->state == STATE_CLOSED;
    if (self->last_ns > self->first_ns)
        self->fs_hz = 1e9 * (double) (self->n - 1) / (double) (self->last_ns - self->first_ns);
    return true;
}

/* ---- from a running orbitd ---- */

static enum rc newest_set(struct client *client, struct set_head **image)
{
    uint64_t next = 0, lost = 0;
    struct set_head *made = malloc(client_block_b(client, SEG_SET));

    *image = NULL;
    if (!made)
        return err_set(RC_NOMEM, "no memory for a parameter set");
    if (!client_read_block(client, SEG_SET, &next, made, &lost)) {
        free(made);
        return err_set(RC_STATE, "orbitd has no parameter set yet");
    }
    *image = made;
    return RC_OK;
}

/* The ring is read from as far back as wanted, if it reaches there. */
static enum rc take_records(struct window *self, struct client *client, uint64_t n_record)
{
    uint64_t next = 0, newest, lost = 0;
    void *record = malloc(record_size_b(&self->dims));

    if (!record)
        return err_set(RC_NOMEM, "no memory for a record");
    if (!client_read_record(client, &next, record, &lost)) {
        free(record);
        return err_set(RC_STATE, "no record came yet");
    }
    newest = next - 1;
    next = newest > n_record ? newest - n_record : 1;
    while (next <= newest && client_read_record(client, &next, record, &lost)) {
        struct record_view view = record_view(&self->dims, record);

        if (view.head->revision != 0 && !window_feed(self, &view))
            break;
    }
    free(record);
    return self->n ? RC_OK : err_set(RC_STATE, "no frame of the orbit came yet");
}

enum rc window_take(struct window *self, struct client *client, double seconds)
{
    uint64_t period_ns = status_load(&client_status(client)->period_ns);
    uint64_t n_record = (uint64_t) (seconds * 1e9 / (double) period_ns) + 1;
    struct set_head *image;
    enum rc rc = newest_set(client, &image);

    *self = (struct window){0};
    if (rc != RC_OK)
        return rc;
    rc = window_open(self, image, (int64_t) period_ns, n_record + 1);
    free(image);
    if (rc == RC_OK)
        rc = take_records(self, client, n_record);
    if (rc != RC_OK)
        window_close(self);
    return rc;
}

/* ---- from a recording ---- */

static enum rc open_for(struct window *self, const struct stream_reader *reader,
                        const struct sets *sets, double seconds)
{
    const struct record_head *head = reader->record.head;
    const struct stream_set *set = sets_find(sets, head->run_id, head->revision);
    double period_s = (double) reader->header.period_ns * 1e-9;
    struct set_head *image;
    enum rc rc;

    if (!set)
        return err_set(RC_INPUT, "the recording does not name the parameters of revision %lu",
                       head->revision);
    rc = sets_load(sets, set->set_hash, &image);
    if (rc == RC_OK)
        rc = window_open(self, image, (int64_t) reader->header.period_ns,
                         (uint64_t) (seconds / period_s) + 1);
    free(image);
    return rc;
}

static enum rc read_records(struct window *self, const struct sets *sets, const char *path,
                            double seconds)
{
    struct stream_reader reader;
    enum rc rc = stream_reader_open(&reader, path);
    int kind = 1;

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && (kind = stream_reader_next(&reader)) > 0) {
        if (kind != STREAM_RECORD || reader.record.head->revision == 0)
            continue;
        if (!self->machine)
            rc = open_for(self, &reader, sets, seconds);
        if (rc == RC_OK && !window_feed(self, &reader.record))
            break;
    }
    stream_reader_close(&reader);
    if (rc == RC_OK && kind < 0)
        rc = (enum rc) kind;
    return rc == RC_OK && self->n == 0
               ? err_set(RC_INPUT, "%s: no frames with a parameter set", path)
               : rc;
}

enum rc window_read(struct window *self, const char *path, double seconds)
{
    struct sets sets;
    enum rc rc;

    *self = (struct window){0};
    sets_begin(&sets, path);
    rc = sets_scan(&sets, path);
    if (rc == RC_OK)
        rc = read_records(self, &sets, path, seconds);
    if (rc != RC_OK)
        window_close(self);
    sets_end(&sets);
    return rc;
}
