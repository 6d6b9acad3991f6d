#!/usr/bin/env python3
"""orbit-epics between a softIoc of EPICS Base, which plays the machine, and a scripted orbitd.

Real Channel Access and PV Access clients (caget, caput, camonitor, pvget) look at it. Needs ORBITD_BIN,
ORBITD_TESTS and EPICS_BIN; run it through tests/support/namespace.sh.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BIN, EPICS = os.environ["ORBITD_BIN"], os.environ["EPICS_BIN"]
TESTS = os.environ.get("ORBITD_TESTS", os.path.join(BIN, "..", "tests"))

OFF, SHADOW, ARMED, CLOSED, HOLD = range(5)
ABSENT, STALE, INVALID, SATURATED, DISABLED, FOREIGN = 1, 2, 4, 512, 32, 128
ACK, LAST_CYCLE, OUTSTANDING, WRITES, REFUSED = 0, 1, 3, 4, 5

# Rad per A. H1 is good; H2's readback is a text; V1 is wired the wrong way round; V2's readback is not there.
FACTOR = {"H1": 1e-3, "H2": 1e-3, "V1": -2e-3, "V2": 1e-3}
STEP = 1e-3  # A
COLUMN = {"H1": 0, "H2": 1, "V1": 2, "V2": 3, "RF": 4}


def corrector(name):
    return {"name": name, "plane": name[0].lower(), "element": name, "pv_set": name + ":set",
            "pv_readback": name + ":rdbk", "rad_per_a": FACTOR[name], "limit_a": 1.0,
            "resolution_a": STEP}


# BPM4's waveform is too short, BPM5's does not exist.
DEVICES = {
    "format": "orbitd-devices-1", "machine": "softIoc", "energy_gev": 1.0,
    "bpms": [
        {"name": "BPM1", "pv_x": "rdPos[0]", "pv_y": "rdPos[1]", "unit": "nm"},
        {"name": "BPM2", "pv_x": "rdPos[2]", "pv_y": "rdPos[3]", "unit": "nm", "gain_x": -2.0,
         "offset_x_m": 1e-6, "offset_y_m": -2e-6},
        {"name": "BPM3", "pv_x": "rdPos[4]", "pv_y": "rdPos[5]", "unit": "nm", "roll_rad": 0.1},
        {"name": "BPM4", "pv_x": "short[0]", "pv_y": "short[5]", "unit": "nm"},
        {"name": "BPM5", "pv_x": "none[0]", "pv_y": "none[1]", "unit": "nm"}],
    "correctors": [corrector(name) for name in FACTOR],
    "rf": {"name": "RF", "pv_set": "rf", "pv_readback": "rf", "unit": "kHz"},
}

RECORDS = """
record(waveform, "M:rdPos") { field(FTVL, "DOUBLE") field(NELM, "6") field(MPST, "Always") field(PINI, "YES") }
record(waveform, "M:short") { field(FTVL, "DOUBLE") field(NELM, "2") field(MPST, "Always") field(PINI, "YES") }
record(ai, "M:current") { field(VAL, "250") field(PINI, "YES") }
record(ao, "M:rf") { field(VAL, "499627") field(PREC, "6") field(PINI, "YES") }
record(stringin, "M:H2:rdbk") { field(VAL, "a text") field(PINI, "YES") }
""" + "".join(f"""
record(ao, "M:{name}:set") {{ field(VAL, "0.1") field(PREC, "6") field(PINI, "YES") }}
""" for name in FACTOR) + "".join(f"""
record(ai, "M:{name}:rdbk") {{ field(INP, "M:{name}:set CP") field(PREC, "6") field(PINI, "YES") }}
""" for name in ("H1", "V1"))

CONFIG = """instance: gw
runtime_dir: {folder}
ring:
  lattice: none.json
  devices: devices.json
  disabled_correctors: [{disabled}]
epics:
  machine_prefix: "M:"
  addr_list: "127.0.0.1:{port}"
  current_pv: current
  publish_hz: 20
  write_hz: 10
