/* The whole shared-memory and socket ABI of orbitd. orbit-shm(7) is the same for readers.
 *
 * orbitd creates every segment at start as a sealed memfd and hands it out over the instance's
 * socket. All fields are 8 bytes wide; all offsets follow from `struct orbit_dims`; a reader
 * checks magic, layout hash, size and dimensions before it believes anything. Segments by who
 * writes:
 *
 *   SEG_STATUS    loop and manager    struct status_block: counters, histograms, state
 *   SEG_TEXT      manager             slot ring of struct text_block: WHY, verdict
 *   SEG_SNAPSHOT  loop, every cycle   slot ring of struct snapshot_head + vectors (vectors.def)
 *   SEG_RECORD    loop, every cycle   slot ring of struct record_head + what replay needs
 *   SEG_SETPOINT  loop, per law step  slot ring of struct setpoint_head + values
 *   SEG_EVENT     loop                slot ring of struct event_record: what changed, and when
 *   SEG_CHECKPOINT loop, each second  slot ring of struct checkpoint_head + the loop's state
 *   SEG_SET       manager             slot ring of struct set_head + the parameters in use
 *   SEG_INPUT     one gateway         four-slot frame exchange (frame.h), one segment per
 * source
 *
 * Times are CLOCK_MONOTONIC nanoseconds unless the name says utc. Quantities are SI: m, rad,
 * Hz, A, s.
 */
#ifndef ORBIT_RT_SHM_LAYOUT_H
#define ORBIT_RT_SHM_LAYOUT_H

#include <stdint.h>

#include "rt/base/four_slot.h"
#include "rt/base/hist.h"
#include "rt/base/timer_mode.h"

#define ORBIT_SEG_MAGIC 0x31304d4853425230ULL
#define ORBIT_MSG_MAGIC 0x3130475342524f30ULL
#define ORBIT_SET_MAGIC 0x3130544553424f30ULL

enum {
    ORBIT_ABI_VERSION =
        14, /* counts every change of this file that tests/unit/rt/shm/layout.golden shows */
    ORBIT_MAX_BPM = 1024,
    ORBIT_MAX_COL = 1024, /* H + V + RF */
    ORBIT_MAX_ROW = 2 * ORBIT_MAX_BPM,
    ORBIT_MAX_SOURCE = 8,
    ORBIT_MAX_BLOCK = 4,
    ORBIT_WORST_CYCLES = 16,
    ORBIT_NAME_SIZE = 32,
    ORBIT_TEXT_SIZE = 2048
};

enum segment_kind {
    SEG_STATUS,
    SEG_TEXT,
    SEG_SNAPSHOT,
    SEG_RECORD,
    SEG_SETPOINT,
    SEG_EVENT,
    SEG_CHECKPOINT,
    SEG_SET,
    SEG_INPUT,
    SEG_KIND_COUNT
};

/* Sizes of the machine; n_row = 2 n_bpm, n_col = n_h + n_v + n_rf. */
struct orbit_dims {
    uint64_t n_bpm, n_h, n_v, n_rf;
};

/* First bytes of every segment; constant after creation. */
struct segment_head {
    uint64_t magic; /* ORBIT_SEG_MAGIC */
    uint64_t layout_hash;
    uint64_t kind; /* enum segment_kind */
    uint64_t size_b;
    uint64_t run_id; /* of this run of orbitd: UTC nanoseconds at its start */
    uint64_t device_hash;
    struct orbit_dims dims;
    uint64_t source_id; /* SEG_INPUT: index of the source, else 0 */
    char name[ORBIT_NAME_SIZE];
    uint64_t reserved[1];
};

/* ---- quality, states, conditions ---- */

