/* orbitctl ff learn: feed-forward tables from a recording of a closed loop. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/ff_learn.h"
#include "io/ctl/session.h"
#include "io/stream/stream_reader.h"

enum { PATH_SIZE = CFG_PATH_SIZE + 300 };

struct lesson {
    const char *input, *table;
    double points, least;
    size_t index; /* of the input among feedforward.inputs */
    char path[PATH_SIZE];
};

static enum rc find_input(struct lesson *lesson, const struct ctl *ctl)
{
    static struct session session;
    enum rc rc = session_locate(&session, ctl);
    size_t i = 0;

    if (rc != RC_OK)
        return rc;
    while (i < session.cfg.feedforward_inputs.count &&
           strcmp(session.cfg.feedforward_inputs.name[i], lesson->input) != 0)
        i++;
    if (i == session.cfg.feedforward_inputs.count)
        rc = err_set(RC_INPUT, "%s is not one of feedforward.inputs", lesson->input);
    lesson->index = i;
    session_close(&session);
    return rc;
}

/* Position of a record that teaches; NaN: it does not. */
static double position_of(const struct lesson *lesson, const struct stream_reader *reader)
{
    const struct record_head *head = reader->record.head;

    if (head->state != STATE_CLOSED || !head->law_step)
        return (double) NAN;
    return head->pace_scalar[SCALAR_INPUT + lesson->index];
}

/* The range of the input, and n_col; RC_INPUT: no record teaches. */
static enum rc survey(const struct lesson *lesson, double *low, double *high, uint64_t *n_col)
{
    struct stream_reader reader;
    enum rc rc = stream_reader_open(&reader, lesson->path);
    int kind = 0;

    *low = (double) INFINITY;
    *high = -(double) INFINITY;
    if (rc != RC_OK)
        return rc;
    while ((kind = stream_reader_next(&reader)) > 0) {
        double at = kind == STREAM_RECORD ? position_of(lesson, &reader) : (double) NAN;

        if (!isfinite(at))
            continue;
        *low = fmin(*low, at);
        *high = fmax(*high, at);
        *n_col = dims_n_col(&reader.header.dims);
    }
    stream_reader_close(&reader);
    if (kind < 0)
        return err_add((enum rc) kind, "%s", lesson->path);
    return isfinite(*low) ? RC_OK
                          : err_set(RC_INPUT, "%s: no law step of a closed loop knows %s",
                                    lesson->path, lesson->input);
}

static enum rc study(const struct lesson *lesson, struct ff_learn *learn)
{
    struct stream_reader reader;
    enum rc rc = stream_reader_open(&reader, lesson->path);
    int kind = 0;

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && (kind = stream_reader_next(&reader)) > 0) {
        double at = kind == STREAM_RECORD ? position_of(lesson, &reader) : (double) NAN;

        if (!isfinite(at))
            continue;
        if (dims_n_col(&reader.header.dims) != learn->n_col)
            rc = err_set(RC_INPUT, "%s holds runs of different machines", lesson->path);
        else
            ff_learn_add(learn, at, reader.record.u_cmd);
    }
    if (rc == RC_OK && kind < 0)
        rc = err_add((enum rc) kind, "%s", lesson->path);
    if (rc == RC_OK)
        rc = ff_learn_solve(learn);
    if (rc == RC_OK)
        ff_learn_print(learn, stdout, lesson->table, lesson->input,
                       (const char(*)[ORBIT_NAME_SIZE]) reader.name + reader.header.dims.n_bpm,
                       lesson->least);
    stream_reader_close(&reader);
    return rc;
}

static int run(struct ctl *ctl, struct lesson *lesson)
{
    struct ff_learn learn = {0};
    double low, high;
    uint64_t n_col = 0;
    enum rc rc = find_input(lesson, ctl);

    if (rc == RC_OK)
        rc = survey(lesson, &low, &high, &n_col);
    if (rc == RC_OK)
        rc = ff_learn_create(&learn, (uint64_t) lesson->points, n_col, low, high);
    if (rc == RC_OK)
        rc = study(lesson, &learn);
    ff_learn_destroy(&learn);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}

int command_ff(struct ctl *ctl)
{
    static struct lesson lesson = {.points = 11.0, .least = 1e-8};

    if (args_take_text(&ctl->args, "--input", &lesson.input) != RC_OK ||
        args_take_text(&ctl->args, "--table", &lesson.table) != RC_OK ||
        args_take_number(&ctl->args, "--points", FF_LEARN_LEAST_POINTS, FF_LEARN_MOST_POINTS,
                         &lesson.points) != RC_OK ||
        args_take_number(&ctl->args, "--least", 0.0, 1.0, &lesson.least) != RC_OK ||
        args_finish(&ctl->args, 2, 2) != RC_OK)
        return ctl_usage(ctl);
    if (strcmp(ctl->args.item[0], "learn") != 0 || !lesson.input) {
        (void) !err_set(RC_INPUT, "learn, and --input INPUT?");
        return ctl_usage(ctl);
    }
    lesson.table = lesson.table ? lesson.table : lesson.input;
    ctl_find_recording(ctl, ctl->args.item[1], lesson.path, sizeof lesson.path);
    return run(ctl, &lesson);
}
