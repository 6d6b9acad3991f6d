#include "tests/support/test.h"

#include "rt/shm/layout.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/four_slot.h"

static int print_items(FILE *out)
{
    uint64_t n;
    const struct layout_item *items = layout_items(&n);

    for (uint64_t i = 0; i < n; i++) {
        if (items[i].size_b)
            fprintf(out, "%-34s offset %6lu size %6lu\n", items[i].name, items[i].value,
                    items[i].size_b);
        else
            fprintf(out, "%-34s = %lu\n", items[i].name, items[i].value);
    }
    return ferror(out) ? 1 : 0;
}

static FILE *open_golden(void)
{
    return fopen(ORBIT_SOURCE_DIR "/tests/unit/rt/shm/layout.golden", "r");
}

static void the_abi_is_the_committed_one(void **state)
{
    FILE *golden = open_golden();
    char *text = NULL;
    size_t size = 0;
    FILE *now = open_memstream(&text, &size);
    char want[256];
    char *line;
    char *rest = NULL;

    (void) state;
    assert_non_null(golden);
    assert_non_null(now);
    assert_int_equal(print_items(now), 0);
    fclose(now);
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (!fgets(want, sizeof want, golden))
            fail_msg("new in the ABI: %s", line);
        want[strcspn(want, "\n")] = 0;
        if (strcmp(line, want) != 0)
            fail_msg(
                "the ABI changed:\n  committed %s\n  now       %s\nCount ORBIT_ABI_VERSION "
                "up, then write what 'layout_test --print' says to layout.golden.",
                want, line);
    }
    assert_null(fgets(want, sizeof want, golden));
    fclose(golden);
    free(text);
}

static uint64_t size_of(const char *name, size_t length)
{
    static const struct {
        const char *name;
        uint64_t size_b;
    } sizes[] = {
#define SIZE(s) {#s, sizeof(struct s)}
        SIZE(orbit_dims),     SIZE(segment_head),    SIZE(hist),          SIZE(status_block),
        SIZE(slot_ring_head), SIZE(text_block),      SIZE(snapshot_head), SIZE(record_head),
        SIZE(setpoint_head),  SIZE(frame_head),      SIZE(four_slot),     SIZE(param_block),
        SIZE(param_head),     SIZE(param_section),   SIZE(orbit_msg),     SIZE(slow_cycle),
        SIZE(event_record),   SIZE(checkpoint_head), SIZE(set_head),
#undef SIZE
    };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (strlen(sizes[i].name) == length && memcmp(sizes[i].name, name, length) == 0)
            return sizes[i].size_b;
    fail_msg("%s is not known to this test", name);
    return 0;
}

/* A field left out of the table would leave a hole, a last one a rest. */
static void the_fields_tile_their_structures(void **state)
{
    uint64_t n;
    const struct layout_item *items = layout_items(&n);
    uint64_t end = 0;

    (void) state;
    for (uint64_t i = 0; i < n && items[i].size_b; i++) {
        size_t length = strcspn(items[i].name, ".");
        bool last = i + 1 == n || strncmp(items[i + 1].name, items[i].name, length + 1) != 0;

        assert_int_equal(items[i].value, end);
        assert_int_equal(items[i].size_b % 8, 0);
        end += items[i].size_b;
        if (last) {
            assert_int_equal(end, size_of(items[i].name, length));
            end = 0;
        }
    }
}

static void the_sizes_of_bessy_ii_follow_from_its_dimensions(void **state)
{
    const struct orbit_dims dims = {.n_bpm = 123, .n_h = 48, .n_v = 64, .n_rf = 1};
    uint64_t end = sizeof(struct snapshot_head);

    (void) state;
    assert_int_equal(dims_n_row(&dims), 246);
    assert_int_equal(dims_n_col(&dims), 113);
    for (unsigned v = 0; v < VEC_COUNT; v++) {
        enum snapshot_vector vector = (enum snapshot_vector) v;

        assert_int_equal(snapshot_offset_b(&dims, vector), end);
        assert_int_equal(vector_length(&dims, vector),
                         vector_shape(vector) == SHAPE_ROW ? 246 : 113);
        assert_true(strlen(vector_name(vector)) > 0);
        end += 8 * vector_length(&dims, vector);
    }
    assert_int_equal(snapshot_size_b(&dims), end);
    assert_int_equal(record_size_b(&dims),
                     sizeof(struct record_head) + 8 * (2 * 246 + 4 * 113));
    assert_int_equal(setpoint_size_b(&dims), sizeof(struct setpoint_head) + 8 * 113);
    assert_int_equal(frame_size_b(246), sizeof(struct frame_head) + 32 * 246);
}

static void dimensions_have_limits_that_do_not_wrap(void **state)
{
    const struct {
        struct orbit_dims dims;
        int valid;
    } cases[] = {
        {{1, 1, 0, 0}, 1},           {{ORBIT_MAX_BPM, 512, 511, 1}, 1},
        {{0, 1, 1, 1}, 0},           {{ORBIT_MAX_BPM + 1, 1, 1, 1}, 0},
        {{10, 0, 0, 0}, 0},          {{10, 512, 512, 1}, 0},
        {{10, UINT64_MAX, 2, 0}, 0}, {{UINT64_MAX / 2 + 2, 1, 1, 1}, 0},
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(dims_valid(&cases[i].dims), cases[i].valid);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_abi_is_the_committed_one),
        cmocka_unit_test(the_fields_tile_their_structures),
        cmocka_unit_test(the_sizes_of_bessy_ii_follow_from_its_dimensions),
        cmocka_unit_test(dimensions_have_limits_that_do_not_wrap),
    };

    if (argc == 2 && strcmp(argv[1], "--print") == 0)
        return print_items(stdout);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