run:
  programs: [orbitd, orbit-epics]
"""


def wait_for(what, condition, seconds=8.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


class Fake:
    """fake_orbitd, one request a line."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [os.path.join(TESTS, "fake_orbitd"), f"{folder}/devices.json", f"{folder}/gw.sock"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def frame(self, source):
        return json.loads(self.ask("frame " + source))

    def block(self, amperes, state=CLOSED, active=1, arm=1, lease_ms=1000, run=0):
        kicks = [amperes.get(name, 0.1) * FACTOR[name] for name in FACTOR] + [777.0]
        return int(self.ask(f"block {active} {state} {arm} {lease_ms} {run} " +
                            " ".join(repr(k) for k in kicks)))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Monitor:
    """camonitor of some PVs; events: (name, value) in the order in which they came."""

    def __init__(self, env, *names):
        self.events = []
        self.process = subprocess.Popen([f"{EPICS}/camonitor", "-g", "12", *names], env=env, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        wait_for("monitors", lambda: len(self.events) >= len(names))

    def read(self):
        for line in self.process.stdout:
            word = line.split()
            self.events.append((time.monotonic(), word[0], word[3]))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


class GatewayTest(unittest.TestCase):
    disabled = ""
    more = ""
    ready_quality = 0

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="orbit-gw-")
        self.children = []
        self.env = dict(os.environ, EPICS_CA_AUTO_ADDR_LIST="NO", EPICS_CAS_INTF_ADDR_LIST="127.0.0.1",
                        EPICS_CAS_BEACON_ADDR_LIST="127.0.0.1", EPICS_CAS_AUTO_BEACON_ADDR_LIST="NO")
        with open(f"{self.folder}/devices.json", "w") as f:
            json.dump(DEVICES, f, indent=1)
        with open(f"{self.folder}/machine.db", "w") as f:
            f.write(RECORDS)
        with open(f"{self.folder}/gw.yaml", "w") as f:
            f.write(CONFIG.format(folder=self.folder, port=5164, disabled=self.disabled) + self.more)
        self.machine_env = dict(self.env, EPICS_CA_ADDR_LIST="127.0.0.1:5164")
        self.start_machine()
        self.fake = Fake(self.folder)
        self.start_gateway()
        wait_for("an actuator frame", lambda: self.fake.frame("actuator"))
        wait_for("the machine", lambda: self.quality("H1") == self.ready_quality)

    def tearDown(self):
        self.fake.close()
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            if child.stdin:
                child.stdin.close()
        self.log.close()
        subprocess.run(["rm", "-r", self.folder], check=True)

    def start_machine(self):
        self.machine = subprocess.Popen(
            [f"{EPICS}/softIoc", "-d", f"{self.folder}/machine.db"], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(self.env, EPICS_CA_SERVER_PORT="5164"))
        self.children.append(self.machine)
        wait_for("softIoc", lambda: self.ca("caget", "-t", "M:current", machine=True) == "250")

    def start_gateway(self):
        self.log = open(f"{self.folder}/log", "a")
        self.gateway = subprocess.Popen([f"{BIN}/orbit-epics", "--config", f"{self.folder}/gw.yaml"],
                                        stdout=self.log, stderr=self.log, env=self.env)
        self.children.append(self.gateway)
        entry = wait_for("orbit-epics", self.endpoint)
        self.client_env = dict(self.env, EPICS_CA_ADDR_LIST=f"127.0.0.1:{entry['ca_port']}",
                               EPICS_PVA_ADDR_LIST=f"127.0.0.1:{entry['pva_port']}",
                               EPICS_PVA_AUTO_ADDR_LIST="NO")
        wait_for("fresh points", lambda: self.ca("caget", "-t", "ORBITD:ALIVE") == "1")

    def endpoint(self):
        try:
            with open(f"{self.folder}/gw.endpoints.json") as f:
                return json.load(f).get("orbit-epics")
        except FileNotFoundError:
            return None

    def ca(self, tool, *arguments, machine=False):
        done = subprocess.run([f"{EPICS}/{tool}", *arguments], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=20,
                              env=self.machine_env if machine else self.client_env)
        return done.stdout.strip()

    def caput(self, *arguments, machine=False):
        return self.ca("caput", "-c", "-w", "8", *arguments, machine=machine)

    def read_log(self):
        with open(f"{self.folder}/log") as f:
            return f.read()

    def put_orbit(self, *nm):
        self.ca("caput", "-a", "M:rdPos", "6", *(str(v) for v in nm), machine=True)

    def bpm_frame_with(self, *nm):
        before = self.fake.frame("bpm")
        seq = before["seq"] if before else 0
        self.put_orbit(*nm)
        return wait_for("a BPM frame",
                        lambda: (f := self.fake.frame("bpm")) and f["seq"] > seq and f)

    def close_loop(self, arm=1):
        self.fake.ask(f"arm {arm}")
        self.fake.ask(f"state {CLOSED}")
        wait_for("acknowledgement", lambda: self.fake.frame("actuator")["word"][ACK] == arm)

    def set_point(self, name):
        return float(self.ca("caget", "-t", f"M:{name}:set", machine=True))

    def quality(self, name):
        return self.fake.frame("actuator")["quality"][COLUMN[name]]


