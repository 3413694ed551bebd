# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Rows about the station: scanners that die, databases, limits, full disks, crashes, several inspections at once."""
import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import time

import content
import specimens
from bench import Broken, IS_ROOT, Skip, Sparse, put, run
from content import EICAR, GOOD, make_zip, specimen
from row import row

# -- examiners that die, hang, run out ------------------------------------------------------------------------------
# The victim keeps a scanner busy for seconds; nothing else on the medium takes longer than milliseconds.
VICTIM_BYTES = 1900 << 20
BESIDE = {
    "a-good.txt": (GOOD, "approved"),
    "good.zip": (specimen("zip"), "approved"),
    "eicar.com": (EICAR, "blocked malware"),
    "z-good.txt": (GOOD, "approved"),
}


def victim(expectation, **more):
    return {**BESIDE, "victim.bin": (Sparse(VICTIM_BYTES), expectation), **more}


def to_worker(number):
    return lambda bench, inspection: os.kill(inspection.busy_worker().pid, number)


row("scanner-killed", "libclamav 2.4 L, usbsas U1: a scanner that dies costs its file, and that is not clean",
    victim("held scanner-crashed"), during=to_worker(signal.SIGKILL), weight=5)


def spoil_code(bench, inspection):
    """A crash of its own making: the scanner's library becomes instructions that do not exist. (A signal that is sent
    would not do: a worker is the first process of its namespace, and such ones only die of SIGKILL or of a fault.)"""
    pid = inspection.busy_worker().pid
    with open("/proc/%d/maps" % pid, encoding="utf-8") as f:
        lines = [line.split() for line in f if "libclamav" in line and " r-xp " in line]
    with open("/proc/%d/mem" % pid, "r+b", buffering=0) as memory:
        for line in lines:
            start, end = (int(x, 16) for x in line[0].split("-"))
            memory.seek(start)
            memory.write(b"\x06" * (end - start))


row("scanner-crashed", "libclamav 1, 9: a scanner that crashes by itself", victim("held scanner-crashed"),
    before=lambda bench: None if IS_ROOT else _skip("writing into another account's process needs root"),
    during=spoil_code, weight=5)
row("scanner-hung", "libclamav 2.4 L, usbsas U3: a scanner that hangs is ended from outside",
    victim("held scan-timeout"), during=to_worker(signal.SIGSTOP), config={"limits": {"scan-time": "2s"}}, weight=10)
row("scan-time", "usbsas U2: a scan that hits its time limit is CLEAN to libclamav",
    victim("held scan-timeout"), config={"limits": {"scan-time": "1s"}}, weight=10)


def no_more_memory(bench, inspection):
    """malloc() in the scanner fails from now on: its address space may not grow any more."""
    pid = inspection.busy_worker().pid
    with open("/proc/%d/statm" % pid, encoding="ascii") as f:
        used = int(f.read().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (used, used))


def many_members():
    """Unpacking goes on and on, and each member wants memory."""
    return make_zip([("%05d.txt" % n, b"%d " % n * 20000) for n in range(4000)])


row("scanner-out-of-memory", "libclamav 2.2#3: out of memory inside of an archive is CLEAN",
    {**BESIDE, "victim.zip": (many_members, "refused scan-error|scanner-crashed|container-opaque|scan-timeout")},
    before=lambda bench: None if IS_ROOT else _skip("limits of another account's process need root"),
    during=no_more_memory, config={"limits": {"scan-time": "20s"}}, weight=10)
row("scanner-out-of-room", "libclamav 2.2#1, #3: a full TMPDIR makes every file CLEAN",
    {**BESIDE, "victim.zip": (lambda: content.zip_of_zeros(100), "refused scan-error"),
     "virus-in-it.zip": (lambda: make_zip([("a.bin", b"\0" * (60 << 20) + EICAR)]), "refused scan-error|malware"),
     "victim.gz": (lambda: content.zeros_gz(100), "refused scan-error"),
     "victim.7z": (lambda: specimens.by_tool({"big": b"\0" * (100 << 20)}, ["7z", "a", "-mx=1", "o.7z", "big"], "o.7z"),
                   "refused scan-error|container-opaque")},
    config={"limits": {"worker-tmpfs": "16MiB"}}, weight=5)


