#include "rt/hal/udp_actuator.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"

enum { NO_DEVICE = -1, MAX_BATCHES = 4, SUPPLY_NUMBERS = 65536 };

struct column {
    int device;
    struct udp_supply_setup own;
    atomic_bool enabled;
    bool has_set, ready, wrote, foreign, clamped;
    float set_a, current_a, sent_a;
    int64_t t_ns;
};

struct device {
    struct udp_device_setup own;
    unsigned socket;
    uint64_t n_supply;
    uint64_t life, sent_cycle, echoed_cycle;
    int64_t identified_ns; /* 0: never */
    bool current_known;
};

struct udp_actuator {
    uint64_t n_col, n_kick, n_device, n_socket;
    const struct status_block *status;
    struct udp_socket socket[ACTUATOR_MAX_DEVICE];
    struct udp_address listen[ACTUATOR_MAX_DEVICE]; /* of each socket */
    struct device device[ACTUATOR_MAX_DEVICE];
    struct column *column;                /* [n_col] */
    int16_t (*column_of)[SUPPLY_NUMBERS]; /* [n_device] */
    struct frame_head head;
    double *value, *aux; /* [n_col], as the two below, one block */
    int64_t *t_value_ns;
    uint64_t *quality;
    uint64_t arm_id; /* of the sets points sent */
    struct supply_answer answer;
    struct supply_setpoint order[SUPPLY_MAX];
    uint8_t byte[SUPPLY_DATAGRAM_B];
    uint64_t counters[SOURCE_COUNTER_COUNT];
};

/* ---- making ---- */

static bool same_address(const struct udp_address *a, const struct udp_address *b)
{
    return a->host == b->host && a->port == b->port;
}

static enum rc open_socket(struct udp_actuator *a, struct device *device)
{
    for (unsigned i = 0; i < a->n_socket; i++) {
        if (same_address(&a->listen[i], &device->own.listen)) {
            device->socket = i;
            return RC_OK;
        }
    }
    device->socket = (unsigned) a->n_socket;
    a->listen[a->n_socket] = device->own.listen;
    return udp_socket_open(&a->socket[a->n_socket++], &device->own.listen);
}

static enum rc make_arrays(struct udp_actuator *a)
{
    a->column = calloc(a->n_col, sizeof *a->column);
    a->column_of = malloc(a->n_device * sizeof *a->column_of);
    a->value = calloc(4 * a->n_col, 8);
    if (!a->column || !a->column_of || !a->value)
        return err_set(RC_NOMEM, "no memory for power supplies");
    memset(a->column_of, 0xff, a->n_device * sizeof *a->column_of);
    a->aux = a->value + a->n_col;
    a->t_value_ns = (void *) (a->value + 2 * a->n_col);
    a->quality = (void *) (a->value + 3 * a->n_col);
    for (uint64_t i = 0; i < a->n_col; i++)
        a->column[i].device = NO_DEVICE;
    for (uint64_t i = 0; i < a->n_kick; i++)
        atomic_store(&a->column[i].enabled, true);
    return RC_OK;
}

static enum rc place_supplies(struct udp_actuator *a, const struct udp_actuator_setup *setup)
{
    for (uint64_t i = 0; i < setup->n_supply; i++) {
        const struct udp_supply_setup *supply = &setup->supply[i];
        struct column *column = &a->column[supply->column];

        if (a->device[supply->device].n_supply++ == SUPPLY_MAX)
            return err_set(RC_RANGE, "more than %d supplies of one device", SUPPLY_MAX);
        column->own = *supply;
        column->device = (int) supply->device;
        a->column_of[supply->device][supply->supply] = (int16_t) supply->column;
    }
    return RC_OK;
}

enum rc udp_actuator_create(struct udp_actuator **out, const struct udp_actuator_setup *setup)
{
    struct udp_actuator *a = calloc(1, sizeof *a);
    enum rc rc;

