# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Units as they are installed, under a running systemd of their own (tests/lib/own-systemd): a script says what it found by lines in /out/results."""
import os
import subprocess

from tap import BUILD, ROOT, ok, skip


def install(work, *more):
    """`make install` into what will be laid over this machine's files; the tree."""
    tree = work / "tree"
    done = subprocess.run(["make", "-s", "-C", ROOT, "install", "BUILD=%s" % BUILD, "DESTDIR=%s" % tree, "PREFIX=/usr", *more], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    ok(done.returncode == 0, "make install", done.stderr)
    return tree


def run(work, script, last=None, timeout=400):
    """({name: value}, what to show when something is wrong) of the script; None: no systemd can be started here, which has been said. `last`: the name that it
    says in the end."""
    out = work / "out"
    (work / "script").write_text(script)
    try:
        done = subprocess.run([ROOT / "tests/lib/own-systemd", work, work / "tree", work / "script"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=timeout)
    except subprocess.TimeoutExpired as e:
        done = subprocess.CompletedProcess(e.cmd, 1, str(e.stdout), str(e.stderr))
    if done.returncode == 77:
        skip("units", "no systemd of its own can be started here: " + done.stderr.strip().split("\n")[-1])
        return None
    file = out / "results"
    have = dict(line.split("\t", 1) for line in file.read_text().splitlines()) if file.exists() else {}
    tail = "".join("\n== %s\n%s" % (f.name, f.read_text(errors="replace")[-6000:]) for f in (out / n for n in ("log", "journal", "status")) if f.exists())
    if last:
        ok(last in have, "a systemd of its own ran to the end of the script", (done.stdout[-2000:], done.stderr[-2000:], tail))
    return have, (have, done.stderr[-2000:], tail)
