/* Reader of magnet tables. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/magnets/magnets.h"

/* The entry that is being read, for messages. */
struct reading {
    const char *source, *list;
    size_t i;
    const char *name; /* of the entry, or NULL */
    const json_t *entry;
};

static enum rc complain(const struct reading *r, const char *key, const char *what)
{
    if (!r->list)
        return err_set(RC_INPUT, "%s: \"%s\" %s", r->source, key, what);
    return err_set(RC_INPUT, "%s: %s, number %zu%s%.64s: \"%s\" %s", r->source, r->list,
                   r->i + 1, r->name ? " " : "", r->name ? r->name : "", key, what);
}

/* ---- attributes ---- */

static enum rc text(const struct reading *r, const char *key, bool required, char *to,
                    size_t size)
{
    const json_t *value = json_object_get(r->entry, key);
    const char *string = json_string_value(value);

    if (!value && !required)
        return RC_OK;
    if (!string || !string[0])
        return complain(r, key, value ? "is not a text" : "is missing");
    if (strlen(string) >= size)
        return complain(r, key, "is too long");
    memcpy(to, string, strlen(string) + 1);
    return RC_OK;
}

static enum rc note(const struct reading *r, const char *key, char **to)
{
    const char *string = json_string_value(json_object_get(r->entry, key));

    if (!string)
        return complain(r, key, "is missing, or not a text");
    *to = strdup(string);
    return *to ? RC_OK : err_set(RC_NOMEM, "no memory for a text");
}

static enum rc number(const struct reading *r, const char *key, bool required, double *to)
{
    const json_t *value = json_object_get(r->entry, key);

    if (!value && !required)
        return RC_OK;
    if (!json_is_number(value))
        return complain(r, key, value ? "is not a number" : "is missing");
    *to = json_number_value(value);
    return RC_OK;
}

static enum rc choice(const struct reading *r, const char *key, const char *const *words,
                      unsigned *to)
{
    const json_t *value = json_object_get(r->entry, key);
    const char *string = json_string_value(value);

    for (unsigned i = 0; string && words[i]; i++) {
        if (strcmp(words[i], string) == 0) {
            *to = i;
            return RC_OK;
        }
    }
    return value ? complain(r, key, "is none of the words that it may be") : RC_OK;
}

