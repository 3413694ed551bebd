#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret history: marks by which transfers and files are found, alone and together; JSON and CSV; names that would be formulas,
lines or terminal codes (invariant 8)."""
import csv
import io
import json
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from recorded import DAY, NOVEMBER, Recorded  # noqa: E402
from tap import finish, ok  # noqa: E402

HOSTILE = ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(1+1)", "'=1", "a,b", 'q"uote', "\uff1d1", " led", "\\x1b]0;x\\x07.txt", "\\x09=1", "\\x0d=1",
           "\\x0a=1", "plain.txt", "caf\u00e9"]


def fill(s):
    s.append("inspection-started", {"transfer": "T-1"})
    s.transfer("T-1", [("a.txt", "approved"), ("b.txt", "blocked"), ("c.zip", "held", "encrypted")], started=NOVEMBER + 5,
               operator="jo", reason="spares")
    s.transfer("T-2", [("a.txt", "approved")], started=NOVEMBER + 2 * DAY, operator="Ann 100%", medium={"kind": "optical", "vendor": "",
               "model": "Disc", "serial": "XY_9"})
    s.transfer("T-3", [], started=NOVEMBER + 3 * DAY - 1, outcome="aborted", operator="jo")
    s.transfer("T-4", [(n, "blocked", "unsafe-name") for n in HOSTILE], started=NOVEMBER + 3 * DAY, outcome="refused",
               operator="=HYPERLINK(\"http://x\")", reason="-", medium={"serial": "@1"})


def names(s, *args):
    p = s.run("--json", "history", *args)
    if p.returncode != 0:
        raise RuntimeError(p.stderr)
    return [json.loads(line).get("path", json.loads(line)["transfer"]) for line in p.stdout.splitlines()]


def marks(s):
    for want, args in [
            (["T-4", "T-3", "T-2", "T-1"], []),
            (["T-4", "T-3", "T-2"], ["--from", "2026-11-03"]),
            (["T-3", "T-2"], ["--from", "2026-11-03", "--to", "2026-11-03"]),
            (["T-1"], ["--to", "2026-11-01"]),
            ([], ["--from", "2027-01-01"]),
            (["T-3"], ["--outcome", "aborted"]),
            (["T-2", "T-1"], ["--verdict", "approved"]),
            (["T-1"], ["--verdict", "held"]),
            (["T-4", "T-1"], ["--verdict", "blocked"]),
            (["T-3", "T-1"], ["--operator", "JO"]),
            (["T-2"], ["--operator", "0%"]),
            ([], ["--operator", "n_1"]),
            (["T-2"], ["--medium", "disc"]),
            (["T-2"], ["--medium", "xy_"]),
            (["T-1"], ["--code", "encrypted"]),
            ([], ["--code", "encrypted", "--verdict", "blocked"]),  # each occurs in T-1, but not of one file
            (["T-1"], ["--code", "malware", "--verdict", "blocked", "--operator", "jo", "--to", "2026-11-02", "--medium", "acme"]),
            ([], ["--code", "malware", "--operator", "ann"]),
            (["T-4"], ["-n", "1"]),
            (["b.txt", "c.zip", "a.txt"], ["--files", "--operator", "jo"]),
            (["b.txt"], ["--files", "--code", "malware"]),
            (["a.txt", "a.txt"], ["--verdict", "approved", "a.t"]),
            (["a.txt"], ["--from", "2026-11-02", "--verdict", "approved", "%064x" % 0]),
            ([], ["--operator", "' OR 1=1 --"])]:
        got = names(s, *args)
        ok(got == want, "history %s" % " ".join(args), "%s instead of %s" % (got, want))


def wrong(s):
    for words, args in [("not a day", ["--from", "2026-02-30"]), ("not a day", ["--to", "1.11.2026"]), ("not a day", ["--to", ""]),
                        ("must be published", ["--outcome", "fine"]), ("must be approved", ["--verdict", "clean"]),
                        ("no such reason", ["--code", "virus"]), ("no day is in between", ["--from", "2026-11-03", "--to", "2026-11-02"]),
                        ("one of them", ["--json", "--csv"]), ("has no reason", ["--code", "malware", "--verdict", "approved"]),
                        ("makes the index", ["--rebuild", "--csv"]),
                        ("usage", ["-n", "x"]), ("usage", ["--form", "x"]), ("usage", ["x", "y"]), ("not a day", ["--from", "\x1b[2J"])]:
        p = s.run("history", *args)
        ok(p.returncode == 64 and words in p.stderr and "\x1b" not in p.stderr and not p.stdout, "refused: history %s" % " ".join(args).replace(
            "\x1b", "ESC"), "%d %s" % (p.returncode, p.stderr))


def as_json(s):
    rows = [json.loads(line) for line in s.run("history", "--json").stdout.splitlines()]
    ok(set(rows[0]) == {"transfer", "outcome", "operator", "reason", "medium", "serial", "started", "finished", "files", "bytes", "approved",
                        "held", "blocked", "seq", "report_sha256"}, "JSON: the fields of a transfer", rows[0])
    ok(rows[-1]["reason"] == "spares" and rows[-1]["medium"] == "device ACME Stick" and rows[-1]["held"] == 1, "and what is in them", rows[-1])
    files = [json.loads(line) for line in s.run("history", "--json", "--files").stdout.splitlines()]
    ok(set(files[0]) == {"transfer", "path", "verdict", "code", "rule", "sha256", "size", "started"}, "JSON: the fields of a file", files[0])
    ok([f["path"] for f in files if f["transfer"] == "T-4"] == HOSTILE, "every name as the report has it", files)
    ok(next(f for f in files if f["verdict"] == "approved")["code"] is None, "no code where nothing was found", files)


def plain(cell):
    return cell[1:] if cell.startswith("'") else cell


def as_csv(s):
    raw = s.run("history", "--csv", text=False).stdout
    ok(raw.endswith(b"\r\n") and raw.count(b"\r\n") == 5 and raw.replace(b"\r\n", b"").count(b"\n") == 0, "CSV: lines end with CRLF", raw)
    rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    ok([r["transfer"] for r in rows] == ["T-4", "T-3", "T-2", "T-1"] and rows[3]["started"] == "2026-11-01T00:00:05Z" and rows[3]["files"] == "3",
       "CSV: rows and times", rows)
    ok(rows[0]["operator"] == "'=HYPERLINK(\"http://x\")" and rows[0]["reason"] == "'-" and rows[0]["serial"] == "'@1",
       "cells that would be formulas have an apostrophe", rows[0])
    raw = s.run("history", "--csv", "--files", "--code", "unsafe-name", text=False).stdout.decode()
    rows = list(csv.DictReader(io.StringIO(raw, newline="")))
    ok([plain(r["path"]) for r in rows] == HOSTILE, "CSV: one apostrophe taken away, every name as the report has it", rows)
    ok(not [r for r in rows for c in r.values() if c[:1] and (c[0] in "=+-@\t\r\n" or c[0] == "\uff1d")], "no cell begins as a formula does", rows)
    ok(not [c for c in raw.replace("\r\n", "") if c < " " or c == "\x7f"], "no control character but line ends (invariant 8)", raw)
    ok(s.run("history", "--csv", "--from", "2027-01-01").stdout.count("\n") == 1, "CSV of nothing: the head")


def for_people(s):
    p = s.run("history", "--files", "--outcome", "refused")
    ok("\x1b" not in p.stdout and "\\x1b]0;x\\x07.txt" in p.stdout and len(p.stdout.splitlines()) == len(HOSTILE),
       "for people: one line a file, escaped once (invariant 8)", p.stdout)


work = tempfile.mkdtemp(prefix="lazaret-history.", dir="/var/tmp")
os.chmod(work, 0o755)
try:
    station = Recorded(work)
    p = station.run("history", "--csv")
    ok(p.returncode == 0 and p.stdout.startswith("transfer,started"), "before anything was recorded: the head", p)
    fill(station)
    ok(station.end() == 0, "the ledger ended well")
    for test in (marks, wrong, as_json, as_csv, for_people):
        test(station)
finally:
    shutil.rmtree(work)
sys.exit(finish())
