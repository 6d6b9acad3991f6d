/* What can be seen of an IOC without starting it: its points and the text of its records. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/epics/ioc/ioc.h"

static struct ioc *ioc;
static char *text;

static int set_up(void **state)
{
    (void) state;
    return ioc_create(&ioc) == RC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    ioc_stop(ioc);
    free(text);
    text = NULL;
    return 0;
}

static const char *records(void)
{
    size_t size;
    free(text);
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    ioc_print_records(ioc, "P:", stream);
    fclose(stream);
    return text;
}

static enum rc accept(void *context, struct ioc_value *value)
{
    (void) context;
    (void) value;
    return RC_OK;
}

static void a_process_has_one_ioc(void **state)
{
    (void) state;
    struct ioc *second;
    assert_int_equal(ioc_create(&second), RC_STATE);
    assert_null(second);
}

static void bad_points_are_refused_with_their_name(void **state)
{
    (void) state;
    const char *const words[] = {"A", "a choice that is far too long for EPICS"};
    const struct ioc_point bad[] = {
        {.name = NULL},
        {.name = ""},
        {.name = "WITH SPACE"},
        {.name = "WITH\"QUOTE"},
        {.name = "FIELD.VAL"},
        {.name = "LONG", .type = IOC_CHOICE, .choices = words, .n_choice = 2},
        {.name = "NONE", .type = IOC_CHOICE},
        {.name = "GROUP", .group = IOC_MAX_GROUP},
        {.name = "ALONE", .structure = "S"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ioc_add(ioc, &bad[i], NULL), RC_INPUT);
    }
    assert_int_equal(ioc_add(ioc, &(struct ioc_point){.name = "TWICE"}, NULL), RC_OK);
    assert_int_equal(ioc_add(ioc, &(struct ioc_point){.name = "TWICE"}, NULL), RC_INPUT);
    assert_non_null(strstr(err_text(), "TWICE"));
}

static void records_have_the_type_of_their_point(void **state)
{
    (void) state;
    const char *const words[] = {"NO", "YES"};
    const struct ioc_point points[] = {
        {.name = "R"},
        {.name = "RW", .put = accept},
        {.name = "RV", .n = 4},
        {.name = "I", .type = IOC_INTEGER},
        {.name = "IW", .type = IOC_INTEGER, .put = accept},
        {.name = "IV", .type = IOC_INTEGER, .n = 4},
        {.name = "T", .type = IOC_TEXT},
        {.name = "TW", .type = IOC_TEXT, .put = accept},
        {.name = "TL", .type = IOC_TEXT, .n = 100},
        {.name = "C", .type = IOC_CHOICE, .choices = words, .n_choice = 2},
        {.name = "CW", .type = IOC_CHOICE, .choices = words, .n_choice = 2, .put = accept},
        {.name = "N", .type = IOC_NAMES, .n = 3},
    };
    const char *const type[] = {"ai",       "ao",       "waveform", "int64in",
                                "int64out", "waveform", "stringin", "stringout",
                                "waveform", "mbbi",     "mbbo",     "waveform"};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        assert_int_equal(ioc_add(ioc, &points[i], NULL), RC_OK);
    }
    const char *all = records();
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        char head[64];
        snprintf(head, sizeof head, "record(%s, \"P:%s\") {", type[i], points[i].name);
        assert_non_null(strstr(all, head));
    }
}

static void units_limits_and_alarms_are_fields(void **state)
{
    (void) state;
    const struct ioc_point point = {.name = "A",
                                    .unit = "um",
                                    .prec = 3,
                                    .desc = "a \"quoted\" \\ text",
                                    .display = {-10, 10},
                                    .drive = {-8, 8},
                                    .warn = {-5, 5},
                                    .put = accept};
    assert_int_equal(ioc_add(ioc, &point, NULL), RC_OK);
    const char *const field[] = {
        "(EGU, \"um\")",    "(PREC, \"3\")", "(HOPR, \"10\")",
        "(LOPR, \"-10\")",  "(DRVH, \"8\")", "(HIGH, \"5\")",
        "(HSV, \"MINOR\")", "(OUT, \"@0\")", "(DESC, \"a \\\"quoted\\\" \\\\ text\")"};
    const char *all = records();
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        assert_non_null(strstr(all, field[i]));
    }
    assert_null(strstr(all, "HIHI"));
}

static void fields_of_a_structure_are_one_chain_with_one_trigger(void **state)
{
    (void) state;
    const struct ioc_point points[] = {{.name = "X", .n = 2, .structure = "S", .field = "x"},
                                       {.name = "OTHER"},
                                       {.name = "Y", .structure = "S", .field = "y"}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ioc_add(ioc, &points[i], NULL), RC_OK);
    }
    const char *all = records();
    const char *link = strstr(all, "field(FLNK, \"P:Y\")");
    assert_non_null(link);
    assert_null(strstr(link + strlen("field(FLNK"), "FLNK"));
    const char *trigger = strstr(all, "+trigger:\"*\"");
    assert_non_null(trigger);
    assert_null(strstr(trigger + strlen("+trigger"), "+trigger"));
    assert_non_null(strstr(strstr(all, "\"P:Y\") {"), "SCAN, \"Passive\""));
}

static void names_longer_than_epics_allows_are_refused_at_the_start(void **state)
{
    (void) state;
    char prefix[48];
    memset(prefix, 'P', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    assert_int_equal(ioc_add(ioc, &(struct ioc_point){.name = "A:NAME:OF:20:LETTERS"}, NULL),
                     RC_OK);
    struct ioc_place place = {.interface = "127.0.0.1", .prefix = prefix};
    assert_int_equal(ioc_start(ioc, &place), RC_INPUT);
    assert_non_null(strstr(err_text(), "A:NAME:OF:20:LETTERS"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_process_has_one_ioc),
        TEST(bad_points_are_refused_with_their_name),
        TEST(records_have_the_type_of_their_point),
        TEST(units_limits_and_alarms_are_fields),
        TEST(fields_of_a_structure_are_one_chain_with_one_trigger),
        /* Last: an IOC that tried to start lasts until the process ends. */
        TEST(names_longer_than_epics_allows_are_refused_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
