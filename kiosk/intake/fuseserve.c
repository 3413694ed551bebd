/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* libfuse3 without its mounting: intake did that, and the server has no privilege for it. Runs as ROLE_DRIVER. */
#include "intake/fuseserve.h"

#include <fuse3/fuse_log.h>
#include <stdarg.h>

void fuseserve_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->max_read = FUSEFD_READ_MAX;
	conn->max_readahead = FUSEFD_READ_MAX;
}

/* libfuse prints to standard error. All it has to say here is that the mount has gone, which is how every volume ends. */
static void no_words(enum fuse_log_level level, const char *fmt, va_list args)
{
}

int fuseserve(int server_fd, const struct fuse_lowlevel_ops *operations, size_t operations_size, void *userdata)
{
	char *argv[] = { (char *)"lazaret", (char *)"-omax_read=131072" };
	struct fuse_args args = FUSE_ARGS_INIT(ARRAY_LEN(argv), argv);
	struct fuse_session *session;
	char place[32];
	int r;

	fuse_set_log_func(no_words);
	session = fuse_session_new(&args, operations, operations_size, userdata);
	if (!session)
		return -ENOMEM;
	(void)snprintf(place, sizeof(place), "/dev/fd/%d", server_fd); /* libfuse: "already mounted, served here" */
	r = fuse_session_mount(session, place) < 0 ? -EIO : 0;
	if (r == 0)
		r = fuse_session_loop(session);
	fuse_session_destroy(session);
	fuse_opt_free_args(&args);
	return r;
}
