#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret report month: the numbers of a month as one page without script or anything from elsewhere, for readers with and without
eyes; a month in which nothing happened; hostile names (invariant 8); reports that are missing or altered."""
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import page  # noqa: E402
from recorded import DAY, Recorded  # noqa: E402
from tap import finish, ok, skip  # noqa: E402

NOVEMBER = 1761955200  # 2025-11-01 00:00 UTC: never the present month
HOSTILE = "<script>alert(1)</script>&amp;\"'\\x1b[2J"


def engines(days):
    return [{"name": "libclamav", "version": "1", "database_version": "1", "database_time": 0, "database_age_s": days * DAY, "signatures": 5},
            {"name": "libmagic", "version": "5", "database_version": "", "database_time": 0, "database_age_s": 999 * DAY, "signatures": 0}]


def fill(s):
    s.transfer("O-1", [("x", "approved")], started=NOVEMBER - 1)
    s.transfer("T-1", [("a", "approved"), ("b", "blocked"), ("c", "held", "encrypted"), ("d", "blocked")], started=NOVEMBER, engines=engines(2),
               medium={"removable_at": NOVEMBER + 90}, operator=HOSTILE)
    s.transfer("T-2", [], started=NOVEMBER + 10, outcome="aborted", engines=engines(5))
    s.transfer("T-3", [("<b>&", "blocked", "unsafe-name")], started=NOVEMBER + 29 * DAY + 86399, outcome="refused",
               medium={"removable_at": NOVEMBER + 30 * DAY + 7200, "vendor": HOSTILE, "model": "]]>"})
    s.transfer("D-1", [("x", "approved")], started=NOVEMBER + 30 * DAY)
    s.append("device-refused", {"port": "1-2"})


def report(s, *args):
    p = s.run("report", "month", *args, text=False)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def numbers(s):
    status, text, err = report(s, "2025-11")
    shown = page.Page(text)
    ok(status == 0 and not shown.faults(), "a month: no script, nothing from elsewhere, tables with headers, plots with words", (err, shown.faults()))
    days = shown.table("Days")
    ok(days["rows"] == [["2025-11-01", "1", "0", "1", "1", "1", "2", "40", "5 d 0 h", "1 min 30 s"],
                        ["2025-11-30", "0", "1", "0", "0", "0", "1", "10", "-", "2 h 0 min"]], "its days", days["rows"])
    reasons = shown.table("Reasons")
    ok(sorted(r[:2] for r in reasons["rows"]) == [["encrypted", "1"], ["malware", "2"], ["unsafe-name", "1"]], "its reasons", reasons["rows"])
    ok([r for r in shown.table("Times")["rows"] if r[1] != "0"] == [["up to 5 minutes", "1"], ["up to 4 hours", "1"]], "times at the station",
       shown.table("Times"))
    rows = shown.table("Transfers")["rows"]
    ok([r[0] for r in rows] == ["T-3", "T-2", "T-1"], "its transfers, no others", rows)
    ok(rows[2][4] == HOSTILE and HOSTILE in rows[0][3] and "\x1b" not in text, "hostile names are text (invariant 8)", rows)
    ok([p["title"][:9] for p in shown.svgs] == ["Inspectio", "Files by ", "Bytes rea", "Age of th", "Files tha", "Time at t"], "its plots", shown.svgs)
    ok([p["rects"] for p in shown.svgs] == [3, 4, 2, 1, 3, 6], "a bar for each number but 0", shown.svgs)
    ok("3 media were inspected, with 1 files approved, 1 held and 3 blocked; 50 bytes" in shown.text, "the sum", shown.text[:600])
    ok("quay <7> & \"co\"" in shown.title, "the station's name", shown.title)
    colours = re.findall(r"(?:fill|color|stroke|background)[:=]\"?(#[0-9a-f]{3,6})", text)
    poor = {c for c in colours if c not in ("#fff", "#eee") and page.contrast(c) < 4.5}
    ok(len(colours) > 5 and not poor, "colours against white: 4.5 and more", poor)
    ok(page.contrast("#1a1a1a", "#eeeeee") > 7, "and headers against theirs")


def trail_times(s):
    """From plugging in, which the trail has, not from the start of the inspection."""
    s.append("medium-arrived", {"port": "1-1"})
    s.append("inspection-started", {"transfer": "N-1", "port": "1-1"})
    s.append("medium-removed", {"port": "1-1"})
    s.append("inspection-started", {"transfer": "N-2", "port": "1-1"})
    now = next(r for r in records(s) if r["type"] == "medium-arrived")["time"]
    for name in ("N-1", "N-2"):
        s.transfer(name, [], started=now + 100, medium={"removable_at": now + 300})
    ok(s.end() == 0, "the ledger ended well")
    status, text, err = report(s)  # this month, by our clock
    shown = page.Page(text)
    ok(status == 0, "without a month: the present one", err)
    stay = {r[0]: r[9] for r in shown.table("Transfers")["rows"]}
    ok(stay["N-1"] == "5 min 0 s" and stay["N-2"] == "3 min 20 s", "from plugging in, or for lack of that from the start", stay)
    kinds = {r[0]: r[1] for r in shown.table("Records")["rows"]}
    ok(kinds["device-refused"] == "1" and kinds["inspection-started"] == "2" and kinds["report"] == "7", "records of the trail by type", kinds)


def records(s):
    return [json.loads(line) for line in (s.at / "audit" / "audit.jsonl").read_text().splitlines()]


def files(s, work):
    out = work / "november.html"
    status, text, err = report(s, "2025-11", "--out", out)
    ok(status == 0 and not text and "3 media" in err and out.read_text().endswith("</html>\n"), "into a file", err)
    ok(report(s, "2025-11", "--out", work / "no" / "x.html")[0] == 2, "a directory that is not there: told")
    said = page.tidy(out)
    if said is None:
        skip("tidy is content", "tidy is not installed")
    else:
        ok(said == "", "tidy is content", said)
    if not page.browser():
        skip("a real browser shows it", "no chromium is installed")
        return
    picture = work / "november.png"
    dom, said = page.in_browser(out, picture)
    ok(page.Page(dom).table("Days")["rows"][0][0] == "2025-11-01" and not page.Page(dom).bad, "a real browser reads it as we do", said[-2000:])
    ok(picture.exists() and picture.stat().st_size > 20000, "and draws it", said[-2000:])


def empty(s, work):
    status, text, err = report(s, "2025-02")
    shown = page.Page(text)
    ok(status == 0 and "No medium was inspected in this month." in shown.text and not shown.svgs and not shown.faults(), "an empty month", (err, shown.faults()))
    (work / "empty.html").write_text(text)
    ok(page.tidy(work / "empty.html") in (None, ""), "tidy is content with that, too", page.tidy(work / "empty.html"))


def wrong(s):
    for args in (["month", "2026-13"], ["month", "2026"], ["month", "11-2026"], ["month", "2026-1"], ["month", "\x1b[2J"], ["year"], [], ["month", "--out"],
                 ["month", "2025-11", "x"], ["month", "--month", "x"]):
        p = s.run("report", *args)
        ok(p.returncode == 64 and "usage" in p.stderr and "\x1b" not in p.stderr, "refused: report %s" % " ".join(args).replace("\x1b", "ESC"), p.stderr)


def altered(s):
    path = s.at / "reports" / "T-1.json"
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"database_age_s":172800', b'"database_age_s":002800'))
    status, text, err = report(s, "2025-11")
    ok(status == 1 and "T-1: its report is missing" in err and "1 reports are missing" in page.Page(text).text, "an altered report: told, not counted", err)
    path.write_bytes(good)
    ok(report(s, "2025-11")[0] == 0, "and put right")


work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-month.", dir="/var/tmp"))
os.chmod(work, 0o755)
try:
    station = Recorded(work)
    p = station.run("report", "month", "2025-11")
    ok(p.returncode == 0 and "No medium was inspected" in p.stdout and "Nothing was recorded" in p.stdout, "before anything was recorded", p)
    fill(station)
    numbers(station)
    trail_times(station)
    files(station, work)
    empty(station, work)
    wrong(station)
    altered(station)
finally:
    shutil.rmtree(work)
sys.exit(finish())