class Points(GatewayTest):
    def test_points_carry_unit_precision_limits_and_one_time_of_the_cycle(self):
        dump = self.ca("caget", "-d", "DBR_CTRL_DOUBLE", "ORBITD:RMS:X")
        self.assertIn("Units:", dump)
        self.assertRegex(dump, r"Units: +um")
        self.assertRegex(dump, r"Precision: +3")
        self.assertRegex(dump, r"Hi disp limit: +5000")
        for _ in range(20):
            lines = self.ca("caget", "-a", "ORBITD:RMS:X", "ORBITD:CURRENT", "ORBITD:CYCLE").splitlines()
            stamps = {tuple(line.split()[1:3]) for line in lines}
            if len(stamps) == 1:
                return
        self.fail(f"never one time stamp: {lines}")

    def test_the_structure_never_mixes_two_snapshots(self):
        seen = set()
        for _ in range(400):
            if len(seen) > 8:
                return
            text = self.ca("pvget", "ORBITD:SNAP")
            x, y = (re.search(r"\[([-0-9.e+]+)", part).group(1)
                    for part in re.findall(r"double\[\] value \[.*", text)[:2])
            cycle = int(re.search(r"long cycle (\d+)", text).group(1))
            self.assertEqual(x, y)
            self.assertEqual(round(float(x)), cycle & 0x7ffff)
            seen.add(cycle)
        self.fail(f"only {len(seen)} snapshots in 400 looks")

    def test_long_texts_and_names_are_readable(self):
        why = self.ca("caget", "-S", "ORBITD:WHY")
        self.assertIn("in more letters than a short string has", why)
        self.assertEqual(self.ca("caget", "-t", "ORBITD:NAMES:BPM").split(),
                         ["5", "BPM1", "BPM2", "BPM3", "BPM4", "BPM5"])

    def test_read_only_points_refuse_every_put(self):
        before = self.ca("caget", "-t", "ORBITD:STATE")
        self.caput("ORBITD:STATE", "CLOSED")
        self.caput("ORBITD:RMS:X", "5")
        self.caput("ORBITD:MODE.OUT", "@0")
        self.assertEqual(self.ca("caget", "-t", "ORBITD:STATE"), before)
        self.assertNotEqual(self.ca("caget", "-t", "ORBITD:RMS:X"), "5")
        self.assertNotEqual(self.ca("caget", "-t", "ORBITD:MODE.OUT"), "@0")

    def test_states_have_the_severity_of_an_alarm(self):
        for state, word in ((SHADOW, "SHADOW"), (HOLD, "HOLD STATE MINOR"), (5, "TRIPPED STATE MAJOR")):
            self.fake.ask(f"state {state}")
            wait_for(word, lambda: self.ca("caget", "-a", "ORBITD:STATE").endswith(word))

    def test_a_loop_that_stands_still_turns_points_invalid_and_back(self):
        self.fake.ask("freeze 1")
        started = time.monotonic()
        wait_for("INVALID", lambda: "INVALID" in self.ca("caget", "-a", "ORBITD:RMS:X"))
        self.assertLess(time.monotonic() - started, 1.0)
        self.fake.ask("freeze 0")
        wait_for("good", lambda: "INVALID" not in self.ca("caget", "-a", "ORBITD:RMS:X"))

    def test_when_orbitd_dies_the_points_stay_and_come_back_with_the_next_one(self):
        self.fake.close()
        wait_for("INVALID", lambda: "INVALID" in self.ca("caget", "-a", "ORBITD:STATE"))
        self.assertIn("WRITE INVALID", (self.caput("ORBITD:MODE", "CLOSED"),
                                        self.ca("caget", "-a", "ORBITD:MODE"))[1])
        self.assertIn("orbitd is not running", self.ca("caget", "-S", "ORBITD:CMD:RESULT"))
        self.fake = Fake(self.folder)
        wait_for("good", lambda: "INVALID" not in self.ca("caget", "-a", "ORBITD:STATE"))
        wait_for("frames", lambda: self.fake.frame("actuator"))