/* Bits of a value's quality; 0 is good. */
enum quality {
    QUALITY_GOOD = 0,
    QUALITY_ABSENT = 1 << 0,        /* never delivered, or its PV is not connected */
    QUALITY_STALE = 1 << 1,         /* older than its limit */
    QUALITY_INVALID = 1 << 2,       /* NaN, infinite, wrong type or length, alarm INVALID */
    QUALITY_RANGE = 1 << 3,         /* saturated, or beyond what the device can deliver */
    QUALITY_LOW_SUM = 1 << 4,       /* BPM: sum signal below its limit */
    QUALITY_DISABLED = 1 << 5,      /* by configuration */
    QUALITY_MASKED = 1 << 6,        /* BPM: taken out by the loop, value replaced */
    QUALITY_FOREIGN = 1 << 7,       /* actuator: set point changed by another master */
    QUALITY_TRACKING = 1 << 8,      /* actuator: readback does not follow the set point */
    QUALITY_SATURATED = 1 << 9,     /* actuator: at its absolute limit */
    QUALITY_DISCONNECTED = 1 << 10, /* its source's connection is closed */
    QUALITY_MISFIT = 1 << 11,       /* BPM: contradicts the others (innovation) */
    QUALITY_GAIN =
        1 << 12 /* BPM: its gain has changed in this frame, or lately (bpm.gain_blank) */
};

enum loop_state {
    STATE_OFF,
    STATE_SHADOW,
    STATE_ARMED,
    STATE_CLOSED,
    STATE_HOLD,
    STATE_TRIPPED,
    STATE_PROBE, /* correctors are excited for a measurement; the law stands still */
    STATE_COUNT
};

/* In these the loop's set points are written; in TRIPPED only while the arming is still there:
 * correctors go back as trip.slow and trip.fast say. */
static inline int state_drives(uint64_t state, uint64_t arm_id)
{
    return state == STATE_CLOSED || state == STATE_PROBE ||
           (state == STATE_TRIPPED && arm_id != 0);
}

/* Of the innovation. */
enum baseline_state { BASELINE_NONE, BASELINE_COLLECTING, BASELINE_TAKEN };

/* What must hold for CLOSED; a set bit in `unmet` is a condition that does not. conditions.def
 * has the words. */
enum condition {
    COND_PARAMETERS, /* a parameter set is accepted */
    COND_PACE,       /* the pace source delivers fresh frames */
    COND_BPMS,       /* not more invalid BPMs than can be masked */
    COND_BEAM,       /* stored beam: two of current, median sum, valid BPMs */
    COND_ACTUATORS,  /* actuator frames fresh, every enabled corrector valid */
    COND_ECHO,       /* the gateway echoes what it wrote in time */
    COND_ARM_ACK,    /* the gateway acknowledged the present arm_id */
    COND_MASTER,     /* no set point was changed by somebody else */
    COND_READBACK,   /* readbacks follow the set points */
    COND_SATURATION, /* not more correctors at their limits than allowed */
    COND_TIMING,     /* fewer consecutive late events than allowed */
    COND_ORBIT,      /* orbit error within the trip limit */
    COND_INHIBIT,    /* injection does not inhibit the law longer than allowed */
    COND_CHECK,      /* every enabled corrector's polarity and gain were checked */
    COND_COUNT
};

/* ---- status ---- */

enum phase {
    PHASE_WAKE,
    PHASE_INGEST,
    PHASE_PREDICT,
    PHASE_CORRECT,
    PHASE_PUBLISH,
    PHASE_CYCLE,
    PHASE_COUNT
};

