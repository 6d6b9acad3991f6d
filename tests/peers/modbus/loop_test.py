#!/usr/bin/env python3
"""The real loop on a ring that is reached by Modbus alone: positions and set points of lattices/fodo in a PLC of
pymodbus, which answers kicks with the ring's response matrix. Run it through tests/support/namespace.sh."""
import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import ABSENT, BIN, SOURCE, Plc, Programs, values, wait_for, words

try:
    import pymodbus  # noqa: F401  what plc.py needs
except ImportError:
    print("skipped: python3-pymodbus is not installed for", sys.executable)
    sys.exit(77)

PORT = 15020
MAX_AGE_S = 0.2
FODO = os.path.join(SOURCE, "lattices", "fodo")

CONFIG = """instance: fodo-modbus
runtime_dir: {folder}
ring:
  lattice: {fodo}/lattice.json
  devices: {fodo}/devices.json
loop:
  rate_hz: 200
  timer: sleep
  priority: 0
record:
  size_mib: 8
source:
  bpm: [modbus]
  actuator: modbus-ps
  bpm_max_age_ms: 200
check:
  required: false
law:
  every: 20
  ki: 0.5
fieldbus:
  map: registers.yaml
  bpm_source: modbus
  actuator_source: modbus-ps
"""


def registers(devices, write, link):
    """Positions as int32 nm from input register 0, set points as float32 A from holding register 0, readbacks of
    the same form from input register 1000."""
    points = []
    for i, bpm in enumerate(devices["bpms"]):
        for k, plane in enumerate("xy"):
            points.append(f"{{bind: {bpm['name']}.{plane}, link: plc, table: input, address: {4 * i + 2 * k}, "
                          "type: int32, unit: nm, sentinels: [-2147483648]}")
    for i, corrector in enumerate(devices["correctors"]):
        points.append(f"{{bind: {corrector['name']}.set, link: plc, register: {40001 + 2 * i}, type: float32, "
                      f"unit: A, write: {write}}}")
        points.append(f"{{bind: {corrector['name']}.readback, link: plc, register: {31001 + 2 * i}, type: float32, "
                      "unit: A}")
    return ("format: orbitd-registers-1\nlinks:\n"
            f"  - {{name: plc, {link}, timeout_ms: 100}}\npoints:\n" +
            "".join(f"  - {p}\n" for p in points))


class Ring(threading.Thread):
    """y = y0 + R u, a hundred times a second: set points out of the PLC, positions into it."""

    def __init__(self, plc, matrix, factors, y0_m):
        super().__init__()
        self.plc, self.matrix, self.factors, self.y0_m = plc, matrix, factors, y0_m
        self.ended = threading.Event()
        self.put([0.0] * len(factors))
        self.start()

    def put(self, kicks):
        n = len(self.matrix) // 2
        y_nm = [round(1e9 * (y0 + sum(r * u for r, u in zip(row, kicks))))
                for row, y0 in zip(self.matrix, self.y0_m)]
        self.plc.put("i", 0, words("i", *[v for k in range(n) for v in (y_nm[k], y_nm[n + k])]))

    def run(self):
        while not self.ended.wait(0.01):
            amperes = values("f", self.plc.get("h", 0, 2 * len(self.factors)))
            self.put([a * f for a, f in zip(amperes, self.factors)])

    def stop(self):
        self.ended.set()
        self.join()


def response_matrix(folder):
    subprocess.run([f"{BIN}/orbitctl", "orm", f"{FODO}/lattice.json", "--mode", "fixed-rf",
                    "--csv", f"{folder}/orm.csv"], check=True,
                   stdout=subprocess.DEVNULL)
    with open(f"{folder}/orm.csv") as f:
        return [[float(v) for v in row] for row in list(csv.reader(f))[1:]]


