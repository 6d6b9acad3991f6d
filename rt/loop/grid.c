#include "rt/loop/grid.h"

void grid_begin(struct grid *grid, enum timer_mode mode, int64_t period_ns, int64_t now_ns)
{
    *grid = (struct grid){
        .mode = mode, .period_ns = period_ns, .t0_ns = now_ns, .index = 1, .start_ns = now_ns};
}

static RT_SAFE struct start take_point(struct grid *grid, int64_t now_ns, uint64_t skipped)
{
    struct start start = {.now_ns = now_ns, .skipped = skipped};

    start.index = grid->index + skipped;
    start.point_ns = grid->t0_ns + (int64_t) start.index * grid->period_ns;
    grid->index = start.index + 1;
    grid->start_ns = now_ns;
    return start;
}

int64_t grid_due_ns(const struct grid *grid)
{
    if (grid->mode == TIMER_EXTERNAL)
        return INT64_MAX;
    return grid->t0_ns + (int64_t) grid->index * grid->period_ns;
}

static RT_SAFE struct start await_point(struct grid *grid, const struct hal *hal)
{
    int64_t deadline_ns = grid->t0_ns + (int64_t) grid->index * grid->period_ns;
    int64_t now_ns = hal->wait_ns(hal->self, deadline_ns);
    int64_t late_ns = now_ns - deadline_ns;
    uint64_t skipped = late_ns > 0 ? (uint64_t) (late_ns / grid->period_ns) : 0;
    struct start start = take_point(grid, now_ns, skipped);

    start.late_ns = late_ns;
    return start;
}

/* The stamp of reception is the gateway's word: believed between the two starts only. */
static RT_SAFE int64_t since_reception(const struct grid *grid, int64_t now_ns,
                                       int64_t received_ns)
{
    if (received_ns > now_ns)
        return 0;
    return now_ns - (received_ns > grid->start_ns ? received_ns : grid->start_ns);
}

static RT_SAFE struct start await_data(struct grid *grid, const struct hal *hal)
{
    int64_t last_ns = grid->start_ns, period_ns = grid->period_ns, received_ns;
    int64_t until_ns = last_ns + period_ns * 3 / 2;
    int64_t now_ns =
        hal->await_frame_ns(hal->self, last_ns + period_ns * 3 / 5, until_ns, &received_ns);
    int64_t periods = (now_ns - last_ns) / period_ns;
    uint64_t skipped = periods > 1 ? (uint64_t) periods - 1 : 0;
    int64_t late_ns = received_ns == INT64_MIN ? now_ns - until_ns
                                               : since_reception(grid, now_ns, received_ns);
    struct start start;

    if (received_ns == INT64_MIN)
        grid->mode = TIMER_FALLBACK;
    grid->frames = 0;
    grid->t0_ns = now_ns - (int64_t) (grid->index + skipped) * period_ns;
    start = take_point(grid, now_ns, skipped);
    start.late_ns = skipped ? now_ns - last_ns - period_ns : late_ns;
    return start;
}

struct start grid_await(struct grid *grid, const struct hal *hal, bool new_frame)
{
    grid->frames = new_frame ? grid->frames + 1 : 0;
    if (grid->mode == TIMER_FALLBACK && grid->frames >= RETURN_FRAMES)
        grid->mode = TIMER_EXTERNAL;
    return grid->mode == TIMER_EXTERNAL ? await_data(grid, hal) : await_point(grid, hal);
}
