#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Debian repositories through the whole of `lazaret inspect`: made by apt-ftparchive and signed by gpg, and a part of Debian's own
archive; whole, and with everything that may befall them on the way.

BUILD: the build directory (default build).
"""
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
from repository import (Key, Repository, Unavailable, archive_certificates, archive_mirror, compress, source_package,  # noqa: E402
                        synthetic_deb, synthetic_debs, write_changes)
from tap import BUILD, finish, make_databases, ok, skip  # noqa: E402

LAZARET = BUILD / "bin" / "lazaret"
COVERED = "dists/specimen/InRelease → dists/specimen/main/binary-amd64/Packages.xz"


def lazaret(*args):
    return subprocess.run([LAZARET, "-C", station, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


def trust(name, certificate, *options):
    path = work / (name + ".pgp")
    path.write_bytes(certificate)
    done = lazaret("key", "trust", path, "--name", name, "--yes", *options)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)


class Report:
    """What became of each file: path -> (verdict, codes, ways)."""

    def __init__(self, root):
        done = lazaret("inspect", "--json", root)
        self.words = done.stderr
        self.files = {}
        for f in json.loads(done.stdout)["files"] if done.stdout else ():
            self.files[f["path"]] = (f["verdict"], [r["code"] for r in f["reasons"]], [s["via"] for s in f["signers"]], f)

    def verdicts(self, pattern=r"\.deb$"):
        return [v[0] for p, v in sorted(self.files.items()) if re.search(pattern, p)]

    def of(self, path):
        return next((v for p, v in self.files.items() if p.endswith(path)), ("absent", [], [], {}))

    def __str__(self):
        return "\n".join("%s: %s %s %s" % (p, *v[:3]) for p, v in self.files.items()) + "\n" + self.words


_media = 0


def medium():
    """A fresh directory for a medium."""
    global _media
    _media += 1
    return work / ("medium-%d" % _media)


def specimen(flat=False):
    return Repository(medium(), flat=flat).add(debs)


def all_approved(r, name, count=3):
    ok(r.verdicts() == ["approved"] * count and r.verdicts(".") == ["approved"] * len(r.files), name, r)


def none_vouched(r, name, code):
    """No package is let in, and the reason is among theirs."""
    reasons = [v[1] for p, v in r.files.items() if p.endswith(".deb")]
    ok(r.files and "approved" not in r.verdicts() and all(code in c for c in reasons), name, r)


# -- repositories that are whole ------------------------------------------------------------------------------------

def test_whole():
    r = Report(specimen().publish(key).root)
    all_approved(r, "InRelease, Packages.xz")
    ok([v[2] for p, v in r.files.items() if p.endswith(".deb")] == [[COVERED]] * 3, "the path of proof is told", r)
    all_approved(Report(specimen().publish(key, suffixes=(".gz",), detached=True).root), "Release and Release.gpg, Packages.gz")
    all_approved(Report(specimen().publish(key, suffixes=(".zst", ".xz", ".gz"), plain=True, detached="both").root),
                 "InRelease and Release.gpg, every compression")
    r = Report(specimen().publish(key, by_hash="only").root)
    ok(r.verdicts() == ["approved"] * 3 and all("/by-hash/SHA256/" in v[2][0] for p, v in r.files.items() if p.endswith(".deb")),
       "indexes under their digests alone", r)
    all_approved(Report(specimen(flat=True).publish(key).root), "a flat repository")


def test_a_subdirectory_of_the_medium():
    root = medium()
    for n in range(2):
        Repository(root / "mirrors" / ("m%d" % n)).add(debs).publish(key)
    all_approved(Report(root), "two repositories on one medium", 6)


def test_sources():
    source = work / "source"
    source.mkdir()
    dsc = source_package(source)
    repo = specimen().add_source(dsc).publish(key)
    r = Report(repo.root)
    ok(r.of("hello_1.0.tar.xz")[0] == "approved" and "Sources.xz" in r.of("hello_1.0.tar.xz")[2][0], "Sources vouches for a tarball", r)
    repo.tamper(repo.sources[0].parent / "hello_1.0.tar.xz")
    ok("checksum-mismatch" in Report(repo.root).of("hello_1.0.tar.xz")[1], "a tarball that was tampered with")


def test_signed_source_packages():
    source = medium()
    source.mkdir()
    dsc = source_package(source)
    dsc.write_bytes(key.clearsign(dsc.read_bytes()))
    shutil.copy(debs[0], source)
    changes = write_changes(source, "hello", "1.0", [dsc.name, debs[0].name])
    changes.write_bytes(key.clearsign(changes.read_bytes()))
    r = Report(source)
    ok(r.of(".tar.xz")[0] == "approved" and "hello_1.0.dsc" in r.of(".tar.xz")[2][0], "a signed .dsc vouches for its tarball", r)
    ok(r.of(".deb")[0] == "approved" and ".changes" in r.of(".deb")[2][0], "a signed .changes vouches for a package", r)
    Repository.tamper(None, source / "hello_1.0.tar.xz")
    ok("checksum-mismatch" in Report(source).of(".tar.xz")[1], "which was tampered with")
    (source / "hello_2.0.dsc").write_bytes(dsc.read_bytes())
    r = Report(source)
    ok("scan-error" in r.of("hello_2.0.dsc")[1] and r.of("hello_2.0.dsc")[0] != "approved", "a .dsc under another version's name", r)


# -- what befalls them ----------------------------------------------------------------------------------------------

def test_packages_that_were_changed():
    repo = specimen().publish(key)
    repo.tamper(repo.debs[1])
    r = Report(repo.root)
    ok(r.verdicts() == ["approved", "blocked", "approved"] and "checksum-mismatch" in r.of(debs[1].name)[1],
       "a package that was tampered with is blocked, and no other", r)
    repo = specimen().publish(key)
    repo.swap(repo.debs[0], repo.debs[2])
    r = Report(repo.root)
    ok(r.verdicts() == ["blocked", "approved", "blocked"], "packages that have changed places", r)
    repo = specimen().publish(key)
    repo.debs[0].write_bytes(repo.debs[0].read_bytes()[:-512])
    ok("checksum-mismatch" in Report(repo.root).of(debs[0].name)[1], "a package that was cut")
    smuggled = specimen().publish(key)
    smuggled.smuggle(extra)
    r = Report(smuggled.root)
    ok(r.of(extra.name)[0] != "approved" and "unsigned" in r.of(extra.name)[1] and r.verdicts().count("approved") == 3,
       "a package that no index lists", r)


def test_indexes_that_were_changed():
    repo = specimen().publish(key)
    repo.tamper(repo.indexes[0])
    r = Report(repo.root)
    none_vouched(r, "a tampered Packages vouches for nothing", "unsigned")
    ok("checksum-mismatch" in r.of("Packages.xz")[1], "and is told", r)
    repo = specimen().publish(key)
    repo.add([extra]).index()  # with digests that are right, and a Release that knows nothing of it
    r = Report(repo.root)
    none_vouched(r, "a Packages made anew by a stranger vouches for nothing", "unsigned")
    repo = specimen().publish(key, by_hash="only")
    repo.tamper(next(repo.root.rglob("by-hash/SHA256/*")))
    none_vouched(Report(repo.root), "nor does one under its old digest", "unsigned")


def test_signatures_that_were_changed():
    repo = specimen().publish(key)
    repo.strip()
    none_vouched(Report(repo.root), "without signatures", "unsigned")
    repo = specimen().publish(key)
    text = (repo.dist / "InRelease").read_text()
    (repo.dist / "InRelease").write_text(text.replace("Suite: stable", "Suite: Stable"))
    r = Report(repo.root)
    none_vouched(r, "a changed InRelease vouches for nothing", "unsigned")
    ok("bad-signature" in r.of("InRelease")[1] and r.of("InRelease")[0] == "blocked", "and is blocked", r)
    repo = specimen().publish(key)
    (repo.dist / "InRelease").write_text(text + "\nSHA256:\n")
    none_vouched(Report(repo.root), "text behind the signature", "unsigned")
    repo = specimen().publish(key, detached=True)
    (repo.dist / "Release").write_text((repo.dist / "Release").read_text() + "X: y\n")
    r = Report(repo.root)
    none_vouched(r, "a Release that Release.gpg does not fit", "unsigned")
    ok("bad-signature" in r.of("specimen/Release")[1], "and it is told", r)


def test_other_keys():
    with Key("Stranger <stranger@example.org>") as stranger:
        r = Report(specimen().publish(stranger).root)
        none_vouched(r, "signed by a stranger", "untrusted-key" if "untrusted-key" in r.of(".deb")[1] else "unsigned")
        ok("untrusted-key" in r.of("InRelease")[1], "which is told", r)
    none_vouched(Report(specimen().publish(files_key).root), "a key that is trusted for single files alone", "unsigned")


# -- what a vendor should not sign ----------------------------------------------------------------------------------

def republish(repo, change):
    """Packages changed by a function, and all of it signed again."""
    plain = repo.indexes[0].with_suffix("")
    repo.index(plain=True)
    plain.write_text(change(plain.read_text()))
    compress(plain, ".xz")
    repo.write_release(key, repo.release_text())
    plain.unlink()
    return Report(repo.root)


def test_indexes_with_traps():
    r = republish(specimen().publish(key), lambda t: re.sub(r"^Filename: ", "Filename: ../../medium/", t, flags=re.M))
    none_vouched(r, "paths that lead out of the repository", "unsigned")
    r = republish(specimen().publish(key), lambda t: re.sub(r"^SHA(256|512): .*\n", "", t, flags=re.M))
    none_vouched(r, "packages listed by MD5 and SHA-1 alone", "unsigned")
    r = republish(specimen().publish(key), lambda t: t.replace("Filename: ", "Filename: x.deb\nFilename: "))
    none_vouched(r, "two Filenames in a paragraph", "unsigned")
    r = republish(specimen().publish(key), lambda t: t.replace("\n\n", "\n \n"))
    none_vouched(r, "paragraphs that end in a line of blanks", "unsigned")
    repo = specimen().publish(key)
    repo.write_release(key, re.sub(r"^SHA(256|512):\n( .*\n)*", "", repo.release_text(), flags=re.M))
    r = Report(repo.root)
    none_vouched(r, "a Release of MD5 and SHA-1 alone", "unsigned")
    repo = specimen().publish(key)
    repo.indexes[0].write_bytes(repo.indexes[0].read_bytes()[:-20])
    repo.write_release(key, repo.release_text())
    r = Report(repo.root)
    none_vouched(r, "a signed index that is cut", "unsigned")
    ok("scan-error" in r.of("Packages.xz")[1], "and cannot be read", r)


# -- Debian's own archive -------------------------------------------------------------------------------------------

def test_debians_archive():
    name = "Debian's own archive"
    try:
        mirror = archive_mirror()
        codename = next((mirror / "dists").iterdir()).name
        for keyring, certificate in archive_certificates(codename).items():
            trust(keyring, certificate, "--for", "repository")
    except Unavailable as e:
        return skip(name, str(e))
    root = medium()
    shutil.copytree(mirror, root)
    r = Report(root)
    all_approved(r, name, 5)
    ways = {w for p, v in r.files.items() if p.endswith(".deb") for w in v[2]}
    ok(len(ways) == 1 and "InRelease → " in next(iter(ways)), "through its own InRelease", r)
    packages = sorted(root.rglob("*.deb"))
    Repository.tamper(None, packages[0])
    Repository.swap(None, packages[1], packages[2])
    r = Report(root)
    ok(sorted(r.verdicts()) == ["approved"] * 2 + ["blocked"] * 3, "tampered with, and changed places", r)


def main(names):
    global work, station, key, files_key, debs, extra
    tests = [f for n, f in globals().items() if n.startswith("test_") and (not names or n in names)]
    work = pathlib.Path(tempfile.mkdtemp(prefix="lazaret-debian."))
    os.chmod(work, 0o755)
    station = work / "station"
    try:
        subprocess.run([LAZARET, "init", station, "--profile", "updates", "--db", make_databases(work / "db")], check=True,
                       stdout=subprocess.DEVNULL)
        debs = synthetic_debs(work / "debs", 3)
        extra = work / "extra_1.0_all.deb"
        extra.write_bytes(synthetic_deb("extra"))
        with Key() as key, Key("Files <files@example.org>") as files_key:
            trust("vendor-x", key.certificate, "--for", "repository", "--for", "package")
            trust("files-only", files_key.certificate, "--for", "files")
            for test in tests:
                try:
                    test()
                except Unavailable as e:
                    skip(test.__name__, str(e))
    except Unavailable as e:
        skip("Debian repositories", str(e))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