def out_of_memory_by_kernel(bench, inspection):
    """The kernel's own out-of-memory kill: the scanner in a cgroup that has no memory left."""
    group = cgroup(bench)
    pid = inspection.busy_worker().pid
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as f:
        f.write("%d" % pid)


def cgroup(bench):
    v1, v2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
    if os.path.exists(os.path.join(v1, "memory.limit_in_bytes")):
        base, limit = v1, "memory.limit_in_bytes"
    elif os.path.exists(os.path.join(v2, "cgroup.controllers")):
        base, limit = v2, "memory.max"
    else:
        raise Skip("no cgroup with a memory controller")
    group = os.path.join(base, "lazaret-conformance-%d-%s" % (os.getpid(), os.path.basename(bench.scratch)))
    try:
        os.mkdir(group)
        bench.cleanups.append(lambda: remove_group(group))
        with open(os.path.join(group, limit), "w", encoding="ascii") as f:
            f.write("8M")
    except OSError as e:
        raise Skip("a cgroup cannot be made: %s" % e) from e
    return group


def remove_group(group):
    for _ in range(100):
        with contextlib.suppress(OSError):
            os.rmdir(group)
            return
        time.sleep(0.05)


def _skip(reason):
    raise Skip(reason)


def can_kill_by_kernel(bench):
    if not IS_ROOT:
        raise Skip("a memory cgroup needs root")
    remove_group(cgroup(bench))


row("scanner-oom-killed", "libclamav 2.4 D: the kernel ends a scanner that wants too much memory",
    {**BESIDE, "victim.zip": (lambda: content.zip_of_zeros(1500), "refused scanner-crashed")}, before=can_kill_by_kernel,
    during=out_of_memory_by_kernel, config={"limits": {"scan-time": "60s"}}, weight=10)


# -- other roles that die -------------------------------------------------------------------------------------------
def kill_role(name):
    def during(bench, inspection):
        inspection.wait_for("the reader", lambda: inspection.roles("lazaret-reader"))  # the inspection has begun
        role = inspection.wait_for(name, lambda: [p for p in inspection.roles(name) if p.parent == inspection.daemon.pid])[0]
        time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.kill(role.pid, signal.SIGKILL)
    return during


CROWD = {"dir%d/file%02d.txt" % (d, n): (b"file %d of %d\n" % (n, d), "any") for d in range(4) for n in range(50)}

# What vouches for files starts the roles that prove it.
EVIDENCE = {"sums/%03d.txt.sha256" % n: (b"%064x  %03d.txt\n" % (n, n), "any") for n in range(400)}

for role in ("vault", "intake", "reader", "examine", "origin", "publish", "ledger"):
    row("role-killed-" + role, "usbsas U4, U6, Keysas K5, K13: lazaret-%s dies in the middle" % role,
        {**CROWD, **(EVIDENCE if role == "origin" else {})},
        outcome="unsaid" if role == "ledger" else "any", during=kill_role("lazaret-" + role), is_live=True, recovers=True, weight=2)

# -- databases ----------------------------------------------------------------------------------------------------
GOOD_AND_BAD = {"good.txt": (GOOD, "approved"), "eicar.com": (EICAR, "blocked malware")}


def own_database(bench):
    """The station's databases are its own from here on, to be spoilt."""
    directory = bench.station.path("database")
    run("cp", "-a", bench.shared.database, directory)
    bench.station.edit(lambda text: text.replace(bench.shared.database, directory))
    return directory


def spoil(change):
    def before(bench):
        change(bench, own_database(bench))
    return before


def write(directory, name, data):
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data)


def append_file(bench, name, data, with_sum):
    """One more line in the list of databases."""
    line = "    - {file: %s%s}\n" % (name, ", sha256: '%s'" % hashlib.sha256(data).hexdigest() if with_sum else "")
    bench.station.edit(lambda text: text.replace("  files:\n", "  files:\n" + line))


def age(directory, seconds):
    for name in os.listdir(directory):
        then = time.time() - seconds
        os.utime(os.path.join(directory, name), (then, then))


