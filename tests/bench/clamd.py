# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The peer: a clamd of its own on a socket of its own, as many threads as cores, without a cache of verdicts."""
import os
import shutil
import subprocess
import time

from measure import Broken, timed

# The same limits as ours has by default, or one of the two looks at less than the other.
CONFIG = """LocalSocket {at}/socket
DatabaseDirectory {db}
OfficialDatabaseOnly no
MaxThreads {threads}
MaxQueue 200
DisableCache yes
Foreground yes
TemporaryDirectory {at}
LogFile {at}/log
MaxScanSize 0
MaxFileSize 0
StreamMaxLength 4000M
MaxScanTime 0
"""


class Clamd:
    def __init__(self, at, db, threads=os.cpu_count()):
        for tool in ("clamd", "clamdscan"):
            if not shutil.which(tool):
                raise Broken("%s is not installed" % tool)
        at.mkdir()
        self.at, self.config = at, at / "clamd.conf"
        self.config.write_text(CONFIG.format(at=at, db=db, threads=threads))
        self.process = subprocess.Popen(["clamd", "-c", str(self.config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 600
        while not (at / "socket").exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.close()
                raise Broken("clamd did not start: %s" % (at / "log").read_text(errors="replace")[-500:])
            time.sleep(0.1)

    def scan(self, *options, paths):
        """Seconds of one clamdscan; nothing may be found."""
        return timed(["clamdscan", "-c", str(self.config), "--no-summary", "-i", *options, *map(str, paths)])

    def cpu_s(self):
        """Processor seconds that it has had."""
        with open("/proc/%d/stat" % self.process.pid, encoding="latin-1") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.at, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()
