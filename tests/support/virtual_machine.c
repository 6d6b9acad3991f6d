#include "tests/support/virtual_machine.h"

#include <math.h>
#include <string.h>

static double uniform(struct virtual_machine *vm)
{
    vm->random = vm->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double) (vm->random >> 11) / 9007199254740992.0 - 0.5;
}

static void random_response(struct virtual_machine *vm)
{
    uint64_t n_bpm = vm->dims.n_bpm, n_col = dims_n_col(&vm->dims);
    uint64_t first_v = vm->dims.n_h, first_rf = first_v + vm->dims.n_v;

    for (uint64_t row = 0; row < 2 * n_bpm; row++)
        for (uint64_t col = 0; col < n_col; col++) {
            bool x = row < n_bpm, rf = col >= first_rf;
            bool coupled = rf ? x : x == (col < first_v);

            vm->r[row * n_col + col] = coupled ? uniform(vm) * (rf ? 1e-6 : 20.0) : 0.0;
        }
}

void vm_init(struct virtual_machine *vm, const struct orbit_dims *dims, uint64_t seed)
{
    memset(vm, 0, sizeof *vm);
    vm->dims = *dims;
    vm->random = seed * 2654435761U + 12345;
    vm->now_ns = 1000000000;
    vm->utc_offset_ns = 1700000000LL * 1000000000LL;
    vm->frame_period_ns = 1000000;
    vm->echo_period_ns = 20000000;
    vm->write_period_ns = 10000000;
    vm->pole_hz = 100.0;
    vm->tick_ns = 100000;
    vm->current_a = 0.3;
    vm->median_sum = 1.0;
    vm->acknowledge = true;
    vm->generation = 1;
    random_response(vm);
}

/* What a column's power converter is told now. */
static double told(const struct virtual_machine *vm, uint64_t col)
{
    uint64_t oldest = vm->n_written >= VM_PAST ? vm->n_written - VM_PAST + 1 : 1;

    for (uint64_t n = vm->n_written; vm->direct && n >= oldest; n--)
        if (vm->past[n % VM_PAST].t_ns + vm->delay_ns[col] <= vm->now_ns)
            return vm->past[n % VM_PAST].value[col];
    return vm->direct && vm->n_written ? vm->u_actual[col] : vm->u_set[col];
}

/* Power converters and magnets between two moments. */
static void move_magnets(struct virtual_machine *vm, int64_t dt_ns)
{
    for (uint64_t col = 0; col < dims_n_col(&vm->dims); col++) {
        double own_hz = vm->col_pole_hz[col], pole_hz = own_hz > 0.0 ? own_hz : vm->pole_hz;
        double gain = 1.0 - exp(-(double) dt_ns * 1e-9 * 2.0 * M_PI * pole_hz);

        vm->u_actual[col] += gain * (told(vm, col) - vm->u_actual[col]);
    }
}

static double orbit_m(const struct virtual_machine *vm, uint64_t row)
{
    uint64_t n_col = dims_n_col(&vm->dims);
    double sum = vm->orbit0_m[row];

    for (uint64_t col = 0; col < n_col; col++)
        sum += vm->r[row * n_col + col] * vm->u_actual[col];
    return sum;
}

static void sample_orbit(struct virtual_machine *vm)
{
    vm->bpm_seq++;
    vm->frame_ns = vm->now_ns;
    for (uint64_t row = 0; row < dims_n_row(&vm->dims); row++) {
        vm->value[row] = vm->row_overridden[row] ? vm->row_override_m[row]
                                                 : orbit_m(vm, row) + vm->row_offset_m[row] +
                                                       vm->noise_m * 3.46 * uniform(vm);
        vm->aux[row] = 1.0;
        vm->t_value_ns[row] = vm->now_ns;
        vm->quality[row] = vm->row_quality[row];
    }
}

