#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What a power cut or a dying role leaves, put there by hand, and what the next inspection makes of it: every transfer in staging
has its report in the trail, every inspection that began has one, and the line of reports has no fork (invariants 5 and 6)."""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, ROOT, finish, make_databases, ok, skip  # noqa: E402


class Station:
    def __init__(self, work, name):
        """A private copy of the programs, so that one can be replaced."""
        self.bin = work / name / "build" / "bin"
        shutil.copytree(BUILD / "bin", self.bin)
        shutil.copytree(ROOT / "rules", work / name / "rules")
        self.at, self.medium = work / name / "station", work / name / "medium"
        self.medium.mkdir()
        (self.medium / "a.txt").write_bytes(b"hello\n")
        db = make_databases(work / name / "db")
        subprocess.run([self.bin / "lazaret", "init", self.at, "--db", db], check=True, stdout=subprocess.DEVNULL)

    def run(self, *args, **kw):
        return subprocess.run([self.bin / "lazaret", "-C", self.at, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=100, **kw)

    def inspect(self):
        r = self.run("inspect", self.medium)
        return r.returncode, r.stderr.decode(errors="replace")

    def records(self):
        return [json.loads(line) for line in (self.at / "audit" / "audit.jsonl").read_text().splitlines()]

    def truncate(self, kind):
        """Take the last record of a kind, and all after it, out of the trail: the power went before it, and before its witness was
        written."""
        lines = (self.at / "audit" / "audit.jsonl").read_text().splitlines(keepends=True)
        last = max(k for k, line in enumerate(lines) if json.loads(line)["type"] == kind)
        with open(self.at / "audit" / "audit.jsonl", "r+") as f:
            f.truncate(len("".join(lines[:last]).encode()))
        (self.at / "history" / "audit.witness").unlink(missing_ok=True)

    def spool(self, transfer):
        d = self.at / "spool" / transfer
        d.mkdir(mode=0o700)
        (d / "inspection.json").write_text(json.dumps({"operator": "", "reason": "", "started": int(time.time()), "transfer": transfer}))

    def last(self):
        return [r["body"]["transfer"] for r in self.records() if r["type"] == "report"][-1]

    def staged(self):
        return sorted(p.name for p in (self.at / "staging").iterdir())

    def line(self):
        """None, or what is wrong with the line of reports."""
        reports = {p.stem: p.read_bytes() for p in (self.at / "reports").iterdir()}
        sums = {hashlib.sha256(data).hexdigest(): name for name, data in reports.items()}
        previous = [json.loads(data)["previous"] for data in reports.values()]
        recorded = [r["body"]["transfer"] for r in self.records() if r["type"] == "report"]
        started = [r["body"]["transfer"] for r in self.records() if r["type"] == "inspection-started"]
        if len(set(previous)) != len(previous) or any(p and p not in sums for p in previous):
            return f"a fork: {previous}"
        if sorted(recorded) != sorted(reports):
            return f"recorded {recorded}, kept {sorted(reports)}"
        if set(started) - set(reports):
            return f"started without report: {set(started) - set(reports)}"
        if set(self.staged()) - set(reports):
            return f"in staging without report: {set(self.staged()) - set(reports)}"
        v = self.run("audit", "verify")
        return None if v.returncode == 0 else v.stdout + v.stderr


def cut_between_report_and_record(work):
    s = Station(work, "record")
    s.inspect()
    s.inspect()
    transfer = s.last()
    s.truncate("report")
    s.spool(transfer)
    status, err = s.inspect()
    ok(status == 0 and not s.line(), "cut between a kept report and its record: recorded by the next start", f"{status} {err} {s.line()}")
    ok(list((s.at / "spool").iterdir()) == [], "and the spool is empty")


def cut_after_the_rename(work):
    s = Station(work, "rename")
    s.inspect()
    s.inspect()
    transfer = s.last()
    s.truncate("published")
    (s.at / "reports" / f"{transfer}.json").unlink()
    s.spool(transfer)
    status, err = s.inspect()
    ok(status == 0 and not s.line(), "cut after the rename into staging: published, with its report", f"{status} {err} {s.line()}")


def cut_while_another_goes_on(work):
    """The second supervisor was there before the first one died: it must not take the same place in the line."""
    s = Station(work, "other")
    s.inspect()
    s.inspect()
    transfer = s.last()
    s.truncate("published")
    report = s.at / "reports" / f"{transfer}.json"
    report.unlink()
    known = [r["body"]["transfer"] for r in s.records() if r["type"] == "inspection-started"]
    for k in range(400):
        (s.medium / f"{k}.txt").write_bytes(b"hello %d\n" % k)
    p = subprocess.Popen([s.bin / "lazaret", "-C", s.at, "inspect", s.medium], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for _ in range(1000):
        if any(r["type"] == "inspection-started" and r["body"]["transfer"] not in known for r in s.records()):
            break
        time.sleep(0.01)
    s.spool(transfer)  # the other one's end, seen from here
    err = p.communicate(timeout=100)[1].decode()
    ok(p.returncode == 0 and not s.line(), "one supervisor dies after the rename while another inspects: no fork", f"{p.returncode} {err} {s.line()}")


def report_that_cannot_be_kept(work):
    """Published, and then the ledger cannot keep the report. The next inspection makes up for it."""
    s = Station(work, "kept")
    s.inspect()
    blocked = None
    p = subprocess.Popen([s.bin / "lazaret", "-C", s.at, "inspect", s.medium], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for _ in range(2000):
        mine = [r["body"]["transfer"] for r in s.records() if r["type"] == "inspection-started"]
        if len(mine) == 2:
            blocked = s.at / "reports" / f".{mine[1]}.json.new"
            blocked.mkdir()  # where the ledger writes first
            (blocked / "x").mkdir()
            break
        time.sleep(0.002)
    err = p.communicate(timeout=100)[1].decode()
    ok(p.returncode == 2, "a report that cannot be kept: the inspection did not complete", err)
    shutil.rmtree(blocked)
    status, err = s.inspect()
    ok(status == 0 and not s.line(), "and the next one makes up for it", f"{status} {err} {s.line()}")


def publisher_dies_after_the_rename(work):
    s = Station(work, "dies")
    real = s.bin / "lazaret-publish"
    real.rename(s.bin / "real-publish")
    # passes everything on, but for the last answer
    real.write_text(f'''#!/usr/bin/python3
import array, os, select, socket, struct
up = socket.socket(fileno=3)
down, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
if os.fork() == 0:
    os.dup2(theirs.fileno(), 3, inheritable=True)
    os.execv("{s.bin}/real-publish", ["lazaret-publish"])
theirs.close()
names = {[line.split(",")[0][2:] for line in (ROOT / "kiosk/ipc/messages.def").read_text().splitlines() if line.startswith("M(")]}
commits = False
while True:
    for a, b in ((up, down), (down, up)):
        if not select.select([a], [], [], 0.01)[0]:
            continue
        data, ancillary, _, _ = a.recvmsg(70000, socket.CMSG_SPACE(16))
        if not data or (commits and a is down):
            os._exit(1)
        fds = array.array("i")
        for _, _, blob in ancillary:
            fds.frombytes(blob)
        if struct.unpack("<I", data[:4])[0] == names.index("PUBLISH_COMMIT"):
            commits = True
        b.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else [])
        for fd in fds:
            os.close(fd)
''')
    real.chmod(0o755)
    status, err = s.inspect()
    staged = s.staged()
    ok(len(staged) == 1 and not staged[0].startswith("."), "a publisher that dies after its rename leaves the transfer in staging", f"{status} {err} {staged}")
    outcome = [json.loads(p.read_text())["outcome"] for p in (s.at / "reports").iterdir()]
    ok(outcome == ["published"] and not s.line(), "and its report says so", f"{status} {outcome} {err} {s.line()}")


def programs(s, name):
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(p / "exe") == str(s.bin / name):
                yield int(p.name)
        except OSError:
            pass  # gone, or a thread of the kernel


def publisher_outlives_the_daemon(work):
    """Seen: the daemon was killed while its publisher waited for the disk inside rename(2), where not even SIGKILL ends it;
    the next start said aborted, and then the transfer appeared in staging."""
    s = Station(work, "outlives")
    for k in range(300):
        (s.medium / f"{k}.txt").write_bytes(b"hello %d\n" % k)
    p = subprocess.Popen([s.bin / "lazaret", "-C", s.at, "inspect", s.medium], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    held = set()
    while p.poll() is None:
        for pid in programs(s, "lazaret-publish"):
            try:
                if list((s.at / "staging").glob(".incoming-*")):  # inside its sandbox, which closes what it is not told to keep
                    held |= {os.path.relpath(os.readlink(f), s.at / "spool") for f in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
            except OSError:
                pass  # it has just ended
    transfer = s.last()
    if os.geteuid() == 0:
        ok(f"{transfer}/publisher" in held, "a publisher holds the lock that says that it lives", held)
    else:
        skip("a publisher holds the lock that says that it lives", "only root sees the descriptors of a role")
    s.truncate("published")
    (s.at / "reports" / f"{transfer}.json").unlink()
    s.spool(transfer)
    os.rename(s.at / "staging" / transfer, s.at / "staging" / "not-yet")
    with open(s.at / "spool" / transfer / "publisher", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        after = subprocess.Popen([s.bin / "lazaret", "-C", s.at, "inspect", s.medium], stdin=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)  # long enough to say something wrong
        said = s.records()[-1]["type"]
        ok(said == "publishing" and after.poll() is None, "while a publisher lives, nothing is said of its transfer", said)
        os.rename(s.at / "staging" / "not-yet", s.at / "staging" / transfer)
    err = after.communicate(timeout=100)[1]
    outcome = json.loads((s.at / "reports" / f"{transfer}.json").read_text())["outcome"]
    ok(after.returncode == 0 and outcome == "published" and not s.line(), "and then the truth",
       f"{after.returncode} {outcome} {err} {s.line()}")


# Between the station and a true publisher: says something that it may not when the transfer is to be made visible, and passes the order on later.
NONSENSE = """#!/usr/bin/python3
import os, select, socket, subprocess, time
up = socket.socket(fileno=3)
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
child = subprocess.Popen([%r], preexec_fn=lambda: os.dup2(theirs.fileno(), 3), close_fds=False)
theirs.close()
while True:
    for end, other in ((up, ours), (ours, up)):
        if end in select.select([up, ours], [], [])[0]:
            data, fds, _, _ = socket.recv_fds(end, 70000, 8)
            if not data:
                os._exit(0)
            if end is up and data[:4] == %r:
                up.send(b"\\xff" * 16)
                time.sleep(1)
            socket.send_fds(other, [data], fds)
            for fd in fds:
                os.close(fd)
