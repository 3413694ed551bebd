#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret inspect on files with CMS signatures by openssl, on programs and installers that osslsigncode signed, and on a catalog:
who vouches for what, and what becomes of that when somebody else had the medium in hand.

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
import certificates  # noqa: E402
from tap import BUILD, finish, make_databases, ok  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"


def lazaret(at, *args):
    return subprocess.run([str(a) for a in (LAZARET, "-C", at, *args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)


def station(name, *trust):
    """A station with the profile "updates"; `trust`: (certificate's name, purposes)."""
    at = work / name
    subprocess.run([LAZARET, "init", at, "--db", work / "db", "--profile", "updates"], check=True, stdout=subprocess.DEVNULL)
    for certificate, purposes in trust:
        done = lazaret(at, "key", "trust", made / (certificate + ".pem"), "--name", certificate, "--yes",
                       *(a for p in purposes for a in ("--for", p)))
        assert done.returncode == 0, done.stderr
    return at


def inspect(at, files):
    """What the report says of each file; `files`: path on the medium -> bytes, or the name of a specimen."""
    medium = pathlib.Path(tempfile.mkdtemp(dir=work))
    for path, content in files.items():
        (medium / path).parent.mkdir(parents=True, exist_ok=True)
        (medium / path).write_bytes((made / content).read_bytes() if isinstance(content, str) else content)
    done = lazaret(at, "--json", "inspect", medium)
    if done.returncode not in (0, 1):
        ok(False, "%s can be inspected" % sorted(files), done.stderr.decode("utf-8", "replace"))
        return {}
    return {f["path"]: f for f in json.loads(done.stdout)["files"]}


def expect(files, path, verdict, reason=None, via=None, name=None):
    f = files.get(path, {"verdict": "not there", "reasons": [], "signers": []})
    codes = [r["code"] for r in f["reasons"]]
    vias = [s["via"] for s in f["signers"]]
    good = f["verdict"] == verdict and (reason is None or reason in codes) and (via is None or via in vias)
    ok(good, name or "%s: %s%s" % (path, verdict, ", " + reason if reason else ""), json.dumps(f))
    return f


def detached():
    at = station("files", ("root", ["files"]))
    f = expect(inspect(at, {"d/file": "file", "d/file.p7s": "code.p7s"}), "d/file", "approved", via="d/file.p7s")
    fingerprint = hashlib.sha256(a.der_of("code")).hexdigest()
    ok([s["key"] for s in f["signers"]] == [fingerprint] and f["signers"][0]["name"] == "root",
       "the signer is told by his certificate and the name of the trusted one", json.dumps(f))
    for signature, verdict, reason in (
            ("pem.p7s", "approved", None), ("attached.p7s", "approved", None), ("ed25519.p7s", "approved", None),
            ("rsa-pss.p7s", "approved", None), ("stranger.p7s", "held", "untrusted-key"), ("tls.p7s", "held", "untrusted-key"),
            ("md-sha1.p7s", "held", "untrusted-key"), ("short.p7s", "held", "untrusted-key"),
            ("with-crl.p7s", "held", "untrusted-key"), ("bag.p7b", "held", "unsigned"), ("other-file.p7s", "blocked", "bad-signature"),
            ("stranger-other.p7s", "blocked", "bad-signature"), ("truncated.p7s", "blocked", "bad-signature"),
            ("followed.p7s", "blocked", "bad-signature"), ("explicit.p7s", "blocked", "bad-signature")):
        expect(inspect(at, {"file": "file", "file" + signature[-4:]: signature}), "file", verdict, reason,
               name="%s: %s%s" % (signature, verdict, ", " + reason if reason else ""))
    expect(inspect(at, {"renamed": "file", "file.p7s": "code.p7s"}), "renamed", "held", "unsigned",
           name="a signature is its file's alone, by name")
    expect(inspect(at, {"file": "file", "file.p7s": "two.p7s"}), "file", "approved", name="one good signer of two is enough")


def checksum_list():
    at = station("list", ("root", ["files"]))
    data = {"a.txt": b"first\n", "d/b.txt": b"second\n"}
    a.write("SHA256SUMS", b"".join(b"%s  %s\n" % (hashlib.sha256(d).hexdigest().encode(), p.encode()) for p, d in data.items()))
    a.cms("SHA256SUMS.p7s", "SHA256SUMS", "code", chain=("inter",))
    files = inspect(at, {**data, "SHA256SUMS": "SHA256SUMS", "SHA256SUMS.p7s": "SHA256SUMS.p7s"})
    expect(files, "d/b.txt", "approved", via="SHA256SUMS.p7s \u2192 SHA256SUMS")
    files = inspect(at, {**data, "a.txt": b"forged\n", "SHA256SUMS": "SHA256SUMS", "SHA256SUMS.p7s": "SHA256SUMS.p7s"})
    expect(files, "a.txt", "blocked", "checksum-mismatch")


def programs():
    at = station("code", ("root", ["code"]))
    for specimen, verdict, reason in (
            ("program-code", "approved", None), ("program32-code", "approved", None), ("program-nested", "approved", None),
            ("stamped", "approved", None), ("program", "held", "unsigned"),
            ("stripped", "held", "unsigned"), ("program-stranger", "held", "untrusted-key"),
            ("program-md-sha1", "held", "untrusted-key"), ("program-plain", "held", "untrusted-key"),
            ("tampered", "blocked", "bad-signature"), ("moved", "blocked", "bad-signature"),
            ("appended", "blocked", "bad-signature"), ("padded-data", "blocked", "bad-signature"),
            ("odd-entry", "blocked", "bad-signature"), ("section-in-table", "blocked", "bad-signature")):
        expect(inspect(at, {"setup.exe": specimen}), "setup.exe", verdict, reason,
               name="%s: %s%s" % (specimen, verdict, ", " + reason if reason else ""))
    at = station("not-for-code", ("root", ["files"]))
    expect(inspect(at, {"setup.exe": "program-code"}), "setup.exe", "held", "untrusted-key",
           name="a CA for files alone vouches for no program")


def installers():
    at = station("installers", ("root", ["code"]))
    for specimen, name, verdict, reason in (
            ("package-code", "pump.msi", "approved", None), ("package", "pump.msi", "held", None),
            ("package-odd", "pump.msi", "held", None), ("package-nameless", "pump.msi", "held", "untrusted-key"),
            ("package-border", "pump.msi", "blocked", "bad-signature"), ("package-script", "pump.msi", "blocked", "bad-signature"),
            ("package-appended", "pump.msi", "blocked", "bad-signature"), ("cabinet-code", "pump.cab", "approved", None),
            ("cabinet", "pump.cab", "held", None), ("cabinet-tampered", "pump.cab", "blocked", "bad-signature"),
            ("cabinet-number", "pump.cab", "blocked", "bad-signature")):
        expect(inspect(at, {name: specimen}), name, verdict, reason,
               name="%s: %s%s" % (specimen, verdict, ", " + reason if reason else ""))


def catalogs():
    at = station("catalog", ("root", ["code"]))
    medium = {"file": "file", "driver.sys": "driver.sys", "x64/driver.sys": "driver-other.sys", "signed.sys": "signed.sys"}
    files = inspect(at, {**medium, "a.cat": "good.cat"})
    for path in ("file", "driver.sys", "x64/driver.sys"):
        expect(files, path, "approved", via="a.cat")
    files = inspect(at, {**medium, "a.cat": "good.cat", "driver.sys": b"MZ" + bytes(1000), "file": b"\x9d\xc3\x07\x12\x00"})
    expect(files, "driver.sys", "held", "unsigned", name="a program of that name, but another hash, is not in the catalog")
    expect(files, "file", "held", "unsigned", name="and neither is another file")
    files = inspect(at, {**medium, "a.cat": "stranger.cat"})
    expect(files, "driver.sys", "held", name="a stranger's catalog vouches for nothing")
    files = inspect(at, {**medium, "a.cat": "tampered.cat"})
    expect(files, "a.cat", "blocked", "bad-signature")
    expect(files, "driver.sys", "held", name="what a forged catalog lists is not covered")


work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-cms."))
os.chmod(work, 0o755)
try:
    make_databases(work / "db")
    made = work / "made"
    made.mkdir()
    a = certificates.begin(made)
    certificates.make_cms(a)
    certificates.make_authenticode(a)
    for test in (detached, checksum_list, programs, installers, catalogs):
        test()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(finish())
