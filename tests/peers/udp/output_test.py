#!/usr/bin/env python3
"""The real loop on a ring that is reached by datagrams alone: positions come as Libera Grouping, set points go to a
power supply written from the byte tables, in both forms. Run it through tests/support/namespace.sh."""
import csv
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import unittest

import datagrams

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import BIN, SOURCE, Programs, wait_for

BPM_PORT, SUPPLY_PORT, LISTEN_PORT = 20480, 30721, 30731
DEVICE = 77
PERIOD_S = 0.005
FODO = os.path.join(SOURCE, "lattices", "fodo")

CONFIG = """instance: fodo-udp
runtime_dir: {folder}
ring:
  lattice: {fodo}/lattice.json
  devices: {fodo}/devices.json
loop:
  rate_hz: 200
  timer: external
  priority: 0
record:
  size_mib: 8
source:
  bpm: [fofb]
  actuator: supplies
  bpm_max_age_ms: 100
  actuator_max_age_ms: 300
check:
  required: false
law:
  every: 2
  ki: 0.2
udp:
  map: streams.yaml
  bpm_sources: [fofb]
  actuator_source: supplies
"""


class Supply:
    """A power supply with one address. It takes newer orders of its own run, answers each ring period, and holds what
    it has when orders stop."""

    def __init__(self, form, n):
        self.form, self.n = form, n
        self.set = {k: 0.0 for k in range(n)}
        self.cycle = self.count = 0
        self.orders, self.device, self.mute, self.until = [], DEVICE, False, None
        self.meddle = None  # (supply, A): somebody adds this
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", SUPPLY_PORT))
        self.socket.setblocking(False)

    @property
    def is_following(self):
        return self.until is not None and time.monotonic() < self.until

    def take(self):
        while select.select([self.socket], [], [], 0)[0]:
            data, _ = self.socket.recvfrom(4096)
            order = datagrams.decode_order(data) if self.form == "orbitd" else datagrams.decode_alsu(data)
            self.orders.append(order)
            if not order["active"]:
                self.until = None
            elif order["cycle"] > self.cycle and order.get("device", DEVICE) == DEVICE:
                self.cycle = order["cycle"]
                self.set.update(order["amperes"])
                self.until = time.monotonic() + 1e-6 * (order["valid_us"] or 0)
        if self.meddle:
            self.set[self.meddle[0]] += self.meddle[1]
            self.meddle = None

    def answer(self):
        self.count += 1
        if self.form == "orbitd":
            answers = [datagrams.encode_answer(self.device, self.cycle, self.count,
                                               {k: (a, a, True) for k, a in self.set.items()})]
        else:
            answers = [datagrams.encode_alsu(command, self.cycle, self.set) for command in (1, 0)]
        for data in answers:
            self.socket.sendto(data, ("127.0.0.1", LISTEN_PORT))


class Ring(threading.Thread):
    """y = y0 + R u each period: orders in, answers and positions out."""

    def __init__(self, supply, matrix, factors, y0_m):
        super().__init__()
        self.supply, self.matrix, self.factors, self.y0_m = supply, matrix, factors, y0_m
        self.ended, self.lock = threading.Event(), threading.Lock()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.counter = 0
        self.start()

    def positions(self):
        kicks = [self.supply.set[k] * f for k, f in enumerate(self.factors)]
        y_nm = [round(1e9 * (y0 + sum(r * u for r, u in zip(row, kicks))))
                for row, y0 in zip(self.matrix, self.y0_m)]
        n = len(y_nm) // 2
        return {k: (y_nm[k], y_nm[n + k], True) for k in range(n)}

    def run(self):
        due = time.monotonic()
        while not self.ended.is_set():
            with self.lock:
                self.supply.take()
                if not self.supply.mute:
                    self.supply.answer()
            self.counter += 1
            self.socket.sendto(datagrams.grouping(self.counter, self.positions()), ("127.0.0.1", BPM_PORT))
            due = max(due + PERIOD_S, time.monotonic())
            self.ended.wait(due - time.monotonic())

    def stop(self):
        self.ended.set()
        self.join()
        self.socket.close()
        self.supply.socket.close()


