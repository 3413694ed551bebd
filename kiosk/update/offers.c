/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "update/offers.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/fd.h"
#include "update/pack.h"

#define FACTS_SUFFIX ".json"
#define APPROVED_SUFFIX ".approved"
#define FACTS_MAX 4096		      /* bytes */
#define ROOM_BYTES (UINT64_C(256) << 20) /* that stays for the audit trail and the rest of the station */

static bool ends_with(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);

	return a > b && strcmp(s + a - b, end) == 0;
}

bool offers_name_ok(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+~";

	return *name != '.' && strspn(name, letters) == strlen(name) && strlen(name) <= OFFERS_NAME_MAX && ends_with(name, PACK_SUFFIX);
}

bool offers_comment(const char *trusted, char *ret_name, uint64_t *ret_version)
{
	_cleanup_free_ char *again = NULL;
	int64_t made;

	_Static_assert(TRUST_NAME_MAX == 63, "the width below");
	if (sscanf(trusted, PACK_FORMAT " name:%63s version:%" SCNu64 " made:%" SCNd64, ret_name, ret_version, &made) != 3)
		return false;
	/* exactly this, and nothing that sscanf(3) takes besides */
	return asprintf(&again, PACK_FORMAT " name:%s version:%" PRIu64 " made:%" PRId64, ret_name, *ret_version, made) >= 0 &&
	       strcmp(again, trusted) == 0 && trust_name_valid(ret_name) && *ret_version >= 1 && *ret_version <= PACK_VERSION_MAX;
}

static int open_offers(const char *station_dir)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/" OFFERS_DIRECTORY, station_dir) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* -- what is there -------------------------------------------------------------------------------------------------------- */

static const char *trouble_of(const char *name, json_int_t version, const json_t *versions)
{
	json_int_t now = *name ? json_integer_value(json_object_get(versions, name)) : 0;

	return version == 0 || version > now ? NULL : version == now ? "in force already" : "older than what is in force";
}

static json_t *load_offer(int dir_fd, const char *file, const json_t *versions)
{
	_cleanup_free_ char *text = NULL;
	const char *from, *name, *pack, *sha256;
	json_t *facts, *o = NULL;
	json_int_t version;
	size_t size;

	if (file_read(dir_fd, file, FACTS_MAX, &text, &size) < 0)
		return NULL; /* it has just gone */
	facts = json_loadb(text, size, 0, NULL);
	if (json_unpack(facts, "{s:s,s:s,s:s,s:s,s:I}", "from", &from, "name", &name, "pack", &pack, "sha256", &sha256, "version", &version) == 0 && offers_name_ok(pack))
		o = json_pack("{s:s,s:s,s:s,s:I,s:s,s:s?}", "pack", pack, "sha256", sha256, "name", name, "version", version, "from", from, "trouble",
			      trouble_of(name, version, versions));
	json_decref(facts);
	return o;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of PACK.json, sorted; how many. */
static size_t list(int dir_fd, char *names[static OFFERS_MAX])
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t n = 0;

	if (!dir)
		close_p(&fd);
	while (dir && n < OFFERS_MAX && (e = readdir(dir)))
		if (e->d_name[0] != '.' && ends_with(e->d_name, PACK_SUFFIX FACTS_SUFFIX) && (names[n] = strdup(e->d_name)))
			n++;
	qsort(names, n, sizeof(*names), compare_names);
	return n;
}

json_t *offers_json(const char *station_dir, const json_t *versions)
{
	_cleanup_close_ int fd = open_offers(station_dir);
	json_t *all = json_array();
	char *names[OFFERS_MAX];
	size_t n = fd < 0 ? 0 : list(fd, names);

	for (size_t i = 0; i < n; i++) {
		json_t *o = load_offer(fd, names[i], versions);

		if (o)
			(void)json_array_append_new(all, o); /* told, not relied on */
		free(names[i]);
	}
	return all;
}

/* -- keeping -------------------------------------------------------------------------------------------------------------- */

