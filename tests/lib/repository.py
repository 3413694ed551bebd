#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Debian repositories as vendors make them, for integration tests and benches: indexes by apt-ftparchive, signatures by gpg, and
a partial mirror of the archive that this machine's apt is configured for. What is tampered with is tampered with afterwards.

usage: repository.py synthetic DIR COUNT [BYTES]   a repository of COUNT packages with BYTES of content each; DIR/key.pgp signs it
       repository.py mirror DIR [COUNT]            part of Debian's archive with its own InRelease

    repo = Repository(work / "medium")
    repo.add(synthetic_debs(work / "debs", 3))
    repo.publish(key := Key())
    repo.tamper(repo.debs[0])

Where something is missing (a tool, the network), Unavailable says so in words: tests skip with them.
"""
import email.utils
import hashlib
import io
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

CACHE = pathlib.Path(os.environ.get("LAZARET_TEST_CACHE") or
                     pathlib.Path(os.environ.get("BUILD", pathlib.Path(__file__).resolve().parents[2] / "build")) / "cache")
STAMP = 1767225600  # of all members: the same packages have the same bytes
TRIES_S = 120  # how long apt may try to fetch one file


class Unavailable(Exception):
    """In words, why there is no such specimen on this machine."""


def run(*argv, input=b"", **kw):
    """A tool's output; Unavailable when it is not installed, CalledProcessError with its words when it fails."""
    argv = [str(a) for a in argv]
    if not shutil.which(argv[0]):
        raise Unavailable("%s is not installed" % argv[0])
    done = subprocess.run(argv, input=input, capture_output=True, check=False, **kw)
    if done.returncode != 0:
        print(done.stderr.decode(errors="replace"), file=sys.stderr)
        raise subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
    return done.stdout


# -- keys ----------------------------------------------------------------------------------------------------------

class Key:
    """An OpenPGP key in a GNUPGHOME of its own, which goes with close() or at the end of a `with`.

    algorithm  as in --quick-generate-key ("ed25519", "rsa3072"); expires "0" or "1y" or "seconds=60"
    created    seconds since 1970: gpg believes that it is then, unless told otherwise for one signature
    """

    def __init__(self, name="Vendor <vendor@example.org>", algorithm="ed25519", expires="0", created=None):
        self.home = tempfile.mkdtemp(prefix="lazaret-gpg.")  # short: the agent's socket is in it
        self.created = created
        self.gpg("--quick-generate-key", name, algorithm, "sign", expires)
        listing = self.gpg("--with-colons", "--list-keys").decode()
        self.fingerprint = re.search(r"^fpr:+([0-9A-F]{40}):", listing, re.M).group(1)
        self._export()

    def _export(self):
        self.certificate = self.gpg("--export", self.fingerprint)
        self.armoured = self.gpg("--armor", "--export", self.fingerprint)

    def gpg(self, *args, data=b"", at=None):
        at = at or self.created
        faked = ["--faked-system-time", "%d!" % at] if at else []
        return run("gpg", "--homedir", self.home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "",
                   *faked, *args, input=data)

    def clearsign(self, text, at=None, digest="SHA512"):
        return self.gpg("--digest-algo", digest, "--clearsign", data=text, at=at)

    def detach(self, data, at=None, armour=True, digest="SHA512"):
        return self.gpg("--digest-algo", digest, *(["--armor"] if armour else []), "--detach-sign", data=data, at=at)

    def revoke(self):
        """With its owner's revocation from here on."""
        text = (pathlib.Path(self.home) / "openpgp-revocs.d" / (self.fingerprint + ".rev")).read_text()
        self.gpg("--import", data=text.replace(":-----BEGIN", "-----BEGIN").encode())
        self._export()

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], capture_output=True, check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


# -- packages ------------------------------------------------------------------------------------------------------

def _tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.mtime, info.size = STAMP, 0 if data is None else len(data)
            info.type, info.mode = (tarfile.DIRTYPE, 0o755) if data is None else (tarfile.REGTYPE, 0o644)
            t.addfile(info, None if data is None else io.BytesIO(data))
    return out.getvalue()


def _ar(members):
    """deb(5): an ar archive of debian-binary, control.tar and data.tar."""
    out = [b"!<arch>\n"]
    for name, data in members:
        out.append(b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), STAMP, 0, 0, b"100644", len(data)))
        out.append(data + b"\n" * (len(data) % 2))
    return b"".join(out)


def synthetic_deb(name, version="1.0", architecture="all", content=b""):
    """The bytes of a package that dpkg installs; uncompressed, so that ten thousand are made in seconds."""
    control = ("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Vendor <vendor@example.org>\nDescription: specimen\n"
               % (name, version, architecture)).encode()
    return _ar([("debian-binary", b"2.0\n"), ("control.tar", _tar([("./", None), ("./control", control)])),
                ("data.tar", _tar([("./", None), ("./usr/", None), ("./usr/share/", None),
                                   ("./usr/share/%s" % name, content or name.encode() + b"\n")]))])


