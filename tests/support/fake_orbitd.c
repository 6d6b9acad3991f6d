/* An orbitd without loop and manager for tests of gateways: real segments on a real socket, and
 * everything that the loop would decide comes from standard input, one request a line, one line
 * of answer each:
 *
 *   state N | arm N | revision N | disable COLUMN | freeze 0|1
 *   block ACTIVE STATE ARM LEASE_MS RUN KICK...   publishes a set-point block (RUN 0: this run;
 * else added) reply CODE TEXT                               answer to commands from now on
 *   command                                       "COUNT LINE" of the last command received
 *   frame bpm|actuator                            the newest frame as JSON, or null
 *   quit
 *
 *   fake_orbitd DEVICES SOCKET
 *
 * Snapshots come at 100 Hz; every position is the low 19 bits of the cycle in um.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/devices.h"
#include "rt/base/clock.h"
#include "rt/shm/frame.h"
#include "rt/shm/server.h"
#include "rt/shm/slot_ring.h"

enum { SOURCES = 2, SLOTS = 8, LINE_SIZE = 8192 };

static struct fake {
    struct devices devices;
    struct orbit_dims dims;
    struct server *server;
    struct segment shared[SEG_INPUT], input[SOURCES];
    struct slot_ring ring[SEG_INPUT];
    struct frame_reader reader[SOURCES];
    struct frame_view view[SOURCES];
    struct status_block *status;
    struct snapshot_head *snapshot;
    struct setpoint_head *block;
    uint64_t run_id, generations, life, n_command, disabled_column;
    char line[ORBIT_TEXT_SIZE], answer[ORBIT_TEXT_SIZE];
    int code;
    bool frozen;
} fake = {.disabled_column = UINT64_MAX};

static void must(enum rc rc)
{
    if (rc != RC_OK) {
        fprintf(stderr, "fake_orbitd: %s\n", err_text());
        exit(1);
    }
}

/* ---- set-up
 * ------------------------------------------------------------------------------------- */

static void make_segment(struct segment *segment, enum segment_kind kind, uint64_t size_b,
                         uint64_t source_id)
{
    struct segment_head head = {.kind = kind,
                                .size_b = size_b,
                                .run_id = fake.run_id,
                                .device_hash = devices_hash(&fake.devices),
                                .dims = fake.dims,
                                .source_id = source_id};
    must(segment_create(segment, &head));
}

static void make_outputs(void)
{
    const uint64_t payload_b[SEG_INPUT] = {0,
                                           sizeof(struct text_block),
                                           snapshot_size_b(&fake.dims),
                                           record_size_b(&fake.dims),
                                           setpoint_size_b(&fake.dims),
                                           sizeof(struct event_record),
                                           sizeof(struct checkpoint_head),
                                           sizeof(struct set_head)};
    make_segment(&fake.shared[SEG_STATUS], SEG_STATUS, segment_status_size_b(), 0);
    for (int kind = SEG_TEXT; kind < SEG_INPUT; kind++) {
        make_segment(&fake.shared[kind], (enum segment_kind) kind,
                     segment_ring_size_b(SLOTS, payload_b[kind]), 0);
        must(slot_ring_create(&fake.ring[kind], &fake.shared[kind], SLOTS, payload_b[kind]));
    }
    fake.status = fake.shared[SEG_STATUS].base;
    fake.status->period_ns = 10000000;
    fake.status->loop_core = UINT64_MAX;
    fake.status->state = STATE_SHADOW;
    fake.snapshot = calloc(1, payload_b[SEG_SNAPSHOT]);
    fake.block = calloc(1, payload_b[SEG_SETPOINT]);
}

static uint64_t on_attach(void *self, uint64_t source_id)
{
    (void) self;
    (void) source_id;
    return ++fake.generations;
}

static void on_detach(void *self, uint64_t source_id)
{
    (void) self;
    (void) source_id;
}

static enum rc on_command(void *self, const struct server_peer *peer, const char *line,
                          char *reply, size_t reply_size)
{
    (void) self;
    (void) peer;
    snprintf(fake.line, sizeof fake.line, "%s", line);
    fake.n_command++;
    snprintf(reply, reply_size, "%s", fake.answer);
    return (enum rc) fake.code;
}

