#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""OpenPGP signatures, detached and around lists of checksums, through a whole inspection: who is told to have signed which file,
and what is blocked or held. What each signature is worth by itself: tests/unit/test_openpgp_*.c.

BUILD: the build directory (default build).
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from origin import Report, run  # noqa: E402
from tap import finish, make_databases, ok  # noqa: E402


class Gpg:
    def __init__(self, home):
        self.home = home
        home.mkdir(mode=0o700)

    def __call__(self, *args, at="20260101T000000"):
        return subprocess.run(["gpg", "--homedir", str(self.home), "--batch", "--yes", "--quiet", "--no-tty", "--pinentry-mode",
                               "loopback", "--passphrase", "", "--allow-weak-digest-algos", "--faked-system-time", at + "!",
                               *[str(a) for a in args]], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60).stdout

    def key(self, name, *how):
        self("--quick-gen-key", name, *(how or ("ed25519", "sign", "never")))

    def fingerprint(self, name):
        lines = self("--with-colons", "--list-keys", "=" + name).decode().splitlines()
        return [line.split(":")[9] for line in lines if line.startswith("fpr:")][0]

    def export(self, name, to):
        to.write_bytes(self("--armor", "--export", "=" + name))

    def revoke(self, name):
        text = (self.home / "openpgp-revocs.d" / (self.fingerprint(name) + ".rev")).read_text()
        (self.home / "rev").write_text(text.replace("\n:-----", "\n-----"))
        self("--import", self.home / "rev")

    def sign(self, name, data, sig, *how):
        self("-u", "=" + name, "-o", sig, *how, data, at="20260201T000000")

    def done(self):
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=True, timeout=60)


def detached(gpg, at, key="vendor", *how):
    at.mkdir(parents=True)
    (at / "a.txt").write_bytes(b"what the vendor says\n")
    gpg.sign(key, at / "a.txt", at / "a.txt.asc", *how, "--armor", "-b")


def listed(gpg, at, key="vendor"):
    """A clearsigned list, as Fedora's CHECKSUM."""
    at.mkdir(parents=True)
    (at / "a.txt").write_bytes(b"what the vendor says\n")
    (at / "unlisted.txt").write_bytes(b"what nobody says\n")
    (at / "list").write_text("SHA256 (a.txt) = %s\n" % hashlib.sha256(b"what the vendor says\n").hexdigest())
    gpg.sign(key, at / "list", at / "CHECKSUM", "--clearsign")
    (at / "list").unlink()


def make(gpg, work):
    s = work / "specimens"
    s.mkdir()
    for key in ("vendor", "stranger", "revoked"):
        gpg.key(key)
    gpg.key("expired", "ed25519", "sign", "20260601T000000")
    for name, how in (("good", ()), ("stranger", ("stranger",)), ("revoked", ("revoked",)),
                      ("sha1", ("vendor", "--digest-algo", "SHA1"))):
        detached(gpg, s / name, *how)
    for name in ("tampered", "stripped", "swapped", "malformed"):
        detached(gpg, s / name)
    (s / "tampered/a.txt").write_bytes(b"what the vendor sayz\n")
    (s / "stripped/a.txt.asc").unlink()
    (s / "swapped/b.txt").write_bytes(b"another file\n")
    os.rename(s / "swapped/a.txt.asc", s / "swapped/b.txt.asc")
    text = (s / "malformed/a.txt.asc").read_text()
    (s / "malformed/a.txt.asc").write_text(text[:len(text) // 2])
    for name in ("list-good", "list-text", "list-file", "list-junk"):
        listed(gpg, s / name)
    listed(gpg, s / "list-stranger", "stranger")
    checksum = s / "list-text/CHECKSUM"
    checksum.write_text(checksum.read_text().replace("(a.txt)", "(b.txt)"))
    (s / "list-file/a.txt").write_bytes(b"what the vendor sayz\n")
    checksum = s / "list-junk/CHECKSUM"
    checksum.write_text("SHA256 (unlisted.txt) = %s\n\n" % hashlib.sha256(b"what nobody says\n").hexdigest() + checksum.read_text())
    gpg.revoke("revoked")
    for key in ("vendor", "revoked", "expired"):
        gpg.export(key, work / (key + ".asc"))


class Checked(Report):
    def __init__(self, at, specimen):
        super().__init__(at, at.parent / "specimens" / specimen, specimen)

    def check(self, path, signers, reason=None, verdict=None):
        f = self.files[path]
        codes = {r["code"] for r in f["reasons"]}
        found = sorted({s["name"] for s in f["signers"]})
        good = found == sorted(signers) and (reason in codes if reason else not codes & {"bad-signature", "checksum-mismatch"})
        ok(good and verdict in (None, f["verdict"]), "%s: %s: %s%s" % (self.name, path, ", ".join(signers) or "nobody's",
                                                                       ", " + reason if reason else ""), json.dumps(f, indent=1))


def keys(at, work):
    done = run("-C", at, "key", "trust", work / "vendor.asc", "--name", "vendor", "--for", "files", "--yes")
    ok(done.returncode == 0, "a key is trusted", done.stdout + done.stderr)
    for name, words in (("revoked", b"revoked"), ("expired", b"expired")):
        done = run("-C", at, "key", "trust", work / (name + ".asc"), "--name", name, "--yes")
        ok(done.returncode != 0 and words in done.stdout + done.stderr, "a key that is %s is not" % name, done.stdout + done.stderr)


def inspections(at):
    Checked(at, "good").check("a.txt", ["vendor"])
    Checked(at, "tampered").check("a.txt", [], "bad-signature", "blocked")
    Checked(at, "swapped").check("b.txt", [], "bad-signature", "blocked")
    Checked(at, "malformed").check("a.txt", [], "bad-signature", "blocked")
    Checked(at, "stripped").check("a.txt", [])
    for name in ("stranger", "revoked", "sha1"):
        Checked(at, name).check("a.txt", [], "untrusted-key")
    r = Checked(at, "list-good")
    r.check("a.txt", ["vendor"])
    r.check("CHECKSUM", ["vendor"])
    r.check("unlisted.txt", [])
    Checked(at, "list-text").check("CHECKSUM", [], "bad-signature", "blocked")
    Checked(at, "list-file").check("a.txt", [], "checksum-mismatch", "blocked")
    r = Checked(at, "list-junk")
    r.check("CHECKSUM", [], "bad-signature", "blocked")
    r.check("unlisted.txt", [])
    r = Checked(at, "list-stranger")
    r.check("a.txt", [])
    r.check("CHECKSUM", [], "untrusted-key")


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-openpgp."))
    os.chmod(work, 0o755)
    gpg = Gpg(work / "h")
    try:
        make_databases(work / "db")
        make(gpg, work)
        at = work / "station"
        done = run("init", at, "--db", work / "db")
        ok(done.returncode == 0, "a station", done.stdout + done.stderr)
        keys(at, work)
        inspections(at)
    finally:
        gpg.done()
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
