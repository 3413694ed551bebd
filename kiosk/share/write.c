/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The files below ROOT, and what servers keep. The units of servers start when their file is there: what is not configured any more goes. */
#include "share/files.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"

#define HOST_KEY "ssh_host_ed25519_key"

static int tell(char **ret_why, const char *what, int error)
{
	if (!*ret_why && asprintf(ret_why, "%s: %s", what, strerror(-error)) < 0)
		*ret_why = NULL;
	return error;
}

/* What a server would follow as another's must not be there: `name` is a directory of ours. */
static int own_dir(int at_fd, const char *name, mode_t mode, int *ret_fd)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	int r = dir_open_make(at_fd, name, mode, &fd);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	return 0;
}

static int make_root(const char *root, int *ret_fd)
{
	_cleanup_free_ char *parent = strdup(root);
	_cleanup_close_ int parent_fd = -EBADF, fd = -EBADF;
	char *name = parent ? strrchr(parent, '/') : NULL;
	static const struct {
		const char *parent, *name;
		mode_t mode;
	} dirs[] = {
		{ NULL, "accounts", 0755 }, { NULL, "export", 0755 }, { NULL, "smb", 0755 }, { "smb", "ncalrpc", 0755 }, { NULL, "nfs", 0700 },
	};
	int r;

	if (!parent)
		return -ENOMEM;
	*name++ = 0;
	parent_fd = open(*parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd < 0)
		return -errno;
	r = own_dir(parent_fd, name, 0755, &fd);
	for (size_t i = 0; i < ARRAY_LEN(dirs) && r == 0; i++) {
		_cleanup_close_ int at_fd = dirs[i].parent ? openat(fd, dirs[i].parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : dup(fd);

		r = at_fd < 0 ? -errno : own_dir(at_fd, dirs[i].name, dirs[i].mode, NULL);
	}
	if (r == 0 && mkdirat(fd, "export/staging", 0755) < 0 && errno != EEXIST) /* staging may be bound there already, and is not ours */
		r = -errno;
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

/* ssh-keygen(1) asks before it writes over a key, and is not called when there is one. */
static int make_host_key(const struct share_maker *m, int sftp_fd)
{
	_cleanup_free_ char *path = NULL;
	const char *argv[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lazaret", "-f", NULL, NULL };
	const char *environment[] = { "PATH=/usr/bin:/bin", NULL };
	int status, r;
	pid_t pid;

	if (faccessat(sftp_fd, HOST_KEY, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (asprintf(&path, "%s/" SHARE_STATE_DIR "/sftp/" HOST_KEY, m->config->dir) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	argv[9] = path;
	r = -posix_spawn(&pid, "/usr/bin/ssh-keygen", NULL, NULL, (char *const *)argv, (char *const *)environment);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int make_state(const struct share_maker *m, char **ret_why)
{
	_cleanup_close_ int dir_fd = open(m->config->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), state_fd = -EBADF, sftp_fd = -EBADF;
	int r = dir_fd < 0 ? -errno : own_dir(dir_fd, SHARE_STATE_DIR, 0700, &state_fd);

	if (r == 0)
		r = own_dir(state_fd, "smb", 0700, NULL);
	if (r == 0)
		r = own_dir(state_fd, "sftp", 0700, &sftp_fd);
	if (r < 0)
		return tell(ret_why, "the station's directory " SHARE_STATE_DIR, r);
	if (!m->config->share.is_on[SHARE_SFTP])
		return 0;
	r = make_host_key(m, sftp_fd);
	return r < 0 ? tell(ret_why, "ssh-keygen, for the host key", r) : 0;
}

/* "accounts/passwd": a directory of ours and a name in it. */
static int file_dir(int root_fd, const char *name, int *ret_fd, const char **ret_base)
{
	const char *slash = strchr(name, '/');
	_cleanup_free_ char *dir = slash ? strndup(name, (size_t)(slash - name)) : NULL;

	if (slash && !dir)
		return -ENOMEM;
	*ret_base = slash ? slash + 1 : name;
	*ret_fd = slash ? openat(root_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	return *ret_fd < 0 ? -errno : 0;
}

static int put_file(int root_fd, const char *name, const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	const char *base;
	int r = file_dir(root_fd, name, &fd, &base);

	if (r < 0)
		return r;
	if (text) /* the servers read some of it as the importers' account, and none of it is secret */
		return file_replace(fd, base, text, strlen(text), 0644);
	return unlinkat(fd, base, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int share_write(const struct share_maker *m, char **ret_why)
{
	char *texts[SHARE_FILE_COUNT_] = { NULL };
	_cleanup_close_ int root_fd = -EBADF;
	int r = 0;

	*ret_why = NULL;
	/* All are made before one is written: a configuration with an error changes nothing. */
	for (int k = 0; k < SHARE_FILE_COUNT_ && r == 0; k++)
		if (share_file_wanted(m, (enum share_file)k))
			r = share_file_make(m, (enum share_file)k, &texts[k], ret_why);
	if (r == 0 && share_is_any_on(&m->config->share))
		r = make_state(m, ret_why);
	if (r == 0) {
		r = make_root(m->root, &root_fd);
		if (r < 0)
			(void)tell(ret_why, m->root, r);
	}
	for (int k = 0; k < SHARE_FILE_COUNT_ && r == 0; k++) {
		r = put_file(root_fd, share_file_name((enum share_file)k), texts[k]);
		if (r < 0)
			(void)tell(ret_why, share_file_name((enum share_file)k), r);
	}
	for (int k = 0; k < SHARE_FILE_COUNT_; k++)
		free(texts[k]);
	return r;
}
