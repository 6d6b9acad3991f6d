/* orbitctl lattice show|check|convert: a lattice file by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/ring/request.h"
#include "model/import/import.h"
#include "model/lattice_json.h"
#include "model/optics.h"

struct file {
    const char *path;
    char *text;
    struct import_source source;
    struct import_report report;
    struct lattice *ring;
};

/* ---- reading ---- */

static enum rc read_text(struct file *file)
{
    FILE *in = fopen(file->path, "rbe");
    size_t most = (size_t) IMPORT_MAX_BYTES + 2;

    if (!in)
        return err_sys("cannot open %s", file->path);
    file->text = malloc(most);
    file->source.size = file->text ? fread(file->text, 1, most - 1, in) : 0;
    fclose(in);
    if (!file->text)
        return err_set(RC_NOMEM, "no memory for %s", file->path);
    if (file->source.size > IMPORT_MAX_BYTES)
        return err_set(RC_RANGE, "%s is larger than %d bytes", file->path, IMPORT_MAX_BYTES);
    return RC_OK;
}

static enum rc take_options(struct ctl *ctl, struct file *file)
{
    const char *from = NULL;
    enum rc rc = args_take_text(&ctl->args, "--from", &from);

    if (rc == RC_OK)
        rc = args_take_text(&ctl->args, "--use", &file->source.use);
    if (rc == RC_OK)
        rc = args_take_number(&ctl->args, "--energy", 1e-6, 1e6, &file->source.energy_gev);
    if (rc != RC_OK || !from)
        return rc;
    file->source.format = import_format_named(from);
    return file->source.format == IMPORT_UNKNOWN
               ? err_set(RC_INPUT, "--from is latticejson, at, madx or elegant, not %s", from)
               : RC_OK;
}

static enum rc load(struct file *file, const char *path)
{
    enum rc rc;

    file->path = file->source.name = path;
    rc = read_text(file);
    if (rc != RC_OK)
        return rc;
    file->source.text = file->text;
    if (file->source.format == IMPORT_UNKNOWN)
        file->source.format = import_format_of(path, file->text, file->source.size);
    return import_parse(&file->ring, &file->source, &file->report);
}

static void tell_report(const struct file *file)
{
    for (uint32_t i = 0; i < file->report.n_line; i++)
        fprintf(stderr, "%s: note: %s\n", file->path, file->report.line[i]);
    if (file->report.n_more)
        fprintf(stderr, "%s: note: and %u more\n", file->path, file->report.n_more);
}

static void unload(struct file *file)
{
    lattice_destroy(file->ring);
    import_report_free(&file->report);
    free(file->text);
}

/* ---- show and check ---- */

static const char *const kinds[] = {
    [ELEMENT_DRIFT] = "drifts",           [ELEMENT_MARKER] = "markers",
    [ELEMENT_MONITOR] = "monitors",       [ELEMENT_CORRECTOR] = "correctors",
    [ELEMENT_CAVITY] = "cavities",        [ELEMENT_DIPOLE] = "dipoles",
    [ELEMENT_QUADRUPOLE] = "quadrupoles", [ELEMENT_SEXTUPOLE] = "sextupoles",
    [ELEMENT_OCTUPOLE] = "octupoles",     [ELEMENT_MULTIPOLE] = "multipoles",
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static void print_text(const struct lattice *ring, const uint32_t count[N_KINDS])
{
    printf("%s\n", ring->title && ring->title[0] ? ring->title : "(no title)");
    printf("  %-14s %u\n", "elements", ring->n_element);
    for (int k = 0; k < N_KINDS; k++)
        if (count[k])
            printf("    %-12s %u\n", kinds[k], count[k]);
    printf("  %-14s %.9g m\n", "circumference", ring->circumference_m);
    printf("  %-14s %.9g GeV\n", "energy", ring->energy_gev);
    printf("  %-14s %.9g Hz, h = %u\n", "RF", ring->rf_frequency_hz, ring->harmonic_number);
    printf("  %-14s %u BPM, %u H, %u V\n", "devices", ring->n_bpm, ring->n_hcorrector,
           ring->n_vcorrector);
}

static void print_json(const struct lattice *ring, const uint32_t count[N_KINDS])
{
    printf("{\"elements\": %u, \"kinds\": {", ring->n_element);
    for (int k = 0; k < N_KINDS; k++)
        printf("%s\"%s\": %u", k ? ", " : "", kinds[k], count[k]);
    printf("}, \"circumference_m\": %.17g, \"energy_gev\": %.17g, \"rf_frequency_hz\": %.17g, "
           "\"harmonic_number\": %u, \"bpms\": %u, \"hcorrectors\": %u, \"vcorrectors\": %u}\n",
           ring->circumference_m, ring->energy_gev, ring->rf_frequency_hz,
           ring->harmonic_number, ring->n_bpm, ring->n_hcorrector, ring->n_vcorrector);
}

static enum rc show(const struct file *file, bool json)
{
    uint32_t count[N_KINDS] = {0};

    for (uint32_t i = 0; i < file->ring->n_element; i++)
        count[file->ring->element[i].kind]++;
    (json ? print_json : print_text)(file->ring, count);
    return RC_OK;
}

/* A file is good if the ring in it is one: stable motion, and an energy. */
static enum rc check(const struct file *file, bool json)
{
    struct optics *optics;
    enum rc rc = optics_create(&optics, file->ring->n_element);

    if (rc != RC_OK)
        return rc;
    rc = optics_compute(optics, file->ring, INTEGRATOR_EXACT);
    if (rc == RC_OK && !(file->ring->energy_gev > 0))
        rc = err_set(RC_INPUT, "no energy is given");
    if (rc == RC_OK)
        printf(json ? "{\"good\": true, \"elements\": %u, \"tune\": [%.9f, %.9f]}\n"
                    : "good: %u elements, tunes %.7f and %.7f\n",
               file->ring->n_element, optics->tune_x, optics->tune_y);
    optics_destroy(optics);
    return rc == RC_OK ? rc : err_add(rc, "%s", file->path);
}

/* ---- convert ---- */

static enum rc convert(const struct file *file, const char *to)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = NULL;
    enum rc rc = export_lattice_json(file->ring, &text, &size);

    if (rc == RC_OK)
        rc = output_open(&out, to);
    if (rc == RC_OK) {
        fwrite(text, 1, size, out);
        rc = output_close(out, to);
    }
    free(text);
    return rc;
}

/* ---- the command ---- */

static enum rc run(struct ctl *ctl, struct file *file, const char *verb)
{
    enum rc rc = load(file, ctl->args.item[1]);

    tell_report(file);
    if (rc != RC_OK)
        return rc;
    if (!strcmp(verb, "convert"))
        return convert(file, ctl->args.item[2]);
    return (!strcmp(verb, "show") ? show : check)(file, ctl->json);
}

int command_lattice(struct ctl *ctl)
{
    static const char *const verbs[] = {"show", "check", "convert"};
    struct file file = {.ring = NULL};
    const char *verb = ctl->args.count ? ctl->args.item[0] : "";
    int operands = strcmp(verb, "convert") ? 2 : 3;
    enum rc rc = take_options(ctl, &file);
    bool known = false;

    if (rc == RC_OK)
        rc = args_finish(&ctl->args, operands, operands);
    if (rc != RC_OK)
        return ctl_usage(ctl);
    verb = ctl->args.item[0];
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        known = known || !strcmp(verbs[i], verb);
    if (!known) {
        (void) !err_set(RC_INPUT, "lattice %s: show, check or convert is expected", verb);
        return ctl_usage(ctl);
    }
    rc = run(ctl, &file, verb);
    unload(&file);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
