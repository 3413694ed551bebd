# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The packages of `make deb` that a station has."""
import subprocess

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
