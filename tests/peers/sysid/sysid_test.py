#!/usr/bin/env python3
"""The check that CLOSED needs, on the virtual FODO ring over Channel Access at 200 Hz.

Needs ORBITD_BIN and ORBITD_SOURCE; run it through tests/support/namespace.sh.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import BIN, SOURCE, wait_for  # noqa: E402


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="orbit-sysid-")
        cls.config = cls.folder + "/sysid.yaml"
        cls.log = open(cls.folder + "/log", "a")
        cls.running = {}
        shutil.copy(os.path.join(SOURCE, "lattices", "fodo", "devices.json"), cls.folder)
        with open(cls.config, "w") as file:
            file.write(f"""
instance: sysid
runtime_dir: {cls.folder}
ring: {{lattice: {SOURCE}/lattices/fodo/lattice.json, devices: devices.json}}
loop: {{rate_hz: 200, timer: sleep, priority: 0, late_limit: 10000}}
record: {{size_mib: 8}}
source: {{bpm_max_age_ms: 500}}
law: {{every: 20}}
epics: {{current_pv: 'RING:current'}}
virtual: {{rate_hz: 200}}
""")
        for name in ("orbit-ring", "orbitd", "orbit-model", "orbit-epics"):
            cls.start(name)
        cls.wait_orbit()

    @classmethod
    def tearDownClass(cls):
        for process in reversed(list(cls.running.values())):
            process.terminate()
            process.wait(10)
        cls.log.close()
        shutil.rmtree(cls.folder)

    @classmethod
    def start(cls, name):
        cls.running[name] = subprocess.Popen([f"{BIN}/{name}", "--config", cls.config], stdout=cls.log,
                                             stderr=cls.log)

    @classmethod
    def ctl(cls, *words):
        return subprocess.run([f"{BIN}/orbitctl", "--config", cls.config, *words], capture_output=True, text=True,
                              timeout=60)

    @classmethod
    def value(cls, name):
        words = cls.ctl("get", name).stdout.split()
        return words[1] if len(words) > 1 else ""

    @classmethod
    def wait_orbit(cls):
        wait_for("orbits and matrices", lambda: cls.value("REV") not in ("", "0")
                 and cls.value("FRAME:SEQ") not in ("", "0") and cls.value("N:INVALID") == "0"
                 and cls.ctl("mode", "arm").returncode == 0)
        cls.ctl("mode", "shadow")

    def read(self, name):
        with open(f"{self.folder}/{name}") as file:
            return json.load(file)

    def close(self):
        self.ctl("mode", "arm")
        return wait_for("an answer to closing", lambda: (lambda done: done if "acknowledged" not in done.stderr
                                                         else None)(self.ctl("mode", "closed")))

    def test_1_unchecked_correctors_keep_the_loop_open(self):
        done = self.close()
        self.assertEqual(done.returncode, 1)
        self.assertIn("polarity and gain", done.stderr)
        self.assertIn("orbitctl sysid check", done.stderr)

    def test_2_commands_in_the_wrong_state_or_out_of_range_are_refused(self):
        self.ctl("mode", "shadow")
        for words, text in ((("sysid", "run", "sine", "--corrector", "NONE", "--frequency", "1"), "no corrector NONE"),
                            (("sysid", "run", "sine", "--frequency", "1"), "--corrector NAME"),
                            (("sysid", "run", "sine", "--mode", "1", "--frequency", "40"), "at most"),
                            (("sysid", "check", "--amplitude", "999"), "at most"),
                            (("sysid", "dance"), "sysid check"),
                            (("loop", "design", self.config, "--mismatch", "gains=7"), "up to 1")):
            done = self.ctl(*words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(text, done.stderr, words)
        self.assertEqual(self.value("STATE"), "SHADOW")

    def test_3_the_check_passes_and_takes_the_kicks_back(self):
        before = self.ctl("get", "U:CMD:H").stdout
        done = self.ctl("sysid", "check", "--out", self.folder + "/check.json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("correctors are good", done.stdout)
        self.assertEqual(self.value("STATE"), "SHADOW")
        self.assertEqual(self.ctl("get", "U:CMD:H").stdout, before)
        report = self.read("check.json")
        self.assertTrue(all(c["correlation"] > 0.98 for c in report["correctors"]))
        self.assertTrue(all(0.8 < c["gain"] < 1.2 for c in report["correctors"]))

    def test_4_then_it_closes_and_one_corrector_can_be_measured_beside_the_law(self):
        self.assertEqual(self.close().returncode, 0)
        name = self.read("check.json")["correctors"][0]["name"]
        done = self.ctl("sysid", "run", "prbs", "--corrector", name, "--seconds", "7")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("in phase", done.stdout)
        self.assertEqual(self.value("STATE"), "CLOSED")

    def test_5_a_restart_keeps_the_check(self):
        orbitd = self.running.pop("orbitd")
        orbitd.terminate()
        orbitd.wait(10)
        wait_for("the end of orbitd", lambda: self.ctl("ping").returncode == 3)
        self.start("orbitd")
        wait_for("orbitd", lambda: self.ctl("ping").returncode == 0)
        self.wait_orbit()
        self.assertEqual(self.close().returncode, 0)

    def test_6_another_calibration_forgets_it(self):
        for name in reversed(list(self.running)):
            process = self.running.pop(name)
            process.terminate()
            process.wait(10)
        table = self.read("devices.json")
        table["correctors"][0]["rad_per_a"] *= -1
        with open(self.folder + "/devices.json", "w") as file:
            json.dump(table, file)
        for name in ("orbit-ring", "orbitd", "orbit-model", "orbit-epics"):
            self.start(name)
        wait_for("orbitd", lambda: self.ctl("ping").returncode == 0)
        self.wait_orbit()
        with open(self.folder + "/log") as file:
            self.assertIn("device table has changed", file.read())
        self.assertIn("polarity and gain", self.close().stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
