#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""In the place of lazaret-devices, between lazaretd and the real one: a machine with USB where the test's has none. What is plugged in stands in usb.json beside
it, and may change at any time; it is judged by the policy that lazaretd sends, by ports alone. The real judgement is tested in tests/unit/test_devices_*.c.

    install(station): the station's private copy is replaced; plug(station, [...]): {port, id, product, interfaces, role}"""
import json
import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve()


def install(station, root):
    program = station.bin / "lazaret-devices"
    os.rename(program, station.bin / "lazaret-devices.real")
    types = re.findall(r"^M\((\w+),", (root / "kiosk/ipc/messages.def").read_text(), flags=re.M)
    (station.bin / "usb-types.json").write_text(json.dumps(types))
    program.write_bytes(HERE.read_bytes())
    program.chmod(0o755)
    plug(station, [])


def plug(station, devices):
    path = station.bin / "usb.json"
    path.with_suffix(".new").write_text(json.dumps(devices))
    os.rename(path.with_suffix(".new"), path)


def u32(n):
    return struct.pack("<I", n)


def text(s):
    return u32(len(s.encode())) + s.encode()


class Policy:
    def __init__(self, data):
        self.data, self.at = data, 4
        self.media = self.strings()
        self.inputs = [(self.string(), self.string()) for _ in range(self.number())]
        self.hubs = self.strings()

    def number(self):
        self.at += 4
        return struct.unpack_from("<I", self.data, self.at - 4)[0]

    def string(self):
        n = self.number()
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def strings(self):
        return [self.string() for _ in range(self.number())]

    def accepts(self, d):
        if (d["port"], d["id"]) in self.inputs:
            return True
        return d["port"] in (self.hubs if d["role"] == "hub" else self.media) and d["role"] in ("hub", "medium")


def message(types, d, is_accepted):
    return u32(types.index("DEVICES_USB")) + b"".join(text(d.get(k, "")) for k in ("port", "id", "vendor", "product", "serial", "interfaces", "role")) + \
        u32(is_accepted) + text("" if is_accepted else "refused by the test") + text("" if is_accepted else "usb-port")


def main():
    bin_ = HERE.parent
    types = json.loads((bin_ / "usb-types.json").read_text())
    above = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=3)
    below, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    real = subprocess.Popen([bin_ / "lazaret-devices.real"], preexec_fn=lambda: os.dup2(theirs.fileno(), 3), close_fds=False, stdin=subprocess.DEVNULL)
    theirs.close()
    policy, shown, is_ready = None, {}, False
    while True:
        for ready in select.select([above, below], [], [], 0.1)[0]:
            data = ready.recv(70000)
            if not data:
                below.close()
                sys.exit(real.wait(10))
            (below if ready is above else above).send(data)
            name = types[struct.unpack_from("<I", data)[0]]
            if name == "DEVICES_START":
                policy = Policy(data[8 + struct.unpack_from("<I", data, 4)[0]:])
            elif name == "DEVICES_POLICY":
                policy, shown = Policy(data[4:]), {}
            is_ready = is_ready or name == "READY"
        plugged = {d["port"]: d for d in json.loads((bin_ / "usb.json").read_text())}
        for port in [p for p in shown if is_ready and plugged.get(p) != shown[p]]:
            above.send(u32(types.index("DEVICES_USB_GONE")) + text(port))
            del shown[port]
        for port, d in plugged.items():
            if is_ready and port not in shown:
                above.send(message(types, d, policy.accepts(d)))
                shown[port] = d


if __name__ == "__main__":
    main()