class Commands(GatewayTest):
    def test_an_accepted_command_completes_with_its_answer(self):
        self.fake.ask("reply 0 armed and waiting")
        self.caput("ORBITD:CMD", "mode arm")
        self.assertEqual(self.ca("caget", "-S", "ORBITD:CMD:RESULT"),
                         "ORBITD:CMD:RESULT ok: armed and waiting")
        self.assertEqual(self.ca("caget", "-t", "ORBITD:CMD:CODE"), "0")
        self.assertEqual(self.fake.ask("command"), "1 mode arm")

    def test_a_refused_mode_raises_an_alarm_and_says_why(self):
        self.fake.ask("reply -5 the BPMs are not valid")
        self.caput("ORBITD:MODE", "CLOSED")
        self.assertEqual(self.fake.ask("command"), "1 mode closed")
        self.assertRegex(self.ca("caget", "-a", "ORBITD:MODE"), r"SHADOW WRITE INVALID")
        self.assertIn("state: the BPMs are not valid", self.ca("caget", "-S", "ORBITD:CMD:RESULT"))
        self.fake.ask("reply 0 done")
        self.caput("ORBITD:MODE", "HOLD")
        self.assertNotIn("INVALID", self.ca("caget", "-a", "ORBITD:MODE"))

    def test_a_trip_cannot_be_asked_for(self):
        self.caput("ORBITD:MODE", "TRIPPED")
        self.assertIn("WRITE INVALID", self.ca("caget", "-a", "ORBITD:MODE"))
        self.assertEqual(self.fake.ask("command"), "0 ")


