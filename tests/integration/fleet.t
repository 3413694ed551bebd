#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Many stations, one record: twenty stations with real trails and a real PostgreSQL. The link is cut at random points, either end is
killed, everything is sent twice, by two at once, by network and by file, out of order; in the end the rows are the trails, line by
line. Then whatever could be missing or altered is, and the centre says so.

BUILD: the build directory. SEED: of what is random (printed)."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import centre  # noqa: E402
from centre import BIN, HOST, Cluster, Station, Wire  # noqa: E402
from tap import BUILD, ROOT, finish, ok, skip  # noqa: E402

STATIONS = 20
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
chance = random.Random(SEED)
work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-fleet."))


def fleet(*args):
    """lazaret-fleet itself, as at the centre."""
    return subprocess.run([str(BIN / "lazaret-fleet"), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


def said(done):
    return "status %d\n%s%s" % (done.returncode, done.stdout, done.stderr)


def waits_until(what, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.02)
    return False


def rows(station, database="centre"):
    return pg.sql("SELECT line FROM lazaret.record WHERE station = '%s' ORDER BY seq" % station.id, database).splitlines()


def difference(station):
    """None: the rows are the trail's lines, and the reports are the kept ones."""
    lines, here = station.lines(), rows(station)
    if lines != here:
        at = next((i for i, (a, b) in enumerate(zip(lines, here)) if a != b), min(len(lines), len(here)))
        return "%s: %d lines, %d rows, differ from %d on" % (station.name, len(lines), len(here), at)
    kept = {p.name[:-5]: hashlib.sha256(p.read_bytes()).hexdigest() for p in (station.at / "reports").glob("*.json")}
    there = {r["transfer"]: r["sum"] for r in pg.json(
        "SELECT transfer, encode(sha256(string_agg(data, '' ORDER BY part)), 'hex') AS sum FROM lazaret.report JOIN lazaret.report_part "
        "USING (station, seq) WHERE station = '%s' GROUP BY transfer" % station.id)}
    return None if kept == there else "%s: reports differ: %s" % (station.name, set(kept.items()) ^ set(there.items()))


def problems(database="centre", station=None):
    """What the database finds: {(station, problem, from, to)}."""
    found = pg.json("SELECT station, problem, from_seq, to_seq FROM lazaret.problems(%s)" % ("'%s'" % station.id if station else "NULL"), database)
    return {(r["station"], r["problem"], r["from_seq"], r["to_seq"]) for r in found}


def check(database="centre", *more):
    """What `lazaret fleet check` finds, as above; its exit status."""
    done = fleet("check", "--json", "--keys", keys, *more, pg.dsn(database))
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return {("no answer", said(done), None, None)}, done.returncode
    return {(p["station"], p["problem"], p["from"], p["to"]) for p in told["problems"]}, done.returncode


def never_silent(found):
    """Of those that have not been heard of yet."""
    return {p for p in found if p[1] != "never-heard"}


# -- before anything is configured -------------------------------------------------------------------------------------------
def alone():
    s = stations[0].some(5)
    done = fleet("-C", s.at, "--once")
    ok(done.returncode == 2 and "nothing connects anywhere" in done.stderr, "invariant 7: without `fleet:` nothing connects", said(done))
    code, told = s.status()
    ok(code == 0 and told["database"] is None and told["behind"] is None, "status: none configured", told)
    ok("nothing connects anywhere" in s.lazaret("fleet", "status").stdout, "status in words")
    for args in ((), ("mend",), ("push", "x"), ("export",), ("status", "12"), ("export", "--out", "x", "--from", "y")):
        done = s.lazaret("fleet", *args)
        ok(done.returncode == 64 and "usage" in done.stderr, "fleet %s: usage" % " ".join(args), said(done))
    for args in (("import", "x"), ("check",), ("check", "a", "b"), ("import", "--json", "x", "y"), ("--twice",)):
        done = fleet(*args)
        ok(done.returncode == 64 and "usage" in done.stderr, "lazaret-fleet %s: usage" % " ".join(args), said(done))
    for words, line in (("must not hold a password", "database: 'host=x dbname=x user=x password=y'"),
                        ("no URI", "database: 'postgresql://x/y'"), ("database", "interval: 5s"), ("interval", "database: x\n  interval: 0s")):
        (s.at / "lazaret.yaml").write_text(s.original + "fleet:\n  %s\n" % line)
        done = fleet("-C", s.at, "--once")
        ok(done.returncode == 2 and words in done.stderr, "refused: %s" % line.splitlines()[-1].strip(), said(done))
    for words, dsn in (("sslmode", "host=x dbname=x user=x sslmode=disable"), ("several", "hostaddr=127.0.0.1,127.0.0.2 dbname=x user=x"),
                       ("no port", "hostaddr=127.0.0.1 port=0 dbname=x user=x"), ("host, dbname and user", "host=localhost"),
                       ("address", "host=no-such-host.invalid dbname=x user=x"), ("missing \"=\"", "host x")):
        s.configure(dsn)
        done = fleet("-C", s.at, "--once")
        ok(done.returncode in (2, 75) and words in done.stderr, "refused: %s" % dsn, said(done))
    s.configure("host=%s hostaddr=127.0.0.1 dbname=x user=x" % HOST)
    done = fleet("-C", s.at, "--once")
    ok(done.returncode == 2 and "'ca' must name" in done.stderr, "TCP without certificates is refused", said(done))


# -- the centre --------------------------------------------------------------------------------------------------------------
def set_up():
    pg.sql("CREATE DATABASE centre", "postgres")
    first, again = (centre.checked(ROOT / "docs/fleet/migrate", pg.dsn()) for _ in range(2))
    ok(first.count("applied") == len(list((ROOT / "docs/fleet").glob("[0-9]*.sql"))) and again == "", "migrations are applied once", first + again)
    for s in stations:
        pg.sql("CREATE ROLE %s LOGIN PASSWORD '%s'; GRANT lazaret_station TO %s; SELECT lazaret.add_station('%s', '%s', '%s', '%s')" %
               (s.login(), s.password(), s.login(), s.id, s.name, s.key, s.login()))
        (keys / (s.id + ".pub")).write_text((s.at / "keys/audit.pub").read_text())
        s.configure(dsn_of(s), ca=pg.tls / "ca.pem")
    pg.sql("CREATE ROLE carrier LOGIN; GRANT lazaret_carrier TO carrier; CREATE ROLE reader LOGIN; GRANT lazaret_reader TO reader")
    ok(problems() == {(s.id, "never-heard", None, None) for s in stations}, "stations that were never heard of are told")


def dsn_of(s, host=HOST, user=None):
    return "host=%s hostaddr=127.0.0.1 port=%d dbname=centre user=%s" % (host, wire.port, user or s.login())


def one_station():
    s = stations[0].some(300)
    code, told = s.status()
    ok(code == 1 and told["behind"] == len(s.lines()) and told["behind_since"] == json.loads(s.lines()[0])["time"],
       "status: behind by all records, since the first one", told)
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None, "a first push: the rows are the trail", said(done) + str(difference(s)))
    code, told = s.status()
    ok(code == 0 and told["behind"] == 0 and told["state"]["error"] is None, "status: nothing waits", told)
    text = s.lazaret("fleet", "status").stdout
    ok("of %d acknowledged" % len(s.lines()) in text and "TCP to" in text, "status in words says so, and what it may reach", text)
    row = pg.json("SELECT * FROM lazaret.record WHERE station = '%s' AND seq = 7" % s.id)[0]
    record = json.loads(row["line"])
    ok(row["body"] == record["body"] and row["hash"] == "\\x" + record["hash"] and row["time"] == record["time"] and row["type"] == record["type"] and
       row["received_by"] == s.login() and row["via"] == "link", "a row has its record's fields, and by whom it came", row)
    ok(never_silent(problems()) == set(), "the centre finds nothing wrong", problems())


def transport():
    s = stations[0]
    for name, database, ca, words in (
            ("a certificate of another authority", dsn_of(s), pg.tls / "other-ca.pem", "certificate verify failed"),
            ("a certificate for another name", dsn_of(s, host="other.test"), pg.tls / "ca.pem", "does not match host name"),
            ("no certificate in the file", dsn_of(s), pg.tls / "san", "root certificate"),
            ("another station's login", dsn_of(s, user=stations[1].login()), pg.tls / "ca.pem", "password")):
        s.configure(database, ca=ca)
        done = s.push()
        ok(done.returncode == 2 and words in done.stderr, "refused: " + name, said(done))
    s.configure(dsn_of(s), ca=pg.tls / "ca.pem")
    code, told = s.status()
    ok(code == 1 and "password" in told["state"]["error"]["text"] and told["state"]["error"]["since"] <= told["state"]["error"]["last"],
       "status: the last error, and since when", told)
    ok(s.push().returncode == 0 and s.status()[0] == 0, "and it is forgotten when it is over")
    pg.sql("ALTER SYSTEM SET ssl = off")
    pg.sql("SELECT pg_reload_conf()")
    waits_until(lambda: pg.sql("SHOW ssl") == "off")
    done = s.push()
    ok(done.returncode == 2 and "does not support SSL" in done.stderr, "a server without TLS is refused", said(done))
    pg.sql("ALTER SYSTEM SET ssl = on")
    pg.sql("SELECT pg_reload_conf()")
    waits_until(lambda: pg.sql("SHOW ssl") == "on")
    # what a station's login may do, whoever has its password
    line = stations[0].lines()[0]
    other = stations[1]
    for name, text in (("another station's records", "SELECT lazaret.put_records('%s', $l$%s$l$, 'link')" % (other.id, line)),
                       ("a station that nobody knows", "SELECT lazaret.put_records('%s', $l$%s$l$, 'link')" % ("0" * 16, line)),
                       ("rows", "DELETE FROM lazaret.record"), ("reading rows", "SELECT * FROM lazaret.record"),
                       ("deciding", "SELECT lazaret.decide('deny', repeat('ab', 32), 'x', 'y')")):
        why = pg.refused(text, s.login())
        ok(why and ("permission denied" in why or "does not speak" in why or "not known" in why), "a station's login: no %s" % name, why)
    why = pg.refused("SELECT lazaret.put_records('%s', $l$%s$l$, 'link')" % (s.id, line.replace('"seq":0', '"seq":9')), s.login())
    ok(why and "not a record" in why, "the centre takes no line whose hash is not its own", why)


# -- cuts ----------------------------------------------------------------------------------------------------------------------
def until_through(s, most=400):
    for attempt in range(most):
        done = s.push()
        if done.returncode == 0:
            return attempt
    return done


def cut_link():
    for s in stations[1:]:
        s.some(chance.randrange(160, 330))
    wire.budget = lambda: chance.choice((chance.randrange(300, 4000),) + 4 * (chance.randrange(20000, 150000),))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        attempts = list(pool.map(until_through, stations[1:]))
    wire.budget = lambda: None
    ok(all(isinstance(a, int) for a in attempts), "every station gets through a link that breaks (%d cuts)" % wire.cuts,
       [said(a) for a in attempts if not isinstance(a, int)][:1])
    ok(wire.cuts >= STATIONS, "it did break", wire.cuts)
    wrong = [d for d in map(difference, stations) if d]
    total = int(pg.sql("SELECT count(*) FROM lazaret.record"))
    ok(not wrong and total >= 4000, "row by row: %d records of %d stations are the trails" % (total, STATIONS), "\n".join(wrong))
    ok(problems() == set(), "the centre finds them complete", problems())
    found, code = check()
    ok(code == 0 and found == set(), "and genuine, with the stations' keys", found)


def kill_ends():
    s = stations[2].some(400)
    running = []

    def kill_station():
        running[-1].kill()
    killed = 0
    wire.at_break, wire.budget = kill_station, lambda: chance.randrange(4000, 60000)
    for _ in range(12):
        running.append(subprocess.Popen([str(BIN / "lazaret-fleet"), "-C", str(s.at), "--once"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        killed += running[-1].wait(120) == -signal.SIGKILL
    wire.at_break, wire.budget = None, lambda: None
    ok(killed >= 1 and s.push().returncode == 0 and difference(s) is None, "lazaret-fleet killed while it sends (%d times): nothing is lost or twice" %
       killed, difference(s))
    s.some(300)
    wire.at_break, wire.budget = pg.kill, lambda: chance.randrange(4000, 60000)
    done = s.push()
    wire.at_break, wire.budget = None, lambda: None
    ok(done.returncode == 2, "the database is killed while it receives: the push fails", said(done))
    done = s.push()
    ok(done.returncode == 2 and s.status()[1]["behind"] > 0, "while it is down, what waits is shown", said(done))
    waits_until(pg_is_gone)
    pg.start()
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None, "after its restart the rest goes through", said(done) + str(difference(s)))


def pg_is_gone():
    """The postmaster's children notice by themselves; the new one refuses to start before."""
    pid = (pg.at / "data" / "postmaster.pid").read_text().splitlines()[0]
    left = [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if b"postgres: " in read_or_none(p) and str(pg.port).encode() in read_or_none(p)]
    return not os.path.exists("/proc/" + pid) and not left


def read_or_none(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


# -- twice, at once, mixed ------------------------------------------------------------------------------------------------------
def replay():
    s = stations[3]
    before = pg.sql("SELECT count(*), max(received_at) FROM lazaret.record")
    for what in ("lost", "damaged", "old"):
        state = s.at / "fleet" / "state.json"
        if what == "lost":
            state.unlink()
        elif what == "damaged":
            state.write_text("{")
        else:
            line = s.lines()[3]
            j = json.loads(state.read_text())
            j["acknowledged"].update(seq=3, hash=json.loads(line)["hash"], offset=sum(len(x.encode()) + 1 for x in s.lines()[:3]))
            state.write_text(json.dumps(j))
        done = s.push()
        ok(done.returncode == 0 and s.state()["acknowledged"]["seq"] == len(s.lines()) - 1, "a position that was %s is found again" % what, said(done))
    text = "\n".join(s.lines())
    again = pg.sql("SELECT * FROM lazaret.put_records('%s', $lines$%s$lines$, 'link')" % (s.id, text))
    ok(again == "0|%d|" % len(s.lines()), "sent again, every record is known", again)
    ok(pg.sql("SELECT count(*), max(received_at) FROM lazaret.record") == before, "and no row has changed")
    pg.copy("older")
    s.some(40)
    ok(s.push().returncode == 0, "records go on")
    pg.sql("ALTER DATABASE centre RENAME TO newer", "postgres")
    pg.sql("ALTER DATABASE older RENAME TO centre", "postgres")
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None, "a centre that was restored from an old copy gets again what it lost", said(done))
    pg.sql("DROP DATABASE newer", "postgres")


def two_at_once():
    s = stations[4].some(500)
    twin = work / "twin"
    shutil.copytree(s.at, twin, symlinks=True)
    wire.budget = lambda: chance.choice((None, chance.randrange(20000, 90000)))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(fleet, "-C", where, "--once") for where in (s.at, twin, s.at, twin) * 3]
        results = [j.result() for j in jobs]
    wire.budget = lambda: None
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None, "two pushers of one station at once: the rows are the trail", difference(s))
    ok(all(r.returncode in (0, 2) for r in results) and not pg.json("SELECT * FROM lazaret.fork"), "neither sees a fork",
       "\n".join(said(r) for r in results if r.returncode not in (0, 2)))


def segments():
    s = stations[5].some(40).close_segment().some(70).close_segment().some(30)
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None, "a trail in several files is one trail", said(done) + str(difference(s)))
    s.some(20).close_segment().some(3)
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None, "closed while nobody looked", said(done) + str(difference(s)))


