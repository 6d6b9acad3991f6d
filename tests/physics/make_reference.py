#!/usr/bin/env python3
"""Writes tests/physics/reference/<ring>.json.xz: what Accelerator Toolbox (pyAT) computes for a ring of lattices/.

    python3 -m venv /tmp/at && /tmp/at/bin/pip install accelerator-toolbox==0.7.1
    /tmp/at/bin/python tests/physics/make_reference.py bessy2 dba fodo mls soleil

Orbits, and responses as Richardson's differences of orbits, come from find_orbit4 and find_sync_orbit, tunes,
beta functions and dispersion from get_optics. build_analytical of pyAT plays no part: its 6D response has the
sign of the dispersion term wrong. The reader of LatticeJSON below is its own, so that a misreading in model/
shows up as a difference.
"""
import json
import lzma
import math
import pathlib
import sys

import at
import numpy as np

TREE = pathlib.Path(__file__).resolve().parents[2]
STEP_RAD = 1e-6  # of the finite differences; the kicked orbit uses KICK_RAD
KICK_RAD = 20e-6
DELTA = 1e-4  # of the chromaticity
VERSION = "0.7.1"
DIGITS, PLACES = 14, 11  # significant digits; of a response: decimal places, m/rad


def expand(lattices, elements, name):
    if name in elements:
        return [name]
    return [leaf for inner in lattices[name] for leaf in expand(lattices, elements, inner)]


def polynomials(kind, attrs):
    b = list(attrs.get("polynom_b", [])) + [0.0] * 4
    for key, n, factor in (("k1", 1, 1), ("k2", 2, 1 / 2), ("k3", 3, 1 / 6)):
        if key in attrs:
            b[n] = attrs[key] * factor
    a = list(attrs.get("polynom_a", [])) + [0.0] * (len(b) - len(attrs.get("polynom_a", [])))
    return a, b


def element(name, kind, attrs):
    length = attrs["length"]
    if kind in ("Marker", "Monitor"):
        return at.Marker(name)
    if kind in ("Drift", "Cavity"):
        return at.Drift(name, length)
    if kind == "Corrector":
        return at.Corrector(name, length, [0.0, 0.0])
    a, b = polynomials(kind, attrs)
    common = dict(NumIntSteps=attrs.get("n_slices", 10), PolynomA=a, PolynomB=b, MaxOrder=len(b) - 1,
                  KickAngle=[0.0, 0.0])
    if kind == "Dipole":
        return at.Dipole(name, length, attrs["angle"], EntranceAngle=attrs.get("e1", 0.0),
                         ExitAngle=attrs.get("e2", 0.0), FullGap=attrs.get("gap", 0.0),
                         FringeInt1=attrs.get("fint1", 0.0), FringeInt2=attrs.get("fint2", 0.0),
                         PassMethod="BndMPoleSymplectic4Pass", **common)
    return at.Multipole(name, length, a, b, PassMethod="StrMPoleSymplectic4Pass",
                        NumIntSteps=common["NumIntSteps"], KickAngle=[0.0, 0.0])


def place(names, entry):
    if isinstance(entry, str):
        entry = {"name": entry}
    wanted = entry.get("element", entry["name"])
    places = [i for i, name in enumerate(names) if name == wanted]
    return entry["name"], entry["index"] if "index" in entry else places[entry.get("occurrence", 0)]


def build(text, exact):
    names = expand(text["lattices"], text["elements"], text["root"])
    ring = at.Lattice([element(n, *text["elements"][n]) for n in names], energy=text["energy"] * 1e9,
                      particle=at.Particle("relativistic"), periodicity=1)
    if exact:
        for e in ring:
            if isinstance(e, at.Dipole):
                e.PassMethod = "BendLinearPass"
            elif getattr(e, "PolynomB", np.zeros(2))[1] != 0:
                e.K = e.PolynomB[1]
                e.PassMethod = "QuadLinearPass"
    return ring, names


def set_kick(e, plane, angle):
    kick = np.array(e.KickAngle, dtype=float)
    kick[plane] = angle
    e.KickAngle = kick


def orbit_at(ring, bpms, fixed_path):
    z0 = at.find_sync_orbit(ring, dct=0.0)[0] if fixed_path else at.find_orbit4(ring, dp=0.0)[0]
    return at.find_orbit4(ring, dp=z0[4], refpts=bpms, orbit=z0)[1][:, [0, 2]]