static enum rc on_parameters(void *self, const struct server_peer *peer,
                             const struct param_set *set, char *reply, size_t reply_size)
{
    (void) self;
    (void) peer;
    (void) set;
    snprintf(reply, reply_size, "not wanted");
    return RC_STATE;
}

static void serve_on(const char *socket_path)
{
    static const char *const names[SOURCES] = {"bpm", "actuator"};
    const uint64_t n_value[SOURCES] = {dims_n_row(&fake.dims), dims_n_col(&fake.dims)};
    struct server_config config = {.socket_path = socket_path,
                                   .run_id = fake.run_id,
                                   .device_hash = devices_hash(&fake.devices),
                                   .dims = fake.dims,
                                   .n_source = SOURCES,
                                   .calls = {.on_attach = on_attach,
                                             .on_detach = on_detach,
                                             .on_command = on_command,
                                             .on_parameters = on_parameters}};
    for (unsigned i = 0; i < SOURCES; i++) {
        void *memory = aligned_alloc(CACHE_LINE, frame_memory_b(n_value[i]));
        make_segment(&fake.input[i], SEG_INPUT, segment_input_size_b(n_value[i]), i);
        must(frame_reader_attach(&fake.reader[i], &fake.input[i], n_value[i], memory));
        frame_reader_view(&fake.reader[i], &fake.view[i]);
        config.source[i] = (struct server_source){names[i], &fake.input[i], n_value[i]};
    }
    for (int kind = 0; kind < SEG_INPUT; kind++) {
        config.shared[kind] = &fake.shared[kind];
    }
    must(server_create(&fake.server, &config));
}

/* ---- what the loop would publish
 * ----------------------------------------------------------------- */

static void publish_snapshot(void)
{
    struct snapshot_head *head = fake.snapshot;
    struct text_block text = {
        .why = "asked for by a test, in more letters than a short string has"};
    char *base = (char *) fake.snapshot;
    double *y = (double *) (void *) (base + snapshot_offset_b(&fake.dims, VEC_Y));
    uint64_t *quality =
        (uint64_t *) (void *) (base + snapshot_offset_b(&fake.dims, VEC_COL_QUALITY));
    head->cycle = head->cycle ? head->cycle + 1 : fake.run_id / NS_PER_S * 1000000;
    head->run_id = fake.run_id;
    head->t_mono_ns = clock_mono_ns();
    head->t_utc_ns = clock_utc_ns();
    head->state = fake.status->state;
    for (uint64_t i = 0; i < dims_n_row(&fake.dims); i++) {
        y[i] = (double) (head->cycle & 0x7ffff) * 1e-6;
    }
    for (uint64_t i = 0; i < dims_n_col(&fake.dims); i++) {
        quality[i] = i == fake.disabled_column ? QUALITY_DISABLED : QUALITY_GOOD;
    }
    slot_ring_write(&fake.ring[SEG_SNAPSHOT], fake.snapshot);
    slot_ring_write(&fake.ring[SEG_TEXT], &text);
    fake.status->heartbeat_cycle = head->cycle;
}

/* ---- requests
 * ------------------------------------------------------------------------------------ */

static void publish_block(char *rest)
{
    struct setpoint_head *head = fake.block;
    double *kick = (double *) (void *) (head + 1);
    head->active = strtoull(rest, &rest, 10);
    head->state = strtoull(rest, &rest, 10);
    head->arm_id = strtoull(rest, &rest, 10);
    head->valid_until_ns = clock_mono_ns() + strtoll(rest, &rest, 10) * 1000000;
    head->run_id = fake.run_id + strtoull(rest, &rest, 10);
    for (uint64_t i = 0; i < dims_n_col(&fake.dims); i++) {
        kick[i] = strtod(rest, &rest);
    }
    head->life = ++fake.life;
    head->cycle = fake.snapshot->cycle;
    slot_ring_write(&fake.ring[SEG_SETPOINT], fake.block);
    printf("%llu\n", (unsigned long long) head->cycle);
}

