/* Lays the line or sequence of a deck out as a ring. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/import/deck.h"

static enum rc add_element(struct deck *deck, int32_t symbol, bool reversed)
{
    const struct symbol *s = &deck->symbol[symbol];
    struct element e;
    unsigned devices;
    enum rc rc = deck_element(deck, symbol, &e, &devices);

    if (rc != RC_OK)
        return rc;
    if (reversed && e.kind == ELEMENT_DIPOLE && fabs(e.e1_rad - e.e2_rad) > 0)
        import_report_add(deck->builder->report,
                          "element '%s': its edges stay in their order in a reversed line",
                          s->name);
    return builder_add(deck->builder, s->name, &e, devices, s->line);
}

/* ---- lines ---- */

static enum rc add_item(struct deck *deck, const struct item *item, bool reversed)
{
    int32_t symbol = item->list >= 0 ? item->list : deck_find(deck, item->name);
    struct cursor where = {.line = item->line};
    enum rc rc = RC_OK;

    if (symbol < 0)
        return deck_fail(deck, &where, "'%s' is not defined", item->name);
    for (int64_t k = 0; k < item->repeat && rc == RC_OK; k++)
        rc = deck_lay_out(deck, symbol, reversed != item->reversed);
    return rc;
}

static enum rc add_line(struct deck *deck, int32_t symbol, bool reversed)
{
    uint32_t first = deck->symbol[symbol].first, n = deck->symbol[symbol].n;
    enum rc rc = RC_OK;

    for (uint32_t i = 0; i < n && rc == RC_OK; i++)
        rc = add_item(deck, &deck->item[first + (reversed ? n - 1 - i : i)], reversed);
    return rc;
}

/* ---- sequences ---- */

struct stand {
    double start_m, length_m;
    uint32_t order;
    const struct seat *seat;
};

struct row {
    struct stand *stand;
    json_t *places; /* name -> its `at` */
    uint32_t n;
    double refer; /* 0 entry, 0.5 centre, 1 exit: what `at` means */
};

static enum rc find_refer(struct deck *deck, int32_t sequence, double *refer)
{
    const struct attribute *found = deck_attribute(deck, sequence, "refer");
    char word[DECK_NAME];
    struct cursor c;
    enum rc rc;

    *refer = 0.5;
    if (!found || found->has_number)
        return RC_OK;
    c = found->value;
    rc = deck_name(deck, &c, word);
    if (rc != RC_OK)
        return rc;
    if (!strcasecmp(word, "entry"))
        *refer = 0;
    else if (!strcasecmp(word, "exit"))
        *refer = 1;
    else if (strncasecmp(word, "cent", 4) != 0)
        return deck_fail(deck, &c, "refer is not entry, centre or exit");
    return RC_OK;
}

static enum rc length_of(struct deck *deck, int32_t symbol, double *length)
{
    struct element e;
    unsigned devices;
    enum rc rc;

    *length = 0;
    if (deck->symbol[symbol].kind == SYMBOL_SEQUENCE)
        return deck_number(deck, symbol, "l", length);
    rc = deck_element(deck, symbol, &e, &devices);
    *length = e.length_m;
    return rc;
}

static enum rc stand(struct deck *deck, struct row *row, uint32_t i, const struct seat *seat)
{
    struct stand *s = &row->stand[i];
    struct cursor where = {.line = seat->line};
    enum symbol_kind kind = deck->symbol[seat->symbol].kind;
    const char *name = deck->symbol[seat->symbol].name;
    const json_t *from = seat->from[0] ? json_object_get(row->places, seat->from) : NULL;
    enum rc rc;

    if (kind != SYMBOL_ELEMENT && kind != SYMBOL_SEQUENCE)
        return deck_fail(deck, &where, "'%s' has no place in a sequence", name);
    if (seat->from[0] && !from)
        return deck_fail(deck, &where, "from=%s: the sequence has no such element", seat->from);
    rc = length_of(deck, seat->symbol, &s->length_m);
    s->start_m = seat->at_m + (from ? json_real_value(from) : 0) - row->refer * s->length_m;
    s->order = i;
    s->seat = seat;
    if (rc == RC_OK && !isfinite(s->start_m + s->length_m))
        rc = deck_fail(deck, &where, "the place of '%s' is not finite", name);
    return rc;
}

static int by_start(const void *left, const void *right)
{
    const struct stand *a = left, *b = right;

    if (fabs(a->start_m - b->start_m) > 0)
        return a->start_m < b->start_m ? -1 : 1;
    /* An element of no length stands in front of one that begins there. */
    return (a->order > b->order) - (a->order < b->order);
}

static enum rc fill_gap(struct deck *deck, double gap_m, uint32_t line, const char *name)
{
    static const double close_m = 1e-8, nothing_m = 1e-10;
    struct element drift = {.name = "", .n_slices = 10, .length_m = gap_m};
    struct cursor where = {.line = line};
    char label[DECK_NAME];

    if (gap_m < -close_m)
        return deck_fail(deck, &where, "'%s' begins %.9g m before the end of what is before it",
                         name, -gap_m);
    if (gap_m < nothing_m)
        return RC_OK;
    snprintf(label, sizeof label, "D%.9g", gap_m);
    for (char *dot = label; (dot = strchr(dot, '.'));)
        *dot = 'p';
    return builder_add(deck->builder, label, &drift, 0, line);
}