    *out = NULL;
    if (!a)
        return err_set(RC_NOMEM, "no memory for power supplies");
    for (unsigned i = 0; i < ACTUATOR_MAX_DEVICE; i++)
        a->socket[i].fd = -1;
    a->n_col = setup->n_col;
    a->n_kick = setup->n_kick;
    a->n_device = setup->n_device;
    a->status = setup->status;
    a->head = (struct frame_head){
        .source_id = setup->source_id, .generation = 1, .n_value = setup->n_col};
    rc = make_arrays(a);
    for (uint64_t i = 0; i < a->n_device && rc == RC_OK; i++) {
        a->device[i].own = setup->device[i];
        rc = open_socket(a, &a->device[i]);
    }
    if (rc == RC_OK)
        rc = place_supplies(a, setup);
    if (rc != RC_OK) {
        udp_actuator_destroy(a);
        return rc;
    }
    *out = a;
    return RC_OK;
}

void udp_actuator_destroy(struct udp_actuator *a)
{
    if (!a)
        return;
    for (unsigned i = 0; i < ACTUATOR_MAX_DEVICE; i++)
        udp_socket_close(&a->socket[i]);
    free(a->column);
    free(a->column_of);
    free(a->value);
    free(a);
}

uint16_t udp_actuator_port(const struct udp_actuator *a, unsigned device)
{
    return a->socket[a->device[device].socket].port;
}

void udp_actuator_enable(struct udp_actuator *a, uint64_t column, bool enabled)
{
    atomic_store_explicit(&a->column[column].enabled, enabled, memory_order_relaxed);
}

const uint64_t *udp_actuator_counters(const struct udp_actuator *a)
{
    return a->counters;
}

/* ---- answers ---- */

static RT_SAFE void count(struct udp_actuator *a, enum source_counter counter, uint64_t n)
{
    __atomic_store_n(&a->counters[counter], a->counters[counter] + n, __ATOMIC_RELAXED);
}

static RT_SAFE struct device *find_device(struct udp_actuator *a, unsigned socket,
                                          const struct udp_address *sender)
{
    for (uint64_t i = 0; i < a->n_device; i++)
        if (a->device[i].socket == socket && same_address(&a->device[i].own.send, sender))
            return &a->device[i];
    return NULL;
}

/* Only an answer to what was sent says whether somebody else has written since. */
static RT_SAFE void watch(struct column *column, bool confirmed, bool beyond)
{
    double step = column->own.step_a > 0 ? column->own.step_a : 0;
    double margin = 1.5 * step + 1e-6 * fabs((double) column->sent_a);

    if (!column->wrote)
        return;
    if (beyond ||
        (confirmed && fabs((double) column->set_a - (double) column->sent_a) > margin))
        column->foreign = true;
}

static RT_SAFE uint64_t take_readings(struct udp_actuator *a, const struct device *device,
                                      int64_t now_ns)
{
    int16_t *column_of = a->column_of[device - a->device];
    bool confirmed = device->sent_cycle && a->answer.cycle == device->sent_cycle;
    bool beyond = device->sent_cycle && a->answer.cycle > device->sent_cycle;
    uint64_t found = 0;

    for (size_t i = 0; i < a->answer.n; i++) {
        const struct supply_reading *reading = &a->answer.reading[i];
        int16_t index = column_of[reading->supply];
        struct column *column;

        if (index < 0)
            continue;
        column = &a->column[index];
        found++;
        column->ready = reading->ready;
        if (a->answer.has_current)
            column->current_a = reading->current_a;
        if (!a->answer.has_set)
            continue;
        column->set_a = reading->set_a;
        column->has_set = true;
        column->t_ns = now_ns;
        watch(column, confirmed, beyond);
    }
    return found;
}

/* false: it says that it is another device. */
static RT_SAFE bool take_answer(struct udp_actuator *a, struct device *device, int64_t now_ns)
{
    uint64_t found;

    if (device->own.format == SUPPLY_ORBITD && a->answer.device != device->own.device)
        return false;
    found = take_readings(a, device, now_ns);
    device->current_known |= a->answer.has_current;
    if (a->answer.has_set && found >= device->n_supply) {
        device->identified_ns = now_ns;
        device->echoed_cycle = a->answer.cycle;
    }
    return true;
}

static RT_SAFE void take(struct udp_actuator *a, unsigned socket,
                         const struct udp_datagram *datagram, int64_t now_ns)
{
    struct device *device = find_device(a, socket, &datagram->sender);
    enum supply_verdict verdict;

    count(a, SOURCE_DATAGRAMS, 1);
    if (!device) {
        count(a, SOURCE_UNKNOWN, 1);
        return;
    }
    verdict = supply_decode(device->own.format, datagram->byte, datagram->size_b, &a->answer);
    if (verdict != SUPPLY_GOOD)
        count(a, verdict == SUPPLY_SIZE ? SOURCE_SIZE : SOURCE_CONTENT, 1);
    else if (!take_answer(a, device, now_ns))
        count(a, SOURCE_UNKNOWN, 1);
}