/* Whether a word is in a list of words with a space between them. */
static bool is_word_of(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(words, word); at && length; at = strstr(at + 1, word))
        if ((at == words || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
            return true;
    return false;
}

static enum rc no_other_keys(const struct reading *r, const char *known)
{
    json_t *walked = (json_t *) (uintptr_t) r->entry; /* jansson walks no const object */

    for (void *at = json_object_iter(walked); at; at = json_object_iter_next(walked, at))
        if (!is_word_of(known, json_object_iter_key(at)))
            return complain(r, json_object_iter_key(at), "is not known here");
    return RC_OK;
}

static enum rc numbers(const struct reading *r, const char *key, uint32_t n_max, double **to,
                       uint32_t *n)
{
    const json_t *list = json_object_get(r->entry, key);
    size_t size = json_array_size(list);

    if (size == 0 || size > n_max)
        return complain(r, key, "is missing, empty or too long");
    *to = calloc(size, sizeof **to);
    if (!*to)
        return err_set(RC_NOMEM, "no memory for %zu numbers", size);
    *n = (uint32_t) size;
    for (size_t i = 0; i < size; i++) {
        if (!json_is_number(json_array_get(list, i)))
            return complain(r, key, "has something that is not a number");
        (*to)[i] = json_number_value(json_array_get(list, i));
    }
    return RC_OK;
}

/* ---- entries ---- */

static enum rc read_table(const struct reading *r, struct conversion *c)
{
    uint32_t n_out = 0;
    enum rc rc = numbers(r, "in", CONVERSION_MAX_POINT, &c->in, &c->n);

    if (rc == RC_OK)
        rc = numbers(r, "out", CONVERSION_MAX_POINT, &c->out, &n_out);
    if (rc == RC_OK && n_out != c->n)
        rc = complain(r, "out", "has not as many numbers as \"in\"");
    if (rc == RC_OK && !(c->slope = calloc(c->n, sizeof *c->slope)))
        rc = err_set(RC_NOMEM, "no memory for a table");
    if (rc == RC_OK && conversion_finish(c) != RC_OK)
        rc = complain(r, "in", err_text());
    return rc;
}

static enum rc read_conversion(const struct reading *r, struct magnets *m, uint32_t i)
{
    static const char *const kinds[] = {"identity", "polynomial", "table", NULL};
    static const char *const gives[] = {"field", "strength", NULL};
    struct conversion *c = &m->conversion[i];
    unsigned kind = 0, what = 0;
    enum rc rc = no_other_keys(r, "kind gives unit in out coefficients energy_exponent note");

    c->energy_exponent = 1.0;
    snprintf(m->conversion_name[i], MAGNETS_NAME_SIZE, "%s", r->name);
    if (rc == RC_OK && !json_object_get(r->entry, "kind"))
        rc = complain(r, "kind", "is missing");
    if (rc == RC_OK)
        rc = choice(r, "kind", kinds, &kind);
    if (rc == RC_OK)
        rc = choice(r, "gives", gives, &what);
    if (rc == RC_OK)
        rc = number(r, "energy_exponent", false, &c->energy_exponent);
    c->kind = (enum conversion_kind) kind;
    c->is_strength = what == 1;
    if (rc == RC_OK && c->kind == CONVERSION_POLYNOMIAL)
        rc = numbers(r, "coefficients", CONVERSION_MAX_TERM, &c->out, &c->n);
    if (rc == RC_OK && c->kind == CONVERSION_TABLE)
        rc = read_table(r, c);
    return rc;
}

static enum rc read_converter(const struct reading *r, struct magnets *m, uint32_t i)
{
    static const char *const policies[] = {"clamp", "reject", "extrapolate", NULL};
    struct power_converter *p = &m->converter[i];
    unsigned policy = RANGE_REJECT;
    enum rc rc = no_other_keys(r, "name set readback unit lower upper policy note");

    if (rc == RC_OK)
        rc = text(r, "name", true, p->name, sizeof p->name);
    if (rc == RC_OK)
        rc = text(r, "set", true, p->pv_set, sizeof p->pv_set);
    if (rc == RC_OK)
        rc = text(r, "readback", true, p->pv_readback, sizeof p->pv_readback);
    if (rc == RC_OK)
        rc = text(r, "unit", true, p->unit, sizeof p->unit);
    if (rc == RC_OK)
        rc = number(r, "lower", true, &p->range.lower);
    if (rc == RC_OK)
        rc = number(r, "upper", true, &p->range.upper);
    if (rc == RC_OK)
        rc = choice(r, "policy", policies, &policy);
    p->range.policy = (enum range_policy) policy;
    if (rc == RC_OK && !(p->range.lower < p->range.upper))
        rc = complain(r, "lower", "is not below \"upper\"");
    for (uint32_t k = 0; k < i && rc == RC_OK; k++)
        if (strcmp(m->converter[k].name, p->name) == 0)
            rc = complain(r, "name", "is there twice");
    return rc;
}

/* k1, k2, k3 (derivatives), k1s ... (skew), b0 to b15, a0 to a15, hkick, vkick */
static bool parse_property(const char *word, struct magnet_property *p)
{
    double factorial = 1.0;
    char *end = NULL;

    snprintf(p->word, sizeof p->word, "%s", word);
    p->factor = 1.0;
    if (strcmp(word, "hkick") == 0 || strcmp(word, "vkick") == 0) {
        p->kind = word[0] == 'h' ? PROPERTY_HKICK : PROPERTY_VKICK;
        return true;
    }
    if (!strchr("kab", word[0]) || word[1] < '0' || word[1] > '9')
        return false;
    p->n = (uint32_t) strtoul(word + 1, &end, 10);
    p->kind = PROPERTY_FIELD;
    p->skew = word[0] == 'a' || (word[0] == 'k' && *end == 's');
    end += word[0] == 'k' && *end == 's';
    for (uint32_t i = 2; i <= p->n && i < ELEMENT_TERMS; i++)
        factorial *= i;
    if (word[0] == 'k')
        p->factor = 1.0 / factorial;
    return *end == '\0' && p->n < ELEMENT_TERMS && (word[0] != 'k' || p->n > 0);
}

static int64_t find_conversion(const struct magnets *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_conversion; i++)
        if (strcmp(m->conversion_name[i], name) == 0)
            return i;
    return -1;
}

