#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Held files: kept, listed, shown, released by two persons, rejected; contents allowed and denied; by command and by the daemon's
requests. Each wrong order is refused with its reason, and what a power cut leaves is told. As root and as an ordinary user."""
import grp
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
from tap import BUILD, EICAR, finish, make_databases, ok  # noqa: E402

BIN = BUILD / "bin"
SECRET = {"anna": "the horse eats hay", "ben": "nine green bottles", "olga": "seven seas apart"}
ODD = bytes(range(1, 200)) * 5  # nothing that anybody recognises: held
OTHER = bytes(range(200, 1, -1)) * 7
ANNA, BEN, OLGA = (["anna", SECRET["anna"]], ["ben", SECRET["ben"]], ["olga", SECRET["olga"]])


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Place:
    def __init__(self, work, name, extra=""):
        self.work, self.at, self.medium = work, work / name, work / (name + ".medium")
        subprocess.run([BIN / "lazaret", "init", self.at, "--db", make_databases(work / (name + ".db")), "--profile", "documents"],
                       check=True, stdout=subprocess.DEVNULL)
        original = (self.at / "lazaret.yaml").read_text()
        (self.at / "lazaret.yaml").write_text(original.replace("devices:\n", "devices:\n  source: none\n") + extra +
                                               "control: {group: %s}\n" % grp.getgrgid(os.getgid()).gr_name)
        self.medium.mkdir()
        for who, role in (("anna", "administrator,officer"), ("ben", "officer"), ("olga", "operator")):
            by = [] if who == "anna" else ANNA
            assert self.run("person", "add", who, "--role", role, lines=[*by, SECRET[who]]).returncode == 0
        self.process, self.log = None, work / (name + ".log")

    def command(self, args, lines):
        args, fds = [str(a) for a in [BIN / "lazaret", "-C", self.at, *args]], []
        if lines is not None:
            out, into = os.pipe()
            os.write(into, "".join(line + "\n" for line in lines).encode())
            os.close(into)
            args += ["--credentials", str(out)]
            fds = [out]
        return args, fds

    def start(self, *args, lines=None):
        """A command; `lines`: names and secrets in the order in which they are asked for."""
        args, fds = self.command(args, lines)
        p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=fds,
                             start_new_session=True)
        for fd in fds:
            os.close(fd)
        return p

    def run(self, *args, lines=None):
        p = self.start(*args, lines=lines)
        p.stdout_text, p.stderr_text = p.communicate(timeout=100)
        p.words = p.stdout_text + p.stderr_text
        return p

    def expect(self, status, words, *args, lines=None):
        p = self.run(*args, lines=lines)
        ok(p.returncode == status and words in p.words, "%s: %d, %s" % (" ".join(re.sub("[0-9a-f]{64}", "HASH", str(a)) for a in args), status, words),
           "status %d\n%s" % (p.returncode, p.words))
        return p

    def put(self, **files):
        shutil.rmtree(self.medium)
        self.medium.mkdir()
        for name, data in files.items():
            (self.medium / name.replace("__", ".")).write_bytes(data)

    def inspect(self):
        """The report's files by path."""
        p = self.run("inspect", "--json", self.medium)
        self.report = json.loads(p.stdout_text)
        return {f["path"]: f for f in self.report["files"]}

    def records(self, kind=None):
        all_ = [json.loads(line) for line in (self.at / "audit" / "audit.jsonl").read_text().splitlines()]
        return [r["body"] for r in all_ if r["type"] == kind] if kind else all_

    def staged(self):
        return sorted(p.name for p in (self.at / "staging").iterdir())

    def verify(self, transfer):
        return subprocess.run([BIN / "lazaret-verify", "--key", self.at / "keys" / "manifest.pub", self.at / "staging" / transfer],
                              capture_output=True, text=True)

    def listed(self, *args):
        return {o["sha256"]: o for o in map(json.loads, self.run("review", "list", "--json", *args).stdout_text.splitlines())}

    def decided(self):
        return self.run("hash", "list", "--json").stdout_text

    def kept(self):
        return sorted(p.name for p in (self.at / "held").iterdir() if len(p.name) == 64)

    def propose(self, *args, lines=ANNA):
        """The number of the proposal."""
        p = self.run(*args, "--propose", "--reason", "looked at it", lines=lines)
        assert p.returncode == 0, p.words
        return re.search(r"proposed: \w+ (\w+)", p.words).group(1)

    def verdict(self, name):
        f = self.inspect()[name]
        return f["verdict"], f["rule"], [r["code"] for r in f["reasons"]]


def wait_until(t):
    while time.time() <= t:
        time.sleep(0.05)


# -- the way it is meant to be -----------------------------------------------------------------------------------------

