/* The text of the records: what EPICS would otherwise read from a .db file. */
#include "io/epics/ioc/point.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/epics/ioc/dbd_text.h"

/* mbbi and mbbo name the fields of their 16 states with words. */
static const char *const state_word[IOC_MAX_CHOICE] = {"ZR", "ON", "TW", "TH", "FR", "FV",
                                                       "SX", "SV", "EI", "NI", "TE", "EL",
                                                       "TV", "TT", "FT", "FF"};

static const char *const severity_word[] = {"NO_ALARM", "MINOR", "MAJOR", "INVALID"};

static bool is_long_text(const struct point *point)
{
    return point->spec.type == IOC_TEXT && point->n_max > IOC_SHORT_TEXT_SIZE;
}

static bool is_array(const struct point *point)
{
    return is_long_text(point) || point->spec.type == IOC_NAMES ||
           (point->spec.type != IOC_TEXT && point->n_max > 1);
}

static const char *record_type(const struct point *point)
{
    bool out = point->spec.put != NULL;
    if (is_array(point)) {
        return "waveform";
    }
    switch (point->spec.type) {
    case IOC_INTEGER:
        return out ? "int64out" : "int64in";
    case IOC_CHOICE:
        return out ? "mbbo" : "mbbi";
    case IOC_TEXT:
    case IOC_NAMES:
        return out ? "stringout" : "stringin";
    case IOC_REAL:
        break;
    }
    return out ? "ao" : "ai";
}

static const char *element_type(const struct point *point)
{
    switch (point->spec.type) {
    case IOC_INTEGER:
    case IOC_CHOICE:
        return "LONG";
    case IOC_TEXT:
        return "CHAR";
    case IOC_NAMES:
        return "STRING";
    case IOC_REAL:
        break;
    }
    return "DOUBLE";
}

/* A field with any text, cut to `most` bytes at a character's border. */
static void put_text(FILE *f, const char *field, const char *text, size_t most)
{
    size_t n = strnlen(text, most);
    while (n < strlen(text) && n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80) {
        n--;
    }
    fprintf(f, "  field(%s, \"", field);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            fputc('\\', f);
        }
        fputc((unsigned char) text[i] < ' ' ? ' ' : text[i], f);
    }
    fputs("\")\n", f);
}

static void put_pair(FILE *f, const char *high, const char *low,
                     const struct ioc_limits *limits)
{
    if (limits->low < limits->high) {
        fprintf(f, "  field(%s, \"%.15g\")\n  field(%s, \"%.15g\")\n", high, limits->high, low,
                limits->low);
    }
}

static void put_limits(FILE *f, const struct ioc_point *p, bool array)
{
    put_pair(f, "HOPR", "LOPR", &p->display);
    if (array) {
        return;
    }
    if (p->put) {
        put_pair(f, "DRVH", "DRVL", &p->drive);
    }
    put_pair(f, "HIGH", "LOW", &p->warn);
    put_pair(f, "HIHI", "LOLO", &p->alarm);
    if (p->warn.low < p->warn.high) {
        fputs("  field(HSV, \"MINOR\")\n  field(LSV, \"MINOR\")\n", f);
    }
    if (p->alarm.low < p->alarm.high) {
        fputs("  field(HHSV, \"MAJOR\")\n  field(LLSV, \"MAJOR\")\n", f);
    }
}

static void put_number_fields(FILE *f, const struct point *point)
{
    const struct ioc_point *p = &point->spec;
    bool array = is_array(point);
    if (p->type != IOC_REAL && p->type != IOC_INTEGER) {
        return;
    }
    put_text(f, "EGU", p->unit ? p->unit : "", 15);
    put_limits(f, p, array);
    if (p->type == IOC_REAL || array) {
        fprintf(f, "  field(PREC, \"%d\")\n", p->prec);
    }
    if (!array) {
        double deadband = p->always ? -1 : p->deadband;
        fprintf(f, "  field(MDEL, \"%.15g\")\n  field(ADEL, \"%.15g\")\n", deadband, deadband);
    }
}

static void put_choices(FILE *f, const struct ioc_point *p)
{
    for (size_t i = 0; i < p->n_choice; i++) {
        char field[5];
        snprintf(field, sizeof field, "%sST", state_word[i]);
        put_text(f, field, p->choices[i], 25);
        if (p->choice_severity[i] != IOC_OK) {
            fprintf(f, "  field(%sSV, \"%s\")\n", state_word[i],
                    severity_word[p->choice_severity[i]]);
        }
    }
}

static void put_array_fields(FILE *f, const struct point *point)
{
    fprintf(f, "  field(FTVL, \"%s\")\n  field(NELM, \"%zu\")\n", element_type(point),
            point->n_max);
    fputs("  field(MPST, \"Always\")\n  field(APST, \"Always\")\n", f);
    if (is_long_text(point)) {
        fputs("  info(Q:form, \"String\")\n", f);
    }
}

/* ---- structures
 * -------------------------------------------------------------------------------- */

static bool same_structure(const struct point *a, const struct point *b)
{
    return a->spec.structure && b->spec.structure &&
           strcmp(a->spec.structure, b->spec.structure) == 0;
}

static const struct point *neighbour(const struct ioc *ioc, const struct point *point, int step)
{
    for (int i = point->handle + step; i >= 0 && i < ioc->n_point; i += step) {
        if (same_structure(point, ioc->point[i])) {
            return ioc->point[i];
        }
    }
    return NULL;
}

