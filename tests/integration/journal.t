#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Entries of the journal: what lazaretd and `lazaret` send, as a real systemd-journald has it and a real journalctl shows it; and over RELP,
by real rsyslogds with the shipped configuration. In a mount namespace of its own, where this journald is the only one.

MONITORING=required: a part that cannot run is a failure (`make check-monitoring`)."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import control  # noqa: E402
from recorded import Recorded  # noqa: E402
from tap import BUILD, EICAR, ROOT, finish, ok, skip  # noqa: E402

JOURNALD = "/usr/lib/systemd/systemd-journald"
IDS = dict(re.findall(r'^J\((\w+), "([0-9a-f]{32})"\)', (ROOT / "kiosk" / "monitor" / "journal.def").read_text(), re.M))


def leave_out(name, reason):
    if os.environ.get("MONITORING") == "required" and "ordinary user" not in reason:
        ok(False, name, reason)
    else:
        skip(name, reason)


def wait(what, predicate, deadline_s=120):
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        value = predicate()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError("waited for " + what)


def texts():
    """What needs no journal: identifiers, catalogue and document say the same."""
    catalogue = (ROOT / "image" / "catalog" / "lazaret.catalog").read_text()
    ok(len(IDS) == 9 and re.findall("^-- ([0-9a-f]{32})$", catalogue, re.M) == list(IDS.values()), "the catalogue has each identifier", IDS)
    documented = re.findall(r"^\| `([0-9a-f]{32})` \|", (ROOT / "docs" / "monitoring" / "README.md").read_text(), re.M)
    ok(sorted(documented) == sorted(IDS.values()), "so has docs/monitoring/README.md", documented)
    if not shutil.which("journalctl"):
        leave_out("journalctl takes the catalogue", "journalctl is not installed")
        return
    with tempfile.TemporaryDirectory() as root:
        at = pathlib.Path(root) / "usr" / "lib" / "systemd" / "catalog"
        at.mkdir(parents=True)
        shutil.copy(ROOT / "image" / "catalog" / "lazaret.catalog", at)
        p = subprocess.run(["journalctl", "--root=" + root, "--update-catalog"], capture_output=True, text=True)
        ok(p.returncode == 0 and not p.stderr and (pathlib.Path(root) / "var/lib/systemd/catalog/database").stat().st_size > 1000,
           "journalctl takes the catalogue", p.stderr)


