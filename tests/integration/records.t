#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret audit, key, history and show, on a station whose trail and reports were made by lazaret-ledger, with this
script as the supervisor (invariant 6).

BUILD: the build directory (default build). LAZARET: the program, when it is another than BUILD/bin/lazaret.
"""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
BIN = os.path.join(os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build"))), "bin")
LAZARET = os.path.abspath(os.environ.get("LAZARET", os.path.join(BIN, "lazaret")))
EICAR_MD5 = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n"

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from ledger import Ledger  # noqa: E402
from tap import finish, ok  # noqa: E402


def run(*args, stdin=subprocess.DEVNULL):
    p = subprocess.run([LAZARET, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=stdin, timeout=120)
    return p.returncode, p.stdout.decode("utf-8", "backslashreplace"), p.stderr.decode("utf-8", "backslashreplace")


def lazaret(*args):
    return run("-C", station, *args)


def expect(status, words, *args):
    """Run a command; status and words (on either output) must be these."""
    s, out, err = lazaret(*args)
    ok(s == status and words in out + err, "%s: %d, %s" % (" ".join(os.path.basename(a) for a in args), status, words),
       "status %d\n%s%s" % (s, out, err))
    return out


def path(*names):
    return os.path.join(station, *names)


def read(*names):
    with open(path(*names), "rb") as f:
        return f.read()


def write(data, *names):
    """In place: owner and mode stay."""
    with open(path(*names), "r+b") as f:
        f.truncate(0)
        f.write(data)


# -- tests -----------------------------------------------------------------------------------------------------------
def before_anything():
    status, _, err = lazaret("audit", "verify")
    ok(status == 2 and "missing" in err, "audit verify before anything was recorded", err)
    expect(0, "nothing has been recorded", "history")
    expect(64, "usage", "audit")
    expect(64, "usage", "audit", "mend")
    expect(64, "usage", "key")
    expect(64, "usage", "key", "trust", "x.pub")
    expect(64, "usage", "show")
    expect(64, "usage", "show", "../../etc/passwd")
    expect(64, "", "history", "-n", "0")
    expect(64, "64 hex", "audit", "verify", "--expect-hash", "12")


def keys():
    expect(0, "manifest key", "key", "show")
    expect(0, "none was replaced", "key", "make")
    vendor = os.path.join(work, "vendor")
    subprocess.run(["minisign", "-G", "-W", "-p", vendor + ".pub", "-s", vendor + ".key"], check=True,
                   stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    with open(os.path.join(work, "pgp"), "w", encoding="ascii") as f:
        f.write("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n")
    expect(1, "--fingerprint", "key", "trust", vendor + ".pub", "--name", "vendor-x")
    expect(0, "no vendor key is trusted", "key", "list")
    expect(1, "not the one given", "key", "trust", vendor + ".pub", "--name", "vendor-x", "--fingerprint", "00" * 32)
    expect(64, "a-z", "key", "trust", vendor + ".pub", "--name", "../x", "--yes")
    expect(64, "not a day", "key", "trust", vendor + ".pub", "--name", "x", "--yes", "--until", "2030-02-31x")
    expect(1, "OpenPGP", "key", "trust", os.path.join(work, "pgp"), "--name", "x", "--yes")
    expect(1, "", "key", "trust", vendor + ".key", "--name", "x", "--yes")
    expect(0, "is trusted", "key", "trust", vendor + ".pub", "--name", "vendor-x", "--yes", "--until", "2030-01-01", "--by",
           "ann\x1b")
    expect(1, "taken", "key", "trust", vendor + ".pub", "--name", "vendor-x", "--yes")
    expect(1, "trusted already", "key", "trust", vendor + ".pub", "--name", "vendor-y", "--yes")
    listed = json.loads(lazaret("--json", "key", "list")[1])
    ok(listed["name"] == "vendor-x" and listed["by"] == "ann\\x1b" and listed["until"] == 1893542399, "key list", listed)
    expect(0, listed["fingerprint"], "audit", "show", "-n", "1")

    other = read("keys", "manifest.pub")
    good = read("trust", "vendor-x.pub")
    write(other, "trust", "vendor-x.pub")
    expect(2, "not the key that was trusted", "key", "list")
    write(good, "trust", "vendor-x.pub")
    with open(path("trust", "smuggled.pub"), "wb") as f:
        f.write(other)
    ok("smuggled" not in lazaret("key", "list")[1], "a .pub file alone trusts nobody")
    os.unlink(path("trust", "smuggled.pub"))

    trail = read("audit", "audit.jsonl")
    write(trail.replace(b'"name":"vendor-x"', b'"name":"vendor-y"'), "audit", "audit.jsonl")
    expect(2, "nothing was changed", "key", "distrust", "vendor-x")
    ok(os.path.exists(path("trust", "vendor-x.pub")), "without a trail nothing changes")
    write(trail, "audit", "audit.jsonl")
    expect(0, "no longer trusted", "key", "distrust", "vendor-x", "--reason", "revoked")
    expect(1, "no key of this name", "key", "distrust", "vendor-x")
    ok(not os.path.exists(path("trust", "vendor-x.pub")), "its file is gone")
    expect(0, '"reason":"revoked"', "audit", "show", "-n", "1")
    expect(0, "ok: 3 records, 0 reports", "audit", "verify")


def trail():
    ledger = Ledger(station)
    first = ledger.append("inspection-started", {"transfer": "T-1"})
    one = ledger.report("T-1", [("a.txt", "approved"), ("b.txt", "blocked")], first)
    second = ledger.append("inspection-started", {"transfer": "T-2"})
    ledger.report("T-2", [("a.txt", "approved")], second)
    ok(ledger.end() == 0, "the ledger ended well")
    out = expect(0, "ok: 7 records, 2 reports", "audit", "verify")
    last = re.search(r"seq (\d+) hash ([0-9a-f]{64})", out)
    expect(0, "ok:", "audit", "verify", "--expect-seq", last[1], "--expect-hash", last[2])
    expect(0, "ok:", "audit", "verify", "--expect-hash", second[1])
    expect(1, "not in the trail", "audit", "verify", "--expect-seq", "99")
    expect(1, "not the expected one", "audit", "verify", "--expect-seq", "2", "--expect-hash", last[2])
    shown = json.loads(lazaret("--json", "audit", "verify")[1])
    ok(shown["ok"] and shown["seq"] == 6 and shown["hash"] == last[2], "audit verify --json", shown)
    lines = lazaret("audit", "show", "-n", "2")[1].splitlines()
    ok(len(lines) == 2 and "inspection-started" in lines[0] and "report" in lines[1], "audit show -n 2", lines)

    good = read("audit", "audit.jsonl")
    write(b"".join(good.splitlines(keepends=True)[:-1]), "audit", "audit.jsonl")
    expect(1, "T-2.json: no record", "audit", "verify")
    expect(1, "not in the trail", "audit", "verify", "--expect-seq", last[1])
    write(b"".join(good.splitlines(keepends=True)[:4]), "audit", "audit.jsonl")
    os.rename(path("reports", "T-2.json"), os.path.join(work, "T-2.json"))
    os.rename(path("reports", "T-1.json"), os.path.join(work, "T-1.json"))
    expect(0, "ok: 4 records", "audit", "verify")  # cut between records: good without a witness
    expect(1, "not in the trail", "audit", "verify", "--expect-hash", last[2])
    for name in ("T-1.json", "T-2.json"):
        os.rename(os.path.join(work, name), path("reports", name))
    write(good[:-20], "audit", "audit.jsonl")
    expect(1, "interrupted", "audit", "verify")
    ledger = Ledger(station)
    ledger.append("after-power-cut", {})
    ledger.end()
    expect(1, "T-2.json: no record", "audit", "verify")  # the report's record was the one that was torn
    expect(0, "torn-tail", "audit", "show", "-n", "2")
    write(good.replace(b"T-2", b"T-3", 1), "audit", "audit.jsonl")
    expect(1, "audit.jsonl:6:", "audit", "verify")
    write(good, "audit", "audit.jsonl")

    write(one.replace(b"a.txt", b"c.txt"), "reports", "T-1.json")
    expect(1, "T-1.json: altered", "audit", "verify")
    expect(1, "altered", "show", "T-1")
    os.rename(path("reports", "T-1.json"), os.path.join(work, "T-1.json"))
    expect(1, "T-1.json: recorded in the trail, but", "audit", "verify")
    os.rename(os.path.join(work, "T-1.json"), path("reports", "T-1.json"))
    write(one, "reports", "T-1.json")
    expect(0, "ok: 7 records, 2 reports", "audit", "verify")
    return one


def witness():
    """A trail that was rewritten with the stolen key, and shorter: the reports' witnesses do not fit."""
    saved = read("audit", "audit.jsonl")
    ledger = Ledger(station)
    ledger.report("T-9", [], (5, "00" * 32))
    ledger.end()
    expect(1, "T-9.json: it was written when record 5", "audit", "verify")
    os.unlink(path("reports", "T-9.json"))
    write(saved, "audit", "audit.jsonl")


