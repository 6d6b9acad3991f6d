/* What an element of a deck is in our model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/import/deck.h"

static const struct {
    const char *type;
    enum element_kind kind;
    unsigned devices;
} types[] = {
    {"drift", ELEMENT_DRIFT, 0},
    {"drif", ELEMENT_DRIFT, 0},
    {"edrift", ELEMENT_DRIFT, 0},
    {"csrdrift", ELEMENT_DRIFT, 0},
    {"marker", ELEMENT_MARKER, 0},
    {"mark", ELEMENT_MARKER, 0},
    {"monitor", ELEMENT_MONITOR, DEVICE_BPM},
    {"moni", ELEMENT_MONITOR, DEVICE_BPM},
    {"hmonitor", ELEMENT_MONITOR, 0},
    {"hmon", ELEMENT_MONITOR, 0},
    {"vmonitor", ELEMENT_MONITOR, 0},
    {"vmon", ELEMENT_MONITOR, 0},
    {"hkicker", ELEMENT_CORRECTOR, DEVICE_H},
    {"hkick", ELEMENT_CORRECTOR, DEVICE_H},
    {"vkicker", ELEMENT_CORRECTOR, DEVICE_V},
    {"vkick", ELEMENT_CORRECTOR, DEVICE_V},
    {"kicker", ELEMENT_CORRECTOR, DEVICE_H | DEVICE_V},
    {"kick", ELEMENT_CORRECTOR, DEVICE_H | DEVICE_V},
    {"tkicker", ELEMENT_CORRECTOR, 0},
    {"hvcor", ELEMENT_CORRECTOR, DEVICE_H | DEVICE_V},
    {"sbend", ELEMENT_DIPOLE, 0},
    {"sben", ELEMENT_DIPOLE, 0},
    {"csbend", ELEMENT_DIPOLE, 0},
    {"csrcsbend", ELEMENT_DIPOLE, 0},
    {"rbend", ELEMENT_DIPOLE, 0},
    {"rben", ELEMENT_DIPOLE, 0},
    {"quadrupole", ELEMENT_QUADRUPOLE, 0},
    {"quad", ELEMENT_QUADRUPOLE, 0},
    {"kquad", ELEMENT_QUADRUPOLE, 0},
    {"sextupole", ELEMENT_SEXTUPOLE, 0},
    {"sext", ELEMENT_SEXTUPOLE, 0},
    {"ksext", ELEMENT_SEXTUPOLE, 0},
    {"octupole", ELEMENT_OCTUPOLE, 0},
    {"octu", ELEMENT_OCTUPOLE, 0},
    {"koct", ELEMENT_OCTUPOLE, 0},
    {"multipole", ELEMENT_MULTIPOLE, 0},
    {"mult", ELEMENT_MULTIPOLE, 0},
    {"rfcavity", ELEMENT_CAVITY, 0},
    {"rfca", ELEMENT_CAVITY, 0},
};

/* Attributes that a value other than zero makes worth a line of the report. */
static const char *const beyond[] = {"k0",  "k0s", "h1",    "h2",         "ktap", "bv",
                                     "ds",  "dz",  "etilt", "lag",        "k0l",  "thick",
                                     "k4",  "k5",  "k6",    "k7",         "k8",   "pitch",
                                     "yaw", "dk1", "fse",   "fse_dipole", "phase"};

static enum rc get(struct deck *deck, int32_t symbol, const char *name, double factor,
                   double *value)
{
    double number = NAN;
    enum rc rc = deck_number(deck, symbol, name, &number);

    if (rc == RC_OK && deck_attribute(deck, symbol, name))
        *value = factor * number;
    return rc;
}

struct want {
    const char *name;
    double *value, factor;
};

static enum rc get_all(struct deck *deck, int32_t symbol, const struct want *want, size_t n)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < n && rc == RC_OK; i++)
        rc = get(deck, symbol, want[i].name, want[i].factor, want[i].value);
    return rc;
}

static void report(struct deck *deck, int32_t symbol, const char *what)
{
    import_report_add(deck->builder->report, "line %u: element '%s': %s",
                      deck->symbol[symbol].line, deck->symbol[symbol].name, what);
}

/* ---- bends ---- */

/* MAD-X gives a rectangular bend the length of its chord, elegant that of the arc. */
static void make_sector(struct deck *deck, int32_t symbol, struct element *e)
{
    double half = 0.5 * e->angle_rad;

    if (strncmp(deck->symbol[symbol].type, "rben", 4) != 0)
        return;
    e->e1_rad += half;
    e->e2_rad += half;
    if (!deck->elegant && fabs(half) > 0)
        e->length_m *= half / sin(half);
}

