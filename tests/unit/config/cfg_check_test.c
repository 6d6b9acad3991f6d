#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "config/cfg.h"

/* Lines of a configuration behind the one that names the ring, and the only fault that they
 * give; NULL: they are good. */
struct rule {
    const char *text, *fault;
};

static void expect(const struct rule *table, size_t n)
{
    static struct cfg cfg;
    static struct cfg_faults faults;
    char text[1024];

    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof text, "ring: {lattice: l, devices: d}\n%s", table[i].text);
        if (cfg_parse(&cfg, text, strlen(text), "f", &faults) == RC_OK)
            faults.text[0][0] = '\0';
        assert_string_equal(faults.text[0], table[i].fault ? table[i].fault : "");
        assert_int_equal(faults.count, table[i].fault ? 1 : 0);
    }
}

#define EXPECT(table) expect(table, sizeof table / sizeof table[0])
#define VIRTUAL       "run: {programs: [orbit-ring, orbitd]}\n"

static void the_law_is_not_faster_than_set_points_leave(void **state)
{
    static const struct rule table[] = {
        {VIRTUAL "law: {every: 99}\n",
         "f:3:14: law.every: 99 frames at 1000 frames/s are less than a write period of 100 ms "
         "(epics.write_hz): at least 100"},
        {VIRTUAL "law: {every: 100}\n", NULL},
        {VIRTUAL "law: {every: 34}\nvirtual: {rate_hz: 1000}\nepics: {write_hz: 30}\n", NULL},
        {VIRTUAL "law: {every: 33}\nvirtual: {rate_hz: 1000}\nepics: {write_hz: 30}\n",
         "f:3:14: law.every: 33 frames at 1000 frames/s are less than a write period of "
         "33.3333 ms "
         "(epics.write_hz): at least 34"},
        {"law: {every: 1}\n", NULL},
    };

    (void) state;
    EXPECT(table);
}

static void a_lease_outlasts_the_write_period(void **state)
{
    static const struct rule table[] = {
        {"lease: {min_ms: 99}\n", "f:2:17: lease.min_ms: 99 ms is shorter than the write "
                                  "period of 100 ms (epics.write_hz)"},
        {"lease: {min_ms: 100}\n", NULL},
        {VIRTUAL "lease: {min_ms: 20}\n", NULL},
    };

    (void) state;
    EXPECT(table);
}

static void an_age_limit_is_at_least_two_periods(void **state)
{
    static const struct rule table[] = {
        {"source: {actuator_max_age_ms: 39}\n",
         "f:2:31: source.actuator_max_age_ms: 39 ms is less than two periods of 20 ms "
         "(epics.echo_hz)"},
        {"source: {actuator_max_age_ms: 40}\n", NULL},
        {VIRTUAL "source: {bpm_max_age_ms: 1}\n", "f:3:26: source.bpm_max_age_ms: 1 ms is less "
                                                  "than two periods of 1 ms (virtual.rate_hz)"},
        {"source: {bpm_max_age_ms: 1}\n", NULL},
    };

    (void) state;
    EXPECT(table);
}

static void a_trip_limit_can_be_reached(void **state)
{
    static const struct rule table[] = {
        {"trip: {orbit_m: 0.03}\n", "f:2:17: trip.orbit_m: 0.03 m can never be seen: beyond "
                                    "0.02 m (bpm.max_m) a position is not "
                                    "valid"},
        {"trip: {orbit_m: 0.02}\n", NULL},
    };

    (void) state;
    EXPECT(table);
}

