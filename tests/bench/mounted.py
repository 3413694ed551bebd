# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""An image that behaves like a slow medium: nbdkit serves it, and it is seen as a file through nbdfuse."""
import shutil
import subprocess
import time

from measure import Broken


def needs(*tools):
    for tool in (*tools, "fusermount3"):
        if not shutil.which(tool):
            raise Broken("%s is not installed" % tool)


class Mounted:
    """At `at`, for as long as the context lasts; `served` are nbdkit's filters, plugin and parameters."""

    def __init__(self, at, *served):
        self.at, self.image = at, at / "image"
        at.mkdir()
        # -o: the roles have accounts of their own
        self.process = subprocess.Popen(["nbdfuse", "-r", "-o", "allow_other", str(self.image), "--command", "nbdkit", "-s", "--exit-with-parent", "-r",
                                         *map(str, served)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        end = time.monotonic() + 30
        while not self.image.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Broken("nbdfuse: %s" % self.process.stderr.read().decode(errors="replace")[-300:])
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        subprocess.run(["fusermount3", "-u", str(self.at)], check=False, capture_output=True)
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.at, ignore_errors=True)
