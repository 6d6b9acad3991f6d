#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/modbus/register_map.h"

#define LINK "{name: plc, tcp: '127.0.0.1:502', rate_hz: 10}"
#define AT   "link: plc, table: input, address: 0, type: int32"
#define SET  "bind: H1.set, link: plc, table: holding, address: 0, unit: A, write: true"

static struct devices devices;
static struct register_map map;
static struct cfg_faults faults;

static int make_devices(void **state)
{
    static const char text[] =
        "{\"format\": \"orbitd-devices-1\", \"machine\": \"T\", \"energy_gev\": 1.7,\n"
        "\"bpms\": [{\"name\": \"B1\", \"pv_x\": \"X\", \"pv_y\": \"Y\", \"unit\": \"nm\"}],\n"
        "\"correctors\": [{\"name\": \"H1\", \"plane\": \"h\", \"element\": \"E\","
        " \"rad_per_a\": 1e-3, \"limit_a\": 10}]}";
    (void) state;
    return devices_parse(&devices, text, strlen(text), "t", &faults) != RC_OK;
}

static int free_devices(void **state)
{
    (void) state;
    devices_free(&devices);
    return 0;
}

static enum rc parse(const char *link, const char *point)
{
    char text[2048];
    snprintf(text, sizeof text, "format: orbitd-registers-1\nlinks:\n  - %s\npoints:\n  - %s\n",
             link, point);
    faults.count = 0;
    return register_map_parse(&map, text, strlen(text), "t", &devices, &faults);
}

static const struct map_point *good(const char *point)
{
    if (parse(LINK, point) != RC_OK) {
        fail_msg("%s", faults.text[0]);
    }
    assert_int_equal(map.n_point, 1);
    return &map.point[0];
}

static void expect_fault(const char *link, const char *point, const char *fault)
{
    assert_int_equal(parse(link, point), RC_INPUT);
    assert_int_equal(faults.count, 1);
    if (!strstr(faults.text[0], fault)) {
        fail_msg("'%s' is not in '%s'", fault, faults.text[0]);
    }
    assert_null(map.point);
}

static void a_value_is_scaled_offset_and_turned_into_si(void **state)
{
    enum reading_fault fault;
    const uint16_t word[] = {0xffff, 0xff9c};
    (void) state;
    good("{bind: B1.x, " AT ", unit: um, scale: 0.5, offset: 3}");
    assert_close(map_point_read(&map.point[0], word, &fault), -47e-6, 1e-15, 0);
    assert_int_equal(fault, READING_GOOD);
    register_map_free(&map);
}

static void both_notations_mean_the_same_register(void **state)
{
    static const struct {
        const char *number;
        enum register_table table;
        uint16_t address;
    } cases[] = {{"40001", TABLE_HOLDING, 0},
                 {"30010", TABLE_INPUT, 9},
                 {"400001", TABLE_HOLDING, 0},
                 {"365530", TABLE_INPUT, 65529},
                 {"49999", TABLE_HOLDING, 9998}};
    (void) state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{bind: B1.x, link: plc, register: %s, type: int32, unit: nm}",
                 cases[i].number);
        good(text);
        assert_int_equal(map.point[0].table, cases[i].table);
        assert_int_equal(map.point[0].address, cases[i].address);
        register_map_free(&map);
    }
}

static void sentinels_limits_nan_and_bits_make_a_reading_bad(void **state)
{
    enum reading_fault fault;
    (void) state;
    good("{bind: B1.x, " AT ", unit: nm, sentinels: [-2147483648], min: -1000, max: 1000}");
    (void) map_point_read(&map.point[0], (const uint16_t[]){0x8000, 0}, &fault);
    assert_int_equal(fault, READING_SENTINEL);
    (void) map_point_read(&map.point[0], (const uint16_t[]){0, 1001}, &fault);
    assert_int_equal(fault, READING_RANGE);
    register_map_free(&map);
    good("{bind: B1.x, link: plc, table: input, address: 0, type: float32, unit: m}");
    assert_close(map_point_read(&map.point[0], (const uint16_t[]){0x7fc0, 0}, &fault), 0, 0, 0);
    assert_int_equal(fault, READING_NOT_FINITE);
    register_map_free(&map);
    good("{bind: B1.valid, link: plc, table: input, address: 0, type: bitfield, mask: 5, "
         "equals: 4}");
    (void) map_point_read(&map.point[0], (const uint16_t[]){0xfffe}, &fault);
    assert_int_equal(fault, READING_GOOD);
    (void) map_point_read(&map.point[0], (const uint16_t[]){5}, &fault);
    assert_int_equal(fault, READING_BITS);
    register_map_free(&map);
}