def released_by_two(work):
    s = Place(work, "two")
    s.put(a__txt=b"hello\n", odd__bin=ODD, virus__txt=EICAR)
    files = s.inspect()
    of = s.report["transfer"]
    ok(files["odd.bin"]["verdict"] == "held" and files["odd.bin"]["kept"] is True and "kept" not in files["a.txt"], "the report says that it is kept", files)
    ok(s.kept() == [sha(ODD)], "one copy is kept, and nothing of what passed or was blocked", s.kept())
    o = s.listed()[sha(ODD)]
    ok(o["state"] == "open" and o["transfer"] == of and o["path"] == "odd.bin" and o["code"] == "type-unknown" and o["size"] == len(ODD)
       and o["proposal"] is None and o["copy"] and o["expires"] > o["held_at"], "review list tells it", o)
    shown = s.expect(0, "01 02 03 04", "review", "show", sha(ODD)[:12]).stdout_text
    ok(of in shown and "type-unknown" in shown and "seen" in shown and not re.search("[^\x20-\x7e\n]", shown), "review show: reasons, places, bytes as text", shown)
    s.expect(64, "usage", "review", "release", "--reason", "x")
    s.expect(1, "say why", "review", "release", sha(ODD), lines=ANNA + BEN)
    before = len(s.records())
    p = s.expect(0, "published", "review", "release", sha(ODD)[:10], "--reason", "vendor's own format", "--for", "1h", lines=ANNA + BEN)
    new = [t for t in s.staged() if t != of]
    ok(len(new) == 1, "a transfer of its own", p.words)
    transfer = new[0]
    m = json.loads((s.at / "staging" / transfer / "manifest.json").read_text())
    proposal, decision = s.records("proposal")[-1], s.records("decision")[-1]
    want = {"of": of, "proposal": proposal["id"], "by": "anna", "second": "ben", "reason": "vendor's own format", "until": proposal["until"]}
    ok(m["release"] == want, "the manifest says of what, by whom, why, until when", m["release"])
    f = m["files"][0]
    ok(len(m["files"]) == 1 and f["published_as"] == "files/odd.bin" and f["rule"] == "release" and f["reasons"] == [] and f["verdict"] == "approved"
       and f["decision"]["decision"] == "release" and f["decision"]["rule"] == "unknown-content"
       and [r["code"] for r in f["decision"]["reasons"]] == ["type-unknown"], "and which rule and reasons it sets aside", f)
    ok((s.at / "staging" / transfer / "files" / "odd.bin").read_bytes() == ODD, "it is the file")
    v = s.verify(transfer)
    ok(v.returncode == 0, "lazaret-verify accepts it", v.stdout + v.stderr)
    schema = subprocess.run([sys.executable, pathlib.Path(__file__).parent.parent / "lib" / "validate-report", s.at / "staging" / transfer / "manifest.json"],
                            capture_output=True, text=True)
    ok(schema.returncode == 0, "the manifest is as report.schema.json has it", schema.stdout + schema.stderr)
    ok(decision["transfer"] == transfer and decision["second"] == "ben" and decision["sha256"] == [sha(ODD)], "the trail has the decision", decision)
    kinds = [r["type"] for r in s.records()[before:] if r["type"] not in ("login", "series-seen")]
    ok(kinds == ["proposal", "decision", "inspection-concluded", "publishing", "published", "report"], "in this order", kinds)
    ok(s.listed()[sha(ODD)]["state"] == "released" and s.listed()[sha(ODD)]["released_as"] == transfer, "the list says that it is released")
    s.put(again__dat=ODD)
    f = s.inspect()["again.dat"]
    ok(f["verdict"] == "approved" and f["rule"] == "release" and f["decision"]["id"] == proposal["id"], "the same content passes from another medium, under another name", f)
    ok(s.run("history").stdout_text.count(transfer) == 1, "the history has the release")
    shown = s.run("show", transfer).stdout_text
    ok(of in shown and "by anna and ben" in shown and "release %s" % proposal["id"] in shown, "show tells who released what", shown)
    ok(s.run("audit", "verify").returncode == 0, "the trail is good")


def out_of_one_transfer(work):
    """Somebody brings the same content under another name between the two persons' words: what was proposed is published."""
    s = Place(work, "out-of-one")
    s.put(pump__cfg=ODD)
    s.inspect()
    of = s.report["transfer"]
    wait_until(int(time.time()) + 1)  # of two places the newest is told by the second
    number = s.propose("review", "release", sha(ODD))
    ok(s.records("proposal")[-1]["of"] == of, "a proposal names the transfer that it is out of", s.records("proposal")[-1])
    s.put(other__name=ODD)
    ok(s.inspect()["other.name"]["verdict"] == "held" and s.listed()[sha(ODD)]["path"] == "other.name", "the list has the newest place")
    ok(of in s.run("review", "show", sha(ODD)).stdout_text.split("proposal", 1)[1].split("\n")[0], "review show tells what it is out of")
    before = s.staged()
    s.expect(0, "published", "review", "confirm", number, lines=BEN)
    new = [t for t in s.staged() if t not in before]
    m = json.loads((s.at / "staging" / new[0] / "manifest.json").read_text())
    ok([f["published_as"] for f in m["files"]] == ["files/pump.cfg"] and m["release"]["of"] == of, "under the name that it had there", m)