static RT_SAFE bool poll_socket(struct udp_actuator *a, unsigned socket)
{
    int n = UDP_BATCH;
    bool any = false;

    for (int batch = 0; batch < MAX_BATCHES && n == UDP_BATCH; batch++) {
        n = udp_socket_receive(&a->socket[socket]);
        if (n == 0)
            break;
        int64_t now_ns = clock_mono_ns();

        count(a, SOURCE_DROPPED, udp_socket_new_drops(&a->socket[socket], n));
        for (int i = 0; i < n; i++) {
            struct udp_datagram datagram = udp_socket_datagram(&a->socket[socket], i);

            take(a, socket, &datagram, now_ns);
        }
        any = true;
    }
    return any;
}

/* ---- frames ---- */

static RT_SAFE bool is_identified(const struct device *device, int64_t now_ns)
{
    return device->identified_ns && device->current_known &&
           now_ns - device->identified_ns <= device->own.timeout_ns;
}

static RT_SAFE uint64_t quality_of(const struct udp_actuator *a, const struct column *column,
                                   int64_t now_ns)
{
    const struct device *device;

    if (column->device == NO_DEVICE || !column->has_set)
        return QUALITY_ABSENT;
    device = &a->device[column->device];
    return (is_identified(device, now_ns) ? 0 : QUALITY_STALE) |
           (column->ready ? 0 : QUALITY_INVALID) | (column->foreign ? QUALITY_FOREIGN : 0) |
           (column->clamped ? QUALITY_SATURATED : 0) |
           (device->own.write ? 0 : QUALITY_DISABLED);
}

static RT_SAFE void fill_column(struct udp_actuator *a, uint64_t i, int64_t now_ns)
{
    const struct column *column = &a->column[i];

    a->value[i] = (double) column->current_a * column->own.rad_per_a;
    a->aux[i] = (double) column->set_a * column->own.rad_per_a;
    a->t_value_ns[i] = column->t_ns;
    a->quality[i] = quality_of(a, column, now_ns);
}

/* Every corrector that the loop may drive can be written now. */
static RT_SAFE bool all_writable(const struct udp_actuator *a, int64_t now_ns)
{
    for (uint64_t i = 0; i < a->n_kick; i++) {
        const struct column *column = &a->column[i];

        if (!atomic_load_explicit(&column->enabled, memory_order_relaxed))
            continue;
        if (column->device == NO_DEVICE || !a->device[column->device].own.write ||
            !is_identified(&a->device[column->device], now_ns))
            return false;
    }
    return true;
}

/* The newest cycle that every device written to has confirmed. */
static RT_SAFE uint64_t confirmed_cycle(const struct udp_actuator *a)
{
    uint64_t cycle = UINT64_MAX;

    for (uint64_t i = 0; i < a->n_device; i++)
        if (a->device[i].sent_cycle && a->device[i].echoed_cycle < cycle)
            cycle = a->device[i].echoed_cycle;
    return cycle == UINT64_MAX ? 0 : cycle;
}

/* What was sent under another arming, or before somebody else may set set points, is history.
 */
static RT_SAFE void follow_state(struct udp_actuator *a)
{
    uint64_t state = __atomic_load_n(&a->status->state, __ATOMIC_RELAXED);
    uint64_t arm_id = __atomic_load_n(&a->status->arm_id, __ATOMIC_RELAXED);
    bool history = (arm_id && arm_id != a->arm_id) ||
                   (!state_drives(state, arm_id) && state != STATE_HOLD);

    a->arm_id = arm_id ? arm_id : a->arm_id;
    for (uint64_t i = 0; history && i < a->n_kick; i++)
        a->column[i].wrote = a->column[i].foreign = a->column[i].clamped = false;
    for (uint64_t i = 0; history && i < a->n_device; i++)
        a->device[i].sent_cycle = 0;
}

