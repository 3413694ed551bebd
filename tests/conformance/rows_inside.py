# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Rows about what is inside of containers: each format, with the test virus and without, opened to the bottom."""
import itertools

import bench  # noqa: F401  puts tests/lib on the path
import containers
from containers import FORMATS
from content import EICAR, GOOD, TEXT, make_tar
from row import row


def named(f, name):
    return f.name.replace(" ", "_") + "-" + name + f.suffix


def harmless(f):
    return lambda: f.make({"readme.txt": TEXT})


def infected(f, file_name):
    return lambda: f.make({"eicar.com": EICAR}), "blocked malware@" + "/".join(containers.member_path(f, file_name, "eicar.com"))


row("every-container", "libclamav 2.1, 2.5: deb, rpm, zst, lz4, lzip, lzma, compress, squashfs were clean without a look", {
    **{named(f, "harmless"): (harmless(f), "approved") for f in FORMATS.values()},
    **{named(f, "infected"): infected(f, named(f, "infected")) for f in FORMATS.values()},
    "good.txt": (GOOD, "approved"),
}, weight=12)


def in_each_other():
    """Each format directly in each of some others."""
    files = {}
    for outer, inner in itertools.product(("zip", "tar", "7z", "deb", "iso9660", "xz"), ("zstd", "rpm", "squashfs", "cab", "disk", "ole2")):
        chain = [FORMATS[outer], FORMATS[inner]]
        stem = "%s-%s" % (outer, inner)
        data, member = containers.chained(chain, "eicar.com", EICAR, stem)
        files[stem + chain[0].suffix] = (data, "blocked malware@" + member)
    return files


row("containers-in-each-other", "Keysas #104, libclamav 2.1: what one program opens, and the next one does not", {**in_each_other(), "good.txt": (GOOD, "approved")},
    weight=8)

row("encrypted-containers", "usbsas U2, libclamav 2.0: encrypted, in formats that the scanner does not know", {
    **{"%s-%d%s" % (f.name.replace(" ", "_"), n, f.suffix): (lambda make=make: make({"readme.txt": TEXT}), "held encrypted")
       for f in FORMATS.values() for n, make in enumerate(f.encrypt.values())},
    "in-a-deb.deb": (lambda: FORMATS["deb"].make({"a.7z": FORMATS["7z"].encrypt["AES"]({"readme.txt": TEXT})}), "held encrypted"),
    "good.txt": (GOOD, "approved"),
}, weight=3)


def kill_the_opener(b, inspection):
    """In the middle of the one container that is large."""
    def in_the_middle():
        spool = b.station.path("spool")
        members = sum(len(names) for base, _, names in bench.os.walk(spool) if "members" in base)
        return inspection.forked("lazaret-unpack") if members > 200 else None
    bench.os.kill(inspection.wait_for("an opener at work", in_the_middle)[0].pid, bench.signal.SIGKILL)


row("opener-dies", "invariant 1: a crash is no verdict, and costs one file", {
    "many.tar": (lambda: make_tar([("m/%05d.txt" % n, b"%d\n" % n) for n in range(20000)]), "held scanner-crashed"),
    "next.zip": (lambda: FORMATS["zip"].make({"a.txt": TEXT}), "approved"),
    "next.deb": (lambda: FORMATS["deb"].make({"a.txt": TEXT}), "approved"),
    "good.txt": (GOOD, "approved"),
}, config={"unpack": {"at-once": 1}}, during=kill_the_opener, weight=5)
