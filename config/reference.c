#include "config/reference.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum rc take_line(double *reference_m, bool *given, const struct devices *devices,
                         char *line)
{
    const double beyond_m = 0.1;
    char name[64], rest[8];
    double x_m, y_m;
    int index, n;

    line[strcspn(line, "#\n")] = '\0';
    n = sscanf(line, "%63s %lf %lf %7s", name, &x_m, &y_m, rest);
    if (n <= 0)
        return RC_OK;
    if (n != 3)
        return err_set(RC_INPUT, "'BPM x_m y_m' is expected");
    index = devices_find_bpm(devices, name);
    if (index < 0)
        return err_set(RC_INPUT, "there is no BPM %s", name);
    if (given[index])
        return err_set(RC_INPUT, "%s is there twice", name);
    if (!(fabs(x_m) <= beyond_m) || !(fabs(y_m) <= beyond_m))
        return err_set(RC_INPUT, "%s: %g, %g m is beyond %g m", name, x_m, y_m, beyond_m);
    given[index] = true;
    reference_m[index] = x_m;
    reference_m[devices->n_bpm + (uint64_t) index] = y_m;
    return RC_OK;
}

enum rc reference_load(double *reference_m, const struct devices *devices, const char *path)
{
    FILE *file = fopen(path, "re");
    bool *given = calloc(devices->n_bpm, sizeof *given);
    char line[512];
    enum rc rc = RC_OK;

    if (!file || !given)
        rc = err_sys("reference orbit %s", path);
    else
        memset(reference_m, 0, 2 * devices->n_bpm * sizeof *reference_m);
    for (unsigned number = 1; rc == RC_OK && fgets(line, sizeof line, file); number++) {
        rc = take_line(reference_m, given, devices, line);
        if (rc != RC_OK)
            rc = err_add(rc, "%s:%u", path, number);
    }
    if (file)
        fclose(file);
    free(given);
    return rc;
}
