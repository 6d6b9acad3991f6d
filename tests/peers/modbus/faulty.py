"""Slaves with one fault each, as servers in threads: what a real one does on a bad day."""
import socket
import struct
import threading

FAULTS = ("none", "silent", "drip", "exception", "garbage", "truncated", "close", "late", "wrong_unit")


class Slave(threading.Thread):
    """Answers reads with rising words, but for its fault; `healed` ends the fault. Counts connections and requests."""

    def __init__(self, port, fault):
        super().__init__(daemon=True)
        self.fault, self.healed, self.ended = fault, threading.Event(), threading.Event()
        self.n_connection = self.n_request = 0
        self.server = socket.create_server(("127.0.0.1", port))
        self.server.settimeout(0.1)
        self.start()

    def run(self):
        while not self.ended.is_set():
            try:
                connection, _ = self.server.accept()
            except TimeoutError:
                continue
            self.n_connection += 1
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    self.serve(connection)
                except (ConnectionError, TimeoutError):
                    pass
        self.server.close()

    def stop(self):
        self.ended.set()
        self.join()

    def serve(self, connection):
        while True:
            head = connection.recv(12, socket.MSG_WAITALL)
            if len(head) < 12 or self.ended.is_set():
                return
            self.n_request += 1
            transaction, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", head)
            body = bytes([unit, function, 2 * count]) + struct.pack(f">{count}H", *range(count))
            good = struct.pack(">HHH", transaction, 0, len(body)) + body
            fault = "none" if self.healed.is_set() else self.fault
            if not getattr(self, fault)(connection, good, transaction, unit, function):
                return

    def none(self, connection, good, *_):
        connection.sendall(good)
        return True

    def silent(self, *_):
        return True

    def drip(self, connection, good, *_):
        for byte in good:
            connection.sendall(bytes([byte]))
            if self.ended.wait(0.03):
                return False
        return True

    def exception(self, connection, good, transaction, unit, function):
        connection.sendall(struct.pack(">HHHBBB", transaction, 0, 3, unit, function | 0x80, 4))
        return True

    def garbage(self, connection, *_):
        connection.sendall(bytes((37 * k + 11) % 251 for k in range(40)))
        return True

    def truncated(self, connection, good, *_):
        connection.sendall(good[:-3])
        return True

    def close(self, *_):
        return False

    def late(self, connection, good, *_):
        self.ended.wait(0.15)
        connection.sendall(good)
        return True

    def wrong_unit(self, connection, good, *_):
        connection.sendall(good[:6] + bytes([good[6] ^ 1]) + good[7:])
        return True
