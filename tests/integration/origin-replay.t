#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret inspect on Debian repositories that were good once: an old index in the place of a newer one, an outdated one, one from
the future. Made by apt-ftparchive and gpg.

BUILD: the build directory (default build).
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from repository import Key, Repository, Unavailable, synthetic_debs  # noqa: E402
from tap import BUILD, finish, make_databases, ok, skip  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"
DAY = 86400
NOW = int(time.time())
OLDER = "older than what this station has already let in"


class Station:
    """With the profile "updates", which demands a signature."""

    def __init__(self, name, **origin):
        self.at = work / name
        subprocess.run([LAZARET, "init", self.at, "--db", db, "--profile", "updates"], check=True, stdout=subprocess.DEVNULL)
        self.original = (self.at / "lazaret.yaml").read_text()
        self.configure(**origin)

    def configure(self, **origin):
        lines = "".join("  %s: %s\n" % (k.replace("_", "-"), v) for k, v in origin.items())
        (self.at / "lazaret.yaml").write_text(self.original + ("origin:\n" + lines if lines else ""))

    def lazaret(self, *args):
        return subprocess.run([LAZARET, "-C", self.at, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)

    def trust(self, key, name):
        (work / (name + ".asc")).write_bytes(key.armoured)
        done = self.lazaret("key", "trust", work / (name + ".asc"), "--name", name, "--yes", "--for", "repository")
        ok(done.returncode == 0, "the key %s is trusted" % name, done.stderr.decode())
        return self

    def inspect(self, medium):
        """The report's files, by path."""
        done = self.lazaret("--json", "inspect", medium)
        if done.returncode not in (0, 1):
            ok(False, "%s can be inspected" % medium.name, done.stderr.decode("utf-8", "replace"))
            return {}
        return {f["path"]: f for f in json.loads(done.stdout)["files"]}

    def seen(self):
        """Bodies of the trail's series-seen records."""
        trail = (self.at / "audit" / "audit.jsonl").read_text().splitlines()
        return [r["body"] for r in map(json.loads, trail) if r["type"] == "series-seen"]

    def passes(self, medium, name):
        files = self.inspect(medium)
        debs = [f for p, f in files.items() if p.endswith(".deb")]
        good = len(debs) == 2 and all(f["verdict"] == "approved" and f["signers"] for f in debs)
        ok(good and all(f["verdict"] == "approved" for f in files.values()), name, json.dumps(files))

    def holds(self, medium, words, name, index="dists/specimen/InRelease"):
        """Its packages wait for the officer, and who signed the index vouches for none of them."""
        files = self.inspect(medium)
        reasons = [r for r in files.get(index, {"reasons": []})["reasons"] if r["code"] == "unsigned"]
        debs = [f for p, f in files.items() if p.endswith(".deb")]
        ok(any(words in r["detail"] for r in reasons) and files[index]["verdict"] == "held", name + ": the index is held",
           json.dumps(files))
        ok(len(debs) == 2 and all(f["verdict"] == "held" and not f["signers"] for f in debs), name + ": so are its packages",
           json.dumps(debs))
        return reasons


def medium(name, key, days, suite="stable", detached=False, until=None):
    """A repository whose index is of so many days from now."""
    repo = Repository(work / name, suite=suite).add(debs)
    repo.publish(key, detached=detached, date=NOW + days * DAY, valid_until=until)
    return repo.root


def utc(t):
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(t))


def rollback(vendor, other):
    s = Station("rollback").trust(vendor, "vendor").trust(other, "other")
    old, new = medium("old", vendor, -20), medium("new", vendor, -10)
    s.passes(old, "an old index, as long as nothing newer is known")
    s.passes(new, "a newer one after it")
    ok([b["date"] for b in s.seen()] == [NOW - 20 * DAY, NOW - 10 * DAY], "both are in the trail", s.seen())
    body = s.seen()[-1]
    ok(sorted(body) == ["date", "key", "series", "transfer"] and body["key"] == "vendor" and
       body["series"] == "debian Vendor/Vendor/stable/specimen" and (s.at / "staging" / body["transfer"]).is_dir(),
       "with series, key and transfer", body)
    reasons = s.holds(old, OLDER, "the old one again")
    ok(utc(NOW - 20 * DAY) in reasons[0]["detail"] and "(%s)" % utc(NOW - 10 * DAY) in reasons[0]["detail"],
       "in words with both dates", reasons)
    ok(len(s.seen()) == 2, "what was held has not been seen", s.seen())
    s.passes(new, "the same index once more is no older one")
    s.holds(medium("detached", vendor, -15, detached=True), OLDER, "an old Release with Release.gpg", "dists/specimen/Release")
    s.passes(medium("newer-detached", vendor, -9, detached=True), "a newer Release with Release.gpg")
    s.holds(new, OLDER, "InRelease older than a Release that was let in")
    s.passes(medium("testing", vendor, -20, suite="testing"), "another suite has dates of its own")
    s.passes(medium("other", other, -20), "so has another key")
    s.holds(medium("other-older", other, -21), OLDER, "which count as well")
    return s, old


