#include "bench/ring/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/lattice_json.h"
#include "model/plant/random.h"

/* No two power converters are alike. */
static const double pole_spread = 0.05;
/* Of a readback, relative to its DAC step. */
static const double readback_steps = 2;
static const double cut_sigma = 2.5;
static const double lifetime_s = 8 * 3600.0;

enum { STREAM_CORRECTOR = 201 };

uint32_t ring_bpms(const struct ring *ring)
{
    return (uint32_t) ring->devices.n_bpm;
}

uint32_t ring_correctors(const struct ring *ring)
{
    return (uint32_t) (ring->devices.n_h + ring->devices.n_v);
}

/* ---- files ---- */

static enum rc read_stream(FILE *file, const char *path, char **text, size_t *size)
{
    *text = malloc(LATTICE_JSON_MAX_BYTES);
    if (!*text)
        return err_set(RC_NOMEM, "no memory to read %s", path);
    *size = fread(*text, 1, LATTICE_JSON_MAX_BYTES, file);
    if (ferror(file))
        return err_sys("read %s", path);
    if (*size == LATTICE_JSON_MAX_BYTES)
        return err_set(RC_RANGE, "%s has %d bytes or more", path, LATTICE_JSON_MAX_BYTES);
    return RC_OK;
}

static enum rc read_lattice(struct ring *ring)
{
    const char *path = ring->cfg.ring_lattice;
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;
    enum rc rc;

    if (!file)
        return err_sys("open lattice %s", path);
    rc = read_stream(file, path, &text, &size);
    fclose(file);
    if (!rc)
        rc = lattice_json_parse(&ring->lattice, text, size, path);
    free(text);
    return rc;
}

static enum rc load_configuration(struct ring *ring, const char *config)
{
    struct cfg_faults *faults = calloc(1, sizeof *faults);
    enum rc rc;

    if (!faults)
        return err_set(RC_NOMEM, "no memory for the configuration");
    rc = cfg_load(&ring->cfg, config, faults);
    if (rc == RC_INPUT) {
        cfg_faults_print(stderr, faults);
        rc = err_set(RC_INPUT, "%zu faults in the configuration", faults->count);
    }
    free(faults);
    if (rc)
        return rc;
    cfg_state_dir(&ring->cfg, ring->state_dir, sizeof ring->state_dir);
    cfg_endpoints_path(&ring->cfg, ring->endpoints_path, sizeof ring->endpoints_path);
    return RC_OK;
}

static enum rc make_folder(const char *path)
{
    char part[CFG_PATH_SIZE];

    snprintf(part, sizeof part, "%s", path);
    for (char *at = strchr(part + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void) mkdir(part, 0755);
        *at = '/';
    }
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return err_sys("make folder %s", path);
    return RC_OK;
}

void ring_print_reference(const struct ring *ring, FILE *out)
{
    uint32_t n = ring_bpms(ring);

    fprintf(out, "# BPM x_m y_m: readings of the aligned beam, virtual ring, seed %lld\n",
            (long long) ring->cfg.virtual_seed);
    for (uint32_t i = 0; i < n; i++)
        fprintf(out, "%s %.10g %.10g\n", ring->devices.bpm[i].name, ring->reference_m[i],
                ring->reference_m[n + i]);
}

static enum rc close_written(FILE *file, const char *path)
{
    bool good = fflush(file) == 0 && fsync(fileno(file)) == 0;

    if (fclose(file) != 0 || !good)
        return err_sys("write %s", path);
    return RC_OK;
}

enum rc ring_write_reference(const struct ring *ring)
{
    char path[CFG_PATH_SIZE + 32], draft[CFG_PATH_SIZE + 64];
    FILE *file;
    enum rc rc = make_folder(ring->state_dir);

    if (rc)
        return rc;
    snprintf(path, sizeof path, "%s/reference.txt", ring->state_dir);
    snprintf(draft, sizeof draft, "%s.%d", path, (int) getpid());
    file = fopen(draft, "we");
    if (!file)
        return err_sys("open %s", draft);
    ring_print_reference(ring, file);
    rc = close_written(file, draft);
    if (!rc && rename(draft, path) != 0)
        rc = err_sys("rename %s to %s", draft, path);
    if (rc)
        unlink(draft);
    return rc;
}

/* ---- lattice and device table ---- */

/* Puts the lattice's devices into the table's order: from here on there is one order. */
static enum rc align(struct lattice_device *in_lattice, uint32_t *n_lattice, const char *kind,
                     const char *const *name, uint32_t n)
{
    struct lattice_device *aligned = calloc((size_t) n + 1, sizeof *aligned);
    enum rc rc = RC_OK;

    if (!aligned)
        return err_set(RC_NOMEM, "no memory for the device table");
    if (n > *n_lattice)
        rc = err_set(RC_INPUT, "device table has %u %ss, the lattice %u", n, kind, *n_lattice);
    for (uint32_t i = 0; !rc && i < n; i++) {
        int64_t found = lattice_find_device(in_lattice, *n_lattice, name[i]);

        if (found < 0)
            rc = err_set(RC_INPUT, "%s %s of the device table is not in the lattice", kind,
                         name[i]);
        else
            aligned[i] = in_lattice[found];
    }
    if (!rc) {
        memcpy(in_lattice, aligned, n * sizeof *aligned);
        *n_lattice = n;
    }
    free(aligned);
    return rc;
}

