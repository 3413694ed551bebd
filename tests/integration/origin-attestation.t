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
from tap import BUILD, ROOT, finish, make_databases, ok  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"


def run(*args):
    return subprocess.run([str(a) for a in (LAZARET, *args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)


def station(work, name, keys):
    """keys: (file, name, purposes...) each."""
    at = work / name
    done = run("init", at, "--db", work / "db")
    assert done.returncode == 0, done.stderr
    for file, key, *purposes in keys:
        done = run("-C", at, "key", "trust", work / "specimens" / "keys" / file, "--name", key, "--yes",
                   *[w for p in purposes for w in ("--for", p)])
        assert done.returncode == 0, done.stdout + done.stderr
    return at


class Report:
    def __init__(self, at, specimen):
        done = run("-C", at, "inspect", "--json", at.parent / "specimens" / specimen)
        self.specimen = specimen
        try:
            self.files = {f["path"]: f for f in json.loads(done.stdout)["files"]}
        except (ValueError, KeyError):
            raise AssertionError("%s: %s" % (specimen, done.stderr.decode("utf-8", "replace")))

    def signers(self, path):
        return sorted({s["name"] for s in self.files[path]["signers"]})

    def codes(self, path):
        return {r["code"] for r in self.files[path]["reasons"]}

    def words(self, path):
        return json.dumps(self.files[path], indent=1)

    def signed(self, path, *keys):
        ok(self.signers(path) == sorted(keys) and not self.codes(path) & {"bad-signature", "checksum-mismatch"},
           "%s: %s: by %s" % (self.specimen, path, ", ".join(keys) or "nobody"), self.words(path))

    def blocked(self, path, code):
        ok(code in self.codes(path) and self.files[path]["verdict"] == "blocked" and not self.signers(path),
           "%s: %s: %s" % (self.specimen, path, code), self.words(path))

    def held(self, path, code):
        ok(code in self.codes(path) and not self.signers(path), "%s: %s: %s" % (self.specimen, path, code), self.words(path))


def attestations(at):
    r = Report(at, "dsse/good")
    for path in ("a.dsse", "a.bin", "sub/b.bin"):
        r.signed(path, "vendor")
    ok(any("a.dsse" in s["via"] for s in r.files["sub/b.bin"]["signers"]), "the way of proof leads through the attestation",
       r.words("sub/b.bin"))
    r = Report(at, "dsse/lines")
    r.signed("sub/b.bin", "vendor")
    r = Report(at, "dsse/tampered")
    r.held("a.dsse", "untrusted-key")
    r.blocked("a.bin", "checksum-mismatch")
    Report(at, "dsse/tampered-with-hint").blocked("a.dsse", "bad-signature")
    Report(at, "dsse/stripped").blocked("a.dsse", "bad-signature")
    r = Report(at, "dsse/line-by-stranger")
    r.signed("sub/b.bin")
    r.blocked("a.bin", "checksum-mismatch")
    r = Report(at, "dsse/failed")
    r.signed("a.bin")
    ok("scan-error" in r.codes("a.dsse"), "dsse/failed: a.dsse: scan-error", r.words("a.dsse"))
    r = Report(at, "dsse/names")
    r.signed("v1.2/a.bin", "vendor")
    r.signed("a.bin", "vendor")  # by its digest alone


def bundles(at):
    for name in ("message", "message-certificate"):
        Report(at, "bundle/" + name).signed("a.bin", "house" if "certificate" in name else "vendor")
    Report(at, "bundle/message-swapped").blocked("a.bin", "bad-signature")
    Report(at, "bundle/message-altered").blocked("a.bin", "bad-signature")
    Report(at, "bundle/message-stranger").held("a.bin", "untrusted-key")
    Report(at, "bundle/chain").signed("sub/b.bin", "house")
    r = Report(at, "bundle/keyless")
    r.signed("sub/b.bin")
    r.held("a.bin.sigstore.json", "untrusted-key")


def models(at):
    r = Report(at, "model/good")
    for path in ("model.sig", "a.bin", "sub/b.bin"):
        r.signed(path, "vendor")
    r = Report(at, "model/ignoring")
    r.signed("a.bin", "vendor")
    r.blocked("extra", "checksum-mismatch")
    r = Report(at, "model/altered")
    r.blocked("a.bin", "checksum-mismatch")
    r.signed("sub/b.bin", "vendor")
    r = Report(at, "model/single")
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

    r = Report(at, "oci/signed")
    r.signed("index.json")
    for path in (blob("signed"), *children("signed", "signed")):
        r.signed(path, "vendor")
    for path in children("signed", "unsigned"):
        r.signed(path)
    r.held(blob("unsigned"), "untrusted-key")
    r = Report(at, "oci/nested")
    inner = children("nested", "nested")[0]
    for path in (blob("nested"), inner, *["blobs/sha256/" + d["digest"][7:] for d in json.loads(
            (specimens / "oci" / "nested" / inner).read_text())["layers"]]):
        r.signed(path, "edwards")
    r = Report(at, "oci/replayed")
    for path in (blob("replayed"), *children("replayed", "replayed")):
        r.signed(path)
    r = Report(at, "oci/swapped")
    r.blocked(blob("swapped"), "bad-signature")
    ok("checksum-mismatch" in r.codes(blob("swapped")), "and its digest is not that of the index", r.words(blob("swapped")))
    if "tools" in names:
        r = Report(at, "oci/tools")
        r.signed(blob("tools"))


def purposes(at):
    """A key that is trusted for something else."""
    r = Report(at, "dsse/good")
    r.signed("a.bin")
    r.held("a.dsse", "untrusted-key")
    r = Report(at, "oci/signed")
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
