#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""A plug-in that does what the first line of its file says."""
import json
import os
import sys
import time

ENGINE = {"name": "hostile", "version": "1"}


def say(verdict, *findings, **more):
    print(json.dumps({"format": "lazaret.plugin-verdict/1", "verdict": verdict,
                      "findings": [{"code": c, "detail": d} for c, d in findings], "engine": ENGINE, **more}), flush=True)


def can(act):
    try:
        act()
        return True
    except OSError:
        return False


def write(path):
    with open(path, "w") as f:
        f.write("x")


def sandbox():
    """Whatever of this is possible is told."""
    import socket
    tries = {
        "open /etc/passwd": lambda: open("/etc/passwd"),
        "open /proc": lambda: os.listdir("/proc"),
        "open /var": lambda: os.listdir("/var"),
        "write the image": lambda: write("/image"),
        "write beside itself": lambda: write("/plugin/more"),
        "write a library": lambda: write("/usr/lib/more"),
        "write the root": lambda: write("/more"),
        "write the file": lambda: os.write(3, b"x"),
        "shorten the file": lambda: os.ftruncate(3, 0),
        "inet": lambda: socket.socket(socket.AF_INET),
        "unix": lambda: socket.socket(socket.AF_UNIX),
        "kill its parent": lambda: (os.kill(1, 9), time.sleep(0.2), os.kill(os.getppid(), 0), 1 / 0),
    }
    found = []
    for what, act in tries.items():
        try:
            if can(act):
                found.append(what)
        except ZeroDivisionError:
            pass  # the parent lives
    found += ["descriptor %d" % fd for fd in range(4, 300) if can(lambda: os.fstat(fd))]
    found += ["in the root: " + n for n in os.listdir("/") if n not in ("bin", "dev", "image", "lib", "lib64", "plugin", "tmp", "usr")]
    found += ["in /dev: " + n for n in os.listdir("/dev") if n != "null"]
    found += ["in /usr/bin: " + n for n in os.listdir("/usr/bin") if n != "python3"]
    if found:
        say("finding", ("malware", "; ".join(found)[:390]))
    else:
        say("clean")


def forks(count):
    for _ in range(count):
        try:
            if os.fork() == 0:
                time.sleep(600)  # with our output open
                os._exit(0)
        except OSError:
            break


def bomb():
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.1)


request = json.loads(sys.stdin.readline())
word = os.pread(3, 4096, 0).split(b"\n")[0].decode()
if word == "clean":
    say("clean")
elif word == "finding":
    say("finding", ("malware", "it is bad"), ("active-content", "it acts"))
elif word == "cannot":
    say("could-not-tell")
elif word == "echo":
    request["sum"] = __import__("hashlib").sha256(open(3, "rb").read()).hexdigest() == request["sha256"]
    say("finding", ("malware", "%(name)s %(size)d %(types)s %(container)s %(sum)s" % request))
elif word == "sandbox":
    sandbox()
elif word == "fork":
    forks(20)
    say("clean")
elif word == "bomb":
    bomb()
elif word == "exec":
    os.execv("/usr/bin/python3", ["python3", "-c", "pass"])
elif word == "connect":
    import socket
    socket.create_connection(("127.0.0.1", 22))
elif word == "slow":
    time.sleep(0.04)
    say("clean")
elif word == "sleep":
    time.sleep(600)
elif word == "deaf":
    os.close(1)
    os.close(2)
    time.sleep(600)
elif word == "flood":
    for _ in range(1 << 10):
        os.write(1, b"x" * (1 << 20))
elif word == "flood error":
    for _ in range(1 << 10):
        os.write(2, b"x" * (1 << 20))
elif word == "fill":
    with open("/tmp/fill", "wb") as f:
        for _ in range(1 << 10):
            f.write(b"x" * (1 << 20))
    say("clean")
elif word == "memory":
    x = bytearray(3 << 30)
    say("clean")
elif word == "exit":
    say("clean")
    sys.exit(3)
elif word == "crash":
    say("clean")
    os.kill(os.getpid(), 11)
elif word == "scratch":
    write("/tmp/mine")
    say("clean" if os.path.getsize("/tmp/mine") == 1 else "finding")
elif word == "words":
    print("what went wrong\x1b[31m", file=sys.stderr)
    say("could-not-tell")
elif word != "silent":
    print(word)
