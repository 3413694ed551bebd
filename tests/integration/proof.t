#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What proves an audit trail to others: witnesses, segments, exports and lazaret-verify --audit (invariant 6, issue 6 point 4).

BUILD: the build directory (default build).
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from ledger import BIN, Ledger, canonical, put_str  # noqa: E402
from tap import finish, ok, skip  # noqa: E402

EICAR_MD5 = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n"


def run(program, *args, **kw):
    p = subprocess.run([os.path.join(BIN, program), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                       timeout=120, **kw)
    return p.returncode, p.stdout.decode("utf-8", "backslashreplace"), p.stderr.decode("utf-8", "backslashreplace")


def told(status, words, result, what):
    s, out, err = result
    ok(s == status and re.search(words, out + err), "%s: %d, %s" % (what, status, words), "status %d\n%s%s" % (s, out, err))
    return out


class Station:
    def __init__(self, name, records=""):
        self.at, self.name = os.path.join(work, name), name
        status, out, err = run("lazaret", "init", self.at, "--db", db)
        if status != 0:
            raise RuntimeError(out + err)
        with open(self.path("lazaret.yaml"), "a", encoding="utf-8") as f:
            f.write(records)
        with open(self.path("keys", "audit.pub"), encoding="ascii") as f:
            self.key = f.read()
        self.pub = self.path("keys", "audit.pub")

    def path(self, *names):
        return os.path.join(self.at, *names)

    def run(self, *args, **kw):
        return run("lazaret", "-C", self.at, *args, **kw)

    def expect(self, status, words, *args):
        return told(status, words, self.run(*args), self.name + ": " + " ".join(os.path.basename(a) for a in args))

    def verify(self, status, words, *args):
        return told(status, words, run("lazaret-verify", "--audit", "--key", self.pub, *args),
                    "lazaret-verify " + " ".join(os.path.basename(a) for a in args))

    def trail(self):
        with open(self.path("audit", "audit.jsonl"), "rb") as f:
            return f.read()

    def records(self):
        """Of all files; one that is the open one, too, is looked at once."""
        lines, last = [], self.path("audit", "audit.jsonl")
        for name in [n for n in closed(self) if not os.path.samefile(self.path("audit", n), last)] + ["audit.jsonl"]:
            with open(self.path("audit", name), "rb") as f:
                lines += f.read().splitlines()
        return [json.loads(line) for line in lines]

    def put_trail(self, data):
        """In place: its owner stays."""
        with open(self.path("audit", "audit.jsonl"), "r+b") as f:
            f.truncate(0)
            f.write(data)


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


def get(path):
    with open(path, "rb") as f:
        return f.read()


# -- witnesses ---------------------------------------------------------------------------------------------------------
def witnesses():
    s = Station("witness")
    own = s.path("history", "audit.witness")
    ledger = Ledger(s.at, witness=own)
    place = ledger.append("inspection-started", {"transfer": "T-1"})
    ok(not os.path.exists(own), "no witness before the first report")
    ledger.report("T-1", [("a.txt", "approved")], place)
    ledger.end()
    first = json.loads(get(own))
    last = s.records()[-1]
    ok(last["type"] == "report" and (first["seq"], first["hash"]) == (last["seq"], last["hash"]), "the witness knows the report's record", first)
    ok(first["format"] == "lazaret.witness/1" and first["public_key"] == s.key.splitlines()[1] and first["station"] == "quay 7",
       "and says whose trail it is", first)
    content = {k: v for k, v in first.items() if k != "sig"}
    ok(get(own) == (canonical(first) + "\n").encode() and len(hashlib.sha256(canonical(content).encode()).digest()) == 32,
       "in canonical form")
    elsewhere = os.path.join(work, "elsewhere.witness")
    s.expect(0, "", "audit", "witness", "--out", elsewhere)
    ok(json.loads(s.run("audit", "witness")[1])["seq"] == 2, "audit witness, on standard output")
    s.expect(64, "takes no argument", "audit", "witness", "x")
    s.expect(2, "No such file", "audit", "witness", "--out", os.path.join(work, "nowhere", "w"))
    s.expect(0, "^ok: 3 records", "audit", "verify", "--witness", elsewhere, "--witness", own)

    good = s.trail()
    report = get(s.path("reports", "T-1.json"))
    s.put_trail(b"".join(good.splitlines(keepends=True)[:2]))
    os.unlink(s.path("reports", "T-1.json"))
    s.expect(1, "elsewhere.witness: at .* record 2 .* its end was cut off", "audit", "verify", "--witness", elsewhere)
    s.expect(1, "audit.witness: at ", "audit", "verify")
    s.expect(2, "shorter than its own witness", "audit", "witness")
    s.expect(2, "nothing was changed.*shorter than its own witness", "audit", "export", "--out", os.path.join(work, "none"))
    told(2, "shorter than its own witness", s.run("inspect", s.path("trust")), "a station whose trail was cut: inspect")
    ok(len(s.trail().splitlines()) == 2, "nothing was appended to it")
    os.rename(own, own + ".kept")  # the way out that lazaret-audit(5) describes
    s.expect(0, "", "audit", "witness")
    s.expect(1, "elsewhere", "audit", "verify", "--witness", elsewhere)
    os.rename(own + ".kept", own)
    os.unlink(s.path("audit", "audit.jsonl"))
    s.expect(2, "missing, but there is a witness", "audit", "witness")
    ledger_dir = os.path.join(work, "other-trail")
    shutil.copytree(s.at, ledger_dir, symlinks=True)
    put(s.path("audit", "audit.jsonl"), good)
    put(s.path("reports", "T-1.json"), report)
    shutil.copystat(s.path("audit"), s.path("audit", "audit.jsonl"))
    subprocess.run(["chown", "--reference", s.path("audit"), s.path("audit", "audit.jsonl"), s.path("reports", "T-1.json")], check=False)
    os.chmod(s.path("audit", "audit.jsonl"), 0o640)
    s.expect(0, "^ok: 3 records", "audit", "verify")
    text = get(own)
    for what, altered in (("another number", text.replace(b'"seq":2', b'"seq":1')), ("another hash", text.replace(first["hash"].encode(), b"0" * 64)),
                          ("another station", text.replace(b"quay 7", b"quay 8")), ("no words", b""), ("half of it", text[:80])):
        with open(own, "r+b") as f:
            f.truncate(0)
            f.write(altered)
        s.expect(2, "witness .* was altered, or is of another station", "audit", "witness")
        s.expect(1, "audit.witness: ", "audit", "verify")
    with open(own, "r+b") as f:
        f.truncate(0)
        f.write(text)
    s.expect(0, "", "audit", "witness")

    # a trail of the same length that is another one: the key was stolen, or the station was set up twice
    other = Station("twice")
    for name in ("audit.key", "audit.pub"):
        shutil.copyfile(s.path("keys", name), other.path("keys", name))
    ledger = Ledger(other.at)
    for n in range(5):
        ledger.append("inspection-started", {"n": n})
    ledger.end()
    os.unlink(own)
    shutil.copyfile(elsewhere, other.path("history", "audit.witness"))
    subprocess.run(["chown", "--reference", other.path("audit"), other.path("history", "audit.witness")], check=False)
    other.expect(2, "not the trail that its own witness knows", "audit", "witness")
    other.expect(1, "it is another trail", "audit", "verify")


def witness_places():
    s = Station("inside", "records:\n  witness: audit/w\n")
    s.expect(2, "witness: must lie outside", "audit", "witness")
    s = Station("far", "records:\n  witness: %s/disk/far.witness\n" % work)
    s.expect(2, "records.witness.*No such file", "audit", "witness")
    told(2, "records.witness.*No such file", s.run("inspect", s.path("trust")), "without the witness' disk: inspect")
    os.mkdir(os.path.join(work, "disk"))
    if os.geteuid() == 0:
        told(2, "records.witness.* cannot be written by the ledger: .chown _lazaret-ledger", s.run("inspect", s.path("trust")),
             "a witness' directory of another account: told before anything is inspected")
    subprocess.run(["chown", "--reference", s.path("audit"), os.path.join(work, "disk")], check=False)
    status, _, err = s.run("inspect", s.path("trust"))
    far = os.path.join(work, "disk", "far.witness")
    ok(status in (0, 1) and json.loads(get(far))["seq"] == s.records()[-1]["seq"], "an inspection leaves a witness of its report", err)
    ok(json.loads(get(far))["station"] == re.search(r"id: '([0-9a-f]{16})'", get(s.path("lazaret.yaml")).decode())[1], "with the station's id")
    trail = s.path("audit", "audit.jsonl")
    whole = get(trail)
    with open(trail, "wb") as f:
        f.write(whole[:whole.rindex(b"\n", 0, -1) + 1])
    s.expect(2, "shorter than its own witness", "review", "proposals")  # decisions went past a witness that is not where it is by default
    with open(trail, "wb") as f:
        f.write(whole)
    if os.geteuid() == 0 and subprocess.run(["mount", "--bind", "-o", "ro", os.path.dirname(far), os.path.dirname(far)], check=False).returncode == 0:
        try:  # as ProtectSystem=strict makes it
            s.expect(2, "records.witness.*cannot be written here.*ReadWritePaths=.*/disk in a drop-in", "audit", "witness")
        finally:
            subprocess.run(["umount", os.path.dirname(far)], check=True)
    s = Station("none", "records:\n  witness: none\n")
    s.run("inspect", s.path("trust"))
    ok(not os.path.exists(s.path("history", "audit.witness")) and s.records()[-1]["type"] == "report", "witness: none")


# -- segments ----------------------------------------------------------------------------------------------------------
def closed(s):
    return sorted(n for n in os.listdir(s.path("audit")) if n.startswith("audit-"))


def segments():
    s = Station("segments", "records:\n  segment: 8KiB\n")
    ledger = Ledger(s.at, segment=8192)
    series = {"transfer": "T-1", "series": "debian A/A/stable/x", "key": "archive", "date": 2000}
    first = ledger.append("series-seen", series)
    ledger.report("T-1", [("a.txt", "approved")], first)
    for n in range(60):
        ledger.append("inspection-started", {"n": n, "words": "x" * 100})
    ok(len(closed(s)) >= 3, "closed segments", closed(s))
    previous = hashlib.sha256(get(s.path("reports", "T-1.json"))).hexdigest()
    ledger.report("T-2", [("b.txt", "approved")], ledger.append("inspection-started", {"transfer": "T-2"}))
    ok(json.loads(get(s.path("reports", "T-2.json")))["previous"] == previous, "the last report is found in a closed segment")
    ledger.end()
    shown = json.loads(s.run("--json", "audit", "verify")[1])
    ok(shown["ok"] and shown["segments"] == len(closed(s)) + 1 and shown["records"] == len(s.records()), "audit verify over all", shown)
    s.expect(0, "^ok: ", "audit", "verify", "--every-signature")
    record = [r for r in s.records() if r["type"] == "segment"][0]
    before = record["body"]["previous"]
    data = get(s.path("audit", before["file"]))
    end = json.loads(data.splitlines()[-1])
    ok(record["body"]["first_seq"] == record["seq"] and before["file"] == "audit-0000000000.jsonl" and before["size"] == len(data) and
       before["sha256"] == hashlib.sha256(data).hexdigest() and (before["seq"], before["hash"]) == (end["seq"], end["hash"]),
       "a segment's first record names the one before it", record)
    ok(len(s.run("audit", "show", "-n", "1000")[1].splitlines()) == len(s.records()), "audit show: all segments")
    told(0, "indexed 2 reports", s.run("history", "--rebuild"), "history --rebuild: all segments")
    told(0, "a.txt", s.run("show", "T-1"), "show: a report of a closed segment")
    for name in os.listdir(s.path("history")):
        os.unlink(s.path("history", name))
    ledger = Ledger(s.at, segment=8192)
    ok(ledger.series("debian A/A/stable/x", "archive") == 2000, "series of a closed segment")
    ledger.end()

    os.rename(s.path("audit", closed(s)[1]), os.path.join(work, "kept"))
    s.expect(1, r"audit-\d+.jsonl:1: .*one is missing", "audit", "verify")
    os.rename(os.path.join(work, "kept"), s.path("audit", "audit-%010d.jsonl" % json.loads(get(os.path.join(work, "kept")).splitlines()[0])["seq"]))
    s.expect(0, "^ok: ", "audit", "verify")
    os.rename(s.path("audit", "audit.jsonl"), os.path.join(work, "kept"))
    s.expect(2, "missing", "audit", "verify")
    s.expect(2, "last file is missing, but there are closed segments|reports that it should tell of", "audit", "witness")
    os.rename(os.path.join(work, "kept"), s.path("audit", "audit.jsonl"))
    s.expect(0, "^ok: ", "audit", "verify")
    return s


def torn_changes(s):
    """The power went at each point of a change of segments."""
    count = len(closed(s))
    own = s.path("audit", "audit.jsonl")
    put(own + ".new", b'{"body":{"first')
    subprocess.run(["chown", "--reference", s.path("audit"), own + ".new"], check=False)
    s.expect(0, "^ok: ", "audit", "verify")
    first = json.loads(get(own).splitlines()[0])["seq"]
    os.link(own, s.path("audit", "audit-%010d.jsonl" % first))  # the second name is there, the new file is not in place
    s.expect(0, "^ok: %d records" % len(s.records()), "audit", "verify")
    ledger = Ledger(s.at, segment=8192)
    for n in range(40):
        ledger.append("inspection-started", {"n": n, "words": "y" * 100})
    ledger.end()
    ok(len(closed(s)) > count + 1, "and the trail goes on, in new segments", closed(s))
    s.expect(0, "^ok: ", "audit", "verify")
    os.link(own, s.path("audit", "audit-%010d.jsonl" % json.loads(get(own).splitlines()[0])["seq"]))
    ledger = Ledger(s.at)  # one that closes nothing
    ledger.append("inspection-started", {})
    ledger.end()
    s.expect(0, "^ok: ", "audit", "verify")


def changes_that_are_killed():
    """lazaret-ledger killed while it changes segments, wherever it is just then."""
    s = Station("killed")
    for n in range(25):
        ledger = Ledger(s.at, segment=4096)
        for k in range(n % 9 + 4):
            ledger.append("inspection-started", {"n": n, "words": "z" * 200})
        ledger.send("LEDGER_APPEND", put_str("inspection-started") + put_str(json.dumps({"words": "z" * 3000})))
        ledger.process.kill()
        ledger.process.wait()
        ledger.sock.close()
    ledger = Ledger(s.at, segment=4096)
    ledger.append("inspection-started", {})
    ledger.end()
    ok(len(closed(s)) > 5, "killed %d times, %d segments" % (25, len(closed(s))))
    s.expect(0, "^ok: ", "audit", "verify")
    s.expect(0, "^ok: ", "audit", "verify", "--every-signature")


# -- exports -----------------------------------------------------------------------------------------------------------
def exports(s):
    out = [os.path.join(work, n) for n in ("one", "two.tar", "three")]
    s.expect(64, "--out", "audit", "export")
    s.expect(64, "not a record's number", "audit", "export", "--from", "yesterday", "--out", out[0])
    s.expect(2, "no record of the trail is in this range", "audit", "export", "--from", "100000", "--out", out[0])
    ok(not os.path.exists(out[0]), "and nothing was made")
    s.expect(0, "records 0 to 29, 1 reports; the next export begins with --from 30", "audit", "export", "--to", "29", "--out", out[0], "--by",
             "ann\x1b")
    ok(sorted(os.listdir(out[0])) == ["audit.pub", "audit.witness", "index.json", "index.json.minisig", "records.jsonl", "reports"] and
       os.listdir(os.path.join(out[0], "reports")) == ["T-1.json"], "what is in it", os.listdir(out[0]))
    noted = s.records()[-1]
    ok(noted["type"] == "exported" and noted["body"]["by"] == "ann\\x1b" and noted["body"]["last_seq"] == 29 and
       noted["body"]["sha256"] == hashlib.sha256(get(os.path.join(out[0], "index.json"))).hexdigest(), "the trail tells of it", noted)
    last = len(s.records()) - 1
    s.expect(0, "records 30 to %d, 1 reports" % last, "audit", "export", "--from", "30", "--out", out[1])
    s.expect(0, "records %d to %d, 0 reports" % (last + 1, last + 1), "audit", "export", "--from", str(last + 1), "--out", out[2])
    s.expect(2, "is there already", "audit", "export", "--out", out[1])
    subprocess.run(["minisign", "-V", "-q", "-p", s.pub, "-m", os.path.join(out[0], "index.json")], check=True)
    ok(True, "stock minisign verifies the index")
    with tarfile.open(out[1]) as t:
        ok(t.getnames()[:5] == ["index.json", "index.json.minisig", "audit.pub", "audit.witness", "records.jsonl"], "stock tar reads it", t.getnames())

    s.verify(0, "ok: records 0 to 29 .*1 reports", out[0])
    s.verify(0, "begins with record 30: whether anything is missing", out[1])
    s.verify(0, "ok: records 30 to", "--after", out[0], out[1])
    s.verify(0, "ok: records %d" % (last + 1), *out)
    s.verify(1, "records between it and this export are missing", "--after", out[0], out[2])
    s.verify(1, "between it and this export", out[0], out[2])
    s.verify(1, "this export ends before it", "--after", out[1], out[0])
    witness = os.path.join(work, "mid.witness")
    s.expect(0, "", "audit", "witness", "--out", witness)
    s.verify(1, "this export ends before it", "--witness", witness, out[2])
    s.verify(0, "ok", "--witness", os.path.join(out[0], "audit.witness"), "--after", out[0], out[1])
    s.verify(64, "usage")
    told(64, "usage", run("lazaret-verify", "--after", out[0], out[1]), "--after without --audit")
    other = Station("stranger")
    told(1, "not among the keys given", run("lazaret-verify", "--audit", "--key", other.pub, out[0]), "another station's key")
    Ledger(other.at).end()
    foreign = os.path.join(work, "foreign")
    other.expect(0, "records 0 to 0", "audit", "export", "--out", foreign)
    told(1, "of another station than the export before it",
         run("lazaret-verify", "--audit", "--key", other.pub, "--key", s.pub, "--after", foreign, out[1]), "an export after another station's")
    s.verify(1, "another station, or was made with another key", "--witness", os.path.join(foreign, "audit.witness"), out[0])

    times = [r["time"] for r in s.records()]
    day = subprocess.run(["date", "-u", "-d", "@%d" % times[0], "+%F"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    s.expect(0, "records 0 to", "audit", "export", "--from", day, "--to", "2999-01-01", "--out", os.path.join(work, "days"))
    s.expect(2, "no record", "audit", "export", "--to", "1999-12-31T23:59:59Z", "--out", os.path.join(work, "past"))
    shown = json.loads(s.run("--json", "audit", "export", "--from", "3", "--to", "5", "--out", os.path.join(work, "json.tar"))[1])
    ok(shown == {"first_seq": 3, "last_seq": 5, "records": 3, "reports": 0, "missing": 0}, "audit export --json", shown)
    s.verify(0, "ok: records 3 to 5", os.path.join(work, "json.tar"))
    return out


def altered_exports(s, out):
    copy = os.path.join(work, "copy")
    tried = missed = 0

    def look(path):
        nonlocal tried, missed
        tried += 1
        status, _, err = run("lazaret-verify", "--audit", "--key", s.pub, path)
        if status != 1 or not err:
            missed += 1
            print("# not found: %s" % what)

    shutil.copytree(out[0], copy)
    names = [os.path.join(d, n) for d, _, files in os.walk(copy) for n in files]
    for name in names:
        data = get(name)
        for at in sorted({0, 1, len(data) // 3, len(data) // 2, len(data) - 2, len(data) - 1}):
            what = "%s: byte %d" % (name, at)
            put(name, data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            if name.endswith(".minisig") and at < data.index(b"\n"):
                continue  # the untrusted comment is signed by nobody
            look(copy)
        for what, altered in (("cut", data[:-1]), ("longer", data + b"\n"), ("empty", b"")):
            what = "%s: %s" % (name, what)
            if name.endswith(".minisig") and altered == data[:-1]:
                continue  # a last line needs no newline
            put(name, altered)
            look(copy)
        os.unlink(name)
        what = name + ": missing"
        look(copy)
        os.symlink(os.path.join(out[0], os.path.relpath(name, copy)), name)
        what = name + ": a link"
        look(copy)
        os.unlink(name)
        put(name, data)
    put(os.path.join(copy, "reports", "T-9.json"), b"{}")
    what = "one more report"
    look(copy)
    os.unlink(os.path.join(copy, "reports", "T-9.json"))
    put(os.path.join(copy, ".hidden"), b"")
    what = "a hidden file"
    look(copy)
    os.unlink(os.path.join(copy, ".hidden"))
    s.verify(0, "ok", copy)
    for name in ("index.json", "index.json.minisig"):
        shutil.copyfile(os.path.join(out[2], name), os.path.join(copy, name))
    what = "the index of another export"
    look(copy)

    data = get(out[1])
    archive = os.path.join(work, "copy.tar")
    with tarfile.open(out[1]) as t:
        heads = [m.offset for m in t.getmembers()]
        ends = [m.offset_data + m.size for m in t.getmembers()]
    padding = set()
    for end in ends:
        padding.update(range(end, (end + 511) // 512 * 512))
    tail = (ends[-1] + 511) // 512 * 512
    comment = data.index(b"untrusted comment:")
    harmless = padding | set(range(comment, data.index(b"\n", comment)))
    positions = set(range(0, tail, 211)) | {h + n for h in heads for n in (0, 99, 124, 135, 156, 157, 257, 262, 345)} | {tail, len(data) - 1}
    for at in sorted(positions - harmless):
        what = "tar: byte %d" % at
        put(archive, data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        look(archive)
    for size in (0, 1, 511, 512, 1024, heads[4] + 600, ends[-1] - 1, tail):
        what = "tar: cut at %d" % size
        put(archive, data[:size])
        look(archive)
    what = "tar: something behind its end"
    put(archive, data + b"x" * 512)
    look(archive)
    what = "tar: an entry twice"
    put(archive, data[:heads[3]] + data[heads[2]:])
    look(archive)
    what = "tar: an entry left out"
    put(archive, data[:heads[2]] + data[heads[3]:])
    look(archive)
    ok(missed == 0, "%d altered exports, all found" % tried)
    told(1, "cannot be opened as an export", run("lazaret-verify", "--audit", "--key", s.pub, os.path.join(work, "no-such")), "no export at all")


def troubled_exports(s):
    target = os.path.join(work, "late")
    report = s.path("reports", "T-2.json")
    os.rename(report, os.path.join(work, "T-2.json"))
    s.expect(1, "T-2.json: No such file", "audit", "export", "--out", target)
    s.verify(1, "T-2.*the station could not add this report", target)
    os.rename(os.path.join(work, "T-2.json"), report)

    name = s.path("audit", closed(s)[1])
    good = get(name)
    with open(name, "r+b") as f:
        f.write(good.replace(b"x" * 100, b"x" * 99 + b"y", 1))
    s.expect(2, "nothing is exported from a trail that is not good|hash is not that", "audit", "export", "--out", os.path.join(work, "bad"))
    ok(not os.path.exists(os.path.join(work, "bad")), "an altered trail is not exported")
    s.expect(1, r"audit-\d+.jsonl:\d+: .*the hash is not that of the content", "audit", "verify")
    with open(name, "r+b") as f:
        f.write(good)

    # killed before it was given its name: nothing is there, and the next attempt makes it
    hidden = os.path.join(work, ".again.part")
    os.makedirs(os.path.join(hidden, "reports"))
    put(os.path.join(hidden, "index.json"), b"half")
    s.expect(0, "exported", "audit", "export", "--out", os.path.join(work, "again"))
    s.verify(0, "ok", os.path.join(work, "again"))
    put(os.path.join(work, ".again.tar.part"), b"half")
    s.expect(0, "exported", "audit", "export", "--out", os.path.join(work, "again.tar"))
    s.verify(0, "ok", os.path.join(work, "again.tar"))
    ok(not [n for n in os.listdir(work) if n.endswith(".part")], "and nothing of it is left")

    if os.geteuid() != 0:
        skip("a full target", "needs root, for a small file system")
        return
    small = os.path.join(work, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", small], check=True)
    try:
        for name in ("full", "full.tar"):
            count = len(s.records())
            s.expect(2, "there is no room left: nothing was exported", "audit", "export", "--out", os.path.join(small, name))
            ok(os.listdir(small) == [] and len(s.records()) == count, "nothing of it stays, and the trail does not tell of it", os.listdir(small))
    finally:
        subprocess.run(["umount", small], check=True)


# -- the clock ---------------------------------------------------------------------------------------------------------
def clock():
    s = Station("clock")
    ledger = Ledger(s.at)
    ledger.append("inspection-started", {})
    note = get(s.path("audit", "clock")).decode()
    boot, offset = note.split()
    for moved in (10000, -3600000, 1000):
        with open(s.path("audit", "clock"), "r+", encoding="ascii") as f:
            f.write("%-36s %20d\n" % (boot, int(offset) - moved))  # as if the clock had been that much behind
        ledger.append("inspection-started", {"moved": moved})
    ledger.append("inspection-started", {"boot": "another"})
    ledger.end()
    steps = [r["body"] for r in s.records() if r["type"] == "clock-step"]
    ok([round(x["moved_ms"] / 1000) for x in steps] == [10, -3600], "steps of more than 2 s are recorded, before the record", steps)
    ok(all(x["boot"] == "same" and abs(x["now"] - x["expected"] - x["moved_ms"] / 1000) <= 1 for x in steps), "with what was expected", steps)
    with open(s.path("audit", "clock"), "r+", encoding="ascii") as f:
        f.write("%-36s %20d\n" % ("0" * 36, 5))
    ledger = Ledger(s.at)
    ledger.append("inspection-started", {})
    ledger.end()
    ok(len([1 for r in s.records() if r["type"] == "clock-step"]) == 2, "another boot has another offset")
    s.expect(0, r"record \d+: the clock was set by \+(10|9)\.\d+ s", "audit", "verify")
    s.expect(0, r"record \d+: the clock was set by -(3600|3599)\.\d+ s", "audit", "verify")
    ok(json.loads(s.run("--json", "audit", "verify")[1])["clock_steps"] == 2, "audit verify --json counts them")
    out = os.path.join(work, "clock.tar")
    s.expect(0, "exported", "audit", "export", "--out", out)
    s.verify(0, "the clock was set: .* where .* was expected", out)


# -- a station that goes on meanwhile ------------------------------------------------------------------------------------
def busy_station():
    """What is recorded while a trail is verified or exported is neither a cut nor a contradiction."""
    s = Station("busy")
    ledger = Ledger(s.at, witness=s.path("history", "audit.witness"))
    for n in range(600):
        ledger.append("inspection-started", {"transfer": "T-0", "n": n})
    is_over, failed = threading.Event(), []

    def go_on():
        n = 0
        try:
            while not is_over.is_set():
                n += 1
                ledger.report("T-%d" % n, [("a.txt", "approved")], ledger.append("inspection-started", {"transfer": "T-%d" % n}))
        except Exception as e:  # pylint: disable=broad-except
            failed.append(e)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        verified = [s.run("audit", "verify") for _ in range(12)]
        exported = [s.run("audit", "export", "--out", os.path.join(work, "busy-%d" % n)) for n in range(6)]
    finally:
        is_over.set()
        thread.join()
    ledger.end()
    ok(not failed and s.records()[-1]["seq"] > 700, "a station that records all the time", (failed, s.records()[-1]["seq"]))
    wrong = [r for r in verified if r[0] != 0]
    ok(not wrong, "what is recorded during the walk is no problem of the trail", wrong[:1])
    bad = [r for r in exported if r[0] != 0]
    for n in range(6):
        r = run("lazaret-verify", "--audit", "--key", s.pub, os.path.join(work, "busy-%d" % n))
        bad += [r] if r[0] != 0 else []
    ok(not bad, "an export's witness knows no less than the export", bad[:1])


if not os.access(os.path.join(BIN, "lazaret"), os.X_OK):
    print("Bail out! lazaret is not built")
    sys.exit(1)
work = tempfile.mkdtemp(prefix="lazaret-proof-", dir="/var/tmp")
try:
    os.chmod(work, 0o755)
    db = os.path.join(work, "db")
    os.mkdir(db)
    with open(os.path.join(db, "test.hdb"), "w", encoding="ascii") as f:
        f.write(EICAR_MD5)
    witnesses()
    witness_places()
    long_one = segments()
    torn_changes(long_one)
    changes_that_are_killed()
    altered_exports(long_one, exports(long_one))
    troubled_exports(long_one)
    clock()
    busy_station()
finally:
    shutil.rmtree(work)
sys.exit(finish())
