/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The imports of libcryptsetup 2.6 to 2.8 from libdevmapper (a test holds the list against the installed one). Devices
 * do not exist, creation succeeds, everything else fails. Runs in the child of ROLE_UNLOCK. */
#include "intake/dmrecord.h"

#include <fcntl.h>
#include <libdevmapper.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define NAME_MAX_ 128

struct dm_task {
	int type;
	bool is_read_only, was_created;
	char name[NAME_MAX_];
	struct table table;
};

static struct {
	const char *name;
	struct table *into;
	bool is_complete;
} record;

void dmrecord_begin(const char *name, struct table *into)
{
	record.name = name;
	record.into = into;
	record.is_complete = false;
	table_wipe(into);
}

bool dmrecord_is_complete(void)
{
	return record.is_complete;
}

/* -- tasks ------------------------------------------------------------------------------------------------- */

struct dm_task *dm_task_create(int type)
{
	struct dm_task *t = calloc(1, sizeof(*t));

	if (t)
		t->type = type;
	return t;
}

void dm_task_destroy(struct dm_task *t)
{
	if (t)
		explicit_bzero(t, sizeof(*t));
	free(t);
}

int dm_task_set_name(struct dm_task *t, const char *name)
{
	return (size_t)snprintf(t->name, sizeof(t->name), "%s", name) < sizeof(t->name);
}

int dm_task_set_ro(struct dm_task *t)
{
	t->is_read_only = true;
	return 1;
}

int dm_task_add_target(struct dm_task *t, uint64_t start, uint64_t size, const char *type, const char *params)
{
	return table_add(&t->table, start, size, type, params) == 0;
}

static int create(struct dm_task *t)
{
	if (!record.name || strcmp(t->name, record.name) != 0 || !t->is_read_only || record.is_complete)
		return 0;
	*record.into = t->table;
	record.is_complete = t->was_created = true;
	return 1;
}

int dm_task_run(struct dm_task *t)
{
	switch (t->type) {
	case DM_DEVICE_CREATE:
		return create(t);
	case DM_DEVICE_LIST_VERSIONS:
	case DM_DEVICE_STATUS:
	case DM_DEVICE_INFO:
		return 1;
	default:
		return 0;
	}
}

int dm_task_get_errno(struct dm_task *t)
{
	return ENXIO;
}

int dm_task_get_info(struct dm_task *t, struct dm_info *info)
{
	memset(info, 0, sizeof(*info));
	info->exists = t->was_created;
	info->read_only = t->is_read_only;
	return 1;
}

/* What this kernel really can, intake learns when it makes the mapping. These are Debian 12's. */
int dm_task_get_driver_version(struct dm_task *t, char *version, size_t size)
{
	(void)snprintf(version, size, "4.47.0");
	return 1;
}

struct version { /* as struct dm_versions, with room for the name */
	uint32_t next, version[3];
	char name[12];
};

struct dm_versions *dm_task_get_versions(struct dm_task *t)
{
	static struct version list[] = {
		{ sizeof(struct version), { 1, 24, 0 }, "crypt" },
		{ 0, { 1, 1, 0 }, "zero" },
	};

	return (struct dm_versions *)list;
}

/* -- the kernel's ciphers (AF_ALG) ----------------------------------------------------------------------------- */

/* Not used: too much of the kernel for hostile headers. They must look as if the kernel had them but for the cipher asked
 * for: without any, the search for a VeraCrypt header ends at its first cipher that OpenSSL does not have. */
int socket(int domain, int type, int protocol)
{
	return domain == AF_ALG ? open("/dev/null", O_RDONLY | O_CLOEXEC) : (int)syscall(SYS_socket, domain, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	if (address->sa_family != AF_ALG)
		return (int)syscall(SYS_bind, fd, address, size);
	errno = ENOENT;
	return -1;
}

/* -- accepted, without effect ------------------------------------------------------------------------------ */

int dm_task_set_uuid(struct dm_task *t, const char *uuid) { return 1; }
int dm_task_set_major(struct dm_task *t, int major) { return 1; }
int dm_task_set_minor(struct dm_task *t, int minor) { return 1; }
int dm_task_set_sector(struct dm_task *t, uint64_t sector) { return 1; }
int dm_task_set_message(struct dm_task *t, const char *message) { return 1; }
int dm_task_set_read_ahead(struct dm_task *t, uint32_t read_ahead, uint32_t flags) { return 1; }
int dm_task_set_cookie(struct dm_task *t, uint32_t *cookie, uint16_t flags) { return 1; }
int dm_task_secure_data(struct dm_task *t) { return 1; }
int dm_task_no_flush(struct dm_task *t) { return 1; }
int dm_task_no_open_count(struct dm_task *t) { return 1; }
int dm_task_skip_lockfs(struct dm_task *t) { return 1; }
int dm_task_retry_remove(struct dm_task *t) { return 1; }
int dm_task_deferred_remove(struct dm_task *t) { return 1; }
void dm_task_update_nodes(void) {}
void dm_lib_release(void) {}
void dm_log_init(dm_log_fn fn) {}
void dm_log_init_verbose(int level) {}
int dm_udev_get_sync_support(void) { return 0; }
int dm_udev_wait(uint32_t cookie) { return 1; }

/* -- there is nothing --------------------------------------------------------------------------------------- */

const char *dm_dir(void) { return "/dev/mapper"; }
const char *dm_task_get_name(const struct dm_task *t) { return t->name; }
const char *dm_task_get_uuid(const struct dm_task *t) { return ""; }
struct dm_deps *dm_task_get_deps(struct dm_task *t) { return NULL; }
int dm_is_dm_major(uint32_t major) { return 0; }
int dm_device_has_holders(uint32_t major, uint32_t minor) { return 0; }
int dm_device_has_mounted_fs(uint32_t major, uint32_t minor) { return 0; }

int dm_device_get_name(uint32_t major, uint32_t minor, int prefer_kernel_name, char *name, size_t size)
{
	return 0;
}

void *dm_get_next_target(struct dm_task *t, void *next, uint64_t *start, uint64_t *length, char **type, char **params)
{
	*start = *length = 0;
	*type = *params = NULL;
	return NULL;
}
