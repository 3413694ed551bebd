# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Media and databases of real kinds and sizes, made anew from a seed and from this machine's archive."""
import hashlib
import os
import pathlib
import random
import shutil
import subprocess

from measure import Broken, Parameter
from tap import make_databases

SEED = 20261123
# Of a database of real size (database()), as parameters of a figure.
DATABASE = {
    "hashes": Parameter(3_000_000, 200_000, "hash signatures of the database"),
    "bodies": Parameter(100_000, 10_000, "body signatures of the database"),
}
# Places of a Debian system in which there is everything that people carry about: text, pages, pictures, fonts, tables, source of many languages.
PLACES = ("/usr/share/doc", "/usr/share/perl", "/usr/share/perl5", "/usr/lib/python3", "/usr/share/icons", "/usr/share/fonts", "/usr/share/mime",
          "/usr/share/i18n", "/usr/include", "/usr/share/locale", "/usr/lib/x86_64-linux-gnu")


def packages(directory, size):
    """Debian packages from this machine's archive until `size` bytes are there, the same ones each time."""
    directory.mkdir()
    directory.chmod(0o755)
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=False).stdout
    known, name = {}, None
    for line in listed.splitlines():
        if line.startswith("Package: "):
            name = line[9:]
        elif line.startswith("Size: ") and name:
            known[name] = int(line[6:])
    # of ordinary sizes, in an order that has nothing to do with their names
    chosen, total = [], 0
    for name in sorted((n for n, s in known.items() if 10_000 < s < 20_000_000), key=lambda n: hashlib.sha256(n.encode()).digest()):
        if total >= size:
            break
        chosen.append(name)
        total += known[name]
    for k in range(0, len(chosen), 200):
        done = subprocess.run(["apt-get", "download", "-q", *chosen[k:k + 200]], cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode != 0 and not any(directory.iterdir()):
            raise Broken("no packages: %s" % done.stderr.strip()[-300:])
    return describe(directory)


# What much is built with, the large ones first.
TARBALLS = ("monaco-editor", "plotly.js", "mermaid", "pdfjs-dist", "three", "ace-builds", "echarts", "tinymce", "antd", "rxjs", "date-fns", "mathjs", "core-js",
            "highlight.js", "katex", "react-dom", "bootstrap", "swiper", "webpack", "eslint", "prettier", "typescript", "moment", "lodash", "video.js", "hls.js",
            "chart.js", "jquery", "vue", "svelte", "zod", "yaml", "ajv", "axios", "undici", "ws", "express", "semver", "tslib", "glob", "chalk", "uuid", "debug")


def tarballs(directory, size):
    """npm's packages as its registry has them, until `size` bytes are there; of so many as are listed less."""
    directory.mkdir()
    directory.chmod(0o755)
    for name in TARBALLS:
        if sum(f.stat().st_size for f in directory.iterdir()) >= size:
            break
        done = subprocess.run(["npm", "pack", "--silent", "--pack-destination", directory, name], cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Broken("npm pack %s: %s" % (name, done.stderr.strip()[-300:]))
    return describe(directory)


def tree(directory, size, is_wanted=lambda path: True):
    """Files of this system that are wanted, up to `size` bytes, without links."""
    directory.mkdir()
    directory.chmod(0o755)
    found = []
    for place in PLACES:
        for at, _, names in os.walk(place):
            found += [os.path.join(at, n) for n in names]
    total = 0
    for path in sorted(found, key=lambda n: hashlib.sha256(n.encode(errors="surrogateescape")).digest()):
        if total >= size:
            break
        if not is_wanted(path) or os.path.islink(path) or not os.path.isfile(path) or not 0 < os.path.getsize(path) < 8 << 20:
            continue
        target = directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        total += os.path.getsize(path)
    return describe(directory)


def small_files(directory, count, seed=SEED):
    """`count` text files of 200 to 2,000 bytes, no two alike, a thousand in each directory."""
    chance = random.Random(seed)
    words = [bytes(chance.choice(b"abcdefghijklmnopqrstuvwxyz") for _ in range(chance.randrange(2, 9))) for _ in range(500)]
    directory.mkdir()
    directory.chmod(0o755)
    for n in range(count):
        at = directory / ("%04d" % (n // 1000))
        if n % 1000 == 0:
            at.mkdir()
        text = b" ".join(chance.choices(words, k=chance.randrange(40, 400)))
        (at / ("%06d.txt" % n)).write_bytes(b"%d\n%s\n" % (n, text))
    return describe(directory)


def describe(directory):
    files = [os.path.join(at, n) for at, _, names in os.walk(directory) for n in names]
    return {"files": len(files), "bytes": sum(os.path.getsize(f) for f in files)}


def database(directory, hashes, bodies, seed=SEED):
    """Signatures in ClamAV's plain formats, as many as a real database has, of which none matches anything."""
    chance = random.Random(seed)
    directory.mkdir(exist_ok=True)
    directory.chmod(0o755)
    make_databases(directory)  # the test files, without which no examiner starts
    with open(directory / "bench.hdb", "w", encoding="ascii") as f:
        for n in range(hashes):
            f.write("%032x:%d:Bench.H%d\n" % (chance.getrandbits(128), chance.randrange(1000, 5_000_000), n))
    with open(directory / "bench.ndb", "w", encoding="ascii") as f:
        for n in range(bodies):  # of programs and of any file, as real ones are
            f.write("Bench.B%d:%d:*:%s\n" % (n, chance.choice((0, 1, 1, 1)), chance.randbytes(chance.randrange(16, 48)).hex()))
    return {"hash_signatures": hashes, "body_signatures": bodies}


def warm(directory):
    """Into the page cache."""
    for at, _, names in os.walk(pathlib.Path(directory)):
        for n in names:
            with open(os.path.join(at, n), "rb") as f:
                while f.read(1 << 20):
                    pass