def torn():
    """What an interrupted write leaves is stepped over when the trail declares it, and waited behind until then."""
    s = stations[6]
    piece = s.lines()[-1][:200]
    at = s.trail.stat().st_size
    with open(s.trail, "a", encoding="utf-8") as f:
        f.write(piece)
    ok(s.push().returncode == 0, "half a line at the end is not there yet")
    lines = s.lines
    s.lines = lambda: [x for x in lines() if x.endswith("}") and x != piece]
    with open(s.trail, "a", encoding="utf-8") as f:
        f.write("\n")
    fragment = (piece + "\n").encode()
    s.make([("torn-tail", {"length": len(fragment), "offset": at, "sha256": hashlib.sha256(fragment).hexdigest()})]).some(5)
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None, "a declared fragment is stepped over", said(done) + str(difference(s)))


# -- files ----------------------------------------------------------------------------------------------------------------------
def export(s, name, *more):
    out = work / name
    done = s.lazaret("fleet", "export", "--out", out, *more)
    return out, done


def carry(*files):
    return fleet("import", "--keys", keys, *files, pg.dsn(user="carrier"))


def files():
    s = stations[7]
    (s.at / "lazaret.yaml").write_text(s.original)  # no network from now on
    base = len(s.lines())
    one, done = export(s, "one.lzf")
    ok(done.returncode == 0 and "records 0 to %d" % (base - 1) in done.stdout, "a first export has everything", said(done))
    index = json.loads(one.read_text().splitlines()[-1])
    ok(index["type"] == "fleet-exported" and index["body"]["last"] == base - 1 and s.lines()[-1] == one.read_text().splitlines()[-1],
       "its last line is the trail's own record of it", index)
    ok("nothing was recorded" in s.lazaret("fleet", "export", "--out", work / "none.lzf").stdout and not (work / "none.lzf").exists(),
       "nothing new: no file")
    done = s.lazaret("fleet", "export", "--out", one, "--from", "0")
    ok(done.returncode == 2 and "File exists" in done.stderr, "no file is replaced", said(done))
    s.some(60)
    two, done = export(s, "two.lzf")
    ok(done.returncode == 0 and "records %d to" % base in done.stdout, "the next one begins where it ended", said(done))
    s.some(50)
    three, done = export(s, "three.lzf")
    start = json.loads(three.read_text().splitlines()[0])["first"]
    code, told = s.status()
    ok(told["exported"] == len(s.lines()) - 2, "status knows up to where", told)
    done = carry(three)
    ok(done.returncode == 0 and "new" in done.stdout, "the third file first", said(done))
    hole = (s.id, "gap", base, start - 1)
    found = problems("centre", s)
    ok(found == {hole} and check("centre", "--station", s.id)[0] == {hole}, "the hole between is told, with its numbers", (found, hole))
    done = carry(two, one)
    exported = s.lines()[-1]
    lines = s.lines
    s.lines = lambda: [x for x in lines() if x != exported]  # the record of the last file comes with the next one
    ok(done.returncode == 0 and "known" in done.stdout and problems("centre", s) == set() and difference(s) is None, "then the others: complete",
       said(done) + str(difference(s)))
    s.lines = lines
    done = carry(one, two, three)
    ok(done.returncode == 0 and done.stdout.count(" 0 new") == 3, "all of them again: nothing new", said(done))
    # by network and by file at once
    s.configure(dsn_of(s), ca=pg.tls / "ca.pem")
    s.some(300)
    four, _ = export(s, "four.lzf")
    s.some(100)
    wire.budget = lambda: chance.choice((None, chance.randrange(5000, 60000)))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(carry, four), pool.submit(s.push), pool.submit(carry, two, four), pool.submit(s.push)]
        results = [j.result() for j in jobs]
    wire.budget = lambda: None
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None and problems("centre", s) == set(), "network and files at once: the rows are the trail",
       said(done) + str(difference(s)) + "\n".join(map(said, results)))
    bad_files(s, two)