static enum rc read_bend(struct deck *deck, int32_t symbol, struct element *e)
{
    double half_gap = 0, fint = deck->elegant ? 0.5 : 0, exit = -1, tilt = 0;
    const struct want want[] = {{"angle", &e->angle_rad, 1}, {"e1", &e->e1_rad, 1},
                                {"e2", &e->e2_rad, 1},       {"hgap", &half_gap, 1},
                                {"fint", &fint, 1},          {"fintx", &exit, 1},
                                {"k1", &e->b[1], 1},         {"k2", &e->b[2], 0.5},
                                {"k1s", &e->a[1], 1},        {"tilt", &tilt, 1}};
    struct cursor where = {.line = deck->symbol[symbol].line};
    enum rc rc = get_all(deck, symbol, want, sizeof want / sizeof want[0]);

    if (rc != RC_OK)
        return rc;
    if (fabs(tilt) > 0)
        return deck_fail(deck, &where,
                         "element '%s': a bend out of the plane (TILT) is beyond the model",
                         deck->symbol[symbol].name);
    e->gap_m = 2 * half_gap;
    e->fint1 = half_gap > 0 ? fint : 0;
    e->fint2 = half_gap > 0 ? (exit >= 0 ? exit : fint) : 0;
    make_sector(deck, symbol, e);
    return RC_OK;
}

/* ---- straight magnets ---- */

static enum rc read_straight(struct deck *deck, int32_t symbol, struct element *e)
{
    const struct want want[] = {
        {"k1", &e->b[1], 1},       {"k1s", &e->a[1], 1},        {"k2", &e->b[2], 1. / 2},
        {"k2s", &e->a[2], 1. / 2}, {"k3", &e->b[3], 1. / 6},    {"k3s", &e->a[3], 1. / 6},
        {"tilt", &e->roll_rad, 1}, {"hkick", &e->hkick_rad, 1}, {"vkick", &e->vkick_rad, 1}};

    return get_all(deck, symbol, want, sizeof want / sizeof want[0]);
}

/* {a, b, ...}: derivatives become coefficients, value[n] = given[n]/n!. */
static enum rc read_vector(struct deck *deck, int32_t symbol, const char *name, double *value)
{
    const struct attribute *found = deck_attribute(deck, symbol, name);
    struct cursor c;
    double factor = 1;

    if (!found || found->has_number)
        return RC_OK;
    c = found->value;
    if (!deck_take(&c, '{'))
        return deck_fail(deck, &c, "%s is not a list in braces", name);
    for (int n = 0; !deck_take(&c, '}'); n++) {
        double term = 0;
        enum rc rc = deck_value(deck, &c, &term);

        if (rc != RC_OK)
            return rc;
        if (!deck_take(&c, ',') && deck_peek(&c) != '}')
            return deck_fail(deck, &c, "',' or '}' is expected at '%.20s'", c.at);
        if (n >= ELEMENT_TERMS && fabs(term) > 0)
            return deck_fail(deck, &c, "%s has more than %d terms", name, ELEMENT_TERMS);
        factor *= n > 1 ? n : 1;
        if (n < ELEMENT_TERMS)
            value[n] = term / factor;
    }
    return RC_OK;
}

/* elegant's MULT: one term, integrated over its length. */
static enum rc read_term(struct deck *deck, int32_t symbol, struct element *e)
{
    double order = 1, normal = 0, skew = 0, factor = 1;
    const struct want want[] = {{"order", &order, 1},
                                {"knl", &normal, 1},
                                {"ksl", &skew, 1},
                                {"tilt", &e->roll_rad, 1}};
    struct cursor where = {.line = deck->symbol[symbol].line};
    enum rc rc = get_all(deck, symbol, want, sizeof want / sizeof want[0]);
    int n = (int) fmin(fmax(order, 0), ELEMENT_TERMS);

    if (rc != RC_OK)
        return rc;
    if (n < 1 || n >= ELEMENT_TERMS || !(e->length_m > 0))
        return deck_fail(deck, &where, "element '%s': MULT wants an ORDER of 1 to %d and L",
                         deck->symbol[symbol].name, ELEMENT_TERMS - 1);
    for (int k = 2; k <= n; k++)
        factor *= k;
    e->b[n] = normal / (factor * e->length_m);
    e->a[n] = skew / (factor * e->length_m);
    return RC_OK;
}

/* Thin in MAD-X; ours is so short that the difference is below rounding. */
static enum rc read_multipole(struct deck *deck, int32_t symbol, struct element *e)
{
    static const double thin_m = 1e-9;
    struct cursor where = {.line = deck->symbol[symbol].line};
    bool strong = false;
    enum rc rc = read_vector(deck, symbol, "knl", e->b);

