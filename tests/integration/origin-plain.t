#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""minisign, signify, plain Ed25519 and ECDSA signatures, bags and crates through a whole inspection: who is told to have signed
which file, by which way, and what is blocked. What each piece of evidence proves by itself:
tests/unit/test_origin_{minisign,signify,raw_signature,bagit,cargo}.c.

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
from origin import Report, run, trust  # noqa: E402
from tap import finish, make_databases, ok  # noqa: E402


def tool(directory, *args):
    done = subprocess.run([str(a) for a in args], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.returncode == 0, (args, done.stdout, done.stderr)
    return done.stdout


class Keys:
    """Two of each kind, "vendor" and "stranger"; signs in the way that vendors do."""

    def __init__(self, at):
        self.at = at
        at.mkdir()
        for who in ("vendor", "stranger"):
            tool(at, "minisign", "-G", "-W", "-p", who + "-m.pub", "-s", who + "-m.key")
            tool(at, "signify-openbsd", "-G", "-n", "-p", who + "-s.pub", "-s", who + "-s.sec")
            tool(at, "openssl", "genpkey", "-algorithm", "ED25519", "-out", who + "-ed.key")
            tool(at, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", who + "-ec.key")
            for kind in ("ed", "ec"):
                tool(at, "openssl", "pkey", "-in", "%s-%s.key" % (who, kind), "-pubout", "-out", "%s-%s.pub" % (who, kind))

    def minisign(self, path, who="vendor"):
        tool(self.at, "minisign", "-S", "-H", "-s", who + "-m.key", "-m", path)

    def signify(self, path, who="vendor", *options):
        tool(self.at, "signify-openbsd", "-S", *options, "-s", who + "-s.sec", "-m", path, "-x", str(path) + ".sig")

    def ed25519(self, path, who="vendor"):
        tool(self.at, "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", who + "-ed.key", "-in", path, "-out", str(path) + ".ed25519")

    def cosign(self, path, who="vendor"):
        tool(self.at, "openssl", "dgst", "-sha256", "-sign", who + "-ec.key", "-out", "der", path)
        pathlib.Path(str(path) + ".sig").write_bytes(tool(self.at, "openssl", "base64", "-A", "-in", "der"))


def inspected(at, medium):
    return Report(at, medium, medium.name)


def sums(medium, *paths):
    return "".join("%s  %s\n" % (hashlib.sha256((medium / p).read_bytes()).hexdigest(), p) for p in paths)


def write(medium, files):
    for name, text in files.items():
        (medium / name).parent.mkdir(parents=True, exist_ok=True)
        (medium / name).write_text(text)


def test_good(at, keys, medium):
    write(medium, {"a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n", "d.txt": "d\n"})
    keys.minisign(medium / "a.txt")
    keys.signify(medium / "b.txt")
    keys.ed25519(medium / "c.txt")
    keys.cosign(medium / "d.txt")
    r = inspected(at, medium)
    for path, key in (("a.txt", "m"), ("b.txt", "s"), ("c.txt", "ed"), ("d.txt", "ec")):
        r.signed(path, key)


def test_tampered(at, keys, medium):
    names = ("a.txt", "b.txt", "c.txt")
    write(medium, {name: name + "\n" for name in names})
    keys.minisign(medium / "a.txt")
    keys.signify(medium / "b.txt")
    keys.ed25519(medium / "c.txt")
    write(medium, {name: name + "!\n" for name in names})
    r = inspected(at, medium)
    r.blocked("a.txt", "bad-signature")
    r.blocked("b.txt", "bad-signature")
    r.held("c.txt", "untrusted-key")  # nothing in it tells a stranger's from an altered file


def test_strangers(at, keys, medium):
    write(medium, {"a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n", "d.txt": "d\n"})
    keys.minisign(medium / "a.txt", "stranger")
    keys.signify(medium / "b.txt", "stranger")
    keys.ed25519(medium / "c.txt", "stranger")
    keys.cosign(medium / "d.txt", "stranger")
    r = inspected(at, medium)
    for path in ("a.txt", "b.txt", "c.txt", "d.txt"):
        r.held(path, "untrusted-key")


def test_embedded(at, keys, medium):
    """The list in SHA256.sig counts as if it stood beside its signature."""
    write(medium, {"x/a.txt": "a\n", "x/b.txt": "b\n", "x/unlisted.txt": "u\n"})
    (medium / "x" / "SHA256").write_text(tool(medium / "x", "sha256sum", "--tag", "a.txt", "b.txt").decode())
    keys.signify(medium / "x" / "SHA256", "vendor", "-e")
    (medium / "x" / "SHA256").unlink()
    r = inspected(at, medium)
    r.signed("x/a.txt", "s")
    r.signed("x/b.txt", "s")
    r.signed("x/unlisted.txt")
    ok(any("SHA256.sig" in s["via"] for s in r.files["x/a.txt"]["signers"]), "embedded: the way leads through the signature",
       r.words("x/a.txt"))
    (medium / "x" / "b.txt").write_text("B\n")
    with open(medium / "x" / "SHA256.sig", "a") as sig:
        sig.write("SHA256 (unlisted.txt) = %s\n" % hashlib.sha256(b"u\n").hexdigest())
    r = inspected(at, medium)
    r.blocked("x/SHA256.sig", "bad-signature")
    r.signed("x/a.txt")
    r.signed("x/unlisted.txt")


def make_bag(keys, medium):
    write(medium, {"bag/bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "bag/data/a.txt": "a\n",
                   "bag/data/sub/b c.txt": "b\n"})
    bag = medium / "bag"
    write(bag, {"manifest-sha256.txt": sums(bag, "data/a.txt", "data/sub/b c.txt")})
    write(bag, {"tagmanifest-sha256.txt": sums(bag, "bagit.txt", "manifest-sha256.txt")})
    keys.minisign(bag / "tagmanifest-sha256.txt")


def test_bag(at, keys, medium):
    make_bag(keys, medium)
    r = inspected(at, medium)
    for path in ("bag/tagmanifest-sha256.txt", "bag/manifest-sha256.txt", "bag/bagit.txt", "bag/data/a.txt", "bag/data/sub/b c.txt"):
        r.signed(path, "m")
    write(medium, {"bag/data/extra.txt": "x\n"})
    r = inspected(at, medium)
    r.blocked("bag/data/extra.txt", "checksum-mismatch")
    r.signed("bag/data/a.txt", "m")
    (medium / "bag" / "data" / "extra.txt").unlink()
    write(medium, {"bag/data/a.txt": "A\n"})
    inspected(at, medium).blocked("bag/data/a.txt", "checksum-mismatch")


def test_bag_with_fetch(at, keys, medium):
    make_bag(keys, medium)
    write(medium, {"bag/fetch.txt": "https://example.org/c 1 data/c.txt\n"})
    r = inspected(at, medium)
    ok("scan-error" in r.codes("bag/manifest-sha256.txt"), "a bag with fetch.txt: its list is broken", r.words("bag/manifest-sha256.txt"))
    r.signed("bag/data/a.txt")


def test_crate(at, keys, medium):
    write(medium, {"serde/Cargo.toml": "[package]\n", "serde/src/lib.rs": "//\n"})
    files = {p: hashlib.sha256((medium / "serde" / p).read_bytes()).hexdigest() for p in ("Cargo.toml", "src/lib.rs")}
    write(medium, {"serde/.cargo-checksum.json": json.dumps({"files": files, "package": "0" * 64})})
    keys.minisign(medium / "serde" / ".cargo-checksum.json")
    r = inspected(at, medium)
    r.signed("serde/src/lib.rs", "m")
    write(medium, {"serde/build.rs": "fn main() {}\n"})  # cargo would run it
    r = inspected(at, medium)
    r.blocked("serde/build.rs", "checksum-mismatch")
    r.signed("serde/src/lib.rs", "m")


def main():
    tests = [test_good, test_tampered, test_strangers, test_embedded, test_bag, test_bag_with_fetch, test_crate]
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-origin-plain-", dir="/var/tmp"))
    try:
        make_databases(work / "db")
        keys = Keys(work / "keys")
        at = work / "station"
        done = run("init", at, "--db", work / "db")
        assert done.returncode == 0, done.stderr
        for name in ("m", "s", "ed", "ec"):
            trust(at, keys.at / ("vendor-%s.pub" % name), name, "files")
        for test in tests:
            medium = work / test.__name__[5:]
            medium.mkdir()
            test(at, keys, medium)
    finally:
        subprocess.run(["chmod", "-R", "u+w", work], check=False)  # transfers are read-only directories
        shutil.rmtree(work)
    return finish()


sys.exit(main())
