# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A disc in a drive, for nbdkit's python plugin: so many bytes a second along the track, and a head that has to move for everything else.

    nbdkit -r python optical.py image=FILE rate=BYTES_A_SECOND settle_ms=N stroke_ms=N

What a drive does, in as few words as give its character: reading on costs time by the byte; what it has read lately comes from its own memory; skipping
forward a little is reading through; anything else costs settling plus a part of the full stroke, as far as the head goes. One request at a time.
"""
import os
import time

import nbdkit

API_VERSION = 2
MEMORY = 2 << 20  # bytes behind the head that the drive still has
GAP = 512 << 10  # bytes ahead that it reads through instead of moving its head

_told = {"image": None, "rate": 20_000_000, "settle_ms": 20, "stroke_ms": 180}
_head = 0
_free_at = 0.0


def thread_model():
    return nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS


def config(key, value):
    if key not in _told:
        raise RuntimeError("unknown parameter %s" % key)
    _told[key] = value if key == "image" else int(value)


def config_complete():
    if not _told["image"]:
        raise RuntimeError("image=FILE is missing")


def open(readonly):  # pylint: disable=redefined-builtin
    return os.open(_told["image"], os.O_RDONLY)


def close(handle):
    os.close(handle)


def get_size(handle):
    return os.fstat(handle).st_size


def can_multi_conn(handle):
    return True


def cost_s(at, count, size):
    """Seconds that the drive takes, and where its head stands then."""
    end = at + count
    if _head - MEMORY <= at and end <= _head:
        return 0.0, _head
    if _head - MEMORY <= at <= _head + GAP:
        return (end - _head) / _told["rate"], end
    return (_told["settle_ms"] + _told["stroke_ms"] * abs(at - _head) / size) / 1000 + count / _told["rate"], end


def pread(handle, buf, offset, flags):
    global _head, _free_at  # pylint: disable=global-statement
    seconds, _head = cost_s(offset, len(buf), get_size(handle))
    # Sleeping takes longer than it is told to: the drive's time is kept, not each sleep's.
    now = time.monotonic()
    _free_at = max(_free_at, now - 0.05) + seconds
    if _free_at > now:
        time.sleep(_free_at - now)
    buf[:] = os.pread(handle, len(buf), offset)