def release_ends(work):
    s = Place(work, "ends", "review: {release-time: 2d, proposal-time: 1s}\n")
    s.put(odd__bin=ODD)
    s.inspect()
    s.expect(1, "longer than this station allows", "review", "release", sha(ODD), "--reason", "x", "--for", "3d", lines=ANNA + BEN)
    s.expect(64, "has passed already", "review", "release", sha(ODD), "--reason", "x", "--until", "2020-01-01", lines=ANNA + BEN)
    old = s.propose("review", "release", sha(ODD))
    wait_until(s.records("proposal")[-1]["expires"])
    s.expect(1, "expired", "review", "confirm", old, lines=BEN)
    ok(s.run("review", "proposals").stdout_text == "" and not s.records("decision"), "an expired proposal is none any more")
    (s.at / "lazaret.yaml").write_text((s.at / "lazaret.yaml").read_text().replace("proposal-time: 1s", "proposal-time: 1h"))
    for seconds in (3, 6, 12, 24, 48):  # however slow the machine is: the second person has to come before the end
        p = s.run("review", "release", sha(ODD), "--reason", "short", "--for", "%ds" % seconds, lines=ANNA + BEN)
        if p.returncode == 0:
            break
        s.run("review", "withdraw", s.records("proposal")[-1]["id"], "--reason", "too late", lines=ANNA)
    until = s.records("decision")[-1]["until"]
    wait_until(until)
    ok(s.verdict("odd.bin")[0] == "held", "after its end the content is held again", p.words)
    ok(s.listed("--open")[sha(ODD)]["state"] == "expired", "and listed as expired, among what is open")


# -- refused ------------------------------------------------------------------------------------------------------------

def refused(work):
    s = Place(work, "refused")
    s.put(odd__bin=ODD, virus__txt=EICAR)
    s.inspect()
    release = ("review", "release", sha(ODD), "--reason", "r")
    before = [r["type"] for r in s.records()].count("proposal")
    s.expect(1, "has not the role", *release, lines=OLGA + BEN)
    s.expect(1, "", *release, lines=["nobody", "x y z 1 2 3 4"])
    ok(len(s.records("proposal")) == before, "who is no officer proposes nothing")
    s.expect(1, "not held", "review", "release", sha(EICAR), "--reason", "r", lines=ANNA + BEN)
    s.expect(1, "not held", "review", "release", sha(OTHER), "--reason", "r", lines=ANNA + BEN)
    s.expect(1, "no held file", "review", "release", "0123456789", "--reason", "r", lines=ANNA + BEN)
    s.expect(1, "", *release, lines=ANNA + ANNA)  # the same person twice
    one = s.records("proposal")[-1]["id"]
    s.expect(1, "", "review", "confirm", one, lines=ANNA)
    s.expect(1, "", "review", "confirm", one, lines=["nobody", "x y z 1 2 3 4"])
    s.expect(1, "", "review", "confirm", one, lines=["ben", "wrong wrong wrong"])
    s.expect(1, "no proposal", "review", "confirm", "01234567", lines=BEN)
    s.expect(1, "waits for the same content", *release, lines=BEN + ANNA)
    ok(s.records("decision") == [] and len(s.staged()) == 0, "nothing was decided, nothing published", s.staged())
    # who goes around `lazaret` meets the ledger
    p = subprocess.run([BIN / "lazaretd", "-C", s.at, "--release", one, "--second", "anna"], capture_output=True, text=True)
    ok(p.returncode == 1 and "another one" in p.stderr and s.records("decision") == [], "the ledger itself refuses the same person twice", p.stderr)
    s.expect(1, "", "review", "withdraw", one, "--reason", "r", lines=OLGA)
    s.expect(0, "withdrawn", "review", "withdraw", one, "--reason", "thought again", lines=BEN)
    s.expect(1, "withdrawn", "review", "confirm", one, lines=BEN)
    copy = s.at / "held" / sha(ODD)
    data = copy.read_bytes()
    two = s.propose(*release[:3])
    copy.unlink()
    copy.write_bytes(data[:-1] + b"!")
    s.expect(1, "altered", "review", "confirm", two, lines=BEN)
    ok(s.records("held-lost")[-1] == {"sha256": [sha(ODD)], "why": "altered"} and s.kept() == [] and s.staged() == [] and not
       [d for d in s.records("decision") if d["decision"] == "release"], "a copy that was altered is dropped, and the trail says so")
    s.expect(1, "copy is gone", "review", "confirm", two, lines=BEN)
    s.expect(0, "withdrawn", "review", "withdraw", two, "--reason", "gone", lines=BEN)
    s.expect(1, "copy is gone", *release, lines=ANNA + BEN)
    s.inspect()
    ok(s.kept() == [sha(ODD)] and s.listed()[sha(ODD)]["copy"], "the medium brings it back")
    trail = s.at / "audit" / "audit.jsonl"
    good = trail.read_bytes()
    trail.write_bytes(good + b'{"body":{},"hash":"' + b"0" * 64 + b'","prev":"' + b"0" * 64 + b'","seq":99,"sig":"x","time":1,"type":"x"}\n')
    for command in (release, ("review", "reject", sha(ODD), "--reason", "r"), ("hash", "deny", sha(OTHER), "--reason", "r")):
        p = s.run(*command, lines=ANNA + BEN)
        ok(p.returncode != 0 and trail.read_bytes().count(b"\n") == good.count(b"\n") + 1, "%s: a trail that cannot be written, no decision" % command[1], p.words)
    trail.write_bytes(good)
    ok(s.listed()[sha(ODD)]["state"] == "open" and s.staged() == [], "nothing has changed")


