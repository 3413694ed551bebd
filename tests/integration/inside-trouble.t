#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""When opening a container goes wrong: the opener dies, or the parent of all openers, the spool is full, the container is two at once, or holds
nothing. It costs that one file, never the next, and never ends in an approval.

BUILD: the build directory (default build).
"""
import os
import pathlib
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import specimens  # noqa: E402
from containers import FORMATS, MIB  # noqa: E402
from inside import Station, descendants, fork_server, is_confined  # noqa: E402
from specimens import TEXT, make_tar, make_zip  # noqa: E402
from tap import EICAR, finish, ok  # noqa: E402

ONE_AT_A_TIME = "unpack:\n  at-once: 1\n"


def reader(pid):
    return next((p for p, name, _ in descendants(pid) if name == "lazaret-reader"), None)


def opener(pid):
    return next(iter(fork_server(pid, "lazaret-unpack")[1]), None)


def parent_of_openers(pid):
    return fork_server(pid, "lazaret-unpack")[0]


def kill_one(s, medium, find, begun):
    """Kill the first process that find() finds, once `begun()`; its pid, or None."""
    p = s.begin(medium)
    while p.poll() is None:
        pid = find(p.pid) if begun() else None
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
                return pid
            except ProcessLookupError:
                pass
        time.sleep(0.002)
    return None


MANY = 200  # that no other container of the medium has


def members_begun(s):
    """So many members are in the spool: the opener is in the middle of the large container."""
    return sum(len(files) for base, _, files in os.walk(s.at / "spool") if "members" in base) > MANY


def killed(work):
    many = [("m/%05d.txt" % n, b"%d\n" % n) for n in range(30000)]
    s = Station(work, "killed", config=ONE_AT_A_TIME)
    medium = {"1-victim.tar": make_tar(many), "2-next.zip": make_zip([("a.txt", TEXT)]), "3-next.tar": make_tar([("a.txt", TEXT)]),
              "good.txt": TEXT}
    pid = kill_one(s, medium, opener, lambda: members_begun(s))
    r = s.finish()
    ok(pid is not None, "an opener was killed in the middle of a container")
    ok(r.verdict("1-victim.tar") == "held" and r.says("1-victim.tar", "scanner-crashed", words="opener"),
       "its container: scanner-crashed", r.shown("1-victim.tar")[:2000])
    for p in ("2-next.zip", "3-next.tar", "good.txt"):
        ok(r.verdict(p) == "approved", "and %s of the same medium is fine" % p, r.shown(p))
    ok(r.json["outcome"] == "published" and s.spool() == [], "the inspection ends as usual, the spool is empty", r.shown())


def apart(work):
    """Layers of one file have one opener, another file has another; the parent of all has no file."""
    s = Station(work, "apart", config=ONE_AT_A_TIME)
    many = [("m/%05d.txt" % n, b"%d\n" % n) for n in range(4000)]
    p = s.begin({"%d.tar.gz" % n: specimens.gz(make_tar(many)) for n in range(3)})
    parents, openers, held, at_once = set(), set(), set(), 0
    while p.poll() is None:
        parent, children = fork_server(p.pid, "lazaret-unpack")
        if parent:
            parents.add(parent)
            openers |= set(children)
            at_once = max(at_once, len(children))
            try:
                if not is_confined(parent):  # it reads accounts and libraries before, and nobody has sent it anything
                    continue
                held |= {os.readlink("/proc/%d/fd/%s" % (parent, n)).split(":")[0] for n in os.listdir("/proc/%d/fd" % parent)}
            except OSError:
                pass  # gone; or not to be seen by who is not root
        time.sleep(0.002)
    r = s.finish()
    ok(r.status == 0 and len(r.files) == 3, "three files of two layers each: approved", r.shown())
    ok(len(parents) == 1 and len(openers) == 3 and at_once == 1, "an opener for each, of one parent", (parents, openers, at_once))
    ok((held or os.geteuid() != 0) and all(x in ("/dev/null", "socket", "pipe", "anon_inode") or x.startswith(str(s.work)) and x.endswith(".err") for x in held),
       "the parent has its channel and where it logs, and no copy", held)


def killed_parent(work):
    """It takes the openers at work with it. What is opened afterwards has a new one; there is an end to that."""
    many = make_tar([("m/%05d.txt" % n, b"%d\n" % n) for n in range(30000)])
    s = Station(work, "parent", config=ONE_AT_A_TIME)
    medium = {"1-victim.tar": many, "2-next.zip": make_zip([("a.txt", TEXT)]), "3-next.tar": make_tar([("a.txt", TEXT)]), "good.txt": TEXT}
    pid = kill_one(s, medium, parent_of_openers, lambda: members_begun(s))
    r = s.finish()
    ok(pid is not None and r.verdict("1-victim.tar") == "held" and r.says("1-victim.tar", "scanner-crashed", words="opener"),
       "the parent of the openers is killed: scanner-crashed for the container at hand", r.shown("1-victim.tar")[:2000])
    for p in ("2-next.zip", "3-next.tar", "good.txt"):
        ok(r.verdict(p) == "approved", "and %s, whose opener has another parent, is fine" % p, r.shown(p))
    ok(r.json["outcome"] == "published" and s.spool() == [], "the inspection ends as usual, the spool is empty", r.shown())

    s = Station(work, "parents", config=ONE_AT_A_TIME)
    p = s.begin({**{"%02d.zip" % n: make_zip([("%d.bin" % k, os.urandom(50000)) for k in range(40)]) for n in range(30)}, "good.txt": TEXT})
    gone = set()
    while p.poll() is None:
        pid = parent_of_openers(p.pid)
        if pid and pid not in gone:
            try:
                os.kill(pid, signal.SIGKILL)
                gone.add(pid)
            except ProcessLookupError:
                pass
        time.sleep(0.001)
    r = s.finish()
    lost = [path for path in r.files if r.verdict(path) != "approved"]
    ok(1 < len(gone) <= 8 and r.json["outcome"] == "published" and r.verdict("good.txt") == "approved" and s.spool() == [],
       "killed whenever it is there: %d started, the inspection ends" % len(gone), r.shown())
    ok(lost and all(r.says(path, "scanner-crashed", words="died") for path in lost), "each file that was lost says so, in words", r.shown(*lost))


def killed_reader(work):
    s = Station(work, "reader", config=ONE_AT_A_TIME)
    files = {"m/%04d.txt" % n: b"%d\n" % n for n in range(3000)}
    medium = {"1-victim.img": FORMATS["disk"].make(files), "2-next.img": FORMATS["disk"].make({"a.txt": TEXT}), "good.txt": TEXT}
    pid = kill_one(s, medium, reader, lambda: members_begun(s))
    r = s.finish()
    ok(pid is not None, "the reader of a disk image was killed in the middle")
    ok(r.verdict("1-victim.img") == "held" and r.says("1-victim.img", "scanner-crashed"), "its image: scanner-crashed",
       r.shown("1-victim.img")[:2000])
    ok(r.verdict("2-next.img") == "approved" and r.verdict("good.txt") == "approved", "the next image is fine", r.shown("2-next.img"))
    ok(s.spool() == [], "nothing is left in the spool", s.spool())


def interrupted(work):
    s = Station(work, "interrupted")
    many = [("m/%05d.txt" % n, b"%d\n" % n) for n in range(30000)]
    p = s.begin({"a.tar": make_tar(many)})
    while p.poll() is None and not members_begun(s):
        time.sleep(0.01)
    os.killpg(p.pid, signal.SIGINT)  # what Ctrl-C does: to the whole group
    r = s.finish(120)
    ok(r.status == 2 and r.json["outcome"] == "aborted", "Ctrl-C in the middle of a container: aborted", r.shown()[:1500])
    ok(s.spool() == [], "and nothing is left in the spool", s.spool())


def spool_full(work):
    """A spool that has room for the file, but not for what comes out of it."""
    s = Station(work, "spool", config="spool:\n  bytes: 20MiB\n")
    r = s.inspect({"large.zip": make_zip([("a.bin", bytes(60 * MIB))]), "small.zip": make_zip([("a.txt", TEXT)]), "good.txt": TEXT})
    ok(r.verdict("large.zip") == "held" and r.says("large.zip", "limit-exceeded"), "what comes out has no room in the spool: held",
       r.shown("large.zip"))
    ok(r.verdict("small.zip") == "approved" and r.verdict("good.txt") == "approved", "what has room passes", r.shown("small.zip"))
    ok(s.spool() == [], "nothing is left in the spool", s.spool())


def two_in_one(work):
    """Whatever two programs would open, both must have been opened; and what only one of them sees is looked at."""
    infected, harmless = make_zip([("eicar.com", EICAR * 2)]), make_zip([("a.txt", TEXT)])
    tar, gif = make_tar([("b.txt", TEXT)]), b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
    pdf = specimens.pdf()
    s = Station(work, "polyglots")
    medium = {
        "tar-zip.tar": tar + infected,
        "gzip-zip.gz": specimens.gz(TEXT) + infected,
        "pdf-zip.pdf": pdf + infected,
        "gif-zip.gif": gif + infected,
        "zip-zip.zip": harmless + infected,
        "7z-zip.7z": FORMATS["7z"].make({"a.txt": TEXT}) + infected,
        "elf-zip": pathlib.Path("/bin/true").read_bytes() + infected,
        "iso-zip.iso": FORMATS["iso9660"].make({"a.txt": TEXT}) + infected,
    }
    quiet = {"quiet-" + path: data.replace(infected, harmless) for path, data in medium.items()}
    r = s.inspect({**medium, **quiet, "good.txt": TEXT})
    for path in medium:
        # where the first says that it ends there, that more stands behind it is enough
        ok(r.verdict(path) == "blocked" and set(r.codes(path)) & {"malware", "archive-unsafe"}, "two in one: malware in the second of %s" % path,
           r.shown(path))
    for path in ("elf-zip", "iso-zip.iso", "gif-zip.gif", "pdf-zip.pdf"):
        ok(r.says(path, "malware"), "two in one: and it is called so: %s" % path, r.shown(path))
    for path in ("tar-zip.tar", "gzip-zip.gz", "pdf-zip.pdf", "zip-zip.zip", "7z-zip.7z", "gif-zip.gif"):
        ok(r.verdict("quiet-" + path) != "approved", "two in one: harmless, and refused all the same: %s" % path, r.shown("quiet-" + path))
    ok(r.verdict("good.txt") == "approved", "two in one: the file beside them is fine", r.shown("good.txt"))


def empty(work):
    """An archive of nothing is one in the way of its format; of nothing in many bytes nobody knows what they are."""
    s = Station(work, "empty")
    eocd = make_zip([])
    r = s.inspect({
        "empty.zip": eocd,
        "empty.tar": bytes(10240),
        "empty.a": b"!<arch>\n",
        "zeros.tar": bytes(1024) + os.urandom(60000),
        "nothing.zip": os.urandom(60000) + eocd,
        "nothing.7z": b"7z\xbc\xaf\x27\x1c\0\4" + os.urandom(60000),
        "header.xz": b"\xfd7zXZ\0" + os.urandom(60000),
        "empty.gz": specimens.gz(b""),
        "good.txt": TEXT,
    })
    for p in ("empty.zip", "empty.tar", "empty.a", "empty.gz", "good.txt"):
        ok(r.verdict(p) == "approved", "%s passes" % p, r.shown(p))
    for p in ("nothing.7z", "header.xz"):
        ok(r.verdict(p) != "approved", "nothing in many bytes: %s does not pass" % p, r.shown(p))
    ok(not (r.verdict("zeros.tar") == "approved" and "tar" in str(r.files["zeros.tar"]["type"])), "zeros and noise are no empty tar",
       r.shown("zeros.tar"))
    ok(not (r.verdict("nothing.zip") == "approved" and "zip" in str(r.files["nothing.zip"]["type"])), "noise before an end record is no empty zip",
       r.shown("nothing.zip"))


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-trouble.", dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        work = pathlib.Path(name)
        tests = {f.__name__: f for f in (apart, killed, killed_parent, killed_reader, interrupted, spool_full, two_in_one, empty)}
        for test in sys.argv[1:] or tests:
            tests[test](work)
    return finish()


sys.exit(main())
