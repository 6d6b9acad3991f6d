#include "io/epics/bpm_frames.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "io/epics/pace.h"
#include "io/gateway/bpm_position.h"
#include "io/gateway/faults.h"
#include "rt/base/clock.h"

enum value_fault { VALUE_GOOD, VALUE_NO_PV, VALUE_BAD_PV, VALUE_NOT_FINITE, VALUE_FAULT_COUNT };

/* Faults of a whole PV are told by channels_report(); here only what concerns one BPM. */
static const char *const value_words[VALUE_FAULT_COUNT] = {
    [VALUE_GOOD] = "good again",
    [VALUE_NO_PV] = "has no PV in the device table",
    [VALUE_BAD_PV] = "its PV is not usable",
    [VALUE_NOT_FINITE] = "sends NaN or infinity",
};

/* One position PV (or waveform), read as a whole once a frame. */
struct source_pv {
    int handle;
    size_t n; /* elements needed */
    double *raw;
    struct channel_view view;
    uint64_t used; /* updates when the last frame was made */
};

/* Where a raw position comes from; pv < 0: nowhere. */
struct origin {
    int pv;
    size_t element;
};

struct bpm_frames {
    struct channels *channels;
    const struct devices *devices;
    struct source_pv *pv;
    int n_pv;                                /* the first one is the pace */
    struct origin *origin;                   /* [2 n_bpm] */
    int current;                             /* channel, or -1 */
    int input[FRAME_SCALARS - SCALAR_INPUT]; /* channels of feedforward.inputs, or -1 */
    struct pace_counter counter;
    struct bpm_frame frame;
    struct faults *faults;
    pthread_mutex_t faults_lock; /* noted by the frame thread, reported by another */
};

/* ---- set-up
 * ------------------------------------------------------------------------------------- */

static int find_pv(struct bpm_frames *frames, int handle)
{
    for (int i = 0; i < frames->n_pv; i++) {
        if (frames->pv[i].handle == handle) {
            return i;
        }
    }
    frames->pv[frames->n_pv].handle = handle;
    return frames->n_pv++;
}

static enum rc add_origin(struct bpm_frames *frames, const char *prefix,
                          const struct device_pv *pv, struct origin *origin)
{
    char name[2 * DEVICE_PV_SIZE];
    int handle;
    origin->pv = -1;
    if (!pv->name[0]) {
        return RC_OK;
    }
    snprintf(name, sizeof name, "%s%s", prefix, pv->name);
    origin->element = pv->element > 0 ? (size_t) pv->element : 0;
    enum rc rc = channels_add(frames->channels, name, origin->element + 1, &handle);
    if (rc) {
        return rc;
    }
    origin->pv = find_pv(frames, handle);
    struct source_pv *source = &frames->pv[origin->pv];
    source->n = origin->element + 1 > source->n ? origin->element + 1 : source->n;
    return RC_OK;
}

static enum rc add_origins(struct bpm_frames *frames, const char *prefix)
{
    const struct devices *devices = frames->devices;
    for (uint64_t i = 0; i < devices->n_bpm; i++) {
        const struct bpm_device *bpm = &devices->bpm[i];
        size_t ignored;
        enum rc rc = add_origin(frames, prefix, &bpm->pv_x, &frames->origin[i]);
        rc = rc ? rc
                : add_origin(frames, prefix, &bpm->pv_y, &frames->origin[devices->n_bpm + i]);
        rc = rc ? rc : faults_add(frames->faults, bpm->name, &ignored);
        if (rc) {
            return rc;
        }
    }
    if (frames->n_pv == 0) {
        return err_set(RC_INPUT, "no BPM of the device table has a PV");
    }
    return RC_OK;
}

static enum rc make_arrays(struct bpm_frames *frames)
{
    size_t n_row = 2 * frames->devices->n_bpm;
    struct bpm_frame *frame = &frames->frame;
    frames->origin = calloc(n_row, sizeof *frames->origin);
    frames->pv = calloc(n_row, sizeof *frames->pv);
    frame->value = calloc(n_row, sizeof *frame->value);
    frame->aux = calloc(n_row, sizeof *frame->aux);
    frame->t_value_ns = calloc(n_row, sizeof *frame->t_value_ns);
    frame->quality = calloc(n_row, sizeof *frame->quality);
    frame->head.n_value = n_row;
    if (!frames->origin || !frames->pv || !frame->value || !frame->aux || !frame->t_value_ns ||
        !frame->quality) {
        return err_set(RC_NOMEM, "no memory for BPM frames");
    }
    return faults_create(&frames->faults, "orbit-epics: BPM ", value_words, VALUE_FAULT_COUNT);
}