class Loop(unittest.TestCase):
    write = "true"
    link = f"tcp: '127.0.0.1:{PORT}', rate_hz: 100"
    place = "tcp", str(PORT)

    def setUp(self):
        self.programs = Programs("orbit-modbus-loop-")
        folder = self.programs.folder
        with open(f"{FODO}/devices.json") as f:
            self.devices = json.load(f)
        with open(f"{folder}/loop.yaml", "w") as f:
            f.write(CONFIG.format(folder=folder, fodo=os.path.abspath(FODO)))
        with open(f"{folder}/registers.yaml", "w") as f:
            f.write(registers(self.devices, self.write, self.link))
        self.n_bpm, self.n_corrector = len(self.devices["bpms"]), len(self.devices["correctors"])
        self.start_line()
        self.start_plc()
        for program in ("orbitd", "orbit-fieldbus", "orbit-model"):
            self.programs.start(program, "--config", f"{folder}/loop.yaml")

    def tearDown(self):
        self.ring.stop()
        self.plc.close()
        self.programs.close()

    def start_line(self):
        """What is there before the PLC."""

    def start_plc(self):
        kicks = [1e-5 * ((7 * k) % 11 - 5) for k in range(self.n_corrector)]
        matrix = response_matrix(self.programs.folder)
        y0_m = [sum(r * u for r, u in zip(row, kicks)) for row in matrix]
        self.plc = Plc(*self.place)
        self.plc.ask(f"follow 0 {2 * self.n_corrector} 1000")
        self.plc.put("h", 0, words("f", *[0.0] * self.n_corrector))
        self.ring = Ring(self.plc, matrix, [c["rad_per_a"] for c in self.devices["correctors"]], y0_m)

    def ctl(self, *arguments):
        return subprocess.run([f"{BIN}/orbitctl", "--config", f"{self.programs.folder}/loop.yaml", *arguments],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def get(self, name):
        """Not a number: nobody answers, or no BPM is good just now; then no comparison holds."""
        done = self.ctl("get", "--json", name)
        value = json.loads(done.stdout)["values"][name]["value"] if done.returncode == 0 else None
        return float("nan") if value is None else value

    def wait_state(self, state, seconds=30.0):
        try:
            wait_for(state, lambda: self.get("STATE") == state, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.ctl('status').stdout}\n{self.programs.read_log()}") from None

    def wait_orbit(self):
        wait_for("a good orbit", lambda: self.get("QUAL:X") == [0] * self.n_bpm and
                 self.get("QUAL:Y") == [0] * self.n_bpm, 30)

    def close_loop(self):
        self.wait_orbit()
        wait_for("a model", lambda: "accepted as revision" in self.ctl("status").stdout, 30)
        wait_for("good correctors", lambda: not any(self.get("QUAL:H") + self.get("QUAL:V")))
        wait_for("ARMED", lambda: self.ctl("mode", "arm").returncode == 0)
        wait_for("CLOSED", lambda: self.ctl("mode", "closed").returncode == 0)

    def seconds_until(self, what, condition):
        started = time.monotonic()
        wait_for(what, condition)
        return time.monotonic() - started


class OverModbus(Loop):
    def polled(self):
        """The set points as mbpoll reads them, once they stand still."""
        self.assertEqual(self.ctl("mode", "shadow").returncode, 0)
        done = subprocess.run(["mbpoll", "-m", "tcp", "-p", str(PORT), "-a", "1", "-t", "4:float", "-B", "-1", "-q",
                               "-r", "1", "-c", str(self.n_corrector), "127.0.0.1"],
                              text=True, stdout=subprocess.PIPE, check=True)
        return [float(line.split(":")[1]) for line in done.stdout.splitlines() if line.startswith("[")]

    def test_the_loop_closes_and_corrects_the_orbit(self):
        self.wait_orbit()
        before = self.get("RMS:X"), self.get("RMS:Y")
        self.close_loop()
        wait_for("a corrected orbit", lambda: self.get("RMS:X") < 0.02 * before[0] and
                 self.get("RMS:Y") < 0.02 * before[1], 30)
        self.assertEqual(self.get("STATE"), "CLOSED")
        found = values("f", self.plc.get("h", 0, 2 * self.n_corrector))
        self.assertGreater(max(abs(v) for v in found), 1e-3)
        self.assertEqual([f"{v:.6g}" for v in self.polled()],
                         [f"{v:.6g}" for v in values("f", self.plc.get("h", 0, 2 * self.n_corrector))])
        print("rms um:", before, "->", (self.get("RMS:X"), self.get("RMS:Y")))

    def test_quality_turns_bad_within_the_age_when_the_device_falls_silent_and_comes_back(self):
        self.wait_orbit()
        self.ring.stop()
        self.plc.process.send_signal(signal.SIGSTOP)
        bad = self.seconds_until("bad quality", lambda: all(self.get("QUAL:X")))
        # Asking takes its time too.
        self.assertLess(bad, MAX_AGE_S + 0.3)
        self.plc.process.send_signal(signal.SIGCONT)
        good = self.seconds_until("good quality", lambda: not any(self.get("QUAL:X")))
        print(f"silent: bad after {bad:.3f} s, good again after {good:.3f} s")
        self.assertLess(good, 7)

    def test_quality_turns_bad_when_the_device_dies_and_comes_back_with_the_next_one(self):
        self.wait_orbit()
        self.ring.stop()
        self.plc.close()
        bad = self.seconds_until("bad quality", lambda: all(self.get("QUAL:X")))
        self.assertLess(bad, MAX_AGE_S + 0.3)
        self.assertTrue(all(q & ABSENT for q in self.get("QUAL:X")))
        self.start_plc()
        self.wait_orbit()

    def test_a_device_that_falls_silent_holds_the_loop_and_nothing_jumps_when_it_is_back(self):
        self.close_loop()
        wait_for("a corrected orbit", lambda: self.get("RMS:X") < 20, 30)
        self.plc.process.send_signal(signal.SIGSTOP)
        self.wait_state("HOLD")
        self.plc.process.send_signal(signal.SIGCONT)
        self.wait_state("CLOSED", 25)
        self.assertLess(self.get("RMS:X"), 20)
        self.assertLess(self.get("RMS:Y"), 20)

    def test_a_device_that_lost_its_set_points_is_driven_on_from_what_is_found_in_it(self):
        self.close_loop()
        wait_for("a corrected orbit", lambda: self.get("RMS:X") < 20, 30)
        wait_for("set points", lambda: any(values("f", self.plc.get("h", 0, 2 * self.n_corrector))))
        lost = values("f", self.plc.get("h", 0, 2 * self.n_corrector))
        self.ring.stop()
        self.plc.close()
        self.wait_state("HOLD")
        self.start_plc()
        first = wait_for("a write", lambda: self.plc.ask("first").split(), 30)
        # One step of the law from zero, never the whole that was written before.
        first = values("f", [int(w) for w in first[1:]])
        self.assertLess(max(abs(v) for v in first), 0.8 * max(abs(v) for v in lost))
        wait_for("a corrected orbit", lambda: self.get("RMS:X") < 20, 30)


class ReadOnly(Loop):
    write = "false"

    def test_points_without_write_are_never_written_and_the_loop_cannot_close(self):
        self.wait_orbit()
        wait_for("a model", lambda: "accepted as revision" in self.ctl("status").stdout, 30)
        self.ctl("mode", "arm")
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertNotEqual(self.ctl("mode", "closed").returncode, 0)
        self.assertEqual(self.plc.ask("writes"), "0")
        self.assertIn("may not be written", self.programs.read_log())


class OverRtu(Loop):
    """A pseudo terminal knows no baud rate: this says nothing about the time that a real line takes."""

    @property
    def ends(self):
        return [f"{self.programs.folder}/tty{k}" for k in "ab"]

    @property
    def link(self):
        return f"rtu: {self.ends[0]}, baud: 115200, parity: none, rate_hz: 20"

    @property
    def place(self):
        return "rtu", self.ends[1], "115200"

    def start_line(self):
        line = subprocess.Popen(["socat", *(f"pty,raw,echo=0,link={end}" for end in self.ends)])
        self.programs.children.append(line)
        wait_for("the line", lambda: all(os.path.exists(end) for end in self.ends))

    def test_the_loop_closes_over_a_serial_line_and_corrects_the_orbit(self):
        self.close_loop()
        wait_for("a corrected orbit", lambda: self.get("RMS:X") < 20 and self.get("RMS:Y") < 20, 30)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