enum counter {
    COUNTER_CYCLES,         /* cycles run */
    COUNTER_LATE,           /* late events: a stall counts once, whatever it skipped */
    COUNTER_SKIPPED,        /* grid points skipped */
    COUNTER_FRAMES,         /* new pace frames seen */
    COUNTER_FRAMES_LOST,    /* gaps in the pace's frame_seq */
    COUNTER_FRAMES_BAD,     /* frames refused: hostile or inconsistent head */
    COUNTER_LAW_STEPS,      /* law steps made */
    COUNTER_LAW_DT_SKIPPED, /* law steps left out because their dt was outside 0.5 to 2 of
                               nominal */
    COUNTER_SETPOINTS,      /* set-point blocks published */
    COUNTER_HOLDS,          /* transitions to HOLD */
    COUNTER_TRIPS,          /* transitions to TRIPPED */
    COUNTER_SETS_ACCEPTED,  /* parameter sets taken by the loop */
    COUNTER_SETS_REJECTED,  /* parameter sets refused by the manager */
    COUNTER_COMMANDS,       /* commands answered */
    COUNTER_EVENTS_LOST,    /* events overwritten before the manager could tell them */
    COUNTER_COUNT
};

/* Per source, since the start. A gateway's source has the first two and SOURCE_CONTENT; the
 * others are for streams that the loop itself receives. */
enum source_counter {
    SOURCE_FRAMES,     /* frames delivered to the loop, or ready for it */
    SOURCE_LOST,       /* missing in the frames' numbers or the datagrams' counters */
    SOURCE_CONTENT,    /* frames, datagrams or records that contradict themselves */
    SOURCE_DATAGRAMS,  /* datagrams received */
    SOURCE_SIZE,       /* ... of a size that the format has not */
    SOURCE_UNKNOWN,    /* ... or records, of a sender or an id that is not configured */
    SOURCE_DUPLICATE,  /* ... that were there already */
    SOURCE_LATE,       /* ... older than others before them */
    SOURCE_RESTARTS,   /* jumps of a counter */
    SOURCE_INCOMPLETE, /* frames without a BPM that had been there lately */
    SOURCE_DROPPED,    /* datagrams that the kernel had no room for */
    SOURCE_COUNTER_COUNT
};

enum verdict { VERDICT_REAL_TIME, VERDICT_DEGRADED };

/* A cycle that took long, by wake-up lateness plus compute time. Written as a block of a slot
 * ring is, and read as one (slow_cycle.h). */
struct slow_cycle {
    uint64_t before, after; /* count the writes to the list; 0: never written */
    uint64_t cycle;         /* 0: empty since the last reset */
    int64_t t_utc_ns;
    uint64_t skipped; /* grid points that its late start cost */
    uint64_t phase_ns[PHASE_COUNT];
    uint64_t reserved;
};

/* Live numbers. Each field is written by one thread with relaxed 8-byte stores and read the
 * same way; fields are not mutually consistent (a snapshot is). */
struct status_block {
    struct segment_head head;
    uint64_t heartbeat_cycle; /* cycle id of the newest cycle; 0 before the first */
    int64_t heartbeat_ns;     /* when it was published */
    uint64_t state;           /* enum loop_state */
    uint64_t unmet;           /* bit per enum condition */
    uint64_t cause;           /* bit per enum condition: what ended CLOSED last */
    uint64_t offender;        /* its first offender (row or column), or UINT64_MAX */
    uint64_t unmet_offender;  /* first offender of what is unmet now, or UINT64_MAX */
    uint64_t arm_id;
    uint64_t revision; /* of the parameter set in use */
    uint64_t verdict;  /* enum verdict */
    uint64_t period_ns;
    uint64_t loop_core; /* or UINT64_MAX if not pinned */
    uint64_t loop_priority;
    uint64_t timer;              /* enum timer_mode: in use now */
    uint64_t timing_reset_cycle; /* histograms and list begin behind it; 0: with the run */
    uint64_t source_generation[ORBIT_MAX_SOURCE]; /* 0: nobody is connected */
    uint64_t counter[COUNTER_COUNT];
    uint64_t source_counter[ORBIT_MAX_SOURCE][SOURCE_COUNTER_COUNT];
    uint64_t excite_level;  /* of the excitation that is played, from 1; 0: none */
    uint64_t excite_levels; /* that it has */
    uint64_t reserved[6];
    struct hist phase[PHASE_COUNT];
    struct slow_cycle worst[ORBIT_WORST_CYCLES]; /* in no order */
};

