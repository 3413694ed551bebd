#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The coverage table of docs/inspection.md is what real inspections give, cell by cell: tests/coverage. And it notices when not.

BUILD: the build directory (default build).
"""
import importlib.machinery
import importlib.util
import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from tap import finish, ok  # noqa: E402

PROGRAM = os.path.join(HERE, "..", "coverage")


class Said:
    """As inside.Report, of one file."""

    def __init__(self, verdict, *reasons):
        self.given, self.list = verdict, reasons

    def verdict(self, path):
        return self.given

    def codes(self, path):
        return [code for code, _ in self.list]

    def says(self, path, code, member=None):
        return (code, member) in self.list


def notices(coverage):
    """Each way in which a cell can be wrong."""
    cell = coverage.Cell
    wrong = (
        (cell({"a": b""}), Said("held", ("unsigned", None)), "a harmless file that is held"),
        (cell({"a": b""}, ("malware",), "x/y"), Said("approved"), "malware that is approved"),
        (cell({"a": b""}, ("malware",), "x/y"), Said("held", ("malware", "x/y")), "malware that is only held"),
        (cell({"a": b""}, ("malware",), "x/y"), Said("blocked", ("malware", "x")), "malware under another path"),
        (cell({"a": b""}, ("encrypted",)), Said("held", ("container-opaque", None)), "encrypted, and not called so"),
        (cell({"a": b""}, coverage.DAMAGED), Said("approved"), "a broken file that is approved"),
    )
    for c, said, name in wrong:
        ok(c.problem(said, "a") is not None, "tests/coverage notices %s" % name)
    ok(cell({"a": b""}, ("malware",), "x/y").problem(Said("blocked", ("malware", "x/y")), "a") is None, "and takes what is right")


def main():
    loader = importlib.machinery.SourceFileLoader("coverage_table", PROGRAM)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("coverage_table", loader))
    loader.exec_module(module)
    notices(module)
    done = subprocess.run([PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3000)
    ok(done.returncode == 0, "the table of docs/inspection.md is what comes of real inspections", done.stdout + done.stderr[-6000:])
    return finish()


sys.exit(main())