def altered(work):
    """What was denied may be missing from a trail that was altered."""
    s = Place(work, "altered")
    s.put(a__txt=b"hello\n")
    s.expect(0, "decided: deny", "hash", "deny", sha(b"hello\n"), "--reason", "r", lines=ANNA)
    s.inspect()  # more records behind it
    trail = s.at / "audit" / "audit.jsonl"
    trail.write_bytes(trail.read_bytes().replace(b'"deny"', b'"Deny"'))
    ok(s.verdict("a.txt")[0] == "blocked", "the index knows it")
    for f in (s.at / "history").iterdir():
        f.unlink()
    s.put(a__txt=b"hello\n", b__txt=b"fine\n")
    files = s.inspect()
    ok({f["verdict"] for f in files.values()} == {"held"} and "officers have decided" in files["b.txt"]["reasons"][0]["detail"] and s.staged() == [],
       "without it nothing passes", files)
    s.expect(1, "not good", "hash", "deny", sha(ODD), "--reason", "r", lines=ANNA)


def final(work):
    s = Place(work, "final")
    with zipfile.ZipFile(work / "z.zip", "w") as z:
        z.writestr("inner.bin", ODD)
        z.writestr("note.txt", "hello\n")
    archive = (work / "z.zip").read_bytes()
    s.put(odd__bin=ODD, z__zip=archive)
    ok(s.inspect()["z.zip"]["verdict"] == "held", "an archive with it is held", s.report)
    s.expect(1, "", "review", "reject", sha(ODD), "--reason", "r", lines=OLGA)
    s.expect(1, "not held", "review", "reject", sha(OTHER), "--reason", "r", lines=ANNA)
    waiting = s.propose("review", "release", sha(ODD), lines=BEN)
    s.expect(0, "decided", "review", "reject", sha(ODD), "--reason", "not ours", lines=ANNA)
    before = s.staged()
    p = s.run("review", "release", sha(archive), "--reason", "r", lines=ANNA + BEN)
    ok(p.returncode == 2 and "aborted, something of it is rejected or denied" in p.words and s.staged() == before,
       "the kept copy of an archive with it is not released", (p.returncode, p.words, s.staged()))
    s.expect(1, "rejected", "review", "confirm", waiting, lines=ANNA)
    s.run("review", "withdraw", waiting, "--reason", "rejected", lines=ANNA)
    ok(s.listed()[sha(ODD)]["state"] == "rejected" and sha(ODD) not in s.kept(), "what is rejected loses its copy")
    files = s.inspect()
    f = files["odd.bin"]
    ok((f["verdict"], f["rule"], f["reasons"][0]["code"]) == ("blocked", "reject", "officer-rejected") and f["decision"]["rule"] == "unknown-content", "and is blocked from then on", f)
    f = files["z.zip"]
    ok(f["verdict"] == "blocked" and ("officer-rejected", "inner.bin") in [(r["code"], r["member"]) for r in f["reasons"]], "an archive with it, too", f)
    for command in (("review", "release"), ("hash", "allow")):
        s.expect(1, "", *command, sha(ODD), "--reason", "r", lines=ANNA + BEN)
    s.expect(1, "rejected", "hash", "allow", sha(ODD), "--reason", "r", lines=ANNA + BEN)
    s.expect(1, "rejected", "hash", "deny", sha(ODD), "--reason", "r", lines=ANNA)
    s.expect(1, "nothing is in force", "hash", "remove", sha(OTHER), "--reason", "r", lines=ANNA + BEN)
    s.expect(1, "", "hash", "remove", sha(ODD), "--reason", "r", lines=ANNA + ANNA)
    s.run("review", "withdraw", s.records("proposal")[-1]["id"], "--reason", "r", lines=ANNA)
    s.expect(0, "decided: remove", "hash", "remove", sha(ODD), "--reason", "a mistake", lines=ANNA + BEN)
    ok(s.verdict("odd.bin") == ("held", "unknown-content", ["type-unknown"]), "two persons take it back")

    s.put(virus__txt=EICAR, a__txt=b"hello\n")
    s.expect(0, "decided: deny", "hash", "deny", sha(b"hello\n"), "--reason", "known bad", lines=BEN)
    ok(s.verdict("a.txt") == ("blocked", "deny", ["hash-denied"]), "what is denied is blocked")
    s.expect(1, "denied", "hash", "allow", sha(b"hello\n"), "--reason", "r", lines=ANNA + BEN)
    ok(s.verdict("virus.txt") == ("blocked", "text", ["malware"]), "malware is blocked")
    s.expect(0, "decided: allow", "hash", "allow", sha(EICAR), "--reason", "false positive", "--for", "1h", lines=ANNA + BEN)
    f = s.inspect()["virus.txt"]
    ok((f["verdict"], f["rule"]) == ("approved", "allow") and [r["code"] for r in f["decision"]["reasons"]] == ["malware"] and "vouched" not in f,
       "what two persons allow passes, and its report says what was found", f)
    s.put(**{"bad\tname": EICAR})
    f = list(s.inspect().values())[0]
    ok(f["verdict"] == "blocked" and [r["code"] for r in f["reasons"]] == ["unsafe-name"], "but not under an unsafe name", f)
    s.expect(0, "decided: deny", "hash", "deny", sha(EICAR), "--reason", "no", lines=ANNA)
    listed = s.decided()
    ok([json.loads(line)["decision"] for line in listed.splitlines()].count("deny") == 2, "hash list tells all that is in force", listed)
    ok("known bad" in s.run("hash", "list").stdout_text, "for people, too")

    s.expect(0, "indexed", "history", "--rebuild")
    ok(s.decided() == listed, "history --rebuild gives the same decisions")
    for f in (s.at / "history").iterdir():
        f.unlink()
    ok(s.decided() == listed, "and so does the trail alone")
    backup = (s.at / "history" / "history.sqlite").read_bytes()
    s.expect(0, "decided: deny", "hash", "deny", sha(OTHER), "--reason", "after the backup", lines=ANNA)
    newer = s.decided()
    for f in (s.at / "history").iterdir():
        f.unlink()
    (s.at / "history" / "history.sqlite").write_bytes(backup)
    os.chown(s.at / "history" / "history.sqlite", (s.at / "history").stat().st_uid, (s.at / "history").stat().st_gid)
    ok(s.decided() == newer and len(newer) > len(listed), "an index that was put back from a copy is not believed")
    ok(s.run("audit", "verify").returncode == 0, "the trail is good")


