/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The role table: who runs what, as whom, and what it may do. Data; `lazaret status` prints it. */
#ifndef LAZARET_SANDBOX_ROLE_H
#define LAZARET_SANDBOX_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role_id {
	ROLE_LEDGER,
	ROLE_VAULT,
	ROLE_INTAKE, /* mounts; its probing is done by ROLE_PROBE, its drivers run as ROLE_DRIVER */
	ROLE_PROBE,
	ROLE_DRIVER,
	ROLE_READER,
	ROLE_EXAMINE,
	ROLE_WORKER,
	ROLE_YARA, /* these fork workers as examine does (kiosk/forkserver) */
	ROLE_YARA_WORKER,
	ROLE_PLUGIN,
	ROLE_PLUGIN_WORKER,
	ROLE_UNPACK, /* and these openers of containers, each with another library */
	ROLE_UNPACK_OPENER,
	ROLE_OLE,
	ROLE_OLE_OPENER,
	ROLE_PDF,
	ROLE_PDF_OPENER,
	ROLE_DISK,
	ROLE_DISK_OPENER,
	ROLE_ORIGIN,
	ROLE_OPENPGP,	   /* these prove evidence as origin does, each with another library */
	ROLE_CMS,
	ROLE_RPM,
	ROLE_AUTHENTICODE,
	ROLE_PUBLISH,
	ROLE_DEVICES,
	ROLE_GUARD, /* child of devices: the one process that writes to /sys */
	ROLE_RECORDS,
	ROLE_UNLOCK, /* child of intake */
	ROLE_LOGIN,
	ROLE_PRINTER,
	ROLE_FLEET,  /* the one with a network, where the officer configured it */
	ROLE_CENTRE, /* the same program, beside the database */
	ROLE_SELFCHECK, /* not by lazaret-starter: it has a unit of its own */
	ROLE_COUNT_
};

/* What Landlock lets a role do beneath the directories among the descriptors that it keeps. */
enum role_access {
	ACCESS_NONE,
	ACCESS_READ,
	ACCESS_WRITE, /* read, create, rename, remove, truncate: regular files and directories only */
	ACCESS_NODES, /* read, and ask devices (the system-call filter says what) */
	ACCESS_SYSTEM, /* read what is on the system, write to devices */
	ACCESS_RUN,   /* read and run what is in its own root, write to /dev/null there */
};

/* How far a role may let go of its privileges. */
enum role_privilege {
	PRIVILEGE_NONE,	     /* no capability at all, in any namespace */
	PRIVILEGE_READ,	     /* reads files whatever their owner and mode say (CAP_DAC_READ_SEARCH): they are the medium's,
			      * written by nobody whom this station knows */
	PRIVILEGE_NAMESPACE, /* CAP_SYS_ADMIN in its own user namespace: it makes sandboxes for its children */
	PRIVILEGE_PROGRAM,   /* the same, and its root holds a program that is not ours, with what it takes to run it */
	PRIVILEGE_DEVICES,   /* reads /sys and what udev knows in /run/udev, both mounted read-only */
	PRIVILEGE_GUARD,     /* writes root's files beneath /sys/devices and /sys/bus/usb, without any capability */
	PRIVILEGE_MAP,	     /* no capability either; its root is a mount that its parent prepared, with the nodes that it needs:
			      * a child of intake that works out how one encrypted volume is mapped */
	PRIVILEGE_LOGIN,     /* reads and writes files of any owner and changes accounts, as modules of PAM do: no namespaces, its root
			      * is the system's */
	PRIVILEGE_NETWORK,   /* PRIVILEGE_READ, and it may connect to one TCP port, or to one Unix socket and no network at all */
	PRIVILEGE_SYSTEM,    /* reads the system itself as root sees it, and sets up loop devices: no namespaces, since it looks at those
			      * that the station is in */
	PRIVILEGE_MOUNT,     /* intake alone: real mount privileges where the station has them */
};

/* Groups of system calls (syscalls.c). */
enum syscall_group {
	CALLS_BASE = 1u << 0,	    /* memory, clocks, messages, descriptors that are open already */
	CALLS_READ_TREE = 1u << 1,  /* open and list beneath a directory */
	CALLS_WRITE_TREE = 1u << 2, /* create, rename, remove, sync */
	CALLS_SCRATCH = 1u << 3,    /* what libclamav needs in its own temporary directory */
	CALLS_SANDBOX = 1u << 4,    /* fork and confine children */
	CALLS_DENY_ONLY = 1u << 5,  /* everything but what no role ever needs */
	CALLS_PROBE = 1u << 6,	    /* what libblkid needs besides: fadvise, block ioctls */
	CALLS_FUSE = 1u << 7,	    /* serving /dev/fuse: read, writev, splice */
	CALLS_DEVICES = 1u << 8,    /* what libudev needs: netlink that is open already, reading /sys and /run/udev */
	CALLS_UNLOCK = 1u << 9,	    /* what libcryptsetup needs to read a header; nothing can be opened for writing */
	CALLS_PROGRAM = 1u << 10,   /* start one program that is not ours, and what such programs need */
	CALLS_LOGIN = 1u << 11,	    /* everything but what no module of PAM ever needs to authenticate */
	CALLS_LINK = 1u << 12,	    /* what libpq and libssl need on a socket that is connected */
	CALLS_NETWORK = 1u << 13,   /* TCP and Unix stream sockets, and connecting them */
	CALLS_SELFCHECK = 1u << 14, /* read the system; loop devices over memory; ask for routes */
	CALLS_FORK = 1u << 15,	    /* fork children that have another filter, and nothing else that they have not */
};

struct role {
	const char *name;	/* "examine" */
	const char *executable; /* "lazaret-examine"; NULL: forked by another role */
	const char *account;	/* "_lazaret-examine", used when the station is started by root */
	enum role_privilege privilege;
	enum role_access access;
	unsigned int calls;	/* mask of enum syscall_group */
	uint64_t data_max;	/* bytes of private memory (RLIMIT_DATA); 0: no limit of its own */
	uint64_t files_max;	/* descriptors (RLIMIT_NOFILE) */
	enum role_id forks;	/* who its children are, of a fork server (kiosk/forkserver); ROLE_LEDGER, nobody's child: none */
	const char *does;	/* a sentence for `lazaret status` and docs/architecture.md */
};

const struct role *role_get(enum role_id id); /* never NULL for a valid id */

#endif