def synthetic_debs(directory, count, size=0, prefix="specimen", content=b""):
    """Paths of `count` packages with `size` bytes of content that no two share, or with this content."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    for n in range(count):
        name = "%s-%05d" % (prefix, n)
        path = directory / (name + "_1.0_all.deb")
        path.write_bytes(synthetic_deb(name, content=os.urandom(size) if size else content))
        made.append(path)
    return made


def source_package(directory, name="hello", version="1.0"):
    """A source package by dpkg-source: the .dsc (unsigned) and what it lists, in `directory`. The path of the .dsc."""
    directory = pathlib.Path(directory)
    tree = directory / ("%s-%s" % (name, version))
    (tree / "debian" / "source").mkdir(parents=True)
    (tree / "hello.c").write_text("int main(void)\n{\n\treturn 0;\n}\n")
    (tree / "debian" / "source" / "format").write_text("3.0 (native)\n")
    (tree / "debian" / "control").write_text("Source: %s\nMaintainer: Vendor <vendor@example.org>\nStandards-Version: 4.6.2\n\n"
                                             "Package: %s\nArchitecture: all\nDescription: specimen\n" % (name, name))
    (tree / "debian" / "changelog").write_text("%s (%s) unstable; urgency=low\n\n  * Specimen.\n\n -- Vendor "
                                               "<vendor@example.org>  Thu, 01 Jan 2026 00:00:00 +0000\n" % (name, version))
    run("dpkg-source", "-b", tree.name, cwd=directory)
    shutil.rmtree(tree)
    return directory / ("%s_%s.dsc" % (name, version))


def write_changes(directory, name, version, files):
    """NAME_VERSION_all.changes over files of `directory`, as dpkg-genchanges writes it; unsigned."""
    rows = {"Checksums-Sha1": "", "Checksums-Sha256": "", "Files": ""}
    for f in files:
        data = (pathlib.Path(directory) / f).read_bytes()
        rows["Checksums-Sha1"] += "\n %s %d %s" % (hashlib.sha1(data).hexdigest(), len(data), f)
        rows["Checksums-Sha256"] += "\n %s %d %s" % (hashlib.sha256(data).hexdigest(), len(data), f)
        rows["Files"] += "\n %s %d utils optional %s" % (hashlib.md5(data).hexdigest(), len(data), f)
    path = pathlib.Path(directory) / ("%s_%s_all.changes" % (name, version))
    path.write_text("Format: 1.8\nDate: Thu, 01 Jan 2026 00:00:00 +0000\nSource: %s\nArchitecture: source all\nVersion: %s\n"
                    "Distribution: unstable\nUrgency: low\nMaintainer: Vendor <vendor@example.org>\nChanges:\n %s (%s) unstable; "
                    "urgency=low\n .\n   * Specimen.\n" % (name, version, name, version) +
                    "".join("%s:%s\n" % row for row in rows.items()))
    return path


# -- repositories --------------------------------------------------------------------------------------------------

def compress(path, suffix):
    """PATH.gz, .xz, .zst or .bz2 by the tool of that format, beside PATH."""
    tool = {".gz": ("gzip", "-9n"), ".xz": ("xz", "-6"), ".zst": ("zstd", "-q", "-19"), ".bz2": ("bzip2", "-9")}[suffix]
    data = run(*tool, "-c", path)
    made = path.with_name(path.name + suffix)
    made.write_bytes(data)
    return made


class Repository:
    """A repository with `dists` and `pool`, or a flat one, under `root`.

    After add() and publish(): debs, indexes (paths of Packages and Sources as they stand on the medium), dist (the directory of
    InRelease). Every change of publish()'s arguments may be published anew over the old.
    """

    def __init__(self, root, suite="stable", codename="specimen", architecture="amd64", flat=False):
        self.root, self.flat = pathlib.Path(root), flat
        self.suite, self.codename, self.architecture = suite, codename, architecture
        self.dist = self.root if flat else self.root / "dists" / codename
        self.debs, self.sources, self.indexes = [], [], []
        self.dist.mkdir(parents=True, exist_ok=True)

    def add(self, debs):
        """Copy packages in."""
        for deb in map(pathlib.Path, debs):
            name = deb.name.split("_")[0]
            place = self.root if self.flat else self.root / "pool" / "main" / name[0] / name
            place.mkdir(parents=True, exist_ok=True)
            self.debs.append(pathlib.Path(shutil.copyfile(deb, place / deb.name)))
        return self

    def add_source(self, dsc):
        """Copy a source package in: the .dsc and what it lists."""
        dsc = pathlib.Path(dsc)
        name = dsc.name.split("_")[0]
        place = self.root if self.flat else self.root / "pool" / "main" / name[0] / name
        place.mkdir(parents=True, exist_ok=True)
        listed = set(re.findall(r"^ [0-9a-f]{64} \d+ (\S+)$", dsc.read_text(errors="replace"), re.M))
        for f in [dsc.name, *sorted(listed)]:
            shutil.copyfile(dsc.parent / f, place / f)
        self.sources.append(place / dsc.name)
        return self

    def _index(self, command, name, place, suffixes, keep_plain):
        text = run("apt-ftparchive", command, "." if self.flat else "pool", cwd=self.root)
        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob(name + "*"):
            old.unlink()
        plain = place / name
        plain.write_bytes(text)
        self.indexes += [compress(plain, s) for s in suffixes]
        return plain if keep_plain else None

    def index(self, suffixes=(".xz",), plain=False):
        """Packages (and Sources) of what is there now. `plain`: uncompressed, too; listed in Release it is in any case."""
        component = self.root if self.flat else self.dist / "main"
        self.indexes, self._listed_only = [], []
        todo = [("packages", "Packages", component if self.flat else component / ("binary-" + self.architecture))]
        if self.sources:
            todo.append(("sources", "Sources", component if self.flat else component / "source"))
        for command, name, place in todo:
            self._index(command, name, place, suffixes, plain)
            (self.indexes if plain else self._listed_only).append(place / name)
        return self

    def release_text(self, date=None, valid_until=None, origin="Vendor", label="Vendor", by_hash=False):
        """The text of Release, by apt-ftparchive; `date` and `valid_until` in seconds since 1970."""
        for name in ("InRelease", "Release", "Release.gpg"):
            (self.dist / name).unlink(missing_ok=True)
        fields = {"Origin": origin, "Label": label, "Suite": self.suite, "Codename": self.codename, "Components": "main",
                  "Architectures": self.architecture}
        options = [a for k, v in fields.items() for a in ("-o", "APT::FTPArchive::Release::%s=%s" % (k, v))]
        text = run("apt-ftparchive", *options, "release", ".", cwd=self.dist).decode()
        when = email.utils.formatdate(date or time.time(), usegmt=True).replace("GMT", "UTC")
        text = re.sub(r"^Date: .*\n", "Date: %s\n" % when, text, flags=re.M)
        if valid_until:
            until = email.utils.formatdate(valid_until, usegmt=True).replace("GMT", "UTC")
            text = text.replace("Date: ", "Valid-Until: %s\nDate: " % until, 1)
        return text.replace("Date: ", "Acquire-By-Hash: yes\nDate: ", 1) if by_hash else text

    def publish(self, key, suffixes=(".xz",), plain=False, detached=False, by_hash=False, at=None, **release):
        """Index, write Release, sign. `detached`: Release and Release.gpg instead of InRelease; both: "both". `by_hash`: the
        indexes stand under their digests, too; "only": and nowhere else."""
        if by_hash:
            for old in self.dist.rglob("by-hash"):
                shutil.rmtree(old)
        self.index(suffixes, plain)
        text = self.release_text(by_hash=bool(by_hash), **release)
        self.write_release(key, text, detached, at)
        for path in self._listed_only:
            path.unlink()
        if by_hash:
            for path in self.indexes:
                place = path.parent / "by-hash" / "SHA256"
                place.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place / hashlib.sha256(path.read_bytes()).hexdigest())
                if by_hash == "only":
                    path.unlink()
        return self

    def write_release(self, key, text, detached=False, at=None):
        """InRelease, or Release and Release.gpg, of this text."""
        data = text.encode() if isinstance(text, str) else text
        if detached:
            (self.dist / "Release").write_bytes(data)
            (self.dist / "Release.gpg").write_bytes(key.detach(data, at))
        if not detached or detached == "both":
            (self.dist / "InRelease").write_bytes(key.clearsign(data, at))
        return self

    # -- what befalls it on the way

    def tamper(self, path, offset=-1):
        """Another byte at this place of a file."""
        data = bytearray(pathlib.Path(path).read_bytes())
        data[offset] ^= 1
        pathlib.Path(path).write_bytes(data)

    def swap(self, a, b):
        """Two files change places: each is genuine, and not what its name says."""
        a, b = pathlib.Path(a), pathlib.Path(b)
        a_data, b_data = a.read_bytes(), b.read_bytes()
        a.write_bytes(b_data)
        b.write_bytes(a_data)

    def strip(self):
        """Without signatures: Release stays, as anybody could have written it."""
        inline = self.dist / "InRelease"
        if inline.exists() and not (self.dist / "Release").exists():
            text = inline.read_bytes().split(b"\n\n", 1)[1].split(b"-----BEGIN PGP SIGNATURE")[0]
            (self.dist / "Release").write_bytes(re.sub(rb"^- ", b"", text, flags=re.M))
        for name in ("InRelease", "Release.gpg"):
            (self.dist / name).unlink(missing_ok=True)

    def smuggle(self, deb):
        """A package that no index lists."""
        place = (self.root if self.flat else self.root / "pool" / "main") / pathlib.Path(deb).name
        return pathlib.Path(shutil.copyfile(deb, place))


# -- Debian's own archive ------------------------------------------------------------------------------------------

def fetch(uri, path):
    """By apt's own downloader, with whatever proxy apt is configured for."""
    helper = "/usr/lib/apt/apt-helper"
    if not os.path.exists(helper):
        raise Unavailable("apt-helper is not installed")
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        done = subprocess.run([helper, "-o", "Acquire::Retries=1", "download-file", uri, str(part)], capture_output=True, text=True,
                              timeout=TRIES_S)
    except subprocess.TimeoutExpired:
        raise Unavailable("%s does not answer" % uri) from None
    if done.returncode != 0 or not part.exists():
        raise Unavailable("%s cannot be fetched: %s" % (uri, done.stderr.strip().splitlines()[-1:] or ""))
    part.rename(path)
    return path