/* "references": {name: [i_ref, k_ref]}, or [i_ref] of a link that only adds */
static enum rc read_reference_point(const struct reading *r, const struct magnets *m,
                                    struct magnet_link *link)
{
    const char *active = m->reference[m->active].name;
    const json_t *points = json_object_get(r->entry, "references");
    const json_t *point = json_object_get(points, active);
    size_t n = json_array_size(point);

    if (!json_is_object(points))
        return complain(r, "references", "is missing: a conversion needs its reference point");
    if (n < 1 || n > 2)
        return complain(r, active, "is not [input, strength], or [input] of a link that adds");
    for (size_t i = 0; i < n; i++)
        if (!json_is_number(json_array_get(point, i)))
            return complain(r, active, "has something that is not a number");
    link->i_ref = json_number_value(json_array_get(point, 0));
    link->owns = n == 2;
    link->k_ref = n == 2 ? json_number_value(json_array_get(point, 1)) : 0.0;
    return RC_OK;
}

static enum rc read_link(const struct reading *r, struct magnets *m, uint32_t i)
{
    struct magnet_link *link = &m->link[i];
    char property[8] = "", converter[MAGNETS_NAME_SIZE] = "",
         conversion[MAGNETS_NAME_SIZE] = "";
    int64_t found_converter, found_conversion;
    enum rc rc =
        no_other_keys(r, "element property power_converter conversion references note");

    if (rc == RC_OK)
        rc = text(r, "element", true, link->element, sizeof link->element);
    if (rc == RC_OK)
        rc = text(r, "property", true, property, sizeof property);
    if (rc == RC_OK)
        rc = text(r, "power_converter", true, converter, sizeof converter);
    if (rc == RC_OK)
        rc = text(r, "conversion", true, conversion, sizeof conversion);
    if (rc != RC_OK)
        return rc;
    found_converter = magnets_find(m, converter);
    found_conversion = find_conversion(m, conversion);
    if (!parse_property(property, &link->property))
        return complain(r, "property", "is none of k1 k1s k2 ... b0 ... a15 hkick vkick");
    if (found_converter < 0)
        return complain(r, "power_converter", "is not in \"power_converters\"");
    if (found_conversion < 0)
        return complain(r, "conversion", "is not in \"conversions\"");
    link->power_converter = (uint32_t) found_converter;
    link->conversion = (uint32_t) found_conversion;
    return read_reference_point(r, m, link);
}

static enum rc read_family(const struct reading *r, struct magnets *m, uint32_t i)
{
    struct magnet_family *f = &m->family[i];
    size_t n = json_array_size(r->entry);

    snprintf(f->name, sizeof f->name, "%s", r->name);
    f->power_converter = calloc(n ? n : 1, sizeof *f->power_converter);
    if (!f->power_converter)
        return err_set(RC_NOMEM, "no memory for a family");
    if (n == 0 || n > m->n_converter)
        return complain(r, r->name, "is not a list of power converters");
    for (f->n = 0; f->n < n; f->n++) {
        const char *name = json_string_value(json_array_get(r->entry, f->n));
        int64_t found = name ? magnets_find(m, name) : -1;

        if (found < 0)
            return complain(r, r->name, "has a name that is not in \"power_converters\"");
        f->power_converter[f->n] = (uint32_t) found;
    }
    return RC_OK;
}

