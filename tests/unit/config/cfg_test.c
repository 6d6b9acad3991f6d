#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/cfg.h"
#include "config/cfg_keys.h"
#include "config/cfg_value.h"

/* A text and every fault line that it gives, in order. The first line of each names the ring.
 */
struct faulty {
    const char *text, *lines;
};

#define RING "ring: {lattice: l, devices: d}\n"

static struct cfg cfg, other;
static struct cfg_faults faults;

static void join_faults(char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < faults.count && i < CFG_MAX_FAULTS && used < size; i++)
        used += (size_t) snprintf(text + used, size - used, "%s\n", faults.text[i]);
}

static enum rc parse(const char *text)
{
    return cfg_parse(&cfg, text, strlen(text), "f", &faults);
}

static void expect_faults(const struct faulty *table, size_t n)
{
    char lines[4096];

    for (size_t i = 0; i < n; i++) {
        enum rc rc = parse(table[i].text);

        join_faults(lines, sizeof lines);
        assert_string_equal(lines, table[i].lines);
        assert_int_equal(rc, RC_INPUT);
    }
}

#define EXPECT_FAULTS(table) expect_faults(table, sizeof table / sizeof table[0])

static void what_is_left_out_has_its_default(void **state)
{
    (void) state;
    assert_int_equal(parse(RING), RC_OK);
    assert_string_equal(cfg.instance, "orbitd");
    assert_close(cfg.loop_rate_hz, 1000, 0, 0);
    assert_int_equal(cfg.loop_timer, 1);
    assert_int_equal(cfg.loop_core, -1);
    assert_true(cfg.loop_float32);
    assert_false(cfg.loop_strict);
    assert_int_equal(cfg.source_bpm.count, 1);
    assert_string_equal(cfg.source_bpm.name[0], "bpm");
    assert_int_equal(cfg.run_programs.count, 3);
    assert_close(cfg.law_step_limit_rad, 20e-6, 1e-15, 0);
}

static void every_kind_of_value_is_read(void **state)
{
    (void) state;
    assert_int_equal(parse("instance: b2\n" RING
                           "loop:\n  rate_hz: 2.5e2\n  timer: sleep\n  core: 3\n"
                           "  strict: true\nsource: {bpm: [fast, 'slow-x']}\nrun: {programs: "
                           "orbitd orbit-model}\n"
                           "epics: {prefix: \"A:\", current_pv: }\n"),
                     RC_OK);
    assert_string_equal(cfg.instance, "b2");
    assert_close(cfg.loop_rate_hz, 250, 0, 0);
    assert_int_equal(cfg.loop_timer, 0);
    assert_int_equal(cfg.loop_core, 3);
    assert_true(cfg.loop_strict);
    assert_int_equal(cfg.source_bpm.count, 2);
    assert_string_equal(cfg.source_bpm.name[1], "slow-x");
    assert_string_equal(cfg.run_programs.name[1], "orbit-model");
    assert_string_equal(cfg.epics_current_pv, "");
}

static void text_stays_text_where_yaml_1_1_sees_something_else(void **state)
{
    (void) state;
    assert_int_equal(parse("instance: no\n" RING), RC_OK);
    assert_string_equal(cfg.instance, "no");
    assert_int_equal(parse("instance: 010\n" RING), RC_OK);
    assert_string_equal(cfg.instance, "010");
}

static void aliases_are_followed(void **state)
{
    (void) state;
    assert_int_equal(parse(RING "law: {kp: &gain 0.25, ki: *gain}\n"), RC_OK);
    assert_close(cfg.law_ki, 0.25, 0, 0);
}