static enum rc make_raw(struct bpm_frames *frames)
{
    for (int i = 0; i < frames->n_pv; i++) {
        frames->pv[i].raw = calloc(frames->pv[i].n, sizeof(double));
        if (!frames->pv[i].raw) {
            return err_set(RC_NOMEM, "no memory for BPM frames");
        }
    }
    return RC_OK;
}

static enum rc add_inputs(struct bpm_frames *frames, const struct cfg *cfg)
{
    enum rc rc = RC_OK;
    for (size_t i = 0; i < FRAME_SCALARS - SCALAR_INPUT; i++) {
        char name[2 * CFG_NAME_SIZE + 64];
        frames->input[i] = -1;
        if (i < cfg->feedforward_inputs.count && rc == RC_OK) {
            snprintf(name, sizeof name, "%s%s", cfg->epics_machine_prefix,
                     cfg->feedforward_inputs.name[i]);
            rc = channels_add(frames->channels, name, 1, &frames->input[i]);
        }
    }
    return rc;
}

static enum rc add_current(struct bpm_frames *frames, const struct cfg *cfg)
{
    char name[2 * DEVICE_PV_SIZE];
    frames->current = -1;
    if (!cfg->epics_current_pv[0]) {
        return RC_OK;
    }
    snprintf(name, sizeof name, "%s%s", cfg->epics_machine_prefix, cfg->epics_current_pv);
    return channels_add(frames->channels, name, 1, &frames->current);
}

enum rc bpm_frames_create(struct bpm_frames **frames, struct channels *channels,
                          const struct devices *devices, const struct cfg *cfg)
{
    struct bpm_frames *made = calloc(1, sizeof *made);
    *frames = made;
    if (!made) {
        return err_set(RC_NOMEM, "no memory for BPM frames");
    }
    made->channels = channels;
    made->devices = devices;
    pthread_mutex_init(&made->faults_lock, NULL);
    enum rc rc = make_arrays(made);
    rc = rc ? rc : add_origins(made, cfg->epics_machine_prefix);
    rc = rc ? rc : make_raw(made);
    rc = rc ? rc : add_current(made, cfg);
    rc = rc ? rc : add_inputs(made, cfg);
    if (rc) {
        bpm_frames_destroy(made);
        *frames = NULL;
    }
    return rc;
}

void bpm_frames_destroy(struct bpm_frames *frames)
{
    if (!frames) {
        return;
    }
    for (int i = 0; frames->pv && i < frames->n_pv; i++) {
        free(frames->pv[i].raw);
    }
    free(frames->pv);
    free(frames->origin);
    free(frames->frame.value);
    free(frames->frame.aux);
    free(frames->frame.t_value_ns);
    free(frames->frame.quality);
    faults_destroy(frames->faults);
    free(frames);
}

/* ---- a frame
 * ------------------------------------------------------------------------------------ */

static uint64_t quality_of(enum channel_fault fault)
{
    switch (fault) {
    case CHANNEL_GOOD:
        return QUALITY_GOOD;
    case CHANNEL_NOT_CONNECTED:
    case CHANNEL_NO_VALUE:
        return QUALITY_ABSENT;
    default:
        return QUALITY_INVALID;
    }
}

/* News of a PV, or nothing to wait for. */
static bool is_served(const struct source_pv *pv)
{
    return pv->view.updates > pv->used || pv->view.fault != CHANNEL_GOOD;
}

static bool read_all(struct bpm_frames *frames)
{
    bool complete = true;
    for (int i = 0; i < frames->n_pv; i++) {
        struct source_pv *pv = &frames->pv[i];
        channels_read(frames->channels, pv->handle, 0, pv->n, pv->raw, &pv->view);
        complete = complete && is_served(pv);
    }
    return complete;
}

/* Raw position in m, its time and quality. */
static double take_raw(struct bpm_frames *frames, uint64_t bpm, uint64_t row)
{
    const struct origin *origin = &frames->origin[row];
    struct bpm_frame *frame = &frames->frame;
    frame->quality[row] = QUALITY_ABSENT;
    frame->t_value_ns[row] = 0;
    if (origin->pv < 0) {
        return 0;
    }
    const struct source_pv *pv = &frames->pv[origin->pv];
    double raw = pv->raw[origin->element];
    frame->quality[row] = quality_of(pv->view.fault);
    frame->t_value_ns[row] = pv->view.t_sample_ns;
    if (frame->quality[row] == QUALITY_GOOD && !isfinite(raw)) {
        frame->quality[row] = QUALITY_INVALID;
    }
    if (frame->quality[row] == QUALITY_GOOD && pv->view.updates <= pv->used) {
        frame->quality[row] = QUALITY_STALE;
    }
    return isfinite(raw) ? raw * frames->devices->bpm[bpm].m_per_unit : 0;
}

