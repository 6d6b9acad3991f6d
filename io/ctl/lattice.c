/* orbitctl lattice show|check|convert: a lattice file by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ctl.h"
#include "io/ctl/ring/beam.h"
#include "io/ctl/ring/lattice_file.h"
#include "io/ctl/ring/request.h"

struct file {
    const char *path;
    struct lattice_file in;
    struct lattice *ring;
};

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

/* A file is good if the ring in it is one: a closed orbit, and stable motion about it. */
static enum rc check(const struct file *file, bool json)
{
    struct beam beam;
    enum rc rc = beam_compute(&beam, file->ring, INTEGRATOR_EXACT, RING_4D);

    if (rc == RC_OK)
        printf(json ? "{\"good\": true, \"elements\": %u, \"tune\": [%.9f, %.9f]}\n"
                    : "good: %u elements, tunes %.7f and %.7f\n",
               file->ring->n_element, beam.tune[0], beam.tune[1]);
    beam_free(&beam);
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
    enum rc rc;

    file->path = ctl->args.item[1];
    rc = lattice_file_read(&file->in, file->path, &file->ring);
    lattice_file_tell(&file->in);
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
    enum rc rc = lattice_file_take(&file.in, &ctl->args, "--format");
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
    lattice_destroy(file.ring);
    lattice_file_free(&file.in);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