static void print_reals(const char *name, const double *value, uint64_t n)
{
    printf(", \"%s\": [", name);
    for (uint64_t i = 0; i < n; i++) {
        if (value[i] - value[i] == 0) {
            printf("%s%.17g", i ? ", " : "", value[i]);
        } else {
            printf("%snull", i ? ", " : "");
        }
    }
    printf("]");
}

static void print_frame(unsigned source)
{
    struct frame_view *view = &fake.view[source];
    frame_read(&fake.reader[source], view);
    const struct frame_head *head = &view->head;
    if (head->frame_seq == 0) {
        printf("null\n");
        return;
    }
    printf("{\"seq\": %llu, \"generation\": %llu, \"age_ms\": %.3f, \"word\": [",
           (unsigned long long) head->frame_seq, (unsigned long long) head->generation,
           (double) (clock_mono_ns() - head->t_sample_ns) * 1e-6);
    for (int i = 0; i < 8; i++) {
        printf("%s%lld", i ? ", " : "", (long long) head->word[i]);
    }
    printf("], \"quality\": [");
    for (uint64_t i = 0; i < head->n_value; i++) {
        printf("%s%llu", i ? ", " : "", (unsigned long long) view->quality[i]);
    }
    printf("]");
    print_reals("scalar", head->scalar, FRAME_SCALARS);
    print_reals("value", view->value, head->n_value);
    print_reals("aux", view->aux, head->n_value);
    printf("}\n");
}

static void set_reply(char *rest)
{
    fake.code = (int) strtol(rest, &rest, 10);
    snprintf(fake.answer, sizeof fake.answer, "%s", *rest ? rest + 1 : "");
}

/* Plain settings; true: it was one. */
static bool set_value(const char *word, char *rest)
{
    uint64_t number = strtoull(rest, NULL, 10);
    if (strcmp(word, "state") == 0) {
        fake.status->state = number;
    } else if (strcmp(word, "arm") == 0) {
        fake.status->arm_id = number;
    } else if (strcmp(word, "revision") == 0) {
        fake.status->revision = number;
    } else if (strcmp(word, "disable") == 0) {
        fake.disabled_column = number;
    } else if (strcmp(word, "freeze") == 0) {
        fake.frozen = number != 0;
    } else if (strcmp(word, "reply") == 0) {
        set_reply(rest);
    } else {
        return false;
    }
    printf("ok\n");
    return true;
}

/* False: the end is asked for. */
static bool answer(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *rest = line + strcspn(line, " ");
    if (*rest) {
        *rest++ = '\0';
    }
    if (strcmp(line, "quit") == 0) {
        return false;
    }
    if (strcmp(line, "block") == 0) {
        publish_block(rest);
    } else if (strcmp(line, "frame") == 0) {
        print_frame(strcmp(rest, "bpm") == 0 ? 0 : 1);
    } else if (strcmp(line, "command") == 0) {
        printf("%llu %s\n", (unsigned long long) fake.n_command, fake.line);
    } else if (!set_value(line, rest)) {
        printf("not understood: %s\n", line);
    }
    fflush(stdout);
    return true;
}

static void run(void)
{
    char line[LINE_SIZE];
    int64_t next_ns = clock_mono_ns();
    for (;;) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        must(server_poll(fake.server, 2));
        if (clock_mono_ns() >= next_ns && !fake.frozen) {
            publish_snapshot();
            next_ns += 10000000;
        }
        if (poll(&input, 1, 0) > 0 && (!fgets(line, sizeof line, stdin) || !answer(line))) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: fake_orbitd DEVICES SOCKET\n");
        return 2;
    }
    setvbuf(stdin, NULL, _IONBF, 0);
    must(devices_load(&fake.devices, argv[1]));
    fake.dims = (struct orbit_dims){fake.devices.n_bpm, fake.devices.n_h, fake.devices.n_v,
                                    fake.devices.n_rf};
    fake.run_id = (uint64_t) clock_utc_ns();
    make_outputs();
    serve_on(argv[2]);
    printf("ready\n");
    fflush(stdout);
    run();
    server_destroy(fake.server);
    return 0;
}