def at_once(work):
    s = Place(work, "once")
    s.put(odd__bin=ODD)
    s.inspect()
    both = [s.start("review", "release", sha(ODD), "--propose", "--reason", "r", lines=who) for who in (ANNA, BEN)]
    words = [p.communicate(timeout=100) for p in both]
    ok(sorted(p.returncode for p in both) == [0, 1] and len(s.records("proposal")) == 1, "two proposals at once: one is", words)
    p = s.records("proposal")[0]
    other = BEN if p["by"] == "anna" else ANNA
    both = [s.start("review", "confirm", p["id"], lines=other) for _ in range(2)]
    words = [p.communicate(timeout=100) for p in both]
    ok(sorted(p.returncode for p in both) == [0, 1] and len(s.records("decision")) == 1 and len(s.staged()) == 1, "confirmed twice at once: once published", words)
    s.put(c__bin=OTHER)
    s.inspect()
    both = [s.start(*a, sha(OTHER), "--reason", "r", lines=who) for a, who in ((("review", "reject"), ANNA), (("hash", "deny"), BEN))]
    words = [p.communicate(timeout=100) for p in both]
    ok(sorted(p.returncode for p in both) == [0, 1], "rejected and denied at once: one is", words)
    ok(s.run("audit", "verify").returncode == 0, "the trail is good")


def bounds(work):
    s = Place(work, "bounds", "held: {files: 1, bytes: 1MiB, time: 1s}\n")
    s.put(a__bin=ODD, b__bin=OTHER)
    files = s.inspect()
    ok(sorted(f["kept"] for f in files.values()) == [False, True] and len(s.kept()) == 1, "what does not fit is not kept, and the report says so", files)
    left = next(f["sha256"] for f in files.values() if not f["kept"])
    s.expect(1, "not held", "review", "release", left, "--reason", "r", lines=ANNA + BEN)
    kept = s.kept()
    wait_until(s.listed()[kept[0]]["expires"])
    s.put(a__txt=b"hello\n")
    s.inspect()
    ok(s.kept() == [] and s.records("held-expired")[-1]["sha256"] == kept and s.listed() == {}, "a copy whose time is over goes, and the trail says so")
    (s.at / "held" / ("0" * 64)).write_bytes(b"stray")
    s.inspect()
    ok(s.kept() == [], "a copy that nobody knows goes")


# -- power cuts ----------------------------------------------------------------------------------------------------------