class BpmFrames(GatewayTest):
    def test_positions_are_converted_by_unit_gain_offset_and_roll(self):
        frame = self.bpm_frame_with(1000, -2000, 3000, 4000, 10000, 0)
        want = [1e-6, -2 * 3e-6 - 1e-6, 1e-5 * 0.9950041652780258,
                -2e-6, 4e-6 + 2e-6, -1e-5 * 0.09983341664682815]
        for row, value in zip((0, 1, 2, 5, 6, 7), want):
            self.assertAlmostEqual(frame["value"][row], value, delta=1e-15)
            self.assertEqual(frame["quality"][row], 0)
        self.assertAlmostEqual(frame["scalar"][0], 0.25)
        self.assertIsNone(frame["aux"][0])  # not measured: there is no PV of it

    def test_a_short_waveform_and_a_missing_pv_spoil_only_their_own_bpm(self):
        frame = self.bpm_frame_with(1, 2, 3, 4, 5, 6)
        self.assertEqual([bool(q & INVALID) for q in frame["quality"]], 2 * [0, 0, 0, 1, 0])
        self.assertEqual([bool(q & ABSENT) for q in frame["quality"]], 2 * [0, 0, 0, 0, 1])
        wait_for("messages", lambda: "M:short: has too few elements" in self.read_log() and
                 "M:none" in self.read_log())
        time.sleep(1)
        for text in ("has too few elements", "not a number"):
            self.assertEqual(self.read_log().count(text), 1)

    def test_not_a_number_spoils_one_bpm_is_told_once_and_heals(self):
        for k in range(10):
            frame = self.bpm_frame_with(k, "nan", 3, 4, 5, 6)
        self.assertEqual(frame["quality"][5], INVALID)
        self.assertEqual(frame["quality"][1] | frame["quality"][6], 0)
        wait_for("message", lambda: "BPM BPM1: sends NaN or infinity" in self.read_log())
        frame = self.bpm_frame_with(1, 2, 3, 4, 5, 6)
        self.assertEqual(frame["quality"][5], 0)
        self.assertEqual(self.read_log().count("NaN or infinity"), 1)

    def test_without_updates_no_frame_is_made_up(self):
        frame = self.bpm_frame_with(1, 2, 3, 4, 5, 6)
        time.sleep(0.7)
        later = self.fake.frame("bpm")
        self.assertEqual(later["seq"], frame["seq"])
        self.assertGreater(later["age_ms"], 600)

    def test_a_machine_that_dies_turns_its_values_bad_and_comes_back(self):
        self.bpm_frame_with(1, 2, 3, 4, 5, 6)
        self.machine.kill()
        self.machine.wait()
        wait_for("ABSENT", lambda: self.quality("H1") & ABSENT, 2)
        wait_for("alarm", lambda: int(self.ca("caget", "-t", "ORBITD:PV:BAD")) > 5)
        self.start_machine()
        wait_for("good again", lambda: self.quality("H1") == 0, 20)
        self.bpm_frame_with(1, 2, 3, 4, 5, 6)


