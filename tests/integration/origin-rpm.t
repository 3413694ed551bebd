#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""lazaret inspect on RPM packages and repositories made by rpmbuild, rpmsign, createrepo_c and gpg: who vouches for what, by
which path of proof; and what becomes of that when somebody else had the medium in hand.

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
import rpms  # noqa: E402
from tap import BUILD, finish, make_databases, ok  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"

# What must become of each package: its verdict, and a reason.
PACKAGES = {
    "signed": ("approved", None), "older": ("approved", None), "both": ("approved", None), "sha512": ("approved", None),
    "legacy": ("approved", None), "openpgp-tag": ("approved", None), "lead-changed": ("approved", None),
    "version-3": ("approved", None), "version-3-changed": ("blocked", "bad-signature"),
    "unsigned": ("held", "unsigned"), "truncated-lead": ("blocked", "archive-unsafe"),
    "stranger": ("held", "untrusted-key"), "expired": ("held", "untrusted-key"), "revoked": ("held", "untrusted-key"),
    "short": ("held", "untrusted-key"), "sha1": ("held", "untrusted-key"), "header-only": ("held", "untrusted-key"),
    "payload-sha1": ("held", "untrusted-key"),
    "payload-changed": ("blocked", "bad-signature"), "payload-of-another": ("blocked", "bad-signature"),
    "payload-longer": ("blocked", "bad-signature"), "payload-shorter": ("blocked", "bad-signature"),
    "payload-gone": ("blocked", "bad-signature"), "header-changed": ("blocked", "bad-signature"),
    "signature-of-another": ("blocked", "bad-signature"), "outside-region": ("blocked", "bad-signature"),
    "legacy-payload-changed": ("blocked", "bad-signature"), "junk-signature": ("blocked", "bad-signature"),
    "empty-signature": ("blocked", "bad-signature"), "truncated-header": ("blocked", "bad-signature"),
    "truncated-signatures": ("blocked", "bad-signature"), "huge-header": ("blocked", "bad-signature"),
    "junk-header": ("blocked", "bad-signature"), "openpgp-tag-junk": ("blocked", "bad-signature"),
    "openpgp-tag-no-base64": ("blocked", "bad-signature"), "openpgp-tag-many": ("blocked", "bad-signature"),
    "many-signatures": ("blocked", "bad-signature"),
    "not-an-rpm": ("blocked", "type-mismatch"),
}