static int check_room(int dir_fd, const char *name, uint64_t size)
{
	_cleanup_free_ char *facts = NULL;
	char *names[OFFERS_MAX];
	struct statvfs fs;
	size_t n;

	if (asprintf(&facts, "%s" FACTS_SUFFIX, name) < 0)
		return -ENOMEM;
	n = list(dir_fd, names);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	if (n == OFFERS_MAX && faccessat(dir_fd, facts, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return -EMLINK;
	if (fstatvfs(dir_fd, &fs) < 0)
		return -errno;
	return size > PACK_BYTES_MAX || (uint64_t)fs.f_bavail * fs.f_frsize < size + ROOM_BYTES ? -ENOSPC : 0;
}

static int keep_pack(int dir_fd, const char *name, int from, uint64_t size)
{
	static const char part[] = ".part"; /* what a crash left is replaced */
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (unlinkat(dir_fd, part, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_copy(fd, from, size);
	if (r == 0 && (fsync(fd) < 0 || renameat(dir_fd, part, dir_fd, name) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, part, 0); /* as above */
	return r;
}

int offers_room(const char *station_dir, const char *name, uint64_t size)
{
	_cleanup_close_ int station_fd = open(station_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir_fd = -EBADF;
	int r = station_fd < 0 ? -errno : dir_open_make(station_fd, OFFERS_DIRECTORY, 0755, &dir_fd);

	return r == 0 ? check_room(dir_fd, name, size) : r;
}

int offers_keep(const char *station_dir, const char *name, int fd, uint64_t size, const char *sig, const json_t *facts)
{
	_cleanup_close_ int station_fd = open(station_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir_fd = -EBADF;
	_cleanup_free_ char *text = json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS), *sig_name = NULL, *facts_name = NULL;
	int r = station_fd < 0 ? -errno : dir_open_make(station_fd, OFFERS_DIRECTORY, 0755, &dir_fd);

	if (r == 0 && (!text || asprintf(&sig_name, "%s" PACK_SIGNATURE_SUFFIX, name) < 0 || asprintf(&facts_name, "%s" FACTS_SUFFIX, name) < 0))
		r = -ENOMEM;
	if (r == 0)
		r = check_room(dir_fd, name, size);
	/* an offer is what has its facts: of one that is replaced they go first */
	if (r == 0 && unlinkat(dir_fd, facts_name, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0)
		r = keep_pack(dir_fd, name, fd, size);
	if (r == 0)
		r = file_replace(dir_fd, sig_name, sig, strlen(sig), 0644);
	return r == 0 ? file_replace(dir_fd, facts_name, text, strlen(text), 0644) : r;
}

/* A text member of PACK.json or PACK.approved; owned by the caller, NULL: there is none. */
static char *load_member(int dir_fd, const char *name, const char *suffix, const char *member)
{
	_cleanup_free_ char *text = NULL;
	char file[OFFERS_NAME_MAX + 16];
	const char *found;
	char *copy;
	json_t *o;
	size_t size;

	(void)snprintf(file, sizeof(file), "%.*s%s", OFFERS_NAME_MAX, name, suffix);
	if (file_read(dir_fd, file, FACTS_MAX, &text, &size) < 0)
		return NULL;
	o = json_loadb(text, size, 0, NULL);
	found = json_string_value(json_object_get(o, member));
	copy = found ? strdup(found) : NULL;
	json_decref(o);
	return copy;
}

char *offers_sha256(const char *station_dir, const char *name)
{
	_cleanup_close_ int fd = offers_name_ok(name) ? open_offers(station_dir) : -ENOENT;

	return fd < 0 ? NULL : load_member(fd, name, FACTS_SUFFIX, "sha256");
}

int offers_approve(const char *station_dir, const char *name, const char *by, const char *sha256)
{
	_cleanup_close_ int fd = offers_name_ok(name) ? open_offers(station_dir) : -EINVAL;
	_cleanup_free_ char *text = NULL;
	char file[OFFERS_NAME_MAX + 16];
	json_t *o = json_pack("{s:s,s:s}", "by", by, "sha256", sha256);

	text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(o);
	if (fd < 0 || !text)
		return fd < 0 ? fd : -ENOMEM;
	(void)snprintf(file, sizeof(file), "%s" APPROVED_SUFFIX, name); /* names are that short */
	return file_replace(fd, file, text, strlen(text), 0600);
}

char *offers_approved_by(const char *station_dir, const char *name, const char *sha256)
{
	_cleanup_close_ int fd = offers_name_ok(name) ? open_offers(station_dir) : -ENOENT;
	_cleanup_free_ char *of = fd < 0 ? NULL : load_member(fd, name, APPROVED_SUFFIX, "sha256");

	return of && strcmp(of, sha256) == 0 ? load_member(fd, name, APPROVED_SUFFIX, "by") : NULL;
}

int offers_remove(const char *station_dir, const char *name)
{
	static const char *const suffixes[] = { APPROVED_SUFFIX, FACTS_SUFFIX, PACK_SIGNATURE_SUFFIX, "" };
	_cleanup_close_ int fd = open_offers(station_dir);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		char file[OFFERS_NAME_MAX + 16];

		(void)snprintf(file, sizeof(file), "%.*s%s", OFFERS_NAME_MAX, name, suffixes[i]); /* names are that short */
		if (unlinkat(fd, file, 0) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}