def history(one):
    expect(0, "was the trail cut or replaced", "history")  # T-9 of the test before this one
    expect(0, "indexed 2 reports", "history", "--rebuild")
    lines = lazaret("history")[1].splitlines()
    ok(len(lines) == 2 and lines[0].startswith("T-2") and "image ACME Stick" in lines[0], "history, newest first", lines)
    found = [json.loads(x) for x in lazaret("--json", "history", "%064x" % 0)[1].splitlines()]
    ok(sorted(f["transfer"] for f in found) == ["T-1", "T-2"] and found[0]["path"] == "a.txt", "history by SHA-256", found)
    ok("blocked" in lazaret("history", "b.t")[1], "history by part of a path")
    ok(lazaret("history", "' OR 1=1 --")[1] == "", "history by a hostile text")
    expect(0, "indexed 2 reports", "history", "--rebuild")
    ok(len(lazaret("history")[1].splitlines()) == 2, "the same after a rebuild")
    for name in os.listdir(path("history")):
        os.unlink(path("history", name))
    ok(len(lazaret("history")[1].splitlines()) == 2, "made anew when it is gone")
    with open(path("history", "history.sqlite"), "r+b") as f:
        f.write(b"garbage" * 100)
    expect(2, "--rebuild", "history")
    expect(0, "indexed 2 reports", "history", "--rebuild")
    ledger = Ledger(station) # the ledger's account can still write what an officer made anew
    ledger.report("T-3", [("z", "held")], (0, json.loads(read("audit", "audit.jsonl").splitlines()[0])["hash"]))
    ledger.end()
    ok("T-3" in lazaret("history")[1], "indexed by the ledger after that")

    out = expect(0, "malware", "show", "T-1")
    ok("\x1b" not in out and "jo\\x1b[2J" in out, "show escapes once", out)
    p = subprocess.run([LAZARET, "-C", station, "--json", "show", "T-1"], stdout=subprocess.PIPE)
    ok(p.stdout == one, "show --json: byte for byte")
    expect(1, "knows no report", "show", "T-77")
    expect(0, "ok:", "audit", "verify")


