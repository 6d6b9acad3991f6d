#include "tests/support/exchange_rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct orbit_dims dims = {.n_bpm = 5, .n_h = 2, .n_v = 3, .n_rf = 1};

static void must(enum rc rc)
{
    if (rc != RC_OK) {
        fprintf(stderr, "rig: %s\n", err_text());
        abort();
    }
}

static uint64_t on_attach(void *self, uint64_t source_id)
{
    struct rig *rig = self;

    rig->generation[source_id] = ++rig->generations;
    return rig->generations;
}

static void on_detach(void *self, uint64_t source_id)
{
    struct rig *rig = self;

    rig->generation[source_id] = 0;
}

static enum rc finish(struct rig *rig, char *reply, size_t reply_size)
{
    if (rig->answer)
        snprintf(reply, reply_size, "%s", rig->answer);
    return rig->verdict;
}

static enum rc on_command(void *self, const struct server_peer *peer, const char *line,
                          char *reply, size_t reply_size)
{
    struct rig *rig = self;

    rig->peer = *peer;
    snprintf(rig->line, sizeof rig->line, "%s", line);
    rig->n_command++;
    return finish(rig, reply, reply_size);
}

static enum rc on_parameters(void *self, const struct server_peer *peer,
                             const struct param_set *set, char *reply, size_t reply_size)
{
    struct rig *rig = self;
    uint64_t n = dims_n_row(&set->head->dims) * dims_n_col(&set->head->dims);

    rig->peer = *peer;
    rig->r_sum = rig->k_sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        rig->r_sum += set->matrices.of[PARAM_R].a[i];
        rig->k_sum += set->matrices.of[PARAM_K].a[i];
    }
    rig->n_parameters++;
    return finish(rig, reply, reply_size);
}

static void make_segment(struct rig *rig, struct segment *segment, enum segment_kind kind,
                         uint64_t size_b, uint64_t source_id)
{
    struct segment_head head = {.kind = kind,
                                .size_b = size_b,
                                .run_id = 7777,
                                .device_hash = RIG_DEVICES,
                                .dims = dims,
                                .source_id = source_id};

    snprintf(head.name, sizeof head.name, "rig%d", (int) kind);
    must(segment_create(segment, &head));
    if (kind != SEG_INPUT)
        rig->config.shared[kind] = segment;
}

static void make_rings(struct rig *rig)
{
    const uint64_t payload_b[SEG_INPUT] = {0,
                                           sizeof(struct text_block),
                                           snapshot_size_b(&dims),
                                           record_size_b(&dims),
                                           setpoint_size_b(&dims),
                                           sizeof(struct event_record),
                                           sizeof(struct checkpoint_head),
                                           sizeof(struct set_head)};

    make_segment(rig, &rig->shared[SEG_STATUS], SEG_STATUS, segment_status_size_b(), 0);
    for (unsigned kind = SEG_TEXT; kind < SEG_INPUT; kind++) {
        make_segment(rig, &rig->shared[kind], (enum segment_kind) kind,
                     segment_ring_size_b(8, payload_b[kind]), 0);
        must(slot_ring_create(&rig->ring[kind], &rig->shared[kind], 8, payload_b[kind]));
    }
}

static void make_sources(struct rig *rig)
{
    const char *const names[RIG_SOURCES] = {"bpm", "act"};
    const uint64_t n_value[RIG_SOURCES] = {dims_n_row(&dims), dims_n_col(&dims)};

    rig->config.n_source = RIG_SOURCES;
    for (unsigned i = 0; i < RIG_SOURCES; i++) {
        make_segment(rig, &rig->input[i], SEG_INPUT, segment_input_size_b(n_value[i]), i);
        rig->config.source[i] = (struct server_source){names[i], &rig->input[i], n_value[i]};
    }
}

void rig_create(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    snprintf(rig->folder, sizeof rig->folder, "/tmp/orbit-rig-XXXXXX");
    if (!mkdtemp(rig->folder))
        abort();
    snprintf(rig->socket_path, sizeof rig->socket_path, "%s/socket", rig->folder);
    rig->config.socket_path = rig->socket_path;
    rig->config.run_id = 7777;
    rig->config.device_hash = RIG_DEVICES;
    rig->config.dims = dims;
    rig->config.self = rig;
    rig->config.calls = (struct server_calls){.on_attach = on_attach,
                                              .on_detach = on_detach,
                                              .on_command = on_command,
                                              .on_parameters = on_parameters};
    make_rings(rig);
    make_sources(rig);
    must(server_create(&rig->server, &rig->config));
}

void rig_destroy(struct rig *rig)
{
    char lock[128];

    server_destroy(rig->server);
    for (unsigned i = 0; i < SEG_INPUT; i++)
        segment_close(&rig->shared[i]);
    for (unsigned i = 0; i < RIG_SOURCES; i++)
        segment_close(&rig->input[i]);
    snprintf(lock, sizeof lock, "%s.lock", rig->socket_path);
    unlink(lock);
    rmdir(rig->folder);
}

void rig_poll(struct rig *rig)
{
    for (int i = 0; i < 8; i++)
        must(server_poll(rig->server, 0));
}

static void *serve(void *arg)
{
    struct rig *rig = arg;

    while (!rig->stop)
        must(server_poll(rig->server, 5));
    return NULL;
}

void rig_start(struct rig *rig)
{
    rig->stop = false;
    if (pthread_create(&rig->thread, NULL, serve, rig) != 0)
        abort();
}

void rig_stop(struct rig *rig)
{
    rig->stop = true;
    pthread_join(rig->thread, NULL);
}

unsigned rig_n_fd(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    if (!folder)
        abort();
    while (readdir(folder))
        n++;
    closedir(folder);
    return n - 3; /* ".", ".." and the folder's own */
}