static enum rc align_all(struct ring *ring)
{
    const struct devices *d = &ring->devices;
    struct lattice *l = ring->lattice;
    uint32_t n_h = (uint32_t) d->n_h, n_v = (uint32_t) d->n_v, n_bpm = (uint32_t) d->n_bpm;
    const char **name = calloc((size_t) n_bpm + n_h + n_v + 1, sizeof *name);
    enum rc rc;

    if (!name)
        return err_set(RC_NOMEM, "no memory for the device table");
    for (uint32_t i = 0; i < n_bpm; i++)
        name[i] = d->bpm[i].name;
    for (uint32_t i = 0; i < n_h + n_v; i++)
        name[n_bpm + i] = d->corrector[i].name;
    rc = align(l->bpm, &l->n_bpm, "BPM", name, n_bpm);
    if (!rc)
        rc = align(l->hcorrector, &l->n_hcorrector, "H corrector", name + n_bpm, n_h);
    if (!rc)
        rc = align(l->vcorrector, &l->n_vcorrector, "V corrector", name + n_bpm + n_h, n_v);
    free(name);
    return rc;
}

/* ---- errors ---- */

static enum rc draw_bpms(struct ring *ring)
{
    const struct cfg *cfg = &ring->cfg;
    struct reading_errors errors = {.seed = (uint64_t) cfg->virtual_seed,
                                    .offset_m = cfg->virtual_bpm_offset_m,
                                    .gain = cfg->virtual_bpm_gain_error,
                                    .roll_rad = cfg->virtual_bpm_roll_rad,
                                    .noise_m = cfg->virtual_bpm_noise_m,
                                    .bba_m = cfg->virtual_bba_error_m};
    uint32_t n = ring_bpms(ring);

    ring->reference_m = calloc(2 * (size_t) n, sizeof *ring->reference_m);
    if (!ring->reference_m)
        return err_set(RC_NOMEM, "no memory for the reference orbit");
    readings_draw(&errors, n, ring->settings->bpm, ring->reference_m);
    return readings_create(&ring->readings, ring->settings->bpm, n, ring->reference_m);
}

static enum rc draw_correctors(struct ring *ring)
{
    uint32_t n = ring_correctors(ring);
    struct random random;

    ring->corrector = calloc(n, sizeof *ring->corrector);
    if (!ring->corrector)
        return err_set(RC_NOMEM, "no memory for correctors");
    random_seed(&random, ((uint64_t) ring->cfg.virtual_seed << 24) ^ STREAM_CORRECTOR);
    for (uint32_t i = 0; i < n; i++) {
        const struct corrector_device *device = &ring->devices.corrector[i];
        double spread = 1 + pole_spread * random_normal_cut(&random, cut_sigma);

        ring->settings->gain_error[i] =
            ring->cfg.virtual_corrector_gain_error * random_normal_cut(&random, cut_sigma);
        ring->corrector[i] =
            (struct plant_corrector_channel){.rad_per_a = device->rad_per_a,
                                             .polarity = 1,
                                             .limit_a = device->limit_a,
                                             .resolution_a = device->resolution_a,
                                             .rate_a_per_s = device->rate_a_per_s,
                                             .pole_hz = ring->cfg.actuator_pole_hz * spread};
    }
    return RC_OK;
}

static void first_settings(struct ring *ring)
{
    double *value = ring->settings->value;

    value[SETTING_BPM_NOISE_M] = ring->cfg.virtual_bpm_noise_m;
    value[SETTING_LINE_M] = ring->cfg.virtual_line_50hz_m;
    value[SETTING_DRIFT_M] = ring->cfg.virtual_drift_m;
    value[SETTING_LIFETIME_S] = lifetime_s;
    value[SETTING_POLE_SCALE] = value[SETTING_RATE_SCALE] = value[SETTING_STEP_SCALE] = 1;
    value[SETTING_READBACK_A] = readback_steps * ring->corrector[0].resolution_a;
}

static enum rc make_machine(struct ring *ring)
{
    struct machine_errors errors = {.seed = (uint64_t) ring->cfg.virtual_seed,
                                    .misalignment_m = ring->cfg.virtual_misalignment_m,
                                    .field_error = ring->cfg.virtual_field_error};
    enum rc rc = machine_create(&ring->machine, ring->lattice, &errors);

    if (!rc)
        rc = settings_create(&ring->settings, ring_bpms(ring), ring_correctors(ring));
    if (!rc)
        rc = draw_bpms(ring);
    if (!rc)
        rc = draw_correctors(ring);
    if (rc)
        return rc;
    first_settings(ring);
    rc = floor_find(ring->machine, ring->readings, &ring->floor, NULL);
    return rc ? err_add(rc, "virtual ring with seed %lld", (long long) ring->cfg.virtual_seed)
              : RC_OK;
}

enum rc ring_open(struct ring *ring, const char *config)
{
    enum rc rc;

    memset(ring, 0, sizeof *ring);
    rc = load_configuration(ring, config);
    if (!rc)
        rc = devices_load(&ring->devices, ring->cfg.ring_devices);
    if (!rc)
        rc = read_lattice(ring);
    if (!rc)
        rc = align_all(ring);
    if (!rc)
        rc = make_machine(ring);
    return rc;
}

void ring_close(struct ring *ring)
{
    free(ring->corrector);
    free(ring->reference_m);
    settings_destroy(ring->settings);
    readings_destroy(ring->readings);
    machine_destroy(ring->machine);
    lattice_destroy(ring->lattice);
    devices_free(&ring->devices);
}