def asked(*questions):
    ledger = Ledger(station)
    answers = [ledger.series(*q) for q in questions]
    ledger.end()
    return answers


def series():
    """What keeps old indexes out survives the history, and is made anew from the trail."""
    stable, testing = ("debian A/A/stable/x", "archive"), ("debian A/A/testing/y", "archive")
    ledger = Ledger(station)
    for (name, key), date in ((stable, 2000), (stable, 1000), (testing, 3000)):
        ledger.append("series-seen", {"transfer": "T-3", "series": name, "key": key, "date": date})
    ledger.end()
    ok(asked(stable, testing) == [2000, 3000], "series: the newest dates", asked(stable, testing))
    db = sqlite3.connect(path("history", "history.sqlite"))
    db.execute("DELETE FROM series WHERE series <> ''")
    db.commit()
    db.close()
    ok(asked(stable) == [0], "a history that was tampered with: the ledger believes it")
    expect(0, "indexed 3 reports", "history", "--rebuild")
    ok(asked(stable, testing) == [2000, 3000], "history --rebuild: as the trail has them", asked(stable, testing))
    for name in os.listdir(path("history")):
        os.unlink(path("history", name))
    expect(0, "T-3", "history")
    ok(asked(stable, testing) == [2000, 3000], "made anew when it is gone", asked(stable, testing))
    db = sqlite3.connect(path("history", "history.sqlite"))
    ok(db.execute("SELECT date FROM series WHERE series = ? AND key = ?", stable).fetchone() == (2000,), "by lazaret history")
    db.close()


if not os.access(LAZARET, os.X_OK):
    print("Bail out! %s is not built" % LAZARET)
    sys.exit(1)
work = tempfile.mkdtemp(prefix="lazaret-records-", dir="/var/tmp")
try:
    os.chmod(work, 0o755)
    db, station = os.path.join(work, "db"), os.path.join(work, "station")
    os.mkdir(db)
    with open(os.path.join(db, "test.hdb"), "w", encoding="ascii") as f:
        f.write(EICAR_MD5)
    status, out, err = run("init", station, "--db", db)
    ok(status == 0, "init", out + err)
    if status == 0:
        before_anything()
        keys()
        report = trail()
        witness()
        history(report)
        series()
finally:
    shutil.rmtree(work)
sys.exit(finish())
