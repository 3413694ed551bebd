/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* usage: hostile-alone control FILE | hostile-alone ROLE DIR
 * All attempts outside of any sandbox, as whoever started it; or in the sandbox of a role that no inspection of a directory or an
 * image starts, with DIR and a file in it in the place of its descriptors. */
#include "hostile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

/* A detached, read-only mount, as intake makes it for unlock. */
static int mount_of_nothing(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

static int enter(enum role_id id, const char *dir, const char **where)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sandbox_network network = { .read_fds = &fd, .read_count = 1, .write_fd = fd, .port = target.port ? (uint16_t)(target.port + 1) : 1 };

	if (fd < 0)
		return -errno;
	if (role_get(id)->privilege == PRIVILEGE_NETWORK)
		return sandbox_enter_network(id, &network, where);
	if (role_get(id)->privilege == PRIVILEGE_MAP) {
		hostile_fresh_mount = mount_of_nothing;
		fd = mount_of_nothing();
	}
	return sandbox_enter(id, &fd, 1, where);
}

int main(int argc, char **argv)
{
	const char *where = "";
	int r = -ESRCH;

	if (argc != 3 || !hostile_prepare())
		return EXIT_FAILURE;
	if (strcmp(argv[1], "control") == 0)
		hostile_control(open(argv[2], O_RDWR | O_CLOEXEC));
	for (int id = 0; id < ROLE_COUNT_; id++)
		if (strcmp(role_get((enum role_id)id)->name, argv[1]) == 0)
			r = enter((enum role_id)id, argv[2], &where);
	if (r < 0)
		fprintf(stderr, "%s: %s: %s\n", argv[1], where, strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