static void a_wrong_value_is_named_with_its_limits(void **state)
{
    static const struct faulty table[] = {
        {RING "loop:\n  rate_hz: fast\n",
         "f:3:12: loop.rate_hz: a decimal number is expected, not 'fast'\n"},
        {RING "loop:\n  rate_hz: 0\n", "f:3:12: loop.rate_hz: 0 is outside 1 to 100000 Hz\n"},
        {RING "loop:\n  rate_hz: .nan\n",
         "f:3:12: loop.rate_hz: a decimal number is expected, not '.nan'\n"},
        {RING "loop:\n  rate_hz: nan\n",
         "f:3:12: loop.rate_hz: a decimal number is expected, not 'nan'\n"},
        {RING "loop:\n  rate_hz: 1e999\n",
         "f:3:12: loop.rate_hz: 1e999 is outside 1 to 100000 Hz\n"},
        {RING "loop:\n  rate_hz: 0x10\n",
         "f:3:12: loop.rate_hz: a decimal number is expected, not '0x10'\n"},
        {RING "loop:\n  rate_hz: 1_000\n",
         "f:3:12: loop.rate_hz: a decimal number is expected, not '1_000'\n"},
        {RING "loop:\n  rate_hz: 16:40\n",
         "f:3:12: loop.rate_hz: a decimal number is expected, not '16:40'\n"},
        {RING "loop:\n  rate_hz: 0500\n",
         "f:3:12: loop.rate_hz: a number without leading zeros is expected, not '0500'\n"},
        {RING "loop:\n  rate_hz:\n", "f:3:11: loop.rate_hz: has no value\n"},
        {RING "loop:\n  rate_hz: '500'\n",
         "f:3:12: loop.rate_hz: a value without quotes is expected, not '500'\n"},
        {RING "loop:\n  rate_hz: [1, 2]\n",
         "f:3:12: loop.rate_hz: a single value is expected\n"},
        {RING "loop:\n  core: 010\n",
         "f:3:9: loop.core: a number without leading zeros is expected, not '010'\n"},
        {RING "loop:\n  core: 1.5\n",
         "f:3:9: loop.core: a whole number is expected, not '1.5'\n"},
        {RING "loop:\n  priority: 99\n", "f:3:13: loop.priority: 99 is outside 0 to 98\n"},
        {RING "loop:\n  late_limit: 99999999999999999999\n",
         "f:3:15: loop.late_limit: 99999999999999999999 is outside 1 to 1000000\n"},
        {RING "loop:\n  strict: on\n",
         "f:3:11: loop.strict: true or false is expected, not 'on'\n"},
        {RING "loop:\n  strict: no\n",
         "f:3:11: loop.strict: true or false is expected, not 'no'\n"},
        {RING "loop:\n  timer: often\n",
         "f:3:10: loop.timer: one of sleep|hybrid|spin|external is expected, not 'often'\n"},
        {RING "instance: abcdefghijklmnopqrstuvwxyz0123456789\n",
         "f:2:11: instance: 36 characters are more than 31\n"},
        {RING "epics: {prefix: \"a\\tb\"}\n",
         "f:2:17: epics.prefix: contains a control character\n"},
        {RING "epics: {prefix: \"a\\0b\"}\n",
         "f:2:17: epics.prefix: a single value is expected\n"},
    };

    (void) state;
    EXPECT_FAULTS(table);
}

static void a_wrong_list_is_named(void **state)
{
    static const struct faulty table[] = {
        {RING "source: {bpm: [a, [b]]}\n",
         "f:2:19: source.bpm: an item of the list is not a name\n"},
        {RING "source: {bpm: [a, a]}\n", "f:2:19: source.bpm: 'a' is there twice\n"},
        {RING "source: {bpm: [a, '']}\n", "f:2:19: source.bpm: names of 1 to 31 characters "
                                          "without blanks and quotes are expected, not ''\n"},
        {RING "source: {bpm: {a: 1}}\n", "f:2:15: source.bpm: a single value is expected\n"},
        {RING "source: {bpm: a b c d e f g h}\n", "f:2:15: source.bpm: more than 7 names\n"},
        {RING "source: {bpm: []}\n", "f:2:15: source.bpm: names no source\n"},
    };

    (void) state;
    EXPECT_FAULTS(table);
}

static void an_unknown_or_repeated_key_is_named_with_a_guess(void **state)
{
    static const struct faulty table[] = {
        {RING "loop:\n  rat_hz: 3\n",
         "f:3:3: loop.rat_hz: unknown key; did you mean 'rate_hz'?\n"},
        {RING "loop:\n  ki: 3\n", "f:3:3: loop.ki: unknown key; it belongs to law\n"},
        {RING "ki: 3\n", "f:2:1: ki: unknown key; it belongs to law\n"},
        {RING "loop:\n  instance: 3\n",
         "f:3:3: loop.instance: unknown key; it belongs to the top level\n"},
        {RING "lop:\n  rate_hz: 3\n", "f:2:1: lop: unknown section; did you mean 'loop'?\n"},
        {RING "completely: 3\n", "f:2:1: completely: unknown key\n"},
        {RING "loop: 3\n", "f:2:7: loop: a section with keys below it is expected\n"},
        {RING "loop:\n  core: 1\n  core: 2\n",
         "f:4:9: loop.core: is given twice, first on line 3\n"},
        {RING "loop: {core: 1}\nloop: {strict: true}\n",
         "f:3:1: loop: the section is given twice, first on line 2\n"},
        {RING "[a]: 3\n", "f:2:1: a key must be a name\n"},
        {RING "loop: {<<: {core: 1}}\n", "f:2:8: loop.<<: unknown key\n"},
    };

    (void) state;
    EXPECT_FAULTS(table);
}

