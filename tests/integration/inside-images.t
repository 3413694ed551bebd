#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Disk images and file systems in files: each volume is walked as on a medium, and what nobody can read is told.

BUILD: the build directory (default build).
"""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from containers import FORMATS, MEDIA, MIB, image  # noqa: E402
from inside import Station  # noqa: E402
from specimens import TEXT, make_zip  # noqa: E402
from tap import EICAR, finish, ok  # noqa: E402

CLEAN = {"a.txt": TEXT, "d/b.txt": TEXT[::-1]}
BAD = {"a.txt": TEXT, "d/eicar.com": EICAR}
KINDS = {
    "FAT in an MBR": (image("vfat", "mbr"), ".img"),
    "FAT in a GPT": (image("vfat", "gpt"), ".img"),
    "FAT without a table": (image("vfat"), ".img"),
    "ext4": (image("ext4"), ".img"),
    "ext4 in an MBR": (image("ext4", "mbr"), ".img"),
    "ISO 9660": (image("iso9660", is_tight=False), ".iso"),
    "ISO with UDF": (image("udf", is_tight=False), ".iso"),
    "squashfs, gzip": (image("squashfs", is_tight=False), ".squashfs"),
    "squashfs, xz": (image("squashfs:comp=xz", is_tight=False), ".squashfs"),
    "squashfs, zstd": (image("squashfs:comp=zstd", is_tight=False), ".squashfs"),
}


def two_volumes(first, second):
    with tempfile.TemporaryDirectory() as d:
        parts = []
        for name, kind, files in (("1", "vfat", first), ("2", "ext4", second)):
            for path, data in files.items():
                os.makedirs(os.path.dirname(os.path.join(d, name, path)), exist_ok=True)
                pathlib.Path(d, name, path).write_bytes(data)
            parts += ["--part", "%s:%s:size=%d" % (kind, os.path.join(d, name), 4 * MIB)]
        subprocess.run([sys.executable, MEDIA, os.path.join(d, "out"), "--layout", "mbr", *parts], check=True)
        return pathlib.Path(d, "out").read_bytes()


def made(*args):
    with tempfile.TemporaryDirectory() as d:
        subprocess.run([sys.executable, MEDIA, os.path.join(d, "out"), *args], check=True)
        return pathlib.Path(d, "out").read_bytes()


def walked(s):
    medium, wanted = {}, {}
    for n, (kind, (make, suffix)) in enumerate(KINDS.items()):
        medium["clean-%02d%s" % (n, suffix)], medium["bad-%02d%s" % (n, suffix)] = make(CLEAN), make(BAD)
        wanted[n] = (kind, suffix)
    r = s.inspect({**medium, "good.txt": TEXT})
    for n, (kind, suffix) in wanted.items():
        clean, bad = "clean-%02d%s" % (n, suffix), "bad-%02d%s" % (n, suffix)
        ok(r.verdict(clean) == "approved", "%s: a clean one passes" % kind, r.shown(clean))
        ok(r.verdict(bad) == "blocked" and r.says(bad, "malware", "d/eicar.com"), "%s: malware is found by its path" % kind, r.shown(bad))


def volumes(s):
    r = s.inspect({"clean.img": two_volumes(CLEAN, CLEAN), "bad.img": two_volumes(CLEAN, BAD),
                   "inside.zip": make_zip([("disk.img", two_volumes(CLEAN, BAD))])})
    ok(r.verdict("clean.img") == "approved", "two volumes: a clean image passes", r.shown("clean.img"))
    found = [m for c, m, _ in r.reasons("bad.img") if c == "malware" and m and m.endswith("/d/eicar.com")]
    ok(r.verdict("bad.img") == "blocked" and found and found[0].startswith("volume-"), "two volumes: malware in the second, which is named",
       r.shown("bad.img"))
    ok(r.verdict("inside.zip") == "blocked" and any(c == "malware" and m and m.startswith("disk.img/volume-") for c, m, _ in
       r.reasons("inside.zip")), "also in an image in a zip", r.shown("inside.zip"))


def refused(s):
    fat = FORMATS["disk"].make(CLEAN)
    r = s.inspect({
        "luks-partition.img": made("--layout", "mbr", "--part", "luks"),
        "luks.img": made("--layout", "none", "--part", "luks"),
        "noise-partition.img": made("--layout", "mbr", "--part", "noise:size=2M"),
        "empty-partition.img": made("--layout", "mbr", "--part", "zero:size=2M"),
        "fat-and-luks.img": made("--layout", "mbr", "--part", "vfat:size=4M", "--part", "luks"),
        "cut.img": fat[:MIB + 9000],
        "good.txt": TEXT,
    })
    for p in ("luks-partition.img", "luks.img", "fat-and-luks.img"):
        ok(r.verdict(p) == "held" and r.says(p, "encrypted"), "%s: encrypted" % p, r.shown(p))
    for p in ("noise-partition.img", "cut.img"):
        ok(r.verdict(p) != "approved" and set(r.codes(p)) & {"container-opaque", "archive-unsafe"}, "%s: not looked into, not approved" % p,
           r.shown(p))
    ok(r.verdict("good.txt") == "approved", "the file beside them is fine", r.shown("good.txt"))


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-images.", dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        s = Station(pathlib.Path(name), "images")
        walked(s)
        volumes(s)
        refused(s)
        ok(s.spool() == [], "nothing is left in the spool", s.spool())
    return finish()


sys.exit(main())