static enum rc read_reference(const struct reading *r, struct magnets *m, uint32_t i)
{
    struct magnet_reference *reference = &m->reference[i];
    enum rc rc = no_other_keys(r, "origin date branch note");

    snprintf(reference->name, sizeof reference->name, "%s", r->name);
    if (rc == RC_OK)
        rc = note(r, "origin", &reference->origin);
    if (rc == RC_OK)
        rc = note(r, "date", &reference->date);
    if (rc == RC_OK)
        rc = note(r, "branch", &reference->branch);
    return rc;
}

/* ---- lists ---- */

typedef enum rc read_entry(const struct reading *r, struct magnets *m, uint32_t i);

static enum rc read_array(struct reading r, struct magnets *m, const json_t *list,
                          read_entry *read)
{
    enum rc rc = RC_OK;

    for (r.i = 0; r.i < json_array_size(list) && rc == RC_OK; r.i++) {
        r.entry = json_array_get(list, r.i);
        r.name = json_string_value(json_object_get(r.entry, "name"));
        if (!r.name)
            r.name = json_string_value(json_object_get(r.entry, "element"));
        rc = json_is_object(r.entry) ? read(&r, m, (uint32_t) r.i)
                                     : complain(&r, r.list, "has an entry that is none");
    }
    return rc;
}

static enum rc read_object(struct reading r, struct magnets *m, json_t *object,
                           read_entry *read)
{
    const char *key;
    json_t *value;
    enum rc rc = RC_OK;

    r.i = 0;
    json_object_foreach(object, key, value)
    {
        r.name = key;
        r.entry = value;
        if (strlen(key) >= MAGNETS_NAME_SIZE)
            rc = complain(&r, "name", "is too long");
        if (rc == RC_OK)
            rc = read(&r, m, (uint32_t) r.i);
        if (rc != RC_OK)
            break;
        r.i++;
    }
    return rc;
}

static enum rc count(const struct reading *r, const json_t *root, const char *key,
                     bool required, uint32_t *n)
{
    const json_t *list = json_object_get(root, key);
    size_t size = json_is_array(list) ? json_array_size(list) : json_object_size(list);

    if (required && size == 0)
        return complain(r, key, "is missing or empty");
    if (size > MAGNETS_MAX)
        return complain(r, key, "is too long");
    *n = (uint32_t) size;
    return RC_OK;
}

static enum rc allocate(struct magnets *m)
{
    m->converter = calloc(m->n_converter, sizeof *m->converter);
    m->conversion = calloc(m->n_conversion, sizeof *m->conversion);
    m->conversion_name = calloc(m->n_conversion, sizeof *m->conversion_name);
    m->link = calloc(m->n_link, sizeof *m->link);
    m->family = calloc(m->n_family ? m->n_family : 1, sizeof *m->family);
    m->reference = calloc(m->n_reference, sizeof *m->reference);
    if (!m->converter || !m->conversion || !m->conversion_name || !m->link || !m->family ||
        !m->reference)
        return err_set(RC_NOMEM, "no memory for %u magnets", m->n_link);
    return RC_OK;
}

static enum rc choose_reference(const struct reading *r, struct magnets *m, const char *wanted)
{
    for (m->active = 0; m->active < m->n_reference; m->active++)
        if (strcmp(m->reference[m->active].name, wanted) == 0)
            return RC_OK;
    m->active = 0;
    return complain(r, wanted, "is not in \"references\"");
}

static enum rc read_head(const struct reading *r, struct magnets *m)
{
    char format[32] = "";
    enum rc rc = no_other_keys(r, "format machine origin revision energy_gev placeholder "
                                  "active_reference references conversions power_converters "
                                  "magnets families notes");

