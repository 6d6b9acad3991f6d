#include "config/streams.h"

#include <stdlib.h>
#include <string.h>

#include "rt/base/datagram_format.h"

enum { MAX_FILE_B = 4 << 20, MAX_INPUT = 8, BY_SENDER = -1, NOT_GIVEN = -1 };

/* ---- attributes ---- */

static bool take_number(const char **at, unsigned long most, char end, unsigned long *number)
{
    char *after;

    if (**at < '0' || **at > '9')
        return false;
    *number = strtoul(*at, &after, 10);
    if (*number > most || *after != end)
        return false;
    *at = after + (end != '\0');
    return true;
}

static bool take_host(const char **at, char end, uint32_t *host)
{
    unsigned long part;

    *host = 0;
    for (int i = 0; i < 4; i++) {
        if (!take_number(at, 255, i < 3 ? '.' : end, &part))
            return false;
        *host = *host << 8 | (uint32_t) part;
    }
    return true;
}

static bool take_address(void *target, const char *text, char *reason)
{
    struct streams_address *address = target;
    const char *at = text;
    unsigned long port = 0;

    if (take_host(&at, ':', &address->host) && take_number(&at, 65535, '\0', &port)) {
        address->port = (uint16_t) port;
        return true;
    }
    snprintf(reason, ENTRY_REASON_SIZE, "'%.60s' is not an address such as 192.168.1.10:2048",
             text);
    return false;
}

static bool take_sender(void *target, const char *text, char *reason)
{
    struct streams_address *address = target;
    const char *at = text;

    if (take_host(&at, '\0', &address->host) && address->host)
        return true;
    snprintf(reason, ENTRY_REASON_SIZE, "'%.60s' is not an address such as 192.168.1.10", text);
    return false;
}

static const struct entry_choice bpm_formats[] = {
    {"libera-grouping", BPM_LIBERA_GROUPING},
    {"libera-grouping-counter", BPM_LIBERA_GROUPING_COUNTER},
    {"libera-spark", BPM_LIBERA_SPARK},
    {"hzb-concentrator", BPM_HZB_CONCENTRATOR},
    {"diamond-cc", BPM_DIAMOND_CC},
    {0}};
static const struct entry_choice supply_formats[] = {
    {"orbitd", SUPPLY_ORBITD}, {"als-u", SUPPLY_ALSU}, {0}};

static const struct entry_field top_fields[] = {
    {"format", ENTRY_NOTE, 0, .required = true},
    {"notes", ENTRY_NOTE, 0, .required = false},
    {"inputs", ENTRY_NOTE, 0, .required = false},
    {"bpms", ENTRY_NOTE, 0, .required = false},
    {"outputs", ENTRY_NOTE, 0, .required = false},
    {"supplies", ENTRY_NOTE, 0, .required = false},
    {0},
};
#define I(member) offsetof(struct streams_input, member)
static const struct entry_field input_fields[] = {
    {"source", ENTRY_NAME, I(source), .required = true},
    {"format", ENTRY_CHOICE, I(format), .required = true, .choices = bpm_formats},
    {"listen", ENTRY_OTHER, I(listen), .required = true, .take = take_address},
    {"from", ENTRY_OTHER, I(from), .take = take_sender},
    {"sum_nominal", ENTRY_REAL, I(sum_nominal), .min = 1, .max = 2e9},
    {"counter_step", ENTRY_INT, I(counter_step), .min = 0, .max = 1000000},
    {0},
};
#define B(member) offsetof(struct streams_bpm, member)
static const struct entry_field bpm_fields[] = {
    {"source", ENTRY_NAME, B(source), .required = true},
    {"bpm", ENTRY_NAME, B(bpm), .required = true},
    {"id", ENTRY_INT, B(id), .min = 0, .max = 1023},
    {"from", ENTRY_OTHER, B(from), .take = take_sender},
    {0},
};
#define O(member) offsetof(struct streams_output, member)
static const struct entry_field output_fields[] = {
    {"name", ENTRY_NAME, O(name), .required = true},
    {"format", ENTRY_CHOICE, O(format), .required = true, .choices = supply_formats},
    {"send", ENTRY_OTHER, O(send), .required = true, .take = take_address},
    {"listen", ENTRY_OTHER, O(listen), .required = true, .take = take_address},
    {"device", ENTRY_INT, O(device), .min = 0, .max = 4294967295.0},
    {"timeout_ms", ENTRY_REAL, O(timeout_ms), .min = 0.1, .max = 60000},
    {"write", ENTRY_BOOL, O(write), .required = false},
    {0},
};
#define S(member) offsetof(struct streams_supply, member)
static const struct entry_field supply_fields[] = {
    {"output", ENTRY_NAME, S(output), .required = true},
    {"corrector", ENTRY_NAME, S(corrector), .required = true},
    {"supply", ENTRY_INT, S(supply), .required = true, .min = 0, .max = 65535},
    {0},
};