"""


def publisher_talks_nonsense_before_the_rename(work):
    """It was taken for one that had failed, "aborted" was recorded, and then the transfer appeared in staging."""
    s = Station(work, "nonsense")
    s.inspect()
    before = s.staged()
    program = s.bin / "lazaret-publish"
    program.rename(s.bin / "publish-true")
    commit = [m.split("(")[1].split(",")[0] for m in (ROOT / "kiosk/ipc/messages.def").read_text().splitlines() if m.startswith("M(")].index("PUBLISH_COMMIT")
    program.write_text(NONSENSE % (str(s.bin / "publish-true"), commit.to_bytes(4, "little")))
    program.chmod(0o755)
    status, err = s.inspect()
    time.sleep(2)
    outcome = json.loads((s.at / "reports" / f"{s.last()}.json").read_text())["outcome"]
    ok(status == 2 and outcome == "aborted", "a publisher that talks nonsense ends the inspection", f"{status} {outcome} {err}")
    ok(s.staged() == before and not s.line(), "and makes nothing visible afterwards", f"{before} {s.staged()} {s.line()} {err}")
    program.unlink()
    (s.bin / "publish-true").rename(program)
    status, err = s.inspect()
    ok(status == 0 and not s.line(), "the next one is published", f"{status} {err} {s.line()}")


def killed_while_it_reads(work):
    s = Station(work, "killed")
    os.truncate(os.open(s.medium / "large.bin", os.O_CREAT | os.O_WRONLY), 3 << 30)
    p = subprocess.Popen([s.bin / "lazaret", "-C", s.at, "inspect", s.medium], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                         start_new_session=True)
    for _ in range(1000):
        if any(r["type"] == "inspection-started" for r in s.records()) if (s.at / "audit" / "audit.jsonl").exists() else False:
            break
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(p.pid, signal.SIGKILL)
    p.communicate(timeout=100)
    (s.medium / "large.bin").unlink()
    status, err = s.inspect()
    ok(status == 0 and not s.line(), "killed in the middle: the next start leaves an aborted report", f"{status} {err} {s.line()}")


def main():
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="lazaret-crash-") as name:
        os.chmod(name, 0o755)
        for test in (cut_between_report_and_record, cut_after_the_rename, cut_while_another_goes_on, report_that_cannot_be_kept,
                     publisher_dies_after_the_rename, publisher_outlives_the_daemon,
                     publisher_talks_nonsense_before_the_rename, killed_while_it_reads):
            test(pathlib.Path(name))
    return finish()


sys.exit(main())