def archive_index():
    """(base URI, codename, component, architecture) of the archive's main suite that apt is configured for."""
    fields = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(ARCHITECTURE)|$(ORIGIN)|$(LABEL)|$(SUITE)"
    for line in run("apt-get", "indextargets", "--format", fields, "Created-By: Packages").decode().splitlines():
        uri, codename, component, architecture, origin, label, suite = line.split("|")
        if origin == "Debian" and label == "Debian" and component == "main" and not suite.endswith(("-updates", "-backports")):
            return uri.rstrip("/"), codename, component, architecture
    raise Unavailable("apt knows no Debian archive: apt-get update")


def _paragraphs(data):
    for paragraph in data.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] not in " \t")
        if "Filename" in fields:
            yield fields


def archive_mirror(count=5):
    """Part of Debian's archive in a cache directory that is to be copied: InRelease, Packages.xz of main, the `count` smallest
    packages that are no transitional ones. Fetched once, all of it or nothing."""
    place = CACHE / ("debian-mirror-%d" % count)
    if place.exists():
        return place
    uri, codename, component, architecture = archive_index()
    CACHE.mkdir(parents=True, exist_ok=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="mirror.", dir=CACHE))
    try:
        os.chmod(work, 0o755)
        dist = "dists/%s" % codename
        fetch("%s/%s/InRelease" % (uri, dist), work / dist / "InRelease")
        index = "%s/%s/binary-%s/Packages.xz" % (dist, component, architecture)
        packages = list(_paragraphs(lzma.decompress(fetch("%s/%s" % (uri, index), work / index).read_bytes())))
        packages.sort(key=lambda p: (int(p["Size"]), p["Package"]))
        for p in [p for p in packages if int(p["Size"]) > 4000][:count]:
            fetch("%s/%s" % (uri, p["Filename"]), work / p["Filename"])
        if not place.exists():
            work.rename(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return place


def archive_debs(count=5):
    """Real packages of the archive."""
    return sorted(archive_mirror(count).glob("pool/**/*.deb"))


def archive_certificates(codename):
    """The keys that Debian signs a release with: name -> certificate, binary."""
    found = {}
    for path in sorted(pathlib.Path("/usr/share/keyrings").glob("debian-archive-%s-*.*" % codename)):
        if path.suffix in (".gpg", ".pgp") and path.stem.endswith(("-automatic", "-stable")) and "security" not in path.stem:
            found.setdefault(path.stem, path.read_bytes())
    if not found:
        raise Unavailable("debian-archive-keyring has no keys of %s" % codename)
    return found


def main(argv):
    if len(argv) >= 4 and argv[1] == "synthetic":
        place = pathlib.Path(argv[2])
        place.mkdir(parents=True)
        with Key() as key:
            debs = synthetic_debs(place / "debs", int(argv[3]), int(argv[4]) if argv[4:] else 0)
            Repository(place / "medium").add(debs).publish(key)
            (place / "key.pgp").write_bytes(key.certificate)
        shutil.rmtree(place / "debs")
    elif len(argv) >= 3 and argv[1] == "mirror":
        shutil.copytree(archive_mirror(*map(int, argv[3:4])), argv[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv)
    except Unavailable as e:
        sys.exit("repository.py: %s" % e)
