#!/usr/bin/env python3
"""The yardstick of orbit-bench's part "model": one command a line, one JSON object back.

    load RING        the ring of lattices/RING, as tests/physics/make_reference.py builds it
    update           build_analytical, both planes, 4D: optics, dispersion, tunes and matrices are made within
    orbit            find_orbit4 at the BPMs, every corrector kicked
"""
import json
import pathlib
import sys
import time

TREE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / "tests" / "physics"))
answers = sys.stdout
sys.stdout = sys.stderr  # importing at talks

import at  # noqa: E402
import numpy as np  # noqa: E402
from at.latticetools import OrbitResponseMatrix  # noqa: E402
from make_reference import build, kick, place  # noqa: E402


class Ring:
    def __init__(self, name):
        text = json.loads((TREE / "lattices" / name / "lattice.json").read_text())
        self.ring, names = build(text, False)
        self.devices = {k: [place(names, e) for e in text["x_ext"][k]]
                        for k in ("bpms", "hcorrectors", "vcorrectors")}
        self.bpms = np.array([where for _, where in self.devices["bpms"]], dtype=np.uint32)
        self.matrices = [self.response("h"), self.response("v")]
        self.kicked = self.ring.deepcopy()
        kick(self.kicked, self.devices)

    def response(self, plane):
        correctors = sorted({where for _, where in self.devices[plane + "correctors"]})
        return OrbitResponseMatrix(self.ring, plane, self.bpms, np.array(correctors, dtype=np.uint32))

    def update(self):
        start = time.process_time()
        matrices = [m.build_analytical() for m in self.matrices]
        seconds = time.process_time() - start
        return {"seconds": seconds, "norms": [float(np.linalg.norm(m)) for m in matrices]}

    def orbit(self):
        start = time.process_time()
        _, orbit = at.find_orbit4(self.kicked, dp=0.0, refpts=self.bpms)
        seconds = time.process_time() - start
        return {"seconds": seconds, "x_m": orbit[:, 0].tolist(), "y_m": orbit[:, 2].tolist()}


def main():
    ring = None
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "load":
            ring = Ring(rest[0])
            found = {"seconds": 0.0, "version": at.__version__, "elements": len(ring.ring)}
        else:
            found = {"update": ring.update, "orbit": ring.orbit}[word]()
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