/* ---- slot rings (slot_ring.h) ---- */

/* Follows segment_head in SEG_TEXT, SEG_SNAPSHOT, SEG_RECORD and SEG_SETPOINT. Slot k of number
 * n (n = 1, 2, ...) starts at offset_b + (n & (n_slot - 1)) * stride_b: `before`, `after`,
 * payload. */
struct slot_ring_head {
    uint64_t n_slot; /* power of two */
    uint64_t stride_b;
    uint64_t offset_b;  /* of slot 0 from the segment's start, multiple of 64 */
    uint64_t payload_b; /* multiple of 8, <= stride_b - 16 */
    uint64_t newest;    /* number of the newest complete slot, 0: none yet */
    uint64_t reserved[3];
};

/* Aligned, because every payload is copied in words. */
struct text_block {
    _Alignas(8) char why[ORBIT_TEXT_SIZE]; /* conditions unmet, causes, remedies; a line each */
    char verdict[ORBIT_TEXT_SIZE];         /* what the host granted, and what is missing */
    char model[ORBIT_TEXT_SIZE];           /* last parameter set: accepted or why not */
    char owner[ORBIT_TEXT_SIZE];           /* who owns the loop, and how long */
};

/* Vectors follow, in the order of vectors.def, each at snapshot_offset_b(). */
struct snapshot_head {
    uint64_t cycle; /* (UTC seconds at start) * 10^6 + grid index */
    uint64_t run_id;
    int64_t t_mono_ns, t_utc_ns; /* of the cycle's grid point */
    uint64_t state, unmet, cause, offender;
    uint64_t arm_id, revision;
    uint64_t frame_seq;   /* of the pace frame used */
    int64_t frame_age_ns; /* its age at this cycle */
    uint64_t new_frame;   /* 1: this cycle brought a new pace frame */
    uint64_t law_steps;   /* made so far in this run */
    uint64_t n_invalid;   /* BPM channels not usable (disabled ones not counted) */
    uint64_t n_saturated; /* correctors at a limit */
    double rms_x_m, rms_y_m, max_x_m, max_y_m;   /* of ERROR, valid BPMs */
    double pred_err_x_m, pred_err_y_m;           /* rms of prediction minus what arrived */
    double full_h_rad, full_v_rad;               /* rms of FULL */
    double uncorrectable_x_m, uncorrectable_y_m; /* rms of PRED_FULL minus reference */
    double current_a, median_sum;
    double wake_late_ns, compute_ns; /* this cycle's lateness, previous cycle's compute time */
    uint64_t law_flags;              /* bits, enum law_flag */
    double
        gain_per_step; /* of the law on slow errors: ki, or 1 - b of internal model control */
    double gain_per_s; /* the same times the law's rate; 0: the rate is not known yet */
    double delta;      /* relative momentum error, from the dispersion in ERROR */
    double rf_suggest_hz;        /* change of the RF that would remove it */
    double beam_x_m, beam_y_m;   /* rms of DIST: innovation that the beam can make */
    double left_x_m, left_y_m;   /* rms of the innovation that it cannot, usable BPMs */
    double chi2_x, chi2_y;       /* of that, per degree of freedom */
    double noise_x_m, noise_y_m; /* sigma of a BPM, as the innovation shows it */
    uint64_t baseline;           /* enum baseline_state */
    uint64_t n_misfit;           /* BPM channels masked because they contradict the others */
    double correctable_x_m, correctable_y_m; /* rms of R FULL */
    double outside_h_rad, outside_v_rad;     /* rms of kicks outside the controlled space */
    double virt_x_m, virt_y_m;               /* virtual loop: rms of its orbit error */
    double virt_h_rad, virt_v_rad;           /* ... of its kicks */
    double virt_use;                         /* ... its largest kick over its limit */
    uint64_t virt_saturated, virt_steps;     /* ... correctors at a limit; steps; 0: it rests */
    double score_slope_h, score_slope_v;     /* what others apply against STEP */
    double score_cosine_h, score_cosine_v;
    double reserved[4];
};

