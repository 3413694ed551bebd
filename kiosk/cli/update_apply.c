/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* From a pack that somebody brought to a directory of its own: copied, its signature checked over that copy, its members brought out of
 * the very same bytes. What lies on the medium is read once, and never again.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "cli/records.h"
#include "cli/update.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/trust.h"
#include "station/sets.h"

#define ROOM_BYTES (UINT64_C(64) << 20) /* beside the pack and its members: what is tried, and the trail */
#define CLOCK_SLACK_S 86400		/* a pack from further ahead is one by whose clock nothing can be said about age */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

/* -- sets/ -------------------------------------------------------------------------------------------------------------- */

static bool is_named(const json_t *state, const char *directory)
{
	const char *kind;
	json_t *set;

	json_object_foreach(json_object_get(state, "sets"), kind, set) {
		const char *named = json_string_value(json_object_get(set, "set"));

		if (named && strcmp(named, directory) == 0)
			return true;
	}
	return false;
}

static bool is_needed(const json_t *current, const char *name)
{
	return strcmp(name, SETS_CURRENT) == 0 || strcmp(name, SETS_LOCK) == 0 || is_named(current, name) || is_named(json_object_get(current, "undo"), name);
}

void update_clean(const struct update *u, const json_t *current)
{
	int fd = openat(u->sets_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		close_p(&fd);
		return;
	}
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && !is_needed(current, e->d_name) &&
		    unlinkat(u->sets_fd, e->d_name, 0) < 0 && dir_remove_tree(u->sets_fd, e->d_name) < 0)
			log_warning("%s/%s cannot be removed", SETS_DIRECTORY, e->d_name);
}

