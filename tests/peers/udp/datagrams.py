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


ORDER, ANSWER = b"OBSP", b"OBRB"


def decode_order(data):
    """Set points in orbitd's own form."""
    magic, version, n, device, state, run, arm, cycle, life, valid_us, active = struct.unpack_from("<4sHHIIQQQQII", data)
    if magic != ORDER or version != 1 or len(data) != 56 + 8 * n:
        raise ValueError(data)
    amperes = dict(struct.iter_unpack("<If", data[56:]))
    return dict(device=device, state=state, run=run, arm=arm, cycle=cycle, life=life, valid_us=valid_us,
                active=active, amperes=amperes)


def encode_answer(device, cycle, count, supplies, status=0):
    """supplies: number -> (set A, current A, ready)."""
    return (struct.pack("<4sHHIIQQ", ANSWER, 1, len(supplies), device, status, cycle, count) +
            b"".join(struct.pack("<HHff", k, 1 if ready else 0, found, current)
                     for k, (found, current, ready) in supplies.items()))


ALSU = 0x7631


def decode_alsu(data):
    magic, command, nonce = struct.unpack_from(">HHQ", data)
    if magic != ALSU or command != 0 or (len(data) - 12) % 6:
        raise ValueError(data)
    return dict(cycle=nonce, amperes=dict(struct.iter_unpack(">Hf", data[12:])), active=1, valid_us=None)


def encode_alsu(command, nonce, amperes):
    return struct.pack(">HHQ", ALSU, command, nonce) + b"".join(struct.pack(">Hf", k, a) for k, a in amperes.items())
