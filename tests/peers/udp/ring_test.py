#!/usr/bin/env python3
"""config/fodo-fieldbus.yaml as it stands: the virtual ring plays BPMs that send datagrams, a crate and converters
that speak Modbus, and an IOC, with faults. Run it through tests/support/namespace.sh."""
import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import BIN, SOURCE, Programs, wait_for

EPICS_BIN = os.environ["EPICS_BIN"]
CONFIG = os.path.join(SOURCE, "config")
UDP, MODBUS, EPICS = range(8), range(8, 16), range(16, 24)


class Mixed(unittest.TestCase):
    set_points = "fieldbus"

    def setUp(self):
        self.programs = Programs("orbit-mixed-")
        folder = self.programs.folder
        for name in ("registers", "streams"):
            os.symlink(os.path.join(CONFIG, f"fodo-fieldbus.{name}.yaml"), f"{folder}/fodo-fieldbus.{name}.yaml")
        with open(os.path.join(CONFIG, "fodo-fieldbus.yaml")) as f:
            text = f.read().replace("../lattices", os.path.abspath(os.path.join(SOURCE, "lattices")))
        if self.set_points == "udp":
            text = text.replace("  actuator_source: converters\n", "", 1)
            text = text.replace("  bpm_sources: [fofb]\n", "  bpm_sources: [fofb]\n  actuator_source: converters\n")
        with open(f"{folder}/mixed.yaml", "w") as f:
            f.write(f"runtime_dir: {folder}\n{text}")
        self.child = {}
        for program in ("orbit-ring", "orbitd", "orbit-model", "orbit-epics", "orbit-fieldbus"):
            self.start(program)

    def tearDown(self):
        self.programs.close()

    def start(self, program):
        self.child[program] = self.programs.start(program, "--config", f"{self.programs.folder}/mixed.yaml")

    def ctl(self, *arguments):
        return subprocess.run([f"{BIN}/orbitctl", "--config", f"{self.programs.folder}/mixed.yaml", *arguments],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def get(self, name):
        """Not a number: nobody answers, or no BPM is good just now; then no comparison holds."""
        done = self.ctl("get", "--json", name)
        value = json.loads(done.stdout)["values"][name]["value"] if done.returncode == 0 else None
        return float("nan") if value is None else value

    def sources(self):
        done = self.ctl("status", "--json")
        return json.loads(done.stdout)["sources"] if done.returncode == 0 else None

    def wait(self, what, condition, seconds=20):
        try:
            wait_for(what, condition, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.get('QUAL:X')}\n{self.ctl('status').stdout}"
                                 f"{self.programs.read_log()}") from None

    def caput(self, name, value):
        place = json.loads(self.ctl("endpoints", "--json").stdout)["orbit-ring"]["ca_port"]
        environment = dict(os.environ, EPICS_CA_AUTO_ADDR_LIST="NO", EPICS_CA_ADDR_LIST=f"127.0.0.1:{place}")
        subprocess.run([f"{EPICS_BIN}/caput", "-t", f"SIM:{name}", str(value)], check=True, env=environment,
                       stdout=subprocess.DEVNULL)

    def wait_good(self):
        self.wait("a good orbit", lambda: self.get("QUAL:X") == [0] * 24 and self.get("QUAL:Y") == [0] * 24)

    def close_loop(self):
        self.wait_good()
        self.wait("a model", lambda: "accepted as revision" in self.ctl("status").stdout)
        self.wait("good correctors", lambda: not any(self.get("QUAL:H") + self.get("QUAL:V")))
        self.wait("ARMED", lambda: self.ctl("mode", "arm").returncode == 0)
        self.wait("CLOSED", lambda: self.ctl("mode", "closed").returncode == 0)

    def wait_corrected(self, before):
        self.wait("a corrected orbit", lambda: self.get("RMS:X") < 0.1 * before[0] and
                  self.get("RMS:Y") < 0.1 * before[1], 40)


class SetPointsByModbus(Mixed):
    def polled(self):
        done = subprocess.run(["mbpoll", "-m", "tcp", "-p", "15021", "-a", "1", "-t", "4:float", "-1", "-q", "-r", "1",
                               "-c", "48", "127.0.0.1"], text=True, stdout=subprocess.PIPE, check=True)
        return [float(line.split(":")[1]) for line in done.stdout.splitlines() if line.startswith("[")]

    def test_mixed_sources_close_the_loop_and_correct_the_orbit(self):
        self.wait_good()
        before = self.get("RMS:X"), self.get("RMS:Y")
        self.close_loop()
        self.wait_corrected(before)
        print("rms um:", before, "->", (self.get("RMS:X"), self.get("RMS:Y")))
        sources = self.sources()
        for name in ("fofb", "modbus", "epics", "converters"):
            self.assertGreater(sources[name]["frames"], 20, name)
        for k in range(4):
            self.assertGreater(self.get(f"SRC{k}:FRAMES"), 20)
            self.assertGreater(self.get(f"SRC{k}:GENERATION"), 0)
        self.ctl("mode", "shadow")
        # mbpoll takes the one connection that the device serves at a time.
        self.programs.stop(self.child["orbit-fieldbus"])
        self.assertGreater(max(abs(a) for a in self.polled()), 1e-3)

    def test_a_source_is_swapped_while_the_loop_runs(self):
        self.close_loop()
        self.programs.stop(self.child["orbit-epics"])
        self.wait("bad BPMs of EPICS", lambda: all(self.get("QUAL:X")[k] for k in EPICS))
        self.assertEqual([self.get("QUAL:X")[k] for k in (*UDP, *MODBUS)], [0] * 16)
        self.start("orbit-epics")
        self.wait_good()
        self.wait("CLOSED", lambda: self.get("STATE") == "CLOSED", 30)

    def test_faults_of_the_virtual_datagrams_are_seen_as_what_they_are_and_the_loop_stays(self):
        self.close_loop()
        for fault, kind in (("LOST", "lost"), ("DUPLICATE", "duplicate"), ("REORDER", "late"), ("LATE", "late")):
            before = self.sources()["fofb"][kind]
            self.caput(f"UDP:{fault}", 0.05)
            self.wait(f"{fault} counted", lambda kind=kind, before=before: self.sources()["fofb"][kind] > before + 3)
            self.caput(f"UDP:{fault}", 0)
        self.assertEqual(self.get("STATE"), "CLOSED")

    def test_faults_of_the_virtual_slaves_hold_the_loop_and_it_comes_back(self):
        self.close_loop()
        for fault in (1, 2, 3, 4):
            self.caput("MODBUS:FAULT", fault)
            self.wait(f"HOLD by fault {fault}", lambda: self.get("STATE") == "HOLD")
            self.caput("MODBUS:FAULT", 0)
            self.wait("CLOSED", lambda: self.get("STATE") == "CLOSED", 30)


class SetPointsByDatagrams(Mixed):
    set_points = "udp"

    def test_mixed_sources_close_the_loop_and_a_ring_that_stops_holds_it(self):
        self.wait_good()
        before = self.get("RMS:X"), self.get("RMS:Y")
        self.close_loop()
        self.wait_corrected(before)
        print("rms um:", before, "->", (self.get("RMS:X"), self.get("RMS:Y")))
        self.child["orbit-ring"].send_signal(signal.SIGSTOP)
        self.wait("HOLD", lambda: self.get("STATE") == "HOLD")
        self.child["orbit-ring"].send_signal(signal.SIGCONT)
        self.wait("CLOSED", lambda: self.get("STATE") == "CLOSED", 30)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
