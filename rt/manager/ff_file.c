#include "rt/manager/ff_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 4 };
static const double most_kick_rad = 0.1, most_orbit_m = 0.1, most_hz = 1e6;

/* A file while it is read. */
struct ff_file {
    struct ff_tables *tables;
    double *value;
    const struct cfg *cfg;
    const struct devices *devices;
    uint64_t n_col, width;
};

static bool read_number(const char *text, double *value)
{
    char *end;

    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

static struct ff_table *present_table(const struct ff_file *file)
{
    return file->tables->n_table ? &file->tables->table[file->tables->n_table - 1] : NULL;
}

static enum rc begin_table(struct ff_file *file, char *const word[], unsigned n)
{
    const struct cfg *cfg = file->cfg;
    struct ff_table *table = &file->tables->table[file->tables->n_table];
    size_t input = 0;

    if (n != 3)
        return err_set(RC_INPUT, "'table NAME INPUT' is expected");
    if (file->tables->n_table == FF_MAX_TABLE)
        return err_set(RC_INPUT, "more than %d tables", FF_MAX_TABLE);
    if (present_table(file) && present_table(file)->n_point == 0)
        return err_set(RC_INPUT, "the table before has no points");
    while (input < cfg->feedforward_inputs.count &&
           strcmp(cfg->feedforward_inputs.name[input], word[2]) != 0)
        input++;
    if (input == cfg->feedforward_inputs.count)
        return err_set(RC_INPUT, "%s is not one of feedforward.inputs", word[2]);
    *table = (struct ff_table){.input = input};
    file->tables->n_table++;
    return RC_OK;
}

static enum rc begin_point(struct ff_file *file, const char *text)
{
    struct ff_table *table = present_table(file);
    double at;

    if (!table)
        return err_set(RC_INPUT, "a point before the first table");
    if (table->n_point == FF_MAX_POINT)
        return err_set(RC_INPUT, "more than %d points", FF_MAX_POINT);
    if (!read_number(text, &at))
        return err_set(RC_INPUT, "a position is expected, not '%.40s'", text);
    if (table->n_point > 0 && !(at > table->at[table->n_point - 1]))
        return err_set(RC_INPUT, "positions must ascend: %g follows %g", at,
                       table->at[table->n_point - 1]);
    table->at[table->n_point++] = at;
    return RC_OK;
}

static enum rc put_value(struct ff_file *file, uint64_t element, const char *text, double most)
{
    struct ff_table *table = present_table(file);
    uint64_t point = (file->tables->n_table - 1) * FF_MAX_POINT + table->n_point - 1;
    double value;

    if (!read_number(text, &value) || fabs(value) > most)
        return err_set(RC_INPUT, "a number within %g is expected, not '%.40s'", most, text);
    file->value[point * file->width + element] = value;
    table->has_kicks |= element < file->n_col;
    table->has_orbit |= element >= file->n_col;
    return RC_OK;
}

static enum rc take_bpm(struct ff_file *file, char *const word[])
{
    int bpm = devices_find_bpm(file->devices, word[0]);
    bool is_x = strcmp(word[1], "x") == 0;

    if (bpm < 0)
        return err_set(RC_INPUT, "there is no BPM %.40s", word[0]);
    if (!is_x && strcmp(word[1], "y") != 0)
        return err_set(RC_INPUT, "x or y is expected, not '%.40s'", word[1]);
    return put_value(file, file->n_col + (uint64_t) bpm + (is_x ? 0 : file->devices->n_bpm),
                     word[2], most_orbit_m);
}

static enum rc take_corrector(struct ff_file *file, char *const word[])
{
    int corrector = devices_find_corrector(file->devices, word[0]);

    if (file->devices->n_rf && strcmp(word[0], "RF") == 0)
        return put_value(file, file->n_col - 1, word[1], most_hz);
    if (corrector < 0)
        return err_set(RC_INPUT, "there is no corrector %.40s", word[0]);
    return put_value(file, (uint64_t) corrector, word[1], most_kick_rad);
}

static enum rc take_line(struct ff_file *file, char *line)
{
    char *word[MOST_WORDS + 1], *rest = line;
    unsigned n = 0;

    line[strcspn(line, "#")] = '\0';
    while (n <= MOST_WORDS && (word[n] = strtok_r(rest, " \t\r\n", &rest)) != NULL)
        n++;
    if (n == 0)
        return RC_OK;
    if (strcmp(word[0], "table") == 0)
        return begin_table(file, word, n);
    if (strcmp(word[0], "at") == 0 && n == 2)
        return begin_point(file, word[1]);
    if (!present_table(file) || present_table(file)->n_point == 0)
        return err_set(RC_INPUT, "a value before the first point of a table");
    if (n == 3)
        return take_bpm(file, word);
    return n == 2
               ? take_corrector(file, word)
               : err_set(RC_INPUT, "'CORRECTOR KICK_RAD' or 'BPM x|y POSITION_M' is expected");
}

static enum rc take_lines(struct ff_file *file, FILE *in, const char *path)
{
    size_t size = 0;
    char *line = NULL;
    enum rc rc = RC_OK;

    for (unsigned number = 1; rc == RC_OK && getline(&line, &size, in) >= 0; number++) {
        rc = take_line(file, line);
        if (rc != RC_OK)
            rc = err_add(rc, "%s:%u", path, number);
    }
    if (rc == RC_OK && present_table(file) && present_table(file)->n_point == 0)
        rc = err_set(RC_INPUT, "%s: the last table has no points", path);
    free(line);
    return rc;
}

enum rc ff_load(struct ff_tables *tables, double *value, const struct cfg *cfg,
                const struct devices *devices, const char *path)
{
    uint64_t n_col = devices->n_h + devices->n_v + devices->n_rf;
    struct ff_file file = {.tables = tables,
                           .value = value,
                           .cfg = cfg,
                           .devices = devices,
                           .n_col = n_col,
                           .width = n_col + 2 * devices->n_bpm};
    FILE *in = fopen(path, "r");
    enum rc rc;

    if (!in)
        return err_sys("feedforward.tables %s", path);
    memset(tables, 0, sizeof *tables);
    memset(value, 0, FF_MAX_TABLE * FF_MAX_POINT * file.width * sizeof *value);
    rc = take_lines(&file, in, path);
    fclose(in);
    return rc;
}
