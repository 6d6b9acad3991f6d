"""What the tests with fieldbus and stream peers share: children that end with the test, a PLC, waiting."""
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..")
BIN = os.environ["ORBITD_BIN"]
TESTS = os.environ.get("ORBITD_TESTS", os.path.join(BIN, "..", "tests"))

OFF, SHADOW, ARMED, CLOSED, HOLD = range(5)
ABSENT, STALE, INVALID, RANGE, DISABLED, FOREIGN, SATURATED = 1, 2, 4, 8, 32, 128, 512

def wait_for(what, condition, seconds=30.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


def words(code, *values):
    """Registers of values, most significant word first: code as for struct."""
    data = b"".join(struct.pack(">" + code, v) for v in values)
    return [value for (value,) in struct.iter_unpack(">H", data)]


def values(code, registers):
    return [v for (v,) in struct.iter_unpack(">" + code, struct.pack(f">{len(registers)}H", *registers))]


class Child:
    """A program that is asked line by line; it says "ready" first."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()
        line = self.process.stdout.readline()
        assert line == "ready\n", f"{command}: {line!r}"

    def ask(self, line):
        with self.lock:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().rstrip("\n")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Plc(Child):
    def __init__(self, *place):
        super().__init__(sys.executable, os.path.join(HERE, "modbus", "plc.py"), *place)

    def put(self, table, address, registers):
        assert self.ask(f"put {table} {address} " + " ".join(str(r) for r in registers)) == "ok"

    def get(self, table, address, count):
        return [int(w) for w in self.ask(f"get {table} {address} {count}").split()]


class Programs:
    """A folder, a log, and programs of the project."""

    def __init__(self, prefix):
        self.folder = tempfile.mkdtemp(prefix=prefix)
        self.log = open(f"{self.folder}/log", "a")
        self.children = []

    def start(self, name, *arguments):
        child = subprocess.Popen([f"{BIN}/{name}", *arguments], stdout=self.log, stderr=self.log)
        self.children.append(child)
        return child

    def stop(self, child):
        child.terminate()
        return child.wait(5)

    def read_log(self):
        with open(f"{self.folder}/log") as f:
            return f.read()

    def close(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.kill()
            child.wait()
        self.log.close()
        subprocess.run(["rm", "-r", self.folder], check=True)
