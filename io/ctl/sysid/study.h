/* One measurement of an instance from plan to result, and how it compares with its model. */
#ifndef ORBIT_IO_CTL_SYSID_STUDY_H
#define ORBIT_IO_CTL_SYSID_STUDY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "io/ctl/session.h"
#include "io/ctl/sysid/measure.h"
#include "model/engine/engine.h"

enum study_waves {
    STUDY_CODE,  /* every corrector a row of a Hadamard code */
    STUDY_LINES, /* every corrector a line of its own */
    STUDY_SINE,  /* one corrector or one mode: a line, */
    STUDY_SWEEP, /* a sweep, */
    STUDY_PRBS   /* a random sequence */
};

struct study_request {
    enum study_waves waves;
    double amplitude_rad;
    double seconds;        /* how long it may take; 0: the least */
    uint64_t hold;         /* law steps per level; 0: as long as the machine needs to settle */
    const char *corrector; /* STUDY_SINE, SWEEP, PRBS: this one, or NULL: a mode */
    unsigned mode;         /* from 1 */
    bool vertical;         /* plane of the mode */
    double from_hz, to_hz; /* line, or sweep */
};

/* One direction: the orbit on the model's answer to it, at the end of each level. */
struct transfer_result {
    double in_phase, quadrature; /* 1 and 0 where the machine is as the model; prbs: 0 */
    double left;                 /* rms of what neither explains, of the model's answer */
};

struct study {
    struct session *session;
    struct study_request request;
    struct inputs inputs;
    struct result model;
    struct excite_plan plan;
    const char **name; /* [n_h + n_v] */
    struct measure measure;
    struct estimate estimate;
    struct likeness *likeness; /* [n_used] own plane only */
    struct step_fit step;      /* gain 0: not seen */
    struct transfer_result transfer;
    double level_s, settle_s;
    double rms_model,
        rms_error; /* of R in own planes, m/rad; error: standard, of the estimate */
};

/* Loads model and device table, makes the plan. RC_RANGE: what cannot be had. */
MUST_USE enum rc study_open(struct study *study, struct session *session, const struct ctl *ctl,
                            const struct study_request *request);

/* Plays it and evaluates. Also RC_STATE ... as measure_run. */
MUST_USE enum rc study_run(struct study *study, const atomic_bool *stop);
void study_close(struct study *study);

/* First and last row of the plane of a column. */
void study_rows(const struct study *study, uint64_t col, uint64_t *row0, uint64_t *n);

#endif
