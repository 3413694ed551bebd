# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The packages of `make deb`: those that a station has, and a later version of them all."""
import hashlib
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.path.abspath(os.environ.get("BUILD", ROOT / "build")))
STATION = ("lazaret", "lazaret-console", "lazaret-verify")  # in the order in which dpkg can take them one by one
OURS = STATION + ("lazaret-fleet",)


def field(deb, name):
    return subprocess.run(["dpkg-deb", "--field", str(deb), name], stdout=subprocess.PIPE, check=True).stdout.decode().strip()


def made(directory, names=STATION):
    """The newest of each of these packages in the directory."""
    found = []
    for name in names:
        debs = sorted(directory.glob(name + "_*.deb"), key=lambda p: p.stat().st_mtime)
        if not debs:
            raise SystemExit("no package %s in %s: make deb" % (name, directory))
        found.append(debs[-1])
    return found


def dependencies(debs):
    """Names of the packages of Debian that these need; of alternatives the first."""
    names = {d.split("|")[0].split("(")[0].strip() for deb in debs for d in field(deb, "Depends").split(",")}
    return sorted(n for n in names if n and n not in OURS)


def later(build=BUILD):
    """The directory with all packages of a later version, made of the same programs; made anew when `make deb` made others."""
    now = made(build / "deb", OURS)
    target = build / "deb-later"
    stamp, sign = target / "made-of", hashlib.sha256(b"".join(deb.read_bytes() for deb in now)).hexdigest()
    if not stamp.exists() or stamp.read_text() != sign:
        subprocess.run([ROOT / "image" / "packages" / "deb", build, target, field(now[0], "Version") + "+later"], stdout=subprocess.DEVNULL, check=True)
        stamp.write_text(sign)
    return target
