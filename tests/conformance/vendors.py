# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Vendors, their keys and what they sign, for the rows about origin. Keys are made once for the whole suite, each by the tool
of its format; every row has its station trust them anew, as an officer does."""
import atexit
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading

import bench
import attestations
import certificates
import repository
import rpms
from bench import Broken, put
from content import Vendor

ARROW = " \u2192 "
LONG_AGO = 1577836800  # 2020-01-01
EVERYTHING = threading.RLock()  # the makers write into directories of their own, one at a time


def firmware(name, size=5000):
    """Bytes that no type can be told of, others for each name. They begin all alike: chance would make programs of some."""
    seed = hashlib.sha256(name.encode()).digest()
    return bytes((i * i * 7 + i * 31 + (i >> 3) + 129) & 255 for i in range(size)) + seed


def sums(entries, algorithm="sha256", bsd=False):
    """A list of (name, bytes)."""
    lines = []
    for name, data in entries:
        digest = hashlib.new(algorithm, data).hexdigest()
        lines.append("%s (%s) = %s\n" % (algorithm.upper(), name, digest) if bsd else "%s  %s\n" % (digest, name))
    return "".join(lines).encode()


class Workshop:
    """Everything that vendors need. Each thing is made when it is first asked for."""

    def __init__(self):
        self.made, self.directory = {}, None

    def once(self, name, make):
        with EVERYTHING:
            if name not in self.made:
                self.made[name] = make()
            return self.made[name]

    def place(self, *names):
        with EVERYTHING:
            if not self.directory:
                self.directory = tempfile.mkdtemp(prefix="lazaret-vendors-")
                atexit.register(shutil.rmtree, self.directory, ignore_errors=True)
            path = os.path.join(self.directory, *names)
            os.makedirs(path, exist_ok=True)
            return path

    # .. keys
    def minisign(self, name):
        return self.once("minisign-" + name, lambda: Vendor(self.place("minisign"), name))

    def openpgp(self, name, **kind):
        def make():
            key = repository.Key("%s <%s@example.org>" % (name.title(), name), **kind)
            atexit.register(key.close)
            return key
        return self.once("openpgp-" + name, make)

    def signify(self, name):
        """Paths of public and secret key."""
        def make():
            public, secret = (os.path.join(self.place("signify"), name + suffix) for suffix in (".pub", ".sec"))
            tool("signify-openbsd", "-G", "-n", "-p", public, "-s", secret)
            return public, secret
        return self.once("signify-" + name, make)

    def raw(self):
        return self.once("raw", lambda: attestations.make_keys(self.place("raw")))

    def authorities(self):
        """root -> inter -> code, expired, sha1, tls, revoked ...; other -> stranger: certificates.py."""
        return self.once("x509", lambda: certificates.begin(self.place("x509")))

    def authenticode(self):
        def make():
            certificates.make_authenticode(certificates.begin(self.place("authenticode")))
            return self.place("authenticode")
        return self.once("authenticode", make)

    def rpms(self):
        def make():
            rpms.main(self.place("rpms"))
            return self.place("rpms")
        return self.once("rpms", make)

    def repository(self):
        """A Debian repository signed by the vendor, with two packages and a source package; to be copied."""
        def make():
            place = self.place("debian")
            repo = repository.Repository(os.path.join(place, "medium"))
            repo.add(repository.synthetic_debs(os.path.join(place, "debs"), 2))
            repo.add_source(repository.source_package(place))
            return repo.publish(self.openpgp("vendor"))
        return self.once("debian", make)

    # .. signatures that are made in a directory
    def signify_bytes(self, name, data, embed=False, file="file"):
        with EVERYTHING, tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, file)
            put(d, file, data)
            tool("signify-openbsd", "-S", "-s", self.signify(name)[1], "-m", path, "-x", path + ".sig", *(["-e"] if embed else []))
            with open(path + ".sig", "rb") as f:
                return f.read()

    def cms(self, signers, data, chain=("inter",), options=("-binary", "-md", "sha256"), form="DER"):
        with EVERYTHING:
            a = self.authorities()
            a.write("content", data)
            a.cms("content.p7s", "content", *([signers] if isinstance(signers, str) else signers), chain=chain, options=options, form=form)
            return a.read("content.p7s")


def tool(*argv, data=None, cwd=None):
    done = subprocess.run([str(a) for a in argv], input=data or b"", capture_output=True, timeout=120, cwd=cwd, check=False)
    if done.returncode != 0:
        raise Broken("%s: %s" % (argv[0], done.stderr.decode(errors="replace")))
    return done.stdout


workshop = Workshop()


class Medium:
    """What stands on the medium of one row, and what is expected of each file: verdict, reasons, and who signed it, by which
    path of proof. Entries go into the row itself, so that bench.py checks them like those of any other row."""

    def __init__(self, bench_):
        self.bench, self.signers, self.keys = bench_, {}, {}
        self.entries = []
        self.authorities = set()  # names of trusted CAs: it is others' keys that sign

    # .. the officer's part
    def trust(self, name, file, *options):
        done = self.bench.station.lazaret("key", "trust", file, "--name", name, "--yes", *options)
        if done.returncode != 0:
            raise Broken("key trust %s: %s" % (name, (done.stdout + done.stderr).decode(errors="replace")))
        done = self.bench.station.lazaret("--json", "key", "list")
        for line in done.stdout.decode().splitlines():
            key = json.loads(line)
            self.keys[key["name"]] = {key["fingerprint"], key["key_id"]}

    def trust_openpgp(self, name, *options, key=None):
        path = os.path.join(self.bench.scratch, name + ".pgp")
        put(self.bench.scratch, name + ".pgp", (key or workshop.openpgp(name)).certificate)
        self.trust(name, path, *options)

    def store(self, change):
        """The trust store, changed by hand: as if a day had come for which no test can wait."""
        path = self.bench.station.path("trust", "keys.json")
        with open(path, encoding="utf-8") as f:
            store = json.load(f)
        change(store["keys"])
        with open(path, "w", encoding="utf-8") as f:
            json.dump(store, f)

    def end_trust(self, name):
        self.store(lambda keys: keys[name].update(until=LONG_AGO))

    def replace_key(self, name, data):
        """With what its owner has made of it since: ended, revoked."""
        put(self.bench.station.path("trust"), name + ".pub", data)
        self.store(lambda keys: keys[name].update(sha256=hashlib.sha256(data).hexdigest()))

    # .. the medium
    def add(self, path, data, expected, *by, volume=0):
        """by: "NAME" (by itself), or "NAME: PATH > PATH"."""
        put(self.bench.trees[volume], path, data)
        self.expect(path, expected, *by, volume=volume)
        return data

    def expect(self, path, expected, *by, volume=0):
        self.bench.row.volumes[volume][path] = (None, expected)
        self.signers.pop((volume, path), None)
        self.entries.append((volume, path))
        if by and by[0] is None:
            return  # whoever
        self.signers[volume, path] = sorted((name, (via or path).replace(" > ", ARROW))
                                            for name, _, via in (text.partition(": ") for text in by))

    def forget(self, path, volume=0):
        """It is not on the medium any more."""
        self.bench.row.volumes[volume].pop(path)
        self.signers.pop((volume, path), None)

    def tree(self, source, at, expected, *by, volume=0):
        """Copy a directory; every file in it is expected to be so, unless something else is said afterwards."""
        shutil.copytree(source, os.path.join(self.bench.trees[volume], at), dirs_exist_ok=True)
        for base, _, names in os.walk(source):
            for name in names:
                self.expect(os.path.normpath(os.path.join(at, os.path.relpath(os.path.join(base, name), source))), expected, *by,
                            volume=volume)

    def path(self, *names, volume=0):
        return os.path.join(self.bench.trees[volume], *names)

    def read(self, path):
        with open(self.path(path), "rb") as f:
            return f.read()

    def check(self, report):
        if report["outcome"] == "aborted":
            return  # how far it came is chance
        order = self.bench.volume_order()
        for entry in report["files"]:
            key = order.get(entry["volume"], -1), entry["path"]
            if key not in self.signers:
                continue
            found = sorted((s["name"], s["via"]) for s in entry["signers"])
            if found != self.signers[key]:
                self.bench.fail("%s: signers %s, expected %s" % (entry["path"], found, self.signers[key]))
            for s in entry["signers"]:
                if s["name"] not in self.authorities and s["key"] not in self.keys.get(s["name"], ()):
                    self.bench.fail("%s: the key of %s is %s, expected %s" % (entry["path"], s["name"], s["key"], self.keys.get(s["name"])))


def origin_row(row, name, answers, build, volumes=1, image=None, profile="updates", status=1, after=None, **more):
    """A row whose medium `build(medium)` makes, under the profile that demands an origin."""
    mediums = {}

    def source(b):
        mediums[b] = Medium(b)
        try:
            build(mediums[b])
        except repository.Unavailable as e:
            raise bench.Broken(str(e)) from None
        return b.make_image() if image else b.trees[0]

    def check(b, report):
        mediums[b].check(report)
        if after:
            after(b, report)

    row(name, answers, volumes=[{} for _ in range(volumes)], image=image, profile=profile, status=status, source=source, after=check,
        **more)