def names_of_virus():
    return b"Test.Eicar.Body\nTest.Eicar.Hash\nTest.Eicar.Body.UNOFFICIAL\n"


row("database-stale", "issue 2, libclamav 8: nothing is approved from the stop-age on", {
    "good.txt": (GOOD, "held database-stale"), "eicar.com": (EICAR, "blocked malware database-stale"),
}, before=spoil(lambda bench, d: age(d, 8 * 86400)), outcome="refused")
row("database-nearly-stale", "issue 2: one day before that, everything still works", GOOD_AND_BAD,
    before=spoil(lambda bench, d: age(d, 6 * 86400)))
row("database-from-the-future", "libclamav 8: a clock or a file that lies about its age",
    {"good.txt": (GOOD, "any"), "eicar.com": (EICAR, "blocked malware")}, before=spoil(lambda bench, d: age(d, -10 * 86400)), outcome="any")
row("database-changed", "libclamav 8: a pinned file that is not what was pinned", GOOD_AND_BAD, outcome="none",
    before=spoil(lambda bench, d: write(d, "eicar.ndb", b"Test.Other:0:*:00112233445566778899\n")), says=["eicar.ndb"])
row("database-file-missing", "libclamav 2.2#11: a database that is not there", GOOD_AND_BAD, outcome="none",
    before=spoil(lambda bench, d: os.unlink(os.path.join(d, "eicar.ndb"))), says=["eicar.ndb"])
row("database-unreadable", "libclamav 2.2#11: unreadable databases are skipped with success", GOOD_AND_BAD, outcome="none",
    before=spoil(lambda bench, d: (os.unlink(os.path.join(d, "eicar.ndb")), os.mkdir(os.path.join(d, "eicar.ndb")))))
row("database-gone", "libclamav 2.2#11: an engine without signatures finds nothing", GOOD_AND_BAD, outcome="none",
    before=spoil(lambda bench, d: shutil.rmtree(d)), says=["database"])


def only(name, data):
    def change(bench, directory):
        for old in os.listdir(directory):
            os.unlink(os.path.join(directory, old))
        write(directory, name, data)
        pinned = "  files:\n    - {file: %s, sha256: '%s'}\n" % (name, hashlib.sha256(data).hexdigest())
        bench.station.edit(lambda text: text[:text.index("  files:\n")] + pinned + text[text.index("#  warn-age"):])
    return change


row("database-of-comments", "libclamav 2.2#11: cl_load() of comments alone is a success", GOOD_AND_BAD, outcome="none",
    before=spoil(only("empty.hdb", b"# nothing\n# at all\n")))
row("database-blind", "libclamav 2.4 K: a database that does not know the test virus", {k: (c, "any") for k, (c, _) in GOOD_AND_BAD.items()},
    outcome="aborted", before=spoil(only("other.hdb", b"aa15bcf478d165efd2065190eb473bcb:544:Clamav.Test.File-6\n")))
row("database-malformed", "libclamav 9: lines that libclamav drops without a word", GOOD_AND_BAD, outcome="none",
    before=spoil(only("broken.ndb", b"Test.Eicar.Body:0:*:zz\nnot a signature\n")))
row("database-ignore-list", "libclamav 2.2#12: .ign2, .fp, .cfg, .ftm lying about switch detection off", GOOD_AND_BAD,
    before=spoil(lambda bench, d: [write(d, n, data) for n, data in (
        ("local.ign2", names_of_virus()), ("daily.ign", names_of_virus()),
        ("local.fp", hashlib.md5(EICAR).hexdigest().encode() + b":68:x\n"),
        ("local.sfp", hashlib.sha256(EICAR).hexdigest().encode() + b":68:x\n"),
        ("daily.cfg", b"DOCUMENT:0:1:255\n"), ("daily.ftm", b"0:0:58354f21:x:CL_TYPE_ANY:CL_TYPE_IGNORED:1\n"))]))