class SetPoints(GatewayTest):
    def test_readback_and_set_point_found_are_echoed_in_rad(self):
        frame = self.fake.frame("actuator")
        self.assertAlmostEqual(frame["value"][COLUMN["V1"]], 0.1 * -2e-3, delta=1e-12)
        self.assertAlmostEqual(frame["aux"][COLUMN["V1"]], 0.1 * -2e-3, delta=1e-12)
        self.assertEqual(frame["quality"][COLUMN["H2"]] & INVALID, INVALID)
        self.assertEqual(frame["quality"][COLUMN["V2"]] & ABSENT, ABSENT)
        self.assertEqual(frame["aux"][COLUMN["RF"]], 0)
        self.ca("caput", "M:rf", "499627.5", machine=True)
        wait_for("RF", lambda: abs(self.fake.frame("actuator")["aux"][COLUMN["RF"]] - 500) < 1e-6)

    def test_a_block_under_the_lease_is_written_and_echoed(self):
        self.close_loop()
        cycle = self.fake.block({"H1": 0.25, "V1": -0.5})
        wait_for("set points", lambda: self.set_point("H1") == 0.25 and self.set_point("V1") == -0.5)
        frame = self.fake.frame("actuator")
        self.assertEqual(frame["word"][LAST_CYCLE], cycle)
        self.assertEqual(frame["word"][WRITES], 2)
        wait_for("confirmation", lambda: self.fake.frame("actuator")["word"][OUTSTANDING] == 0)
        wait_for("readback", lambda:
                 abs(self.fake.frame("actuator")["value"][COLUMN["H1"]] - 0.25e-3) < 1e-12)

    def assert_nothing_written(self, seconds=0.5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.assertEqual(self.set_point("H1"), 0.1)

    def test_nothing_is_written_in_any_other_state(self):
        self.close_loop()
        for state in (OFF, SHADOW, ARMED, HOLD, 5):
            self.fake.ask(f"state {state}")
            self.fake.block({"H1": 0.3}, state=CLOSED)
            self.assert_nothing_written(0.2)
            self.fake.ask(f"state {CLOSED}")
            self.fake.block({"H1": 0.3}, state=state)
            self.assert_nothing_written(0.2)

    def test_nothing_is_written_after_the_lease_without_it_or_for_another_run_or_arming(self):
        self.close_loop()
        for refused in ({"lease_ms": -1}, {"active": 0}, {"run": 1}, {"arm": 2}, {"arm": 0}):
            self.fake.block({"H1": 0.3}, **refused)
            self.assert_nothing_written(0.2)
        self.assertGreater(self.fake.frame("actuator")["word"][REFUSED], 0)

    def test_a_gateway_that_was_stopped_writes_nothing_when_it_goes_on(self):
        self.close_loop()
        self.fake.block({"H1": 0.2})
        wait_for("set point", lambda: self.set_point("H1") == 0.2)
        monitor = Monitor(self.machine_env, "M:H1:set")
        self.gateway.send_signal(signal.SIGSTOP)
        self.fake.block({"H1": 0.3}, lease_ms=100)
        time.sleep(0.5)
        self.gateway.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        monitor.close()
        self.assertEqual(len(monitor.events), 1)

    def test_blocks_of_a_loop_that_died_are_not_written_by_the_next_connection(self):
        self.close_loop()
        self.fake.block({"H1": 0.2})
        wait_for("set point", lambda: self.set_point("H1") == 0.2)
        self.fake.close()
        self.fake = Fake(self.folder)
        frame = wait_for("a new connection", lambda: self.fake.frame("actuator"))
        self.assertEqual(frame["word"][LAST_CYCLE], 0)
        self.assertEqual(frame["word"][ACK], 0)
        self.assertEqual(self.set_point("H1"), 0.2)
        self.close_loop(7)
        self.fake.block({"H1": 0.25}, arm=7)
        wait_for("set point", lambda: self.set_point("H1") == 0.25)

    def test_only_whole_dac_steps_are_written_and_limits_hold(self):
        self.close_loop()
        monitor = Monitor(self.machine_env, "M:H1:set", "M:V1:set")
        self.fake.block({"H1": 0.1004, "V1": 0.1016})
        wait_for("V1", lambda: self.set_point("V1") == 0.102)
        cycle = self.fake.block({"H1": 5.0, "V1": 0.102})
        wait_for("limit", lambda: self.set_point("H1") == 1.0)
        wait_for("echo", lambda: self.fake.frame("actuator")["word"][LAST_CYCLE] == cycle)
        self.assertEqual(self.quality("H1") & SATURATED, SATURATED)
        monitor.close()
        self.assertEqual([event[1:] for event in monitor.events[2:]],
                         [("M:V1:set", "0.102"), ("M:H1:set", "1")])

    def test_the_rate_of_writes_is_capped(self):
        self.close_loop()
        monitor = Monitor(self.machine_env, "M:H1:set")
        started = time.monotonic()
        value = 0.1
        while time.monotonic() - started < 2.0:
            value = round(value + STEP, 3)
            self.fake.block({"H1": value})
            time.sleep(0.01)
        wait_for("the last value", lambda: self.set_point("H1") == value)
        monitor.close()
        times = [event[0] for event in monitor.events[1:]]
        rate = (len(times) - 1) / (times[-1] - times[0])
        self.assertLess(rate, 10.5)
        self.assertGreater(rate, 6)

    def test_the_rf_and_a_column_that_the_loop_disabled_are_never_written(self):
        self.close_loop()
        self.fake.ask(f"disable {COLUMN['H1']}")
        time.sleep(0.05)
        self.fake.block({"H1": 0.3, "V1": 0.3})
        wait_for("V1", lambda: self.set_point("V1") == 0.3)
        self.assert_nothing_written(0.2)
        self.assertEqual(self.ca("caget", "-t", "M:rf", machine=True), "499627")

    def test_another_master_is_seen_and_forgotten_with_the_next_arming(self):
        self.ca("caput", "M:H1:set", "0.15", machine=True)
        self.close_loop()
        time.sleep(0.5)
        self.assertEqual(self.quality("H1"), 0)
        self.fake.block({"H1": 0.2})
        wait_for("set point", lambda: self.set_point("H1") == 0.2)
        time.sleep(0.5)
        self.assertEqual(self.quality("H1"), 0)
        self.ca("caput", "M:H1:set", "0.21", machine=True)
        wait_for("FOREIGN", lambda: self.quality("H1") & FOREIGN)
        self.fake.block({"H1": 0.2})
        time.sleep(0.3)
        self.assertEqual(self.set_point("H1"), 0.21)
        self.fake.ask("arm 2")
        wait_for("forgotten", lambda: self.quality("H1") == 0)

    def test_many_quick_writes_are_not_taken_for_another_master(self):
        self.close_loop()
        for k in range(150):
            self.fake.block({"H1": 0.1 + 0.01 * (k % 20), "V1": -0.01 * (k % 30)})
            self.assertEqual(self.quality("H1") | self.quality("V1"), 0)
            time.sleep(0.02)


class DisabledByConfiguration(GatewayTest):
    disabled = "H1"
    ready_quality = DISABLED

    def test_a_disabled_corrector_is_never_written(self):
        self.close_loop()
        self.fake.block({"H1": 0.3, "V1": 0.3})
        wait_for("V1", lambda: self.set_point("V1") == 0.3)
        self.assertEqual(self.set_point("H1"), 0.1)


    def test_a_reload_takes_the_list_of_disabled_correctors(self):
        with open(f"{self.folder}/gw.yaml", "w") as f:
            f.write(CONFIG.format(folder=self.folder, port=5164, disabled="V1"))
        self.fake.ask("revision 2")
        wait_for("reload", lambda: self.quality("H1") == 0 and self.quality("V1") == DISABLED)
        self.close_loop()
        self.fake.block({"H1": 0.3, "V1": 0.3})
        wait_for("H1", lambda: self.set_point("H1") == 0.3)
        self.assertEqual(self.set_point("V1"), 0.1)


class RfDriven(GatewayTest):
    more = "energy:\n  drive_rf: true\n"

    def test_the_rf_is_written_as_an_offset_from_what_was_found(self):
        self.close_loop()
        self.fake.block({"H1": 0.3})
        wait_for("H1", lambda: self.set_point("H1") == 0.3)
        wait_for("RF", lambda: abs(float(self.ca("caget", "-t", "-g", "12", "M:rf", machine=True)) - 499627.777) < 1e-6)
        wait_for("echo", lambda: abs(self.fake.frame("actuator")["aux"][COLUMN["RF"]] - 777) < 1e-3)
        self.assertEqual(self.quality("RF"), 0)

    def test_another_master_of_the_rf_is_seen(self):
        self.close_loop()
        self.fake.block({"H1": 0.3})
        wait_for("RF", lambda: abs(float(self.ca("caget", "-t", "-g", "12", "M:rf", machine=True)) - 499627.777) < 1e-6)
        time.sleep(0.6)
        self.ca("caput", "M:rf", "499628", machine=True)
        wait_for("foreign", lambda: self.quality("RF") & FOREIGN)


class Ending(GatewayTest):
    def test_a_stop_is_quick_clean_and_leaves_nothing_behind(self):
        started = time.monotonic()
        self.gateway.terminate()
        self.assertEqual(self.gateway.wait(5), 0)
        self.assertLess(time.monotonic() - started, 1.0)
        self.assertIsNone(self.endpoint())

    def test_no_repeater_is_started(self):
        names = set()
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/comm") as f, open(f"/proc/{entry}/stat") as s:
                        names.add((f.read().strip(), s.read().split()[3]))
                except FileNotFoundError:
                    pass
        self.assertNotIn(("caRepeater", str(self.gateway.pid)), names)
        self.assertNotIn("caRepeater", self.read_log())

    def test_a_stop_is_quick_while_orbitd_hangs(self):
        self.fake.process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        self.gateway.terminate()
        self.assertEqual(self.gateway.wait(5), 0)
        self.assertLess(time.monotonic() - started, 1.0)
        self.fake.process.send_signal(signal.SIGCONT)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
