#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Names, links and sizes in containers that attack whoever unpacks them, and their neighbours that do not. In each archive an
ordinary file stands beside the bad entry.

BUILD: the build directory (default build).
"""
import hashlib
import os
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import containers  # noqa: E402
import specimens  # noqa: E402
from containers import FORMATS  # noqa: E402
from inside import Station  # noqa: E402
from specimens import TEXT, make_tar, make_zip, patch  # noqa: E402
from tap import EICAR, finish, ok  # noqa: E402

FILE = ("a.txt", TEXT)
warnings.filterwarnings("ignore", "Duplicate name")  # that is the point of some


def link(name, target):
    return (name, {"type": tarfile.SYMTYPE, "linkname": target})


def hard(name, target):
    return (name, {"type": tarfile.LNKTYPE, "linkname": target})


def special(name, kind):
    return (name, {"type": kind, "devmajor": 1, "devminor": 3})


def tar(*entries):
    return make_tar([FILE, *entries], tarfile.PAX_FORMAT)


def zipped(*entries):
    return make_zip([FILE, *entries])


def lying_size():
    """The directory of the zip and its header agree, and both lie."""
    data = make_zip([("a.txt", TEXT)], zipfile.ZIP_STORED)
    central = data.rindex(b"PK\1\2")
    size = struct.pack("<I", len(TEXT) + 100)
    return patch(patch(data, 22, size), central + 24, size)


UNSAFE = {
    "absolute.tar": (tar(("/etc/passwd", TEXT)), "an absolute name"),
    "absolute.zip": (zipped(("/etc/passwd", TEXT)), "an absolute name in a zip"),
    "upwards.tar": (tar(("a/../../b.txt", TEXT)), "a name that leads upwards"),
    "upwards.zip": (zipped(("../b.txt", TEXT)), "a name that leads upwards in a zip"),
    "backslash.zip": (zipped(("..\\..\\b.txt", TEXT)), "upwards by backslashes"),
    "drive.zip": (zipped(("C:\\windows\\b.txt", TEXT)), "a drive letter"),
    "twice.tar": (tar(("b.txt", TEXT), ("b.txt", TEXT[::-1])), "one name for two contents"),
    "twice.zip": (zipped(("b.txt", TEXT), ("b.txt", TEXT[::-1])), "one name for two contents in a zip"),
    "dotted-twice.tar": (tar(("b.txt", TEXT), ("./b.txt", TEXT[::-1])), "one name for two contents, written in two ways"),
    "file-and-directory.tar": (tar(("b", TEXT), ("b/c.txt", TEXT)), "a file that is a directory, too"),
    "link-up.tar": (tar(link("d/l", "../../etc")), "a link that leads out"),
    "link-absolute.tar": (tar(link("l", "/etc/passwd")), "a link to an absolute name"),
    "through-link.tar": (tar(link("l", "d"), ("l/b.txt", TEXT)), "a file written through a link"),
    "hard-out.tar": (tar(hard("h", "../../etc/passwd")), "a hard link that leads out"),
    "hard-nowhere.tar": (tar(hard("h", "missing.txt")), "a hard link to nothing"),
    "character.tar": (tar(special("null", tarfile.CHRTYPE)), "a character device"),
    "block.tar": (tar(special("disk", tarfile.BLKTYPE)), "a block device"),
    "fifo.tar": (tar(special("pipe", tarfile.FIFOTYPE)), "a pipe"),
    "escape.tar": (tar(("b\x1b[2J.txt", TEXT)), "an escape sequence in a name"),
    "bidi.zip": (zipped(("b\u202etxt.exe", TEXT)), "a name that reads backwards"),
    "deep.tar": (tar(("/".join("d" * 80) + "/b.txt", TEXT)), "a tree deeper than tools can delete"),
    "size.zip": (lying_size(), "a size that is not so"),
    "rename.zip": (specimens.SPECIMENS["zip-rename"][3](), "header and directory of a zip differ in the name"),
    "overlap.zip": (specimens.SPECIMENS["zip-overlap"][3](), "members that overlap"),
}

SAFE = {
    "links.tar": (tar(link("l", "a.txt"), link("d/l", "../a.txt"), hard("h", "a.txt")), "links within the archive"),
    "dots.tar": (tar(("..a/b..txt", TEXT), ("...", TEXT), ("./d/e.txt", TEXT)), "names with dots that lead nowhere"),
    "long.tar": (tar(("d" * 200 + "/" + "e" * 200, TEXT)), "long names"),
    "unicode.zip": (zipped(("Grüße/приве́т.txt", TEXT), ("日本.txt", TEXT)), "names in other scripts"),
    "same-in-two.zip": (zipped(("d/a.txt", TEXT), ("e/a.txt", TEXT[::-1])), "one name in two directories"),
    "colon.tar": (tar(("B::Lint.3pm", TEXT)), "a name with colons and without a drive"),
    "system.deb": (FORMATS["deb"].make({"a.txt": TEXT}), "a package"),
}


def case(s):
    """Two names that are one on Windows and macOS: a station that is told so by its rules treats a medium likewise."""
    r = s.inspect({"case.tar": tar(("B.txt", TEXT), ("b.txt", TEXT[::-1])), "case.zip": zipped(("B.txt", TEXT), ("b.txt", TEXT[::-1]))})
    verdicts = {r.verdict("case.tar"), r.verdict("case.zip")}
    ok(len(verdicts) == 1, "names that differ in case alone: tar and zip alike", r.shown())
    infected = s.inspect({"case.zip": zipped(("B.txt", TEXT), ("b.txt", EICAR))})
    ok(infected.says("case.zip", "malware", "b.txt"), "both of two names that differ in case are looked at", infected.shown())


def images(s):
    """A system's tree has devices, and links that are absolute: in packages and in images, whatever they are compressed with, and
    nowhere else."""
    layer = make_tar([("etc/a.txt", TEXT), link("etc/l", "/usr/lib/x"), special("dev/null", tarfile.CHRTYPE)])
    saved = containers.docker_archive(layer)
    named = containers.docker_archive(layer, hashlib.sha256(layer).hexdigest() + ".tar")
    control, tree = make_tar([("./control", containers.CONTROL)]), make_tar([("./etc/a.txt", TEXT), link("./etc/l", "/usr/lib/x")])

    def deb(suffix, packed):
        return specimens.ar([("debian-binary", b"2.0\n"), ("control.tar.gz", specimens.gz(control)), ("data.tar" + suffix, packed)])

    fine = {
        "gzip.deb": deb(".gz", specimens.gz(tree)), "plain.deb": deb("", tree),
        # which libclamav does not open: the tree is a member of its own when it first sees it
        "zstd.deb": deb(".zst", subprocess.run(["zstd", "-cq"], input=tree, capture_output=True, check=True).stdout),
        "saved.tar": make_tar(saved), "saved-by-podman.tar": make_tar(named),
        "saved-oci.tar": make_tar([("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'), ("blobs/sha256/" + 64 * "a", layer)]),
    }
    unsafe = {
        "layer.tar": layer, "named-layer.tar": make_tar([("l/layer.tar", layer)]), "named-layer.zip": zipped(("l/layer.tar", layer)),
        "named-blob.tar": make_tar([("blobs/sha256/" + 64 * "a", layer)]), "saved-beside.tar": make_tar([*saved[:2], ("l/other.tar", layer)]),
        "in-a-package.deb": deb("", make_tar([("./opt/other.tar", layer)])),
    }
    r = s.inspect({**fine, **unsafe})
    for path in fine:
        ok(r.verdict(path) == "approved", "%s: links and devices of a system's tree" % path, r.shown(path))
    for path in unsafe:
        ok(r.verdict(path) == "blocked" and r.says(path, "archive-unsafe"), "%s: not safe to unpack, whatever it is called" % path, r.shown(path))


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-names.", dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        s = Station(pathlib.Path(name), "names")
        r = s.inspect({p: data for p, (data, _) in {**UNSAFE, **SAFE}.items()})
        for path, (_, what) in UNSAFE.items():
            ok(r.verdict(path) != "approved" and r.says(path, "archive-unsafe"), "%s: archive-unsafe (%s)" % (what, path), r.shown(path))
        for path, (_, what) in SAFE.items():
            ok(r.verdict(path) == "approved", "%s: approved (%s)" % (what, path), r.shown(path))
        ok("\x1b" not in r.err, "no name reaches the terminal as it is (invariant 8)", r.err)
        case(s)
        images(s)
        ok(s.spool() == [], "nothing is left in the spool", s.spool())
    return finish()


sys.exit(main())