row("database-unsigned-beside", "libclamav 8: unsigned databases lying about are not loaded",
    {"good.txt": (GOOD, "approved"), "eicar.com": (EICAR, "blocked malware")},
    before=spoil(lambda bench, d: (write(d, "evil.ndb", b"Blocks.Everything:0:*:4e6f7468696e67\n"),
                                   write(d, "daily.cud", b"ClamAV-VDB:x\n"), write(d, "x.yara", b"rule x { condition: true }\n"))))
for name, data in (("local.ign2", names_of_virus()), ("local.fp", b"x"), ("local.cfg", b"x"), ("daily.cld", b"x"), ("daily.cud", b"x")):
    row("database-listed-" + name.replace(".", "-"), "libclamav 2.2#12, 8: %s in the list of databases is an error" % name, GOOD_AND_BAD,
        outcome="none", says=[name],
        before=spoil(lambda bench, d, name=name, data=data: (write(d, name, data), append_file(bench, name, data, True))))
row("database-not-pinned", "libclamav 8: plain signature files are never verified by libclamav", GOOD_AND_BAD, outcome="none",
    before=spoil(lambda bench, d: (write(d, "more.ndb", b"A:0:*:0011223344\n"), append_file(bench, "more.ndb", b"", False))), says=["more.ndb"])
row("database-forged-cvd", "libclamav 8: a .cvd whose signature does not hold", GOOD_AND_BAD, outcome="none",
    before=spoil(lambda bench, d: (write(d, "daily.cvd", (b"ClamAV-VDB:01 Jan 2026 00-00 +0000:1:1:60:" + b"0" * 32 + b":AAAA:x:1767225600").ljust(512) + b"x" * 2000),
                                   append_file(bench, "daily.cvd", b"", False))))

# -- lists of the station, limits -------------------------------------------------------------------------------------
DENIED = b"this very content is forbidden\n"


def deny(bench):
    with open(bench.station.path("denied.sha256"), "w", encoding="ascii") as f:
        f.write("# contents that never pass\n%s\n" % hashlib.sha256(DENIED).hexdigest())


row("hash-denied", "libclamav 2.4 I: a list of our own, which no cache and no HTML parser gets around", {
    "good.txt": (GOOD, "approved"), "denied.txt": (DENIED, "blocked hash-denied"),
    "renamed.html": (DENIED, "blocked hash-denied"), "dir/again.txt": (DENIED, "blocked hash-denied"),
}, before=deny, config={"hash-list": "denied.sha256"})
row("hash-list-missing", "Keysas K12: a setting that does nothing is an error", GOOD_AND_BAD, outcome="none",
    config={"hash-list": "denied.sha256"}, says=["denied.sha256"])

HUNDRED = {"f%02d.txt" % n: (b"file %d\n" % n, "any") for n in range(100)}

row("limit-files", "invariant 1, CIRCLean C3: more entries than the officer allows", {}, others="approved",
    before=lambda bench: [put(bench.trees[0], "f%02d.txt" % n, b"file %d\n" % n) for n in range(100)],
    config={"limits": {"files": 40}}, volume_outcomes=["partial"], status=1)
row("limit-bytes", "usbsas U2: more bytes than the officer allows", {
    "a.bin": (lambda: b"\1" * (3 << 20), "any"), "b.bin": (lambda: b"\2" * (3 << 20), "any"), "c.bin": (lambda: b"\3" * (3 << 20), "any"),
}, config={"limits": {"bytes": "7MiB", "largest-file": "7MiB"}}, outcome="any",
    after=lambda bench, report: exactly(bench, report, "quota-exceeded", 1), weight=1)
row("limit-largest-file", "Keysas K4: larger than the officer allows", {
    "good.txt": (GOOD, "approved"), "large.bin": (Sparse(5 << 20), "held quota-exceeded"),
}, config={"limits": {"largest-file": "4MiB"}})


def exactly(bench, report, code, number):
    found = [f["path"] for f in report["files"] if any(r["code"] == code for r in f["reasons"])]
    if len(found) != number:
        bench.fail("%s: %s, expected %d of them" % (code, found, number))


def small_spool(bench):
    bench.tmpfs("spool", "size=6m")


