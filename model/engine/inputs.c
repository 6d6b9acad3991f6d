#include "model/engine/inputs.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/lattice_json.h"

/* ---- files ------------------------------------------------------------------------- */

static enum rc read_file(FILE *file, const char *path, char **text, size_t *size)
{
    long end;

    if (fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0 ||
        fseek(file, 0, SEEK_SET) != 0)
        return err_sys("cannot read %s", path);
    if (end > LATTICE_JSON_MAX_BYTES)
        return err_set(RC_INPUT, "%s: %ld bytes are more than %d", path, end,
                       LATTICE_JSON_MAX_BYTES);
    *size = (size_t) end;
    *text = malloc(*size + 1);
    if (!*text)
        return err_set(RC_NOMEM, "no memory for %s", path);
    if (fread(*text, 1, *size, file) != *size)
        return err_sys("cannot read %s", path);
    return RC_OK;
}

static enum rc load_text(const char *path, char **text, size_t *size)
{
    FILE *file = fopen(path, "re");
    enum rc rc;

    *text = NULL;
    if (!file)
        return err_sys("cannot open %s", path);
    rc = read_file(file, path, text, size);
    fclose(file);
    return rc;
}

enum rc lattice_load(struct lattice **lattice, const char *path)
{
    char *text;
    size_t size = 0;
    enum rc rc = load_text(path, &text, &size);

    *lattice = NULL;
    if (rc == RC_OK)
        rc = lattice_json_parse(lattice, text, size, path);
    free(text);
    return rc;
}

enum rc magnets_load(struct magnets **magnets, const char *path, const char *reference)
{
    char *text;
    size_t size = 0;
    enum rc rc = load_text(path, &text, &size);

    *magnets = NULL;
    if (rc == RC_OK)
        rc = magnets_read(magnets, text, size, path, reference);
    free(text);
    return rc;
}

/* ---- matching ------------------------------------------------------------------------ */

/* Names that one fault tells together: a wrong lattice would else give hundreds of faults. */
struct missing {
    size_t n, used;
    char names[140]; /* what fits into a fault beside the rest */
};

static void add_missing(struct missing *missing, const char *name)
{
    size_t room = sizeof missing->names - missing->used;

    missing->n++;
    if (strlen(name) + 20 < room)
        missing->used += (size_t) snprintf(missing->names + missing->used, room, "%s%s",
                                           missing->used ? ", " : "", name);
    else if (room > 4 && !strstr(missing->names, "..."))
        missing->used += (size_t) snprintf(missing->names + missing->used, room, ", ...");
}

static void tell_missing(const struct inputs *in, const struct missing *missing,
                         const char *kind, struct cfg_faults *faults)
{
    if (missing->n)
        cfg_fault(faults, in->cfg.ring_devices, 0, 0, "%zu %s not in the lattice: %s",
                  missing->n, kind, missing->names);
}

static void match_bpms(struct inputs *in, struct cfg_faults *faults)
{
    struct missing missing = {.n = 0};

    for (uint64_t i = 0; i < in->devices.n_bpm; i++) {
        const char *name = in->devices.bpm[i].name;
        int64_t at = lattice_find_device(in->lattice->bpm, in->lattice->n_bpm, name);

        if (at < 0)
            add_missing(&missing, name);
        else
            in->bpm[i] = (uint32_t) at;
    }
    tell_missing(in, &missing, "BPM(s)", faults);
}

/* Elements of corrector i: false if the lattice does not have it. */
static bool match_corrector(struct inputs *in, uint64_t i, struct cfg_faults *faults)
{
    const struct corrector_device *device = &in->devices.corrector[i];
    bool is_h = device->plane == PLANE_H;
    const struct lattice_device *list =
        is_h ? in->lattice->hcorrector : in->lattice->vcorrector;
    uint32_t n = is_h ? in->lattice->n_hcorrector : in->lattice->n_vcorrector;
    int64_t at = lattice_find_device(list, n, device->name);
    const char *element;

    if (at < 0)
        return false;
    element = in->lattice->element[list[at].element].name;
    if (device->element[0] && strcmp(device->element, element) != 0)
        cfg_fault(faults, in->cfg.ring_devices, 0, 0, "%s: on element %s here, on %s in %s",
                  device->name, device->element, element, in->cfg.ring_lattice);
    in->column[i] = (uint32_t) at + (is_h ? 0 : in->lattice->n_hcorrector);
    return true;
}