def cuts(work):
    s = Place(work, "cuts")
    seen = set()
    for n, kind in enumerate(["proposal", "decision", "inspection-concluded", "publishing", "published", "report", None]):
        content = ODD + str(n).encode() * 300000
        s.put(**{"odd%d__bin" % n: content})
        s.inspect()
        number = s.propose("review", "release", sha(content))
        before, staged = len(s.records()), s.staged()
        p = s.start("review", "confirm", number, lines=BEN)
        while p.poll() is None:
            try:
                kinds = [r["type"] for r in s.records()[before:]]
            except json.JSONDecodeError:
                continue  # half of a line
            if kind in kinds or (kind is None and list((s.at / "staging").glob(".incoming-*"))) or (kind == "proposal" and "login" in kinds):
                os.killpg(p.pid, signal.SIGKILL)
                break
        p.communicate(timeout=100)
        now = [t for t in s.staged() if t not in staged and not t.startswith(".")]
        ok(len(now) <= 1 and all(s.verify(t).returncode == 0 for t in now), "killed at %s: all or nothing in staging" % (kind or ".incoming"), now)
        s.put(a__txt=b"hello %d\n" % n)
        s.inspect()
        said = [d for d in s.records("decision") if d["id"] == number]
        now = [t for t in s.staged() if t not in staged and t != s.report["transfer"]]
        ok(not [t for t in now if t.startswith(".")], "nothing half stays", now)
        reports = {p.stem for p in (s.at / "reports").iterdir()}
        if said:
            transfer = said[0]["transfer"]
            outcome = json.loads((s.at / "reports" / (transfer + ".json")).read_text())
            told = "published" if transfer in s.staged() else "aborted"
            ok(transfer in reports and outcome["outcome"] == told and outcome["release"]["proposal"] == number and (told == "published") == (transfer in now),
               "killed at %s: the next start tells that it was %s" % (kind or ".incoming", told), outcome)
            seen.add(told)
        else:
            ok(now == [], "killed before the decision: nothing in staging", now)
            seen.add("undecided")
        left = [p.name for p in (s.at / "spool").iterdir()]
        ok(left == [], "the spool is empty", left)
    ok("published" in seen and len(seen) > 1, "cut before and after", seen)
    for r in s.records("decision"):
        ok(any(b.get("transfer") == r["transfer"] for t in ("published", "aborted") for b in s.records(t)) or
           json.loads((s.at / "reports" / (r["transfer"] + ".json")).read_text())["outcome"] == "aborted", "the trail has the end of %s" % r["id"])
    ok(s.run("audit", "verify").returncode == 0, "the trail is good")


def cut_inspection(work):
    """What was put for an inspection that died before its report does not count, and goes."""
    s = Place(work, "cut")
    s.put(odd__bin=ODD)
    s.inspect()
    transfer = s.report["transfer"]
    lines = (s.at / "audit" / "audit.jsonl").read_text().splitlines(keepends=True)
    last = max(k for k, line in enumerate(lines) if json.loads(line)["type"] == "inspection-concluded")
    with open(s.at / "audit" / "audit.jsonl", "r+") as f:
        f.truncate(len("".join(lines[:last]).encode()))
    (s.at / "history" / "audit.witness").unlink()  # as if the power had gone before the report
    (s.at / "reports" / (transfer + ".json")).unlink()
    spool = s.at / "spool" / transfer
    spool.mkdir(mode=0o700)
    (spool / "inspection.json").write_text(json.dumps({"operator": "", "reason": "", "owner": "", "ticket": "", "started": int(time.time()), "transfer": transfer}))
    db = sqlite3.connect(s.at / "held" / "index.sqlite")
    db.execute("UPDATE places SET pending = 1")
    db.commit()
    db.close()
    ok(s.listed() == {}, "what an inspection put that has no report yet does not count")
    s.put(a__txt=b"hello\n")
    s.inspect()
    ok(s.kept() == [] and json.loads((s.at / "reports" / (transfer + ".json")).read_text())["outcome"] == "aborted", "the next start removes it", s.kept())


# -- the daemon ----------------------------------------------------------------------------------------------------------


class Desk:
    """The daemon of a place, and connections to it."""

    def __init__(self, place):
        self.place = place
        self.process = subprocess.Popen([BIN / "lazaretd", "-C", place.at], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(place.log, "ab"))

    def connect(self, who=None):
        c = control.connect(self.place.at / "control.sock").watch()
        c.wait_for(lambda c: c.station["state"] == "ready")
        if who:
            c.ask("login", person=who, secret=SECRET[who])
        return c

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(90)


def denied(c, code, name, request, **fields):
    try:
        answer = c.ask(request, **fields)
    except control.Refused as e:
        ok(e.code == code, "%s: %s" % (name, code), e)
        return
    ok(False, "%s: %s" % (name, code), "not refused: %s" % answer)


def releases(c):
    return [e for e in c.seen if e["event"] == "release"]


def told(c, proposal):
    """The release's last state."""
    return c.wait_for(lambda c: next((e for e in reversed(releases(c)) if e["proposal"] == proposal and e["state"] == "done"), None))


