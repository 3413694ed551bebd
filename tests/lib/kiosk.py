# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Of an appliance: the helper that restarts the machine, and people who log in at it."""
import os
import socket
import subprocess
import threading
import time


class Helper(threading.Thread):
    """lazaret-machine.socket: says ok, and keeps what it was asked; what begins with a word in `fails` goes wrong."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.asked, self.fails = path, [], ()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(path))
        self.socket.listen()
        self.start()

    def run(self):
        while True:
            peer = self.socket.accept()[0]
            line = peer.makefile().readline().strip()
            self.asked.append(line)
            peer.sendall(b"error: the test says no\n" if line.startswith(self.fails or ("\0",)) else b"ok\n")
            peer.close()


def until(done, deadline_s=120):
    end = time.monotonic() + deadline_s
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def person(s, *args, lines):
    out, into = os.pipe()
    os.write(into, "".join(line + "\n" for line in lines).encode())
    os.close(into)
    done = subprocess.run([s.bin / "lazaret", "-C", s.at, "person", *args, "--credentials", str(out)], pass_fds=[out], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    os.close(out)
    assert done.returncode == 0, done.stderr
