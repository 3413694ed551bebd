# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What the integration tests (tests/integration/*.t) share: TAP, where things are, and the EICAR test file with databases
that find it. The string is put together at run time, so that no scanner takes this script for the file."""
import hashlib
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.path.abspath(os.environ.get("BUILD", ROOT / "build")))
EICAR = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()

_count = _failed = 0


def ok(condition, name, why=""):
    """One test; `why` is shown when it fails."""
    global _count, _failed
    _count += 1
    _failed += not condition
    print("%sok %d - %s" % ("" if condition else "not ", _count, name), flush=True)
    if not condition:  # on standard error, which a harness shows: without the reason a failure seen once cannot be found
        print("# failed: " + name, file=sys.stderr)
        for line in str(why).splitlines():
            print("# " + line, file=sys.stderr, flush=True)


def skip(name, reason):
    global _count
    _count += 1
    print("ok %d - %s # SKIP %s" % (_count, name, reason), flush=True)


def counts():
    """(passed, failed)"""
    return _count - _failed, _failed


def finish():
    """The plan; the exit status."""
    print("1..%d" % _count)
    return 1 if _failed else 0


def make_databases(directory):
    """Two ways to find EICAR: the hash of the whole file, and its body anywhere."""
    directory = pathlib.Path(directory)
    directory.mkdir(exist_ok=True)
    (directory / "eicar.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Eicar-Test\n")
    (directory / "eicar.ndb").write_text(f"Eicar-Body:0:*:{EICAR[:44].hex()}\n")
    return directory
