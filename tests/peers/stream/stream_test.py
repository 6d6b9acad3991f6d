#!/usr/bin/env python3
"""orbit-stream beside a real loop at 200 Hz on the FODO ring: what it records, told by h5py.

Needs ORBITD_BIN and ORBITD_SOURCE; run it through tests/support/namespace.sh.
"""
import glob
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy

BIN, SOURCE = os.environ["ORBITD_BIN"], os.environ["ORBITD_SOURCE"]
RATE_HZ, PRE_S, POST_S, HOLD = 200, 2.0, 1.0, 4
HEAD_WORDS = 24 + 2 * 8 + 8


def config(folder, continuous):
    fodo = os.path.join(SOURCE, "lattices", "fodo")
    return f"""
instance: stream
runtime_dir: {folder}
ring: {{lattice: {fodo}/lattice.json, devices: {fodo}/devices.json{"" if continuous else ", reference: 'state:reference.txt'"}}}
loop: {{rate_hz: {RATE_HZ}, timer: sleep, priority: 0}}
record: {{size_mib: {1 if continuous else 16}}}
source: {{bpm_max_age_ms: 500}}
law: {{every: 20}}
check: {{required: false}}
epics: {{current_pv: 'RING:current'}}
virtual: {{rate_hz: {RATE_HZ}}}
stream: {{continuous: {"true" if continuous else "false"}, pre_s: {PRE_S}, post_s: {POST_S}, segment_mib: 1,
         size_mib: 64, freezes: 3, sync_s: 0.05}}
run: {{programs: [orbit-ring, orbitd, orbit-model, orbit-epics]}}
"""


def wait(what, done, timeout_s=30):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        result = done()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"waited {timeout_s} s for {what}")


def plain(value):
    return value.decode() if isinstance(value, bytes) else value