    if (rc == RC_OK)
        rc = read_vector(deck, symbol, "ksl", e->a);
    if (rc == RC_OK)
        rc = get(deck, symbol, "tilt", 1, &e->roll_rad);
    if (rc != RC_OK)
        return rc;
    if (fabs(e->b[0]) > 0 || fabs(e->a[0]) > 0)
        return deck_fail(deck, &where, "element '%s': a thin bend is beyond the model",
                         deck->symbol[symbol].name);
    for (int n = 0; n < ELEMENT_TERMS; n++) {
        strong = strong || fabs(e->a[n]) > 0 || fabs(e->b[n]) > 0;
        e->a[n] /= thin_m;
        e->b[n] /= thin_m;
    }
    e->length_m = strong ? thin_m : 0;
    if (strong)
        report(deck, symbol, "a thin lens is made 1 nm long");
    return RC_OK;
}

/* ---- correctors and cavities ---- */

static enum rc read_corrector(struct deck *deck, int32_t symbol, unsigned devices,
                              struct element *e)
{
    double *plain = devices == DEVICE_V ? &e->vkick_rad : &e->hkick_rad;
    const struct want want[] = {
        {"kick", plain, 1}, {"hkick", &e->hkick_rad, 1}, {"vkick", &e->vkick_rad, 1}};

    return get_all(deck, symbol, want, sizeof want / sizeof want[0]);
}

static enum rc read_cavity(struct deck *deck, int32_t symbol, struct element *e)
{
    double harmonic = 0, mega = deck->elegant ? 1 : 1e6;
    const struct want want[] = {{"volt", &e->voltage_v, mega},
                                {"freq", &e->frequency_hz, mega},
                                {"harmon", &harmonic, 1}};
    struct cursor where = {.line = deck->symbol[symbol].line};
    enum rc rc = get_all(deck, symbol, want, sizeof want / sizeof want[0]);

    if (rc != RC_OK)
        return rc;
    if (harmonic >= 1 && harmonic < 1e9 && !deck->builder->harmonic_number)
        deck->builder->harmonic_number = (uint32_t) harmonic;
    if (!(e->frequency_hz > 0) && !(harmonic >= 1))
        return deck_fail(deck, &where, "element '%s': a cavity needs a frequency",
                         deck->symbol[symbol].name);
    /* Told by its harmonic number: the frequency follows when the ring's length is known. */
    if (!(e->frequency_hz > 0))
        e->frequency_hz = -harmonic;
    return RC_OK;
}

/* ---- any element ---- */

static void report_beyond(struct deck *deck, int32_t symbol)
{
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        double value = 0;
        char what[64];

        if (!deck_attribute(deck, symbol, beyond[i]) ||
            deck_number(deck, symbol, beyond[i], &value) != RC_OK || !(fabs(value) > 0))
            continue;
        snprintf(what, sizeof what, "%s plays no part", beyond[i]);
        report(deck, symbol, what);
    }
}

static void find_kind(struct deck *deck, int32_t symbol, struct element *e, unsigned *devices)
{
    const char *type = deck->symbol[symbol].type;
    char what[DECK_NAME + 32];

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].type, type) != 0)
            continue;
        e->kind = types[i].kind;
        *devices = types[i].devices;
        return;
    }
    e->kind = e->length_m > 0 ? ELEMENT_DRIFT : ELEMENT_MARKER;
    snprintf(what, sizeof what, "%s becomes a %s", type,
             e->kind == ELEMENT_DRIFT ? "drift" : "marker");
    report(deck, symbol, what);
}

enum rc deck_element(struct deck *deck, int32_t symbol, struct element *e, unsigned *devices)
{
    enum rc rc;

    *e = (struct element){.name = "", .n_slices = 10};
    *devices = 0;
    rc = get(deck, symbol, "l", 1, &e->length_m);
    if (rc != RC_OK)
        return rc;
    find_kind(deck, symbol, e, devices);
    if (e->kind == ELEMENT_DIPOLE)
        rc = read_bend(deck, symbol, e);
    else if (e->kind == ELEMENT_MULTIPOLE)
        rc = (deck->elegant ? read_term : read_multipole)(deck, symbol, e);
    else if (e->kind > ELEMENT_DIPOLE)
        rc = read_straight(deck, symbol, e);
    else if (e->kind == ELEMENT_CORRECTOR)
        rc = read_corrector(deck, symbol, *devices, e);
    else if (e->kind == ELEMENT_CAVITY)
        rc = read_cavity(deck, symbol, e);
    if (rc == RC_OK)
        rc = get(deck, symbol, "dx", 1, &e->dx_m);
    if (rc == RC_OK)
        rc = get(deck, symbol, "dy", 1, &e->dy_m);
    report_beyond(deck, symbol);
    return rc;
}
