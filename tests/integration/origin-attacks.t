#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret inspect on evidence that was made to mislead the station or to keep it busy, with real signatures of a trusted key.

BUILD: the build directory (default build).
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import certificates  # noqa: E402
from repository import Key, Repository, Unavailable, synthetic_debs  # noqa: E402
from tap import BUILD, finish, make_databases, ok, skip  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"
DAY = 86400
NOW = int(time.time())
DEADLINE_S = 240  # for a medium that is small: what is quadratic takes hours


class Station:
    """With the profile "updates", which demands a signature."""

    def __init__(self, name):
        self.at = work / name
        subprocess.run([LAZARET, "init", self.at, "--db", db, "--profile", "updates"], check=True, stdout=subprocess.DEVNULL)

    def lazaret(self, *args):
        return subprocess.run([LAZARET, "-C", self.at, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S)

    def trust(self, key, name, *purposes):
        """For every purpose, unless some are given."""
        (work / (name + ".asc")).write_bytes(key.armoured)
        done = self.lazaret("key", "trust", work / (name + ".asc"), "--name", name, "--yes",
                            *[word for p in purposes for word in ("--for", p)])
        ok(done.returncode == 0, "the key %s is trusted" % name, done.stderr.decode())
        return self

    def inspect(self, medium):
        """The report's files, by path."""
        try:
            done = self.lazaret("--json", "inspect", medium)
        except subprocess.TimeoutExpired:
            ok(False, "%s is inspected in time" % medium.name)
            return {}
        if done.returncode not in (0, 1):
            ok(False, "%s can be inspected" % medium.name, done.stderr.decode("utf-8", "replace"))
            return {}
        return {f["path"]: f for f in json.loads(done.stdout)["files"]}


def codes(f):
    return {r["code"] for r in f["reasons"]}


def is_blocked(files, path, name):
    f = files.get(path, {"verdict": "", "reasons": []})
    ok(f["verdict"] == "blocked" and "checksum-mismatch" in codes(f), name, f)
    ok(0 < len(f["reasons"]) <= 16, name + ", in a few words", len(f["reasons"]))


def many_digests_of_one_file():
    """Each of them was a finding: the inspection took a time that grew with the square of their number, and never ended."""
    m = work / "many-digests"
    m.mkdir()
    (m / "a.txt").write_text("hello\n")
    (m / "SHA256SUMS").write_text("".join("%064x  a.txt\n" % i for i in range(50000)))
    is_blocked(Station("many").inspect(m), "a.txt", "50,000 wrong digests of one file")


def algorithms_in_turns():
    """The digest that was computed last was the only one that was kept: a large file was hashed for each line."""
    m = work / "in-turns"
    m.mkdir()
    with open(m / "large.bin", "wb") as f:
        f.truncate(256 << 20)
    (m / "CHECKSUMS").write_text("".join("%032x  large.bin\n%040x  large.bin\n" % (i, i) for i in range(2000)))
    is_blocked(Station("turns").inspect(m), "large.bin", "MD5 and SHA-1 of a large file in turns")


def under_the_name_of_a_list(key):
    """"digest size path" in a signed Release is "digest name" in a list: so an old index had no date, and passed."""
    s = Station("disguised").trust(key, "vendor")
    debs = synthetic_debs(work / "debs", 1)
    s.inspect(Repository(work / "new").add(debs).publish(key, date=NOW - 10 * DAY).root)
    old = Repository(work / "old").add(debs).publish(key, date=NOW - 20 * DAY, detached=True)
    # as many entries as the index of a real archive has: a list may have some lines that are none
    more = "".join(" %s %16d main/i18n/Translation-%d\n" % (hashlib.sha256(b"%d" % i).hexdigest(), i, i) for i in range(60))
    text = (old.dist / "Release").read_text().rstrip("\n") + "\n" + more
    (old.dist / "CHECKSUMS").write_text(text)
    (old.dist / "CHECKSUMS.gpg").write_bytes(key.detach(text.encode()))
    for name in ("Release", "Release.gpg"):
        (old.dist / name).unlink()
    for index in list(old.dist.rglob("Packages*")):
        path = str(index.relative_to(old.dist))
        size = re.search(r"^ [0-9a-f]{64} ( *\d+ )%s$" % re.escape(path), text, re.M).group(1)
        place = old.dist / (size[1:] + path)  # a list has two characters between digest and name
        place.parent.mkdir(parents=True)
        shutil.move(index, place)
    files = s.inspect(old.root)
    debs = [f for p, f in files.items() if p.endswith(".deb")]
    ok(len(debs) == 1 and debs[0]["verdict"] == "held" and not debs[0]["signers"], "an old Release as CHECKSUMS vouches for nothing",
       debs)
    reasons = files.get("dists/specimen/CHECKSUMS", {"reasons": []})["reasons"]
    ok(any("under another name" in r["detail"] for r in reasons), "and is held itself", reasons)


def what_rides_along():
    """A signature has room for what nobody signed. It was approved as its signer's, whatever it was, up to 256 KiB."""
    made = work / "certificates"
    made.mkdir()
    a = certificates.begin(str(made))
    a.cms("code.p7s", "file", "code", chain=("inter",))
    s = Station("riders")
    done = s.lazaret("key", "trust", made / "root.pem", "--name", "root", "--yes")
    ok(done.returncode == 0, "the key root is trusted", done.stderr.decode())
    rider = certificates.sequence(certificates.oid("1.2.3.4.5"), certificates.set_of(certificates.der(4, os.urandom(100000))))
    good = (made / "code.p7s").read_bytes()
    for name, signature, verdict in (("good", good, "approved"), ("rider", certificates.with_unsigned(good, rider), "held")):
        m = work / name
        m.mkdir()
        shutil.copy(made / "file", m / "file")
        (m / "file.p7s").write_bytes(signature)
        files = s.inspect(m)
        ok(files["file"]["verdict"] == "approved" and files["file"]["signers"], "%s: the file is the signer's" % name, files["file"])
        f = files["file.p7s"]
        ok(f["verdict"] == verdict and bool(f["signers"]) == (verdict == "approved"), "%s: the signature is %s" % (name, verdict), f)


def a_text_that_is_a_program(key):
    """Line ends of any kind are the same to a signature over a text."""
    s = Station("texts").trust(key, "vendor")
    m = work / "line-ends"
    m.mkdir()
    firmware, words = bytes(range(256)) * 20, b"one\ntwo\n"
    for name, data in (("fw.bin", firmware), ("words.txt", words)):
        (m / name).write_bytes(data.replace(b"\n", b"\r\n"))
        (m / (name + ".sig")).write_bytes(key.gpg("--textmode", "--digest-algo", "SHA512", "--detach-sign", data=data))
    files = s.inspect(m)
    ok(files["fw.bin"]["verdict"] == "held" and not files["fw.bin"]["signers"], "a program with other line ends is not what was signed",
       files["fw.bin"])
    ok(files["words.txt"]["verdict"] == "approved" and files["words.txt"]["signers"], "a text with other line ends is",
       files["words.txt"])


def a_purpose_along_the_chain(key):
    """A key for single files signed a list that has a repository's index in it: the packages in that index passed as its own."""
    m = Repository(work / "chain").add(synthetic_debs(work / "chain-debs", 1)).publish(key).root
    (m / "dists" / "specimen" / "InRelease").unlink()
    index = next(m.rglob("Packages.xz")).relative_to(m)
    text = "%s  %s\n" % (hashlib.sha256((m / index).read_bytes()).hexdigest(), index)
    (m / "SHA256SUMS").write_text(text)
    (m / "SHA256SUMS.asc").write_bytes(key.detach(text.encode()))
    for name, purposes, passes in (("files-only", ("files",), False), ("both", ("files", "repository"), True)):
        files = Station(name).trust(key, "vendor", *purposes).inspect(m)
        deb = next((f for p, f in files.items() if p.endswith(".deb")), None)
        ok(files.get(str(index), {}).get("signers"), "%s: the index is the signer's" % name, files.get(str(index)))
        ok(deb and bool(deb["signers"]) == passes and (deb["verdict"] == "approved") == passes,
           "%s: and what the index lists %s" % (name, "too" if passes else "is not"), deb)


work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-attacks."))
try:
    os.chmod(work, 0o755)
    db = make_databases(work / "db")
    many_digests_of_one_file()
    algorithms_in_turns()
    what_rides_along()
    try:
        with Key() as vendor:
            under_the_name_of_a_list(vendor)
            a_text_that_is_a_program(vendor)
            a_purpose_along_the_chain(vendor)
    except Unavailable as e:
        skip("repositories", str(e))
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(finish())
