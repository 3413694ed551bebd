/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The self-check on texts that kernels write, on such as they never would, and on systems that are made for it: trees with the files of
 * /proc and /sys that a check reads. What can be made wrong for real is in tests/integration/selfcheck.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/stat.h>

#include "selfcheck/network.h"
#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

/* -- a system ------------------------------------------------------------------------------------------------------ */

struct fixture {
	char root[64], proc[80], sys_dir[80], facts[80];
	struct station_config config;
	struct system sys;
};

static void put_bytes(struct fixture *f, const char *path, const void *data, size_t size)
{
	char whole[PATH_MAX];
	int fd;

	(void)snprintf(whole, sizeof(whole), "%s/%s", f->root, path);
	for (char *slash = strchr(whole + strlen(f->root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static void put(struct fixture *f, const char *path, const char *text)
{
	put_bytes(f, path, text, strlen(text));
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->root, "/tmp/lazaret-selfcheck.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	(void)snprintf(f->proc, sizeof(f->proc), "%s/proc", f->root);
	(void)snprintf(f->sys_dir, sizeof(f->sys_dir), "%s/sys", f->root);
	(void)snprintf(f->facts, sizeof(f->facts), "%s/facts", f->root);
	f->sys = (struct system){ .proc = f->proc, .sys = f->sys_dir, .dev = f->root, .etc = f->root, .usr = f->root, .facts = f->facts,
				  .machine = SELFCHECK_APPLIANCE, .is_by_daemon = true, .now = 1000, .config = &f->config };
	f->config.devices.is_guarded = true;
	*state = f;
	return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *w)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(nftw(f->root, drop, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(f);
	return 0;
}

enum said_what { OK, WRONG, WARNING, NOTHING };

#define CHECK(f, name, what, words)                                                                                                            \
	do {                                                                                                                                   \
		struct said said_ = { 0 };                                                                                                     \
                                                                                                                                               \
		check_##name(&(f)->sys, &said_);                                                                                               \
		print_message("# %s: %s\n", #name, said_.text);                                                                                \
		assert_true(said_.is_said);                                                                                                    \
		assert_int_equal(said_.is_wrong, (what) == WRONG);                                                                             \
		if ((what) != WRONG)                                                                                                           \
			assert_int_equal(said_.state, (what) == OK ? SELFCHECK_STATE_OK :                                                      \
						      (what) == WARNING ? SELFCHECK_STATE_WARNING : SELFCHECK_STATE_NONE);                     \
		assert_non_null(strstr(said_.text, words));                                                                                    \
	} while (0)

/* -- texts --------------------------------------------------------------------------------------------------------- */

static void mounts(void **state)
{
	static const char *const bad[] = {
		"", "36", "36 35 98:0", "36 35 98:0 /a /b rw", "36 35 98:0 /a /b rw -", "36 35 98:0 /a /b rw - ext4", "36 35 98:0 /a /b rw - ext4 /dev/a",
		"36 35 98 /a /b rw - ext4 /dev/a rw", "36 35 98:x /a /b rw - ext4 /dev/a rw", "36 35 99999999999:0 /a /b rw - ext4 /dev/a rw",
		"36 35 98:0 /a /b rw master:1 ext4 /dev/a rw",
	};
	static const char good[] = "36 35 98:0 /mnt1 /mnt2\\040a\\134 rw,noatime master:1 shared:2 - ext3 /dev/root ro,errors=continue";
	char line[2200];
	struct mount m;

	assert_int_equal(mount_parse(good, strlen(good), &m), 0);
	assert_int_equal(m.major, 98);
	assert_string_equal(m.point, "/mnt2 a\\");
	assert_string_equal(m.type, "ext3");
	assert_true(mount_has(m.options, "rw") && !mount_has(m.options, "ro") && mount_has(m.super, "ro") && !mount_has(m.super, "errors"));
	for (size_t k = 0; k < ARRAY_LEN(bad); k++)
		assert_int_equal(mount_parse(bad[k], strlen(bad[k]), &m), -EBADMSG);
	/* every shorter one is refused, or is the same mount with less of its last word */
	for (size_t size = 0; size < strlen(good); size++)
		if (mount_parse(good, size, &m) == 0)
			assert_string_equal(m.point, "/mnt2 a\\");
	(void)memset(line, 'a', sizeof(line)); /* a mount point longer than there is room for */
	(void)memcpy(line, "36 35 98:0 / /", 14);
	(void)strcpy(line + 2100, " rw - ext4 /dev/a rw");
	assert_int_equal(mount_parse(line, strlen(line), &m), -EBADMSG);
}

static void sockets(void **state)
{
	static const char v4[] = "   0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0";
	static const char v6[] = "   1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 0:0";
	static const char *const bad[] = { "0100007F:0277 00000000:0000 0A", "0: 0100007F0277 00000000:0000 0A", "0: 0100007G:0277 00000000:0000 0A",
					   "0: 0100007F:0277 00000000:0000", "0: 0100007F:0277 00000000:0000 0A0", "0: 0100007F:0277", "0:", "" };
	struct endpoint e;

	assert_int_equal(endpoint_parse(v4, strlen(v4), false, &e), 0);
	assert_int_equal(e.port, 0x277);
	assert_int_equal(e.state, 10);
	assert_true(endpoint_is_loopback(&e) && !e.has_peer);
	assert_int_equal(endpoint_parse(v4, strlen(v4), true, &e), -EBADMSG);
	assert_int_equal(endpoint_parse(v6, strlen(v6), true, &e), 0);
	assert_true(endpoint_is_loopback(&e) && e.port == 22);
	for (size_t k = 0; k < ARRAY_LEN(bad); k++)
		assert_int_equal(endpoint_parse(bad[k], strlen(bad[k]), false, &e), -EBADMSG);
	for (size_t size = 0; size < 36; size++) /* up to the state */
		assert_int_equal(endpoint_parse(v4, size, false, &e), -EBADMSG);
}

static void command_lines(void **state)
{
	static const char line[] = "quiet ro lazaret.roothash=abc  a=\"b c\" usbcore.authorized_default=1 usbcore.authorized_default=0 key";
	char value[16];

	assert_true(cmdline_get(line, "usbcore.authorized_default", value, sizeof(value)));
	assert_string_equal(value, "0");
	assert_true(cmdline_get(line, "a", value, sizeof(value)));
	assert_string_equal(value, "b c");
	assert_true(cmdline_get(line, "key", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(cmdline_get(line, "roothash", value, sizeof(value)));
	assert_false(cmdline_get(line, "c", value, sizeof(value)));
	assert_true(cmdline_get("x=0123456789abcdef0123", "x", value, sizeof(value)));
	assert_string_equal(value, "0123456789abcde"); /* cut, not past the end */
	assert_true(cmdline_get("x=\"", "x", value, sizeof(value)));
}

static void statuses(void **state)
{
	struct process_status s;

	assert_int_equal(status_parse("Name:\tsshd: a [priv]\nUmask:\t0022\nUid:\t1000\t0\t0\t0\nVmSize:\t12 kB\n", &s), 0);
	assert_string_equal(s.name, "sshd: a [priv]");
	assert_true(s.euid == 0 && !s.is_kernel);
	assert_int_equal(status_parse("Name:\tkthreadd\nUid:\t0\t0\t0\t0\n", &s), 0);
	assert_true(s.is_kernel);
	/* a name cannot say who it is: lines come in the kernel's order, and a newline in it is escaped by the kernel */
	assert_int_equal(status_parse("Name:\tUid:\\n1000\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n", &s), 0);
	assert_int_equal(s.euid, 0);
	assert_int_equal(status_parse("Uid:\t0\t0\t0\t0\nName:\ta\n", &s), -EBADMSG);
	assert_int_equal(status_parse("Name:\ta\nUid:\t0\n", &s), -EBADMSG);
	assert_int_equal(status_parse("Name:\ta\nUid:\t0\tx\n", &s), -EBADMSG);
	assert_int_equal(status_parse("", &s), -EBADMSG);
	assert_int_equal(stat_has_terminal("1 (a) S 1 1 1 0 ) S 1 1 1 7) S 1 1 1 0 -1"), 0); /* a name that tells otherwise */
	assert_int_equal(stat_has_terminal("1 (a b) R 1 1 1 34816 -1"), 1);
	assert_int_equal(stat_has_terminal("1 (a"), -EBADMSG);
	assert_int_equal(stat_has_terminal("1 (a) S 1 1 1"), -EBADMSG);
}

/* -- routes -------------------------------------------------------------------------------------------------------- */

struct message {
	struct nlmsghdr header;
	struct rtmsg m;
	char attributes[64];
};

static void add(struct message *r, unsigned short type, const void *data, size_t size)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static struct message message(unsigned char prefix, unsigned char type)
{
	return (struct message){ .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_NEWROUTE },
				 .m = { .rtm_family = AF_INET, .rtm_dst_len = prefix, .rtm_type = type, .rtm_table = RT_TABLE_MAIN } };
}

static void routes(void **state)
{
	const uint32_t gateway = 1, table = 100;
	struct message m = message(24, RTN_UNICAST);
	struct route r;

	assert_int_equal(route_judge(&m.header, &r), 0);
	assert_false(r.is_out);
	m = message(0, RTN_UNICAST);
	assert_int_equal(route_judge(&m.header, &r), 0);
	assert_true(r.is_out);
	m = message(1, RTN_UNICAST); /* half of the world */
	assert_int_equal(route_judge(&m.header, &r), 0);
	assert_true(r.is_out);
	m = message(0, RTN_UNREACHABLE);
	assert_int_equal(route_judge(&m.header, &r), 0);
	assert_false(r.is_out);
	m = message(24, RTN_UNICAST);
	add(&m, RTA_TABLE, &table, sizeof(table));
	add(&m, RTA_GATEWAY, &gateway, sizeof(gateway));
	assert_int_equal(route_judge(&m.header, &r), 0);
	assert_true(r.is_out && r.has_gateway && r.table == 100);
	/* an attribute that is longer than the message, and a message that is no route */
	((struct rtattr *)m.attributes)->rta_len = 200;
	assert_int_equal(route_judge(&m.header, &r), -EBADMSG);
	m = message(24, RTN_UNICAST);
	m.header.nlmsg_type = RTM_NEWLINK;
	assert_int_equal(route_judge(&m.header, &r), -EBADMSG);
	m = message(24, RTN_UNICAST);
	m.header.nlmsg_len = NLMSG_LENGTH(2);
	assert_int_equal(route_judge(&m.header, &r), -EBADMSG);
}

/* -- systems ------------------------------------------------------------------------------------------------------- */

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void verity(void **state)
{
	struct fixture *f = *state;

	CHECK(f, VERITY, WRONG, "No such file");
	put(f, "proc/cmdline", "quiet lazaret.roothash=" HASH "\n");
	put(f, "proc/1/mountinfo", "1 0 254:0 / / ro - squashfs /dev/dm-0 ro\n2 1 0:5 / /dev rw - devtmpfs dev rw\n");
	CHECK(f, VERITY, WRONG, "no mapped device");
	put(f, "sys/dev/block/254:0/dm/uuid", "CRYPT-LUKS2-0123-root\n");
	CHECK(f, VERITY, WRONG, "not dm-verity");
	put(f, "sys/dev/block/254:0/dm/uuid", "CRYPT-VERITY-0123-root\n");
	CHECK(f, VERITY, OK, "0123456789abcdef...");
	CHECK(f, ROOT_READ_ONLY, OK, "squashfs");
	put(f, "proc/cmdline", "quiet roothash=1234\n");
	CHECK(f, VERITY, WRONG, "is none");
	put(f, "proc/cmdline", "quiet\n");
	CHECK(f, VERITY, WRONG, "no root hash");
	/* somebody has mounted something over it */
	put(f, "proc/cmdline", "quiet roothash=" HASH "\n");
	put(f, "proc/1/mountinfo", "1 0 254:0 / / ro - squashfs /dev/dm-0 ro\n9 1 0:30 / / rw - tmpfs none rw\n");
	CHECK(f, VERITY, WRONG, "tmpfs");
	CHECK(f, ROOT_READ_ONLY, WRONG, "writable");
	put(f, "proc/1/mountinfo", "nonsense\n");
	CHECK(f, ROOT_READ_ONLY, WRONG, "Bad message");
}

static void data_partition(void **state)
{
	struct fixture *f = *state;
	const char *mounts = "1 0 254:0 / / ro - squashfs /dev/dm-0 ro\n2 1 254:1 / /var rw - ext4 /dev/mapper/data rw\n";

	CHECK(f, DATA_PARTITION, WRONG, "No such file");
	put(f, "proc/cmdline", "quiet lazaret.roothash=" HASH "\n");
	put(f, "proc/1/mountinfo", "1 0 254:0 / / ro - squashfs /dev/dm-0 ro\n");
	CHECK(f, DATA_PARTITION, WRONG, "No such file"); /* no /var */
	put(f, "proc/1/mountinfo", mounts);
	CHECK(f, DATA_PARTITION, OK, "plain");
	put(f, "proc/cmdline", "quiet lazaret.data=tpm2 lazaret.roothash=" HASH "\n");
	CHECK(f, DATA_PARTITION, WRONG, "not encrypted");
	put(f, "sys/dev/block/254:0/dm/uuid", "CRYPT-LUKS2-0123-root\n"); /* the root's is not that of /var */
	CHECK(f, DATA_PARTITION, WRONG, "not encrypted");
	put(f, "sys/dev/block/254:1/dm/uuid", "CRYPT-PLAIN-data\n");
	CHECK(f, DATA_PARTITION, WRONG, "not encrypted");
	put(f, "sys/dev/block/254:1/dm/uuid", "CRYPT-LUKS2-0123-data\n");
	CHECK(f, DATA_PARTITION, OK, "encrypted");
	put(f, "proc/cmdline", "quiet lazaret.data=clear lazaret.roothash=" HASH "\n");
	CHECK(f, DATA_PARTITION, WRONG, "lazaret.data=clear, which is not known");
}

static void boot(void **state)
{
	static const char on[] = { 6, 0, 0, 0, 1 }, off[] = { 6, 0, 0, 0, 0 }, odd[] = { 6, 0, 0, 0, 1, 1 };
	struct fixture *f = *state;

#define EFI "sys/firmware/efi/efivars/"
#define GUID "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	CHECK(f, SECURE_BOOT, WRONG, "UEFI");
	put_bytes(f, EFI "SecureBoot" GUID, on, sizeof(on));
	put_bytes(f, EFI "SetupMode" GUID, off, sizeof(off));
	CHECK(f, SECURE_BOOT, OK, "on");
	put_bytes(f, EFI "SetupMode" GUID, on, sizeof(on));
	CHECK(f, SECURE_BOOT, WRONG, "set-up mode");
	put_bytes(f, EFI "SecureBoot" GUID, off, sizeof(off));
	CHECK(f, SECURE_BOOT, WRONG, "is off");
	put_bytes(f, EFI "SecureBoot" GUID, odd, sizeof(odd));
	CHECK(f, SECURE_BOOT, WRONG, "Bad message");
	CHECK(f, LOCKDOWN, WRONG, "No such file");
	put(f, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	CHECK(f, LOCKDOWN, OK, "integrity");
	put(f, "sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	CHECK(f, LOCKDOWN, WRONG, "none");
	put(f, "sys/kernel/security/lockdown", "]none[\n");
	CHECK(f, LOCKDOWN, WRONG, "not understood");
	put(f, "proc/cmdline", "lockdown=integrity usbcore.authorized_default=0\n");
	CHECK(f, COMMAND_LINE, OK, "lockdown=integrity");
	put(f, "proc/cmdline", "lockdown=integrity usbcore.authorized_default=0 usbcore.authorized_default=1\n");
	CHECK(f, COMMAND_LINE, WRONG, "authorized_default");
	put(f, "proc/cmdline", "lockdown=integrity usbcore.authorized_default=0 init=/bin/sh\n");
	CHECK(f, COMMAND_LINE, WRONG, "shell");
	put(f, "proc/cmdline", "usbcore.authorized_default=0\n");
	CHECK(f, COMMAND_LINE, WRONG, "lockdown=");
	CHECK(f, IOMMU, WRONG, "no IOMMU");
	put(f, "sys/class/iommu/dmar0", "");
	CHECK(f, IOMMU, OK, "1 in use");
}

static void modules(void **state)
{
	struct fixture *f = *state;

	put(f, "proc/modules", "dm_verity 1 0 - Live 0x0\nusb_storage 2 0 - Live 0x0\n");
	CHECK(f, MODULES, WRONG, "modules.list");
	put(f, "facts/modules.list", "usb-storage\ndm-verity\next4\n");
	CHECK(f, MODULES, OK, "2 loaded");
	put(f, "proc/modules", "dm_verity 1 0 - Live 0x0\nverity 2 0 - Live 0x0\ne1000e 1 0 - Live 0x0\n"); /* a part of a name is not it */
	CHECK(f, MODULES, WRONG, "2 that modules.list does not name: verity, e1000e");
}

static void network(void **state)
{
	struct fixture *f = *state;
	struct station_share *share = &f->config.share;

	put(f, "proc/self/net/tcp", "header\n 0: 0100007F:0277 00000000:0000 0A\n 1: 0500A8C0:1770 0600A8C0:9999 01\n");
	CHECK(f, SOCKETS, OK, "1 that only this machine reaches");
	put(f, "proc/self/net/tcp", "header\n 0: 0500A8C0:01BD 00000000:0000 0A\n");
	CHECK(f, SOCKETS, WRONG, "192.168.0.5 port 445");
	share->interface = (char *)"eth1";
	share->is_on[SHARE_SMB] = true;
	share->port[SHARE_SMB] = 445;
	assert_int_equal(share_address_parse("192.168.0.5", false, &share->address), 0);
	CHECK(f, SOCKETS, OK, "1 of the share");
	put(f, "proc/self/net/tcp", "header\n 0: 00000000:01BD 00000000:0000 0A\n"); /* everywhere is not there */
	CHECK(f, SOCKETS, WRONG, "0.0.0.0 port 445");
	put(f, "proc/self/net/tcp", "header\n");
	put(f, "proc/self/net/udp6", "header\n 3: 00000000000000000000000000000000:0202 00000000000000000000000000000000:0000 07\n");
	CHECK(f, SOCKETS, WRONG, "udp6 :: port 514");
	put(f, "proc/self/net/udp6", "header\n");
	put(f, "proc/self/net/packet", "sk RefCnt Type Proto Iface R Rmem User Inode\n00 3 3 0003 2 1 0 0 1\n");
	CHECK(f, SOCKETS, WRONG, "a packet socket");
	put(f, "proc/self/net/packet", "sk RefCnt Type Proto Iface R Rmem User Inode\n");
	put(f, "proc/self/net/raw", "header\n nonsense\n");
	CHECK(f, SOCKETS, WRONG, "raw: Bad message");
	put(f, "sys/class/net/lo/flags", "0x9\n");
	put(f, "sys/class/net/eth1/flags", "0x1003\n");
	CHECK(f, INTERFACES, OK, "1 besides lo");
	put(f, "sys/class/net/wlan0/flags", "0x1003\n");
	CHECK(f, INTERFACES, WRONG, "wlan0");
	put(f, "sys/class/net/wlan0/flags", "0x1002\n");
	CHECK(f, INTERFACES, OK, "2 besides lo");
}

static void programs(void **state)
{
	struct fixture *f = *state;

	put(f, "proc/1/status", "Name:\tsystemd\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	put(f, "proc/2/status", "Name:\tkthreadd\nUid:\t0\t0\t0\t0\n");
	put(f, "proc/30/status", "Name:\tanything\nUid:\t1000\t1000\t0\t0\nVmSize:\t1 kB\n");
	CHECK(f, ROOT_PROGRAMS, OK, "3 processes");
	CHECK(f, LOGINS, OK, "no sshd");
	put(f, "proc/31/status", "Name:\tcron\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	CHECK(f, ROOT_PROGRAMS, WRONG, "cron");
	/* a server that systemd is just about to start, seen on the booted appliance */
	put(f, "proc/31/status", "Name:\t(smbd)\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	CHECK(f, ROOT_PROGRAMS, OK, "4 processes");
	put(f, "proc/31/status", "Name:\t(cron)\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	CHECK(f, ROOT_PROGRAMS, WRONG, "(cron)");
	put(f, "proc/31/status", "Name:\tsshd\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	/* Found in the appliance: its own power button was a stranger. Known by its unit, not by names that anything may have. */
	put(f, "proc/41/status", "Name:\tod\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	CHECK(f, ROOT_PROGRAMS, WRONG, "1: od");
	put(f, "proc/41/cgroup", "0::/system.slice/system-lazaret\\x2dpower\\x2dbutton.slice/lazaret-power-button@event1.service\n");
	CHECK(f, ROOT_PROGRAMS, OK, "none unknown");
	put(f, "proc/41/cgroup", "0::/user.slice/user-0.slice/lazaret-od.scope\n");
	CHECK(f, ROOT_PROGRAMS, WRONG, "1: od");
	put(f, "proc/41/cgroup", "0::/system.slice/lazaret.service/other.service\n");
	CHECK(f, ROOT_PROGRAMS, WRONG, "1: od");
	put(f, "proc/41/cgroup", "1:name=systemd:/system.slice/lazaretd.service\n0::/system.slice/cron.service\n");
	CHECK(f, ROOT_PROGRAMS, WRONG, "1: od");
	put(f, "proc/41/cgroup", "nonsense\n");
	CHECK(f, ROOT_PROGRAMS, WRONG, "1: od");
	put(f, "proc/41/cgroup", "4:cpu:/\n0::/system.slice/lazaretd.service\n");
	CHECK(f, ROOT_PROGRAMS, OK, "none unknown");
	CHECK(f, LOGINS, WRONG, "sshd");
	f->config.share.interface = (char *)"eth1";
	f->config.share.is_on[SHARE_SFTP] = true;
	CHECK(f, LOGINS, OK, "for the share");
	put(f, "proc/32/status", "Name:\tsh\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	put(f, "proc/32/stat", "32 (sh) S 1 32 32 0 -1 4194560 1\n");
	CHECK(f, LOGINS, OK, "for the share"); /* a script */
	put(f, "proc/32/stat", "32 (sh) S 1 32 32 1025 32 4194560 1\n");
	CHECK(f, LOGINS, WRONG, "on a terminal: sh");
	put(f, "proc/32/stat", "32 (sh) S 1 32\n");
	CHECK(f, LOGINS, WRONG, "Bad message");
	put(f, "proc/32/status", "Name:\tlazaretd\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	put(f, "proc/31/status", "Name:\tagetty\nUid:\t0\t0\t0\t0\nVmSize:\t1 kB\n");
	CHECK(f, LOGINS, WRONG, "agetty");
	put(f, "proc/31/status", "nonsense\n");
	CHECK(f, LOGINS, WRONG, "Bad message");
}

static void setuid_programs(void **state)
{
	struct fixture *f = *state;
	char path[128];

	put(f, "proc/1/mountinfo", "1 0 254:0 / / ro - squashfs /dev/dm-0 ro\n2 1 0:5 / /proc rw - proc proc rw\n3 1 8:1 / /data rw,nosuid - ext4 a rw\n");
	put(f, "bin/tool", "");
	f->sys.is_whole = true;
	CHECK(f, SETUID, OK, "none");
	(void)snprintf(path, sizeof(path), "%s/bin/tool", f->root);
	assert_int_equal(chmod(path, 04755), 0);
	CHECK(f, SETUID, WRONG, "tool");
	f->sys.is_whole = false;
	CHECK(f, SETUID, OK, "once a day");
	put(f, "proc/1/mountinfo", "1 0 254:0 / / ro - squashfs /dev/dm-0 ro\n3 1 8:1 / /da\\040ta rw - ext4 a rw\n");
	CHECK(f, SETUID, WRONG, "/da ta");
}

static void usb(void **state)
{
	struct fixture *f = *state;

	CHECK(f, USB_GUARD, NOTHING, "no USB");
	put(f, "sys/bus/usb/devices/1-1/authorized_default", "1\n"); /* a hub is none of the roots */
	CHECK(f, USB_GUARD, NOTHING, "no USB host");
	put(f, "sys/bus/usb/devices/usb1/authorized_default", "0\n");
	CHECK(f, USB_GUARD, OK, "1 root hubs");
	put(f, "sys/bus/usb/devices/usb2/authorized_default", "2\n");
	CHECK(f, USB_GUARD, WRONG, "usb2");
	f->sys.is_by_daemon = false;
	CHECK(f, USB_GUARD, WRONG, "usb2"); /* an appliance is so from the start */
	f->sys.machine = SELFCHECK_INSTALLED;
	CHECK(f, USB_GUARD, NOTHING, "does not run");
	f->config.devices.is_guarded = false;
	CHECK(f, USB_GUARD, NOTHING, "switched off");
}

static void memory(void **state)
{
	struct fixture *f = *state;

	put(f, "proc/sys/kernel/core_pattern", "core\n");
	put(f, "proc/sys/fs/suid_dumpable", "0\n");
	CHECK(f, CORE_DUMPS, OK, "none");
	put(f, "proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P\n");
	CHECK(f, CORE_DUMPS, WRONG, "systemd-coredump");
	put(f, "proc/sys/kernel/core_pattern", "|/bin/false\n");
	CHECK(f, CORE_DUMPS, OK, "none");
	put(f, "proc/sys/fs/suid_dumpable", "2\n");
	CHECK(f, CORE_DUMPS, WRONG, "suid_dumpable");
	CHECK(f, PTRACE, WRONG, "No such");
	put(f, "proc/sys/kernel/yama/ptrace_scope", "0\n");
	CHECK(f, PTRACE, WRONG, "is 0");
	put(f, "proc/sys/kernel/yama/ptrace_scope", "2\n");
	CHECK(f, PTRACE, OK, "is 2");
	CHECK(f, SWAP, OK, "cannot swap");
	put(f, "proc/swaps", "Filename Type Size\n/dev/zram0 partition 1\n");
	CHECK(f, SWAP, OK, "1");
	put(f, "proc/swaps", "Filename Type Size\n/dev/dm-1 partition 1\n");
	CHECK(f, SWAP, WRONG, "/dev/dm-1");
	put(f, "sys/class/block/dm-1/dm/uuid", "CRYPT-PLAIN-swap\n");
	CHECK(f, SWAP, OK, "1");
	put(f, "sys/class/block/dm-1/dm/uuid", "LVM-swap\n");
	CHECK(f, SWAP, WRONG, "/dev/dm-1");
	put(f, "proc/swaps", "Filename Type Size\n/swapfile file 1\n");
	CHECK(f, SWAP, WRONG, "/swapfile");
}

static void rtc(void **state)
{
	struct fixture *f = *state;

	CHECK(f, RTC, NOTHING, "no battery-backed clock");
	put(f, "sys/class/rtc/rtc0/since_epoch", "1100\n");
	CHECK(f, RTC, OK, "100 s");
	put(f, "sys/class/rtc/rtc0/since_epoch", "4600\n");
	CHECK(f, RTC, WRONG, "3600 s");
	put(f, "adjtime", "0.0 0 0.0\n0\nLOCAL\n");
	CHECK(f, RTC, NOTHING, "local time");
	put(f, "sys/class/rtc/rtc0/since_epoch", "x\n");
	CHECK(f, RTC, WRONG, "not understood");
}

static void appliances(void **state)
{
	struct fixture *f = *state;
	bool is_there;

	assert_int_equal(appliance_is_there(f->facts, &is_there), 0);
	assert_false(is_there);
	put(f, "facts/appliance.json", "{\"suite\":\"trixie\",\"version\":\"1\",\"slot-layout\":\"ab\"}");
	assert_int_equal(appliance_is_there(f->facts, &is_there), 0);
	assert_true(is_there);
	put(f, "facts/appliance.json", "{\"suite\":\"trixie\"}");
	assert_int_equal(appliance_is_there(f->facts, &is_there), -EBADMSG);
}

/* -- results ------------------------------------------------------------------------------------------------------- */

static void results(void **state)
{
	enum selfcheck_state states[SELFCHECK_COUNT_];
	const char *texts[SELFCHECK_COUNT_], *text;
	json_t *made, *taken = NULL, *checks;
	char *line;

	for (size_t k = 0; k < SELFCHECK_COUNT_; k++) {
		states[k] = SELFCHECK_STATE_OK;
		texts[k] = "fine";
	}
	states[SELFCHECK_KEYS] = states[SELFCHECK_CLOCK] = states[SELFCHECK_SANDBOX + 1] = SELFCHECK_STATE_BAD;
	states[SELFCHECK_SANDBOX + 1] = SELFCHECK_STATE_NONE;
	texts[SELFCHECK_KEYS] = "a\x1b[2Jb";
	made = selfcheck_result(SELFCHECK_INSTALLED, true, 42, states, texts);
	assert_non_null(made);
	assert_true(json_is_true(json_object_get(made, "stops")));
	assert_int_equal(json_integer_value(json_object_get(made, "bad")), 2);
	assert_int_equal(selfcheck_first(made, SELFCHECK_STATE_BAD, &text), SELFCHECK_KEYS);
	assert_string_equal(text, "a\\x1b[2Jb"); /* whatever a name was, it is escaped */
	line = json_dumps(made, JSON_COMPACT);
	assert_int_equal(selfcheck_parse(line, strlen(line), &taken), 0);
	assert_true(json_equal(made, taken)); /* escaped once */
	json_decref(taken);
	/* its own sums are not believed */
	json_object_set_new(made, "stops", json_false());
	json_object_set_new(made, "bad", json_integer(0));
	free(line);
	line = json_dumps(made, JSON_COMPACT);
	assert_int_equal(selfcheck_parse(line, strlen(line), &taken), 0);
	assert_true(json_is_true(json_object_get(taken, "stops")));
	json_decref(taken);
	for (size_t size = 0; size < strlen(line); size++) /* no part of it passes for the whole */
		assert_int_equal(selfcheck_parse(line, size, &taken), -EBADMSG);
	free(line);
	checks = json_object_get(made, "checks");
	json_array_remove(checks, SELFCHECK_KEYS); /* one is left out */
	line = json_dumps(made, JSON_COMPACT);
	assert_int_equal(selfcheck_parse(line, strlen(line), &taken), -EBADMSG);
	free(line);
	json_decref(made);
}

/* What the table says, so that a change of it is a decision. */
static void severities(void **state)
{
	static const enum selfcheck invariants[] = { SELFCHECK_SANDBOX, SELFCHECK_WRITE_BLOCK, SELFCHECK_USB_GUARD, SELFCHECK_VERITY,
						     SELFCHECK_ROOT_READ_ONLY, SELFCHECK_KEYS, SELFCHECK_KEY_PAIRS, SELFCHECK_TRAIL };
	size_t count = 0;

	for (unsigned int k = 0; k < SELFCHECK_COUNT_; k++) {
		count += selfcheck_stops((enum selfcheck)k);
		assert_int_equal(selfcheck_find(selfcheck_name((enum selfcheck)k)), k);
	}
	assert_int_equal(count, ARRAY_LEN(invariants));
	for (size_t k = 0; k < ARRAY_LEN(invariants); k++) {
		assert_true(selfcheck_stops(invariants[k]));
		assert_int_equal(selfcheck_severity(invariants[k], SELFCHECK_APPLIANCE), SELFCHECK_STATE_BAD);
	}
	assert_int_equal(selfcheck_find("nothing"), SELFCHECK_COUNT_);
	assert_int_equal(selfcheck_find(NULL), SELFCHECK_COUNT_);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts), cmocka_unit_test(sockets), cmocka_unit_test(command_lines), cmocka_unit_test(statuses),
		cmocka_unit_test(routes), WITH(verity), WITH(data_partition), WITH(boot), WITH(modules), WITH(network), WITH(programs), WITH(setuid_programs),
		WITH(usb), WITH(memory), WITH(rtc), WITH(appliances), cmocka_unit_test(results), cmocka_unit_test(severities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
