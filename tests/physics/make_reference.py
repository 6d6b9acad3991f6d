#!/usr/bin/env python3
"""Writes tests/physics/reference/<ring>.json.xz: what Accelerator Toolbox (pyAT) computes for a ring of lattices/.

    python3 -m venv /tmp/at && /tmp/at/bin/pip install accelerator-toolbox==0.7.1
    /tmp/at/bin/python tests/physics/make_reference.py bessy2 dba fodo mls soleil

Orbits, and responses as Richardson's differences of orbits, come from find_orbit4, find_sync_orbit and (with
cavities) find_orbit6, tunes, beta functions and dispersion from get_optics, those of coupled motion from tracking.
build_analytical of pyAT plays no part: its 6D response has the sign of the dispersion term wrong. The reader of
LatticeJSON below is its own, so that a misreading in model/ shows up as a difference.

Where the path of a turn counts off the axis (kicked, at fixed RF or with cavities), two faults of pyAT are kept out of
the part "exact": its linear passes tell a wrong path in a defocusing plane (a negative one in a quadrupole), so that
FINE_SLICES slices stand for them; and no edge kick has the path that belongs to its fringe, so that the gaps are zero
there, and kicks smaller.

A part "errors" is the ring with kicks, rolled quadrupoles and moved sextupoles: coupled optics at fixed momentum and
with cavities, orbits of both, cross-plane response.
"""
import json
import lzma
import math
import pathlib
import sys

import at
import numpy as np

TREE = pathlib.Path(__file__).resolve().parents[2]
MATRIX_STEP = 1e-6  # m and rad, of one-turn matrices
STEP_RAD = 1e-6  # of the finite differences; the kicked orbit uses KICK_RAD
KICK_RAD = 20e-6
FINE_KICK_RAD = 5e-6  # without fringe: BESSY II has no closed orbit there with more
ROLL_RAD, MOVE_M = 1e-3, 50e-6  # of quadrupoles and of sextupoles in the ring with errors
FINE_SLICES = 1000  # as good as exact
LINEAR = {"BendLinearPass": "BndMPoleSymplectic4Pass", "QuadLinearPass": "StrMPoleSymplectic4Pass"}
EVERY = 8  # correctors of the cross-plane response: every eighth
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


def element(name, kind, attrs, cavities=False):
    length = attrs["length"]
    if kind in ("Marker", "Monitor"):
        return at.Marker(name)
    if kind == "Cavity" and cavities:
        return at.RFCavity(name, length, attrs["voltage"], attrs["frequency"], attrs["harmonic_number"], 0.0,
                           TimeLag=attrs.get("lag", 0.0), PassMethod="RFCavityPass")
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


def build(text, exact, cavities=False):
    names = expand(text["lattices"], text["elements"], text["root"])
    ring = at.Lattice([element(n, *text["elements"][n], cavities) for n in names], energy=text["energy"] * 1e9,
                      particle=at.Particle("relativistic"), periodicity=1)
    if exact:
        for e in ring:
            if isinstance(e, at.Dipole):
                e.PassMethod = "BendLinearPass"
            elif getattr(e, "PolynomB", np.zeros(2))[1] != 0:
                e.K = e.PolynomB[1]
                e.PassMethod = "QuadLinearPass"
    return ring, names


def build_for_path(text, exact, cavities=False):
    """For orbits whose path counts: see above."""
    ring, _ = build(text, exact, cavities)
    for e in ring:
        if e.PassMethod in LINEAR:
            e.PassMethod = LINEAR[e.PassMethod]
            e.NumIntSteps = FINE_SLICES
            e.FullGap = 0.0
    return ring


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


def kick(ring, devices, rad=KICK_RAD):
    for plane, key, phase in ((0, "hcorrectors", 0.0), (1, "vcorrectors", 0.5)):
        for i, (_, where) in enumerate(devices[key]):
            # The pass methods of magnets take the sine of the angle: undo it.
            angle = rad * math.sin(1 + 0.7 * i + phase)
            corrector = isinstance(ring[where], at.Corrector)
            set_kick(ring[where], plane, angle if corrector else math.asin(angle))


