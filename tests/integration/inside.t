#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Containers under the shipped profiles: what is harmless passes, one bad member keeps out all, who signed the whole has signed
the parts, and the reasons say where in it.

BUILD: the build directory (default build).
"""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import containers  # noqa: E402
import specimens  # noqa: E402
from containers import FORMATS  # noqa: E402
from inside import Station  # noqa: E402
from specimens import TEXT, make_tar  # noqa: E402
from tap import EICAR, finish, ok  # noqa: E402

PROGRAM = pathlib.Path("/bin/true").read_bytes()
# Bytes that no malware signature knows: a program's type is what is tried.
DOCUMENTS = {"letter.txt": TEXT, "picture.png": specimens.png(), "manual.pdf": specimens.pdf()}
SOFTWARE = {"tool": PROGRAM, "readme.txt": TEXT}


class Vendor:
    def __init__(self, work, name):
        self.name, self.public, self.secret = name, work / (name + ".pub"), work / (name + ".key")
        subprocess.run(["minisign", "-G", "-W", "-f", "-p", self.public, "-s", self.secret], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)

    def list_of(self, files, work):
        """{"SHA256SUMS": …, "SHA256SUMS.minisig": …} over all files."""
        text = "".join("%s  %s\n" % (hashlib.sha256(d).hexdigest(), p) for p, d in sorted(files.items())).encode()
        (work / "SHA256SUMS").write_bytes(text)
        subprocess.run(["minisign", "-S", "-s", self.secret, "-m", work / "SHA256SUMS"], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        return {"SHA256SUMS": text, "SHA256SUMS.minisig": (work / "SHA256SUMS.minisig").read_bytes()}


def approved(r, path, name):
    ok(r.verdict(path) == "approved", name, r.shown(path))


def reason(r, path, verdict, code, member, name, words=""):
    ok(r.verdict(path) == verdict and r.says(path, code, member, words), name, r.shown(path))


def documents(work):
    s = Station(work, "documents", rules=None)
    deep, path = containers.chained([FORMATS[n] for n in ("xz", "tar", "zip", "deb")], "eicar.com", EICAR, "deep")
    r = s.inspect({
        "letters.zip": FORMATS["zip"].make(DOCUMENTS),
        "letters.7z": FORMATS["7z"].make(DOCUMENTS),
        "letters.tar.zst": FORMATS["tar.zst"].make(DOCUMENTS),
        "letters.tar.gz": FORMATS["tar.gz"].make(DOCUMENTS),
        "letter.docx": FORMATS["docx"].make({"picture.png": specimens.png()}),
        "letter.odt": FORMATS["odt"].make({"picture.png": specimens.png()}),
        "plain.pdf": specimens.pdf(),
        "attached.pdf": FORMATS["pdf"].make({"table.csv": b"a,b\n1,2\n"}),
        "tools.zip": FORMATS["zip"].make({**DOCUMENTS, "bin/tool": PROGRAM}),
        "nested.zip": FORMATS["zip"].make({"a.zip": FORMATS["zip"].make({"b.tar.gz": FORMATS["tar.gz"].make({"tool": PROGRAM})})}),
        "program.docx": FORMATS["docx"].make({"oleObject1.bin": PROGRAM}),
        "program.pdf": FORMATS["pdf"].make({"invoice.exe": PROGRAM}),
        "disguised.zip": FORMATS["zip"].make({"holiday.jpg": PROGRAM}),
        "script.zip": FORMATS["zip"].make({"run.sh": b"#!/bin/sh\nrm -rf /\n"}),
        "package.deb": FORMATS["deb"].make({"readme.txt": TEXT}),
        "package.rpm": FORMATS["rpm"].make({"readme.txt": TEXT}),
        "disc.iso": FORMATS["iso9660"].make({"readme.txt": TEXT}),
        "deep.xz": deep,
        "good.txt": TEXT,
    })
    for p in ("letters.zip", "letters.7z", "letters.tar.zst", "letters.tar.gz", "letter.docx", "letter.odt", "plain.pdf", "attached.pdf",
              "good.txt"):
        approved(r, p, "documents: %s passes" % p)
    reason(r, "tools.zip", "blocked", "type-denied", "bin/tool", "documents: a program in a zip blocks it, by its path")
    reason(r, "nested.zip", "blocked", "type-denied", "a.zip/b.tar.gz/b.tar/tool", "documents: also three archives down")
    reason(r, "program.docx", "blocked", "active-content", "word/embeddings/oleObject1.bin", "documents: a program in a docx")
    reason(r, "program.pdf", "blocked", "active-content", "EmbeddedFile/invoice.exe", "documents: a program attached to a PDF")
    reason(r, "disguised.zip", "blocked", "type-mismatch", "holiday.jpg", "documents: a program in a zip, called a picture")
    ok(r.verdict("script.zip") != "approved" and r.says("script.zip", "active-content", "run.sh"), "documents: a script in a zip",
       r.shown("script.zip"))
    for p in ("package.deb", "package.rpm", "disc.iso"):
        reason(r, p, "held", "unsigned", None, "documents: %s needs a signature" % p)
    reason(r, "deep.xz", "blocked", "malware", path, "malware in a deb in a zip in a tar.xz: blocked, with its path")
    ok(r.status == 1 and r.json["outcome"] == "published", "what passed is published beside what did not", r.shown())
    ok(s.spool() == [], "documents: nothing is left in the spool", s.spool())
    return s


def explain(s):
    files = s.work / "explained"
    files.mkdir()
    (files / "letters.zip").write_bytes(FORMATS["zip"].make(DOCUMENTS))
    (files / "tools.zip").write_bytes(FORMATS["zip"].make({**DOCUMENTS, "bin/tool": PROGRAM}))
    r = s.lazaret("rules", "explain", files / "letters.zip")
    ok(r.returncode == 0 and b"approved" in r.stdout, "rules explain: a harmless zip", (r.stdout + r.stderr).decode())
    r = s.lazaret("rules", "explain", files / "tools.zip")
    ok(r.returncode == 1 and b"bin/tool" in r.stdout and b"type-denied" in r.stdout, "rules explain: which member, and why",
       (r.stdout + r.stderr).decode())
    ok(s.spool() == [], "rules explain: nothing is left in the spool", s.spool())


def updates(work):
    vendor, stranger = Vendor(work, "vendor"), Vendor(work, "stranger")
    s = Station(work, "updates", profile="updates", rules=None)
    done = s.lazaret("key", "trust", vendor.public, "--name", "vendor", "--yes")
    assert done.returncode == 0, done.stderr
    files = {
        "package.deb": FORMATS["deb"].make(SOFTWARE),
        "package.rpm": FORMATS["rpm"].make(SOFTWARE),
        "tools.zip": FORMATS["zip"].make(SOFTWARE),
        "tools.tar.zst": FORMATS["tar.zst"].make(SOFTWARE),
        "image.iso": FORMATS["iso9660"].make(SOFTWARE),
        "root.squashfs": FORMATS["squashfs"].make(SOFTWARE),
        "disk.img": FORMATS["disk"].make(SOFTWARE),
        "image.tar": FORMATS["docker save"].make(SOFTWARE),
        "nested.zip": FORMATS["zip"].make({"a.tar.xz": FORMATS["tar.xz"].make(SOFTWARE)}),
        "infected.deb": FORMATS["deb"].make({**SOFTWARE, "eicar.com": EICAR}),
        "climbs.tar": make_tar([("../../etc/passwd", TEXT)]),
    }
    unsigned = {"other.zip": FORMATS["zip"].make(SOFTWARE), "other.deb": FORMATS["deb"].make(SOFTWARE), "notes.txt": TEXT}
    r = s.inspect({**files, **vendor.list_of(files, work), **unsigned})
    for p in files:
        if p not in ("infected.deb", "climbs.tar"):
            ok(r.verdict(p) == "approved" and [x["name"] for x in r.files[p]["signers"]] == ["vendor"],
               "updates: %s with programs passes on the vendor's list" % p, r.shown(p))
    reason(r, "infected.deb", "blocked", "malware", "data.tar.xz/data.tar/usr/share/x/eicar.com", "updates: signed malware is malware")
    ok(r.verdict("climbs.tar") != "approved" and r.says("climbs.tar", "archive-unsafe"), "updates: nor does a signature make names safe",
       r.shown("climbs.tar"))
    for p in ("other.zip", "other.deb"):
        reason(r, p, "held", "unsigned", None, "updates: %s, which nobody signed, is held" % p)
    approved(r, "notes.txt", "updates: notes pass")
    other = {"tools.zip": files["tools.zip"]}
    r = s.inspect({**other, **stranger.list_of(other, work)})
    ok(r.verdict("tools.zip") != "approved", "updates: a stranger's list makes no signer of members", r.shown("tools.zip"))
    ok(s.spool() == [], "updates: nothing is left in the spool", s.spool())


def strict(work):
    s = Station(work, "strict", profile="strict", rules=None)
    r = s.inspect({"plain.pdf": specimens.pdf(), "attached.pdf": FORMATS["pdf"].make({"a.csv": b"a,b\n"}),
                   "letters.zip": FORMATS["zip"].make(DOCUMENTS), "good.txt": TEXT})
    approved(r, "plain.pdf", "strict: a PDF passes")
    reason(r, "attached.pdf", "blocked", "type-denied", "EmbeddedFile/a.csv", "strict: with an attachment it does not")
    ok(r.verdict("letters.zip") == "blocked", "strict: no archive passes unsigned", r.shown("letters.zip"))


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-inside.", dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        work = pathlib.Path(name)
        explain(documents(work))
        updates(work)
        strict(work)
    return finish()


sys.exit(main())