row("spool-full", "invariant 1: a spool without room", {
    "a-good.txt": (GOOD, "any"), "large.bin": (lambda: os.urandom(20 << 20), "held quota-exceeded"),
}, before=small_spool, outcome="any")
row("inspection-time", "Keysas #74, usbsas U3: hours for nothing", {
    "good.txt": (GOOD, "any"), "slow-1.bin": (Sparse(VICTIM_BYTES), "any"), "slow-2.bin": (Sparse(VICTIM_BYTES), "any"),
    "slow-3.bin": (Sparse(VICTIM_BYTES), "any"), "slow-4.bin": (Sparse(VICTIM_BYTES), "any"),
}, config={"limits": {"inspection-time": "2s", "scan-time": "2s", "workers": 1}}, outcome="aborted",
    says=["longer than the station allows"], weight=5)

# -- what importers and auditors get --------------------------------------------------------------------------------
row("staging-full", "usbsas U5, Keysas K5: no room where it should go", dict(HUNDRED), outcome="aborted",
    before=lambda bench: bench.tmpfs("staging", "size=200k"), config={"staging": {"min-free": 0}}, weight=1)
row("staging-almost-full", "usbsas U5, Keysas K5: the room ends while it is written", dict(HUNDRED), outcome="aborted",
    before=lambda bench: bench.tmpfs("staging", "size=240k"), config={"staging": {"min-free": 0}})
row("staging-no-inodes", "Keysas K5: room, but no more names", dict(HUNDRED), outcome="aborted",
    before=lambda bench: bench.tmpfs("staging", "size=10m,nr_inodes=60"), config={"staging": {"min-free": 0}})
row("staging-reserve", "issue 2: what must stay free stays free", dict(HUNDRED), outcome="aborted", says=["not enough space"],
    before=lambda bench: bench.tmpfs("staging", "size=10m"))
row("staging-read-only", "Keysas K5: staging that cannot be written", dict(HUNDRED), outcome="any",
    before=lambda bench: bench.tmpfs("staging", "size=10m,ro"), config={"staging": {"min-free": 0}})
row("staging-gone", "issue 2: staging is not there", dict(HUNDRED), outcome="none", says=["staging"],
    before=lambda bench: os.rmdir(bench.station.path("staging")))
row("audit-read-only", "invariant 6: no trail, no transfer", dict(HUNDRED), outcome="none", has_trail=False,
    before=lambda bench: bench.tmpfs("audit", "size=1m,ro"))


def trail_that_ends(bench, size):
    """Inspections until the trail is full: each is complete, or nothing of it is in staging. Room comes back, and so does
    the station, with whatever was torn declared in the trail."""
    bench.tmpfs("audit", "size=%dk" % size)
    medium = tree_of(bench, "medium", {"f%02d.txt" % n: b"file %d\n" % n for n in range(30)})
    complete = failed = 0
    while failed < 3 and complete < 40:
        before = bench.station.transfers()
        inspection = bench.inspect(medium)
        new = [t for t in bench.station.transfers() if t not in before and not t.startswith(".")]
        status = inspection.process.returncode
        if status == 0 and len(new) == 1:
            complete += 1
            bench.verify(new[0])
            continue
        failed += 1
        if status != 2:
            bench.fail("exit status %s: %s" % (status, inspection.text()[-800:]))
        if new:
            bench.fail("%s is in staging without a complete trail: %s" % (new, inspection.text()[-800:]))
    bench.note("%d complete, then %d failed" % (complete, failed))
    if not complete or not failed:
        bench.fail("the trail was not full at the right time")
    run("mount", "-o", "remount,size=1m", bench.station.path("audit"))
    after = bench.inspect(medium)
    if after.process.returncode != 0:
        bench.fail("with room again: exit status %s: %s" % (after.process.returncode, after.text()[-800:]))
    for transfer in bench.station.transfers():
        bench.verify(transfer)
    if bench.station.lazaret("audit", "verify").returncode != 0:
        bench.fail("with room again: the trail does not verify")


for size in (76, 80, 84):  # below, not even one inspection fits beside the 64 KiB that are set aside for its last records
    row("audit-full-%dk" % size, "invariant 6: the trail ends in the middle of an inspection",
        script=lambda bench, size=size: trail_that_ends(bench, size), weight=5)