int update_open(struct update *u)
{
	_cleanup_close_ int station_fd = records_directory(u->config->dir);
	_cleanup_free_ char *why = NULL;
	int r;

	if (station_fd < 0)
		return EXIT_CANNOT;
	r = dir_open_make(station_fd, SETS_DIRECTORY, 0755, &u->sets_fd);
	if (r == 0 && fsync(station_fd) < 0)
		r = -errno;
	if (r < 0) {
		log_error("%s/%s: %s", u->config->dir, SETS_DIRECTORY, strerror(-r));
		return EXIT_CANNOT;
	}
	u->lock_fd = openat(u->sets_fd, SETS_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (u->lock_fd < 0 || flock(u->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		log_error("%s/%s: %s", u->config->dir, SETS_DIRECTORY, errno == EWOULDBLOCK ? "another update is under way" : strerror(errno));
		return EXIT_CANNOT;
	}
	r = station_sets_load(u->sets_fd, SETS_CURRENT, &u->current, &why);
	if (r < 0) {
		log_error("%s: %s. Restore it, or remove it to begin again with lazaret.yaml alone", u->config->dir, why ? why : strerror(-r));
		return EXIT_CANNOT;
	}
	update_clean(u, u->current);
	return 0;
}

void update_done(struct update *u)
{
	if (u->current && u->sets_fd >= 0) /* not those who only looked */
		update_clean(u, u->current);
	json_decref(u->current);
	close_p(&u->lock_fd); /* and the lock with it */
	close_p(&u->sets_fd);
	pack_free(u->pack);
	free(u->person);
	free(u->second);
	free(u->approved_reason);
	free(u->set);
	free(u->why);
}

/* -- the copy ----------------------------------------------------------------------------------------------------------- */

static int check_room(struct update *u, uint64_t size)
{
	struct statvfs fs;

	if (size > PACK_BYTES_MAX)
		return pack_fail(&u->why, -EBADMSG, "it is larger than %" PRIu64 " bytes", PACK_BYTES_MAX);
	if (fstatvfs(u->sets_fd, &fs) < 0)
		return -errno;
	if ((uint64_t)fs.f_bavail * fs.f_frsize < 2 * size + ROOM_BYTES)
		return pack_fail(&u->why, -ENOSPC, "%s/%s: %" PRIu64 " MiB must be free there", u->config->dir, SETS_DIRECTORY,
				 ((2 * size + ROOM_BYTES) >> 20) + 1);
	return 0;
}

static int open_regular(const char *path, struct stat *st, int *ret_fd)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int copy_pack(struct update *u, int *ret_fd)
{
	_cleanup_close_ int from = -EBADF, to = -EBADF, fd = -EBADF;
	uint8_t sum[SHA256_LEN];
	struct stat st;
	int r = open_regular(u->file, &st, &from);

	if (r < 0)
		return pack_fail(&u->why, r, "%s: %s", u->file, r == -EINVAL ? "not a regular file" : strerror(-r));
	r = check_room(u, (uint64_t)st.st_size);
	if (r < 0)
		return r;
	to = openat(u->sets_fd, UPDATE_PACK, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = to < 0 ? -errno : fd_copy(to, from, (uint64_t)st.st_size);
	if (r == 0) {
		fd = openat(u->sets_fd, UPDATE_PACK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC); /* nobody gets one that could be written to */
		r = fd < 0 ? -errno : sha256_fd(fd, sum, NULL);
	}
	if (r < 0)
		return pack_fail(&u->why, r, "%s: %s", u->file, strerror(-r));
	hex_encode(sum, sizeof(sum), u->pack_sha256);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* -- the signature ------------------------------------------------------------------------------------------------------ */

static int verify(struct update *u, int fd)
{
	_cleanup_close_ int trust_fd = open(u->config->trust_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *path = NULL, *sig = NULL;
	_cleanup_(json_decref_p) json_t *keys = NULL;
	size_t size = 0;
	int r = trust_fd < 0 ? -errno : trust_load(trust_fd, &keys, &u->why);

	if (r < 0)
		return u->why ? r : pack_fail(&u->why, r, "%s: %s", u->config->trust_dir, strerror(-r));
	if (asprintf(&path, "%s" PACK_SIGNATURE_SUFFIX, u->file) < 0)
		return -ENOMEM;
	r = file_read(AT_FDCWD, path, MINISIGN_TEXT_MAX, &sig, &size);
	if (r < 0)
		return pack_fail(&u->why, -EKEYREJECTED, "it has no signature: %s: %s", path, strerror(-r));
	return pack_verify(fd, sig, size, keys, time(NULL), &u->signer, &u->why);
}

/* -- is it for us, and is it newer? --------------------------------------------------------------------------------------- */

static bool is_for_us(const struct update *u, const struct pack *p)
{
	const struct yaml_strings *groups = &u->config->groups;
	const char *names[PACK_STATIONS_MAX];
	size_t n = 0;

	for (; n < groups->count && n < ARRAY_LEN(names); n++)
		names[n] = groups->list[n].value;
	return pack_is_for(p, u->config->id, names, n);
}

/* Of pack.json, as soon as it has come, before anything is written. */
static int consider(void *context, const struct pack *p, char **ret_why)
{
	struct update *u = context;
	json_int_t before = json_integer_value(json_object_get(json_object_get(u->current, "versions"), p->name));

	if (!is_for_us(u, p))
		return pack_fail(ret_why, -EPERM, "it is for another station (for %s%s): this one is %s; its groups are station.groups in lazaret.yaml",
				 p->stations[0], p->station_count > 1 ? " and others" : "", u->config->id);
	if (pack_appliance_files(p) > 0 && update_appliance_is_here(ret_why) < 0)
		return -EPERM;
	if (p->made > time(NULL) + CLOCK_SLACK_S)
		return pack_fail(ret_why, -EPERM, "it was made in the future: set the clock right, here or where it was made");
	if ((uint64_t)before == p->version)
		return pack_fail(ret_why, -EPERM, "%s %" PRIu64 " is in force already", p->name, p->version);
	u->is_older = (uint64_t)before > p->version;
	if (u->is_older && !u->is_older_wanted)
		return pack_fail(ret_why, -EPERM, "%s %" PRIu64 " is older than the %" PRId64 " that was applied before. Going back takes two persons "
				 "(--older), or `lazaret update undo`", p->name, p->version, (int64_t)before);
	return 0;
}

/* -- members ------------------------------------------------------------------------------------------------------------- */

static int hash_manifest(struct update *u)
{
	_cleanup_free_ char *text = pack_text(u->pack);
	uint8_t sum[SHA256_LEN];
	int r = text ? sha256(text, strlen(text), sum) : -ENOMEM;

	if (r == 0)
		hex_encode(sum, sizeof(sum), u->manifest_sha256);
	return r;
}

/* NAME-VERSION; what is in force, or was before, keeps its own. */
static int name_set(struct update *u)
{
	for (unsigned int n = 1; n < 100; n++) {
		char *name = NULL;

		if ((n == 1 ? asprintf(&name, "%s-%" PRIu64, u->pack->name, u->pack->version) :
			      asprintf(&name, "%s-%" PRIu64 ".%u", u->pack->name, u->pack->version, n)) < 0)
			return -ENOMEM;
		if (renameat2(u->sets_fd, UPDATE_INCOMING, u->sets_fd, name, RENAME_NOREPLACE) == 0) {
			u->set = name;
			return fsync(u->sets_fd) < 0 ? -errno : 0;
		}
		free(name);
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int update_unpack(struct update *u)
{
	_cleanup_close_ int fd = -EBADF, incoming_fd = -EBADF;
	int r = copy_pack(u, &fd);

	if (r == 0)
		r = verify(u, fd);
	if (r == 0)
		r = dir_open_make(u->sets_fd, UPDATE_INCOMING, 0755, &incoming_fd);
	if (r == 0)
		r = pack_extract(fd, incoming_fd, consider, u, &u->pack, &u->why);
	if (r == 0)
		r = hash_manifest(u);
	if (r == 0)
		r = name_set(u);
	if (r == 0 && pack_appliance_files(u->pack) > 0)
		r = update_appliance_check(u);
	return r;
}
