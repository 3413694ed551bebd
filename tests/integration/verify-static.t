#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret-verify as one file for other distributions (`make verify-static`): in a root directory that holds nothing else, not even
/proc or /dev, it verifies what a station has published and exported, and refuses what was changed. After that, all that verify.t
asks of lazaret-verify.

BUILD: the build directory (default build).
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from tap import BUILD, EICAR, finish, make_databases, ok, skip  # noqa: E402

STATIC = BUILD / "static" / "lazaret-verify"
# Algorithms are taken away: what a configuration of the machine can do to a program that reads it.
NO_ALGORITHMS = "openssl_conf = top\n[top]\nproviders = some\n[some]\nnull = on\n[on]\nactivate = 1\n"


def run(*command, **more):
    return subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=300, check=False, errors="replace", **more)


def published(work):
    """A station's public keys, one transfer, one export."""
    lazaret, at, medium = BUILD / "bin" / "lazaret", work / "station", work / "medium"
    medium.mkdir()
    (medium / "hello.txt").write_text("hello\n")
    (medium / "game.com").write_bytes(EICAR)
    for command, status in ((("init", at, "--db", make_databases(work / "db"), "--profile", "documents"), 0),
                            (("-C", at, "inspect", medium), 1), (("-C", at, "audit", "export", "--out", work / "export"), 0)):
        done = run(lazaret, *command)
        assert done.returncode == status, done.stdout
    transfer, = (at / "staging").iterdir()
    return at / "keys", transfer, work / "export"


def in_empty_root(root, *args, **env):
    """As root of a name space of its own, which an ordinary user may be too."""
    return run(shutil.which("unshare"), "--user", "--map-root-user", "--root=%s" % root, "/lazaret-verify", *args, env={"PATH": "/", **env})


def empty_root(work, keys, transfer, export):
    root = work / "root"
    root.mkdir()
    shutil.copy(STATIC, root / "lazaret-verify")
    for name in ("manifest.pub", "audit.pub"):
        shutil.copy(keys / name, root / name)
    shutil.copytree(transfer, root / "transfer")
    run("chmod", "-R", "u+w", root / "transfer")
    shutil.copytree(export, root / "export")
    (root / "openssl.cnf").write_text(NO_ALGORITHMS)
    return root


def verifies(root, transfer):
    done = in_empty_root(root, "--key", "/manifest.pub", "/transfer")
    ok(done.returncode == 0 and ": ok: transfer %s, 1 files, 6 bytes" % transfer.name in done.stdout, "a transfer in an empty root", done.stdout)
    done = in_empty_root(root, "--audit", "--key", "/audit.pub", "/export")
    ok(done.returncode == 0, "an exported audit trail in an empty root", done.stdout)
    done = in_empty_root(root, "--key", "/manifest.pub", "/transfer", OPENSSL_CONF="/openssl.cnf")
    ok(done.returncode == 0, "the machine's openssl.cnf has no say", done.stdout)
    (root / "transfer" / "files" / "hello.txt").write_text("hellO\n")
    done = in_empty_root(root, "--key", "/manifest.pub", "/transfer")
    ok(done.returncode == 1 and "hello.txt" in done.stdout and ": ok:" not in done.stdout, "a changed file is refused there", done.stdout)
    done = in_empty_root(root, "--key", "/audit.pub", "/transfer")
    ok(done.returncode == 1 and ": ok:" not in done.stdout, "another key is refused there", done.stdout)


def main():
    if not STATIC.exists() and b"__asan_init" in (BUILD / "bin" / "lazaret-verify").read_bytes():
        skip("lazaret-verify as one file", "a sanitizer's run-time library cannot be linked so")
        return finish()
    headers = run("readelf", "--wide", "--program-headers", "--dynamic", STATIC).stdout
    ok("LOAD" in headers and "INTERP" not in headers and "(NEEDED)" not in headers, "no interpreter, no library", headers)
    ok("GNU_RELRO" in headers and "(FLAGS_1)" in headers and "PIE" in headers and "RWE" not in headers, "loaded anywhere, nothing both writable and executable", headers)
    with tempfile.TemporaryDirectory(prefix="lazaret-static.") as directory:
        work = pathlib.Path(directory)
        keys, transfer, export = published(work)
        verifies(empty_root(work, keys, transfer, export), transfer)
    done = run(sys.executable, HERE / "verify.t", env={**os.environ, "VERIFY": str(STATIC)})
    ok(done.returncode == 0 and "1.." in done.stdout, "it does all that verify.t asks", "\n".join(l for l in done.stdout.splitlines() if not l.startswith("ok ")))
    return finish()


if __name__ == "__main__":
    sys.exit(main())
