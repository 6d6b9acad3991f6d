#include "model/engine/external.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/shm/layout.h"

struct reader {
    const char *path;
    struct external_matrix *matrix;
    unsigned line;
    size_t capacity;
};

static enum rc fault(const struct reader *reader, const char *reason)
{
    return err_set(RC_INPUT, "%s:%u: %s", reader->path, reader->line, reason);
}

static enum rc append(struct reader *reader, double value)
{
    size_t n = (size_t) reader->matrix->n_row * reader->matrix->n_col;
    double *grown = reader->matrix->value;

    if (n >= (size_t) ORBIT_MAX_ROW * ORBIT_MAX_COL)
        return fault(reader, "the matrix is too large");
    if (n == reader->capacity) {
        reader->capacity = reader->capacity ? 2 * reader->capacity : 4096;
        grown = realloc(grown, reader->capacity * sizeof *grown);
        if (!grown)
            return err_set(RC_NOMEM, "no memory for %s", reader->path);
        reader->matrix->value = grown;
    }
    grown[n] = value;
    return RC_OK;
}

static const char *skip_space(const char *at)
{
    while (*at && isspace((unsigned char) *at))
        at++;
    return at;
}

/* The cells behind each other: n_row counts cells, n_col is 1, until the line is complete. */
static enum rc take_line(struct reader *reader, const char *text, uint32_t *n_cell)
{
    char reason[80];
    char *end;
    enum rc rc;

    for (*n_cell = 0;; (*n_cell)++) {
        double value = strtod(text, &end);

        snprintf(reason, sizeof reason, "cell %u is not a finite number", *n_cell + 1);
        if (end == text || !isfinite(value))
            return fault(reader, reason);
        rc = append(reader, value);
        if (rc != RC_OK)
            return rc;
        reader->matrix->n_row++;
        text = skip_space(end);
        if (*text == '\0')
            break;
        if (*text != ',')
            return fault(reader, reason);
        text = skip_space(text + 1);
    }
    (*n_cell)++;
    return RC_OK;
}

static bool begins_like_names(const char *text)
{
    char *end;

    (void) strtod(text, &end);
    return end == text;
}

static enum rc take_lines(struct reader *reader, FILE *file, uint32_t *width)
{
    char *line = NULL;
    size_t size = 0;
    uint32_t n_cell;
    enum rc rc = RC_OK;

    reader->matrix->n_col = 1;
    while (rc == RC_OK && getline(&line, &size, file) >= 0) {
        const char *text = skip_space(line);

        reader->line++;
        if (*text == '\0' || *text == '#' || (*width == 0 && begins_like_names(text)))
            continue;
        rc = take_line(reader, text, &n_cell);
        if (rc == RC_OK && *width && n_cell != *width)
            rc = fault(reader, "has another number of cells than the lines before");
        *width = n_cell;
    }
    free(line);
    return rc;
}

/* A BPM or a corrector that answers nothing is a fault of the measurement. */
static enum rc refuse_zeros(const struct external_matrix *matrix, const char *path)
{
    for (uint32_t j = 0; j < matrix->n_col; j++) {
        double sum = 0.0;

        for (uint32_t i = 0; i < matrix->n_row; i++)
            sum += fabs(matrix->value[(size_t) i * matrix->n_col + j]);
        if (!(sum > 0))
            return err_set(RC_INPUT, "%s: column %u is all zeros: that corrector moved nothing",
                           path, j + 1);
    }
    for (uint32_t i = 0; i < matrix->n_row; i++) {
        double sum = 0.0;

        for (uint32_t j = 0; j < matrix->n_col; j++)
            sum += fabs(matrix->value[(size_t) i * matrix->n_col + j]);
        if (!(sum > 0))
            return err_set(RC_INPUT, "%s: row %u is all zeros: that BPM saw nothing", path,
                           i + 1);
    }
    return RC_OK;
}

enum rc external_matrix_load(struct external_matrix *matrix, const char *path)
{
    struct reader reader = {.path = path, .matrix = matrix};
    FILE *file = fopen(path, "re");
    uint32_t width = 0;
    enum rc rc;

    memset(matrix, 0, sizeof *matrix);
    if (!file)
        return err_sys("cannot read %s", path);
    rc = take_lines(&reader, file, &width);
    fclose(file);
    if (rc == RC_OK && width == 0)
        rc = err_set(RC_INPUT, "%s: there are no numbers in it", path);
    if (rc == RC_OK) {
        matrix->n_row /= width;
        matrix->n_col = width;
        rc = refuse_zeros(matrix, path);
    }
    if (rc != RC_OK)
        external_matrix_free(matrix);
    return rc;
}

void external_matrix_free(struct external_matrix *matrix)
{
    free(matrix->value);
    memset(matrix, 0, sizeof *matrix);
}

enum rc external_matrix_to_rad(struct external_matrix *matrix, const struct devices *devices,
                               bool plane_h, const char *path)
{
    uint64_t n_col = plane_h ? devices->n_h : devices->n_v;
    const struct corrector_device *first = devices->corrector + (plane_h ? 0 : devices->n_h);

    if (matrix->n_col != n_col)
        return err_set(RC_INPUT, "%s: %u columns, but there are %llu %s correctors", path,
                       matrix->n_col, (unsigned long long) n_col, plane_h ? "H" : "V");
    for (uint32_t i = 0; i < matrix->n_row; i++)
        for (uint32_t j = 0; j < matrix->n_col; j++)
            matrix->value[(size_t) i * matrix->n_col + j] *= 1e-3 / first[j].rad_per_a;
    return RC_OK;
}