row("reports-full", "usbsas U6: a report that cannot be kept", dict(HUNDRED), outcome="unsaid", recovers=True,
    before=lambda bench: bench.tmpfs("reports", "size=4k"), says=["keeping the report: report: No space left on device"])


# -- several inspections, ends in the middle ------------------------------------------------------------------------
def tree_of(bench, name, files):
    tree = bench.scratch_dir(name)
    os.chmod(tree, 0o755)
    for path, data in files.items():
        put(tree, path, data)
    return tree


def together(bench):
    """Four at the same time into one station: each is complete, the reports form one line."""
    trees = [tree_of(bench, "medium%d" % n, {"only-%d.txt" % n: GOOD, "same.txt": b"medium %d\n" % n, "eicar.com": EICAR,
                                             **{"f%02d.txt" % k: b"%d of %d\n" % (k, n) for k in range(60)}}) for n in range(4)]
    running = [bench.inspect(tree, wait=False) for tree in trees]
    previous = []
    for inspection, tree in zip(running, trees):
        status = inspection.wait()
        if status != 1:
            bench.fail("exit status %s, expected 1: %s" % (status, inspection.text()[-1000:]))
            continue
        report = bench.read_report(inspection.out)
        if not report:
            continue
        previous.append(report["previous"])
        approved = [f for f in report["files"] if f["verdict"] == "approved"]
        if report["outcome"] != "published" or len(approved) != 62:
            bench.fail("outcome %s with %d approved, expected 62" % (report["outcome"], len(approved)))
        else:
            bench.check_transfer(report, approved, [tree])
    if len(set(previous)) != len(previous):
        bench.fail("two reports follow on the same report: %s" % previous)
    if len(bench.station.transfers()) != 4:
        bench.fail("staging holds %s" % bench.station.transfers())


row("four-at-once", "Keysas K11: two at the same time into one staging directory", script=together, weight=4)


def interrupt(number):
    def during(bench, inspection):
        inspection.busy_worker()
        os.killpg(inspection.process.pid, number)
        time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(inspection.process.pid, number)  # twice changes nothing
    return during


row("ctrl-c", "usbsas U6, #470: the operator ends it; the report is kept", victim("any"), outcome="aborted",
    during=interrupt(signal.SIGINT), weight=3)
row("terminated", "usbsas U6: the machine is being shut down", victim("any"), outcome="aborted",
    during=lambda bench, inspection: os.kill((inspection.busy_worker(), inspection.daemon)[1].pid, signal.SIGTERM), weight=3)


def client_dies(bench):
    """`lazaret inspect` itself is killed: the daemon ends in good order, and the report is there."""
    inspection = bench.inspect(bench.trees[0], wait=False)
    inspection.busy_worker()
    daemon = inspection.daemon.pid
    inspection.process.kill()
    inspection.process.wait()
    end = time.monotonic() + 30
    while os.path.exists("/proc/%d" % daemon) and time.monotonic() < end:
        time.sleep(0.02)
    if os.path.exists("/proc/%d" % daemon):
        bench.fail("lazaretd goes on although nobody listens")
    reports = [json.load(open(bench.station.path("reports", n), encoding="utf-8")) for n in os.listdir(bench.station.path("reports"))]
    if [r["outcome"] for r in reports] != ["aborted"]:
        bench.fail("reports: %s" % [r["outcome"] for r in reports])
    if bench.station.transfers():
        bench.fail("staging holds %s" % bench.station.transfers())


row("client-killed", "Keysas K11: the screen goes away", victim("any"), script=client_dies, weight=3)


def kept_reports(bench, known):
    found = dict(known)
    for name in os.listdir(bench.station.path("reports")):
        if name.endswith(".json") and name[:-5] not in known:
            with open(bench.station.path("reports", name), "rb") as f:
                data = f.read()
            for problem in bench.shared.report_problems(data):
                bench.fail("report %s: %s" % (name, problem))
            found[name[:-5]] = json.loads(data)
    return found