bool udp_actuator_read(struct udp_actuator *a, struct frame_view *view)
{
    bool any = false;

    follow_state(a);
    for (unsigned i = 0; i < a->n_socket; i++)
        any |= poll_socket(a, i);
    if (!any)
        return false;
    a->head.t_sample_ns = a->head.t_received_ns = clock_mono_ns();
    a->head.frame_seq++;
    a->head.word[WORD_ACK_ARM_ID] =
        all_writable(a, a->head.t_sample_ns)
            ? (int64_t) __atomic_load_n(&a->status->arm_id, __ATOMIC_RELAXED)
            : 0;
    a->head.word[WORD_LAST_CYCLE] = (int64_t) confirmed_cycle(a);
    for (uint64_t i = 0; i < a->n_col; i++)
        fill_column(a, i, a->head.t_sample_ns);
    count(a, SOURCE_FRAMES, 1);
    *view = (struct frame_view){.head = a->head,
                                .value = a->value,
                                .aux = a->aux,
                                .t_value_ns = a->t_value_ns,
                                .quality = a->quality};
    return true;
}

/* ---- set points ---- */

/* Nearest whole number; what is too large for it has none nearer than itself. */
static RT_SAFE double nearest(double number)
{
    return fabs(number) < 1e15 ? (double) (int64_t) (number + copysign(0.5, number)) : number;
}

/* Within its limit and on a step. */
static RT_SAFE float to_a(struct column *column, double kick)
{
    double a = kick / column->own.rad_per_a, limit = column->own.limit_a;
    double step = column->own.step_a;

    column->clamped = limit > 0 && fabs(a) > limit;
    if (column->clamped)
        a = copysign(limit, a);
    return (float) (step > 0 ? nearest(a / step) * step : a);
}

static RT_SAFE size_t gather(struct udp_actuator *a, const struct device *device,
                             const double *value)
{
    size_t n = 0;

    for (uint64_t i = 0; i < a->n_kick; i++) {
        struct column *column = &a->column[i];

        if (column->device != device - a->device || !isfinite(value[i]) || column->foreign)
            continue;
        column->sent_a = to_a(column, value[i]);
        column->wrote = true;
        a->order[n++] =
            (struct supply_setpoint){.supply = column->own.supply, .a = column->sent_a};
    }
    return n;
}

static RT_SAFE void send_order(struct udp_actuator *a, struct device *device,
                               const struct setpoint_head *head, size_t n, int64_t now_ns)
{
    int64_t left_us = (head->valid_until_ns - now_ns) / 1000;
    struct supply_order order = {.device = device->own.device,
                                 .state = (uint32_t) head->state,
                                 .valid_us = left_us > 0 ? (uint32_t) left_us : 0,
                                 .active = (uint32_t) head->active,
                                 .run_id = head->run_id,
                                 .arm_id = head->arm_id,
                                 .cycle = head->cycle,
                                 .life = ++device->life,
                                 .n = n,
                                 .setpoint = a->order};
    size_t size_b = supply_encode(device->own.format, &order, a->byte);

    if (size_b &&
        udp_socket_send(&a->socket[device->socket], &device->own.send, a->byte, size_b))
        a->head.word[WORD_WRITES] += (int64_t) n;
}

static RT_SAFE bool may_write(const struct udp_actuator *a, const struct device *device,
                              const struct setpoint_head *head, int64_t now_ns)
{
    return device->own.write && head->active && state_drives(head->state, head->arm_id) &&
           head->arm_id != 0 && (uint64_t) a->head.word[WORD_ACK_ARM_ID] == head->arm_id &&
           now_ns < head->valid_until_ns && is_identified(device, now_ns);
}

void udp_actuator_write(struct udp_actuator *a, const struct setpoint_head *head,
                        const double *value)
{
    int64_t now_ns = clock_mono_ns();

    for (uint64_t i = 0; i < a->n_device; i++) {
        struct device *device = &a->device[i];

        if (may_write(a, device, head, now_ns)) {
            send_order(a, device, head, gather(a, device, value), now_ns);
            device->sent_cycle = head->cycle;
            a->head.word[WORD_LAST_WRITE_NS] = now_ns;
        } else if (head->active) {
            a->head.word[WORD_REFUSED]++;
        } else if (device->life) {
            /* The loop gives up: whoever was written to hears it at once. */
            send_order(a, device, head, 0, now_ns);
            device->sent_cycle = head->cycle;
        }
    }
}
