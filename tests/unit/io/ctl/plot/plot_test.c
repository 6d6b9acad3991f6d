/* Ticks, places in a panel, colours, and files that have something in them. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/ctl/plot/heat.h"
#include "io/ctl/plot/panel.h"
#include "io/ctl/plot/ticks.h"
#include "tests/support/temp_files.h"

static void check_label(const struct ticks *ticks, int i, const char *want)
{
    char text[32];

    ticks_label(ticks, i, text, sizeof text);
    assert_string_equal(text, want);
}

static void ticks_stand_at_round_numbers_within_the_range(void **state)
{
    struct ticks ticks = ticks_linear(-0.13, 1.07, 8);

    (void) state;
    assert_close(ticks.step, 0.2, 1e-12, 0);
    assert_close(ticks.first, 0, 0, 1e-12);
    assert_int_equal(ticks.n, 6);
    check_label(&ticks, 0, "0");
    check_label(&ticks, 1, "0.2");
    check_label(&ticks, 5, "1.0");
}

static void there_are_never_more_ticks_than_wanted(void **state)
{
    (void) state;
    for (double high = 1e-7; high < 1e7; high *= 1.37) {
        for (int most = 2; most < 20; most++) {
            struct ticks ticks = ticks_linear(-0.3 * high, high, most);

            assert_in_range(ticks.n, 1, most);
            assert_true(ticks.first >= -0.3 * high * (1 + 1e-6));
            assert_true(ticks.first + (ticks.n - 1) * ticks.step <= high * (1 + 1e-6));
        }
    }
}

static void ends_of_the_range_get_ticks_though_they_are_rounded(void **state)
{
    struct ticks ticks = ticks_linear(0, 0.3, 4);

    (void) state;
    assert_int_equal(ticks.n, 4);
    check_label(&ticks, 3, "0.3");
}

static void no_range_has_no_ticks(void **state)
{
    (void) state;
    assert_int_equal(ticks_linear(1, 1, 5).n, 0);
    assert_int_equal(ticks_linear(2, 1, 5).n, 0);
    assert_int_equal(ticks_linear(0, INFINITY, 5).n, 0);
    assert_int_equal(ticks_decades(0, 10, 5).n, 0);
}

static void decades_are_powers_of_ten(void **state)
{
    struct ticks ticks = ticks_decades(0.002, 3000, 4);
    char text[32];

    (void) state;
    assert_int_equal(ticks.n, 3);
    ticks_decade_label(&ticks, 0, text, sizeof text);
    assert_string_equal(text, "0.01");
    ticks_decade_label(&ticks, 2, text, sizeof text);
    assert_string_equal(text, "100");
    ticks = ticks_decades(1e-9, 1e-5, 3);
    ticks_decade_label(&ticks, 0, text, sizeof text);
    assert_string_equal(text, "1e-9");
}

static void a_range_gets_room_on_both_sides(void **state)
{
    double low = 2, high = 4;

    (void) state;
    ticks_range(&low, &high, 0.05, 1);
    assert_close(low, 1.9, 1e-12, 0);
    assert_close(high, 4.1, 1e-12, 0);
    low = high = 7;
    ticks_range(&low, &high, 0.05, 1);
    assert_true(low == 6 && high == 8);
}

static void values_lie_where_the_axis_says(void **state)
{
    struct panel panel = {
        .box = {100, 50, 200, 400}, .x = {10, 20, "x", false}, .y = {0.01, 100, "y", true}};

    (void) state;
    assert_close(panel_x(&panel, 15), 200, 1e-12, 0);
    assert_close(panel_y(&panel, 1), 250, 1e-12, 0);
    assert_close(panel_y(&panel, 100), 50, 1e-12, 0);
    assert_false(isfinite(panel_y(&panel, 0)) != 0);
}

static void the_scale_of_colours_is_light_at_zero_and_dark_at_both_ends(void **state)
{
    struct colour zero = heat_colour(0), low = heat_colour(-1), high = heat_colour(1);
    struct colour beyond = heat_colour(17), none = heat_colour((double) NAN);

    (void) state;
    assert_true(zero.r > 0.95 && zero.g > 0.95 && zero.b > 0.95);
    assert_true(low.b > low.r && high.r > high.b);
    assert_true(low.r + low.g + low.b < 1 && high.r + high.g + high.b < 1);
    assert_memory_equal(&beyond, &high, sizeof high);
    assert_memory_equal(&none, &figure_grey, sizeof none);
}

static enum rc draw(const char *path)
{
    const double x[4] = {0, 1, 2, 3}, y[4] = {1, (double) NAN, 3, 2};
    struct panel panel = {
        .box = {100, 50, 800, 400}, .x = {0, 3, "x [m]", false}, .y = {0, 4, "y [m]", false}};
    struct series series = {.name = "y", .n = 4, .x = x, .y = y};
    struct figure *figure;
    enum rc rc = figure_open(&figure, path);

    if (rc != RC_OK)
        return rc;
    panel_draw(figure, &panel);
    panel_series(figure, &panel, &series);
    panel_legend(figure, &panel, 1, &series);
    return figure_close(figure);
}

static void check_file(const char *path, const char *start)
{
    char head[16] = "";
    FILE *file = fopen(path, "re");
    long size;

    assert_non_null(file);
    assert_true(fgets(head, (int) strlen(start) + 1, file) != NULL);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    fclose(file);
    assert_memory_equal(head, start, strlen(start));
    assert_true(size > 2000);
}

static void both_kinds_of_file_are_written(void **state)
{
    const char *png = temp_path("plot.png"), *svg = temp_path("plot.SVG");

    (void) state;
    assert_int_equal(draw(png), RC_OK);
    check_file(png, "\x89PNG");
    assert_int_equal(draw(svg), RC_OK);
    check_file(svg, "<?xml");
}

static void other_names_and_places_are_refused_with_the_reason(void **state)
{
    (void) state;
    assert_int_equal(draw(temp_path("plot.pdf")), RC_INPUT);
    assert_non_null(strstr(err_text(), "plot.pdf"));
    assert_int_equal(draw(temp_path("nowhere/plot.png")), RC_SYS);
    assert_non_null(strstr(err_text(), "No such file"));
}

static void a_full_disk_is_reported(void **state)
{
    (void) state;
    if (symlink("/dev/full", temp_path("full.png")) != 0 ||
        symlink("/dev/full", temp_path("full.svg")) != 0)
        fail_msg("no symbolic link");
    assert_int_equal(draw(temp_path("full.png")), RC_SYS);
    assert_int_equal(draw(temp_path("full.svg")), RC_SYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_stand_at_round_numbers_within_the_range),
        cmocka_unit_test(there_are_never_more_ticks_than_wanted),
        cmocka_unit_test(ends_of_the_range_get_ticks_though_they_are_rounded),
        cmocka_unit_test(no_range_has_no_ticks),
        cmocka_unit_test(decades_are_powers_of_ten),
        cmocka_unit_test(a_range_gets_room_on_both_sides),
        cmocka_unit_test(values_lie_where_the_axis_says),
        cmocka_unit_test(the_scale_of_colours_is_light_at_zero_and_dark_at_both_ends),
        cmocka_unit_test(both_kinds_of_file_are_written),
        cmocka_unit_test(other_names_and_places_are_refused_with_the_reason),
        cmocka_unit_test(a_full_disk_is_reported),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
