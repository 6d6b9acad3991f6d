#include "io/modbus/scanner.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "io/modbus/read_plan.h"
#include "rt/base/clock.h"

#define PAUSE_MIN_NS (NS_PER_S / 10)
#define PAUSE_MAX_NS (5 * NS_PER_S)
#define HOLD_MIN_NS  (2 * NS_PER_S)
#define HOLD_MAX_NS  (60 * NS_PER_S)

enum { SAID_SIZE = 96 };

/* What the connection is like, for messages by another thread. */
struct news {
    pthread_mutex_t lock;
    bool connected, told_connected;
    char said[SAID_SIZE], told_said[SAID_SIZE];
    int64_t hold_ns, quiet_until_ns;
};

struct scanner {
    const struct register_map *map;
    const struct map_link *link;
    uint64_t link_index;
    struct board *board;
    const struct scan_writer *writer;
    struct bus *bus;
    struct read_plan plan;
    struct reading *reading; /* [plan.n_point] */
    pthread_t thread;
    bool has_thread;
    atomic_bool stop;
    int64_t period_ns, timeout_ns;
    int64_t pause_ns, next_open_ns;
    uint64_t chance; /* state of the generator */
    struct news news;
    struct hist duration, pass;          /* of a transaction, of a pass with its writes */
    uint64_t n_pass, n_left_out, n_open; /* n_left_out: grid points */
    atomic_llong worst_overrun_ns;       /* latest end of a call after its deadline */
};

/* ---- making ---- */

static enum rc make_bus(struct scanner *s)
{
    const struct map_link *link = s->link;
    enum rc rc;
    if (link->tcp[0]) {
        rc = bus_create_tcp(&s->bus, link->tcp);
    } else {
        rc = bus_create_rtu(&s->bus, &(struct rtu_line){.device = link->rtu,
                                                        .baud = (int) link->baud,
                                                        .stop_bits = (int) link->stop_bits,
                                                        .parity = (char) link->parity});
    }
    return rc ? err_add(rc, "link %s", link->name) : RC_OK;
}

static enum rc prepare(struct scanner *s)
{
    enum rc rc = make_bus(s);
    rc = rc ? rc : read_plan_make(&s->plan, s->map, s->link_index);
    if (rc) {
        return rc;
    }
    s->reading = calloc(s->plan.n_point ? s->plan.n_point : 1, sizeof *s->reading);
    return s->reading ? RC_OK : err_set(RC_NOMEM, "no memory for link %s", s->link->name);
}

enum rc scanner_create(struct scanner **scanner, const struct register_map *map, uint64_t link,
                       struct board *board, const struct scan_writer *writer)
{
    struct scanner *s = calloc(1, sizeof *s);
    *scanner = s;
    if (!s) {
        return err_set(RC_NOMEM, "no memory for a link");
    }
    s->map = map;
    s->link = &map->link[link];
    s->link_index = link;
    s->board = board;
    s->writer = writer;
    s->period_ns = (int64_t) (1e9 / s->link->rate_hz);
    s->timeout_ns = (int64_t) (1e6 * s->link->timeout_ms);
    s->pause_ns = PAUSE_MIN_NS;
    s->chance = (uint64_t) clock_mono_ns() ^ (link + 1) * 0x9e3779b97f4a7c15ULL;
    pthread_mutex_init(&s->news.lock, NULL);
    enum rc rc = prepare(s);
    if (rc) {
        scanner_destroy(s);
        *scanner = NULL;
    }
    return rc;
}

void scanner_stop(struct scanner *s)
{
    atomic_store(&s->stop, true);
    if (s->has_thread) {
        pthread_join(s->thread, NULL);
    }
    s->has_thread = false;
}

void scanner_destroy(struct scanner *s)
{
    if (!s) {
        return;
    }
    scanner_stop(s);
    bus_destroy(s->bus);
    read_plan_free(&s->plan);
    free(s->reading);
    pthread_mutex_destroy(&s->news.lock);
    free(s);
}

/* ---- the connection ---- */

static void tell(struct scanner *s, bool connected, const char *said)
{
    pthread_mutex_lock(&s->news.lock);
    s->news.connected = connected;
    snprintf(s->news.said, sizeof s->news.said, "%s", said);
    pthread_mutex_unlock(&s->news.lock);
}