static void a_text_that_is_not_one_mapping_is_refused(void **state)
{
    static const struct faulty table[] = {
        {"", "f: is empty\n"},
        {"# nothing\n", "f: is empty\n"},
        {"- a\n", "f:1:1: 'key: value' lines are expected\n"},
        {"loop: [1,\nlaw: 3\n", "f:3:1: syntax: did not find expected ',' or ']' (while "
                                "parsing a flow sequence that starts on line 1)\n"},
        {"a: \"\xff\"\n", "f:1:1: syntax: invalid leading UTF-8 octet\n"},
        {RING "---\nloop: {core: 1}\n", "f:3:1: a second document begins: a file holds one\n"},
        {RING "loop: !mine {core: 1}\n", "f:2:7: the tag '!mine' is not used here\n"},
        {"law: {ki: *nowhere}\n", "f:1:11: syntax: found undefined alias\n"},
    };

    (void) state;
    EXPECT_FAULTS(table);
}

static void all_faults_come_at_once(void **state)
{
    static const struct faulty table[] = {
        {"loop:\n  rate_hz: 0\n  tmer: sleep\nlaw: {ki: x}\ninstance: a/b\n",
         "f:2:12: loop.rate_hz: 0 is outside 1 to 100000 Hz\n"
         "f:3:3: loop.tmer: unknown key; did you mean 'timer'?\n"
         "f:4:11: law.ki: a decimal number is expected, not 'x'\n"
         "f:5:11: instance: 'a/b' is not a name: letters, digits, _ - . and not one of - . "
         "first\n"
         "f: ring.lattice: is missing: which ring is it?\n"
         "f: ring.devices: is missing: which BPMs and correctors are there?\n"},
    };

    (void) state;
    EXPECT_FAULTS(table);
}

static void more_faults_than_are_kept_are_counted(void **state)
{
    char text[4096] = RING, printed[64 * CFG_FAULT_SIZE];
    FILE *out = fmemopen(printed, sizeof printed, "w");

    (void) state;
    for (int i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "wrong_%d: 1\n", i);
    assert_int_equal(parse(text), RC_INPUT);
    assert_int_equal(faults.count, 100);
    cfg_faults_print(out, &faults);
    fclose(out);
    assert_non_null(strstr(printed, "\n... and 36 more\n"));
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    (void) state;
    assert_int_equal(cfg_load(&cfg, "/nowhere/x.yaml", &faults), RC_INPUT);
    assert_string_equal(faults.text[0],
                        "/nowhere/x.yaml: cannot be opened: No such file or directory");
    assert_int_equal(faults.count, 1);
    assert_int_equal(cfg_load(&cfg, "/", &faults), RC_INPUT);
    assert_string_equal(faults.text[0], "/: cannot be read: Is a directory");
}

static void a_huge_file_is_refused_unread(void **state)
{
    char path[] = "/tmp/orbit-cfg-XXXXXX", want[128];
    int file = mkstemp(path);

    (void) state;
    assert_int_equal(ftruncate(file, 2 << 20), 0);
    close(file);
    assert_int_equal(cfg_load(&cfg, path, &faults), RC_INPUT);
    unlink(path);
    snprintf(want, sizeof want, "%s: is larger than 1048576 bytes", path);
    assert_string_equal(faults.text[0], want);
}

static void files_are_relative_to_the_configuration_or_to_the_state_folder(void **state)
{
    const char *text = "runtime_dir: /r\nring: {lattice: a/b.json, devices: /abs.json, "
                       "reference: state:ref.txt}\n"
                       "instance: me\n";

    (void) state;
    assert_int_equal(cfg_parse(&cfg, text, strlen(text), "/etc/x/f.yaml", &faults), RC_OK);
    assert_string_equal(cfg.ring_lattice, "/etc/x/a/b.json");
    assert_string_equal(cfg.ring_devices, "/abs.json");
    assert_string_equal(cfg.ring_reference, "/r/me/ref.txt");
}

