#include "config/reference.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file while it is read. */
struct orbit_file {
    FILE *stream;
    char *line;
    size_t line_size;
    bool *given; /* [n_bpm] */
};

static bool take_number(double *value, const char *text)
{
    char *end;

    *value = strtod(text, &end);
    return end != text && *end == '\0' && strspn(text, "+-.0123456789eE") == strlen(text);
}

static enum rc take_position(double *position_m, const char *bpm, const char *text)
{
    const double beyond_m = 0.1;

    if (!take_number(position_m, text))
        return err_set(RC_INPUT, "%s: a number in m is expected, not '%.40s'", bpm, text);
    if (!(fabs(*position_m) <= beyond_m))
        return err_set(RC_INPUT, "%s: %.40s m is beyond %g m", bpm, text, beyond_m);
    return RC_OK;
}

static enum rc take_bpm(double *reference_m, bool *given, const struct devices *devices,
                        char *const word[3])
{
    int index = devices_find_bpm(devices, word[0]);
    double x_m, y_m;
    enum rc rc;

    if (index < 0)
        return err_set(RC_INPUT, "there is no BPM '%.40s'", word[0]);
    if (given[index])
        return err_set(RC_INPUT, "%s is there twice", word[0]);
    rc = take_position(&x_m, word[0], word[1]);
    if (rc == RC_OK)
        rc = take_position(&y_m, word[0], word[2]);
    if (rc != RC_OK)
        return rc;
    given[index] = true;
    reference_m[index] = x_m;
    reference_m[devices->n_bpm + (uint64_t) index] = y_m;
    return RC_OK;
}

static enum rc take_line(double *reference_m, struct orbit_file *file,
                         const struct devices *devices)
{
    char *word[4], *rest = file->line;
    int n = 0;

    file->line[strcspn(file->line, "#")] = '\0';
    while (n < 4 && (word[n] = strtok_r(rest, " \t\r\n", &rest)) != NULL)
        n++;
    if (n == 0)
        return RC_OK;
    if (n != 3)
        return err_set(RC_INPUT, "'BPM x_m y_m' is expected");
    return take_bpm(reference_m, file->given, devices, word);
}

static enum rc take_lines(double *reference_m, struct orbit_file *file,
                          const struct devices *devices, const char *path)
{
    for (unsigned number = 1; getline(&file->line, &file->line_size, file->stream) >= 0;
         number++) {
        enum rc rc = take_line(reference_m, file, devices);

        if (rc != RC_OK)
            return err_add(rc, "%s:%u", path, number);
    }
    return ferror(file->stream) ? err_sys("reference orbit %s", path) : RC_OK;
}

enum rc reference_load(double *reference_m, const struct devices *devices, const char *path)
{
    struct orbit_file file = {.stream = fopen(path, "re")};
    enum rc rc;

    if (!file.stream)
        return err_sys("reference orbit %s", path);
    file.given = calloc(devices->n_bpm, sizeof *file.given);
    memset(reference_m, 0, 2 * devices->n_bpm * sizeof *reference_m);
    rc = file.given ? take_lines(reference_m, &file, devices, path)
                    : err_set(RC_NOMEM, "no memory to read %s", path);
    fclose(file.stream);
    free(file.line);
    free(file.given);
    return rc;
}