/* Many gateways that lost the same device shall not all come back at one moment. */
static int64_t with_chance(struct scanner *s, int64_t pause_ns)
{
    s->chance ^= s->chance << 13;
    s->chance ^= s->chance >> 7;
    s->chance ^= s->chance << 17;
    return pause_ns - pause_ns / 4 + (int64_t) (s->chance % (uint64_t) (pause_ns / 2));
}

static void lose(struct scanner *s, enum bus_result result)
{
    char said[96];
    bus_describe(s->bus, result, said);
    board_lose(s->board, s->link_index);
    s->next_open_ns = clock_mono_ns() + with_chance(s, s->pause_ns);
    s->pause_ns = 2 * s->pause_ns < PAUSE_MAX_NS ? 2 * s->pause_ns : PAUSE_MAX_NS;
    tell(s, false, said);
}

static void note_end(struct scanner *s, int64_t begun_ns, int64_t deadline_ns)
{
    int64_t end_ns = clock_mono_ns(), late_ns = end_ns - deadline_ns;
    hist_record(&s->duration, (uint64_t) (end_ns - begun_ns));
    if (late_ns > atomic_load(&s->worst_overrun_ns)) {
        atomic_store(&s->worst_overrun_ns, late_ns);
    }
}

static bool is_open(struct scanner *s, int64_t now_ns)
{
    if (s->bus->is_open) {
        return true;
    }
    if (now_ns < s->next_open_ns) {
        return false;
    }
    enum bus_result result = bus_open(s->bus, now_ns + s->timeout_ns);
    note_end(s, now_ns, now_ns + s->timeout_ns);
    if (result != BUS_GOOD) {
        lose(s, result);
        return false;
    }
    s->n_open++;
    return true;
}

/* ---- a pass ---- */

static enum bus_result transact(struct scanner *s, const struct pdu_request *request,
                                int64_t deadline_ns)
{
    int64_t begun_ns = clock_mono_ns();
    enum bus_result result = bus_transact(s->bus, request, deadline_ns);
    note_end(s, begun_ns, deadline_ns);
    if (result != BUS_GOOD && result != BUS_EXCEPTION) {
        lose(s, result);
    }
    return result;
}

static void store_group(struct scanner *s, const struct read_group *group, const uint16_t *word,
                        int64_t t_sample_ns)
{
    for (size_t i = 0; i < group->n_point; i++) {
        const struct map_point *point = &s->map->point[s->plan.point[group->first + i]];
        struct reading *reading = &s->reading[i];
        *reading = (struct reading){.fault = READING_REFUSED, .t_sample_ns = t_sample_ns};
        if (word) {
            reading->si = map_point_read(point, word + (point->address - group->address),
                                         &reading->fault);
        }
    }
    board_store(s->board, s->plan.point + group->first, s->reading, group->n_point);
}

static bool read_group(struct scanner *s, const struct read_group *group)
{
    uint16_t word[PDU_MAX_READ];
    struct pdu_request request = {.function = group->table == TABLE_INPUT ? PDU_READ_INPUT
                                                                          : PDU_READ_HOLDING,
                                  .unit = group->unit_id,
                                  .address = group->address,
                                  .n = group->n,
                                  .word = word};
    int64_t now_ns = clock_mono_ns();
    enum bus_result result = transact(s, &request, now_ns + s->timeout_ns);
    if (result != BUS_GOOD && result != BUS_EXCEPTION) {
        return false;
    }
    store_group(s, group, result == BUS_GOOD ? word : NULL, now_ns);
    return true;
}

/* true: everything was read, or refused by the device. */
static bool read_all(struct scanner *s)
{
    for (size_t i = 0; i < s->plan.n_group; i++) {
        if (!read_group(s, &s->plan.group[i])) {
            return false;
        }
    }
    /* Only a device that answers is one to come back to soon. */
    s->pause_ns = PAUSE_MIN_NS;
    tell(s, true, "");
    return true;
}

static void make_pass(struct scanner *s, uint64_t number)
{
    struct scan scan = {.number = number, .t_sample_ns = clock_mono_ns()};
    bool complete = is_open(s, scan.t_sample_ns) && read_all(s);
    board_finish(s->board, s->link_index, &scan);
    if (complete && s->writer) {
        s->writer->write(s->writer->self, s, s->link_index);
    }
    hist_record(&s->pass, (uint64_t) (clock_mono_ns() - scan.t_sample_ns));
    s->n_pass++;
}