def bad_files(s, good):
    data = good.read_bytes()
    middle = data.index(b'"words":', len(data) // 2) + 12
    lines = data.splitlines(keepends=True)
    thief = stations[8]
    stolen, _ = export(thief, "stolen.lzf")
    other = stolen.read_bytes().splitlines(keepends=True)
    cases = (("cut in the middle", data[:len(data) // 2], "cut"), ("without its last line", b"".join(lines[:-1]), "cut"),
             ("without its last byte", data[:-1], "cut"), ("one byte altered", data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:], "altered"),
             ("a line taken out", b"".join(lines[:5] + lines[6:]), "altered"), ("two lines swapped", b"".join(lines[:5] + [lines[6], lines[5]] + lines[7:]),
              "altered"), ("another file's index", b"".join(lines[:-1] + [(work / "one.lzf").read_bytes().splitlines(keepends=True)[-1]]), "altered"),
             ("another station's index", b"".join(lines[:-1] + other[-1:]), "not signed"),
             ("another station's name", data.replace(s.id.encode(), thief.id.encode(), 1), "not signed"),
             ("a station that nobody knows", data.replace(s.id.encode(), b"0" * 16, 1), "no key"), ("an empty file", b"", "no file of"),
             ("something else", b"hello\n" * 100, "no file of"))
    before = pg.sql("SELECT count(*) FROM lazaret.record")
    for name, text, words in cases:
        bad = work / "bad.lzf"
        bad.write_bytes(text)
        done = carry(bad)
        ok(done.returncode == 1 and "refused" in done.stderr and words in done.stderr, "a file: %s" % name, said(done))
    ok(pg.sql("SELECT count(*) FROM lazaret.record") == before, "nothing came of any of them")
    done = carry(work / "missing.lzf")
    ok(done.returncode == 2 and "No such file" in done.stderr, "a file that is not there", said(done))
    done = fleet("import", "--keys", keys, good, pg.dsn(user="reader"))
    ok(done.returncode == 2 and "permission denied" in done.stderr, "a login that may not", said(done))
    done = fleet("import", good, pg.dsn(user="carrier"))
    ok(done.returncode == 0 and "that the database names" in done.stderr, "keys from the database, and it says so", said(done))


# -- stations that are not what they were ------------------------------------------------------------------------------------------
def altered():
    s = stations[9]
    s.some(30)
    good = s.trail.read_text()
    lines = good.splitlines()
    at = len(lines) - 10
    s.trail.write_text("\n".join(lines[:at] + [lines[at].replace('"time":1', '"time":2', 1)] + lines[at + 1:]) + "\n")
    done = s.push()
    ok(done.returncode == 1 and "altered behind record %d" % (at - 1) in done.stderr, "an altered trail is told, with the place", said(done))
    ok(rows(s) == lines[:at], "what stands before it was sent, nothing behind it")
    ok(problems("centre", s) == {(s.id, "station-says", None, None)} and check("centre", "--station", s.id)[1] == 1, "the centre hears of it")
    ok(s.status()[0] == 1 and "altered" in s.status()[1]["trouble"], "status, too")
    s.trail.write_text(good)
    ok(s.push().returncode == 0 and problems("centre", s) == set() and difference(s) is None, "mended from a copy, it goes on")
    kind, body = s.report()
    s.make([(kind, body)])
    kept = s.at / "reports" / (body["transfer"] + ".json")
    text = kept.read_text()
    kept.write_text(text.replace("ACME", "ACNE"))
    done = s.push()
    last = len(s.lines()) - 1
    ok(done.returncode == 1 and "not the recorded one" in done.stderr and {(s.id, "report-missing", last, last), (s.id, "station-says", None, None)} ==
       problems("centre", s), "an altered report is not sent, and missed", said(done))
    kept.unlink()
    ok("missing" in s.push().stderr, "nor is a missing one")
    kept.write_text(text)
    ok(s.push().returncode == 0 and problems("centre", s) == set(), "put back, it goes through")


def cut_and_forked():
    s = stations[10].some(20)
    s.push()
    before, full = rows(s), s.trail.read_text()
    lines = full.splitlines()
    s.trail.write_text("\n".join(lines[:-15]) + "\n")
    done = s.push()
    ok(done.returncode == 1 and "it was cut" in done.stderr, "a trail that was cut is noticed by what the centre has", said(done))
    ok((s.id, "station-says", None, None) in problems("centre", s), "and the centre hears of it")
    s.clock += 1000
    s.make([("explained", {"words": "another past %d" % n}) for n in range(20)])
    done = s.push()
    ok(done.returncode == 1 and "is another one than the centre has" in done.stderr, "records for places that are taken are a fork, and told", said(done))
    ok(rows(s)[:len(before)] == before, "no row was replaced")
    forks = {(f["station"], f["seq"]) for f in pg.json("SELECT station, seq FROM lazaret.fork")}
    ok(forks == {(s.id, n) for n in range(len(lines) - 15, len(lines))}, "each of the others is kept beside", forks)
    first = len(lines)
    expected = {(s.id, "fork", n, n) for n in range(first - 15, first)} | {(s.id, "broken-link", first, first), (s.id, "station-says", None, None)}
    found = problems("centre", s)
    ok(expected <= found and expected <= check("centre", "--station", s.id)[0], "the centre lists them, and where the branches part", expected - found)
    sent = int(pg.sql("SELECT count(*) FROM lazaret.fork"))
    s.make([("explained", {"words": "and on"})])
    done = s.push()
    ok(done.returncode == 1 and "of another trail" in done.stderr and int(pg.sql("SELECT count(*) FROM lazaret.fork")) == sent and rows(s)[-1] == s.lines()[-1],
       "what follows goes on being sent; the branch is not sent again and again", said(done))
    # the same by file
    t = stations[11]
    keep = t.trail.read_text()
    t.trail.write_text("\n".join(keep.splitlines()[:-5]) + "\n")
    t.clock += 5000
    t.make([("explained", {"words": "a branch"})] * 2)
    out, _ = export(t, "branch.lzf", "--from", "0")
    done = carry(out)
    ok(done.returncode == 1 and "forks" in done.stderr and rows(t) == keep.splitlines(), "a file with another branch: kept beside, and told", said(done))
    t.trail.write_text(keep)
    # a trail that was copied to another station's name
    u = stations[12]
    text = u.lines()[30]
    why = pg.sql("SELECT forks FROM lazaret.put_records('%s', $l$%s$l$, 'link')" % (t.id, text))
    ok(why == "30" and (t.id, "fork", 30, 30) in problems("centre", t), "a record of another station has no place here", why)
    for one in (s, t):
        pg.sql("DELETE FROM lazaret.fork WHERE station = '%s'; DELETE FROM lazaret.witness WHERE station = '%s' AND source <> 'report'" % (one.id, one.id))


# -- holes ------------------------------------------------------------------------------------------------------------------------
def holes():
    """Rows that the database's owner takes away or alters: every one is found, and nothing else."""
    clean = stations[13:]
    known = check()[0]
    base = {p for p in known if p[0] in {s.id for s in clean}}
    ok(base == set(), "nothing is wrong with these stations", base)
    pg.copy("holes")
    expected = set()
    for s in clean[:5]:
        count, gone = len(s.lines()), set()
        for _ in range(chance.randrange(3, 8)):
            first = chance.randrange(count)
            gone |= set(range(first, min(count, first + chance.choice((1, 1, 2, 20)))))
        if s is clean[0]:
            gone |= {0}
        if s is clean[1]:
            gone |= {count - 1}
        pg.sql("SET session_replication_role = replica; DELETE FROM lazaret.record WHERE station = '%s' AND seq IN (%s)" %
               (s.id, ",".join(map(str, gone))), "holes")
        for n in sorted(gone):
            if n - 1 not in gone:
                end = n
                while end + 1 in gone:
                    end += 1
                expected.add((s.id, "gap", n, end))
    others = {s.id for s in clean[:5]}
    found = {p for p in problems("holes") if p[0] in others and p[1] == "gap"}
    checked = {p for p in check("holes")[0] if p[0] in others and p[1] == "gap"}
    ok(found == expected and checked == expected, "every hole is found, first and last records included (%d)" % len(expected),
       (sorted(found ^ expected), sorted(checked ^ expected)))
    s, t = clean[5], clean[6]
    report = next(json.loads(x)["seq"] for x in t.lines() if '"type":"report"' in x)
    changes = (("a line", s, "line = replace(line, '\"time\":1', '\"time\":2')", 11, "altered"),
               ("a column", s, "body = '{}'", 12, "altered"), ("the time", s, "time = time + 1", 13, "altered"),
               ("prev", s, "prev = sha256('x')", 14, "broken-link"))
    for name, one, change, seq, kind in changes:
        pg.sql("SET session_replication_role = replica; UPDATE lazaret.record SET %s WHERE station = '%s' AND seq = %d" % (change, one.id, seq), "holes")
        ok((one.id, kind, seq, seq) in problems("holes", one), "altered: %s" % name, problems("holes", one))
    pg.sql("UPDATE lazaret.report_part SET data = overlay(data PLACING '\\x20' FROM 40) WHERE station = '%s' AND seq = %d" % (t.id, report), "holes")
    wanted = (t.id, "report-altered", report, report)
    ok(wanted in problems("holes", t) and wanted in check("holes", "--station", t.id)[0], "altered: a report", problems("holes", t))
    pg.sql("SET session_replication_role = replica; DELETE FROM lazaret.report WHERE station = '%s' AND seq = %d" % (t.id, report), "holes")
    ok((t.id, "report-missing", report, report) in problems("holes", t), "a report taken away")


def forged():
    """Whoever owns the database can make rows that fit together; without the station's key they are found all the same."""
    s = stations[14]
    pg.copy("forged")
    fake = Station(work, 99, SEED)
    fake.id, fake.random, fake.clock = s.id, s.random, s.clock
    fake.make([("explained", {"words": "it was never so"})] * 20)
    pg.sql("SET session_replication_role = replica; DELETE FROM lazaret.record WHERE station = '%s'; DELETE FROM lazaret.witness WHERE station = '%s';"
           "DELETE FROM lazaret.report WHERE station = '%s'; UPDATE lazaret.standing SET head_seq = NULL WHERE station = '%s'" % ((s.id,) * 4), "forged")
    pg.sql("UPDATE lazaret.station SET audit_key = '%s' WHERE station = '%s'; SELECT lazaret.put_records('%s', $l$%s$l$, 'link')" %
           (fake.key, s.id, s.id, "\n".join(fake.lines())), "forged")
    ok(problems("forged", s) == set(), "to the database a trail under another key looks whole", problems("forged", s))
    found = {p[1] for p in check("forged", "--station", s.id)[0]}
    ok({"key", "signature"} <= found, "with the station's own key it is found", found)
    done = fleet("check", "--station", s.id, pg.dsn("forged"))
    ok(done.returncode == 0 and "that the database names" in done.stderr, "with the database's it is not, and the check says whose keys it used", said(done))
    pg.copy("unsigned")  # not the database with the holes: that record may be one of them
    line = s.lines()[5]
    bad = line.replace('"sig":"', '"sig":"AAAA', 1)
    bad = bad[:bad.index('"sig":"') + 7] + "AAAA" + line[line.index('"sig":"') + 11:]
    pg.sql("SET session_replication_role = replica; UPDATE lazaret.record SET line = $l$%s$l$ WHERE station = '%s' AND seq = 5" % (bad, s.id), "unsigned")
    found = check("unsigned", "--station", s.id)[0]
    ok((s.id, "signature", 5, 5) in found, "a signature that is none", found)
    text = fleet("check", "--keys", keys, "--station", s.id, pg.dsn("unsigned")).stdout
    ok("%s signature 5: " % s.id in text and "not complete" in text, "in words", text)
    lone = work / "lone"
    lone.mkdir()
    shutil.copy(keys / (s.id + ".pub"), lone)
    done = fleet("check", "--json", "--keys", lone, pg.dsn())
    told = {p["problem"] for p in json.loads(done.stdout)["problems"] if p["station"] != s.id}
    ok(done.returncode == 1 and "no-key" in told, "a station without a key is told", told)


# -- projection ------------------------------------------------------------------------------------------------------------------
def projection():
    expected = {"transfer": 0, "file": 0, "reason": 0, "signer": 0}
    bytes_of = {}
    for p in [p for s in stations for p in (s.at / "reports").glob("*.json")]:
        report = json.loads(p.read_text())
        expected["transfer"] += 1
        expected["file"] += len(report["files"])
        expected["reason"] += sum(len(f["reasons"]) for f in report["files"])
        expected["signer"] += sum(len(f["signers"]) for f in report["files"])
        for f in report["files"]:
            bytes_of[f["sha256"]] = bytes_of.get(f["sha256"], 0) + 1
    have = {t: int(pg.sql("SELECT count(*) FROM lazaret." + t)) for t in expected}
    ok(have == expected and have["file"] > 100, "reports are laid out in tables: %s" % have, expected)
    seen = {r["s"]: r["n"] for r in pg.json("SELECT encode(sha256, 'hex') AS s, count(*) AS n FROM lazaret.file GROUP BY 1")}
    ok(seen == bytes_of, "where each content was seen is one query")
    one = json.loads(next(p for s in stations for p in (s.at / "reports").glob("*.json") if '"verdict"' in p.read_text()).read_text())
    paths = [r["path"] for r in pg.json("SELECT f.path FROM lazaret.file f JOIN lazaret.transfer t USING (station, seq) WHERE t.transfer = '%s' "
                                        "ORDER BY n" % one["transfer"])]
    ok(paths == [f["path"] for f in one["files"]], "in the report's order, with its names", paths)
    content = "SELECT md5(string_agg(x::text, ',' ORDER BY x::text)) FROM (SELECT %s FROM lazaret.%s x) q(x)"
    before = [pg.sql(content % ("x", t)) for t in expected]
    pg.sql("DELETE FROM lazaret.reason; UPDATE lazaret.file SET path = 'x'")
    counted = int(pg.sql("SELECT lazaret.rebuild()"))
    ok(counted == expected["transfer"] and [pg.sql(content % ("x", t)) for t in expected] == before, "they are made anew from the reports", counted)
    ok(pg.sql("SELECT count(*) FROM lazaret.report WHERE not_projected IS NOT NULL") == "0", "each of them could be")
    s = stations[0]
    large = s.report(files=9000)
    s.make([large])
    done = s.push()
    there = pg.json("SELECT parts, size FROM lazaret.report WHERE transfer = '%s'" % large[1]["transfer"])
    ok(done.returncode == 0 and difference(s) is None and there[0]["parts"] > 1 and
       pg.sql("SELECT count(*) FROM lazaret.file JOIN lazaret.transfer USING (station, seq) WHERE transfer = '%s'" % large[1]["transfer"]) == "9000",
       "a report of 9000 files goes in parts", (said(done), there))


# -- decisions -------------------------------------------------------------------------------------------------------------------
def decisions():
    a, b = stations[15], stations[16]
    evil, mild, odd = (hashlib.sha256(x).hexdigest() for x in (b"evil", b"mild", b"odd"))
    denied, advice = b.at / "fleet" / "denied.sha256", b.at / "fleet" / "advice.json"
    ok(denied.exists() and evil not in denied.read_text(), "the list is there from the first run on")
    pg.sql("SELECT lazaret.decide('deny', '%s', 'ann', E'bad\nline \\x1b[2J')" % evil)
    a.make([("decision", {"id": "1", "decision": "deny", "sha256": odd, "by": "bob", "second": None, "reason": "seen twice", "until": None}),
            ("decision", {"id": "2", "decision": "release", "sha256": [mild], "by": "bob", "second": "cy", "reason": "ours", "until": 4102444800}),
            ("decision", {"id": "3", "decision": "nonsense", "sha256": 7})])
    ok(a.push().returncode == 0 and b.push().returncode == 0, "a station's decisions go to the centre, and come back to another")
    text = denied.read_text()
    ok(evil in text and odd in text and mild not in text and all(len(x) == 1 or x.startswith(("#", evil, odd)) for x in text.splitlines()) and
       "\x1b" not in text, "what is denied is denied here: one clean line each", text)
    told = json.loads(advice.read_text())["decisions"]
    ok([(d["sha256"], d["decision"], d["second"], d["station"]) for d in told] == [(mild, "release", "cy", a.id)], "a release elsewhere is information", told)
    ok("release at %s" % a.id in b.lazaret("fleet", "status", mild).stdout and "deny" in b.lazaret("fleet", "status", evil).stdout and
       "nothing was decided" in b.lazaret("fleet", "status", "ab" * 32).stdout, "an officer can ask about one content")
    why = pg.refused("SELECT lazaret.decide('allow', '%s', 'ann', 'fine')" % evil, centre.OWNER)
    ok(why and "second, different person" in why, "in favour of a content the centre wants two people", why)
    why = pg.refused("SELECT lazaret.decide('allow', '%s', 'ann', 'fine', 'ann')" % evil, centre.OWNER)
    ok(why and "second, different person" in why, "two different ones", why)
    pg.sql("SELECT lazaret.decide('allow', '%s', 'ann', 'fine', 'cy')" % evil)
    stamp = denied.stat().st_mtime_ns
    b.push()
    ok(any(x.startswith(evil) and "taken back" in x for x in denied.read_text().splitlines()), "a deny that was taken back stays denied here, and says so",
       denied.read_text())
    ok(any(d["sha256"] == evil and d["decision"] == "allow" for d in json.loads(advice.read_text())["decisions"]), "the allow is information")
    stamp = denied.stat().st_mtime_ns
    b.push()
    ok(denied.stat().st_mtime_ns == stamp, "an unchanged list is not written again")
    b.configure(dsn_of(b), ca=pg.tls / "ca.pem", extra="  read-back: false\n")
    pg.sql("SELECT lazaret.decide('deny', '%s', 'ann', 'new')" % ("cd" * 32))
    b.push()
    ok("cd" * 32 not in denied.read_text(), "read-back: false: nothing is read")
    b.configure(dsn_of(b), ca=pg.tls / "ca.pem")
    with open(b.at / "lazaret.yaml", "a") as f:
        f.write("hash-list: fleet/denied.sha256\n")
    done = b.lazaret("rules", "check")
    ok(done.returncode == 0, "hash-list can name it", said(done))


# -- the service -------------------------------------------------------------------------------------------------------------------
def service():
    s = stations[17]
    log = open(work / "service.log", "wb")
    running = subprocess.Popen([str(BIN / "lazaret-fleet"), "-C", str(s.at)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    s.some(50)
    ok(waits_until(lambda: difference(s) is None), "the service sends what comes", difference(s))
    confined(running.pid, s)
    wire.is_stalled = True
    s.some(10)
    waits_until(lambda: s.status()[1]["behind"] > 0)
    began = time.monotonic()
    made, done = export(s, "stalled.lzf")
    took = time.monotonic() - began
    ok(done.returncode == 0 and took < 10, "a centre that hangs holds nothing up: the ledger writes (%.1f s)" % took, said(done))
    wire.is_stalled = False
    wire.to = 1  # nobody listens there
    s.some(5)
    ok(waits_until(lambda: s.state()["error"] is not None, 150), "an error is noted")
    since = s.state()["error"]["since"]
    ok(waits_until(lambda: s.state()["error"] and s.state()["error"]["last"] > since), "it is tried again, and known since when", s.state())
    wire.to = pg.port
    ok(waits_until(lambda: difference(s) is None and s.state()["error"] is None), "and goes on when the centre is back", (difference(s), s.state()))
    running.send_signal(signal.SIGTERM)
    ok(running.wait(30) == 0, "it stops when told to")
    log.close()
    text = (work / "service.log").read_text()
    ok(text.count("cannot be reached") <= 3 and "reached again" in text, "trouble is told once, not with every try", text)


def confined(pid, s):
    status = dict(line.split(":", 1) for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines())
    ok(status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1", "the service runs in its sandbox")
    capabilities = int(status["CapEff"], 16)
    ok(capabilities in (0, 1 << 2), "with no capability but reading the ledger's files", status["CapEff"])
    if os.geteuid() != 0:
        skip("its root holds the certificates alone", "needs root to look")
        skip("and it has an account of its own", "needs root")
        return
    ok(sorted(os.listdir("/proc/%d/root" % pid)) == ["ca.pem"], "its root holds the certificates alone", os.listdir("/proc/%d/root" % pid))
    import pwd
    account = pwd.getpwnam("_lazaret-fleet").pw_uid
    ok(int(status["Uid"].split()[0]) == account and os.stat(s.at / "fleet").st_uid == account, "and it has an account of its own")


def by_socket():
    """A database on the same machine: its Unix socket, and no network at all."""
    s = stations[18].some(40)
    s.configure("host=%s port=%d dbname=centre user=%s" % (pg.at, pg.port, s.login()))
    done = s.push()
    ok(done.returncode == 0 and difference(s) is None and "one Unix socket" in s.state()["network"], "through a Unix socket, without a network", said(done))


def all_of_it():
    stations[8].push()  # its trail told of a file meanwhile
    left = {p for p in problems() if p[1] not in ("broken-link", "station-says")}
    wrong = [d for s in stations if s is not stations[10] for d in [difference(s)] if d]
    total = int(pg.sql("SELECT count(*) FROM lazaret.record"))
    ok(not left and len(wrong) == 0, "in the end: %d records of %d stations, line by line" % (total, STATIONS), (left, wrong))
    overview = pg.json("SELECT * FROM lazaret.overview")
    ok(len(overview) == STATIONS and sum(o["behind"] or 0 for o in overview) == 0, "the overview shows nobody behind",
       [o for o in overview if o["behind"]])


def main():
    global stations, pg, wire, keys
    needs = centre.missing()
    if needs:
        skip("many stations, one record", "needs " + ", ".join(needs))
        return finish()
    print("# SEED=%d" % SEED, flush=True)
    os.chmod(work, 0o755)
    keys = work / "keys"
    keys.mkdir()
    pg = Cluster(work)
    try:
        pg.start()
        wire = Wire(pg.port)
        stations = [Station(work, n, SEED + n) for n in range(STATIONS)]
        for test in (alone, set_up, one_station, transport, cut_link, kill_ends, replay, two_at_once, segments, torn, files, altered,
                     cut_and_forked, holes, forged, projection, decisions, service, by_socket, all_of_it):
            began = time.monotonic()
            test()
            print("# %s: %.1f s" % (test.__name__, time.monotonic() - began), flush=True)
    finally:
        pg.stop()
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