def kicked_orbit(ring, bpms, fixed_path):
    orbit = orbit_at(ring, bpms, fixed_path)
    return {"x_m": orbit[:, 0], "y_m": orbit[:, 1]}


def misalign(ring, kinds):
    """Quadrupole k along the ring is rolled by ROLL_RAD sin(1 + 0.7 k), sextupole k moved by MOVE_M times the same in
    x and, half a radian later, in y."""
    for kind, change in (("Quadrupole", roll), ("Sextupole", move)):
        for k, e in enumerate(e for e, found in zip(ring, kinds) if found == kind):
            change(e, 1 + 0.7 * k)


def roll(e, phase):
    turn = np.identity(6)
    c, s = math.cos(ROLL_RAD * math.sin(phase)), math.sin(ROLL_RAD * math.sin(phase))
    turn[:4, :4] = [[c, 0, s, 0], [0, c, 0, s], [-s, 0, c, 0], [0, -s, 0, c]]
    e.R1, e.R2 = turn, turn.T


def move(e, phase):
    e.T2 = MOVE_M * np.array([math.sin(phase), 0, math.sin(phase + 0.5), 0, 0, 0])
    e.T1 = -e.T2


def matrices(ring, bpms, z0):
    """From the start to each BPM and of one turn, by Richardson's extrapolation: find_m66 takes one step, which is
    not enough near a coupling resonance."""
    n = 6 if ring.is_6d else 4
    offsets = [sign * step * MATRIX_STEP for step in (1, 2) for sign in (1, -1)]
    start = np.repeat(np.asarray(z0)[:, None], 4 * n, axis=1)
    for column in range(n):
        start[column, 4 * column:4 * column + 4] += offsets
    end = at.lattice_pass(ring, np.asfortranarray(start), refpts=[*bpms, len(ring)])[:n, :, :, 0]
    end = np.moveaxis(end.reshape(n, n, 4, -1), 3, 0)  # place, row, column, offset
    near, far = end[..., 0] - end[..., 1], end[..., 2] - end[..., 3]
    m = (8 * near - far) / (12 * MATRIX_STEP)
    return m[:-1], m[-1]