def by_the_daemon(work):
    s = Place(work, "daemon", "people: {second: [officer]}\n")
    s.put(odd__bin=ODD, other__bin=OTHER, virus__txt=EICAR)
    s.inspect()
    of = s.report["transfer"]
    desk = Desk(s)
    nobody, anna, olga = desk.connect(), desk.connect("anna"), desk.connect("olga")
    held = anna.wait_for(lambda c: c.station.get("held"))
    ok(held == {"files": 2, "bytes": len(ODD) + len(OTHER), "open": 2, "proposed": 0}, "the station tells how much is held", held)
    for request, fields in (("held", {}), ("held-file", {"sha256": sha(ODD)}), ("held-bytes", {"sha256": sha(ODD), "offset": 0, "size": 16}),
                            ("propose", {"decision": "reject", "sha256": [sha(ODD)], "reason": "r"}), ("withdraw", {"proposal": "01234567"})):
        denied(nobody, "not-permitted", "%s without a session" % request, request, **fields)
        denied(olga, "not-permitted", "%s by an operator" % request, request, **fields)
    denied(nobody, "not-permitted", "proposals without a session", "proposals")

    a = anna.ask("held", filter="open", search=None, offset=0, limit=1)
    ok(a["total"] == 2 and len(a["held"]) == 1, "held, a page", a)
    a = anna.ask("held", filter="all", search="ODD", offset=0, limit=100)
    ok([h["path"] for h in a["held"]] == ["odd.bin"] and a["held"][0]["state"] == "open" and a["held"][0]["proposal"] is None, "held, found by its path", a)
    denied(anna, "bad-request", "a filter that is none", "held", filter="some", search=None, offset=0, limit=10)
    a = anna.ask("held-file", sha256=sha(ODD))
    ok(a["held"]["code"] == "type-unknown" and a["file"]["path"] == "odd.bin" and a["places"] == [{"transfer": of, "path": "odd.bin", "started": s.report["started"]}]
       and [x["verdict"] for x in a["seen"]] == ["held"], "held-file", a)
    denied(anna, "not-held", "a file that is not held", "held-file", sha256=sha(EICAR))
    a = anna.ask("held-bytes", sha256=sha(ODD), offset=8, size=16)
    ok(bytes.fromhex(a["bytes"]) == ODD[8:24] and a["size"] == len(ODD), "held-bytes", a)
    denied(anna, "bad-request", "too many bytes", "held-bytes", sha256=sha(ODD), offset=0, size=4097)

    for code, fields in (("bad-request", {"decision": "withdraw"}), ("bad-request", {"reason": " "}), ("bad-request", {"sha256": ["00"]}),
                         ("bad-request", {"until": 1}), ("bad-request", {"until": int(time.time()) + 99 * 86400}), ("not-held", {"sha256": [sha(EICAR)]})):
        denied(anna, code, "propose %s" % re.sub("[0-9a-f]{64}", "HASH", json.dumps(fields)), "propose",
               **{"decision": "release", "sha256": [sha(ODD)], "reason": "r", "until": None, **fields})
    p = anna.ask("propose", decision="release", sha256=[sha(ODD)], reason="vendor's own", until=None)["proposal"]
    ok(p["needs_second"] and p["by"] == "anna" and p["until"] > time.time(), "propose", p)
    denied(anna, "not-now", "proposed twice", "propose", decision="release", sha256=[sha(ODD)], reason="r", until=None)
    a = olga.ask("proposals")
    ok([x["id"] for x in a["proposals"]] == [p["id"]], "proposals", a)
    anna.wait_for(lambda c: c.station["held"]["proposed"] == 1)
    a = anna.ask("held", filter="proposed", search=None, offset=0, limit=10)
    ok(a["total"] == 1 and a["held"][0]["proposal"]["id"] == p["id"] and a["held"][0]["state"] == "proposed", "held: it is proposed", a)
    denied(anna, "same-person", "confirmed by the same person", "confirm", proposal=p["id"], person="anna", secret=SECRET["anna"])
    denied(anna, "wrong", "confirmed by nobody", "confirm", proposal=p["id"], person="nobody", secret="x y z 1 2 3")
    denied(anna, "wrong", "confirmed with a wrong secret", "confirm", proposal=p["id"], person="ben", secret="x y z 1 2 3")
    denied(anna, "not-permitted", "confirmed by who may not", "confirm", proposal=p["id"], person="olga", secret=SECRET["olga"])
    denied(anna, "not-found", "a proposal that there is not", "confirm", proposal="01234567", person="ben", secret=SECRET["ben"])
    ok(s.records("decision") == [] and s.staged() == [], "nothing is decided yet")
    a = anna.ask("confirm", proposal=p["id"], person="ben", secret=SECRET["ben"])
    ok(a["decision"]["id"] == p["id"] and a["decision"]["seq"] > 0, "confirm", a)
    e = told(anna, p["id"])
    ok(e["outcome"] == "published" and s.staged() == [e["transfer"]] and e["trouble"] is None and s.verify(e["transfer"]).returncode == 0, "the release is told", e)
    ok(told(olga, p["id"])["transfer"] == e["transfer"], "to everybody who watches")
    denied(anna, "not-found", "confirmed once more", "confirm", proposal=p["id"], person="ben", secret=SECRET["ben"])
    a = anna.ask("held", filter="decided", search=None, offset=0, limit=10)
    ok([(h["state"], h["released_as"]) for h in a["held"]] == [("released", e["transfer"])], "held: it is released", a)

    p = anna.ask("propose", decision="release", sha256=[sha(OTHER)], reason="r", until=None)["proposal"]
    copy = s.at / "held" / sha(OTHER)
    data = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(data[:-1] + b"!")
    anna.ask("confirm", proposal=p["id"], person="ben", secret=SECRET["ben"])
    e = told(anna, p["id"])
    ok(e["outcome"] == "aborted" and "altered" in e["trouble"] and len(s.staged()) == 1, "an altered copy: the release is aborted, and says why", e)
    report = json.loads((s.at / "reports" / (e["transfer"] + ".json")).read_text())
    ok(report["outcome"] == "aborted" and report["release"]["proposal"] == p["id"], "with a report", report)
    a = anna.ask("propose", decision="reject", sha256=[sha(OTHER)], reason="strange", until=None)
    ok(not a["proposal"]["needs_second"] and a["decision"]["seq"] > 0 and s.records("decision")[-1]["decision"] == "reject", "reject takes effect at once", a)
    denied(anna, "not-now", "release after reject", "propose", decision="release", sha256=[sha(OTHER)], reason="r", until=None)
    p = anna.ask("propose", decision="allow", sha256=[sha(EICAR)], reason="r", until=None)["proposal"]
    anna.ask("withdraw", proposal=p["id"])
    denied(anna, "not-found", "confirmed after it was withdrawn", "confirm", proposal=p["id"], person="ben", secret=SECRET["ben"])
    p = anna.ask("propose", decision="allow", sha256=[sha(EICAR)], reason="r", until=None)["proposal"]
    a = anna.ask("confirm", proposal=p["id"], person="ben", secret=SECRET["ben"])
    ok(a["decision"]["id"] == p["id"], "allow, confirmed", a)

    # while the daemon runs, the command line does the same
    s.expect(0, "decided: deny", "hash", "deny", sha(b"x"), "--reason", "r", lines=ANNA)
    p = s.propose("hash", "remove", sha(b"x"))
    a = anna.ask("confirm", proposal=p, person="ben", secret=SECRET["ben"])
    ok(a["decision"]["id"] == p, "proposed by command, confirmed at the console", a)
    anna.ask("logout")
    denied(anna, "not-permitted", "after logging out", "held", filter="all", search=None, offset=0, limit=10)
    ok(desk.stop() == 0, "the daemon ends", s.log.read_text())
    ok(s.run("audit", "verify").returncode == 0, "the trail is good")