/* Fields of one structure are a chain: the first is scanned, each processes the next, so that
 * all are one lock set; only the last one tells PV Access that the structure changed. */
static void put_structure(FILE *f, const struct ioc *ioc, const struct point *point,
                          const char *prefix)
{
    const struct point *next = neighbour(ioc, point, 1);
    if (next) {
        fprintf(f, "  field(FLNK, \"%s%s\")\n", prefix, next->spec.name);
    }
    fprintf(f, "  info(Q:group, {\"%s%s\":{", prefix, point->spec.structure);
    if (!neighbour(ioc, point, -1)) {
        fprintf(f, "+id:\"orbit/%s:1.0\",+atomic:true,", point->spec.structure);
    }
    fprintf(f, "\"%s\":{+channel:\"VAL\",+type:\"%s\"%s}", point->spec.field,
            is_array(point) ? "scalar" : "plain", next ? "" : ",+trigger:\"*\"");
    fputs(next ? "}})\n" : ",\"\":{+type:\"meta\",+channel:\"VAL\"}}})\n", f);
}

/* ---- a record
 * ---------------------------------------------------------------------------------- */

static void put_record(FILE *f, const struct ioc *ioc, const struct point *point,
                       const char *prefix)
{
    const struct ioc_point *p = &point->spec;
    bool chained = p->structure && neighbour(ioc, point, -1);
    /* A put processes passive records only; device_show() processes a writable one that has
     * news. */
    bool scanned = !p->fixed && !chained && !p->put;
    fprintf(f, "record(%s, \"%s%s\") {\n", record_type(point), prefix, p->name);
    fprintf(f, "  field(DTYP, \"orbit\")\n  field(%s, \"@%d\")\n",
            p->put && !is_array(point) ? "OUT" : "INP", point->handle);
    fprintf(f, "  field(SCAN, \"%s\")\n  field(TSE, \"-2\")\n  field(ASG, \"%s\")\n",
            scanned ? "I/O Intr" : "Passive", p->put ? "WRITABLE" : "DEFAULT");
    if (p->fixed || p->put) {
        fputs("  field(PINI, \"YES\")\n", f);
    }
    put_text(f, "DESC", p->desc ? p->desc : "", 40);
    put_number_fields(f, point);
    if (p->type == IOC_CHOICE) {
        put_choices(f, p);
    }
    if (is_array(point)) {
        put_array_fields(f, point);
    } else if (p->type == IOC_TEXT && p->always) {
        fputs("  field(MPST, \"Always\")\n  field(APST, \"Always\")\n", f);
    }
    if (p->structure) {
        put_structure(f, ioc, point, prefix);
    }
    fputs("}\n", f);
}

static enum rc open_text(FILE **f, const char *name)
{
    int fd = memfd_create(name, 0);
    *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!*f) {
        if (fd >= 0) {
            close(fd);
        }
        return err_sys("cannot make %s", name);
    }
    return RC_OK;
}

/* The loaders take paths; the descriptor stays open, so that the path lives as long as the
 * process. */
static enum rc finish_text(FILE *f, char *path, size_t size)
{
    if (fflush(f) || ferror(f)) {
        return err_sys("cannot write the text of the records");
    }
    snprintf(path, size, "/proc/self/fd/%d", fileno(f));
    return RC_OK;
}

static enum rc check_names(const struct ioc *ioc, const char *prefix)
{
    for (int i = 0; i < ioc->n_point; i++) {
        if (strlen(prefix) + strlen(ioc->point[i]->spec.name) >= IOC_NAME_SIZE) {
            return err_set(RC_INPUT, "PV %s%s has more than %d letters", prefix,
                           ioc->point[i]->spec.name, IOC_NAME_SIZE - 1);
        }
    }
    return RC_OK;
}

void ioc_print_records(const struct ioc *ioc, const char *prefix, FILE *stream)
{
    for (int i = 0; i < ioc->n_point; i++) {
        put_record(stream, ioc, ioc->point[i], prefix);
    }
}

enum rc records_write(const struct ioc *ioc, const char *prefix, char *path, size_t size)
{
    enum rc rc = check_names(ioc, prefix);
    if (rc) {
        return rc;
    }
    FILE *f = NULL;
    rc = open_text(&f, "orbit-records");
    if (rc) {
        return rc;
    }
    ioc_print_records(ioc, prefix, f);
    return finish_text(f, path, size);
}

/* Records that nobody may put refuse every put, whoever asks; writable ones only let the value
 * through, not fields such as SCAN or OUT. */
enum rc records_write_access(char *path, size_t size)
{
    FILE *f = NULL;
    enum rc rc = open_text(&f, "orbit-access");
    if (rc) {
        return rc;
    }
    fputs("ASG(DEFAULT) { RULE(1, READ) }\nASG(WRITABLE) { RULE(1, READ) RULE(0, WRITE) }\n",
          f);
    return finish_text(f, path, size);
}

enum rc records_write_dbd(char *path, size_t size)
{
    FILE *f = NULL;
    enum rc rc = open_text(&f, "orbit-dbd");
    if (rc) {
        return rc;
    }
    fwrite(ioc_dbd_text, 1, (size_t) (ioc_dbd_end - ioc_dbd_text), f);
    return finish_text(f, path, size);
}