/* A file while it is read. */
struct table {
    struct entry_file file;
    const struct devices *devices;
    struct streams *streams;
};

#define FAULT(t, node, ...) node_fault((t)->file.faults, (t)->file.path, node, __VA_ARGS__)

/* ---- lists ---- */

/* Items of a list that may be missing; *items is NULL then. */
static enum rc take_list(const struct table *t, const char *key, uint64_t limit, size_t size_b,
                         void *items, uint64_t *n)
{
    const yaml_node_t *root = yaml_document_get_root_node(t->file.document);
    void *made = NULL;

    *n = 0;
    if (entry_find(&t->file, root, key))
        (void) entry_list(&t->file, root, key, limit, n);
    if (*n && !(made = calloc(*n, size_b)))
        return err_set(RC_NOMEM, "no memory for %s", key);
    memcpy(items, &made, sizeof made);
    return RC_OK;
}

static const yaml_node_t *item(const struct table *t, const char *key, uint64_t i)
{
    const yaml_node_t *root = yaml_document_get_root_node(t->file.document);
    uint64_t n;

    return entry_item(&t->file, entry_list(&t->file, root, key, UINT64_MAX, &n), i);
}

static void check_input(const struct table *t, const yaml_node_t *node, uint64_t i)
{
    const struct streams_input *input = &t->streams->input[i];

    for (uint64_t k = 0; k < i; k++)
        if (strcmp(t->streams->input[k].source, input->source) == 0)
            FAULT(t, node, "%s: is there twice", input->source);
    if (input->format == BPM_LIBERA_SPARK && input->counter_step == 0)
        FAULT(t, node, "%s: counter_step: is missing; without it a loss cannot be told",
              input->source);
    if (input->format == BPM_LIBERA_SPARK && input->from.host)
        FAULT(t, node, "%s: from: belongs to the BPMs, each of which sends for itself",
              input->source);
}

static enum rc take_inputs(const struct table *t)
{
    struct streams *s = t->streams;
    enum rc rc =
        take_list(t, "inputs", MAX_INPUT, sizeof *s->input, (void *) &s->input, &s->n_input);

    for (uint64_t i = 0; rc == RC_OK && i < s->n_input; i++) {
        const yaml_node_t *node = item(t, "inputs", i);

        s->input[i].counter_step = NOT_GIVEN;
        if (!entry_take(&t->file, node, input_fields, &s->input[i]))
            continue;
        if (s->input[i].counter_step == NOT_GIVEN)
            s->input[i].counter_step = s->input[i].format == BPM_LIBERA_SPARK ? 0 : 1;
        check_input(t, node, i);
    }
    return rc;
}

static bool find_input(const struct table *t, struct streams_bpm *bpm)
{
    for (bpm->input = 0; bpm->input < t->streams->n_input; bpm->input++)
        if (strcmp(t->streams->input[bpm->input].source, bpm->source) == 0)
            return true;
    return false;
}

