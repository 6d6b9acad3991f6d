"""The datagrams of orbit-streams(5), written a second time from their byte tables.

Positions are dictionaries id -> (x_nm, y_nm, good); a sender's counter is the caller's.
"""
import struct

VALID, LOCK = 0x0800, 0x0001


def grouping(counter, positions, old=False, total=1000):
    """Libera Grouping; old: counter and status exchanged."""
    data = b""
    for bpm, (x, y, good) in positions.items():
        status = bpm << 2 | (VALID | LOCK if good else 0)
        tail = (counter & 0xffff, status) if old else (status, counter & 0xffff)
        data += struct.pack("<iiiHH", total, x, y, *tail)
    return data


def spark(counter, x, y, total=1000):
    return struct.pack("<16i", 1, 1, 1, 1, total, 0, x, y, counter, *[0] * 7)


def concentrator(counter, positions):
    x, y = ([positions.get(k, (0, 0))[plane] for k in range(7)] for plane in (0, 1))
    return struct.pack("<7i7iiI", *x, *y, 0, counter & 0xffffffff)


def diamond(counter, positions):
    return b"".join(struct.pack(">IiiI", (counter & 0xffff) << 16 | 0x8000 | node, x, y, counter & 0xffffffff)
                    for node, (x, y, *_) in positions.items())
