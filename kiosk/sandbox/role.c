/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "sandbox/role.h"

#define MIB (1ull << 20)
/* The kernel refuses to send a descriptor (ETOOMANYREFS) while more are under way of all processes of that account than the sender may
 * open itself; without root, all roles of all inspections are one account. */
#define FILES_OF_SENDERS 4096

/* Memory: what the role's own buffers need, times a few. The examiners have none of it: libclamav answers
 * "clean" when an allocation fails (research on 1.4, RLIMIT_AS makes 7z members clean), so exhaustion must kill
 * from outside (cgroup), never fail inside. */
static const struct role roles[ROLE_COUNT_] = {
	[ROLE_LEDGER] = {
		.name = "ledger", .executable = "lazaret-ledger", .account = "_lazaret-ledger",
		.access = ACCESS_WRITE, .calls = CALLS_BASE | CALLS_READ_TREE | CALLS_WRITE_TREE,
		.data_max = 256 * MIB, .files_max = 64,
		.does = "writes the audit trail and the history; holds the audit key",
	},
	[ROLE_VAULT] = {
		.name = "vault", .executable = "lazaret-vault", .account = "_lazaret-vault",
		.access = ACCESS_WRITE, .calls = CALLS_BASE | CALLS_READ_TREE | CALLS_WRITE_TREE,
		.data_max = 64 * MIB, .files_max = FILES_OF_SENDERS,
		.does = "stores, hashes and seals the byte streams; parses nothing",
	},
	[ROLE_INTAKE] = {
		.name = "intake", .executable = "lazaret-intake", .account = "root",
		.privilege = PRIVILEGE_MOUNT, .calls = CALLS_DENY_ONLY, .files_max = FILES_OF_SENDERS,
		.does = "sets the medium read-only, opens volumes as detached read-only mounts",
	},
	[ROLE_PROBE] = {
		.name = "probe", .account = "_lazaret-probe",
		.calls = CALLS_BASE | CALLS_PROBE, .data_max = 64 * MIB, .files_max = 32,
		.does = "reads partition tables and super blocks (libblkid), in a child of intake",
	},
	[ROLE_DRIVER] = {
		.name = "driver", .account = "_lazaret-driver",
		.calls = CALLS_BASE | CALLS_FUSE, .data_max = 1024 * MIB, .files_max = FILES_OF_SENDERS,
		.does = "user-space file systems and their window on the medium, children of intake",
	},
	[ROLE_READER] = {
		.name = "reader", .executable = "lazaret-reader", .account = "_lazaret-reader",
		.privilege = PRIVILEGE_READ, .access = ACCESS_READ, .calls = CALLS_BASE | CALLS_READ_TREE,
		.data_max = 128 * MIB, .files_max = 256,
		.does = "walks one volume and streams its files to the vault",
	},
	[ROLE_EXAMINE] = {
		.name = "examine", .executable = "lazaret-examine", .account = "_lazaret-examine",
		.privilege = PRIVILEGE_NAMESPACE, .files_max = 4096,
		/* filters of parent and child both apply: the parent must allow what the child may do */
		.calls = CALLS_BASE | CALLS_SANDBOX | CALLS_SCRATCH, .forks = ROLE_WORKER,
		.does = "holds the virus database and forks workers; reads no untrusted byte",
	},
	[ROLE_WORKER] = {
		.name = "worker", .account = "_lazaret-examine",
		.calls = CALLS_BASE | CALLS_SCRATCH, .files_max = 4096,
		.does = "examines sealed copies with libclamav and libmagic, in a private tmpfs",
	},
	[ROLE_YARA] = {
		.name = "yara", .executable = "lazaret-yara", .account = "_lazaret-yara",
		.privilege = PRIVILEGE_NAMESPACE, .calls = CALLS_BASE | CALLS_SANDBOX, .forks = ROLE_YARA_WORKER,
		.data_max = 4096 * MIB, .files_max = 4096, /* the site's rules: the largest public sets take half a GiB */
		.does = "holds the site's YARA rules and forks workers; reads no untrusted byte",
	},
	[ROLE_YARA_WORKER] = {
		.name = "yara-worker", .account = "_lazaret-yara",
		.calls = CALLS_BASE, .data_max = 4096 * MIB, .files_max = 64, /* rules, and a million matches of some strings */
		.does = "examines sealed copies with the site's YARA rules (libyara)",
	},
	[ROLE_PLUGIN] = {
		.name = "plugin", .executable = "lazaret-plugin", .account = "_lazaret-plugin",
		.privilege = PRIVILEGE_PROGRAM, .calls = CALLS_BASE | CALLS_SANDBOX | CALLS_PROGRAM, .files_max = 4096,
		.forks = ROLE_PLUGIN_WORKER,
		.does = "holds one plug-in of the site and forks workers; reads no untrusted byte",
	},
	[ROLE_PLUGIN_WORKER] = {
		.name = "plugin-worker", .account = "_lazaret-plugin", .access = ACCESS_RUN,
		.calls = CALLS_BASE | CALLS_PROGRAM, .data_max = 2048 * MIB, .files_max = 256,
		.does = "runs a plug-in of the site on one sealed copy, in a root of its own",
	},
	/* Limits and namespaces of an opener are those that its parent entered. */
	[ROLE_UNPACK] = {
		.name = "unpack", .executable = "lazaret-unpack", .account = "_lazaret-unpack",
		.calls = CALLS_BASE | CALLS_FORK, .data_max = 2048 * MIB, .files_max = FILES_OF_SENDERS, .forks = ROLE_UNPACK_OPENER,
		.does = "loads libarchive and forks openers; reads no untrusted byte",
	},
	[ROLE_UNPACK_OPENER] = {
		.name = "unpack-opener", .account = "_lazaret-unpack",
		.calls = CALLS_BASE, .data_max = 2048 * MIB, .files_max = 64, /* dictionaries of xz, 7z and RAR: up to 1.5 GiB */
		.does = "brings out the members of archives, packages and compressed streams of one file (libarchive)",
	},
	[ROLE_OLE] = {
		.name = "ole", .executable = "lazaret-ole", .account = "_lazaret-ole",
		.calls = CALLS_BASE | CALLS_FORK, .data_max = 512 * MIB, .files_max = FILES_OF_SENDERS, .forks = ROLE_OLE_OPENER,
		.does = "loads libgsf and forks openers; reads no untrusted byte",
	},
	[ROLE_OLE_OPENER] = {
		.name = "ole-opener", .account = "_lazaret-ole",
		.calls = CALLS_BASE, .data_max = 512 * MIB, .files_max = 64,
		.does = "brings out the streams of OLE2 documents of one file (libgsf)",
	},
	[ROLE_PDF] = {
		.name = "pdf", .executable = "lazaret-pdf", .account = "_lazaret-pdf",
		.calls = CALLS_BASE | CALLS_FORK, .data_max = 1024 * MIB, .files_max = FILES_OF_SENDERS, .forks = ROLE_PDF_OPENER,
		.does = "loads qpdf and forks openers; reads no untrusted byte",
	},
	[ROLE_PDF_OPENER] = {
		.name = "pdf-opener", .account = "_lazaret-pdf",
		.calls = CALLS_BASE, .data_max = 1024 * MIB, .files_max = 64,
		.does = "brings out what PDF documents of one file embed, and finds what acts in them (qpdf)",
	},
	[ROLE_DISK] = {
		.name = "disk", .executable = "lazaret-disk", .account = "_lazaret-disk",
		.calls = CALLS_BASE | CALLS_FORK, .data_max = 512 * MIB, .files_max = FILES_OF_SENDERS, .forks = ROLE_DISK_OPENER,
		.does = "loads libqcow, libvmdk and libvhdi and forks openers; reads no untrusted byte",
	},
	[ROLE_DISK_OPENER] = {
		.name = "disk-opener", .account = "_lazaret-disk",
		.calls = CALLS_BASE, .data_max = 512 * MIB, .files_max = 64, /* tables of clusters */
		.does = "brings virtual disks out of the images of QEMU, VMware and Hyper-V in one file (libqcow, libvmdk, libvhdi)",
	},
	[ROLE_ORIGIN] = {
		.name = "origin", .executable = "lazaret-origin", .account = "_lazaret-origin",
		.calls = CALLS_BASE, .data_max = 256 * MIB, .files_max = 64,
		.does = "reads checksum lists and verifies signatures with the officer's keys",
	},
	[ROLE_OPENPGP] = {
		.name = "openpgp", .executable = "lazaret-openpgp", .account = "_lazaret-openpgp",
		.calls = CALLS_BASE, .data_max = 256 * MIB, .files_max = 64,
		.does = "verifies OpenPGP signatures (librnp) with the officer's keys",
	},
	[ROLE_CMS] = {
		.name = "cms", .executable = "lazaret-cms", .account = "_lazaret-cms",
		.calls = CALLS_BASE, .data_max = 256 * MIB, .files_max = 64,
		.does = "verifies CMS signatures and their certificates (libcrypto)",
	},
	[ROLE_RPM] = {
		.name = "rpm", .executable = "lazaret-rpm", .account = "_lazaret-rpm",
		.calls = CALLS_BASE, .data_max = 256 * MIB, .files_max = 64,
		.does = "verifies RPM packages and reads indexes of RPM repositories (librpm, libxml2)",
	},
	[ROLE_AUTHENTICODE] = {
		.name = "authenticode", .executable = "lazaret-authenticode", .account = "_lazaret-authenticode",
		.calls = CALLS_BASE, .data_max = 256 * MIB, .files_max = 64,
		.does = "verifies Authenticode signatures",
	},
	[ROLE_PUBLISH] = {
		.name = "publish", .executable = "lazaret-publish", .account = "_lazaret-publish",
		.access = ACCESS_WRITE, .calls = CALLS_BASE | CALLS_READ_TREE | CALLS_WRITE_TREE,
		.data_max = 64 * MIB, .files_max = 128,
		.does = "re-hashes approved copies into a transfer, signs it, renames it into staging",
	},
	[ROLE_DEVICES] = {
		.name = "devices", .executable = "lazaret-devices", .account = "_lazaret-devices",
		.privilege = PRIVILEGE_DEVICES, .calls = CALLS_BASE | CALLS_READ_TREE | CALLS_DEVICES,
		.data_max = 64 * MIB, .files_max = 128,
		.does = "listens to udev and judges USB devices; opens no block device, writes nothing",
	},
	[ROLE_GUARD] = {
		.name = "guard", .account = "root",
		.privilege = PRIVILEGE_GUARD, .calls = CALLS_BASE | CALLS_READ_TREE,
		.data_max = 16 * MIB, .files_max = 32,
		.does = "switches USB devices and interfaces on and off for devices, whose child it is; reads none",
	},
	[ROLE_RECORDS] = {
		.name = "records", .executable = "lazaret-records", .account = "_lazaret-ledger",
		.access = ACCESS_READ, .calls = CALLS_BASE | CALLS_READ_TREE,
		.data_max = 256 * MIB, .files_max = 64,
		.does = "answers the console's questions about past transfers; reads only",
	},
	[ROLE_UNLOCK] = {
		.name = "unlock", .account = "_lazaret-unlock",
		.privilege = PRIVILEGE_MAP, .access = ACCESS_NODES, .calls = CALLS_BASE | CALLS_UNLOCK,
		.data_max = 2048 * MIB, .files_max = 64, /* Argon2 takes what the medium says: at most so much */
		.does = "works out key and mapping of one encrypted volume (libcryptsetup), a child of intake",
	},
	/* The loosest of all, because what runs in it is the site's choice: modules of PAM that read /etc/shadow or run unix_chkpwd
	 * (pam_unix), open hidraw devices and ask udev (pam_u2f), connect to pcscd, sssd or a directory (pam_pkcs11, pam_sss), or count
	 * in /run (pam_faillock). An empty root, another account or a narrow list of calls would make one of them fail, and a
	 * stack that works only half of the time is what makes a site switch authentication off. It can be so loose because
	 * of what it meets: a name that the station knows, and at most 511 bytes a question that a person typed; no byte of a
	 * medium. It still loses what is not authentication: mounting, modules of the kernel, raw devices, tracing, clocks,
	 * namespaces, gaining privileges by exec, core dumps, every descriptor of ours; and it lives for one attempt. */
	[ROLE_LOGIN] = {
		.name = "login", .executable = "lazaret-login", .account = "root",
		.privilege = PRIVILEGE_LOGIN, .calls = CALLS_LOGIN, .data_max = 1024 * MIB, .files_max = 256,
		.does = "has PAM say whether a person's secret is right; one attempt, then it ends",
	},
	[ROLE_PRINTER] = {
		.name = "printer", .executable = "lazaret-printer", .account = "_lazaret-printer",
		.calls = CALLS_BASE, .data_max = 32 * MIB, .files_max = 16,
		.does = "turns a receipt into what the printer understands, and writes it to that one device",
	},
	[ROLE_FLEET] = {
		.name = "fleet", .executable = "lazaret-fleet", .account = "_lazaret-fleet",
		.privilege = PRIVILEGE_NETWORK, .access = ACCESS_READ,
		.calls = CALLS_BASE | CALLS_READ_TREE | CALLS_WRITE_TREE | CALLS_LINK | CALLS_NETWORK,
		.data_max = 512 * MIB, .files_max = 64,
		.does = "sends records and reports to the one database that the officer configured; has the only network",
	},
	[ROLE_CENTRE] = {
		.name = "centre", .account = "_lazaret-fleet",
		.calls = CALLS_BASE | CALLS_LINK, .data_max = 1024 * MIB, .files_max = 256,
		.does = "lazaret-fleet at the centre: reads stations' files and checks rows, over a connection made before",
	},
	[ROLE_SELFCHECK] = {
		.name = "selfcheck", .executable = "lazaret-selfcheck", .account = "root",
		.privilege = PRIVILEGE_SYSTEM, .access = ACCESS_SYSTEM, .calls = CALLS_BASE | CALLS_READ_TREE | CALLS_SELFCHECK,
		.data_max = 256 * MIB, .files_max = 64,
		.does = "looks at the station itself, once, then it ends; meets no medium",
	},
};

const struct role *role_get(enum role_id id)
{
	return &roles[id];
}