static void sample_echo(struct virtual_machine *vm)
{
    vm->echo_seq++;
    vm->echo_ns = vm->now_ns;
    if (vm->acknowledge)
        vm->ack_arm_id = vm->arm_id;
    for (uint64_t col = 0; col < dims_n_col(&vm->dims); col++) {
        vm->echo_value[col] = vm->u_actual[col] + vm->readback_off[col];
        vm->echo_aux[col] = vm->u_set[col];
        vm->echo_quality[col] = vm->foreign[col] ? QUALITY_FOREIGN : QUALITY_GOOD;
    }
}

/* The gateway: writes the newest block only under its lease. */
static void write_block(struct virtual_machine *vm)
{
    bool granted = vm->block.active && state_drives(vm->block.state, vm->block.arm_id) &&
                   vm->block.arm_id == vm->ack_arm_id && vm->now_ns < vm->block.valid_until_ns;

    if (vm->block.life == 0 || vm->block.cycle == vm->last_cycle_echoed)
        return;
    if (!granted) {
        vm->n_refused++;
        return;
    }
    for (uint64_t col = 0; col < dims_n_col(&vm->dims); col++)
        if (isfinite(vm->block_value[col]))
            vm->u_set[col] = vm->block_value[col];
    vm->n_written++;
    vm->last_write_ns = vm->now_ns;
    vm->last_cycle_echoed = vm->block.cycle;
    vm->past[vm->n_written % VM_PAST].t_ns = vm->now_ns;
    memcpy(vm->past[vm->n_written % VM_PAST].value, vm->u_set, sizeof vm->u_set);
}

static void advance_to(struct virtual_machine *vm, int64_t until_ns)
{
    const int64_t tick_ns = vm->tick_ns;

    while (vm->now_ns < until_ns) {
        int64_t step_ns = until_ns - vm->now_ns < tick_ns ? until_ns - vm->now_ns : tick_ns;

        move_magnets(vm, step_ns);
        vm->now_ns += step_ns;
        if (vm->gateway_gone)
            continue;
        if (!vm->bpm_dead && vm->now_ns >= vm->next_frame_ns) {
            sample_orbit(vm);
            vm->next_frame_ns = vm->now_ns + vm->frame_period_ns - step_ns / 2;
        }
        if (!vm->gateway_dead && vm->now_ns >= vm->next_write_ns) {
            write_block(vm);
            vm->next_write_ns = vm->now_ns + vm->write_period_ns;
        }
        if (!vm->gateway_dead && vm->now_ns >= vm->next_echo_ns) {
            sample_echo(vm);
            vm->next_echo_ns = vm->now_ns + vm->echo_period_ns;
        }
    }
}

static int64_t vm_now_ns(void *self)
{
    struct virtual_machine *vm = self;

    return vm->spinning_ns ? vm->spinning_ns : vm->now_ns;
}

static int64_t vm_utc_ns(void *self)
{
    struct virtual_machine *vm = self;

    return vm->now_ns + vm->utc_offset_ns;
}

static int64_t vm_wait_ns(void *self, int64_t deadline_ns)
{
    struct virtual_machine *vm = self;

    vm->spinning_ns = 0;
    advance_to(vm, deadline_ns + vm->stall_ns);
    vm->stall_ns = 0;
    return vm->now_ns;
}

/* The machine stands still in the part of a wait that is spun; only the time read moves. */
static int64_t vm_rest_ns(void *self, int64_t deadline_ns)
{
    const int64_t spin_ns = 80000;
    struct virtual_machine *vm = self;

    if (!vm->spins)
        return deadline_ns;
    vm->spinning_ns = deadline_ns - spin_ns;
    return vm->spinning_ns;
}

static void vm_warm_frames(void *self)
{
    struct virtual_machine *vm = self;

    vm->spinning_ns += 20000;
}