def unpacked_segment(path):
    """The records of a segment read by this test's own parser: an independent look at the format."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + 24 <= len(data):
        magic, length, number, kind, _ = struct.unpack_from("<IIQII", data, at)
        if magic != 0x4745534f or at + 24 + length > len(data):
            break
        yield number, kind, data[at + 24:at + 24 + length]
        at += 24 + (length + 7) // 8 * 8


def unpacked(folder):
    for path in sorted(glob.glob(folder + "/*.seg")):
        yield from unpacked_segment(path)


class Instance(unittest.TestCase):
    CONTINUOUS = True
    PROGRAMS = []

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="orbit-stream-")
        cls.config = cls.folder + "/stream.yaml"
        cls.records = cls.folder + "/stream/records"
        os.mkdir(cls.folder + "/stream")
        with open(cls.config, "w") as file:
            file.write(config(cls.folder, cls.CONTINUOUS))
        cls.log = open(cls.folder + "/log", "w")
        cls.running = {}
        for words in cls.PROGRAMS:
            cls.start(*words)
        wait("orbitd", lambda: cls.ctl("ping").returncode == 0)

    @classmethod
    def tearDownClass(cls):
        for process in reversed(list(cls.running.values())):
            process.terminate()
            process.wait(10)
        cls.log.close()
        shutil.rmtree(cls.folder)

    @classmethod
    def start(cls, name, *words):
        words = words or ("--config", cls.config)
        cls.running[name] = subprocess.Popen([BIN + "/" + name, *words], stderr=cls.log, stdout=cls.log)

    @classmethod
    def ctl(cls, *words):
        return subprocess.run([BIN + "/orbitctl", "--config", cls.config, *words], capture_output=True,
                              text=True, timeout=30)

    @classmethod
    def said(cls):
        return open(cls.folder + "/log").read()

    def start_stream(self):
        before = self.said().count("attached to orbitd")
        self.start("orbit-stream")
        wait("the connection", lambda: self.said().count("attached to orbitd") > before)

    def end_stream(self):
        process = self.running.pop("orbit-stream")
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(5), 0)
        self.assertLess(time.monotonic() - before, 1.0)

    def dump(self, recording):
        path = self.folder + "/out.h5"
        done = self.ctl("record", "dump", recording, "--hdf5", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        with h5py.File(path, "r") as file:
            content = {"attrs": {name: plain(value) for name, value in file.attrs.items()}}
            file.visititems(lambda name, item: content.update({name: item[()]})
                            if isinstance(item, h5py.Dataset) else None)
            content["units"] = {name: plain(file[name].attrs["units"]) for name in file
                                if "units" in file[name].attrs}
        return content

    def cycle(self):
        return int(self.ctl("get", "CYCLE").stdout.split()[1])

    def wait_cycles(self, count):
        first = wait("a cycle", self.cycle)
        wait(f"{count} cycles", lambda: self.cycle() >= first + count)

    def expect_each_cycle_once(self, data, lost=0):
        cycle = data["cycle"].astype("int64")
        gaps = numpy.diff(cycle) - 1 - data["skipped"][1:].astype("int64")
        self.assertTrue((numpy.diff(cycle) > 0).all())
        # Grid points that the loop skipped within a loss are in no record, neither read nor lost.
        skipped = json.loads(self.ctl("status", "--json").stdout)["counters"]["skipped"] if lost else 0
        self.assertGreaterEqual(int(gaps.sum()), lost)
        self.assertLessEqual(int(gaps.sum()), lost + skipped - (int(data["skipped"].sum()) if lost else 0))
        self.assertEqual(int(data["lost/count"].sum()), lost)
        # Each loss stands where the gap is.
        self.assertEqual(sorted(numpy.nonzero(gaps)[0] + 1), sorted(data["lost/before_record"]))


class Continuous(Instance):
    PROGRAMS = [("orbitd",), ("orbit-model",), ("orbit-stream",)]

    def test_1_every_cycle_is_recorded_once(self):
        self.wait_cycles(400)
        data = self.dump("continuous")
        self.assertGreater(len(data["cycle"]), 300)
        self.expect_each_cycle_once(data)

    def test_2_values_equal_those_of_the_records(self):
        data = self.dump("continuous")
        raw = [payload for _, kind, payload in unpacked(self.records + "/continuous") if kind == 2]
        n = len(data["cycle"])
        words = numpy.array([numpy.frombuffer(payload, "<u8") for payload in raw[:n]])
        row, col = int(data["attrs"]["n_row"]), int(data["attrs"]["n_col"])
        self.assertEqual(words.shape, (n, HEAD_WORDS + 2 * row + 4 * col))
        ends = numpy.cumsum([HEAD_WORDS, row, row, col, col, col, col])
        for name, first, last in zip(("y", "y_quality", "u_cmd", "u_found", "u_readback", "u_quality"), ends, ends[1:]):
            self.assertTrue((data[name].view("<u8") == words[:, first:last]).all(), name)
        for place, name in ((0, "cycle"), (1, "run_id"), (3, "t_utc_ns"), (5, "state"), (8, "revision"),
                            (14, "wake_late_ns"), (15, "current_a")):
            self.assertTrue((data[name].view("<u8") == words[:, place]).all(), name)

    def test_3_names_and_units_are_those_of_the_device_table(self):
        data = self.dump("continuous")
        with open(os.path.join(SOURCE, "lattices", "fodo", "devices.json")) as file:
            table = json.load(file)
        self.assertEqual([name.decode() for name in data["names/bpm"]], [b["name"] for b in table["bpms"]])
        correctors = [c["name"] for plane in "hv" for c in table["correctors"] if c["plane"] == plane]
        self.assertEqual([name.decode() for name in data["names/corrector"]],
                         correctors + ([table["rf"]["name"]] if "rf" in table else []))
        self.assertEqual(data["units"]["y"], "m")
        self.assertEqual(data["units"]["u_cmd"], "rad (RF: Hz)")
        self.assertEqual(data["attrs"]["period_ns"], 1e9 / RATE_HZ)

    def test_4_csv_has_a_line_per_record(self):
        path = self.folder + "/out.csv"
        done = self.ctl("record", "dump", "continuous", "--csv", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = open(path).read().split("\n")
        self.assertTrue(lines[0].startswith("cycle,t_utc_ns,state"))
        self.assertIn(f"{len(lines) - 2} records", done.stderr)

    def test_5_kill_and_restart_lose_nothing_that_the_ring_holds(self):
        self.running["orbit-stream"].kill()
        self.running.pop("orbit-stream").wait()
        self.wait_cycles(50)
        self.start_stream()
        self.wait_cycles(100)
        self.end_stream()
        data = self.dump("continuous")
        self.expect_each_cycle_once(data)
        self.assertIn("the recording goes on behind cycle", self.said())
        self.start_stream()

    def test_6_stopped_for_longer_than_the_ring_lasts_it_says_what_is_lost(self):
        self.wait_cycles(20)
        before = self.dump("continuous")
        held = 1 << ((1 << 20) // (8 * (HEAD_WORDS + 2 * int(before["attrs"]["n_row"]) +
                                        4 * int(before["attrs"]["n_col"])) + 16)).bit_length() - 1
        self.running["orbit-stream"].send_signal(signal.SIGSTOP)
        stopped = self.cycle()
        wait("more than the ring holds", lambda: self.cycle() > stopped + held + 3 * RATE_HZ, 60)
        self.running["orbit-stream"].send_signal(signal.SIGCONT)
        self.wait_cycles(50)
        self.end_stream()
        data = self.dump("continuous")
        lost = int(data["lost/count"].sum())
        self.assertGreater(lost, RATE_HZ)  # skipped grid points have no record
        self.assertLess(lost, 6 * RATE_HZ)
        self.expect_each_cycle_once(data, lost)
        self.assertIn(f"{lost} records lost", self.said())
        print(f"ring of {held}, {lost} lost and told")
        self.start_stream()

    def test_7_a_new_run_of_orbitd_is_recorded_too(self):
        self.running["orbitd"].kill()
        self.running.pop("orbitd").wait()
        wait("the end to be noticed", lambda: "orbitd is gone" in self.said())
        self.start("orbitd")
        wait("orbitd", lambda: self.ctl("ping").returncode == 0)
        self.wait_cycles(50)
        self.assertGreaterEqual(len(set(self.dump("continuous")["run_id"])), 2)

    def test_8_a_second_one_is_refused(self):
        second = subprocess.run([BIN + "/orbit-stream", "--config", self.config], capture_output=True,
                                text=True, timeout=10)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another orbit-stream", second.stderr)

    def test_9_list_tells_the_recording(self):
        listed = self.ctl("record", "list")
        self.assertEqual(listed.returncode, 0)
        self.assertIn("continuous", listed.stdout)

    def test_9_segments_name_their_parameter_sets_each_for_itself(self):
        def segments():
            return sorted(glob.glob(self.records + "/continuous/*.seg"))

        def kinds(path):
            return [kind for _, kind, _ in unpacked_segment(path)]
        wait("a parameter set", lambda: 5 in kinds(segments()[-1]), 60)
        before = len(segments())
        # The one that begins because this one is full, with the same set.
        wait("another segment", lambda: len(segments()) > before and kinds(segments()[before]).count(2) > RATE_HZ, 60)
        self.assertIn(5, kinds(segments()[before]))
        self.assertTrue(glob.glob(self.records + "/sets/*.set"))


class Freeze(Instance):
    CONTINUOUS = False
    PROGRAMS = [("orbitctl", "run", "stream.yaml"), ("orbit-stream",)]

    @classmethod
    def start(cls, name, *words):
        super().start(name, *(("run", cls.config) if name == "orbitctl" else words))

    def frozen(self, reason):
        return wait(f"the freeze for {reason}", lambda: [
            path for path in glob.glob(f"{self.records}/freeze-*-{reason}")
            if f"frozen: {path}" in self.said()])[0]

    def expect_around_mark(self, path, reason):
        data = self.dump(path)
        at = int(numpy.nonzero(data["cycle"] == data["marks/cycle"][0])[0][0])
        t_s = (data["t_mono_ns"] - data["t_mono_ns"][at]) * 1e-9
        self.assertEqual(data["marks/reason"][0].decode(), reason)
        self.assertEqual(data["attrs"]["reason"], reason)
        self.assertEqual(len(data["lost/count"]), 0)
        self.assertAlmostEqual(t_s[0], -PRE_S, delta=0.05)
        self.assertGreater(t_s[-1], POST_S - 0.05)
        self.expect_each_cycle_once(data)
        return data, at

    def pictured(self, *words):
        """What a command says with --json, and the picture that it draws."""
        path = self.folder + "/picture.svg"
        done = self.ctl(*words, "--json", "--plot", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path) as file:
            return json.loads(done.stdout), file.read()

    def test_1_asked_for_by_an_operator(self):
        wait("enough cycles", lambda: self.ctl("get", "CYCLE").returncode == 0 and self.cycle(), 30)
        self.wait_cycles(int(PRE_S * RATE_HZ) + 50)
        asked = self.ctl("record", "freeze", "--reason", "by hand")
        self.assertEqual(asked.returncode, 0, asked.stderr)
        path = self.frozen("by_hand")
        self.assertIn(path, asked.stdout)
        self.expect_around_mark(path, "by hand")

    def test_2_hold_has_what_was_before_and_after(self):
        def mode(name):
            return self.ctl("mode", name).returncode == 0
        wait("arming", lambda: mode("arm"), 90)
        wait("closed", lambda: mode("closed"), 30)
        time_closed = self.cycle()
        wait("cycles closed", lambda: self.cycle() > time_closed + (PRE_S + 4) * RATE_HZ, 60)
        self.assertEqual(self.ctl("mode", "hold").returncode, 0)
        data, at = self.expect_around_mark(self.frozen("hold"), "hold")
        self.assertEqual(int(data["state"][at]), HOLD)
        self.assertNotEqual(int(data["state"][at - 1]), HOLD)
        self.assertEqual(int(data["marks/state"][0]), HOLD)
        away = self.folder + "/away"
        shutil.copytree(self.frozen("hold"), away)
        replayed = self.ctl("replay", away)
        self.assertEqual(replayed.returncode, 0, replayed.stdout + replayed.stderr)
        self.assertIn("bit for bit", replayed.stdout)
        with open(self.folder + "/half.yaml", "w") as file:
            file.write("law: {ki: 0.1}\n")
        tried = self.ctl("replay", away, "--law", self.folder + "/half.yaml")
        self.assertEqual(tried.returncode, 0, tried.stdout + tried.stderr)
        rms = {line[:16].strip(): [float(word) for word in line[16:].split()[:2]]
               for line in tried.stdout.splitlines() if line.startswith(("recorded", "law of the run", "new law"))}
        numpy.testing.assert_allclose(rms["law of the run"], rms["recorded"], rtol=0.3)
        self.assertNotEqual(rms["new law"], rms["law of the run"])
        trial, svg = self.pictured("replay", away, "--law", self.folder + "/half.yaml")
        sides = {side["name"]: [round(1e6 * side[f"rms_{plane}_m"], 3) for plane in "xy"] for side in trial["sides"]}
        numpy.testing.assert_allclose(sides["new law"], rms["new law"], atol=0.0011)
        self.assertEqual(len(trial["modes"]["x"]), 12)
        self.assertGreater(svg.count("<path"), 6)
        for recording in ([], [away]):
            spectrum = self.ctl("spectrum", "--seconds", "2", "--csv", self.folder + "/psd.csv", *recording)
            self.assertEqual(spectrum.returncode, 0, spectrum.stdout + spectrum.stderr)
            psd = numpy.genfromtxt(self.folder + "/psd.csv", delimiter=",", names=True)
            self.assertTrue((psd["y_m2_per_hz"] > 0).all())
            self.assertLessEqual(psd["f_hz"][-1], RATE_HZ / 2 + 1)
            bpms = [name for name in psd.dtype.names if name.startswith("y_bpm") and "without" not in name]
            numpy.testing.assert_allclose(sum(psd[name] for name in bpms) / len(bpms), psd["y_m2_per_hz"], rtol=1e-6)
            motion, svg = self.pictured("spectrum", "--seconds", "2", *recording)
            self.assertEqual(motion["bands"][-1]["to_hz"], motion["rate_hz"] / 2)
            self.assertGreater(motion["bands"][-1]["y"]["rms_m"], 0)
            self.assertGreater(svg.count("<path"), 4)
            culprit = self.ctl("culprit", "--seconds", "2", *recording)
            self.assertEqual(culprit.returncode, 0, culprit.stdout + culprit.stderr)
            self.assertIn("50 Hz  x", culprit.stdout)

    def test_3_only_the_newest_are_kept(self):
        for name in ("a", "b", "c"):
            self.assertEqual(self.ctl("record", "freeze", "--reason", name).returncode, 0)
            self.frozen(name)
        names = [os.path.basename(path).split("-")[-1] for path in sorted(glob.glob(self.records + "/freeze-*"))]
        self.assertEqual(names, ["a", "b", "c"])
        self.assertFalse(os.path.exists(self.records + "/continuous"))

    def test_4_without_orbit_stream_it_says_so(self):
        self.end_stream()
        asked = self.ctl("record", "freeze")
        self.assertEqual(asked.returncode, 3)
        self.assertIn("no orbit-stream", asked.stderr)


if __name__ == "__main__":
    loader = unittest.TestLoader()
    suite = unittest.TestSuite([loader.loadTestsFromTestCase(Continuous), loader.loadTestsFromTestCase(Freeze)])
    raise SystemExit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