static void match_correctors(struct inputs *in, struct cfg_faults *faults)
{
    struct missing missing[2] = {{.n = 0}, {.n = 0}};

    for (uint64_t i = 0; i < in->devices.n_h + in->devices.n_v; i++)
        if (!match_corrector(in, i, faults))
            add_missing(&missing[in->devices.corrector[i].plane],
                        in->devices.corrector[i].name);
    tell_missing(in, &missing[PLANE_H], "horizontal corrector(s)", faults);
    tell_missing(in, &missing[PLANE_V], "vertical corrector(s)", faults);
}

/* A conversion belongs to one beam energy: another one is an error, never a rescaling. */
static void match_machine(struct inputs *in, struct cfg_faults *faults)
{
    double device_gev = in->devices.energy_gev, lattice_gev = in->lattice->energy_gev;

    if (device_gev > 0 && lattice_gev > 0 && fabs(device_gev / lattice_gev - 1) > 1e-6)
        cfg_fault(faults, in->cfg.ring_devices, 0, 0,
                  "energy_gev: conversions are for %.6g GeV, %s is for %.6g GeV", device_gev,
                  in->cfg.ring_lattice, lattice_gev);
    if (in->devices.n_rf && in->lattice->rf_frequency_hz <= 0)
        cfg_fault(faults, in->cfg.ring_devices, 0, 0, "%s: %s has no cavity",
                  in->devices.rf.name, in->cfg.ring_lattice);
}

static void check_disabled(const struct inputs *in, const char *path, struct cfg_faults *faults)
{
    for (size_t i = 0; i < in->cfg.ring_disabled_bpms.count; i++)
        if (devices_find_bpm(&in->devices, in->cfg.ring_disabled_bpms.name[i]) < 0)
            cfg_fault(faults, path, 0, 0, "ring.disabled_bpms: there is no BPM %s",
                      in->cfg.ring_disabled_bpms.name[i]);
    for (size_t i = 0; i < in->cfg.ring_disabled_correctors.count; i++)
        if (devices_find_corrector(&in->devices, in->cfg.ring_disabled_correctors.name[i]) < 0)
            cfg_fault(faults, path, 0, 0, "ring.disabled_correctors: there is no corrector %s",
                      in->cfg.ring_disabled_correctors.name[i]);
}

static enum rc match(struct inputs *in, struct cfg_faults *faults)
{
    uint64_t n_kick = in->devices.n_h + in->devices.n_v;

    in->bpm = calloc(in->devices.n_bpm + 1, sizeof *in->bpm);
    in->column = calloc(n_kick + in->devices.n_rf + 1, sizeof *in->column);
    if (!in->bpm || !in->column)
        return err_set(RC_NOMEM, "no memory for %" PRIu64 " devices", n_kick);
    match_machine(in, faults);
    match_bpms(in, faults);
    match_correctors(in, faults);
    if (in->devices.n_rf)
        in->column[n_kick] = lattice_columns(in->lattice) - 1;
    return RC_OK;
}

/* ---- whole --------------------------------------------------------------------------- */

/* The message of a failed read names its file already: cfg_fault would put one more in front.
 */
static bool keep_fault(enum rc rc, struct cfg_faults *faults)
{
    if (rc != RC_OK && faults->count++ < CFG_MAX_FAULTS)
        snprintf(faults->text[faults->count - 1], CFG_FAULT_SIZE, "%s", err_text());
    return rc == RC_OK;
}

enum rc inputs_load_machine(struct inputs *in, const char *config_path,
                            struct cfg_faults *faults)
{
    size_t before = faults->count;
    bool has_devices, has_lattice;

    in->lattice = NULL;
    in->bpm = in->column = NULL;
    memset(&in->devices, 0, sizeof in->devices);
    has_devices = devices_load_faults(&in->devices, in->cfg.ring_devices, faults) == RC_OK;
    has_lattice =
        keep_fault(lattice_load(&in->lattice, in->cfg.ring_lattice), faults) && in->lattice;
    if (has_devices)
        check_disabled(in, config_path, faults);
    if (has_devices && has_lattice)
        (void) keep_fault(match(in, faults), faults);
    if (faults->count == before)
        return RC_OK;
    inputs_free(in);
    return err_set(RC_INPUT, "%zu fault(s)", faults->count - before);
}

enum rc inputs_load(struct inputs *in, const char *config_path, struct cfg_faults *faults)
{
    enum rc rc;

    memset(in, 0, sizeof *in);
    rc = cfg_load(&in->cfg, config_path, faults);
    if (rc != RC_OK)
        return rc;
    return inputs_load_machine(in, config_path, faults);
}

void inputs_free(struct inputs *in)
{
    free(in->bpm);
    free(in->column);
    in->bpm = in->column = NULL;
    lattice_destroy(in->lattice);
    in->lattice = NULL;
    devices_free(&in->devices);
}
