# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The packages of `make deb`: those that a station has, and a later version of them all."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.path.abspath(os.environ.get("BUILD", ROOT / "build")))
HOME_SUITE = subprocess.run([ROOT / "image/appliance/suite"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
SUITE = os.environ.get("SUITE") or HOME_SUITE  # of the Debian that is tested; the packages for another than this machine's are made by check-system
IS_HOME = SUITE == HOME_SUITE
SYSTEM = BUILD / ("system" if IS_HOME else "system-" + SUITE)
DEBS = BUILD / "deb" if IS_HOME else SYSTEM / "deb"
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


def repacked(deb, version, target):
    """The same files as `version`, and as wanted by the others of that version."""
    with tempfile.TemporaryDirectory(dir=target) as directory:
        tree = pathlib.Path(directory) / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
        control = tree / "DEBIAN/control"
        now = field(deb, "Version")
        control.write_text(control.read_text().replace("Version: %s\n" % now, "Version: %s\n" % version).replace("(= %s)" % now, "(= %s)" % version))
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, target / re.sub("_[^_]*_", "_%s_" % version, deb.name)], stdout=subprocess.DEVNULL, check=True)


def later():
    """The directory with all packages of a later version, with the same programs; made anew when there are others."""
    now = made(DEBS, OURS)
    target = DEBS.parent / "deb-later"
    stamp, sign = target / "made-of", hashlib.sha256(b"".join(deb.read_bytes() for deb in now)).hexdigest()
    if not stamp.exists() or stamp.read_text() != sign:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for deb in now:
            repacked(deb, field(now[0], "Version") + "+later", target)
        stamp.write_text(sign)
    return target