static void a_path_too_long_with_its_folder_is_a_fault(void **state)
{
    char path[900], text[700];

    (void) state;
    snprintf(path, sizeof path, "/%0400d/f", 0);
    snprintf(text, sizeof text, "ring: {lattice: %0200d, devices: d}\n", 0);
    assert_int_equal(cfg_parse(&cfg, text, strlen(text), path, &faults), RC_INPUT);
    assert_non_null(strstr(faults.text[0],
                           ":1:17: ring.lattice: with its folder the path is longer "
                           "than 511 characters"));
}

static void an_instance_has_its_own_files(void **state)
{
    char path[CFG_PATH_SIZE];

    (void) state;
    assert_int_equal(parse("instance: me\nruntime_dir: /r\n" RING), RC_OK);
    cfg_socket_path(&cfg, path, sizeof path);
    assert_string_equal(path, "/r/me.sock");
    cfg_endpoints_path(&cfg, path, sizeof path);
    assert_string_equal(path, "/r/me.endpoints.json");
    cfg_state_dir(&cfg, path, sizeof path);
    assert_string_equal(path, "/r/me");
    assert_int_equal(parse("instance: me\nstate_dir: /s\n" RING), RC_OK);
    cfg_state_dir(&cfg, path, sizeof path);
    assert_string_equal(path, "/s");
}

/* Prints `from` and reads it back into `cfg`. */
static void a_unit_of_systemd_says_where_the_folders_are_unless_a_key_does(void **state)
{
    char path[CFG_PATH_SIZE];

    (void) state;
    setenv("RUNTIME_DIRECTORY", "/run/somewhere", 1);
    setenv("STATE_DIRECTORY", "/var/lib/somewhere", 1);
    assert_int_equal(parse("instance: me\n" RING), RC_OK);
    cfg_socket_path(&cfg, path, sizeof path);
    assert_string_equal(path, "/run/somewhere/me.sock");
    cfg_state_dir(&cfg, path, sizeof path);
    assert_string_equal(path, "/var/lib/somewhere/me");
    assert_int_equal(parse("instance: me\nruntime_dir: /r\nstate_dir: /s\n" RING), RC_OK);
    cfg_runtime_dir(&cfg, path, sizeof path);
    assert_string_equal(path, "/r");
    cfg_state_dir(&cfg, path, sizeof path);
    assert_string_equal(path, "/s");
    unsetenv("RUNTIME_DIRECTORY");
    unsetenv("STATE_DIRECTORY");
}

static void print_and_read(const struct cfg *from)
{
    static char text[65536];
    FILE *out = fmemopen(text, sizeof text, "w");

    cfg_print(out, from);
    fclose(out);
    if (parse(text) != RC_OK)
        fail_msg("%s", faults.text[0]);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    char live[512], start[512];

    (void) state;
    assert_int_equal(
        parse("instance: b2\nring: {lattice: /l, devices: /d, disabled_bpms: [A, 'B:1', no]}\n"
              "law: {ki: 0.1, kp: 1.2345678901234567e-7, every: 200}\n"
              "epics: {prefix: 'X-{a}:', addr_list: 'h:1 i', pva_port: 5076}\n"
              "loop: {timer: sleep, strict: true, rate_hz: 333.3}\n"),
        RC_OK);
    other = cfg;
    print_and_read(&other);
    assert_false(cfg_differences(&other, &cfg, live, sizeof live, start, sizeof start));
    assert_memory_equal(&other, &cfg, sizeof cfg);
}

static void every_key_of_the_table_is_printed(void **state)
{
    static char text[65536];
    FILE *out = fmemopen(text, sizeof text, "w");
    char line[80];

    (void) state;
    assert_int_equal(parse(RING), RC_OK);
    cfg_print(out, &cfg);
    fclose(out);
    for (size_t i = 0; i < cfg_n_keys; i++) {
        snprintf(line, sizeof line, "\n%s%s: ", cfg_keys[i].section[0] ? "  " : "",
                 cfg_keys[i].name);
        assert_non_null(strstr(text, line));
        assert_non_null(strstr(text, cfg_keys[i].help));
    }
}

