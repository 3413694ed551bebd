/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Landlock (Documentation/userspace-api/landlock.rst), by raw system calls: no library in Debian 12.
 *
 * The headers of Debian 12 stop at ABI 2; what later ABIs add is defined here and used when the running kernel
 * has it: TRUNCATE (3), TCP (4), device ioctls (5), abstract sockets and signals (6).
 */
#include "sandbox/layers.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ull << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ull << 15)
#endif

#define RULE_NET_PORT	   2 /* LANDLOCK_RULE_NET_PORT, ABI 4 */
#define ACCESS_CONNECT_TCP (1ull << 1)

/* struct landlock_net_port_attr */
struct net_port_attr {
	uint64_t allowed_access, port;
};

#define ACCESS_FS_ABI1 ((1ull << 13) - 1)

/* struct landlock_ruleset_attr as of ABI 6; older kernels take a prefix. */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4: 1 bind TCP, 2 connect TCP */
	uint64_t scoped;	     /* ABI 6: 1 abstract UNIX sockets, 2 signals */
};

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS                                                                               \
	(READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |             \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                            \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? -errno : (int)abi;
}

static uint64_t handled_fs(int abi)
{
	uint64_t fs = ACCESS_FS_ABI1 | LANDLOCK_ACCESS_FS_REFER;

	if (abi >= 3)
		fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return fs;
}

static int allow_beneath(int ruleset, int dir_fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = dir_fd };

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int allow_directories(int ruleset, uint64_t rights, const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct stat st;
		int r;

		if (fstat(fds[i], &st) < 0)
			return -errno;
		if (!S_ISDIR(st.st_mode))
			continue;
		r = allow_beneath(ruleset, fds[i], rights);
		if (r < 0)
			return r;
	}
	return 0;
}

static int allow_path(int ruleset, uint64_t rights, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : allow_beneath(ruleset, fd, rights);
}

/* A ruleset that handles all that this kernel knows; `ret_fs`: of it, what concerns files. A descriptor or negative errno. */
static int new_ruleset(uint64_t *ret_fs)
{
	int abi = landlock_abi();
	struct ruleset_attr attr = { 0 };
	int ruleset;

	if (abi < LANDLOCK_ABI_MIN)
		return abi < 0 ? abi : -ENOSYS;
	attr.handled_access_fs = *ret_fs = handled_fs(abi);
	attr.handled_access_net = abi >= 4 ? 3 : 0;
	attr.scoped = abi >= 6 ? 3 : 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
			       abi >= 6 ? sizeof(attr) : abi >= 4 ? 16 : 8, 0);
	return ruleset < 0 ? -errno : ruleset;
}

/* Its root holds nothing but what it may read and run. */
static int allow_root(int ruleset, uint64_t handled)
{
	_cleanup_close_ int null = open("/dev/null", O_PATH | O_CLOEXEC);
	int r = allow_path(ruleset, (READ_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE) & handled, "/");

	if (r == 0)
		r = null < 0 ? -errno : allow_beneath(ruleset, null, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
	return r;
}

int landlock_enter(enum role_access access, const int *fds, size_t fd_count, const char *path)
{
	uint64_t handled, rights;
	_cleanup_close_ int ruleset = new_ruleset(&handled);
	int r = 0;

	if (ruleset < 0)
		return ruleset;
	rights = access == ACCESS_WRITE ? WRITE_RIGHTS :
		 access == ACCESS_NODES ? READ_RIGHTS | LANDLOCK_ACCESS_FS_IOCTL_DEV :
					  READ_RIGHTS;
	rights &= handled;
	if (access == ACCESS_RUN)
		r = allow_root(ruleset, handled);
	else if (access != ACCESS_NONE)
		r = allow_directories(ruleset, rights, fds, fd_count);
	if (r == 0 && path)
		r = allow_path(ruleset, WRITE_RIGHTS & handled, path);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

int landlock_enter_network(const int *read_fds, size_t read_count, int write_fd, uint16_t port)
{
	struct net_port_attr connect_rule = { ACCESS_CONNECT_TCP, port };
	uint64_t handled;
	_cleanup_close_ int ruleset = new_ruleset(&handled);
	int r = ruleset < 0 ? ruleset : allow_directories(ruleset, READ_RIGHTS & handled, read_fds, read_count);

	if (r == 0)
		r = allow_beneath(ruleset, write_fd, WRITE_RIGHTS & handled);
	if (r == 0)
		r = allow_path(ruleset, READ_RIGHTS & handled, "/"); /* its own root: one file, or the place of a socket */
	if (r == 0 && port > 0 && landlock_abi() >= LANDLOCK_ABI_TCP &&
	    syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &connect_rule, 0) < 0)
		r = -errno;
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

int landlock_enter_system(void)
{
	uint64_t handled;
	_cleanup_close_ int ruleset = new_ruleset(&handled);
	int r = ruleset < 0 ? ruleset : allow_path(ruleset, READ_RIGHTS & handled, "/");

	if (r == 0)
		r = allow_path(ruleset, (READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV) & handled, "/dev");
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

int landlock_enter_sysfs(bool writes)
{
	static const char *const read_paths[] = { "/sys", "/run/udev" }, *const write_paths[] = { "/sys/devices", "/sys/bus/usb" };
	const char *const *paths = writes ? write_paths : read_paths;
	uint64_t handled, rights = READ_RIGHTS | (writes ? LANDLOCK_ACCESS_FS_WRITE_FILE : 0);
	_cleanup_close_ int ruleset = new_ruleset(&handled);
	int r = ruleset < 0 ? ruleset : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(read_paths); i++) {
		r = allow_path(ruleset, rights & handled, paths[i]);
		if (r == -ENOENT && i > 0) /* no udevd, no USB: nothing to be reached there */
			r = 0;
	}
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}
