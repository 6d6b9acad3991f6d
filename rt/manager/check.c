#include "rt/manager/check.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 256 };

static void check_path(const struct cfg *cfg, char *path, size_t size)
{
    char folder[CFG_PATH_SIZE];

    cfg_state_dir(cfg, folder, sizeof folder);
    snprintf(path, size, "%s/check.txt", folder);
}

static bool take_head(struct check *check, const char *line)
{
    unsigned long long hash, revision;
    long long utc_s;

    if (sscanf(line, "orbitd-check-1 devices %llx revision %llu utc_s %lld", &hash, &revision,
               &utc_s) != 3)
        return false;
    check->device_hash = hash;
    check->revision = revision;
    check->utc_s = utc_s;
    return true;
}

static bool take_result(struct check *check, const struct devices *devices, const char *line)
{
    char name[DEVICE_NAME_SIZE];
    double gain, correlation;

    return sscanf(line, "%31s %lf %lf", name, &gain, &correlation) == 3 &&
           check_put(check, devices, name, gain, correlation) == RC_OK;
}

static bool read_all(struct check *check, const struct devices *devices, FILE *file)
{
    char line[LINE];

    if (!fgets(line, sizeof line, file) || !take_head(check, line))
        return false;
    if (check->device_hash != devices_hash(devices))
        return true;
    while (fgets(line, sizeof line, file))
        if (!take_result(check, devices, line))
            return false;
    return true;
}

void check_load(struct check *check, const struct cfg *cfg, const struct devices *devices,
                char *note, size_t note_size)
{
    char path[CFG_PATH_SIZE + 16];
    FILE *file;

    memset(check, 0, sizeof *check);
    note[0] = '\0';
    check_path(cfg, path, sizeof path);
    file = fopen(path, "re");
    if (!file)
        return;
    if (!read_all(check, devices, file))
        snprintf(note, note_size,
                 "%s is not one of check results: correctors count as unchecked", path);
    else if (check->device_hash != devices_hash(devices))
        snprintf(note, note_size,
                 "the device table has changed since correctors were checked: "
                 "they count as unchecked");
    fclose(file);
    if (note[0])
        memset(check, 0, sizeof *check);
}

static enum rc write_all(const struct check *check, const struct devices *devices, FILE *file)
{
    fprintf(file, "orbitd-check-1 devices %llx revision %llu utc_s %lld\n",
            (unsigned long long) check->device_hash, (unsigned long long) check->revision,
            (long long) check->utc_s);
    for (uint64_t col = 0; col < devices->n_h + devices->n_v; col++)
        if (check->result[col].measured)
            fprintf(file, "%s %.6f %.6f\n", devices->corrector[col].name,
                    check->result[col].gain, check->result[col].correlation);
    if (fflush(file) != 0 || fsync(fileno(file)) != 0 || ferror(file))
        return err_sys("cannot write the check of correctors");
    return RC_OK;
}

enum rc check_save(const struct check *check, const struct cfg *cfg,
                   const struct devices *devices)
{
    char path[CFG_PATH_SIZE + 16], fresh[CFG_PATH_SIZE + 32], folder[CFG_PATH_SIZE];
    FILE *file;
    enum rc rc;

    cfg_state_dir(cfg, folder, sizeof folder);
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return err_sys("cannot make %s", folder);
    check_path(cfg, path, sizeof path);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    file = fopen(fresh, "we");
    if (!file)
        return err_sys("cannot write %s", fresh);
    rc = write_all(check, devices, file);
    fclose(file);
    if (rc == RC_OK && rename(fresh, path) != 0)
        rc = err_sys("cannot rename %s", fresh);
    return rc;
}

enum rc check_put(struct check *check, const struct devices *devices, const char *name,
                  double gain, double correlation)
{
    int col = devices_find_corrector(devices, name);

    if (col < 0)
        return err_set(RC_INPUT, "there is no corrector '%.40s'", name);
    if (!isfinite(gain) || !isfinite(correlation))
        return err_set(RC_INPUT, "%s: gain and correlation must be numbers", name);
    check->result[col] =
        (struct check_result){.measured = true, .gain = gain, .correlation = correlation};
    return RC_OK;
}

bool check_is_good(const struct check_result *result, const struct cfg *cfg)
{
    return result->measured && result->correlation >= cfg->check_correlation &&
           result->gain >= cfg->check_gain_low && result->gain <= cfg->check_gain_high;
}

static bool is_disabled(const struct cfg *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->ring_disabled_correctors.count; i++)
        if (strcmp(cfg->ring_disabled_correctors.name[i], name) == 0)
            return true;
    return false;
}

uint64_t check_first_bad(const struct check *check, const struct cfg *cfg,
                         const struct devices *devices)
{
    if (!cfg->check_required)
        return UINT64_MAX;
    for (uint64_t col = 0; col < devices->n_h + devices->n_v; col++)
        if (!check_is_good(&check->result[col], cfg) &&
            !is_disabled(cfg, devices->corrector[col].name))
            return col;
    return UINT64_MAX;
}
