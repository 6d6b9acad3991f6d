#!/usr/bin/env python3
"""orbit-fieldbus with slaves that misbehave, a link for each. Run it through tests/support/namespace.sh."""
import os
import re
import sys
import unittest

from faulty import FAULTS, Slave
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import SOURCE, Programs, wait_for

FIRST_PORT = 15100
TIMEOUT_MS = 100
# The bench holds calls to 5 ms after their deadline; a test shares its machine with others.
LATE_MS = 60

CONFIG = """instance: faulty
runtime_dir: {folder}
ring:
  lattice: {fodo}/lattice.json
  devices: {fodo}/devices.json
source:
  bpm: [modbus]
fieldbus:
  map: registers.yaml
  bpm_source: modbus
"""

FIGURES = re.compile(r"orbit-fieldbus: (\w+): (\d+) passes .* call p50 .* at worst (-?[\d.]+) ms after its deadline; "
                     r"good (\d+), exceptions (\d+), timeouts (\d+), garbage (\d+), closed (\d+), "
                     r"not connected (\d+), late answers (\d+)")
NAMES = ("good", "exceptions", "timeouts", "garbage", "closed", "not_connected", "late_answers")


class Faults(unittest.TestCase):
    def setUp(self):
        self.programs = Programs("orbit-modbus-faults-")
        folder = self.programs.folder
        with open(f"{folder}/faulty.yaml", "w") as f:
            f.write(CONFIG.format(folder=folder, fodo=os.path.abspath(os.path.join(SOURCE, "lattices", "fodo"))))
        with open(f"{folder}/registers.yaml", "w") as f:
            f.write("format: orbitd-registers-1\nlinks:\n")
            for k, fault in enumerate(FAULTS):
                f.write(f"  - {{name: {fault}, tcp: '127.0.0.1:{FIRST_PORT + k}', rate_hz: 50, "
                        f"timeout_ms: {TIMEOUT_MS}}}\n")
            f.write("points:\n")
            for k, fault in enumerate(FAULTS):
                f.write(f"  - {{bind: BPM{k + 1:02d}.x, link: {fault}, table: input, address: 0, type: int32, "
                        "unit: nm}\n")
        self.slaves = {fault: Slave(FIRST_PORT + k, fault) for k, fault in enumerate(FAULTS)}
        self.fieldbus = self.programs.start("orbit-fieldbus", "--config", f"{folder}/faulty.yaml")

    def tearDown(self):
        self.programs.close()
        for slave in self.slaves.values():
            slave.stop()

    def figures(self):
        self.assertEqual(self.programs.stop(self.fieldbus), 0)
        found = {}
        for name, _, worst_ms, *counts in FIGURES.findall(self.programs.read_log()):
            found[name] = dict(zip(NAMES, map(int, counts)), worst_ms=float(worst_ms))
        self.assertEqual(sorted(found), sorted(FAULTS))
        return found

    def wait_requests(self, fault, n):
        wait_for(f"{n} requests to {fault}", lambda: self.slaves[fault].n_request >= n, 15)

    def test_no_slave_holds_a_call_beyond_its_deadline_and_each_fault_is_counted_as_what_it_is(self):
        for fault in FAULTS:
            self.wait_requests(fault, 3)
        figures = self.figures()
        for fault, f in figures.items():
            print(f"{fault:10} worst {f['worst_ms']:8.3f} ms after the deadline", f)
            self.assertLess(f["worst_ms"], LATE_MS, fault)
        for fault, kind in (("silent", "timeouts"), ("drip", "timeouts"), ("truncated", "timeouts"),
                            ("late", "timeouts"), ("exception", "exceptions"), ("garbage", "garbage"),
                            ("wrong_unit", "garbage"), ("close", "closed")):
            self.assertGreater(figures[fault][kind], 0, fault)
            self.assertEqual(figures[fault]["good"], 0, fault)
        self.assertEqual(sum(figures["none"][kind] for kind in NAMES), figures["none"]["good"])

    def test_an_exception_keeps_the_connection_and_everything_else_makes_a_new_one(self):
        for fault in FAULTS:
            self.wait_requests(fault, 3)
        for fault in ("none", "exception"):
            self.assertEqual(self.slaves[fault].n_connection, 1, fault)
        for fault in ("silent", "garbage", "close", "late"):
            self.assertGreaterEqual(self.slaves[fault].n_connection, 2, fault)

    def test_connections_are_made_again_ever_more_seldom_and_a_healed_slave_is_found(self):
        self.wait_requests("close", 4)
        # 0.1, 0.2, 0.4 s and so on, each up to a quarter less: in the time of the fourth at least 0.5 s went by,
        # in which fifty a second would have been 25 passes.
        self.assertLess(self.slaves["close"].n_connection, 10)
        for slave in self.slaves.values():
            slave.healed.set()
        for fault in FAULTS:
            wait_for(f"answers of {fault}", lambda fault=fault: f"{fault}: 127.0.0.1:" in self.programs.read_log() and
                     "answers" in [line for line in self.programs.read_log().splitlines()
                                   if f" {fault}: 127" in line][-1], 30)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
