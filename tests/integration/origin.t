#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Who signed what, told everywhere: by `lazaret inspect`, the report, the receipt, `lazaret show` and `lazaret rules explain`; and
what becomes of it when the officer changes his mind. What each format proves: origin-*.t and tests/conformance/rows_origin*.py.

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

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import repository  # noqa: E402
from tap import BUILD, finish, make_databases, ok, skip  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"
# the beginning of lzop's format: what is in such a file, no examiner sees
NOBODY_OPENS = b"\x89LZO\0\r\n\x1a\n" + bytes(range(200))
ARROW = " \u2192 "
DEB = "pool/main/s/specimen-00000/specimen-00000_1.0_all.deb"
CHAIN = ARROW.join(("dists/specimen/InRelease", "dists/specimen/main/binary-amd64/Packages.xz"))


def lazaret(at, *args):
    done = subprocess.run([str(a) for a in (LAZARET, "-C", at, *args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8", "backslashreplace")


def inspect(at, medium):
    """Exit status, the report, entries by path."""
    status, out, err = lazaret(at, "inspect", "--json", medium)
    try:
        report = json.loads(out)
    except ValueError:
        raise AssertionError(err) from None
    return status, report, {f["path"]: f for f in report["files"]}


def trust(at, name, file, *options):
    status, out, err = lazaret(at, "key", "trust", file, "--name", name, "--yes", *options)
    assert status == 0, out + err


def told_everywhere(at, medium, key):
    status, report, files = inspect(at, medium)
    ok(status == 0 and files[DEB]["signers"] == [{"key": key.fingerprint, "name": "vendor", "via": CHAIN}],
       "report: signer, key and path of proof", json.dumps(files.get(DEB), indent=1))
    top = at / "staging" / report["transfer"]
    manifest = json.loads((top / "manifest.json").read_text())
    ok([f["signers"] for f in manifest["files"] if f["path"] == DEB] == [files[DEB]["signers"]], "manifest: the same")
    receipt = (top / "receipt.txt").read_text()
    unseen = "NOT SEEN BY THE VIRUS SCANNER (container-opaque): the signature vouches for it"
    lines = re.sub(r"\n +", " ", receipt)  # of 80 columns
    ok("signed by vendor, proved by %s %s\n" % (CHAIN, unseen) in lines and lines.count(unseen) == 2,
       "receipt.txt: names the signer, and what no scanner has seen", receipt)
    html = (top / "receipt.html").read_text()
    ok("signed by vendor, proved by " + CHAIN in html and html.count("not seen by the virus scanner") == 2, "receipt.html: likewise", html)
    status, out, err = lazaret(at, "show", report["transfer"])
    ok(status == 0 and "signed by vendor, proved by " + CHAIN in out and out.count("not seen by the virus scanner") == 2,
       "show: likewise", out + err)
    ok([v["code"] for v in files[DEB].get("vouched", [])] == ["container-opaque"] and "vouched" not in files["dists/specimen/InRelease"],
       "report: what no scanner has seen, and the signature vouches for", json.dumps(files[DEB]))
    records = [json.loads(line) for line in (at / "audit" / "audit.jsonl").read_text().splitlines()]
    ok(any("vendor" in json.dumps(r) and "trust" in json.dumps(r) for r in records), "the trail tells when the key was trusted")


def explained(at, medium, key):
    """The chain, in words and for programs; without --root only what stands beside the file is looked at."""
    status, out, err = lazaret(at, "rules", "explain", "--root", medium, medium / DEB)
    words = "signed by vendor, key %s, proved by %s" % (key.fingerprint, CHAIN)
    ok(status == 0 and words in out and "approved" in out, "explain --root: prints the chain", out + err)
    ok("sha256 as listed in dists/specimen/main/binary-amd64/Packages.xz, signed" in out, "explain --root: prints the list", out)
    status, out, err = lazaret(at, "--json", "rules", "explain", "--root", medium, medium / DEB)
    told = json.loads(out or "{}")
    ok(told.get("signers") == [{"key": key.fingerprint, "name": "vendor", "via": CHAIN}] and told.get("verdict") == "approved",
       "explain --json: the chain", out + err)
    status, out, err = lazaret(at, "rules", "explain", medium / DEB)
    ok(status != 0 and "  signed by" not in out and "held" in out and "unsigned" in out, "explain without --root: nobody vouches", out + err)
    altered = medium / DEB
    original = altered.read_bytes()
    altered.write_bytes(original[:-1] + b"x")
    status, out, err = lazaret(at, "rules", "explain", "--root", medium, altered)
    ok(status != 0 and "checksum-mismatch" in out and "Packages.xz says another" in out and "  signed by" not in out,
       "explain --root: an altered file", out + err)
    altered.write_bytes(original)
    elsewhere = medium.parent / "elsewhere.deb"
    elsewhere.write_bytes(original)
    status, out, err = lazaret(at, "rules", "explain", "--root", medium, elsewhere)
    ok(status != 0 and "  signed by" not in out, "explain --root: a file that is not beneath it", out + err)


def changed_mind(at, medium, key):
    status, out, err = lazaret(at, "key", "distrust", "vendor")
    assert status == 0, out + err
    status, _, files = inspect(at, medium)
    ok(status == 1 and files[DEB]["verdict"] == "held" and not files[DEB]["signers"] and
       [r["code"] for r in files["dists/specimen/InRelease"]["reasons"]] == ["untrusted-key"],
       "a distrusted key stops counting at once", json.dumps(files.get(DEB), indent=1))
    status, out, err = lazaret(at, "rules", "explain", "--root", medium, medium / DEB)
    ok(status != 0 and "  signed by" not in out and "nobody signed whom the station trusts" in out, "and explain says so", out + err)
    trust(at, "again", medium.parent / "vendor.pgp", "--for", "repository")
    _, _, files = inspect(at, medium)
    ok([s["name"] for s in files[DEB]["signers"]] == ["again"] and files[DEB]["verdict"] == "approved",
       "trusted anew, under another name, for one purpose", json.dumps(files.get(DEB), indent=1))


def on_the_medium(at, medium, key):
    """Nothing on a medium is trusted because it is there: not a key, not a trust store, not a station."""
    with repository.Key("Stranger <stranger@example.org>") as stranger:
        place = medium.parent / "forged"
        repo = repository.Repository(place)
        repo.add(repository.synthetic_debs(medium.parent / "forged-debs", 1))
        repo.publish(stranger)
        (place / "trust").mkdir()
        (place / "trust" / "stranger.pub").write_bytes(stranger.certificate)
        (place / "trust" / "keys.json").write_text((at / "trust" / "keys.json").read_text().replace(
            hashlib.sha256(key.certificate).hexdigest(), hashlib.sha256(stranger.certificate).hexdigest()))
        (place / "key.asc").write_bytes(stranger.armoured)
        shutil.copyfile(at / "lazaret.yaml", place / "lazaret.yaml")
        _, _, files = inspect(at, place)
    ok(files[DEB]["verdict"] == "held" and not files[DEB]["signers"], "a medium that brings its own trust store", json.dumps(files[DEB]))
    ok(not any(f["signers"] for f in files.values()), "nobody is told to have signed anything on it")


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-origin.", dir="/var/tmp"))
    os.chmod(work, 0o755)
    try:
        at, medium = work / "station", work / "medium"
        done = subprocess.run([LAZARET, "init", at, "--db", make_databases(work / "db"), "--profile", "updates"], capture_output=True)
        assert done.returncode == 0, done.stderr
        with repository.Key() as key:
            repository.Repository(medium).add(repository.synthetic_debs(work / "debs", 2, content=NOBODY_OPENS)).publish(key)
            (work / "vendor.pgp").write_bytes(key.certificate)
            trust(at, "vendor", work / "vendor.pgp")
            for test in (told_everywhere, explained, changed_mind, on_the_medium):
                test(at, medium, key)
    except repository.Unavailable as e:
        skip("origin", str(e))
    finally:
        for base, _, _ in os.walk(work):  # transfers are read-only
            os.chmod(base, 0o700)
        shutil.rmtree(work)
    return finish()


sys.exit(main())
