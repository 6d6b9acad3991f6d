#!/usr/bin/env python3
"""The real loop with BPMs that come as datagrams of every format, sent by a second implementation of them. Run it
through tests/support/namespace.sh."""
import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

import datagrams

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import ABSENT, BIN, INVALID, SOURCE, STALE, Programs, wait_for

PORT = 20480
FODO = os.path.join(SOURCE, "lattices", "fodo")
PERIOD_S = 0.005
N = 24

CONFIG = """instance: fodo-udp
runtime_dir: {folder}
ring:
  lattice: {fodo}/lattice.json
  devices: {fodo}/devices.json
loop:
  rate_hz: 200
  timer: {timer}
  priority: 0
record:
  size_mib: 8
source:
  bpm: [{sources}]
  bpm_max_age_ms: 100
udp:
  map: streams.yaml
  bpm_sources: [{sources}]
"""


def position(bpm, counter):
    """What BPM `bpm` says at `counter`, nm: never zero, and different everywhere."""
    return 1000 * (bpm + 1) + counter % 500, -2000 * (bpm + 1) - counter % 500


class Sender(threading.Thread):
    """Sends what make(counter) says, [(from address, datagram)], on a grid, until stopped; hooks change it."""

    def __init__(self, port, make, period_s=PERIOD_S):
        super().__init__()
        self.port, self.make, self.period_s, self.ended = port, make, period_s, threading.Event()
        self.counter, self.sockets = 0, {}
        self.start()

    def send(self, source, datagram):
        if source not in self.sockets:
            self.sockets[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sockets[source].bind((source, 0))
        self.sockets[source].sendto(datagram, ("127.0.0.1", self.port))

    def run(self):
        due = time.monotonic()
        while not self.ended.is_set():
            self.counter += 1
            for source, datagram in self.make(self.counter):
                self.send(source, datagram)
            due = max(due + self.period_s, time.monotonic())
            self.ended.wait(due - time.monotonic())
        for one in self.sockets.values():
            one.close()

    def stop(self):
        self.ended.set()
        self.join()


class Rig(unittest.TestCase):
    def setUp(self):
        self.programs, self.senders = Programs("orbit-udp-"), []

    def tearDown(self):
        for sender in self.senders:
            sender.stop()
        self.programs.close()

    def begin(self, inputs, bpms, timer="sleep"):
        folder = self.programs.folder
        names = [name for name, _ in inputs]
        with open(f"{folder}/udp.yaml", "w") as f:
            f.write(CONFIG.format(folder=folder, fodo=os.path.abspath(FODO), sources=", ".join(names), timer=timer))
        with open(f"{folder}/streams.yaml", "w") as f:
            f.write("format: orbitd-streams-1\ninputs:\n")
            for name, rest in inputs:
                f.write(f"  - {{source: {name}, {rest}}}\n")
            f.write("bpms:\n")
            for source, bpm, rest in bpms:
                f.write(f"  - {{source: {source}, bpm: BPM{bpm + 1:02d}, {rest}}}\n")
        self.orbitd = self.programs.start("orbitd", "--config", f"{folder}/udp.yaml")

    def sender(self, *arguments):
        self.senders.append(Sender(*arguments))
        return self.senders[-1]

    def ctl(self, *arguments):
        return subprocess.run([f"{BIN}/orbitctl", "--config", f"{self.programs.folder}/udp.yaml", *arguments],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def get(self, *names):
        done = self.ctl("get", "--json", *names)
        if done.returncode:
            return [None] * len(names)
        values = json.loads(done.stdout)["values"]
        return [values[name]["value"] for name in names]

    def counters(self, source):
        done = self.ctl("status", "--json")
        return json.loads(done.stdout)["sources"][source] if done.returncode == 0 else {}

    def wait_quality(self, what, expected, seconds=15):
        """expected: BPM -> bits that it must have; every other BPM good."""
        def holds():
            quality, = self.get("QUAL:X")
            return quality and all((q & expected[k]) == expected[k] and q if k in expected else q == 0
                                   for k, q in enumerate(quality))
        try:
            wait_for(what, holds, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.get('QUAL:X')}\n{self.ctl('status').stdout}"
                                 f"{self.programs.read_log()}") from None

    def check_orbit(self, bpms):
        """The orbit is what one moment of the sender was, in every BPM and both planes."""
        x, y = self.get("ORBIT:X", "ORBIT:Y")
        moments = {round(1e3 * x[k]) - 1000 * (k + 1) for k in bpms}
        moments |= {-round(1e3 * y[k]) - 2000 * (k + 1) for k in bpms}
        self.assertEqual(len(moments), 1, f"{x}\n{y}")
        self.assertTrue(moments.pop() in range(500))


class Formats(Rig):
    def both_planes(self, counter, bpms=range(N)):
        return {k: (*position(k, counter), True) for k in bpms}

    def check_format(self, name, rest, bpms, make):
        self.begin([("fofb", f"format: {name}, listen: '127.0.0.1:{PORT}', {rest}")],
                   [("fofb", k, f"id: {k}") for k in bpms])
        self.sender(PORT, lambda counter: [("127.0.0.1", make(counter))])
        self.wait_quality("an orbit", {k: ABSENT for k in range(N) if k not in bpms})
        self.check_orbit(bpms)
        counters = wait_for("frames", lambda: [c for c in [self.counters("fofb")] if c.get("frames", 0) > 20])[0]
        self.assertEqual([counters[kind] for kind in ("size", "content", "unknown", "duplicate", "late", "restarts")],
                         [0] * 6, counters)

    def test_libera_grouping(self):
        self.check_format("libera-grouping", "sum_nominal: 1000", range(N),
                          lambda counter: datagrams.grouping(counter, self.both_planes(counter)))

    def test_libera_grouping_with_the_counter_first(self):
        self.check_format("libera-grouping-counter", "from: 127.0.0.1", range(N),
                          lambda counter: datagrams.grouping(counter, self.both_planes(counter), old=True))

    def test_concentrator(self):
        self.check_format("hzb-concentrator", "counter_step: 1", range(7),
                          lambda counter: datagrams.concentrator(counter, self.both_planes(counter, range(7))))

    def test_diamond_communication_controller(self):
        self.check_format("diamond-cc", "counter_step: 1", range(N),
                          lambda counter: datagrams.diamond(counter, self.both_planes(counter)))

    def test_libera_spark_of_sixteen_senders(self):
        self.begin([("sparks", f"format: libera-spark, listen: '0.0.0.0:{PORT}', counter_step: 48")],
                   [("sparks", k, f"from: 127.0.1.{k + 1}") for k in range(16)])
        self.sender(PORT, lambda counter: [(f"127.0.1.{k + 1}", datagrams.spark(48 * counter, *position(k, counter)))
                                           for k in range(16)])
        self.wait_quality("an orbit", {k: ABSENT for k in range(16, N)})
        self.check_orbit(range(16))


class Faults(Rig):
    def setUp(self):
        super().setUp()
        self.change = lambda counter, data: [data]
        self.quiet = set()

    def make(self, counter):
        good = datagrams.grouping(counter, {k: (*position(k, counter), True) for k in range(N) if k not in self.quiet})
        return [("127.0.0.1", data) for data in self.change(counter, good)]

    def begin_grouping(self, timer="sleep"):
        self.begin([("fofb", f"format: libera-grouping, listen: '127.0.0.1:{PORT}'")],
                   [("fofb", k, f"id: {k}") for k in range(N)], timer)
        sender = self.sender(PORT, self.make)
        self.wait_quality("an orbit", {})
        return sender

    def wait_counter(self, kind, n=5):
        wait_for(f"{n} counted as {kind}", lambda: self.counters("fofb").get(kind, 0) >= n)

    def test_each_fault_of_a_datagram_is_counted_as_what_it_is_and_the_orbit_stays(self):
        self.begin_grouping()
        faults = {"size": lambda c, d: [d, d[:-3]],
                  "unknown": lambda c, d: [d, datagrams.grouping(c, {200: (1, 1, True)})],
                  "duplicate": lambda c, d: [d, d],
                  "late": lambda c, d: [d, datagrams.grouping(c - 5, {0: (1, 1, True)})],
                  "content": lambda c, d: [d + datagrams.grouping(c + 1, {0: (1, 1, True)})],
                  "lost": lambda c, d: [d] if c % 10 else [],
                  "restarts": lambda c, d: [datagrams.grouping(c + 20000 * (c // 50), {
                      k: (*position(k, c), True) for k in range(N)})]}
        for kind, change in faults.items():
            before = self.counters("fofb")
            self.change = change
            self.wait_counter(kind, before[kind] + 2)
            self.check_orbit(range(N))
        self.change = lambda counter, data: [data]
        self.wait_quality("an orbit", {})

    def test_a_bpm_that_falls_silent_is_stale_and_comes_back_and_a_zero_is_no_position(self):
        self.begin_grouping()
        self.quiet = {3}
        self.wait_quality("a stale BPM", {3: STALE})
        self.quiet = set()
        self.wait_quality("an orbit", {})
        self.change = lambda counter, data: [data[:16 * 5] + bytes(12) + b"\x14\0" + data[16 * 5 + 14:]]
        self.wait_quality("an invalid BPM", {5: INVALID})

    def test_the_arrival_of_data_starts_the_cycle_and_the_timer_goes_on_without_them(self):
        sender = self.begin_grouping("external")
        wait_for("cycles by data", lambda: self.get("TIMER")[0] == "EXTERNAL")
        sender.stop()
        wait_for("cycles by the timer", lambda: self.get("TIMER")[0] == "FALLBACK")
        wait_for("WHY to say so", lambda: "by the timer" in self.ctl("status").stdout)
        self.wait_quality("stale BPMs", {k: STALE for k in range(N)})
        self.sender(PORT, self.make)
        wait_for("cycles by data", lambda: self.get("TIMER")[0] == "EXTERNAL")

    def test_half_of_the_bpms_by_each_of_two_streams_and_one_takes_over_from_the_other(self):
        def stream(bpms):
            return lambda counter: [("127.0.0.1", datagrams.grouping(counter, {
                k: (*position(k, 0), True) for k in bpms}))]
        self.begin([("a", f"format: libera-grouping, listen: '127.0.0.1:{PORT}'"),
                    ("b", f"format: libera-grouping, listen: '127.0.0.1:{PORT + 1}'")],
                   [("a", k, f"id: {k}") for k in range(16)] + [("b", k, f"id: {k}") for k in range(8, N)])
        first = self.sender(PORT, stream(range(16)))
        self.sender(PORT + 1, stream(range(8, N)))
        self.wait_quality("an orbit of both", {})
        first.stop()
        self.wait_quality("what b has", {k: STALE for k in range(8)})
        self.sender(PORT, stream(range(16)))
        self.wait_quality("an orbit of both", {})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