    if (rc == RC_OK)
        rc = text(r, "format", true, format, sizeof format);
    if (rc == RC_OK && strcmp(format, "orbitd-magnets-1") != 0)
        rc = complain(r, "format", "is not \"orbitd-magnets-1\"");
    if (rc == RC_OK)
        rc = note(r, "machine", &m->machine);
    if (rc == RC_OK)
        rc = note(r, "origin", &m->origin);
    if (rc == RC_OK)
        rc = note(r, "revision", &m->revision);
    if (rc == RC_OK)
        rc = number(r, "energy_gev", true, &m->energy_gev);
    if (rc == RC_OK && !(m->energy_gev > 1e-3))
        rc = complain(r, "energy_gev", "is not the total energy of an electron beam");
    m->placeholder = json_is_true(json_object_get(r->entry, "placeholder"));
    return rc;
}

/* In the order in which one refers to another. */
static const struct {
    const char *key;
    bool required;
    size_t count_offset;
    read_entry *read;
} lists[] = {
    {"references", true, offsetof(struct magnets, n_reference), read_reference},
    {"conversions", true, offsetof(struct magnets, n_conversion), read_conversion},
    {"power_converters", true, offsetof(struct magnets, n_converter), read_converter},
    {"magnets", true, offsetof(struct magnets, n_link), read_link},
    {"families", false, offsetof(struct magnets, n_family), read_family},
};

enum { N_LISTS = sizeof lists / sizeof lists[0] };

static enum rc read_list(struct reading r, struct magnets *m, json_t *root, size_t i)
{
    json_t *list = json_object_get(root, lists[i].key);

    r.list = lists[i].key;
    return json_is_array(list) ? read_array(r, m, list, lists[i].read)
                               : read_object(r, m, list, lists[i].read);
}

static enum rc read_all(const struct reading *r, struct magnets *m, json_t *root,
                        const char *wanted)
{
    char active[MAGNETS_NAME_SIZE] = "";
    enum rc rc = read_head(r, m);

    if (rc == RC_OK)
        rc = text(r, "active_reference", true, active, sizeof active);
    for (size_t i = 0; i < N_LISTS && rc == RC_OK; i++)
        rc = count(r, root, lists[i].key, lists[i].required,
                   (uint32_t *) (void *) ((char *) m + lists[i].count_offset));
    if (rc == RC_OK)
        rc = allocate(m);
    for (size_t i = 0; i < N_LISTS && rc == RC_OK; i++) {
        rc = read_list(*r, m, root, i);
        if (rc == RC_OK && i == 0)
            rc = choose_reference(r, m, wanted ? wanted : active);
    }
    return rc;
}

enum rc magnets_read(struct magnets **out, const char *json, size_t size, const char *source,
                     const char *reference)
{
    json_error_t error;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
    struct magnets *m = calloc(1, sizeof *m);
    struct reading r = {.source = source, .entry = root};
    enum rc rc;

    *out = NULL;
    if (!m)
        rc = err_set(RC_NOMEM, "no memory for a table of magnets");
    else if (!root)
        rc = err_set(RC_INPUT, "%s:%d:%d: %s", source, error.line, error.column, error.text);
    else if (!json_is_object(root))
        rc = err_set(RC_INPUT, "%s: not a JSON object", source);
    else
        rc = read_all(&r, m, root, reference);
    json_decref(root);
    if (rc != RC_OK)
        magnets_destroy(m);
    else
        *out = m;
    return rc;
}

void magnets_destroy(struct magnets *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; m->conversion && i < m->n_conversion; i++) {
        free(m->conversion[i].in);
        free(m->conversion[i].out);
        free(m->conversion[i].slope);
    }
    for (uint32_t i = 0; m->family && i < m->n_family; i++)
        free(m->family[i].power_converter);
    for (uint32_t i = 0; m->reference && i < m->n_reference; i++) {
        free(m->reference[i].origin);
        free(m->reference[i].date);
        free(m->reference[i].branch);
    }
    free(m->converter);
    free(m->conversion);
    free(m->conversion_name);
    free(m->link);
    free(m->family);
    free(m->reference);
    free(m->machine);
    free(m->origin);
    free(m->revision);
    free(m);
}