def response_matrix(folder):
    subprocess.run([f"{BIN}/orbitctl", "orm", f"{FODO}/lattice.json", "--mode", "fixed-rf",
                    "--csv", f"{folder}/orm.csv"], check=True, stdout=subprocess.DEVNULL)
    with open(f"{folder}/orm.csv") as f:
        return [[float(v) for v in row] for row in list(csv.reader(f))[1:]]


class Loop(unittest.TestCase):
    def begin(self, form, write="true"):
        self.programs = Programs("orbit-udp-loop-")
        self.addCleanup(self.programs.close)
        folder = self.programs.folder
        with open(f"{FODO}/devices.json") as f:
            devices = json.load(f)
        self.n_bpm, correctors = len(devices["bpms"]), devices["correctors"]
        with open(f"{folder}/loop.yaml", "w") as f:
            f.write(CONFIG.format(folder=folder, fodo=os.path.abspath(FODO)))
        with open(f"{folder}/streams.yaml", "w") as f:
            f.write("format: orbitd-streams-1\ninputs:\n"
                    f"  - {{source: fofb, format: libera-grouping, listen: '127.0.0.1:{BPM_PORT}'}}\nbpms:\n")
            for k, bpm in enumerate(devices["bpms"]):
                f.write(f"  - {{source: fofb, bpm: {bpm['name']}, id: {k}}}\n")
            f.write(f"outputs:\n  - {{name: ps, format: {form}, send: '127.0.0.1:{SUPPLY_PORT}', "
                    f"listen: '127.0.0.1:{LISTEN_PORT}', device: {DEVICE}, write: {write}}}\nsupplies:\n")
            for k, corrector in enumerate(correctors):
                f.write(f"  - {{output: ps, corrector: {corrector['name']}, supply: {k}}}\n")
        matrix = response_matrix(folder)
        kicks = [1e-5 * ((7 * k) % 11 - 5) for k in range(len(correctors))]
        self.supply = Supply(form, len(correctors))
        self.ring = Ring(self.supply, matrix, [c["rad_per_a"] for c in correctors],
                         [sum(r * u for r, u in zip(row, kicks)) for row in matrix])
        self.addCleanup(self.ring.stop)
        for program in ("orbitd", "orbit-model"):
            self.programs.start(program, "--config", f"{folder}/loop.yaml")

    def ctl(self, *arguments):
        return subprocess.run([f"{BIN}/orbitctl", "--config", f"{self.programs.folder}/loop.yaml", *arguments],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def get(self, name):
        """Not a number: nobody answers, or no BPM is good just now; then no comparison holds."""
        done = self.ctl("get", "--json", name)
        value = json.loads(done.stdout)["values"][name]["value"] if done.returncode == 0 else None
        return float("nan") if value is None else value

    def wait(self, what, condition, seconds=30):
        try:
            wait_for(what, condition, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.ctl('status').stdout}\n{self.programs.read_log()}") from None

    def wait_ready(self):
        self.wait("a good orbit", lambda: self.get("QUAL:X") == [0] * self.n_bpm)
        self.wait("a model", lambda: "accepted as revision" in self.ctl("status").stdout)

    def close_loop(self):
        self.wait_ready()
        self.wait("good correctors", lambda: not any(self.get("QUAL:H") + self.get("QUAL:V")))
        self.wait("ARMED", lambda: self.ctl("mode", "arm").returncode == 0)
        self.wait("CLOSED", lambda: self.ctl("mode", "closed").returncode == 0)

    def wait_corrected(self):
        self.wait("a corrected orbit", lambda: self.get("RMS:X") < 10 and self.get("RMS:Y") < 10)


class Closed(Loop):
    def check_loop(self, form):
        self.begin(form)
        self.wait_ready()
        self.assertEqual(self.supply.orders, [])
        before = self.get("RMS:X"), self.get("RMS:Y")
        self.close_loop()
        self.wait_corrected()
        self.assertEqual(self.get("STATE"), "CLOSED")
        print(form, "rms um:", before, "->", (self.get("RMS:X"), self.get("RMS:Y")))
        cycles = [order["cycle"] for order in self.supply.orders]
        self.assertEqual(cycles, sorted(set(cycles)))
        # Closing moves nothing by more than a step of the power supplies.
        self.assertLessEqual(max(abs(a) for a in self.supply.orders[0]["amperes"].values()), 1.01e-5)

    def test_the_loop_closes_over_our_own_form_and_says_that_it_gives_up(self):
        self.check_loop("orbitd")
        orders = self.supply.orders
        self.assertEqual([order["life"] for order in orders], list(range(1, len(orders) + 1)))
        self.assertEqual({order["state"] for order in orders if order["active"]}, {3})
        self.assertGreater(min(order["valid_us"] for order in orders if order["active"]), 50000)
        self.assertLessEqual(max(order["valid_us"] for order in orders), 100000)
        self.assertEqual(self.ctl("mode", "shadow").returncode, 0)
        self.wait("the last word", lambda: not orders[-1]["active"])
        self.assertEqual(orders[-1]["state"], 1)
        self.assertEqual(orders[-1]["amperes"], {})
        self.assertFalse(self.supply.is_following)

    def test_the_loop_closes_over_the_form_of_als_u(self):
        self.check_loop("als-u")

    def test_a_supply_that_falls_silent_holds_the_loop_and_the_loop_takes_up_again(self):
        self.begin("orbitd")
        self.close_loop()
        self.wait_corrected()
        self.supply.mute = True
        self.wait("HOLD", lambda: self.get("STATE") == "HOLD")
        n = len(self.supply.orders)
        self.supply.mute = False
        self.wait("CLOSED", lambda: self.get("STATE") == "CLOSED", 25)
        self.assertGreaterEqual(len(self.supply.orders), n)
        self.wait_corrected()

    def test_another_master_is_seen_and_held_with_its_name(self):
        self.begin("orbitd")
        self.close_loop()
        self.wait_corrected()
        self.supply.meddle = 3, 0.05
        self.wait("HOLD", lambda: self.get("STATE") == "HOLD")
        self.wait("its name", lambda: "H04" in self.get("WHY") and "somebody else" in self.get("WHY"))

    def test_when_the_loop_dies_orders_stop_and_the_supply_knows(self):
        self.begin("orbitd")
        self.close_loop()
        self.wait_corrected()
        self.assertTrue(self.supply.is_following)
        self.programs.children[0].kill()
        self.wait("the end of the lease", lambda: not self.supply.is_following)


class Refused(Loop):
    def check_refused(self):
        self.ctl("mode", "arm")
        end = time.monotonic() + 1
        while time.monotonic() < end:
            self.assertNotEqual(self.ctl("mode", "closed").returncode, 0)
        self.assertEqual(self.supply.orders, [])

    def test_nothing_is_sent_without_write(self):
        self.begin("orbitd", "false")
        self.wait_ready()
        self.check_refused()

    def test_nothing_is_sent_to_a_device_that_says_it_is_another(self):
        self.begin("orbitd")
        self.supply.device = DEVICE + 1
        self.wait_ready()
        self.check_refused()
        status = json.loads(self.ctl("status", "--json").stdout)
        self.assertGreater(status["sources"]["supplies"]["unknown"], 10)

    def test_nothing_is_sent_to_a_device_that_lacks_a_supply(self):
        self.begin("als-u")
        with self.ring.lock:
            self.supply.set = {k: a for k, a in self.supply.set.items() if k}
            self.ring.factors = [0] + self.ring.factors[1:]
            self.ring.positions = lambda: {k: (1000, 1000, True) for k in range(self.n_bpm)}
        self.wait_ready()
        self.check_refused()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