static enum rc add_row(struct deck *deck, struct row *row, int32_t sequence)
{
    double end_m = 0, length_m = 0;
    enum rc rc = deck_number(deck, sequence, "l", &length_m);

    qsort(row->stand, row->n, sizeof *row->stand, by_start);
    for (uint32_t i = 0; i < row->n && rc == RC_OK; i++) {
        const struct stand *s = &row->stand[i];

        rc = fill_gap(deck, s->start_m - end_m, s->seat->line,
                      deck->symbol[s->seat->symbol].name);
        if (rc == RC_OK)
            rc = deck_lay_out(deck, s->seat->symbol, false);
        end_m = s->start_m + s->length_m;
    }
    if (rc == RC_OK)
        rc = fill_gap(deck, length_m - end_m, deck->symbol[sequence].line, "the end");
    return rc;
}

static enum rc fill_row(struct deck *deck, struct row *row, int32_t sequence)
{
    const struct seat *seat = deck->seat + deck->symbol[sequence].first;
    enum rc rc = find_refer(deck, sequence, &row->refer);

    for (uint32_t i = 0; i < row->n; i++) {
        const char *name = deck->symbol[seat[i].symbol].name;

        if (!seat[i].from[0] && !json_object_get(row->places, name))
            json_object_set_new_nocheck(row->places, name, json_real(seat[i].at_m));
    }
    for (uint32_t i = 0; i < row->n && rc == RC_OK; i++)
        rc = stand(deck, row, i, &seat[i]);
    return rc;
}

static enum rc add_sequence(struct deck *deck, int32_t sequence)
{
    struct row row = {.n = deck->symbol[sequence].n};
    enum rc rc;

    row.stand = calloc(row.n + 1, sizeof *row.stand);
    row.places = json_object();
    if (!row.stand || !row.places)
        rc = err_set(RC_NOMEM, "no memory for a sequence of %u", row.n);
    else
        rc = fill_row(deck, &row, sequence);
    if (rc == RC_OK)
        rc = add_row(deck, &row, sequence);
    free(row.stand);
    json_decref(row.places);
    return rc;
}

/* ---- the ring ---- */

enum rc deck_lay_out(struct deck *deck, int32_t symbol, bool reversed)
{
    const struct symbol *s = &deck->symbol[symbol];
    struct cursor where = {.line = s->line};
    enum rc rc;

    if (deck->depth >= DECK_DEPTH)
        return deck_fail(deck, &where, "'%s' lies deeper than %d lines", s->name, DECK_DEPTH);
    if (++deck->layout_steps > DECK_LAYOUT_STEPS)
        return deck_fail(deck, &where, "the ring needs more than %d steps", DECK_LAYOUT_STEPS);
    deck->depth++;
    switch (s->kind) {
    case SYMBOL_LINE:
        rc = add_line(deck, symbol, reversed);
        break;
    case SYMBOL_SEQUENCE:
        rc = add_sequence(deck, symbol);
        break;
    case SYMBOL_ELEMENT:
        rc = add_element(deck, symbol, reversed);
        break;
    case SYMBOL_VARIABLE:
    default:
        rc = deck_fail(deck, &where, "'%s' is a number, not a part of a ring", s->name);
    }
    deck->depth--;
    return rc;
}

/* Cavities that tell a harmonic number only; at the speed of light. */
static void finish_cavities(struct deck *deck)
{
    static const double light_m_per_s = 299792458.0;
    struct builder *b = deck->builder;
    double length_m = 0;

    for (uint32_t i = 0; i < b->n; i++)
        length_m += b->entry[i].element.length_m;
    for (uint32_t i = 0; i < b->n; i++)
        if (b->entry[i].element.frequency_hz < 0 && length_m > 0)
            b->entry[i].element.frequency_hz *= -light_m_per_s / length_m;
}

static enum rc choose(struct deck *deck, int32_t *ring)
{
    const char *wanted = deck->builder->source->use;
    struct cursor where = {.line = 1};

    if (!wanted)
        wanted = deck->use;
    *ring = wanted[0] ? deck_find(deck, wanted) : deck->last;
    if (*ring < 0 && wanted[0])
        return deck_fail(deck, &where, "there is no line or sequence '%.63s'", wanted);
    if (*ring < 0)
        return deck_fail(deck, &where, "the file has no line and no sequence");
    if (!wanted[0])
        import_report_add(deck->builder->report, "the ring is '%s', the last one in the file",
                          deck->symbol[*ring].name);
    if (!deck->builder->title[0])
        snprintf(deck->builder->title, sizeof deck->builder->title, "%s",
                 deck->symbol[*ring].name);
    return RC_OK;
}

static enum rc read_and_lay_out(struct deck *deck)
{
    int32_t ring;
    enum rc rc = deck_read(deck);

    deck->depth = deck->value_depth = 0;
    if (rc == RC_OK)
        rc = choose(deck, &ring);
    if (rc == RC_OK)
        rc = deck_lay_out(deck, ring, false);
    if (rc == RC_OK)
        finish_cavities(deck);
    return rc;
}

enum rc deck_build(struct deck *deck)
{
    enum rc rc;

    deck->sequence = deck->last = -1;
    deck->index = json_object();
    rc = deck->index ? read_and_lay_out(deck) : err_set(RC_NOMEM, "no memory for a deck");
    json_decref(deck->index);
    free(deck->symbol);
    free(deck->attribute);
    free(deck->item);
    free(deck->seat);
    free(deck->text);
    return rc;
}
