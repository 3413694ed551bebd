#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What may be spent on one container (lazaret.yaml, `unpack`): every budget ends in its reason, bombs cost little, the spool and
lazaretd's memory stay small however many members there are.

BUILD: the build directory (default build).
"""
import bz2
import io
import os
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import containers  # noqa: E402
import specimens  # noqa: E402
from containers import FORMATS, MIB  # noqa: E402
from inside import Station, descendants  # noqa: E402
from specimens import TEXT, make_tar, make_zip  # noqa: E402
from tap import finish, ok  # noqa: E402

GOOD = {"good.txt": TEXT}
GIB = 1 << 30


def limited(r, path, code, words, name):
    ok(r.verdict(path) == "held" and r.says(path, code, words=words), name, r.shown(path))


def budgets(work):
    """Each setting by itself: one specimen just within, one just over."""
    def files(n, size=10):
        return make_tar([("m/%04d.txt" % k, b"x" * size) for k in range(n)])

    def noise(seed, size):
        return subprocess.run(["openssl", "enc", "-aes-128-ctr", "-K", "%032x" % seed, "-iv", "0" * 32], input=bytes(size),
                                         stdout=subprocess.PIPE, check=True).stdout

    s = Station(work, "budgets")
    s.configure("unpack:\n  depth: 3\n")
    r = s.inspect({"three.zip": specimens.nested(3, TEXT, "a.txt"), "four.zip": specimens.nested(4, TEXT, "a.txt"), **GOOD})
    ok(r.verdict("three.zip") == "approved", "depth: as deep as it says", r.shown("three.zip"))
    limited(r, "four.zip", "limit-exceeded", "nested deeper", "depth: one deeper is held")
    s.configure("unpack:\n  members: 100\n")
    r = s.inspect({"few.tar": files(100), "many.tar": files(101), "nested.tar": make_tar([("a.tar", files(60)), ("b.tar", files(60))]), **GOOD})
    ok(r.verdict("few.tar") == "approved", "members: as many as it says", r.shown("few.tar"))
    limited(r, "many.tar", "limit-exceeded", "members", "members: one more is held")
    limited(r, "nested.tar", "limit-exceeded", "members", "members: of all containers of one file together")
    s.configure("unpack:\n  bytes: 10MiB\n")
    r = s.inspect({"little.tar.gz": specimens.gz(make_tar([("a.bin", noise(1, 4 * MIB))])),
                   "much.tar": make_tar([("a.bin", noise(2, 6 * MIB)), ("b.bin", noise(3, 6 * MIB))]), **GOOD})
    ok(r.verdict("little.tar.gz") == "approved", "bytes: within", r.shown("little.tar.gz"))
    limited(r, "much.tar", "limit-exceeded", "bytes", "bytes: more is held")
    s.configure("limits:\n  largest-file: 5MiB\n")
    r = s.inspect({"large.zip": make_zip([("large.bin", bytes(6 * MIB))]), **GOOD})
    limited(r, "large.zip", "limit-exceeded", "", "limits.largest-file holds for members, too")
    ok(r.verdict("good.txt") == "approved" and s.spool() == [], "the file beside it is fine, the spool empty", r.shown())


def ratio(work):
    s = Station(work, "ratio", config="unpack:\n  ratio: 2\n")
    r = s.inspect({"free.gz": FORMATS["gzip"].make({"x": bytes(200 * MIB)}), "dense.gz": FORMATS["gzip"].make({"x": bytes(300 * MIB)}), **GOOD})
    ok(not r.says("free.gz", "limit-exceeded", words="bytes that this station"), "ratio: 256 MiB are free", r.shown("free.gz"))
    limited(r, "dense.gz", "limit-exceeded", "bytes", "ratio: more than that from a small file is held")
    ok(s.spool() == [], "ratio: nothing is left in the spool", s.spool())


def out_of_time(work):
    """One second for all that is in it."""
    s = Station(work, "time", config="unpack:\n  time: 1s\n")
    entries = [("m/%05d.txt" % k, b"%d\n" % k) for k in range(20000)]
    started = time.monotonic()
    r = s.inspect({"slow.tar": make_tar(entries), **GOOD})
    ok(r.verdict("slow.tar") == "held" and r.says("slow.tar", "scan-timeout", words="longer than the station allows"),
       "time: over is scan-timeout", r.shown("slow.tar")[:2000])
    ok(r.verdict("good.txt") == "approved" and r.json["outcome"] == "published", "time: the file beside it is fine", r.shown("good.txt"))
    ok(time.monotonic() - started < 60, "time: it ends soon", time.monotonic() - started)
    ok(s.spool() == [], "time: nothing is left in the spool", s.spool())


# -- bombs of ten GiB, by repeating what a compressor makes of a part ----------------------------------------------------------

def zeros_gz(mib):
    """One stream: a full flush makes all its blocks alike (RFC 1951, 3.2.4)."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(mib):
        crc = zlib.crc32(bytes(MIB), crc)
    return b"\x1f\x8b\x08\0\0\0\0\0\2\xff" + block * mib + compressor.flush() + struct.pack("<II", crc, (mib << 20) & 0xffffffff)


