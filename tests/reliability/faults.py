# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Each system call that a process makes returns each error that it can, one at a time. Either the result is whole, or it is refused
with a reason; the station ends in time, and the next inspection works."""
import collections

import kill

Point = collections.namedtuple("Point", "role option label")

# What the manual pages give and what can happen to a station: full disk, broken disk, no memory, no descriptors, a signal. "!": the
# call is made, and its error comes with it (close(2)). "short": fewer bytes than asked for.
DESCRIPTORS, SPACE = ["EMFILE", "ENFILE", "ENOMEM"], ["ENOSPC", "EDQUOT", "EIO"]
FAULTS = {
    "read": ["EIO", "EINTR", "short"], "pread64": ["EIO", "EINTR", "short"], "readv": ["EIO", "EINTR"],
    "write": SPACE + ["EINTR", "short"], "pwrite64": SPACE + ["EINTR", "short"], "writev": SPACE,
    "copy_file_range": SPACE + ["ENOMEM", "EXDEV"], "sendfile": ["EIO", "ENOMEM"], "splice": ["ENOMEM"],
    "openat": DESCRIPTORS + ["EIO", "ENOSPC"], "openat2": DESCRIPTORS + ["EIO"], "open": DESCRIPTORS + ["EIO"],
    "mkdirat": SPACE + ["ENOMEM"], "mkdir": SPACE + ["ENOMEM"], "renameat": SPACE, "renameat2": SPACE, "rename": SPACE, "linkat": SPACE,
    "unlinkat": ["EIO"], "unlink": ["EIO"], "rmdir": ["EIO"], "ftruncate": ["EIO", "EINTR", "ENOSPC"], "fallocate": SPACE + ["EINTR"],
    "fsync": SPACE, "fdatasync": SPACE, "syncfs": SPACE, "close": ["EIO!", "EINTR!"],
    "fchmod": ["EIO", "EPERM", "EROFS"], "fchmodat": ["EIO", "EPERM"], "chmod": ["EIO"], "fchown": ["EIO", "EPERM", "EDQUOT"],
    "fstat": ["EIO", "ENOMEM"], "newfstatat": ["EIO", "ENOMEM"], "statx": ["EIO", "ENOMEM"], "fstatfs": ["EIO"], "statfs": ["EIO"],
    "getdents64": ["EIO"], "readlink": ["EIO"], "readlinkat": ["EIO"], "access": ["EIO"], "faccessat": ["EIO"], "faccessat2": ["EIO"],
    "flock": ["EINTR", "ENOLCK"], "fcntl": ["EMFILE", "ENOLCK"], "dup": ["EMFILE"], "dup2": ["EMFILE"], "dup3": ["EMFILE"],
    "mmap": ["ENOMEM"], "mremap": ["ENOMEM"], "brk": ["ENOMEM"], "mprotect": ["ENOMEM"],
    "clone": ["EAGAIN", "ENOMEM"], "clone3": ["EAGAIN", "ENOMEM"], "fork": ["EAGAIN", "ENOMEM"], "vfork": ["EAGAIN", "ENOMEM"],
    "execve": ["ENOMEM", "EIO", "EACCES"], "wait4": ["EINTR"], "waitid": ["EINTR"], "pidfd_open": DESCRIPTORS,
    "socketpair": DESCRIPTORS, "pipe2": DESCRIPTORS, "memfd_create": DESCRIPTORS, "signalfd4": DESCRIPTORS, "epoll_create1": DESCRIPTORS,
    "sendmsg": ["EINTR", "ENOBUFS", "ENOMEM", "EPIPE"], "sendto": ["EINTR", "ENOBUFS"], "recvmsg": ["EINTR", "ENOMEM", "ECONNRESET"],
    "recvfrom": ["EINTR", "ENOMEM"], "poll": ["EINTR", "ENOMEM"], "ppoll": ["EINTR", "ENOMEM"], "epoll_wait": ["EINTR"],
    "nanosleep": ["EINTR"], "clock_nanosleep": ["EINTR"], "ioctl": ["EIO", "ENOMEM"],
    "fsopen": DESCRIPTORS, "fsconfig": ["EIO", "ENOMEM"], "fsmount": DESCRIPTORS, "open_tree": DESCRIPTORS, "mount_setattr": ["EPERM"],
    "move_mount": ["ENOMEM"], "mount": ["ENOMEM", "EPERM"], "umount2": ["EBUSY"], "pivot_root": ["EPERM"],
    # layers of the sandbox: a station that lacks one must refuse
    "unshare": ["EPERM", "ENOMEM"], "setns": ["EPERM"], "prctl": ["EPERM"], "seccomp": ["ENOMEM", "EINVAL"], "capset": ["EPERM"],
    "setresuid": ["EAGAIN", "EPERM"], "setresgid": ["EPERM"], "setgroups": ["EPERM", "ENOMEM"], "prlimit64": ["EPERM"],
    "close_range": ["EMFILE", "ENOMEM"], "setsid": ["EPERM"], "landlock_create_ruleset": DESCRIPTORS,
    "landlock_add_rule": ["ENOMEM"], "landlock_restrict_self": ["EPERM", "ENOMEM"],
}


def points(bench):
    counts, found = collections.Counter(), []
    for process, _, phase, name in kill.calls(bench.log):
        if phase == 0:
            continue
        counts[process, name] += 1
        found += [Point(kill.role_of(process), ["-f", f"{process}/{name}/{counts[process, name]}/{fault}"],
                        f"{process}: {name}, call {counts[process, name]}, {fault}") for fault in FAULTS.get(name, [])]
    return found


def attempt(bench, at, point):
    s = bench.original.copy(at)
    known = set(s.staged())
    told = s.traced(bench.small, *point.option)
    if not told["fired"]:
        return "missed", []
    wrong, new = s.disturbed(told, known, bench.small), sorted(set(s.staged()) - known)
    outcome = "whole" if told["exit"] == 1 and new and not lacking(s, new[-1], bench.small) else "refused"
    return outcome, wrong + s.recover(bench.small)


def lacking(s, transfer, medium):
    return [path for path in medium.good if not (s.at / "staging" / transfer / "files" / path).exists()]
