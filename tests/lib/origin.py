# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Who is told to have signed what: for the integration tests of origin, each of which brings media of its own."""
import json
import subprocess

from tap import BUILD, ok

LAZARET = BUILD / "bin" / "lazaret"


def run(*args):
    return subprocess.run([str(a) for a in (LAZARET, *args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)


def trust(at, file, name, *purposes):
    """For every purpose, unless some are given."""
    done = run("-C", at, "key", "trust", file, "--name", name, "--yes", *[w for p in purposes for w in ("--for", p)])
    assert done.returncode == 0, done.stdout + done.stderr


class Report:
    """Of one inspection; a test for each thing that is asked."""

    def __init__(self, at, medium, name):
        done = run("-C", at, "inspect", "--json", medium)
        self.name = name
        try:
            self.files = {f["path"]: f for f in json.loads(done.stdout)["files"]}
        except (ValueError, KeyError) as e:
            raise AssertionError("%s: %s" % (name, done.stderr.decode("utf-8", "replace"))) from e

    def signers(self, path):
        return sorted({s["name"] for s in self.files[path]["signers"]})

    def codes(self, path):
        return {r["code"] for r in self.files[path]["reasons"]}

    def words(self, path):
        return json.dumps(self.files[path], indent=1)

    def signed(self, path, *keys):
        """By these keys and no others; nothing that came with it contradicts it."""
        ok(self.signers(path) == sorted(keys) and not self.codes(path) & {"bad-signature", "checksum-mismatch"},
           "%s: %s: by %s" % (self.name, path, ", ".join(keys) or "nobody"), self.words(path))

    def blocked(self, path, code):
        ok(code in self.codes(path) and self.files[path]["verdict"] == "blocked" and not self.signers(path),
           "%s: %s: %s" % (self.name, path, code), self.words(path))

    def stranger(self, path):
        """Signed by somebody who is not trusted; the rules may block it besides, for what it is."""
        ok("untrusted-key" in self.codes(path) and not self.signers(path), "%s: %s: by a stranger" % (self.name, path), self.words(path))

    def held(self, path, code):
        """For this reason, among others perhaps; by nobody, and not blocked."""
        ok(code in self.codes(path) and self.files[path]["verdict"] == "held" and not self.signers(path),
           "%s: %s: %s" % (self.name, path, code), self.words(path))