/* What the law is doing beside stepping. */
enum law_flag {
    LAW_FLAG_INHIBITED = 1 << 0, /* injection: the law stands still */
    LAW_FLAG_CAPTURING = 1 << 1, /* closed from a large orbit that is not small yet */
    LAW_FLAG_RAMPING = 1 << 2,   /* the gain rises after closing */
    LAW_FLAG_SLEWING = 1 << 3,   /* a new reference is being approached */
    LAW_FLAG_RF = 1 << 4,        /* the loop moves the RF */
    LAW_FLAG_RF_HOLD = 1 << 5    /* ... but stands at the edge of its window */
};

/* Words of a frame; the first group for actuator sources (the echo), the second for BPM
 * sources. */
enum frame_word {
    WORD_ACK_ARM_ID = 0,    /* arm_id acknowledged in this connection */
    WORD_LAST_CYCLE = 1,    /* cycle of the last set-point block written */
    WORD_LAST_WRITE_NS = 2, /* when */
    WORD_OUTSTANDING = 3,   /* puts not yet confirmed */
    WORD_WRITES = 4,        /* values written so far */
    WORD_REFUSED = 5,       /* blocks not written: lease, arm_id or state */
    WORD_INHIBIT = 0        /* BPM: 1 while injection is inhibiting the law */
};
enum { FRAME_WORDS = 8, FRAME_SCALARS = 8 };
/* From SCALAR_INPUT on: feedforward.inputs in their order, in the unit of their source; NaN:
 * not known.
 */
enum frame_scalar { SCALAR_CURRENT_A = 0, SCALAR_SUM = 1, SCALAR_INPUT = 2 };

/* Then: y [n_row] float64 as it was delivered, before masking; row quality [n_row] uint64;
 * u_cmd, u_found, u_readback [n_col] float64; col quality [n_col] uint64. */
struct record_head {
    uint64_t cycle, run_id;
    int64_t t_mono_ns, t_utc_ns;
    uint64_t skipped;               /* grid points skipped just before this cycle */
    uint64_t state, unmet, command; /* command: last request seen, counted */
    uint64_t revision, arm_id;
    uint64_t frame_seq, new_frame, law_step;
    int64_t frame_t_sample_ns;
    double wake_late_ns, current_a;
    uint64_t excite_level;    /* of the excitation in u_cmd, from 1; 0: none */
    int64_t now_ns;           /* at which the cycle started */
    uint64_t timer;           /* enum timer_mode in use */
    uint64_t pace_generation; /* of the pace's connection; 0: no frame of it was read */
    uint64_t echo_generation; /* the same of the actuator source */
    uint64_t echo_seq, new_echo;
    int64_t echo_t_sample_ns;
    int64_t pace_word[FRAME_WORDS];
    int64_t echo_word[FRAME_WORDS];
    double pace_scalar[FRAME_SCALARS];
};

/* Then: everything that the loop keeps from this cycle to the next, state_b bytes, in the
 * private order of this build of orbitd (rt/loop/checkpoint.h). */
struct checkpoint_head {
    uint64_t cycle, run_id;
    int64_t t_mono_ns;
    uint64_t revision, serial, set_hash; /* of the parameters in use (struct set_head) */
    uint64_t state_b;
    uint64_t state_hash; /* of the sizes that make the private order */
    uint64_t
        whole; /* 0: the delay is longer than the past that is kept, or an excitation plays */
    uint64_t period_ns, timer;
    uint64_t command; /* as in that cycle's record */
};

/* Then: struct param_head, matrices, tuning and its arrays, size_b bytes
 * (rt/loop/set_image.h). */