def daemon_killed(work):
    """The daemon dies while it releases: its next start tells."""
    s = Place(work, "dies")
    content = ODD * 20000
    s.put(odd__bin=content)
    s.inspect()
    desk = Desk(s)
    c = desk.connect("anna")
    p = c.ask("propose", decision="release", sha256=[sha(content)], reason="r", until=None)["proposal"]
    transfer = None
    c.ask("confirm", proposal=p["id"], person="ben", secret=SECRET["ben"])
    transfer = s.records("decision")[-1]["transfer"]
    desk.stop(signal.SIGKILL)
    desk = Desk(s)
    c = desk.connect("anna")
    report = json.loads((s.at / "reports" / (transfer + ".json")).read_text())
    ok(report["outcome"] == ("published" if s.staged() == [transfer] else "aborted") and report["release"]["proposal"] == p["id"], "killed: the next start tells what became of it",
       (report["outcome"], s.staged()))
    if report["outcome"] == "aborted":
        ok(s.records("aborted")[-1]["proposal"] == p["id"], "the trail names the proposal", s.records("aborted"))
    p = c.ask("propose", decision="release", sha256=[sha(content)], reason="once more", until=None)["proposal"]
    c.ask("confirm", proposal=p["id"], person="ben", secret=SECRET["ben"])
    e = told(c, p["id"])
    ok(e["outcome"] == "published" and e["transfer"] in s.staged(), "and two persons can release it again", e)
    ok(desk.stop() == 0 and s.run("audit", "verify").returncode == 0, "the trail is good")


TESTS = [released_by_two, out_of_one_transfer, release_ends, refused, altered, final, at_once, bounds, cuts, cut_inspection, by_the_daemon, daemon_killed]


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-review."))
    os.chmod(work, 0o755)
    try:
        for test in TESTS:
            if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
                continue
            try:
                test(work)
            except (TimeoutError, control.Gone, control.Refused, OSError, subprocess.SubprocessError, KeyError, IndexError, StopIteration,
                    AssertionError, json.JSONDecodeError, AttributeError) as e:
                ok(False, "%s runs to its end" % test.__name__, "%s: %s" % (type(e).__name__, e))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
