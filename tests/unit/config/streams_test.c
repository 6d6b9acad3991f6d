#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "config/streams.h"
#include "rt/base/datagram_format.h"

#define INPUT  "{source: a, format: libera-grouping, listen: '127.0.0.1:2048'}"
#define BPM    "{source: a, bpm: B1, id: 5}"
#define OUTPUT "{name: p, format: als-u, send: '10.0.0.2:1', listen: '10.0.0.1:2', write: true}"
#define SUPPLY "{output: p, corrector: H1, supply: 3}"

static struct devices devices;
static struct streams streams;
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

static enum rc parse(const char *input, const char *bpm, const char *output, const char *supply)
{
    char text[2048];

    snprintf(text, sizeof text,
             "format: orbitd-streams-1\ninputs:\n  - %s\nbpms:\n  - %s\noutputs:\n  - %s\n"
             "supplies:\n  - %s\n",
             input, bpm, output, supply);
    faults.count = 0;
    return streams_parse(&streams, text, strlen(text), "t", &devices, &faults);
}

static void all_four_lists_are_read(void **state)
{
    (void) state;
    assert_int_equal(parse(INPUT, BPM, OUTPUT, SUPPLY), RC_OK);
    assert_ptr_equal(streams_find_input(&streams, "a"), &streams.input[0]);
    assert_null(streams_find_input(&streams, "b"));
    assert_int_equal(streams.input[0].format, BPM_LIBERA_GROUPING);
    assert_int_equal(streams.input[0].listen.host, 0x7f000001);
    assert_int_equal(streams.input[0].listen.port, 2048);
    assert_int_equal(streams.input[0].counter_step, 1);
    assert_int_equal(streams.bpm[0].id, 5);
    assert_int_equal(streams.output[0].format, SUPPLY_ALSU);
    assert_int_equal(streams.output[0].send.host, 0x0a000002);
    assert_true(streams.output[0].write);
    assert_close(streams.output[0].timeout_ms, 100, 0, 0);
    assert_int_equal(streams.supply[0].supply, 3);
    streams_free(&streams);
}

static void a_list_may_be_missing(void **state)
{
    static const char text[] =
        "format: orbitd-streams-1\ninputs: [" INPUT "]\nbpms: [" BPM "]\n";

    (void) state;
    faults.count = 0;
    assert_int_equal(streams_parse(&streams, text, strlen(text), "t", &devices, &faults),
                     RC_OK);
    assert_int_equal(streams.n_output, 0);
    streams_free(&streams);
}

static void every_fault_is_told_with_its_line(void **state)
{
    static const struct {
        const char *input, *bpm, *output, *supply, *fault;
    } cases[] = {
        {"{source: a, format: morse, listen: '127.0.0.1:1'}", BPM, OUTPUT, SUPPLY, "t:3:"},
        {"{source: a, format: diamond-cc, listen: '127.0.0.1'}", BPM, OUTPUT, SUPPLY,
         "is not an address"},
        {"{source: a, format: diamond-cc, listen: '127.0.0.256:1'}", BPM, OUTPUT, SUPPLY,
         "is not an address"},
        {"{source: a, format: libera-spark, listen: '127.0.0.1:1'}",
         "{source: a, bpm: B1, from: 10.0.0.1}", OUTPUT, SUPPLY, "counter_step: is missing"},
        {INPUT, "{source: a, bpm: B1, from: 10.0.0.1}", OUTPUT, SUPPLY, "id tells which one"},
        {INPUT, "{source: a, bpm: B9, id: 1}", OUTPUT, SUPPLY, "'B9' is not in the device"},
        {INPUT, "{source: b, bpm: B1, id: 1}", OUTPUT, SUPPLY, "'b' is not in inputs"},
        {INPUT, BPM "\n  - " BPM, OUTPUT, SUPPLY, "t:6:5: B1: is there twice"},
        {INPUT, BPM, OUTPUT, "{output: q, corrector: H1, supply: 3}", "'q' is not in outputs"},
        {INPUT, BPM, OUTPUT, "{output: p, corrector: V1, supply: 3}", "'V1' is not in the"},
        {INPUT, BPM, OUTPUT, "{output: p, corrector: H1, supply: 70000}", "supply"},
        {INPUT "\n  - " INPUT, BPM, OUTPUT, SUPPLY, "a: is there twice"},
    };

    (void) state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].input, cases[i].bpm, cases[i].output, cases[i].supply),
                         RC_INPUT);
        if (!strstr(faults.text[0], cases[i].fault))
            fail_msg("'%s' is not in '%s'", cases[i].fault, faults.text[0]);
        assert_null(streams.input);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_four_lists_are_read),
        cmocka_unit_test(a_list_may_be_missing),
        cmocka_unit_test(every_fault_is_told_with_its_line),
    };

    return cmocka_run_group_tests(tests, make_devices, free_devices);
}
