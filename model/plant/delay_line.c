#include "model/plant/delay_line.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct delay_line {
    uint32_t n, depth;
    uint32_t newest, count; /* slot of the newest value; how many slots hold one */
    double *t_s;            /* [depth] */
    double *value;          /* [depth][n] */
};

enum rc delay_line_create(struct delay_line **line, uint32_t n, uint32_t depth)
{
    struct delay_line *made;

    if (!n || depth < 2)
        return err_set(RC_RANGE, "a delay line of %u channels and %u values", n, depth);
    made = calloc(1, sizeof *made);
    if (made) {
        made->n = n;
        made->depth = depth;
        made->t_s = calloc(depth, sizeof *made->t_s);
        made->value = calloc((size_t) depth * n, sizeof *made->value);
    }
    if (!made || !made->t_s || !made->value) {
        delay_line_destroy(made);
        return err_set(RC_NOMEM, "no memory for a delay line of %u x %u", n, depth);
    }
    made->count = 1;
    *line = made;
    return RC_OK;
}

void delay_line_destroy(struct delay_line *line)
{
    if (!line)
        return;
    free(line->t_s);
    free(line->value);
    free(line);
}

static double *slot(const struct delay_line *line, uint32_t i)
{
    return line->value + (size_t) i * line->n;
}

/* back = 0 is the newest. */
static uint32_t index_back(const struct delay_line *line, uint32_t back)
{
    return (line->newest + line->depth - back) % line->depth;
}

void delay_line_reset(struct delay_line *line, const double *value)
{
    line->newest = 0;
    line->count = 1;
    line->t_s[0] = -HUGE_VAL;
    memcpy(slot(line, 0), value, line->n * sizeof *value);
}

void delay_line_push(struct delay_line *line, double t_s, const double *value)
{
    line->newest = (line->newest + 1) % line->depth;
    line->count += line->count < line->depth;
    line->t_s[line->newest] = t_s;
    memcpy(slot(line, line->newest), value, line->n * sizeof *value);
}

const double *delay_line_at(const struct delay_line *line, double t_s)
{
    uint32_t back = 0;

    while (back + 1 < line->count && line->t_s[index_back(line, back)] > t_s)
        back++;
    return slot(line, index_back(line, back));
}

double delay_line_next_s(const struct delay_line *line, double t_s)
{
    double next = HUGE_VAL;

    for (uint32_t back = 0; back < line->count; back++) {
        double t = line->t_s[index_back(line, back)];

        if (t <= t_s)
            break;
        next = t;
    }
    return next;
}