def modes(turn):
    """Eigenvectors of the one-turn matrix whose areas sum to 1, by plane, and tunes."""
    values, vectors = np.linalg.eig(turn)
    found = {}
    for value, v in zip(values, vectors.T):
        areas = np.imag(np.conj(v[::2]) * v[1::2])
        if areas.sum() > 0:
            found[int(np.argmax(areas / areas.sum()))] = np.angle(value) / (2 * math.pi) % 1, v / math.sqrt(areas.sum())
    ordered = [found[plane] for plane in range(len(turn) // 2)]
    return np.array([min(q, 1 - q) if plane == 2 else q for plane, (q, _) in enumerate(ordered)]), \
        [v for _, v in ordered]


def coupled(ring, bpms, z0):
    """Linear optics about the orbit that starts with z0: beta functions of Mais and Ripken. linopt6 is no help: its R
    matrices take all maps to be symplectic, which pyAT's edges are not in 6D."""
    to_bpm, turn = matrices(ring, bpms, z0)
    tune, vectors = modes(turn)
    v = np.array([to_bpm @ vector for vector in vectors])  # mode, BPM, coordinate
    orbit = np.squeeze(at.lattice_pass(ring, np.asfortranarray(z0.reshape(6, 1)), refpts=bpms)).T
    found = {"tune": tune, "x_m": orbit[:, 0], "y_m": orbit[:, 2],
             "beta_x_m": [abs(v[k, :, 0]) ** 2 for k in (0, 1)],
             "beta_y_m": [abs(v[k, :, 2]) ** 2 for k in (0, 1)],
             "alpha_x": -np.real(np.conj(v[0, :, 0]) * v[0, :, 1]),
             "alpha_y": -np.real(np.conj(v[1, :, 2]) * v[1, :, 3])}
    if ring.is_6d:
        for plane, key in ((0, "eta_x_m"), (2, "eta_y_m")):
            found[key] = np.real(v[2, :, plane] * np.conj(v[2, :, 4])) / abs(v[2, :, 4]) ** 2
    return found


def orbit_slope(ring, bpms):
    """Dispersion of both planes as Richardson's extrapolation."""
    def slope(delta):
        plus, minus = (at.find_orbit4(ring, dp=d, refpts=bpms)[1] for d in (delta, -delta))
        return (plus - minus) / (2 * delta)
    return (4 * slope(1e-5) - slope(2e-5)) / 3


def cross_columns(ring, devices, bpms, fixed_path):
    """Every eighth corrector of each plane: x at all BPMs, then y."""
    def slope(place, plane, step):
        was = ring[place].KickAngle[plane]
        found = []
        for sign in (1, -1):
            set_kick(ring[place], plane, was + sign * step)
            found.append(orbit_at(ring, bpms, fixed_path).T.ravel())
        set_kick(ring[place], plane, was)
        # The pass methods of magnets take the sine of the angle.
        scale = 1 if isinstance(ring[place], at.Corrector) else math.cos(was) * math.sin(step) / step
        return (found[0] - found[1]) / (2 * step) / scale
    return {key: [(4 * slope(where, plane, STEP_RAD) - slope(where, plane, 2 * STEP_RAD)) / 3
                  for _, where in devices[key][::EVERY]]
            for plane, key in ((0, "hcorrectors"), (1, "vcorrectors"))}


def with_errors(text, exact, devices, bpms):
    kinds = [text["elements"][name][0] for name in expand(text["lattices"], text["elements"], text["root"])]

    def spoil(ring, rad=FINE_KICK_RAD if exact else KICK_RAD):
        kick(ring, devices, rad)
        misalign(ring, kinds)
        return ring
    ring = spoil(build(text, exact)[0], KICK_RAD)
    found = {"fixed_momentum": coupled(ring, bpms, at.find_orbit4(ring, dp=0.0)[0])}
    eta = orbit_slope(ring, bpms)
    found["fixed_momentum"].update(eta_x_m=eta[:, 0], eta_y_m=eta[:, 2])
    found["response_fixed_momentum"] = cross_columns(ring, devices, bpms, False)
    found["response_fixed_rf"] = cross_columns(spoil(build_for_path(text, exact)), devices, bpms, True)
    if "Cavity" in kinds:
        ring = spoil(build_for_path(text, exact, cavities=True))
        found["6d"] = coupled(ring, bpms, at.find_orbit6(ring, guess=np.zeros(6), XYStep=1e-7, DPStep=1e-7)[0])
    return found


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
              "with": f"pyAT {at.__version__}, numpy {np.__version__}", "kick_rad": KICK_RAD, "fine_kick_rad": FINE_KICK_RAD, "roll_rad": ROLL_RAD,
              "move_m": MOVE_M, "every": EVERY}
    for key, exact in (("exact", True), ("at", False)):
        ring, names = build(text, exact)
        devices = {k: [place(names, e) for e in text["x_ext"][k]]
                   for k in ("bpms", "hcorrectors", "vcorrectors")}
        bpms = [where for _, where in devices["bpms"]]
        part = optics(ring, bpms)
        part["response_fixed_momentum"] = responses(ring, devices, bpms, False)
        part["response_fixed_rf"] = responses(ring, devices, bpms, True)
        part["chromaticity"] = chromaticity(ring)
        part["chromaticity_natural"] = chromaticity(without_sextupoles(ring))
        kick(ring, devices)
        part["kicked_fixed_momentum"] = kicked_orbit(ring, bpms, False)
        part["kicked_tune"] = at.get_tune(ring)
        ring = build_for_path(text, exact)
        kick(ring, devices, FINE_KICK_RAD if exact else KICK_RAD)
        part["kicked_fixed_rf"] = kicked_orbit(ring, bpms, True)
        part["errors"] = with_errors(text, exact, devices, bpms)
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
