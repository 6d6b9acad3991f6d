#include "io/modbus/board.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/gateway/faults.h"
#include "rt/base/clock.h"

/* A lost link is told by the link; here only what concerns one point. */
static const char *const words[READING_FAULT_COUNT] = {
    [READING_GOOD] = "good again",
    [READING_NO_LINK] = "not read yet",
    [READING_REFUSED] = "the device refuses to read it",
    [READING_SENTINEL] = "the device says that the value is bad",
    [READING_NOT_FINITE] = "NaN or infinite",
    [READING_RANGE] = "outside its limits",
    [READING_BITS] = "status bits say not valid",
};

struct board {
    const struct register_map *map;
    pthread_mutex_t lock;
    pthread_cond_t news;     /* of a finished pass */
    struct reading *reading; /* [n_point] */
    struct scan *scan;       /* [n_link]: finished last */
    struct faults *faults;
};

static enum rc add_faults(struct board *board)
{
    enum rc rc = faults_create(&board->faults, "orbit-fieldbus: ", words, READING_FAULT_COUNT);
    for (uint64_t i = 0; i < board->map->n_point && rc == RC_OK; i++) {
        size_t ignored;
        rc = faults_add(board->faults, board->map->point[i].name, &ignored);
    }
    return rc;
}

enum rc board_create(struct board **board, const struct register_map *map)
{
    struct board *made = calloc(1, sizeof *made);
    *board = made;
    if (!made) {
        return err_set(RC_NOMEM, "no memory for readings");
    }
    made->map = map;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->news, NULL);
    made->reading = calloc(map->n_point, sizeof *made->reading);
    made->scan = calloc(map->n_link, sizeof *made->scan);
    enum rc rc = made->reading && made->scan ? add_faults(made)
                                             : err_set(RC_NOMEM, "no memory for readings");
    if (rc) {
        board_destroy(made);
        *board = NULL;
        return rc;
    }
    for (uint64_t i = 0; i < map->n_point; i++) {
        made->reading[i].fault = READING_NO_LINK;
    }
    return RC_OK;
}

void board_destroy(struct board *board)
{
    if (!board) {
        return;
    }
    faults_destroy(board->faults);
    free(board->reading);
    free(board->scan);
    pthread_cond_destroy(&board->news);
    pthread_mutex_destroy(&board->lock);
    free(board);
}

void board_store(struct board *board, const uint64_t *point, const struct reading *reading,
                 size_t n)
{
    pthread_mutex_lock(&board->lock);
    for (size_t i = 0; i < n; i++) {
        board->reading[point[i]] = reading[i];
        faults_note(board->faults, point[i], (unsigned) reading[i].fault);
    }
    pthread_mutex_unlock(&board->lock);
}

void board_lose(struct board *board, uint64_t link)
{
    pthread_mutex_lock(&board->lock);
    for (uint64_t i = 0; i < board->map->n_point; i++) {
        if (board->map->point[i].link == link) {
            board->reading[i].fault = READING_NO_LINK;
            faults_note(board->faults, i, READING_GOOD);
        }
    }
    pthread_mutex_unlock(&board->lock);
}

void board_finish(struct board *board, uint64_t link, const struct scan *scan)
{
    pthread_mutex_lock(&board->lock);
    board->scan[link] = *scan;
    pthread_cond_broadcast(&board->news);
    pthread_mutex_unlock(&board->lock);
}

bool board_wait(struct board *board, uint64_t link, uint64_t after, int64_t timeout_ns,
                struct scan *scan)
{
    struct timespec until = clock_timespec(clock_mono_ns() + timeout_ns);
    int error = 0;
    pthread_mutex_lock(&board->lock);
    while (board->scan[link].number <= after && error == 0) {
        error = pthread_cond_clockwait(&board->news, &board->lock, CLOCK_MONOTONIC, &until);
    }
    *scan = board->scan[link];
    pthread_mutex_unlock(&board->lock);
    return scan->number > after;
}

void board_copy(struct board *board, struct reading *reading)
{
    pthread_mutex_lock(&board->lock);
    memcpy(reading, board->reading, board->map->n_point * sizeof *reading);
    pthread_mutex_unlock(&board->lock);
}

void board_report(struct board *board, int64_t now_ns, FILE *stream)
{
    pthread_mutex_lock(&board->lock);
    faults_report(board->faults, now_ns, stream);
    pthread_mutex_unlock(&board->lock);
}