def power_cuts(bench, cuts=20):
    """kill -9 at any instant. Whatever was begun is told as aborted, or is complete in staging; nothing else is there."""
    instants = random.Random(20260101)
    medium = tree_of(bench, "medium", {**{"f%03d.txt" % n: os.urandom(2000).hex().encode() for n in range(150)}, "eicar.com": EICAR})
    small = tree_of(bench, "small", {"one.txt": GOOD})
    started, cut, published = time.monotonic(), 0, 0
    if bench.inspect(medium).process.returncode != 1:
        raise Broken("the inspection that is to be cut short does not work")
    whole = time.monotonic() - started
    verified, now = set(), {}
    for n in range(cuts):
        inspection = bench.inspect(medium, wait=False)
        daemon = inspection.wait_for("lazaretd", lambda: inspection.daemon)
        # every second one near the end, where things are made visible
        time.sleep(whole * (instants.uniform(0.6, 1.1) if n % 2 else instants.uniform(0.02, 0.7)))
        with contextlib.suppress(ProcessLookupError):
            os.kill(daemon.pid, signal.SIGKILL)
            cut += 1
        inspection.wait()
        for name in set(bench.station.transfers()) - verified:
            if not name.startswith("."):
                bench.verify(name)
                verified.add(name)
        after = bench.inspect(small)
        if after.process.returncode != 0:
            bench.fail("after cut %d: exit status %d: %s" % (n, after.process.returncode, after.text()[-800:]))
        now = kept_reports(bench, now)
        begun = [line.split()[1] for line in inspection.text().splitlines() if line.startswith("transfer ")][:1]
        for transfer in begun:
            outcome = now.get(transfer, {}).get("outcome")
            is_there = transfer in bench.station.transfers()
            if outcome is None:
                bench.fail("after cut %d: %s has no report; the next inspection said: %s" % (n, transfer, after.text()[-800:]))
            elif is_there != (outcome == "published"):
                bench.fail("after cut %d: %s is %s, and %sin staging" % (n, transfer, outcome, "" if is_there else "not "))
            published += is_there
        left = [t for t in bench.station.transfers() if t.startswith(".")] + [
            name for name in os.listdir(bench.station.path("spool"))
            if os.path.exists(bench.station.path("spool", name, "inspection.json"))]
        if left:
            bench.fail("after cut %d: left behind: %s" % (n, left))
        done = bench.station.lazaret("audit", "verify")
        if done.returncode != 0:
            bench.fail("after cut %d: audit verify: %s" % (n, (done.stdout + done.stderr).decode()[-500:]))
    # A directory in the spool that nothing was noted in yet, or any more, may be another's: it goes when it is old.
    for name in os.listdir(bench.station.path("spool")):
        then = time.time() - 3600
        os.utime(bench.station.path("spool", name), (then, then))
    if bench.inspect(small).process.returncode != 0:
        bench.fail("after all cuts: the station does not work")
    bench.note("%d of %d were cut in time; of those that had begun, %d were published" % (cut, cuts, published))


row("power-cuts", "usbsas U5, U6, Keysas K5, invariant 5: kill -9 at twenty instants", script=power_cuts, weight=60)


# -- configuration that would let things through --------------------------------------------------------------------
row("rules-missing", "Keysas K12: rules that are not there", GOOD_AND_BAD, outcome="none",
    before=lambda bench: os.unlink(bench.station.path("rules.yaml")), says=["rules.yaml"])
row("rules-broken", "Keysas K1, #93: a rule that does not mean anything", GOOD_AND_BAD, outcome="none",
    before=lambda bench: put(bench.station.dir, "rules.yaml", b"format: lazaret.rules/1\ntitle: x\nrules:\n  - name: a\n    allow: yes\n"), says=["rules.yaml:"])
row("unknown-setting", "Keysas K12: a setting that nothing reads", GOOD_AND_BAD, outcome="none",
    config={"limits": {"scan-tme": "5s"}}, says=["scan-tme"])
row("key-missing", "Keysas K9: without a key, reports went out unsigned", GOOD_AND_BAD, outcome="any",
    before=lambda bench: os.unlink(bench.station.path("keys", "manifest.key")))
row("no-source", "issue 2: a source that is not there", {}, source=lambda bench: "/nonexistent", outcome="aborted",
    volume_outcomes=[], is_live=True, says=["/nonexistent"])
