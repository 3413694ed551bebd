# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The isolated side of an appliance: a network namespace with a tap device, in which the emulated card's cable ends. Needs root. Its clients
are this machine's smbclient and sftp; what the appliance sends is recorded by QEMU, not by who asked for it."""
import os
import socket
import struct
import subprocess

import share
from image.machine import MAC, NETDEV, Machine, frames


def lacking():
    """Why there can be none here; None otherwise."""
    if os.geteuid() != 0:
        return "needs root, for a network namespace"
    programs = share.missing("ip", "smbclient", "sftp", "ssh-keygen")
    if programs:
        return "not installed: " + " ".join(programs)
    return None if os.path.exists("/dev/net/tun") else "this kernel has no tap devices"


class Isolated:
    """with Isolated("10.20.0.9", "10.20.0.77"): the first is the client's address, the others are there as well."""

    def __init__(self, *addresses):
        self.name, self.addresses = "lazaret-image-%d" % os.getpid(), addresses

    def __enter__(self):
        share.ip("netns", "add", self.name)
        # it must not talk by itself either
        self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        share.ip("tuntap", "add", "tap0", "mode", "tap", ns=self.name)
        share.ip("link", "set", "lo", "up", ns=self.name)
        for address in self.addresses:
            share.ip("addr", "add", address + "/24", "dev", "tap0", ns=self.name)
        share.ip("link", "set", "tap0", "up", ns=self.name)
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    def run(self, *command, timeout=300, text=True):
        """What is said on both outputs, and the exit status."""
        return subprocess.run(["ip", "netns", "exec", self.name, *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=text, errors="replace" if text else None, timeout=timeout, check=False)

    def answers(self, host, ports, source=None, kind="tcp"):
        """Of these ports those from which anything came back, a refusal included. The machine is emulated: it takes its time."""
        return share.reaches(self.name, host, ports, kind, source or self.addresses[0], patience_s=8)


class Connected(Machine):
    """The appliance with its cable in the isolated side."""

    def __init__(self, isolated, *args, **more):
        super().__init__(*args, **more)
        self.isolated = isolated

    def command(self, incoming):
        line = super().command(incoming)
        line[line.index(NETDEV)] = "tap,id=net,ifname=tap0,vnet_hdr=off,script=no,downscript=no"  # frames in the dump, and nothing before them
        return ["ip", "netns", "exec", self.isolated.name, *line]

    def sent(self):
        """What the card has sent, in words that tell what it was about: {"arp to 10.20.0.9": 3, ...}"""
        counts, begun = {}, {}
        for frame in frames(self.dir / "net.pcap"):
            if frame[6:12] == MAC:
                words = describe(frame)
                if frame[12:14] == b"\x08\x00":  # QEMU's card cuts what the kernel left to it into fragments: only the first has ports
                    packet = frame[18:20] + frame[26:34]
                    words = begun.get(packet, "a fragment of nothing") if int.from_bytes(frame[20:22], "big") & 0x1fff else words
                    begun[packet] = words
                counts[words] = counts.get(words, 0) + 1
        return counts


def describe(frame):
    kind = int.from_bytes(frame[12:14], "big")
    if kind == 0x0806 and len(frame) >= 42:
        return "arp %s %s" % ("asks for" if frame[21] == 1 else "answers", socket.inet_ntoa(frame[38:42]))
    if kind == 0x0800 and len(frame) >= 38 and frame[23] == 6:
        ports = struct.unpack_from(">HH", frame, 14 + (frame[14] & 15) * 4)
        return "tcp from %d to %s" % (ports[0], socket.inet_ntoa(frame[30:34]))
    return "type %04x, protocol %d" % (kind, frame[23] if len(frame) > 23 else -1)