static enum value_fault judge(const struct bpm_frames *frames, uint64_t x, uint64_t y)
{
    const struct origin *a = &frames->origin[x], *b = &frames->origin[y];
    uint64_t quality = frames->frame.quality[x] | frames->frame.quality[y];
    if (a->pv < 0 || b->pv < 0) {
        return VALUE_NO_PV;
    }
    if (!(quality & (QUALITY_ABSENT | QUALITY_INVALID))) {
        return VALUE_GOOD;
    }
    bool pv_good = frames->pv[a->pv].view.fault == CHANNEL_GOOD &&
                   frames->pv[b->pv].view.fault == CHANNEL_GOOD;
    return pv_good ? VALUE_NOT_FINITE : VALUE_BAD_PV;
}

static void fill_values(struct bpm_frames *frames)
{
    uint64_t n = frames->devices->n_bpm;
    pthread_mutex_lock(&frames->faults_lock);
    for (uint64_t i = 0; i < n; i++) {
        struct bpm_frame *frame = &frames->frame;
        frame->value[i] = take_raw(frames, i, i);
        frame->value[n + i] = take_raw(frames, i, n + i);
        frame->aux[i] = frame->aux[n + i] = NAN; /* there is no PV of it */
        enum value_fault fault = judge(frames, i, n + i);
        /* What is wrong with the whole PV is said once, by the channels. */
        faults_note(frames->faults, i, fault == VALUE_BAD_PV ? VALUE_GOOD : fault);
        bpm_position(frames->devices, i, frame->value, frame->quality);
    }
    pthread_mutex_unlock(&frames->faults_lock);
}

/* In the PV's unit; NaN: not known. */
static double read_input(struct bpm_frames *frames, int channel)
{
    struct channel_view view;
    double value = NAN;
    if (channel < 0) {
        return (double) NAN;
    }
    channels_read(frames->channels, channel, 0, 1, &value, &view);
    return view.fault == CHANNEL_GOOD ? value : (double) NAN;
}

/* Stored current in A; NaN: not known. */
static double read_current_a(struct bpm_frames *frames)
{
    struct channel_view view;
    double current_ma = NAN;
    if (frames->current < 0) {
        return NAN;
    }
    channels_read(frames->channels, frames->current, 0, 1, &current_ma, &view);
    return view.fault == CHANNEL_GOOD ? current_ma * 1e-3 : (double) NAN;
}

static const struct bpm_frame *make_frame(struct bpm_frames *frames)
{
    struct frame_head *head = &frames->frame.head;
    const struct source_pv *pace = &frames->pv[0];
    fill_values(frames);
    head->t_sample_ns = pace->view.t_sample_ns;
    head->t_received_ns = pace->view.t_received_ns;
    head->frame_seq = pace_count(&frames->counter, pace->view.t_sample_ns);
    head->scalar[SCALAR_CURRENT_A] = read_current_a(frames);
    head->scalar[SCALAR_SUM] = NAN;
    for (unsigned i = 0; i < FRAME_SCALARS - SCALAR_INPUT; i++) {
        head->scalar[SCALAR_INPUT + i] = read_input(frames, frames->input[i]);
    }
    for (int i = 0; i < frames->n_pv; i++) {
        frames->pv[i].used = frames->pv[i].view.updates;
    }
    return &frames->frame;
}

/* Half a period is as long as the other PVs may come behind the pace. */
static int64_t patience_ns(const struct bpm_frames *frames)
{
    double period_ns = frames->counter.period_ns;
    return period_ns > 0 ? (int64_t) (period_ns / 2) : 5 * NS_PER_S / 1000;
}

static void wait_for_rest(struct bpm_frames *frames)
{
    int64_t end_ns = clock_mono_ns() + patience_ns(frames);
    for (int i = 0; i < frames->n_pv; i++) {
        struct source_pv *pv = &frames->pv[i];
        int64_t left_ns = end_ns - clock_mono_ns();
        if (!is_served(pv) && left_ns > 0) {
            channels_wait(frames->channels, pv->handle, pv->used, left_ns);
        }
    }
    read_all(frames);
}

const struct bpm_frame *bpm_frames_wait(struct bpm_frames *frames, int64_t timeout_ns)
{
    const struct source_pv *pace = &frames->pv[0];
    if (!channels_wait(frames->channels, pace->handle, pace->used, timeout_ns)) {
        return NULL;
    }
    if (!read_all(frames)) {
        wait_for_rest(frames);
    }
    return make_frame(frames);
}

void bpm_frames_report(struct bpm_frames *frames, int64_t now_ns, FILE *stream)
{
    pthread_mutex_lock(&frames->faults_lock);
    faults_report(frames->faults, now_ns, stream);
    pthread_mutex_unlock(&frames->faults_lock);
}
