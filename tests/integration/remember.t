#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What was found in files before (supervisor/remembering.h): the same medium again is not examined again and gets the same report; any change
of bytes, path, databases, rules of YARA or limits has a file examined; and nobody gets anything approved by way of what is remembered."""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from liars import Station as LiarStation  # noqa: E402
from tap import BUILD, EICAR, finish, make_databases, ok  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"
NOTE = "not examined again"
ACTIVE = "<html><script>alert(1)</script></html>\n"
HELD = {"page.html", "pages.zip"}
RULES = """format: lazaret.rules/1
title: test
rules:
%s  - name: everything
    match: any
    verdict: approve
    why: All that passes the checks.
"""
NO_TEXT_INSIDE = """  - name: no-text-in-archives
    match: {type: ["text/plain"], within: ["application/zip"]}
    verdict: hold
    why: Text in archives is looked at by a person.
"""


class Station:
    def __init__(self, work, name, extra="\nremember:\n  again: 1000000\n"):
        self.at, self.db = work / name, make_databases(work / (name + ".db"))
        subprocess.run([LAZARET, "init", self.at, "--db", self.db], check=True, stdout=subprocess.DEVNULL)
        self.config = self.at / "lazaret.yaml"
        self.original = self.config.read_text()
        self.configure(extra)
        self.rules()

    def configure(self, extra, text=None):
        self.config.write_text((text or self.original) + extra)

    def rules(self, first=""):
        (self.at / "rules.yaml").write_text(RULES % first)

    def run(self, *args):
        return subprocess.run([LAZARET, "-C", self.at, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)

    def inspect(self, medium):
        r = self.run("inspect", "--json", medium)
        self.err, self.status = r.stderr.decode(), r.returncode
        assert r.stdout, self.err
        report = json.loads(r.stdout)
        self.files = {f["path"]: f for f in report["files"]}
        self.known = {p for p, f in self.files.items() if any(n.startswith(NOTE) for n in f.get("notes", []))}
        return report

    def database(self):
        return contextlib.closing(sqlite3.connect(self.at / "history" / "findings.sqlite", isolation_level=None))

    def remembered(self):
        with self.database() as db:
            return db.execute("SELECT count(*) FROM findings").fetchone()[0]

    def records(self, kind):
        return [r["body"] for r in map(json.loads, (self.at / "audit" / "audit.jsonl").read_text().splitlines()) if r["type"] == kind]


def medium(at):
    (at / "docs").mkdir(parents=True)
    for n in range(20):
        (at / "docs" / ("%d.txt" % n)).write_text("text number %d\n" % n)
    with zipfile.ZipFile(at / "a.zip", "w") as z:
        z.writestr("in/a.txt", "inside of a zip\n")
        with zipfile.ZipFile(at / "inner.zip", "w") as inner:
            inner.writestr("deep.txt", "in a zip in a zip\n")
            inner.writestr(b"n\xc3\xa4me.txt".decode(), "another\n")
        z.write(at / "inner.zip", "inner.zip")
        (at / "inner.zip").unlink()
    with tarfile.open(at / "b.tar.gz", "w:gz") as t:
        t.add(at / "docs" / "3.txt", "some/3.txt")
    (at / "empty").write_bytes(b"")
    (at / "page.html").write_text(ACTIVE)
    with zipfile.ZipFile(at / "pages.zip", "w") as z:
        z.writestr("pages/index.html", ACTIVE)
        z.writestr("pages/plain.html", "<html><p>nothing moves</p></html>\n")
    (at / "lib.deb").write_bytes(deb(at.parent))
    return at


def deb(work):
    """A package without signatures."""
    tree = work / "package"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share/doc/x").mkdir(parents=True)
    (tree / "usr/share/doc/x/copyright").write_text("nobody's\n")
    (tree / "DEBIAN/control").write_text("Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: x\n")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, work / "x.deb"], check=True, stdout=subprocess.DEVNULL)
    return (work / "x.deb").read_bytes()


def judged(files):
    """All that is said of files but how they were looked at."""
    return {p: {k: v for k, v in f.items() if k != "notes"} for p, f in files.items()}


def the_same_again(work):
    s, m = Station(work, "again"), medium(work / "m")
    first = s.inspect(m)
    before = judged(s.files)
    ok(s.status == 1 and not s.known, "the first time everything is examined", s.err)
    ok({p for p, f in s.files.items() if f["verdict"] != "approved"} == HELD, "active content is held, in an archive, too", judged(s.files))
    ok(s.remembered() == len(s.files), "and remembered", s.remembered())
    second = s.inspect(m)
    ok(s.status == 1 and s.known == set(s.files), "the same medium again: nothing is", sorted(set(s.files) - s.known))
    ok(judged(s.files) == before, "and the report says the same of each file: what was found in it, and in which member, too", [s.files[p] for p in HELD])
    ok(all(any(first["transfer"] in n for n in f["notes"]) for f in s.files.values()), "and where each was examined")
    ok([r["recalled"] for r in s.records("inspection-concluded")] == [0, len(s.files)], "the trail says how many")
    r = subprocess.run([BUILD / "bin" / "lazaret-verify", "--key", s.at / "keys" / "manifest.pub", s.at / "staging" / second["transfer"]], capture_output=True)
    ok(r.returncode == 0, "the transfer verifies", r.stderr.decode())
    s.configure("\nremember:\n  again: 1\n")
    s.inspect(m)
    ok(s.status == 1 and not s.known and judged(s.files) == before, "again: 1: what was found before is found again, and is no contradiction", s.err)
    s.configure("\nremember:\n  again: 1000000\n")
    return s, m


def what_changes(s, m):
    (m / "docs" / "1.txt").write_text("other bytes\n")
    (m / "docs" / "2.txt").rename(m / "docs" / "2.csv")
    shutil.copy(m / "docs" / "3.txt", m / "3.txt")
    s.inspect(m)
    ok(set(s.files) - s.known == {"docs/1.txt", "docs/2.csv", "3.txt"}, "other bytes, another name, another place: examined", sorted(set(s.files) - s.known))
    s.configure("\nremember:\n  again: 1000000\nlimits:\n  scan-time: 100s\n")
    s.inspect(m)
    ok(not s.known, "other limits of examiners: all are")
    s.configure("\nremember:\n  again: 1000000\nunpack:\n  depth: 9\n")
    s.inspect(m)
    ok(not s.known, "other limits of what opens containers: all are")
    s.configure("\nremember:\n  again: 1000000\n")
    s.inspect(m)
    ok(s.known == set(s.files), "as it was: none is")


def rules_see_members(s, m):
    s.rules(NO_TEXT_INSIDE)
    s.inspect(m)
    ok(s.known == set(s.files) and s.files["a.zip"]["verdict"] == "held" and s.files["docs/4.txt"]["verdict"] == "approved",
       "rules are asked each time, of members too", s.files["a.zip"])
    remembered = judged(s.files)
    (s.at / "history" / "findings.sqlite").unlink()
    s.inspect(m)
    ok(not s.known and judged(s.files) == remembered, "and find what they find in members that were just examined")
    s.rules()


def new_signatures(s, m):
    target = (m / "docs" / "5.txt").read_bytes()
    site = s.db / "site.hdb"
    site.write_text("%s:%d:Site.Found\n" % (hashlib.md5(target).hexdigest(), len(target)))
    text = s.original.replace("  files:\n", "  files:\n    - {file: site.hdb, sha256: '%s'}\n" % hashlib.sha256(site.read_bytes()).hexdigest())
    assert text != s.original
    s.configure("\nremember:\n  again: 1000000\n", text)
    s.inspect(m)
    ok(not s.known and s.files["docs/5.txt"]["verdict"] == "blocked", "another database: all are examined, and what it knows is found", s.files["docs/5.txt"])
    s.inspect(m)
    ok(not s.known, "from a medium with malware nothing was remembered")
    s.configure("\nremember:\n  again: 1000000\nhash-list: %s\n" % (s.db / "denied"))
    (s.db / "denied").write_text(hashlib.sha256((m / "docs" / "6.txt").read_bytes()).hexdigest() + "\n")
    s.inspect(m)
    ok(not s.known and s.files["docs/6.txt"]["verdict"] == "blocked", "a list of forbidden contents: the same", s.files["docs/6.txt"])
    s.configure("\nremember:\n  again: 1000000\n")
    s.inspect(m)
    ok(s.known == set(s.files) and s.status == 1, "the first database again: what was remembered with it holds", sorted(set(s.files) - s.known))


def not_remembered(work):
    s, m = Station(work, "not"), work / "evidence"
    m.mkdir()
    listed = m / "listed"
    listed.mkdir()
    (listed / "a.txt").write_text("listed\n")
    (listed / "SHA256SUMS").write_text(hashlib.sha256(b"listed\n").hexdigest() + "  a.txt\n")
    with tarfile.open(m / "listed.tar", "w") as t:
        t.add(listed, ".")
    shutil.rmtree(listed)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", m / "disk.img", "1M"], check=True, stdout=subprocess.DEVNULL)
    (m / "plain.txt").write_text("plain\n")
    s.inspect(m)
    s.inspect(m)
    ok("plain.txt" in s.known and "listed.tar" not in s.known and "disk.img" not in s.known,
       "an archive with lists in it, and a file system: examined each time", sorted(s.known))
    (m / "evil.txt").write_bytes(EICAR)
    (m / "new.txt").write_text("beside it\n")
    s.inspect(m)
    (m / "evil.txt").unlink()
    s.inspect(m)
    ok("new.txt" not in s.known and "plain.txt" in s.known, "what lay beside malware is examined again", sorted(s.known))
    s.configure("\nremember:\n  bytes: 0\n")
    s.inspect(m)
    ok(not s.known, "bytes: 0: nothing is remembered")
    ok(s.remembered() > 0, "and what was is kept", s.remembered())
    s.configure("\nremember:\n  again: 1000000\n")
    count = s.remembered()
    r = s.run("rules", "explain", m / "plain.txt")
    ok(r.returncode == 0 and NOTE.encode() not in r.stdout and s.remembered() == count, "rules explain examines, and remembers nothing", r.stdout.decode())
    s.configure("\nremember:\n  time: 1s\n  again: 1000000\n")
    s.inspect(m)
    subprocess.run(["sleep", "2.1"], check=True)
    s.inspect(m)
    ok(not s.known, "what is older than remember.time is examined again")
    for text, why in (("  bytes: 0\n  again: 3\n", b"bytes"), ("  again: 0\n", b"again"), ("  what: 3\n", b"what")):
        s.configure("\nremember:\n" + text)
        r = s.run("status")
        ok(r.returncode != 0 and b"lazaret.yaml:" in r.stderr + r.stdout and why in r.stderr + r.stdout, "an error of the configuration: %r" % text, r.stderr.decode())


def little_room(work):
    s, m = Station(work, "room", "\nremember:\n  bytes: 100KiB\n  again: 1000000\n"), work / "many"
    m.mkdir()
    for n in range(1500):
        (m / ("%04d.txt" % n)).write_text("%d\n" % n)
    s.inspect(m)
    size = (s.at / "history" / "findings.sqlite").stat().st_size
    ok(size <= 110 << 10 and 0 < s.remembered() < 1500, "the oldest go until all has the room that it may take", (size, s.remembered()))
    s.inspect(m)
    ok(s.status == 0 and s.known and s.known != set(s.files), "what is left is known", len(s.known))


def altered(work):
    s, m = Station(work, "altered"), medium(work / "altered-m")
    s.inspect(m)
    with s.database() as db:
        db.execute("UPDATE findings SET body = CAST(replace(CAST(body AS TEXT), '\"done\"', '\"Done\"') AS BLOB) WHERE id = 5")
    s.inspect(m)
    ok(s.status == 1 and "altered" in s.err and len(s.known) < len(s.files), "an altered entry: all are forgotten, and it is said", s.err)
    ok(len(s.records("findings-forgotten")) == 1, "and recorded", s.records("findings-forgotten"))
    s.inspect(m)
    s.inspect(m)
    ok(s.known == set(s.files) and len(s.records("findings-forgotten")) == 1, "they were remembered anew")
    with s.database() as db:  # somebody who knows the form, and not the key
        db.execute("UPDATE findings SET code = zeroblob(32)")
    s.inspect(m)
    ok(not s.known and len(s.records("findings-forgotten")) == 2, "nor are entries believed that another has written")
    s.inspect(m)
    with s.database() as db:
        db.execute("UPDATE findings SET at = at + 86400 * 20")
    s.inspect(m)
    ok(not s.known and len(s.records("findings-forgotten")) == 3, "nor that it is from another day")
    file = s.at / "history" / "findings.sqlite"
    data = bytearray(file.read_bytes())
    data[4096:8192] = os.urandom(4096)
    file.write_bytes(data)
    s.inspect(m)
    ok(s.status == 1, "a damaged file stops nothing", s.err)
    file.write_bytes(b"no database at all\n" * 400)
    s.inspect(m)
    s.inspect(m)
    ok(s.status == 1 and s.known == set(s.files), "one that is none is begun anew", s.err)
    ok(s.run("audit", "verify").returncode == 0, "the trail verifies")


def contradicted(work):
    """An opener that showed a harmless member first, and the malware now: as if an entry had been forged by who has the key."""
    s = LiarStation(work / "liar", "unpack", "opener")
    (s.bin / "of-the-same").touch()
    (s.at / "rules.yaml").write_text(RULES % "")
    (s.work / "medium" / "x.gz").write_bytes(subprocess.run(["gzip", "-c"], input=os.urandom(500).hex().encode(), capture_output=True, check=True).stdout)
    (s.work / "medium" / "b.txt").write_bytes(b"beside it\n")
    s.limit("\nremember:\n  again: 1\n")
    r = s.inspect("honest")
    ok(r.status == 0 and r.verdict("x.gz") == "approved", "nothing is found", r.shown()[-2000:])
    r = s.inspect("honest")
    ok(r.status == 0 and not any(f.get("notes") for f in r.files.values()), "again: 1: known, and examined all the same", r.shown()[-2000:])
    staged = len(s.staged())
    r = s.inspect("eicar")
    ok(r.status == 2 and b"is wrong" in r.err and r.report["outcome"] == "aborted", "something is found where nothing was: the inspection ends", r.shown()[-2000:])
    ok(len(s.staged()) == staged, "and nothing is published")
    records = [json.loads(x) for x in (s.at / "audit" / "audit.jsonl").read_text().splitlines()]
    ok([x["body"]["transfer"] for x in records if x["type"] == "findings-forgotten"] == [r.report["transfer"]], "the trail says so")
    with contextlib.closing(sqlite3.connect(s.at / "history" / "findings.sqlite")) as db:
        ok(db.execute("SELECT count(*) FROM findings").fetchone()[0] == 0, "all is forgotten")
    r = s.inspect("eicar")
    ok(r.status == 1 and r.verdict("x.gz") == "blocked" and r.verdict("b.txt") == "approved", "the next time it is a medium like others", r.shown()[-2000:])
    (s.bin / "of-the-same").unlink()
    s.inspect("honest")
    r = s.inspect("honest")
    ok(b"without a build id" in r.err and not any(f.get("notes") for f in r.files.values()), "who cannot say what it is made of has nothing remembered", r.shown()[-2000:])


def main():
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="lazaret-remember-") as name:
        os.chmod(name, 0o755)
        work = pathlib.Path(name)
        s, m = the_same_again(work)
        what_changes(s, m)
        rules_see_members(s, m)
        new_signatures(s, m)
        shutil.rmtree(work / "package")
        altered(work)
        not_remembered(work)
        little_room(work)
        contradicted(work)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