def bombs(work):
    s = Station(work, "bombs", config="limits:\n  scan-time: 20s\n")
    zst = containers.filtered("zstd", "-cq", "--check")({"x": bytes(64 * MIB)})
    bz = bz2.compress(bytes(45 * MIB))
    medium = {
        "ten-gib.bz2": bz * (10 * 1024 // 45 + 1),
        "ten-gib.zst": zst * 160,
        "ten-gib.gz": zeros_gz(10 * 1024),
        "ten-gib.tar": containers.make_sparse_tar(),
        **GOOD,
    }
    started = time.monotonic()
    p = s.begin(medium)
    most = 0
    while p.poll() is None:
        most = max(most, s.spooled())
        time.sleep(0.1)
    r = s.finish()
    for path in medium:
        if path != "good.txt":
            ok(r.verdict(path) == "held" and set(r.codes(path)) & {"limit-exceeded", "scan-timeout"}, "bombs: %s of %d KiB" %
               (path, len(medium[path]) >> 10), r.shown(path))
    ok(r.verdict("good.txt") == "approved", "bombs: the file beside them is fine", r.shown("good.txt"))
    ok(most < 6 * GIB, "bombs: the spool never held all of it: %d MiB" % (most >> 20))
    ok(time.monotonic() - started < 300, "bombs: done in %d s" % (time.monotonic() - started))
    ok(s.spool() == [], "bombs: nothing is left in the spool", s.spool())


def tree_of_zips():
    """Zips in zips in zips, sixteen each: 16^5 members of a MiB, in some KiB."""
    data = make_zip([("0.bin", bytes(MIB))])
    for level in range(4):
        data = make_zip([("%d-%02d.zip" % (level, n), data) for n in range(16)])
    return data


def tree(work):
    """What takes the virus scanner long at every level: the time for the whole file counts, however much still waits."""
    s = Station(work, "tree", config="limits:\n  scan-time: 10s\nunpack:\n  time: 20s\n")
    started = time.monotonic()
    r = s.inspect({"tree.zip": tree_of_zips(), **GOOD})
    took = time.monotonic() - started
    ok(r.verdict("tree.zip") == "held" and set(r.codes("tree.zip")) & {"limit-exceeded", "scan-timeout"}, "a tree of zips is held",
       r.shown("tree.zip")[:2000])
    ok(took < 90, "a tree of zips: its time is over after %d s" % took)
    ok(r.verdict("good.txt") == "approved" and s.spool() == [], "a tree of zips: the file beside it is fine", r.shown("good.txt"))


# -- many members ----------------------------------------------------------------------------------------------------------------
def resident_kib(pid):
    """Of the process itself, shared memory left out: that is the files it maps."""
    try:
        with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as f:
            return next((int(line.split()[1]) for line in f if line.startswith("RssAnon:")), 0)
    except OSError:
        return 0


def tar_of(path, count):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as t:
        for n in range(count):
            data = b"file number %d\n" % n
            info = tarfile.TarInfo("d%03d/%06d.txt" % (n // 500, n))
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))


def watch(s, medium):
    """The most that lazaretd had, its spool on disk, and the report."""
    p = s.begin(medium)
    memory, spool, files = 0, 0, 0
    while p.poll() is None:
        for pid, name, _ in descendants(p.pid):
            if name == "lazaretd":
                memory = max(memory, resident_kib(pid))
        spool = max(spool, s.spooled())
        files = max(files, sum(len(names) for _, _, names in os.walk(s.at / "spool")))
        time.sleep(0.2)
    return memory, spool, files, s.finish(1800)


def many_members(work):
    s = Station(work, "many")
    few, many = work / "few", work / "many-medium"
    few.mkdir()
    many.mkdir()
    tar_of(few / "a.tar", 10000)
    tar_of(many / "a.tar", 100000)
    before, _, _, r = watch(s, few)
    ok(r.verdict("a.tar") == "approved", "10,000 members pass", r.shown("a.tar")[:1500])
    started = time.monotonic()
    after, spool, files, r = watch(s, many)
    took = time.monotonic() - started
    ok(r.verdict("a.tar") == "approved", "100,000 members pass, in %d s" % took, r.shown("a.tar")[:1500])
    ok(after < before + 8192, "lazaretd's memory does not grow with them: %d KiB, %d KiB" % (before, after))
    size = (many / "a.tar").stat().st_size
    ok(files < 2000 and spool < 3 * size, "copies of members go while it runs: at most %d files, %d MiB for a file of %d MiB" %
       (files, spool >> 20, size >> 20))
    ok(s.spool() == [], "many: nothing is left in the spool", s.spool())


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-limits.", dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        work = pathlib.Path(name)
        tests = {f.__name__: f for f in (budgets, ratio, out_of_time, bombs, tree, many_members)}
        for test in sys.argv[1:] or tests:
            tests[test](work)
    return finish()


sys.exit(main())