static void the_example_lacks_only_what_has_no_default(void **state)
{
    (void) state;
    assert_int_equal(cfg_load(&cfg, ORBIT_SOURCE_DIR "/config/orbitd.yaml.example", &faults),
                     RC_INPUT);
    assert_int_equal(faults.count, 2);
    assert_non_null(strstr(faults.text[0], "ring.lattice: is missing"));
    assert_non_null(strstr(faults.text[1], "ring.devices: is missing"));
    assert_int_equal(parse("{}"), RC_INPUT);
    other = cfg;
    assert_int_equal(cfg_load(&cfg, ORBIT_SOURCE_DIR "/config/orbitd.yaml.example", &faults),
                     RC_INPUT);
    assert_memory_equal(&other, &cfg, sizeof cfg);
}

static void the_configurations_of_the_tree_are_good(void **state)
{
    static const char *const file[] = {"bessy2-virtual.yaml", "fodo-test.yaml"};
    char path[256];

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/config/%s", ORBIT_SOURCE_DIR, file[i]);
        if (cfg_load(&cfg, path, &faults) != RC_OK)
            fail_msg("%s", faults.text[0]);
        assert_int_equal(access(cfg.ring_devices, R_OK), 0);
        assert_int_equal(access(cfg.ring_lattice, R_OK), 0);
    }
}

static void differences_tell_live_keys_from_those_of_the_start(void **state)
{
    char live[256], start[256];

    (void) state;
    assert_int_equal(parse(RING), RC_OK);
    other = cfg;
    assert_false(cfg_differences(&other, &cfg, live, sizeof live, start, sizeof start));
    assert_string_equal(live, "");
    assert_string_equal(start, "");
    assert_int_equal(
        parse(RING "law: {ki: 0.3, every: 300}\nloop: {rate_hz: 500}\ninstance: x\n"), RC_OK);
    assert_true(cfg_differences(&other, &cfg, live, sizeof live, start, sizeof start));
    assert_string_equal(live, "law.ki, law.every");
    assert_string_equal(start, "instance, loop.rate_hz");
}

static void keys_of_the_start_can_be_kept(void **state)
{
    (void) state;
    assert_int_equal(parse(RING), RC_OK);
    other = cfg;
    assert_int_equal(parse(RING "law: {ki: 0.3}\nloop: {rate_hz: 500}\n"), RC_OK);
    cfg_copy_start_keys(&cfg, &other);
    assert_close(cfg.law_ki, 0.3, 0, 0);
    assert_close(cfg.loop_rate_hz, 1000, 0, 0);
}

static void nearness_is_the_number_of_changed_letters(void **state)
{
    (void) state;
    assert_int_equal(cfg_edit_distance("", "abc"), 3);
    assert_int_equal(cfg_edit_distance("abc", ""), 3);
    assert_int_equal(cfg_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(cfg_edit_distance("same", "same"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(text_stays_text_where_yaml_1_1_sees_something_else),
        cmocka_unit_test(aliases_are_followed),
        cmocka_unit_test(a_wrong_value_is_named_with_its_limits),
        cmocka_unit_test(a_wrong_list_is_named),
        cmocka_unit_test(an_unknown_or_repeated_key_is_named_with_a_guess),
        cmocka_unit_test(a_text_that_is_not_one_mapping_is_refused),
        cmocka_unit_test(all_faults_come_at_once),
        cmocka_unit_test(more_faults_than_are_kept_are_counted),
        cmocka_unit_test(a_file_that_cannot_be_read_says_why),
        cmocka_unit_test(a_huge_file_is_refused_unread),
        cmocka_unit_test(files_are_relative_to_the_configuration_or_to_the_state_folder),
        cmocka_unit_test(a_path_too_long_with_its_folder_is_a_fault),
        cmocka_unit_test(an_instance_has_its_own_files),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(every_key_of_the_table_is_printed),
        cmocka_unit_test(the_example_lacks_only_what_has_no_default),
        cmocka_unit_test(the_configurations_of_the_tree_are_good),
        cmocka_unit_test(differences_tell_live_keys_from_those_of_the_start),
        cmocka_unit_test(keys_of_the_start_can_be_kept),
        cmocka_unit_test(nearness_is_the_number_of_changed_letters),
        cmocka_unit_test(a_unit_of_systemd_says_where_the_folders_are_unless_a_key_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