struct set_head {
    uint64_t size_b, set_hash; /* FNV-1a of what follows */
    uint64_t revision;         /* as records tell it; one content may get several */
    uint64_t serial;
    uint64_t kernel, storage; /* enum matvec_variant, enum matvec_storage */
    uint64_t reserved[2];
};

/* Then: value [n_col] float64, absolute, rad and Hz; NaN: not the loop's, never written. A
 * gateway writes it only if the state drives (state_drives), it acknowledged this arm_id in its
 * present connection, and the time is before valid_until_ns. */
struct setpoint_head {
    uint64_t run_id, arm_id, cycle;
    int64_t valid_until_ns;
    uint64_t state;
    uint64_t active; /* 1: to be written; 0: the loop gave up the lease */
    uint64_t life;   /* counts every block */
    uint64_t reserved;
};

/* What an event tells in arg[]; what is not named is 0 (offenders: UINT64_MAX). */
enum event_kind {
    EVENT_START,        /* period_ns, enum timer_mode */
    EVENT_STOP,         /* of the loop */
    EVENT_STATE,        /* from, to; to HOLD or TRIPPED: cause (conditions), first offender */
    EVENT_LATE,         /* points skipped, ns behind the first of them */
    EVENT_SOURCE_LOST,  /* source, generation of its last frame or 0: disconnected, its age */
    EVENT_SOURCE_BACK,  /* source, generation */
    EVENT_PARAMETERS,   /* revision before, now */
    EVENT_CLOCK_STEP,   /* ns (signed) by which UTC was stepped */
    EVENT_TIMER,        /* enum timer_mode before, now */
    EVENT_TIMING_RESET, /* histograms and list of worst cycles are empty */
    EVENT_LIMIT,        /* 1: a corrector is at its limit, 0: it is used again; -, -, column */
    EVENT_KIND_COUNT
};

struct event_record {
    uint64_t cycle; /* in which it was seen */
    int64_t t_mono_ns, t_utc_ns;
    uint64_t kind; /* enum event_kind */
    uint64_t arg[4];
};

/* ---- input frames (frame.h) ---- */

/* SEG_INPUT: segment_head, struct four_slot (control), then four slots of frame_size_b(), each
 * a frame_head and value, aux [n_value] float64, t_value_ns [n_value] int64, quality [n_value]
 * uint64. BPM source: n_value = n_row, value = position in m, aux = sum signal (1 = nominal,
 * NaN = not measured). Actuator source: n_value = n_col, value = readback, aux = set point
 * found, both rad or Hz. */
struct frame_head {
    uint64_t source_id;
    uint64_t generation; /* from the WELCOME of the connection that wrote it */
    uint64_t frame_seq;  /* 1, 2, ...: counts frames sampled, so that a gap is a loss */
    int64_t t_sample_ns, t_received_ns;
    uint64_t n_value;
    int64_t word[FRAME_WORDS];
    double scalar[FRAME_SCALARS];
};

/* ---- parameter sets ---- */

/* Rows and columns of one independent part of the correction. */
struct param_block {
    uint64_t row0, n_row, col0, n_col;
};

/* The matrices of a set (sections.def). */
enum param_section_id {
#define SECTION(id, rows, cols, need, help) PARAM_##id,
#include "rt/shm/sections.def"
#undef SECTION
    PARAM_SECTION_COUNT
};

/* One matrix: where it starts, from the head's first byte. rows = 0: the set does not carry it.
 */
struct param_section {
    uint64_t id, rows, cols, offset_b;
};

/* A sealed memfd sent with MSG_PARAMETERS. The matrices follow without gaps, in the order of
 * their ids. */
