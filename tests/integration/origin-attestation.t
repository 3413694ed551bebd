#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Attestations, signed models and container images through a whole inspection: who is told to have signed which file, by which
way, and what is blocked. What each piece of evidence proves by itself: tests/unit/test_origin_{dsse,bundle,oci}.c.

BUILD: the build directory (default build).
"""
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
from tap import ROOT, finish, make_databases, ok  # noqa: E402


def station(work, name, keys):
    """keys: (file, name, purposes...) each."""
    at = work / name
    done = run("init", at, "--db", work / "db")
    assert done.returncode == 0, done.stderr
    for file, key, *purposes in keys:
        trust(at, work / "specimens" / "keys" / file, key, *purposes)
    return at


def inspected(at, specimen):
    return Report(at, at.parent / "specimens" / specimen, specimen)


def attestations(at):
    r = inspected(at, "dsse/good")
    for path in ("a.dsse", "a.bin", "sub/b.bin"):
        r.signed(path, "vendor")
    ok(any("a.dsse" in s["via"] for s in r.files["sub/b.bin"]["signers"]), "the way of proof leads through the attestation",
       r.words("sub/b.bin"))
    r = inspected(at, "dsse/lines")
    r.signed("sub/b.bin", "vendor")
    r = inspected(at, "dsse/tampered")
    r.held("a.dsse", "untrusted-key")
    r.blocked("a.bin", "checksum-mismatch")
    inspected(at, "dsse/tampered-with-hint").blocked("a.dsse", "bad-signature")
    inspected(at, "dsse/stripped").blocked("a.dsse", "bad-signature")
    r = inspected(at, "dsse/line-by-stranger")
    r.signed("sub/b.bin")
    r.blocked("a.bin", "checksum-mismatch")
    r = inspected(at, "dsse/failed")
    r.signed("a.bin")
    ok("scan-error" in r.codes("a.dsse"), "dsse/failed: a.dsse: scan-error", r.words("a.dsse"))
    r = inspected(at, "dsse/fault")  # a vendor's notice that a file has a fault
    r.signed("a.dsse", "vendor")
    r.signed("a.bin")
    r = inspected(at, "dsse/names")
    r.signed("v1.2/a.bin", "vendor")
    r.signed("a.bin", "vendor")  # by its digest alone


def bundles(at):
    for name in ("message", "message-certificate"):
        inspected(at, "bundle/" + name).signed("a.bin", "house" if "certificate" in name else "vendor")
    inspected(at, "bundle/message-swapped").blocked("a.bin", "bad-signature")
    inspected(at, "bundle/message-altered").blocked("a.bin", "bad-signature")
    inspected(at, "bundle/message-stranger").stranger("a.bin")
    inspected(at, "bundle/chain").signed("sub/b.bin", "house")
    r = inspected(at, "bundle/keyless")
    r.signed("sub/b.bin")
    r.held("a.bin.sigstore.json", "untrusted-key")


def models(at):
    r = inspected(at, "model/good")
    for path in ("model.sig", "a.bin", "sub/b.bin"):
        r.signed(path, "vendor")
    r = inspected(at, "model/ignoring")
    r.signed("a.bin", "vendor")
    r.blocked("extra", "checksum-mismatch")
    r = inspected(at, "model/altered")
    r.blocked("a.bin", "checksum-mismatch")
    r.signed("sub/b.bin", "vendor")
    r = inspected(at, "model/single")
    r.signed("a.bin", "vendor")
    r.signed("sub/b.bin")


def images(at, specimens):
    names = dict(line.split() for line in (specimens / "oci" / "names").read_text().splitlines())

    def blob(name):
        return "blobs/sha256/" + names[name]

    def children(layout, name):
        m = json.loads((specimens / "oci" / layout / blob(name)).read_text())
        return ["blobs/sha256/" + d["digest"][7:] for d in [*m.get("manifests", []), *([m["config"]] if "config" in m else []),
                                                            *m.get("layers", [])]]

    r = inspected(at, "oci/signed")
    r.signed("index.json")
    for path in (blob("signed"), *children("signed", "signed")):
        r.signed(path, "vendor")
    for path in children("signed", "unsigned"):
        r.signed(path)
    r.held(blob("unsigned"), "untrusted-key")
    r = inspected(at, "oci/nested")
    inner = children("nested", "nested")[0]
    for path in (blob("nested"), inner, *["blobs/sha256/" + d["digest"][7:] for d in json.loads(
            (specimens / "oci" / "nested" / inner).read_text())["layers"]]):
        r.signed(path, "edwards")
    r = inspected(at, "oci/replayed")
    for path in (blob("replayed"), *children("replayed", "replayed")):
        r.signed(path)
    r = inspected(at, "oci/swapped")
    r.blocked(blob("swapped"), "bad-signature")
    ok("checksum-mismatch" in r.codes(blob("swapped")), "and its digest is not that of the index", r.words(blob("swapped")))
    if "tools" in names:
        r = inspected(at, "oci/tools")
        r.signed(blob("tools"))


def purposes(at):
    """A key that is trusted for something else."""
    r = inspected(at, "dsse/good")
    r.signed("a.bin")
    r.held("a.dsse", "untrusted-key")
    r = inspected(at, "oci/signed")
    ok(not any(f["signers"] for f in r.files.values()), "oci/signed: no file has a signer for the purpose of images")


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-attestation."))
    os.chmod(work, 0o755)
    try:
        make_databases(work / "db")
        subprocess.run([ROOT / "tests" / "lib" / "attestations.py", work / "specimens"], check=True, stdin=subprocess.DEVNULL,
                       timeout=120)
        at = station(work, "station", [("vendor.pub", "vendor", "attestation", "image", "files"), ("edwards.pub", "edwards", "image"),
                                       ("ca.pem", "house", "attestation", "files")])
        attestations(at)
        bundles(at)
        models(at)
        images(at, work / "specimens")
        purposes(station(work, "other", [("vendor.pub", "vendor", "files", "package")]))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