def column(ring, place, plane, bpms, fixed_path):
    """Richardson's extrapolation of central differences."""
    def slope(step):
        found = []
        for sign in (1, -1):
            set_kick(ring[place], plane, sign * step)
            found.append(orbit_at(ring, bpms, fixed_path)[:, plane])
        set_kick(ring[place], plane, 0.0)
        return (found[0] - found[1]) / (2 * step)
    return (4 * slope(STEP_RAD) - slope(2 * STEP_RAD)) / 3


def optics(ring, bpms):
    _, _, ed = at.get_optics(ring, refpts=range(len(ring) + 1), get_chrom=False)
    points = ed[bpms]
    found = {"tune": ed.mu[-1] / (2 * math.pi), "momentum_compaction": float(at.get_mcf(ring))}
    for plane, key in ((0, "x"), (1, "y")):
        found[f"beta_{key}_m"] = points.beta[:, plane]
        found[f"alpha_{key}"] = points.alpha[:, plane]
        found[f"phase_{key}_rad"] = points.mu[:, plane]
    found["eta_x_m"] = points.dispersion[:, 0]
    found["etap_x"] = points.dispersion[:, 1]
    return found


def chromaticity(ring):
    """dQ/ddelta by Richardson's extrapolation about the closed orbits off momentum."""
    def slope(delta):
        plus, minus = (at.get_tune(ring, dp=d) for d in (delta, -delta))
        return (plus - minus) / (2 * delta)
    return (4 * slope(DELTA) - slope(2 * DELTA)) / 3


def without_sextupoles(ring):
    """Natural: every second-order term off."""
    bare = ring.deepcopy()
    for e in bare:
        if len(getattr(e, "PolynomB", [])) > 2:
            e.PolynomB[2] = 0.0
    return bare


def responses(ring, devices, bpms, fixed_path):
    """[corrector][bpm], each in its own plane."""
    return {key: [column(ring, where, plane, bpms, fixed_path) for _, where in devices[key]]
            for plane, key in ((0, "hcorrectors"), (1, "vcorrectors"))}


def kick(ring, devices):
    for plane, key, phase in ((0, "hcorrectors", 0.0), (1, "vcorrectors", 0.5)):
        for i, (_, where) in enumerate(devices[key]):
            # The pass methods of magnets take the sine of the angle: undo it.
            angle = KICK_RAD * math.sin(1 + 0.7 * i + phase)
            corrector = isinstance(ring[where], at.Corrector)
            set_kick(ring[where], plane, angle if corrector else math.asin(angle))


def kicked_orbit(ring, bpms, fixed_path):
    orbit = orbit_at(ring, bpms, fixed_path)
    return {"x_m": orbit[:, 0], "y_m": orbit[:, 1]}


def plain(value, places=None):
    if isinstance(value, dict):
        return {k: plain(v, PLACES if k.startswith("response") else places) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v, places) for v in value]
    if isinstance(value, np.ndarray):
        return [round(float(v), places) if places else float(f"{v:.{DIGITS}g}") for v in value]
    return value


def reference(ring_name):
    path = TREE / "lattices" / ring_name / "lattice.json"
    text = json.loads(path.read_text())
    result = {"ring": ring_name, "made_by": f"tests/physics/make_reference.py {ring_name}",
              "with": f"pyAT {at.__version__}, numpy {np.__version__}", "kick_rad": KICK_RAD}
    for key, exact in (("exact", True), ("at", False)):
        ring, names = build(text, exact)
        devices = {k: [place(names, e) for e in text["x_ext"][k]]
                   for k in ("bpms", "hcorrectors", "vcorrectors")}
        bpms = [where for _, where in devices["bpms"]]
        part = optics(ring, bpms)
        part["response_fixed_momentum"] = responses(ring, devices, bpms, False)
        part["response_fixed_rf"] = responses(ring, devices, bpms, True)
        if not exact:
            part["chromaticity"] = chromaticity(ring)
            part["chromaticity_natural"] = chromaticity(without_sextupoles(ring))
            kick(ring, devices)
            part["kicked_fixed_momentum"] = kicked_orbit(ring, bpms, False)
            part["kicked_fixed_rf"] = kicked_orbit(ring, bpms, True)
            part["kicked_tune"] = at.get_tune(ring)
        result[key] = part
    return plain(result)


def main():
    if at.__version__ != VERSION:
        sys.exit(f"pyAT {VERSION} is wanted, this is {at.__version__}")
    for ring_name in sys.argv[1:]:
        target = TREE / "tests" / "physics" / "reference" / f"{ring_name}.json.xz"
        text = json.dumps(reference(ring_name), separators=(",", ":")) + "\n"
        target.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
        print(target.relative_to(TREE), target.stat().st_size, flush=True)


if __name__ == "__main__":
    main()