def both(vendor, other):
    """Two signatures on one index: newer than it is for one of the two keys, that is enough."""
    s = Station("both").trust(vendor, "vendor").trust(other, "other")
    repo = Repository(work / "both-new").add(debs).publish(other, date=NOW - 10 * DAY)
    s.passes(repo.root, "signed by one")
    repo = Repository(work / "both-old").add(debs).publish(vendor, date=NOW - 20 * DAY, detached=True)
    text = (repo.dist / "Release").read_bytes()
    (repo.dist / "Release.gpg").write_bytes(vendor.detach(text, armour=False) + other.detach(text, armour=False))
    s.holds(repo.root, OLDER, "signed by both, and older for one", "dists/specimen/Release")
    doubtful(s, work / "both-new")


def rebuilt(s, old):
    """The index of what was seen is lost, and made anew from the trail."""
    for name in os.listdir(s.at / "history"):
        os.unlink(s.at / "history" / name)
    s.holds(old, OLDER, "without the history, from the trail")
    done = s.lazaret("history", "--rebuild")
    ok(done.returncode == 0, "history --rebuild", done.stderr.decode())
    s.holds(old, OLDER, "after history --rebuild")
    s.configure(rollback="ignore")
    s.passes(old, "rollback: ignore")
    s.configure()
    s.holds(old, OLDER, "which lowers nothing")


def doubtful(s, new):
    """Where nobody can say what was seen, nothing is believed."""
    for name in os.listdir(s.at / "history"):
        os.unlink(s.at / "history" / name)
    with open(s.at / "audit" / "audit.jsonl", "r+b") as f:  # in place: its owner stays
        data = f.read()
        f.seek(data.index(b'"date":'))
        f.write(b'"Date":')
    files = s.inspect(new)
    reasons = files["dists/specimen/InRelease"]["reasons"]
    ok([r["code"] for r in reasons] == ["scan-error"] and "lazaret audit verify" in reasons[0]["detail"],
       "an altered trail: the index is held", reasons)
    ok(all(f["verdict"] == "held" and not f["signers"] for p, f in files.items() if p.endswith(".deb")), "and its packages", files)


def unsigned(vendor, stranger):
    """Whom nobody trusts cannot say what is new."""
    s = Station("unsigned").trust(vendor, "vendor")
    for name, key in (("stripped", vendor), ("stranger", stranger)):
        repo = Repository(work / name).add(debs).publish(key, date=NOW)
        if name == "stripped":
            repo.strip()
        files = s.inspect(repo.root)
        ok(all(f["verdict"] == "held" for p, f in files.items() if p.endswith(".deb")) and not s.seen(),
           "an index %s: nothing is seen" % name, (files, s.seen()))
    s.passes(medium("after-strangers", vendor, -20), "and an older one of the vendor's passes")


def future(vendor):
    s = Station("future").trust(vendor, "vendor")
    s.holds(medium("far", vendor, 3), "an index from the future", "dated in three days")
    s.configure(rollback="ignore")
    s.passes(medium("far", vendor, 3), "rollback: ignore lets it in")
    ok(s.seen() == [], "but it is never seen", s.seen())
    s.configure()
    s.passes(medium("today", vendor, 0), "so that today's is not locked out")
    ok(len(s.seen()) == 1, "which is", s.seen())


def valid_until(vendor):
    s = Station("valid-until").trust(vendor, "vendor")
    ended = medium("ended", vendor, -20, until=NOW - 13 * DAY)
    s.passes(ended, "valid-until: ignored, unless the station says otherwise")
    s.configure(valid_until="hold")
    reasons = s.holds(ended, "valid until", "valid-until: hold")
    ok(utc(NOW - 13 * DAY) in reasons[0]["detail"], "in words with the day", reasons)
    s.passes(medium("lasting", vendor, -10, until=NOW + DAY), "one that is valid still")
    s.passes(medium("endless", vendor, -9), "one without an end")


work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-replay."))
try:
    os.chmod(work, 0o755)
    db = make_databases(work / "db")
    debs = synthetic_debs(work / "debs", 2)
    try:
        with Key() as mine, Key("Other <other@example.org>") as another:
            rebuilt(*rollback(mine, another))
            both(mine, another)
            unsigned(mine, another)
            future(mine)
            valid_until(mine)
    except Unavailable as why:
        skip("replayed indexes", str(why))
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(finish())