static void a_set_point_goes_out_as_it_would_be_read(void **state)
{
    enum reading_fault fault;
    uint16_t word[REGISTER_MAX_WORDS];
    (void) state;
    good("{" SET ", type: int16, scale: 3.125e-4}");
    assert_close(map_point_step(&map.point[0], 10), 3.125e-4, 1e-12, 0);
    assert_true(map_point_encode(&map.point[0], -1.25, word));
    assert_int_equal(word[0], (uint16_t) -4000);
    assert_close(map_point_read(&map.point[0], word, &fault), -1.25, 1e-12, 0);
    assert_false(map_point_encode(&map.point[0], 10.3, word));
    register_map_free(&map);
}

static void a_faulty_point_is_told_with_its_line(void **state)
{
    static const struct {
        const char *point, *fault;
    } cases[] = {
        {"{bind: B9.x, " AT ", unit: nm}", "t:5:5: bind: 'B9.x': the device table has no such"},
        {"{bind: B1.z, " AT ", unit: nm}", "the channels of B1 are x, y, valid"},
        {"{bind: B1.x, " AT "}", "B1.x: unit: is missing"},
        {"{bind: B1.x, " AT ", unit: A}", "unit: 'A' is not possible here"},
        {"{bind: B1.x, " AT ", unit: nm, register: 40001}", "one of address"},
        {"{bind: B1.x, link: plc, register: 20001, type: int32, unit: nm}", "register"},
        {"{bind: B1.x, link: plc, table: input, address: 65535, type: int32, unit: nm}",
         "are beyond 65535"},
        {"{bind: B1.x, " AT ", unit: nm, min: 2, max: 1}", "min is not below max"},
        {"{bind: B1.x, " AT ", unit: nm, write: true}", "only set points of correctors"},
        {"{bind: B1.x, " AT ", unit: nm, scale: 0}", "scale"},
        {"{bind: B1.x, " AT ", unit: nm, colour: red}", "colour"},
        {"{" SET ", type: int16, scale: 1e-4}", "limit of +-10 A does not fit"},
        {"{bind: H1.set, link: plc, register: 30001, type: float32, unit: A, write: true}",
         "only holding registers"},
        {"{bind: B1.x, link: no, table: input, address: 0, type: int32, unit: nm}",
         "link: 'no' is not in links"},
        {"{bind: B1.valid, " AT "}", "bitfield"},
    };
    (void) state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_fault(LINK, cases[i].point, cases[i].fault);
    }
}

static void a_faulty_link_is_told(void **state)
{
    const char *point = "{bind: B1.x, " AT ", unit: nm}";
    (void) state;
    expect_fault("{name: plc, rate_hz: 10}", point, "one of tcp and rtu is expected");
    expect_fault("{name: plc, tcp: 'a:1', rtu: /dev/x, rate_hz: 10}", point, "one of tcp and");
    expect_fault("{name: plc, tcp: 'a:1', rate_hz: 5000}", point, "rate_hz");
    expect_fault("{name: plc, rtu: /dev/x, rate_hz: 1, parity: mark}", point, "parity");
}

static void the_same_channel_twice_and_shared_written_registers_are_refused(void **state)
{
    (void) state;
    expect_fault(LINK, "{bind: B1.x, " AT ", unit: nm}\n  - {bind: B1.x, " AT ", unit: nm}",
                 "t:6:5: B1.x: is bound twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_scaled_offset_and_turned_into_si),
        cmocka_unit_test(both_notations_mean_the_same_register),
        cmocka_unit_test(sentinels_limits_nan_and_bits_make_a_reading_bad),
        cmocka_unit_test(a_set_point_goes_out_as_it_would_be_read),
        cmocka_unit_test(a_faulty_point_is_told_with_its_line),
        cmocka_unit_test(a_faulty_link_is_told),
        cmocka_unit_test(the_same_channel_twice_and_shared_written_registers_are_refused),
    };
    return cmocka_run_group_tests(tests, make_devices, free_devices);
}
