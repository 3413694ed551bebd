/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Intake's side of unlocking: the child's root, the child, and the check of what it says. Runs with intake's privileges. */
#include "intake/unlock.h"

#include <execinfo.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "intake/fsapi.h"
#include "intake/limits.h"
#include "sandbox/sandbox.h"

#define DEVICES_MAJOR 1 /* Documentation/admin-guide/devices.txt: 1:3 null, 1:8 random, 1:9 urandom */

struct unlock_task {
	const char *fs;
	int root_fd;
};

/* -- the child's root: four nodes, of which only the medium's holds anything ------------------------------------- */

static int make_node(int root_fd, const char *path, mode_t type, dev_t dev, uid_t uid, gid_t gid)
{
	if (mknodat(root_fd, path, type | 0400, dev) < 0 || fchownat(root_fd, path, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int fill_root(int root_fd, dev_t medium)
{
	const struct passwd *pw = getpwnam(role_get(ROLE_UNLOCK)->account);
	int r;

	if (!pw || pw->pw_uid == 0)
		return -ESRCH;
	if (mkdirat(root_fd, "dev", 0755) < 0 || fchmodat(root_fd, "dev", 0755, 0) < 0)
		return -errno;
	r = make_node(root_fd, &TABLE_MEDIUM[1], S_IFBLK, medium, pw->pw_uid, pw->pw_gid);
	if (r == 0)
		r = make_node(root_fd, "dev/null", S_IFCHR, makedev(DEVICES_MAJOR, 3), pw->pw_uid, pw->pw_gid);
	if (r == 0)
		r = make_node(root_fd, "dev/random", S_IFCHR, makedev(DEVICES_MAJOR, 8), pw->pw_uid, pw->pw_gid);
	if (r == 0)
		r = make_node(root_fd, "dev/urandom", S_IFCHR, makedev(DEVICES_MAJOR, 9), pw->pw_uid, pw->pw_gid);
	return r;
}

/* Made outside the child's user namespace: in a tmpfs that belongs to one, device nodes cannot be opened. */
static int make_root(dev_t medium, int *ret_root_fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_close_ int context_fd = fsapi_open("tmpfs"), root_fd = -EBADF;
	int r = context_fd < 0 ? context_fd : fsapi_set(context_fd, "size=16k");

	if (r == 0)
		r = fsapi_set(context_fd, "nr_inodes=8");
	if (r == 0)
		r = fsapi_set(context_fd, "mode=0755");
	if (r < 0)
		return r;
	if (fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	root_fd = fsmount(context_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (root_fd < 0)
		return -errno;
	r = fill_root(root_fd, medium);
	if (r == 0 && mount_setattr(root_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		r = -errno;
	if (r == 0)
		*ret_root_fd = TAKE_FD(root_fd);
	return r;
}

static int unlock_run(void *arg, int sock)
{
	const struct unlock_task *task = arg;
	int keep[] = { task->root_fd, sock };
	void *frame;
	const char *where;
	int r;

	/* The end of a thread (Argon2's) loads libgcc_s, and there is no file to load it from then. This loads it, too. */
	(void)backtrace(&frame, 1);
	r = sandbox_enter(ROLE_UNLOCK, keep, ARRAY_LEN(keep), &where);

	if (r == 0)
		r = child_bind_life(); /* the change of account has cleared it */
	return r < 0 ? r : unlock_serve(task->fs, TABLE_MEDIUM, sock);
}

/* -- what it says ---------------------------------------------------------------------------------------------- */

static const char *child_words(int error)
{
	return error == -ETIMEDOUT ? "it takes longer to open than this station waits" :
	       error == -ECHILD	   ? "the program that reads its header was stopped by its sandbox or crashed" :
				     strerror(-error);
}

/* Errno (0 or negative) out of an untrusted number. */
static int to_error(uint32_t n)
{
	return n > 4095 ? -EPROTO : -(int)n;
}

static int hear_loaded(struct unlock *u, char *words, size_t words_size)
{
	uint8_t data[VOLUME_DETAIL_MAX + 128];
	struct decoder d;
	size_t size = 0;
	int error, r = child_receive(&u->child, UNLOCK_TIME_MS, data, sizeof(data), &size, NULL);

	if (r < 0) {
		(void)snprintf(words, words_size, "%s", child_words(r));
		return r;
	}
	decoder_init(&d, data, size);
	error = to_error(decode_u32(&d));
	decode_str_into(&d, u->format, sizeof(u->format));
	decode_str_into(&d, words, words_size);
	return decoder_end(&d) < 0 ? -EPROTO : error;
}

int unlock_start(const char *fs, int source_fd, uint64_t offset, uint64_t size, struct unlock *ret, char *words,
		 size_t words_size)
{
	_cleanup_(unlock_end) struct unlock u = UNLOCK_NONE;
	_cleanup_close_ int root_fd = -EBADF;
	struct unlock_task task = { .fs = fs };
	char path[LOOP_PATH_MAX];
	struct stat st;
	int r = loop_open(source_fd, offset, size, &u.loop_fd, path);

	if (r == 0 && fstat(u.loop_fd, &st) < 0)
		r = -errno;
	if (r < 0) {
		(void)snprintf(words, words_size, "no loop device");
		return r;
	}
	(void)snprintf(u.device, sizeof(u.device), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	u.sectors = size / 512;
	r = make_root(st.st_rdev, &root_fd);
	if (r < 0) {
		(void)snprintf(words, words_size, "no sandbox for it: %s", strerror(-r));
		return r;
	}
	task.root_fd = root_fd;
	r = child_start(&u.child, 0, unlock_run, &task);
	if (r == 0)
		r = hear_loaded(&u, words, words_size);
	if (r < 0)
		return r;
	*ret = u;
	u = UNLOCK_NONE;
	return 0;
}

static int hear_table(struct unlock *u, struct table *ret, uint64_t *ret_sectors, char *words, size_t words_size)
{
	static struct encoder answer; /* as a buffer of the right size: the answer holds the key */
	struct decoder d;
	size_t size = 0;
	int error, r = child_receive(&u->child, UNLOCK_TIME_MS, answer.data, sizeof(answer.data), &size, NULL);

	if (r < 0) {
		(void)snprintf(words, words_size, "%s", child_words(r));
		return r;
	}
	decoder_init(&d, answer.data, size);
	error = to_error(decode_u32(&d));
	decode_str_into(&d, words, words_size);
	r = table_decode(ret, &d);
	if (r == 0)
		r = decoder_end(&d);
	explicit_bzero(&answer, sizeof(answer));
	if (r < 0 || error < 0)
		return r < 0 ? r : error;
	return table_check(ret, u->device, u->sectors, ret_sectors, words, words_size);
}

int unlock_try(struct unlock *u, const void *passphrase, size_t size, struct table *ret, uint64_t *ret_sectors, char *words,
	       size_t words_size)
{
	int r;

	words[0] = '\0';
	if (size == 0 || size > UNLOCK_PASSPHRASE_MAX)
		return -EPERM;
	if (send(u->child.sock, passphrase, size, MSG_NOSIGNAL) != (ssize_t)size)
		r = -ECHILD;
	else
		r = hear_table(u, ret, ret_sectors, words, words_size);
	if (r < 0)
		table_wipe(ret);
	if (r < 0 && r != -EPERM && !words[0])
		(void)snprintf(words, words_size, "%s", child_words(r));
	return r;
}

void unlock_end(struct unlock *u)
{
	child_end(&u->child);
	close_p(&u->loop_fd);
}