def lazaret(at, *args):
    return subprocess.run([str(a) for a in (LAZARET, "-C", at, *args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)


def station(name, *trust):
    """A station with the profile "updates"; `trust`: (key file, name, purposes)."""
    at = work / name
    subprocess.run([LAZARET, "init", at, "--db", work / "db", "--profile", "updates"], check=True, stdout=subprocess.DEVNULL)
    for key, owner, purposes in trust:
        done = lazaret(at, "key", "trust", made / "keys" / (key + ".pgp"), "--name", owner, "--yes",
                       *(a for p in purposes for a in ("--for", p)))
        assert done.returncode == 0, done.stderr
    return at


def inspect(at, medium):
    """What the report says of each file, by its path."""
    done = lazaret(at, "--json", "inspect", medium)
    if done.returncode not in (0, 1):
        ok(False, "%s can be inspected" % medium.name, done.stderr.decode("utf-8", "replace"))
        return {}
    return {f["path"]: f for f in json.loads(done.stdout)["files"]}


def expect(files, path, verdict, reason=None, via=None, name=None):
    f = files.get(path, {"verdict": "not there", "reasons": [], "signers": []})
    codes = [r["code"] for r in f["reasons"]]
    vias = [s["via"] for s in f["signers"]]
    good = f["verdict"] == verdict and (reason in codes if reason else True) and (via is None or any(via(v) for v in vias))
    ok(good, name or "%s: %s%s" % (path, verdict, ", " + reason if reason else ""), json.dumps(f))
    return f


def single_packages():
    at = station("packages", ("vendor", "vendor-x", ["package"]))
    for key in ("expired", "revoked", "short"):  # what becomes of one that was good when it was trusted, the unit tests show
        done = lazaret(at, "key", "trust", made / "keys" / (key + ".pgp"), "--name", key, "--yes")
        ok(done.returncode != 0, "a key that is %s cannot be trusted" % key, done.stderr.decode())
    medium = work / "single"
    medium.mkdir()
    for rpm in made.glob("*.rpm"):
        shutil.copy(rpm, medium)
    files = inspect(at, medium)
    ok(sorted(files) == sorted(n + ".rpm" for n in PACKAGES), "every specimen is in the report", sorted(files))
    for name, (verdict, reason) in PACKAGES.items():
        f = expect(files, name + ".rpm", verdict, reason)
        if verdict != "approved":
            ok(f["signers"] == [], "%s has no signer" % name, json.dumps(f))
    fingerprint = (made / "keys" / "vendor.fpr").read_text()
    ok(files["signed.rpm"]["signers"] == [{"key": fingerprint, "name": "vendor-x", "via": "signed.rpm"}],
       "a signed package names its signer by fingerprint", json.dumps(files["signed.rpm"]))


def purposes():
    at = station("purposes", ("vendor", "vendor-x", ["files", "repository"]))
    package = "Packages/s/specimen-1.0-1.noarch.rpm"
    vias = [v["via"] for v in inspect(at, made / "repo")[package]["signers"]]
    ok(len(vias) == 1 and vias[0].startswith("repodata/repomd.xml.asc \u2192 "),
       "a key for repositories alone vouches for a package by the repository's index alone", vias)
    medium = work / "alone"
    medium.mkdir()
    shutil.copy(made / "signed.rpm", medium)
    expect(inspect(at, medium), "signed.rpm", "held", "untrusted-key", name="and not by the package's own signature")


def unsigned_repository(name):
    """Packages without signatures of their own: all that they have is the repository's signed index."""
    root = work / name
    (root / "Packages").mkdir(parents=True)
    for version in ("1.0", "2.0"):
        rpms.write(root / "Packages" / ("tool-%s-1.noarch.rpm" % version), rpms.build("tool", version, "of a repository"))
    rpms.run(["createrepo_c", "--quiet", "--general-compress-type", "gz", str(root)])
    return root


def sign(keys, root, who="vendor"):
    repomd = root / "repodata" / "repomd.xml"
    rpms.write(str(repomd) + ".asc", keys.sign(who, repomd.read_bytes(), "--armor"))
    return root


def copy_of(root, name):
    shutil.copytree(root, work / name)
    return work / name


def primary_of(root):
    return next((root / "repodata").glob("*-primary.xml.gz"))


def repositories(keys):
    at = station("repositories", ("own-vendor", "vendor-x", ["repository"]))
    one, two = "Packages/tool-1.0-1.noarch.rpm", "Packages/tool-2.0-1.noarch.rpm"
    root = unsigned_repository("repository")
    files = inspect(at, root)
    expect(files, one, "held", "unsigned", name="without repomd.xml.asc nothing is signed")
    sign(keys, root, "own-vendor")
    primary = primary_of(root)
    path = "repodata/repomd.xml.asc \u2192 repodata/repomd.xml \u2192 repodata/%s" % primary.name
    files = inspect(at, root)
    for package in (one, two):
        expect(files, package, "approved", via=lambda v: v == path, name="%s: repomd.xml.asc, repomd.xml, primary.xml" % package)
    expect(files, "repodata/" + primary.name, "approved", via=lambda v: v.endswith("repomd.xml"))
    expect(files, "repodata/repomd.xml", "approved", via=lambda v: v == "repodata/repomd.xml.asc")

    bad = copy_of(root, "changed-package")
    raw = (bad / one).read_bytes()
    (bad / one).write_bytes(rpms.flipped(raw, len(raw) - 3))
    files = inspect(at, bad)
    expect(files, one, "blocked", "checksum-mismatch", name="a package that was changed is blocked")
    expect(files, two, "approved", name="and the other is not")

    bad = copy_of(root, "swapped-packages")
    os.rename(bad / one, bad / "x")
    os.rename(bad / two, bad / one)
    os.rename(bad / "x", bad / two)
    files = inspect(at, bad)
    expect(files, one, "blocked", "checksum-mismatch", name="two packages that changed names are blocked")
    expect(files, two, "blocked", "checksum-mismatch", name="both of them")

    bad = copy_of(root, "extra-package")
    rpms.write(bad / "Packages" / "extra-1.0-1.noarch.rpm", rpms.build("extra", "1.0", "of somebody else"))
    expect(inspect(at, bad), "Packages/extra-1.0-1.noarch.rpm", "held", "unsigned", name="a package that is not listed is not covered")

    bad = copy_of(root, "changed-primary")
    rpms.write(bad / one, rpms.build("tool", "1.0", "of somebody else"))
    other = work / "other"
    (other / "Packages").mkdir(parents=True)
    for package in (one, two):
        shutil.copy(bad / package, other / package)
    rpms.run(["createrepo_c", "--quiet", "--general-compress-type", "gz", str(other)])
    (bad / "repodata" / primary.name).write_bytes(primary_of(other).read_bytes())
    files = inspect(at, bad)
    expect(files, "repodata/" + primary.name, "blocked", "checksum-mismatch", name="an index that was exchanged is blocked")
    expect(files, one, "held", "unsigned", name="and vouches for nothing")

    bad = copy_of(other, "foreign-signature")
    shutil.copy(root / "repodata" / "repomd.xml.asc", bad / "repodata")
    files = inspect(at, bad)
    expect(files, "repodata/repomd.xml", "blocked", "bad-signature", name="the signature of another repomd.xml is blocked")
    expect(files, one, "held", "unsigned", name="and its packages are unsigned")

    sign(keys, other, "somebody")
    files = inspect(at, other)
    expect(files, "repodata/repomd.xml", "held", "untrusted-key", name="a repository that a stranger signed is held")
    ok(files[one]["verdict"] == "held" and not files[one]["signers"], "and so are its packages", json.dumps(files[one]))


def hostile_indexes(keys):
    at = station("hostile", ("own-vendor", "vendor-x", ["repository"]))
    root = unsigned_repository("hostile-medium")
    one = "Packages/tool-1.0-1.noarch.rpm"
    repomd = root / "repodata" / "repomd.xml"
    # signed by a trusted key, and yet: who signs by machine signs what others wrote
    repomd.write_bytes(b"<!DOCTYPE repomd [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>" +
                       repomd.read_bytes().split(b"\n", 1)[1])
    files = inspect(at, sign(keys, root, "own-vendor"))
    expect(files, "repodata/repomd.xml", "held", "scan-error", name="an index with a document type is broken")
    expect(files, one, "held", "unsigned", name="and vouches for nothing")
    repomd.write_bytes(repomd.read_bytes()[:-20])
    files = inspect(at, sign(keys, root, "own-vendor"))
    expect(files, "repodata/repomd.xml", "held", "scan-error", name="an index that is cut off is broken")
    ok(lazaret(at, "audit", "verify").returncode == 0, "the audit trail holds")


def main():
    single_packages()
    purposes()
    with rpms.Keys() as keys:
        keys.make("own-vendor")
        keys.make("somebody")
        keys.export(made / "keys")
        repositories(keys)
        hostile_indexes(keys)
    return finish()


work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-rpm."))
os.chmod(work, 0o755)
made = work / "made"
try:
    make_databases(work / "db")
    rpms.main(str(made))
    status = main()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
