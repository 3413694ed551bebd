# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""The host's end of tests/system/guest/agent: commands, files and the screen of the machine under test."""
import base64
import json
import shlex
import time
from dataclasses import dataclass

from system.lib.qmp import Lines


class GuestError(Exception):
    """A command that should have worked did not, or the agent could not do what it was asked."""


@dataclass
class Done:
    argv: list
    rc: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


@dataclass
class Screen:
    """The text of a virtual terminal. `attributes` is one byte a cell, as the VGA text mode has it."""
    rows: int
    columns: int
    cursor: tuple
    lines: list
    attributes: bytes

    def text(self):
        return "\n".join(line.rstrip() for line in self.lines)

    def __contains__(self, words):
        return words in self.text()


def words(data):
    return base64.b64decode(data).decode("utf-8", "backslashreplace")


class Agent:
    def __init__(self, directory, patience):
        self.lines = Lines(directory, "cmd", time.monotonic() + patience)
        self.count = 0

    def wait_ready(self, patience):
        """After a boot: the agent says so by itself."""
        deadline = time.monotonic() + patience
        while True:
            answer = self.lines.receive(deadline)
            if answer is None:
                raise TimeoutError("the machine did not start within %d s" % patience)
            if answer.get("ready"):
                return

    def ask(self, op, patience=60, **arguments):
        self.count += 1
        self.lines.send({"id": self.count, "op": op, **arguments})
        deadline = time.monotonic() + patience
        while True:
            answer = self.lines.receive(deadline)
            if answer is None:
                raise TimeoutError("no answer to %s %s within %d s" % (op, arguments.get("argv") or arguments.get("path") or "", patience))
            if answer.get("id") != self.count:  # of a request that was given up
                continue
            if not answer["ok"]:
                raise GuestError("%s: %s" % (op, answer["error"]))
            return answer

    # -- commands ------------------------------------------------------------------------------------------------
    def run(self, *argv, stdin=b"", env=None, timeout=60, check=True):
        """To its end; with check, anything but exit 0 is an error that says what was printed."""
        answer = self.ask("run", timeout + 20, argv=[str(a) for a in argv], input=base64.b64encode(stdin).decode(), env=env or {}, timeout=timeout)
        done = Done([str(a) for a in argv], answer["rc"], words(answer["out"]), words(answer["err"]))
        if check and done.rc != 0:
            raise GuestError("%s: exit %d\n%s%s" % (shlex.join(done.argv), done.rc, done.out, done.err))
        return done

    def sh(self, script, **options):
        return self.run("sh", "-c", script, **options)

    def start(self, name, *argv, env=None):
        """In the background, under this name."""
        return Job(self, name, self.ask("start", name=name, argv=[str(a) for a in argv], env=env or {})["pid"])

    # -- files and the screen --------------------------------------------------------------------------------------
    def read(self, path, offset=0):
        return base64.b64decode(self.ask("read", path=str(path), offset=offset)["data"])

    def write(self, path, data, mode=0o644):
        self.ask("write", path=str(path), data=base64.b64encode(data).decode(), mode=mode)

    def screen(self, tty=1):
        a = self.ask("screen", tty=tty)
        return Screen(a["rows"], a["columns"], tuple(a["cursor"]), a["lines"], base64.b64decode(a["attributes"]))

    def control(self, request, **fields):
        """One request to lazaretd; its answer, which may be a refusal."""
        return self.ask("control", request={"request": request, **fields})["lines"][-1]

    def set_clock(self, seconds):
        self.ask("clock", time=seconds)

    def close(self):
        self.lines.close()


class Job:
    """A command in the background of the machine."""

    def __init__(self, agent, name, pid):
        self.agent, self.name, self.pid = agent, name, pid
        self.out, self.err, self.rc, self.at = "", "", None, 0

    def poll(self):
        """Fetch what it has printed since; its exit status, None while it runs."""
        answer = self.agent.ask("poll", name=self.name, offset=self.at)
        data = base64.b64decode(answer["out"])
        self.at += len(data)
        self.out += data.decode("utf-8", "backslashreplace")
        self.err, self.rc = words(answer["err"]), answer["rc"]
        return self.rc

    def signal(self, number):
        self.agent.ask("signal", name=self.name, signal=int(number))

    def wait(self, patience):
        return until(lambda: self.poll() is not None and Done([self.name], self.rc, self.out, self.err), patience, "%s to end" % self.name)

    def wait_output(self, piece, patience):
        """Until it has printed `piece`, on either stream."""
        until(lambda: self.poll() is not None or piece in self.out or piece in self.err, patience, "%r from %s" % (piece, self.name))
        if piece not in self.out and piece not in self.err:
            raise GuestError("%s ended (%s) without %r\n%s%s" % (self.name, self.rc, piece, self.out, self.err))


def until(condition, patience, what):
    """What `condition` returns as soon as that is true; TimeoutError, with `what` was awaited, when it never is."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError("waited %d s for %s" % (patience, what))
        time.sleep(0.15)