class Journal:
    """A journald of our own, in directories that are empty."""

    def __init__(self):
        machine = pathlib.Path("/etc/machine-id").read_text().strip()
        for at in ("/run", "/var/log", "/var/lib/systemd/catalog"):
            os.makedirs(at, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", at], check=True)
        os.makedirs("/run/systemd")
        os.makedirs("/var/log/journal/" + machine)
        self.process = subprocess.Popen([JOURNALD], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait("journald", lambda: os.path.exists("/run/systemd/journal/socket") and os.path.exists("/run/systemd/journal/io.systemd.journal"))

    def entries(self, *matches):
        subprocess.run(["journalctl", "--sync"], timeout=60, check=True)
        p = subprocess.run(["journalctl", "-o", "json", "--no-pager", "-q", *matches], capture_output=True, text=True, timeout=60)
        return [json.loads(line) for line in p.stdout.splitlines()]

    def end(self):
        self.process.terminate()
        self.process.wait(60)


def one_shot(s, journal, work):
    medium = work / "medium"
    medium.mkdir()
    (medium / "a.txt").write_text("hello\n")
    (medium / "eicar.com").write_bytes(EICAR)
    p = s.run("inspect", "--operator", "jo\nPRIORITY=0\x1b[2J", medium)
    ok(p.returncode == 1, "an inspection", p.stderr)
    found = journal.entries("MESSAGE_ID=" + IDS["INSPECTION"])
    ok(len(found) == 1 and found[0]["LAZARET_OUTCOME"] == "published" and found[0]["LAZARET_FILES"] == "2" and found[0]["LAZARET_BLOCKED"] == "1" and
       found[0]["SYSLOG_IDENTIFIER"] == "lazaret" and found[0]["PRIORITY"] == "5" and found[0]["LAZARET_OPERATOR"] == "jo\\x0aPRIORITY=0\\x1b[2J",
       "lazaret inspect: an entry; who brought it makes no field of its own (invariant 8)", found)
    transfer = found[0]["LAZARET_TRANSFER"]
    ok((s.at / "reports" / (transfer + ".json")).exists() and transfer in found[0]["MESSAGE"], "with the transfer's name", found)
    return transfer


def trust(s, journal, work):
    subprocess.run(["minisign", "-G", "-W", "-p", work / "v.pub", "-s", work / "v.key"], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    p = s.run("key", "trust", work / "v.pub", "--name", "vendor-x", "--yes", "--by", "ann\nMESSAGE=forged")
    found = journal.entries("LAZARET_RECORD=key-trusted")
    ok(p.returncode == 0 and len(found) == 1 and found[0]["MESSAGE_ID"] == IDS["TRUST"] and found[0]["LAZARET_NAME"] == "vendor-x" and
       found[0]["LAZARET_BY"] == "ann\\x0aMESSAGE=forged" and "forged" in found[0]["MESSAGE"] and found[0]["MESSAGE"].startswith("key-trusted"),
       "a key is trusted: an entry; a name makes no field of its own (invariant 8)", found)


def daemon(s, journal, work):
    (s.at / "lazaret.yaml").write_text((s.at / "lazaret.yaml").read_text().replace("devices:\n", "devices:\n  source: none\n", 1))
    process = subprocess.Popen([BUILD / "bin" / "lazaretd", "-C", s.at], stdin=subprocess.DEVNULL, stderr=open(work / "log", "wb"))
    client = control.connect(s.at / "control.sock").watch()
    try:
        client.wait_for(lambda c: c.station["state"] == "ready")
        database = next((work / "db").glob("*.ndb"))
        saved = database.read_bytes()
        database.unlink()
        client.ask("reload")
        failed = wait("an entry", lambda: journal.entries("LAZARET_RECORD=reload-failed"))
        ok(failed[0]["MESSAGE_ID"] == IDS["TROUBLE"] and failed[0]["PRIORITY"] == "3" and failed[0]["SYSLOG_IDENTIFIER"] == "lazaretd" and
           database.name in failed[0]["LAZARET_WHY"], "a reload that failed: an entry", failed)
        database.write_bytes(saved)
        free = (s.at / "lazaret.yaml").read_text()
        (s.at / "lazaret.yaml").write_text(free + "staging:\n  min-free: 1000TiB\n")
        client.ask("reload")
        trouble = wait("an entry", lambda: journal.entries("MESSAGE_ID=" + IDS["TROUBLE"], "LAZARET_TROUBLE=staging-full"))
        ok(trouble[0]["PRIORITY"] == "3" and trouble[0]["LAZARET_NEXT"], "trouble of the station: an entry, with what helps", trouble)
        (s.at / "lazaret.yaml").write_text(free)
        client.ask("reload")
        over = wait("an entry", lambda: journal.entries("MESSAGE_ID=" + IDS["TROUBLE_OVER"]))
        ok(over[0]["LAZARET_TROUBLE"] == "staging-full", "and another when it is over", over)
    finally:
        client.close()
        process.terminate()
    ok(process.wait(90) == 0, "ended", (work / "log").read_text())


def explained(transfer):
    os.makedirs("/run/catalog/usr/lib/systemd/catalog")
    shutil.copy(ROOT / "image" / "catalog" / "lazaret.catalog", "/run/catalog/usr/lib/systemd/catalog")
    subprocess.run(["journalctl", "--root=/run/catalog", "--update-catalog"], check=True)
    shutil.copy("/run/catalog/var/lib/systemd/catalog/database", "/var/lib/systemd/catalog/database")
    p = subprocess.run(["journalctl", "-x", "--no-pager", "LAZARET_TRANSFER=" + transfer], capture_output=True, text=True, timeout=60)
    ok("Subject: %s: the inspection of a medium has ended as published" % transfer in p.stdout and "lazaret show " + transfer in p.stdout,
       "journalctl -x explains it", p.stdout + p.stderr)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def relp(s, work, transfer):
    name = "over RELP, with the shipped configuration"
    if not shutil.which("rsyslogd") or not list(pathlib.Path("/usr/lib").glob("*/rsyslog/omrelp.so")):
        leave_out(name, "rsyslog and rsyslog-relp are not installed (image/packages/monitoring.txt)")
        return
    work = work / "relp"
    work.mkdir()
    docs, port, processes, log = ROOT / "docs" / "monitoring", free_port(), [], work / "lazaret.jsonl"
    configurations = {
        "collector": (docs / "rsyslog-collector.conf").read_text().replace("0.0.0.0", "127.0.0.1").replace('"2514"', '"%d"' % port)
        .replace("/var/log/lazaret.jsonl", str(log)),
        "station": (docs / "rsyslog-station.conf").read_text().replace("collector.example\" port", "127.0.0.1\" port").replace('"2514"', '"%d"' % port)}
    try:
        for side, text in configurations.items():
            (work / side).mkdir()
            (work / (side + ".conf")).write_text('global(workDirectory="%s")\n%s' % (work / side, text))
            check = subprocess.run(["rsyslogd", "-N1", "-f", work / (side + ".conf"), "-i", "NONE"], capture_output=True, text=True, timeout=60)
            ok(check.returncode == 0, "rsyslogd takes rsyslog-%s.conf" % side, check.stderr)
            processes.append(subprocess.Popen(["rsyslogd", "-n", "-f", work / (side + ".conf"), "-i", work / (side + ".pid")],
                                              stdin=subprocess.DEVNULL, stderr=open(work / (side + ".log"), "wb")))
        def arrived():
            lines = log.read_text().splitlines() if log.exists() else []
            return [e for e in map(json.loads, lines) if e.get("LAZARET_TRANSFER") == transfer]

        entry = wait("the collector's file", arrived)[0]
        ok(entry["MESSAGE_ID"] == IDS["INSPECTION"] and entry["LAZARET_OUTCOME"] == "published" and entry["LAZARET_BLOCKED"] == "1", name, entry)
        wait("the other entries", lambda: log.read_text().count("\n") >= 4)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        ok(all(e["SYSLOG_IDENTIFIER"] in ("lazaret", "lazaretd") for e in lines), "every entry of Lazaret, no others", lines)
    except TimeoutError as e:
        ok(False, name, "%s: %s" % (e, "".join(p.read_text() for p in work.glob("*.log"))))
    finally:
        for p in processes:
            p.terminate()
            p.wait(60)


def inside():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-journal.", dir="/var/tmp"))
    os.chmod(work, 0o755)
    journal = Journal()
    try:
        s = Recorded(work)
        s.end()
        transfer = one_shot(s, journal, work)
        trust(s, journal, work)
        daemon(s, journal, work)
        explained(transfer)
        relp(s, work, transfer)
    except (TimeoutError, control.Gone, control.Refused, OSError, subprocess.SubprocessError, KeyError, IndexError) as e:
        ok(False, "the journal runs to its end", "%s: %s" % (type(e).__name__, e))
    finally:
        journal.end()
        shutil.rmtree(work)


if "--inside" in sys.argv:
    texts()
    inside()
    sys.exit(finish())
if os.geteuid() != 0 or not os.path.exists(JOURNALD) or not os.path.exists("/etc/machine-id") or not shutil.which("unshare"):
    texts()
    leave_out("a real journald", "an ordinary user cannot have a journald of his own" if os.geteuid() else "no systemd-journald or machine-id")
    sys.exit(finish())
if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode != 0:
    texts()
    leave_out("a real journald", "no mount namespace can be made here")
    sys.exit(finish())
os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, os.path.abspath(__file__), "--inside"])