static int64_t vm_await_frame_ns(void *self, int64_t from_ns, int64_t until_ns,
                                 int64_t *received_ns)
{
    const int64_t look_ns = 10000;
    struct virtual_machine *vm = self;
    bool arrived;

    advance_to(vm, from_ns + vm->stall_ns);
    vm->stall_ns = 0;
    while (arrived = vm->bpm_seq != vm->bpm_read && !vm->gateway_gone,
           !arrived && vm->now_ns < until_ns)
        advance_to(vm, vm->now_ns + look_ns < until_ns ? vm->now_ns + look_ns : until_ns);
    *received_ns = arrived ? vm->frame_ns : INT64_MIN;
    return vm->now_ns;
}

static void put_inputs(const struct virtual_machine *vm, struct frame_head *head)
{
    memcpy(head->scalar + SCALAR_INPUT, vm->input, sizeof vm->input);
}

static bool read_bpms(struct virtual_machine *vm, struct frame_view *view)
{
    if (vm->bpm_seq == vm->bpm_read)
        return false;
    vm->bpm_read = vm->bpm_seq;
    *view = (struct frame_view){.head = {.generation = vm->generation,
                                         .frame_seq = vm->bpm_seq,
                                         .t_sample_ns = vm->frame_ns,
                                         .n_value = dims_n_row(&vm->dims),
                                         .word = {[WORD_INHIBIT] = vm->inhibit},
                                         .scalar = {vm->current_a, vm->median_sum}},
                                .value = vm->value,
                                .aux = vm->aux,
                                .t_value_ns = vm->t_value_ns,
                                .quality = vm->quality};
    put_inputs(vm, &view->head);
    return true;
}

static bool read_echo(struct virtual_machine *vm, struct frame_view *view)
{
    if (vm->echo_seq == vm->echo_read)
        return false;
    vm->echo_read = vm->echo_seq;
    *view = (struct frame_view){.head = {.source_id = 1,
                                         .generation = vm->generation,
                                         .frame_seq = vm->echo_seq,
                                         .t_sample_ns = vm->echo_ns,
                                         .n_value = dims_n_col(&vm->dims)},
                                .value = vm->echo_value,
                                .aux = vm->echo_aux,
                                .t_value_ns = vm->t_value_ns,
                                .quality = vm->echo_quality};
    view->head.word[WORD_ACK_ARM_ID] = (int64_t) vm->ack_arm_id;
    view->head.word[WORD_LAST_CYCLE] = (int64_t) vm->last_cycle_echoed;
    return true;
}

static bool vm_read_frame(void *self, unsigned source, struct frame_view *view)
{
    return source == 0 ? read_bpms(self, view) : read_echo(self, view);
}

static uint64_t vm_generation(void *self, unsigned source)
{
    struct virtual_machine *vm = self;

    (void) source;
    return vm->gateway_gone ? 0 : vm->generation;
}

static void vm_write_setpoint(void *self, const struct setpoint_head *head, const double *value)
{
    struct virtual_machine *vm = self;

    vm->block = *head;
    vm->n_blocks++;
    memcpy(vm->block_value, value, dims_n_col(&vm->dims) * sizeof *value);
    if (vm->direct && !vm->gateway_dead && !vm->gateway_gone)
        write_block(vm);
}

struct hal vm_hal(struct virtual_machine *vm)
{
    return (struct hal){.self = vm,
                        .now_ns = vm_now_ns,
                        .utc_ns = vm_utc_ns,
                        .wait_ns = vm_wait_ns,
                        .rest_ns = vm_rest_ns,
                        .warm_frames = vm_warm_frames,
                        .await_frame_ns = vm_await_frame_ns,
                        .read_frame = vm_read_frame,
                        .generation = vm_generation,
                        .write_setpoint = vm_write_setpoint};
}

double vm_rms_m(const struct virtual_machine *vm, int plane)
{
    double sum = 0.0;

    for (uint64_t i = 0; i < vm->dims.n_bpm; i++) {
        double y = orbit_m(vm, i + (plane ? vm->dims.n_bpm : 0));

        sum += y * y;
    }
    return sqrt(sum / (double) vm->dims.n_bpm);
}
