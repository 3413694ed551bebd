#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret inspect, rules explain, status and init as their users meet them: contract of options, output and exit status, clear
errors, and an installation outside the source tree. What passes and what does not is the conformance suite's business."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, EICAR, ROOT, finish, make_databases, ok  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"


def run(*args, program=LAZARET, timeout=120, **kw):
    return subprocess.run([str(a) for a in (program, *args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, **kw)


def station(work, name, *options):
    r = run("init", work / name, "--db", work / "db", *options)
    assert r.returncode == 0, r.stderr
    return work / name


def medium(work, name, **files):
    (work / name).mkdir()
    for path, data in files.items():
        (work / name / path.replace("__", ".")).write_bytes(data)
    return work / name


def published(at):
    return sorted(p.name for p in (at / "staging").iterdir())


def contract(work):
    at = station(work, "contract")
    good = medium(work, "good", a__txt=b"hello\n")
    mixed = medium(work, "mixed", a__txt=b"hello\n", evil__txt=EICAR)
    r = run("-C", at, "inspect", "--json", "--operator", "A. Operator", "--reason", "ticket 7", good)
    ok(r.returncode == 0, "all approved: exit status 0", r.stderr.decode())
    report = json.loads(r.stdout)
    manifest = (at / "staging" / report["transfer"] / "manifest.json").read_bytes()
    ok(r.stdout == manifest, "--json prints exactly the report, which is the manifest")
    ok((at / "reports" / f"{report['transfer']}.json").read_bytes() == manifest, "and the same is kept")
    ok(report["operator"] == "A. Operator" and report["reason"] == "ticket 7", "operator and reason are in the report")
    ok(re.match(r"(accounts|one-account)\+namespaces\+landlock\d+\+seccomp$", report["station"]["sandbox"]), "the report says which sandbox ran",
       report["station"])
    ok(not re.search(rb"[\x00-\x09\x0b-\x1f]", r.stderr), "without a terminal progress is plain lines", r.stderr)
    r = run("-C", at, "inspect", mixed)
    ok(r.returncode == 1, "something blocked, the rest published: exit status 1", r.stderr.decode())
    ok(r.stdout == b"", "without --json nothing is on standard output")
    ok(b"malware" in r.stderr and b"evil.txt" in r.stderr, "the blocked file is named with its reason", r.stderr.decode())
    ok(len(published(at)) == 2, "two transfers in staging")
    r = run("-C", at, "inspect", "--json", good, mixed)
    lines = [json.loads(x) for x in r.stdout.decode().replace("\n]", "]").replace("[\n", "[").replace(",\n", ",").splitlines()]
    ok(r.returncode == 1 and len(lines) == 2, "two sources: two reports, the worst status", r.stderr.decode())
    chain = [json.loads(p.read_text()) for p in sorted((at / "reports").iterdir())]
    sums = {hashlib.sha256(p.read_bytes()).hexdigest() for p in (at / "reports").iterdir()}
    ok(sum(c["previous"] is None for c in chain) == 1 and all(c["previous"] in sums for c in chain if c["previous"]), "reports form one line")
    ok(run("-C", at, "audit", "verify").returncode == 0, "audit verify")
    for args in (["inspect"], ["inspect", "--nonsense", good], ["nonsense"], []):
        ok(run("-C", at, *args).returncode == 64, f"usage error: {args or 'no command'}: 64")
    r = run("-C", at, "status")
    ok(r.returncode == 0 and b"_lazaret-vault" in r.stdout, "status prints the role table", r.stdout.decode() + r.stderr.decode())
    ok(json.loads(run("-C", at, "status", "--json").stdout)["troubles"] == [], "status --json has no troubles")
    return at, good, mixed


def explain(at, good, mixed):
    r = run("-C", at, "rules", "explain", good / "a.txt")
    ok(r.returncode == 0 and b"fired" in r.stdout and b"approved" in r.stdout, "rules explain: approved by which rule", r.stdout.decode() + r.stderr.decode())
    before = published(at), len(list((at / "reports").iterdir()))
    r = run("-C", at, "rules", "explain", mixed / "evil.txt")
    ok(r.returncode == 1 and b"malware" in r.stdout, "rules explain: why not", r.stdout.decode() + r.stderr.decode())
    ok(before == (published(at), len(list((at / "reports").iterdir()))), "explaining publishes nothing and keeps no report")
    ok(run("-C", at, "rules", "explain", mixed / "missing").returncode == 2, "explaining a missing file: 2")
    r = run("-C", at, "rules", "explain", "x.txt", "--type", "text/plain", "--checksum", "sha257")
    ok(r.returncode == 64 and b"sha257" in r.stderr, "explaining with a digest that nothing computes: 64", r.stdout.decode() + r.stderr.decode())
    ok(list((at / "spool").iterdir()) == [], "nothing stays in the spool")


def errors(work, good):
    at = station(work, "errors")
    r = run("-C", at, "inspect", work / "nowhere")
    ok(r.returncode == 2 and b"nowhere" in r.stderr and b"No such file" in r.stderr, "a missing source: 2, named", r.stderr.decode())
    ok(json.loads(next((at / "reports").iterdir()).read_text())["outcome"] == "aborted", "and an aborted report is kept")
    os.mkfifo(work / "fifo")
    r = run("-C", at, "inspect", work / "fifo")
    ok(r.returncode == 2 and b"neither a block device nor an image file nor a directory" in r.stderr, "a FIFO is no source", r.stderr.decode())
    (work / "noise.img").write_bytes(os.urandom(1 << 20))
    r = run("-C", at, "inspect", "--json", work / "noise.img")
    ok(r.returncode == 1 and json.loads(r.stdout)["outcome"] == "refused", "an image without a file system is refused", r.stderr.decode())
    config = (at / "lazaret.yaml").read_text()
    (at / "lazaret.yaml").write_text(config + "\nlimits:\n  fies: 10\n  bytes: 12XB\nnonsense: 1\n")
    r = run("-C", at, "inspect", good)
    places = re.findall(rb"lazaret\.yaml:\d+:\d+: ", r.stderr)
    ok(r.returncode == 2 and len(places) >= 3, "errors of the configuration: file:line:column, all in one run", r.stderr.decode())
    (at / "lazaret.yaml").write_text(config + "\noperators: named\n")
    ok(run("-C", at, "inspect", good).returncode == 2, "operators: named refuses an inspection without --operator")
    ok(run("-C", at, "inspect", "--operator", "X", good).returncode == 0, "and accepts one with it")
    (at / "lazaret.yaml").write_text(config)
    rules = (at / "rules.yaml").read_text()
    (at / "rules.yaml").write_text(rules + "\n  - name: again\n    verdict: aprove\n")
    r = run("-C", at, "inspect", good)
    ok(r.returncode == 2 and re.search(rb"rules\.yaml:\d+:\d+: ", r.stderr), "errors of the rules: file:line:column", r.stderr.decode())
    (at / "rules.yaml").write_text(rules)
    shutil.move(at / "keys" / "manifest.key", at / "keys" / "gone")
    before = published(at)
    r = run("-C", at, "inspect", good)
    ok(r.returncode == 2 and published(at) == before, "without the manifest key nothing is published", r.stderr.decode())
    (at / "keys" / "manifest.key").write_text("not a key\n")
    os.chmod(at / "keys" / "manifest.key", 0o600)
    ok(run("-C", at, "inspect", good).returncode == 2 and published(at) == before, "nor with a broken one")
    shutil.move(at / "keys" / "gone", at / "keys" / "manifest.key")
    ok(run("-C", at, "inspect", good).returncode == 0, "with the key put back it works again")
    ok(run("init", at, "--db", work / "db").returncode != 0, "init refuses a directory that holds a station")
    (work / "blind").mkdir()
    (work / "blind" / "blind.hdb").write_text("44d88612fea8a8f36de82e1278abb02f:67:Not.EICAR\n")
    ok(run("init", work / "blind-station", "--db", work / "blind").returncode == 0, "a station with a database that knows no test file")
    r = run("-C", work / "blind-station", "inspect", good)
    ok(r.returncode == 2 and b"self-test" in r.stderr and b"missed its test samples" in r.stdout + r.stderr,
       "an examiner that fails its self-test: aborted, and in these words", (r.stdout + r.stderr).decode())
    (work / "empty").mkdir()
    r = run("init", work / "nodb", "--db", work / "empty")
    ok(r.returncode == 2 and str(work / "empty").encode() in r.stderr, "init without databases: what, where, next step", r.stderr.decode())
    ok(list((at / "spool").iterdir()) == [] and run("-C", at, "audit", "verify").returncode == 0, "spool empty, trail good after all that")


def wait_begun(at, count):
    """Until so many inspections have begun: from that record on there has to be a report. A spool's directory is there before."""
    trail = at / "audit" / "audit.jsonl"
    for _ in range(6000):
        if trail.exists() and trail.read_text().count('"inspection-started"') >= count:
            break
        time.sleep(0.01)


def interrupt(work):
    at = station(work, "interrupt")
    big = medium(work, "big")
    for n in range(3000):
        (big / f"{n}.txt").write_text(f"file {n}\n" * 200)
    p = subprocess.Popen([str(LAZARET), "-C", str(at), "inspect", "--json", str(big)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         start_new_session=True)
    wait_begun(at, 1)
    os.killpg(p.pid, signal.SIGINT)  # what Ctrl-C does: to the whole group
    os.killpg(p.pid, signal.SIGINT)
    out, err = p.communicate(timeout=60)
    ok(p.returncode == 2 and json.loads(out)["outcome"] == "aborted", "Ctrl-C, twice: aborted, exit status 2", err.decode())
    ok(published(at) == [] and list((at / "spool").iterdir()) == [], "nothing published, spool clean")
    p = subprocess.Popen([str(LAZARET), "-C", str(at), "inspect", str(big)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_begun(at, 2)
    p.kill()  # the client alone: lazaretd must end in good order
    p.communicate()
    for _ in range(300):
        if len(list((at / "reports").iterdir())) == 2 and not list((at / "spool").iterdir()):
            break
        time.sleep(0.1)
    outcomes = [json.loads(x.read_text())["outcome"] for x in (at / "reports").iterdir()]
    ok(outcomes == ["aborted"] * 2, "killing the client aborts, with a report", outcomes)


def installed(work, good):
    dest = work / "dest"
    r = run("-s", "-C", ROOT, f"BUILD={BUILD}", f"DESTDIR={dest}", "install", program="make", env={**os.environ, "MAKEFLAGS": ""}, timeout=900)
    ok(r.returncode == 0, "make install DESTDIR=", r.stderr.decode())
    moved = dest / "usr" / "bin" / "lazaret"
    r = run("init", work / "moved", "--db", work / "db", program=moved)
    ok(r.returncode == 0, "the installed lazaret makes a station", r.stderr.decode())
    r = run("-C", work / "moved", "inspect", "--json", good, program=moved)
    ok(r.returncode == 0, "and inspects with the installed roles", r.stderr.decode())
    transfer = work / "moved" / "staging" / json.loads(r.stdout)["transfer"]
    r = run("--key", work / "moved" / "keys" / "manifest.pub", transfer, program=dest / "usr" / "bin" / "lazaret-verify")
    ok(r.returncode == 0, "and its transfer verifies", r.stderr.decode())
    ok((dest / "usr" / "share" / "man" / "man1" / "lazaret-verify.1").exists(), "manual pages are installed")


def main():
    with tempfile.TemporaryDirectory(prefix="lazaret-inspect.") as name:
        work = pathlib.Path(name)
        make_databases(work / "db")
        at, good, mixed = contract(work)
        explain(at, good, mixed)
        errors(work, good)
        interrupt(work)
        installed(work, good)
    return finish()


sys.exit(main())