struct param_head {
    uint64_t magic; /* ORBIT_SET_MAGIC */
    uint64_t layout_hash;
    uint64_t size_b;
    uint64_t device_hash;
    struct orbit_dims dims;
    uint64_t model_revision; /* counted by the sender */
    uint64_t content_hash;   /* FNV-1a of everything behind this head */
    uint64_t n_block;
    struct param_block block[ORBIT_MAX_BLOCK];
    double tune_x, tune_y, alpha_c, rf_hz;
    double condition[ORBIT_MAX_BLOCK];
    char origin[ORBIT_NAME_SIZE];                      /* lattice's name */
    struct param_section section[PARAM_SECTION_COUNT]; /* section[id].id = id */
    double basis_left[2]; /* x, y: largest share of one kick's orbit outside BASIS_X, BASIS_Y */
    uint64_t reserved[2];
};

/* ---- socket ---- */

enum msg_type {
    MSG_HELLO,     /* client: text = name, arg[0] = enum client_role, device_hash */
    MSG_WELCOME,   /* server: descriptors SEG_STATUS ... SEG_EVENT, and SEG_INPUT for a source
                    */
    MSG_COMMAND,   /* client: text = command line */
    MSG_REPLY,     /* server: code = enum rc, text */
    MSG_PARAMETERS /* client (model): one descriptor; answered by MSG_REPLY */
};

enum client_role { ROLE_OBSERVER, ROLE_SOURCE, ROLE_MODEL };

/* One SEQPACKET message, always of this size. */
struct orbit_msg {
    uint64_t magic; /* ORBIT_MSG_MAGIC */
    uint64_t layout_hash;
    uint64_t type;
    int64_t code;
    uint64_t run_id;
    uint64_t source_id, generation;
    uint64_t device_hash;
    struct orbit_dims dims;
    uint64_t arg[4];
    char text[ORBIT_TEXT_SIZE];
};

/* ---- derived ---- */

enum snapshot_vector {
#define VECTOR(id, shape, unit, help) VEC_##id,
#include "rt/shm/vectors.def"
#undef VECTOR
    VEC_COUNT
};

enum vector_shape { SHAPE_ROW, SHAPE_COL };

static inline uint64_t dims_n_row(const struct orbit_dims *dims)
{
    return 2 * dims->n_bpm;
}

static inline uint64_t dims_n_col(const struct orbit_dims *dims)
{
    return dims->n_h + dims->n_v + dims->n_rf;
}

/* Hash of the ABI version, every name, size and offset above, and the counts of the
 * enumerations; differs => incompatible. */
uint64_t layout_hash(void);

/* What the hash is made of and the golden test prints: "struct.field" with offset and size,
 * then constants with size 0 and their value. */
struct layout_item {
    const char *name;
    uint64_t value; /* offset in bytes, or the constant */
    uint64_t size_b;
};
const struct layout_item *layout_items(uint64_t *n_item);

/* Shape of a vector; its number of elements; its offset in a snapshot's payload; a payload's
 * size. */
enum vector_shape vector_shape(enum snapshot_vector vector);
const char *vector_name(enum snapshot_vector vector);
uint64_t vector_length(const struct orbit_dims *dims, enum snapshot_vector vector);
uint64_t snapshot_offset_b(const struct orbit_dims *dims, enum snapshot_vector vector);
uint64_t snapshot_size_b(const struct orbit_dims *dims);
uint64_t record_size_b(const struct orbit_dims *dims);
uint64_t setpoint_size_b(const struct orbit_dims *dims);
uint64_t frame_size_b(uint64_t n_value); /* head and four arrays, one of the four slots */

/* Largest shape of a matrix; whether a shape is one it may have; its name. */
void section_most(const struct orbit_dims *dims, enum param_section_id id, uint64_t *rows,
                  uint64_t *cols);
int section_fits(const struct orbit_dims *dims, enum param_section_id id, uint64_t rows,
                 uint64_t cols);
const char *section_name(enum param_section_id id);

/* True if there is at least one BPM and one actuator and all is within the limits above. */
int dims_valid(const struct orbit_dims *dims);

#endif