static void the_socket_fits_into_its_address(void **state)
{
    static const struct rule table[] = {
        {"runtime_dir: "
         "/23456789012345678901234567890123456789012345678901234567890123456789012345678901"
         "234567890\n",
         NULL},
        {"runtime_dir: "
         "/23456789012345678901234567890123456789012345678901234567890123456789012345678901"
         "2345678901\n",
         "f:2:14: runtime_dir: the socket's path has 103 characters, 102 are possible: "
         "/23456789012345678901234567890123456789012345678901234567890123456789012345678901"
         "2345678901/orbitd.sock"},
        {"runtime_dir: here\n",
         "f:2:14: runtime_dir: 'here' is not absolute: every program would look elsewhere"},
        {"state_dir: ./here\n",
         "f:2:12: state_dir: './here' is not absolute: every program would look elsewhere"},
    };

    (void) state;
    EXPECT(table);
}

static void names_have_the_letters_that_their_use_allows(void **state)
{
    static const struct rule table[] = {
        {"instance: ../x\n", "f:2:11: instance: '../x' is not a name: letters, digits, _ - . "
                             "and not one of - . first"},
        {"instance: ''\n", "f:2:11: instance: is empty"},
        {"source: {actuator: bpm}\n", "f:2:20: source.actuator: 'bpm' is a BPM source already"},
        {"source: {bpm: [a/b]}\n", "f:2:15: source.bpm: 'a/b' is not a name: letters, digits, "
                                   "_ - . and not one of - . first"},
        {"run: {programs: [/bin/sh]}\n", "f:2:17: run.programs: '/bin/sh' is not a name: "
                                         "letters, digits, _ - . and not one of - . "
                                         "first"},
        {"epics: {prefix: 'a b'}\n",
         "f:2:17: epics.prefix: 'a b' has a character that PV names do not allow"},
        {"epics: {machine_prefix: '$(P)'}\n",
         "f:2:25: epics.machine_prefix: '$(P)' has a character that PV names do not allow"},
        {"epics: {prefix: 'SR:C01-{BPM:1}'}\n", NULL},
        {VIRTUAL "virtual: {prefix: 'ORBITD:'}\n",
         "f:3:19: virtual.prefix: 'ORBITD:' is epics.prefix too: two servers would offer the "
         "same PVs"},
    };

    (void) state;
    EXPECT(table);
}

static void addresses_and_ports_are_possible(void **state)
{
    static const struct rule table[] = {
        {"epics: {interface: localhost}\n",
         "f:2:20: epics.interface: 'localhost' is not an IPv4 address such as 127.0.0.1"},
        {"epics: {interface: 0.0.0.0}\n", NULL},
        {"epics: {addr_list: '127.0.0.1:5064 gateway'}\n", NULL},
        {"epics: {addr_list: 'a:70000'}\n",
         "f:2:20: epics.addr_list: 'a:70000' is not host or host:port"},
        {"epics: {addr_list: 'a:0'}\n",
         "f:2:20: epics.addr_list: 'a:0' is not host or host:port"},
        {"epics: {addr_list: ':5'}\n",
         "f:2:20: epics.addr_list: ':5' is not host or host:port"},
        {"epics: {addr_list: 'a,b'}\n",
         "f:2:20: epics.addr_list: 'a,b' is not host or host:port"},
        {"epics: {ca_port: 5064, pva_port: 5064}\n",
         "f:2:34: epics.pva_port: 5064 is epics.ca_port too"},
        {VIRTUAL "epics: {ca_port: 5064}\nvirtual: {ca_port: 5064}\n",
         "f:4:20: virtual.ca_port: 5064 is epics.ca_port too"},
        {"epics: {ca_port: 0, pva_port: 0}\n", NULL},
    };

    (void) state;
    EXPECT(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_law_is_not_faster_than_set_points_leave),
        cmocka_unit_test(a_lease_outlasts_the_write_period),
        cmocka_unit_test(an_age_limit_is_at_least_two_periods),
        cmocka_unit_test(a_trip_limit_can_be_reached),
        cmocka_unit_test(the_socket_fits_into_its_address),
        cmocka_unit_test(names_have_the_letters_that_their_use_allows),
        cmocka_unit_test(addresses_and_ports_are_possible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
