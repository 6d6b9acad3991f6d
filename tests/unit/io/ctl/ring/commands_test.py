#!/usr/bin/env python3
"""orbitctl optics, orbit, orm and what-if as somebody at a terminal runs them: commands_test.py ORBITCTL

Figures that are looked for are those of lattices/README.md, or follow from another command's answer.
"""
import csv
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
import zlib

ORBITCTL = sys.argv.pop(1)
TREE = pathlib.Path(__file__).resolve().parents[5]
RINGS = ("bessy2", "fodo")


def lattice(ring):
    return str(TREE / "lattices" / ring / "lattice.json")


def figures(ring):
    """The ring's line of the table in lattices/README.md."""
    for line in (TREE / "lattices" / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == ring and len(cells) > 8:
            return dict(zip(("elements", "C", "bpm", "h", "v", "qx", "qy", "alpha_c"), map(float, cells[1:9])))
    raise LookupError(ring)


def run(*words, status=0):
    done = subprocess.run([ORBITCTL, *words], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != status:
        raise AssertionError(f"{words}: status {done.returncode}, wanted {status}: {done.stderr}")
    return done


def answer(*words):
    return json.loads(run(*words, "--json").stdout)


def rms(values):
    return math.sqrt(sum(v * v for v in values) / len(values))


def png_pixels(path):
    """Width, height and the set of colours of a PNG of 8 bits per channel."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    channels = {2: 3, 6: 4}[data[25]]
    packed, at = b"", 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at:at + 4])
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    raw = zlib.decompress(packed)
    # Filtered bytes differ wherever something was drawn: enough to tell a drawing from a blank sheet.
    row = width * channels + 1
    drawn = sum(len(set(raw[i * row + 1:(i + 1) * row])) > 2 for i in range(height))
    return width, height, drawn


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def check_plots(self, *words):
        png, svg = self.path("plot.png"), self.path("plot.svg")
        run(*words, "--plot", png)
        run(*words, "--plot", svg)
        width, height, drawn = png_pixels(png)
        self.assertEqual((width, height), (1200, 700))
        self.assertGreater(drawn, 350)
        root = xml.etree.ElementTree.parse(svg).getroot()
        marks = [e for e in root.iter() if e.tag.endswith(("}path", "}use", "}rect"))]
        self.assertGreater(len(marks), 150)

    def test_optics_are_those_of_the_table(self):
        for ring in RINGS:
            want, got = figures(ring), answer("optics", lattice(ring))
            self.assertAlmostEqual(got["tune"][0], want["qx"], delta=1e-7)
            self.assertAlmostEqual(got["tune"][1], want["qy"], delta=1e-7)
            self.assertAlmostEqual(got["circumference_m"], want["C"], delta=1e-6)
            self.assertEqual(len(got["chromaticity"]), 2)
            self.assertAlmostEqual(got["momentum_compaction"] / want["alpha_c"], 1, delta=1e-7)
            for key in ("name", "kind", "s_m", "length_m", "beta_x_m", "alpha_x", "mu_x_rad", "beta_y_m", "eta_x_m"):
                self.assertEqual(len(got[key]), want["elements"], key)
            self.assertGreater(min(got["beta_x_m"] + got["beta_y_m"]), 0)
            self.assertIn(f"{got['tune'][0]:.9f}", run("optics", lattice(ring)).stdout)

    def test_slices_shift_the_tunes_a_little(self):
        exact = answer("optics", lattice("bessy2"))
        sliced = answer("optics", lattice("bessy2"), "--integrator", "at")
        self.assertAlmostEqual(sliced["tune"][0] - exact["tune"][0], -1.5e-4, delta=1e-5)
        self.assertAlmostEqual(sliced["tune"][1] - exact["tune"][1], 4.4e-5, delta=1e-6)

    def test_tables_go_to_files_and_to_the_standard_output(self):
        target = self.path("optics.csv")
        run("optics", lattice("fodo"), "--csv", target)
        with open(target, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), figures("fodo")["elements"])
        self.assertEqual(rows[0]["kind"], "Monitor")
        self.assertEqual(float(rows[0]["beta_x_m"]), answer("optics", lattice("fodo"))["beta_x_m"][0])
        text = run("optics", lattice("fodo"), "--csv", "-").stdout
        self.assertEqual(text, pathlib.Path(target).read_text())

    def test_a_response_is_the_orbit_of_a_kick(self):
        for mode in ("4d", "fixed-rf"):
            words = [lattice("bessy2"), "--mode", mode]
            matrix = answer("orm", *words, "--integrator", "at")
            self.assertEqual(len(matrix["rows"]), 246)
            self.assertEqual(matrix["columns"][48], "VS3M2D1R")
            for name, plane in (("HS1MT1R", "x_m"), ("VS2M2D1R", "y_m")):
                ends = [answer("orbit", *words, "--integrator", "at", "--kick", f"{name}={kick}")["bpms"][plane] for kick in (1, -1)]
                column = matrix["columns"].index(name)
                rows = range(123) if plane == "x_m" else range(123, 246)
                for i, plus, minus in zip(rows, *ends):
                    self.assertAlmostEqual((plus - minus) / 2e-6, matrix["matrix"][i][column], delta=2e-4)

    def test_a_response_file_has_a_line_of_names_and_two_lines_a_bpm(self):
        for ring in RINGS:
            want, target = figures(ring), self.path(ring + ".csv")
            run("orm", lattice(ring), "--mode", "fixed-rf", "--integrator", "exact", "--csv", target)
            with open(target, encoding="utf-8") as file:
                lines = list(csv.reader(file))
            self.assertEqual(len(lines), 1 + 2 * want["bpm"])
            self.assertTrue(all(len(line) == want["h"] + want["v"] for line in lines))
            self.assertGreater(rms([float(v) for v in lines[1][:int(want["h"])]]), 0.1)
            self.assertEqual(rms([float(v) for v in lines[1][int(want["h"]):]]), 0)
            run("orm", lattice(ring), "--rf", "--row-names", "--csv", target)
            with open(target, encoding="utf-8") as file:
                lines = list(csv.reader(file))
            self.assertEqual(len(lines[0]), want["h"] + want["v"] + 2)
            self.assertEqual((lines[0][0], lines[0][-1]), ("bpm", "RF"))
            self.assertTrue(lines[1][0].endswith(".x") and lines[-1][0].endswith(".y"))

    def test_singular_values_descend_and_give_the_condition(self):
        got = answer("orm", lattice("bessy2"))
        for plane, n in (("x", 48), ("y", 64)):
            values = got["singular_values"][plane]
            self.assertEqual(len(values), n)
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertAlmostEqual(got["condition"][plane] * values[-1] / values[0], 1, delta=1e-12)

    def test_sextupoles_correct_the_chromaticity(self):
        got = answer("optics", lattice("bessy2"), "--integrator", "at")
        self.assertAlmostEqual(got["chromaticity"][0], 1.749426, delta=1e-4)
        self.assertAlmostEqual(got["chromaticity"][1], 3.019299, delta=1e-4)
        self.assertLess(max(got["chromaticity_natural"]), -20)
        off = answer("optics", lattice("bessy2"), "--integrator", "at", "--scale", "S*=0")
        self.assertAlmostEqual(off["chromaticity"][0], got["chromaticity_natural"][0], delta=1e-6)

    def test_cavities_keep_the_path_of_a_turn(self):
        kick = ["--kick", "HS1MT1R=50"]
        fixed = answer("orbit", lattice("bessy2"), "--mode", "fixed-rf", *kick)
        six = answer("orbit", lattice("bessy2"), "--mode", "6d", *kick)
        for a, b in zip(fixed["bpms"]["x_m"], six["bpms"]["x_m"]):
            self.assertAlmostEqual(a, b, delta=2e-9)
        self.assertGreater(rms(fixed["bpms"]["x_m"]), 1e-4)

    def test_a_misalignment_moves_the_orbit_and_couples_the_response(self):
        words = [lattice("bessy2"), "--set", "Q1M1D1R.dy=1e-4"]
        got = answer("orbit", *words)
        self.assertEqual(rms(got["bpms"]["x_m"]) < 1e-5, True)
        self.assertGreater(rms(got["bpms"]["y_m"]), 1e-5)
        self.assertLess(got["iterations"], 8)
        about = answer("orm", *words)
        self.assertEqual(about["about"], "closed")
        self.assertGreater(max(abs(v) for v in about["matrix"][0][48:]), 1e-4)
        self.assertEqual(answer("orm", lattice("bessy2"))["about"], "design")

    def test_a_rolled_quadrupole_couples_optics_and_response(self):
        words = [lattice("bessy2"), "--set", "Q1M1D1R.tilt=0.02"]
        got, plain = answer("optics", *words), answer("optics", lattice("bessy2"))
        self.assertEqual((got["about"], plain["about"]), ("closed", "design"))
        self.assertEqual(max(map(abs, got["x_m"] + got["y_m"])), 0)
        self.assertGreater(rms(got["eta_y_m"]), 0.01)
        # A skew quadrupole drives tunes apart: C ~ sqrt(beta_x beta_y) 2 k1 l tilt/(2 pi) at most.
        self.assertLess(abs(got["tune"][0] - plain["tune"][0]), 0.05)
        share = max(b / (a + b) for a, b in zip(got["beta_x_m"], got["beta_x_mode2_m"]))
        self.assertAlmostEqual(got["coupling"][0], share, delta=1e-12)
        self.assertGreater(share, 0.01)
        orm = answer("orm", *words)
        self.assertGreater(max(abs(v) for v in orm["matrix"][123][:48]), 0.01)
        both = answer("what-if", *words)
        self.assertEqual(both["after"]["tune"], got["tune"])
        self.assertEqual(both["after"]["coupling"], got["coupling"])
        self.assertIn("mode 2 in beta x", run("what-if", *words).stdout)
        self.assertIn("coupling", run("optics", *words).stdout)

    def test_optics_with_cavities_have_a_synchrotron_tune(self):
        six, four = answer("optics", lattice("bessy2"), "--mode", "6d"), answer("optics", lattice("bessy2"))
        self.assertAlmostEqual(six["synchrotron_tune"], 0.00606, delta=2e-5)
        self.assertAlmostEqual(six["momentum_compaction"] / four["momentum_compaction"], 1, delta=1e-9)
        self.assertAlmostEqual(six["tune"][1], four["tune"][1], delta=1e-9)
        self.assertIn("no cavity", run("optics", lattice("dba"), "--mode", "6d", status=1).stderr)

    def test_every_command_reads_every_format(self):
        corpus = TREE / "tests" / "fuzz" / "corpus"
        want = answer("optics", lattice("fodo"))["tune"]
        for name in ("madx/fodo_lines.madx", "madx/fodo_sequence.seq", "elegant/fodo.lte", "at_json/cell.json"):
            words = [str(corpus / name), "--energy", "1"]
            got = answer("optics", *words)["tune"]
            self.assertAlmostEqual(got[0], want[0], delta=1e-9, msg=name)
            self.assertAlmostEqual(got[1], want[1], delta=1e-9, msg=name)
            self.assertEqual(len(answer("orm", *words)["columns"]), 48, name)
            self.assertEqual(max(answer("orbit", *words)["max_m"]), 0, name)
            self.assertNotEqual(*(answer("what-if", *words, "--scale", "*=1.001")[when]["tune"] for when in ("before", "after")))
        copy = self.path("ring.txt")
        pathlib.Path(copy).write_bytes((corpus / "elegant" / "fodo.lte").read_bytes())
        self.assertIn("--format", run("optics", copy, status=1).stderr)
        self.assertAlmostEqual(answer("optics", copy, "--format", "elegant", "--energy", "1")["tune"][0], want[0], delta=1e-9)

    def test_what_if_compares_before_and_after(self):
        words = [lattice("bessy2"), "--set", "Q1M1D1R.k1=2.44"]
        got, plain = answer("what-if", *words), answer("optics", lattice("bessy2"))
        self.assertEqual(got["before"]["tune"], plain["tune"])
        after = answer("optics", *words)
        self.assertEqual(got["after"]["tune"], after["tune"])
        beat = [b / a - 1 for a, b in zip(plain["beta_x_m"], after["beta_x_m"])]
        self.assertAlmostEqual(got["beta_beat_x_summary"]["rms"], rms(beat), delta=1e-12)
        self.assertEqual(got["orbit_x_m_summary"]["max"], 0)
        kicked = answer("what-if", lattice("bessy2"), "--kick", "HS1MT1R=10")
        self.assertEqual((kicked["before"]["about"], kicked["after"]["about"]), ("design", "closed"))
        self.assertGreater(abs(kicked["before"]["tune"][0] - kicked["after"]["tune"][0]), 1e-6)
        self.assertGreater(kicked["orbit_x_m_summary"]["max"], 1e-5)
        self.assertEqual(kicked["orbit_x_m_summary"], kicked["orbit_change_x_m_summary"])

    def test_a_current_moves_all_magnets_of_its_power_converter(self):
        by_current = answer("what-if", lattice("bessy2"), "--current", "Q1PDR+=0.5")
        change = 0.5 * 0.06393 / 5.7322989
        k1 = {f"Q1M{m}D{n}R": 0 for m in (1, 2) for n in range(1, 9)}
        ring = json.loads(pathlib.Path(lattice("bessy2")).read_text())["elements"]
        words = [word for name in k1 for word in ("--set", f"{name}.k1={ring[name][1]['k1'] + change!r}")]
        by_strength = answer("what-if", lattice("bessy2"), *words)
        for got, want in zip(by_current["after"]["tune"], by_strength["after"]["tune"]):
            self.assertAlmostEqual(got, want, delta=1e-8)
        self.assertGreater(by_current["after"]["tune"][0] - by_current["before"]["tune"][0], 0.01)

    def test_wrong_currents_are_refused_by_name(self):
        self.assertIn("near it: Q1PDR", run("optics", lattice("bessy2"), "--current", "Q1PRD=1", status=1).stderr)
        self.assertIn("outside 0", run("optics", lattice("bessy2"), "--current", "Q1PDR=1e4", status=1).stderr)
        self.assertIn("NAME=value", run("optics", lattice("bessy2"), "--current", "Q1PDR", status=1).stderr)
        self.assertIn("placeholders", run("optics", lattice("mls"), "--current", "Q1P1L2RP+=1").stderr)

    def test_a_change_that_loses_the_beam_is_told(self):
        told = run("what-if", lattice("bessy2"), "--scale", "Q1*=3", status=1).stderr
        self.assertIn("after the changes", told)

    def test_plots_are_not_blank(self):
        for ring in RINGS:
            self.check_plots("optics", lattice(ring))
        self.check_plots("optics", lattice("bessy2"), "--from", "0", "--to", "30")
        self.check_plots("orbit", lattice("bessy2"), "--kick", "HS1MT1R=50", "--mode", "fixed-rf")
        self.check_plots("orm", lattice("bessy2"))
        self.check_plots("what-if", lattice("fodo"), "--scale", "QF=1.01")
        self.check_plots("what-if", lattice("bessy2"), "--set", "Q1M1D1R.tilt=0.02", "--kick", "HS1MT1R=50")

    def test_faults_are_told_with_near_names(self):
        ring = lattice("bessy2")
        for words, status, says in (
                (("optics",), 2, "operand is missing"),
                (("optics", ring, "--integrator", "x"), 2, "wants exact or at"),
                (("optics", ring, "--plot", "x.gif"), 2, ".svg or .png"),
                (("optics", ring, "--csv", "-", "--json"), 2, "standard output"),
                (("optics", ring, "--nonsense"), 2, "unknown option"),
                (("optics", "nowhere.json"), 1, "nowhere.json"),
                (("optics", str(TREE / "lattices" / "bessy2" / "devices.json")), 1, "devices.json"),
                (("optics", ring, "--set", "Q1M1D1.k1=2"), 1, "near it: Q1M1D1R"),
                (("optics", ring, "--from", "200", "--to", "100"), 1, "--from"),
                (("orbit", ring, "--kick", "HS1MT1=5"), 1, "near it: HS1MT1R"),
                (("orbit", lattice("dba"), "--mode", "6d"), 1, "no cavity"),
                (("orbit", ring, "--mode", "5d"), 2, "--mode 5d"),
                (("orbit", ring, "--mode", "fixed-rf", "--delta", "1e-3"), 2, "--delta"),
                (("orm", ring, "--csv", "/nowhere/x.csv"), 1, "/nowhere/x.csv"),
                (("what-if", ring), 2, "what changes?")):
            self.assertIn(says, run(*words, status=status).stderr)


if __name__ == "__main__":
    unittest.main()
