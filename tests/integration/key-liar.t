#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret key trust, when the role that reads the file was taken over by it (tests/liars/origin): no answer that has not the
form of a key is shown or kept, and none reaches the terminal as it is."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import BUILD, ROOT, finish, make_databases, ok  # noqa: E402


class Station:
    """Its programs are copies, origin excepted."""

    def __init__(self, work):
        self.bin, self.at, self.file = work / "build" / "bin", work / "station", work / "key"
        self.bin.mkdir(parents=True)
        shutil.copytree(ROOT / "rules", work / "rules")
        for p in (BUILD / "bin").iterdir():
            shutil.copy(p, self.bin / p.name)
        shutil.copy(ROOT / "tests" / "liars" / "origin", self.bin / "lazaret-origin")
        shutil.copy(ROOT / "kiosk" / "ipc" / "messages.def", self.bin)
        (self.bin / "version").write_text(re.search(r"^VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.M).group(1))
        self.bin.chmod(0o777)  # the liar counts there, under its own account
        self.file.write_bytes(b"whatever")
        subprocess.run([self.bin / "lazaret", "init", self.at, "--db", make_databases(work / "db")], check=True,
                       stdout=subprocess.DEVNULL)

    def key(self, *args):
        done = subprocess.run([self.bin / "lazaret", "-C", self.at, "key", *args], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=120)
        return done.returncode, done.stdout + done.stderr

    def trust(self, lie):
        (self.bin / "lie").write_text(lie)
        (self.bin / "asked").unlink(missing_ok=True)
        return self.key("trust", self.file, "--name", "liar", "--yes")

    def kept(self):
        return sorted(p.name for p in (self.at / "trust").iterdir()), (self.at / "audit" / "audit.jsonl").exists()


def clean(said):
    return not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80\xae", said)


def lies(s):
    for lie, status, words in (
            ("other-kind", 2, b"could not read it"), ("no-kind", 2, b"could not read it"),
            ("fingerprint-of-escapes", 2, b"could not read it"), ("empty-fingerprint", 2, b"could not read it"),
            ("no-key", 2, b"could not read it"), ("large-key", 2, b"could not read it"), ("no-key-id", 2, b"could not read it"),
            ("past-the-end-of-time", 2, b"could not read it"), ("nul-in-owner", 2, b"could not read it"),
            ("another-message", 2, b"could not read it"), ("cut-off", 2, b"could not read it"), ("dies", 2, b"it died of it"),
            ("forgets", 2, b"does not read the same twice"), ("trouble", 1, b"broken\\x0a"), ("trouble-without-key", 1, b"a secret key")):
        got, said = s.trust(lie)
        ok(got == status and words in said and clean(said) and s.kept() == ([], False), "%s: refused, nothing kept" % lie,
           "status %d\n%r\n%s" % (got, said, s.kept()))
    got, said = s.trust("escapes")
    ok(got == 0 and clean(said) and b"\\x1b[2J\\u{202E}" in said, "escapes: shown, and harmless", said)
    got, said = s.key("list")
    ok(got == 0 and clean(said) and b"\\x1b[2J\\u{202E}" in said, "also in the list", said)
    record = json.loads((s.at / "audit" / "audit.jsonl").read_text().splitlines()[-1])
    ok(record["body"]["owner"] == "\\x1b[2J\\u{202E}" and record["body"]["key_id"] == "\\x1b]0;x\\x07", "and in the trail", record)
    (s.bin / "lazaret-origin").unlink()
    got, said = s.trust("honest")
    ok(got == 2 and b"does not start" in said, "without the role no key is trusted", said)


if not os.access(BUILD / "bin" / "lazaret", os.X_OK):
    print("Bail out! %s is not built" % BUILD)
    sys.exit(1)
work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-key-liar-", dir="/var/tmp"))
try:
    work.chmod(0o755)
    lies(Station(work))
finally:
    shutil.rmtree(work)
sys.exit(finish())