bool scanner_write(struct scanner *s, const struct pdu_request *request, int64_t latest_ns,
                   bool *refused)
{
    int64_t deadline_ns = clock_mono_ns() + s->timeout_ns;
    enum bus_result result =
        transact(s, request, deadline_ns < latest_ns ? deadline_ns : latest_ns);
    *refused = result == BUS_EXCEPTION;
    return result == BUS_GOOD;
}

/* ---- the thread ---- */

/* In parts, so that a slow link ends as soon as a fast one. */
static void sleep_until(struct scanner *s, int64_t until_ns)
{
    for (int64_t now_ns = clock_mono_ns(); now_ns < until_ns && !atomic_load(&s->stop);
         now_ns = clock_mono_ns()) {
        int64_t part_ns = now_ns + NS_PER_S / 10;
        struct timespec until = clock_timespec(part_ns < until_ns ? part_ns : until_ns);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

static void *run(void *argument)
{
    struct scanner *s = argument;
    int64_t begun_ns = clock_mono_ns();
    uint64_t number = 1;
    prctl(PR_SET_TIMERSLACK, 1UL);
    for (;;) {
        sleep_until(s, begun_ns + (int64_t) number * s->period_ns);
        if (atomic_load(&s->stop)) {
            return NULL;
        }
        make_pass(s, number);
        uint64_t next = (uint64_t) ((clock_mono_ns() - begun_ns) / s->period_ns) + 1;
        s->n_left_out += next - number - 1;
        number = next;
    }
}

enum rc scanner_start(struct scanner *s)
{
    s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
    return s->has_thread ? RC_OK : err_sys("no thread for link %s", s->link->name);
}

/* ---- messages ---- */

/* A connection that comes and goes is heard less and less often. */
static void print_news(const struct scanner *s, struct news *news, int64_t now_ns, FILE *stream)
{
    const char *place = s->link->tcp[0] ? s->link->tcp : s->link->rtu;
    bool calm = now_ns >= news->quiet_until_ns + 4 * news->hold_ns;
    fprintf(stream, "orbit-fieldbus: %s: %s: %s\n", s->link->name, place,
            news->connected ? "answers" : news->said);
    news->hold_ns = calm ? HOLD_MIN_NS : 2 * news->hold_ns;
    news->hold_ns = news->hold_ns < HOLD_MAX_NS ? news->hold_ns : HOLD_MAX_NS;
    news->quiet_until_ns = now_ns + news->hold_ns;
    news->told_connected = news->connected;
    memcpy(news->told_said, news->said, sizeof news->said);
}

void scanner_report(struct scanner *s, int64_t now_ns, FILE *stream)
{
    struct news *news = &s->news;
    pthread_mutex_lock(&news->lock);
    bool same =
        news->connected == news->told_connected && strcmp(news->said, news->told_said) == 0;
    if (!same && now_ns >= news->quiet_until_ns) {
        print_news(s, news, now_ns, stream);
    }
    pthread_mutex_unlock(&news->lock);
}

void scanner_print_figures(struct scanner *s, FILE *stream)
{
    const struct bus_counts *counts = &s->bus->counts;
    fprintf(
        stream,
        "orbit-fieldbus: %s: %lu passes of %zu requests, %lu grid points left out; pass p50 "
        "%.1f p99 %.1f longest %.1f us; call p50 %.1f p99 %.1f longest %.1f us, at worst "
        "%.3f ms after its deadline; good %lu, exceptions %lu, timeouts %lu, garbage %lu, "
        "closed %lu, not connected %lu, late answers %lu\n",
        s->link->name, s->n_pass, s->plan.n_group, s->n_left_out,
        1e-3 * (double) hist_percentile(&s->pass, 50),
        1e-3 * (double) hist_percentile(&s->pass, 99), 1e-3 * (double) s->pass.max,
        1e-3 * (double) hist_percentile(&s->duration, 50),
        1e-3 * (double) hist_percentile(&s->duration, 99), 1e-3 * (double) s->duration.max,
        1e-6 * (double) atomic_load(&s->worst_overrun_ns), counts->result[BUS_GOOD],
        counts->result[BUS_EXCEPTION], counts->result[BUS_TIMEOUT], counts->result[BUS_GARBAGE],
        counts->result[BUS_CLOSED], counts->result[BUS_REFUSED], counts->late);
}