static void check_bpm(const struct table *t, const yaml_node_t *node, uint64_t i)
{
    struct streams_bpm *bpm = &t->streams->bpm[i];
    int device = devices_find_bpm(t->devices, bpm->bpm);
    bool by_sender;

    if (!find_input(t, bpm)) {
        FAULT(t, node, "%s: source: '%s' is not in inputs", bpm->bpm, bpm->source);
        return;
    }
    if (device < 0)
        FAULT(t, node, "bpm: '%s' is not in the device table", bpm->bpm);
    bpm->device = device < 0 ? 0 : (uint64_t) device;
    by_sender = t->streams->input[bpm->input].format == BPM_LIBERA_SPARK;
    if (by_sender != (bpm->from.host != 0) || by_sender != (bpm->id == BY_SENDER))
        FAULT(t, node, "%s: %s tells which one it is in this format", bpm->bpm,
              by_sender ? "from" : "id");
    for (uint64_t k = 0; k < i; k++)
        if (strcmp(t->streams->bpm[k].bpm, bpm->bpm) == 0 &&
            strcmp(t->streams->bpm[k].source, bpm->source) == 0)
            FAULT(t, node, "%s: is there twice", bpm->bpm);
}

static enum rc take_bpms(const struct table *t)
{
    struct streams *s = t->streams;
    enum rc rc =
        take_list(t, "bpms", 8 * DEVICES_MAX_BPM, sizeof *s->bpm, (void *) &s->bpm, &s->n_bpm);

    for (uint64_t i = 0; rc == RC_OK && i < s->n_bpm; i++) {
        const yaml_node_t *node = item(t, "bpms", i);

        s->bpm[i].id = BY_SENDER;
        if (entry_take(&t->file, node, bpm_fields, &s->bpm[i]))
            check_bpm(t, node, i);
    }
    return rc;
}

static enum rc take_outputs(const struct table *t)
{
    struct streams *s = t->streams;
    enum rc rc = take_list(t, "outputs", STREAMS_MAX_OUTPUT, sizeof *s->output,
                           (void *) &s->output, &s->n_output);

    for (uint64_t i = 0; rc == RC_OK && i < s->n_output; i++) {
        s->output[i].timeout_ms = 100;
        if (!entry_take(&t->file, item(t, "outputs", i), output_fields, &s->output[i]))
            continue;
        for (uint64_t k = 0; k < i; k++)
            if (strcmp(s->output[k].name, s->output[i].name) == 0)
                FAULT(t, item(t, "outputs", i), "%s: is there twice", s->output[i].name);
    }
    return rc;
}

static bool find_output(const struct table *t, struct streams_supply *supply)
{
    for (supply->index = 0; supply->index < t->streams->n_output; supply->index++)
        if (strcmp(t->streams->output[supply->index].name, supply->output) == 0)
            return true;
    return false;
}

static void check_supply(const struct table *t, const yaml_node_t *node, uint64_t i)
{
    struct streams_supply *supply = &t->streams->supply[i];
    int column = devices_find_corrector(t->devices, supply->corrector);

    if (!find_output(t, supply))
        FAULT(t, node, "%s: output: '%s' is not in outputs", supply->corrector, supply->output);
    if (column < 0)
        FAULT(t, node, "corrector: '%s' is not in the device table", supply->corrector);
    supply->column = column < 0 ? 0 : (uint64_t) column;
    for (uint64_t k = 0; k < i; k++) {
        const struct streams_supply *other = &t->streams->supply[k];

        if (strcmp(other->corrector, supply->corrector) == 0)
            FAULT(t, node, "%s: is there twice", supply->corrector);
        else if (other->index == supply->index && other->supply == supply->supply)
            FAULT(t, node, "%s: supply %ld is that of %s", supply->corrector,
                  (long) supply->supply, other->corrector);
    }
}

static enum rc take_supplies(const struct table *t)
{
    struct streams *s = t->streams;
    enum rc rc = take_list(t, "supplies", DEVICES_MAX_CORRECTOR, sizeof *s->supply,
                           (void *) &s->supply, &s->n_supply);

    for (uint64_t i = 0; rc == RC_OK && i < s->n_supply; i++)
        if (entry_take(&t->file, item(t, "supplies", i), supply_fields, &s->supply[i]))
            check_supply(t, item(t, "supplies", i), i);
    return rc;
}

/* ---- whole ---- */

static void refuse_idle(const struct table *t)
{
    const yaml_node_t *root = yaml_document_get_root_node(t->file.document);
    const struct streams *s = t->streams;

    for (uint64_t i = 0; i < s->n_input; i++) {
        uint64_t n = 0;

        for (uint64_t k = 0; k < s->n_bpm; k++)
            n += s->bpm[k].input == i;
        if (n == 0)
            FAULT(t, root, "%s: no entry of bpms belongs to it", s->input[i].source);
    }
    for (uint64_t i = 0; i < s->n_output; i++) {
        uint64_t n = 0;

        for (uint64_t k = 0; k < s->n_supply; k++)
            n += s->supply[k].index == i;
        if (n == 0)
            FAULT(t, root, "%s: no entry of supplies belongs to it", s->output[i].name);
    }
}

static enum rc take_root(const struct table *t)
{
    const yaml_node_t *root = yaml_document_get_root_node(t->file.document);
    const yaml_node_t *format = entry_find(&t->file, root, "format");
    const char *text = format ? node_text(format) : NULL;
    size_t before = t->file.faults->count;
    char nothing = 0; /* the root's attributes are all read here */
    enum rc rc;

    (void) entry_take(&t->file, root, top_fields, &nothing);
    if (format && (!text || strcmp(text, "orbitd-streams-1") != 0))
        FAULT(t, format, "format: 'orbitd-streams-1' is expected");
    rc = take_inputs(t);
    rc = rc ? rc : take_bpms(t);
    rc = rc ? rc : take_outputs(t);
    rc = rc ? rc : take_supplies(t);
    if (rc == RC_OK && t->file.faults->count == before)
        refuse_idle(t);
    return rc;
}

enum rc streams_parse(struct streams *streams, const void *text, size_t size_b,
                      const char *path, const struct devices *devices,
                      struct cfg_faults *faults)
{
    size_t before = faults->count;
    yaml_document_t document;
    struct table t = {
        .file = {path, &document, faults}, .devices = devices, .streams = streams};
    enum rc rc = RC_OK;

    memset(streams, 0, sizeof *streams);
    if (document_parse(&document, path, text, size_b, faults)) {
        rc = take_root(&t);
        yaml_document_delete(&document);
    }
    if (rc)
        cfg_fault(faults, path, 0, 0, "%s", err_text());
    else if (faults->count != before)
        rc = err_set(RC_INPUT, "%s%s", before < CFG_MAX_FAULTS ? faults->text[before] : path,
                     faults->count > before + 1 ? " (and more)" : "");
    if (rc)
        streams_free(streams);
    return rc;
}

enum rc streams_load(struct streams *streams, const char *path, const struct devices *devices,
                     struct cfg_faults *faults)
{
    size_t before = faults->count;
    struct file_text text = file_text_read(path, MAX_FILE_B, faults);
    enum rc rc;

    memset(streams, 0, sizeof *streams);
    if (!text.byte)
        return err_set(RC_INPUT, "%s", before < CFG_MAX_FAULTS ? faults->text[before] : path);
    rc = streams_parse(streams, text.byte, text.size, path, devices, faults);
    free(text.byte);
    return rc;
}

void streams_free(struct streams *streams)
{
    free(streams->input);
    free(streams->bpm);
    free(streams->output);
    free(streams->supply);
    memset(streams, 0, sizeof *streams);
}

const struct streams_input *streams_find_input(const struct streams *streams,
                                               const char *source)
{
    for (uint64_t i = 0; i < streams->n_input; i++)
        if (strcmp(streams->input[i].source, source) == 0)
            return &streams->input[i];
    return NULL;
}
