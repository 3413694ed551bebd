/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by importers, on a directory that anyone may have touched since it was published. Refused:
 *   - anything but the five known files and the directory files/ at the top
 *   - symbolic links, devices, pipes, sockets, anywhere
 *   - files that the manifest does not have, and directories without a published file in them
 *   - files that are missing, or differ in size or content
 * Nothing is parsed before the signature over it was found good.
 */
#include "verify/transfer.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/name.h"
#include "common/text.h"
#include "verify/manifest.h"
#include "verify/problem.h"

#define TRUSTED_COMMENT "lazaret transfer "
#define MANIFEST_MAX (2ull << 30) /* bytes: some five million files */

static const struct {
	const char *name;
	bool is_directory;
} expected[] = {
	{ "SHA256SUMS", false },  { "files", true },	   { "manifest.json", false },
	{ "manifest.json.minisig", false }, { "receipt.html", false }, { "receipt.txt", false },
};

struct walk {
	struct manifest *manifest;
	struct problems *problems;
};

static DIR *open_listing(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir)
		close_p(&copy);
	else
		rewinddir(dir);
	return dir;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static const char *kind_words(mode_t mode)
{
	if (S_ISLNK(mode))
		return "a symbolic link, which has no place in a transfer";
	if (S_ISDIR(mode))
		return "a directory where a file belongs";
	return "a device, pipe or socket, which has no place in a transfer";
}

/* -- top level --------------------------------------------------------------------------------------------- */

static void check_expected(int dir_fd, struct problems *p)
{
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		struct stat st;

		if (fstatat(dir_fd, expected[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			problem(p, expected[i].name, "missing (%s)", strerror(errno));
		else if (expected[i].is_directory && S_ISREG(st.st_mode))
			problem(p, expected[i].name, "a file where a directory belongs");
		else if (expected[i].is_directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
			problem(p, expected[i].name, "%s", kind_words(st.st_mode));
	}
}

static void check_nothing_else(int dir_fd, struct problems *p)
{
	_cleanup_(closedir_p) DIR *dir = open_listing(dir_fd);
	struct dirent *entry;

	while (dir && (errno = 0, entry = readdir(dir))) {
		bool is_known = is_dots(entry->d_name);

		for (size_t i = 0; !is_known && i < ARRAY_LEN(expected); i++)
			is_known = strcmp(expected[i].name, entry->d_name) == 0;
		if (!is_known)
			problem(p, entry->d_name, "does not belong to the transfer");
	}
	if (!dir || errno != 0)
		problem(p, NULL, "cannot be listed: %s", strerror(errno));
}

/* -- beneath files/ ---------------------------------------------------------------------------------------- */

static void check_content(struct walk *w, int dir_fd, const char *name, const char *path, struct manifest_file *f)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t sum[SHA256_LEN];
	uint64_t size;
	struct stat st;
	int r;

	f->is_found = true;
	if (fd < 0 || fstat(fd, &st) < 0) {
		problem(w->problems, path, "cannot be opened: %s", strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode)) { /* swapped since it was listed */
		problem(w->problems, path, "%s", kind_words(st.st_mode));
		return;
	}
	if ((uint64_t)st.st_size != f->size) {
		problem(w->problems, path, "has %" PRIu64 " bytes instead of %" PRIu64, (uint64_t)st.st_size, f->size);
		return;
	}
	r = sha256_fd(fd, sum, &size);
	if (r < 0)
		problem(w->problems, path, "cannot be read: %s", strerror(-r));
	else if (size != f->size || memcmp(sum, f->sum, sizeof(sum)) != 0)
		problem(w->problems, path, "its content was altered (SHA-256 differs)");
}

static bool check_directory(struct walk *w, int fd, const char *path, unsigned int depth);

/* Returns whether something published lies here. */
static bool check_entry(struct walk *w, int dir_fd, const char *name, const char *path, unsigned int depth)
{
	struct manifest_file *f;
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		problem(w->problems, path, "cannot be looked at: %s", strerror(errno));
		return true; /* told already */
	}
	if (S_ISDIR(st.st_mode)) {
		_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			problem(w->problems, path, "cannot be opened: %s", strerror(errno));
		else if (!check_directory(w, fd, path, depth + 1))
			problem(w->problems, path, "a directory without any published file");
		return true;
	}
	if (!S_ISREG(st.st_mode)) {
		problem(w->problems, path, "%s", kind_words(st.st_mode));
		return true;
	}
	f = manifest_find(w->manifest, path);
	if (!f)
		problem(w->problems, path, "not in the manifest");
	else
		check_content(w, dir_fd, name, path, f);
	return true;
}

static bool check_directory(struct walk *w, int fd, const char *path, unsigned int depth)
{
	_cleanup_(closedir_p) DIR *dir = open_listing(fd);
	struct dirent *entry;
	bool has_any = false;

	if (depth > NAME_DEPTH_MAX + 1) { /* deeper than any name that is published; also bounds the recursion */
		problem(w->problems, path, "too deep");
		return true;
	}
	while (dir && (errno = 0, entry = readdir(dir))) {
		_cleanup_free_ char *sub = NULL;

		if (is_dots(entry->d_name))
			continue;
		if (asprintf(&sub, "%s/%s", path, entry->d_name) < 0) {
			problem(w->problems, path, "out of memory");
			return true;
		}
		if (check_entry(w, fd, entry->d_name, sub, depth))
			has_any = true;
	}
	if (!dir || errno != 0)
		problem(w->problems, path, "cannot be listed: %s", strerror(errno));
	return has_any;
}

static void check_tree(int dir_fd, struct manifest *m, struct problems *p)
{
	struct walk w = { m, p };
	_cleanup_close_ int fd = openat(dir_fd, "files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		(void)check_directory(&w, fd, "files", 0); /* files/ itself may be empty: an empty manifest has none */
	for (size_t i = 0; i < m->count; i++)
		if (!m->files[i].is_found)
			problem(p, m->files[i].path, "missing");
}

/* -- signature --------------------------------------------------------------------------------------------- */

static int read_text(int dir_fd, const char *name, size_t limit, char **ret, size_t *ret_size, struct problems *p)
{
	int r = file_read(dir_fd, name, limit, ret, ret_size);

	if (r < 0)
		problem(p, name, "cannot be read: %s", strerror(-r));
	return r;
}

static bool check_signature(const char *text, size_t size, const char *sig, size_t sig_size,
			    const struct minisign_public *keys, size_t key_count, struct minisign_result *result,
			    struct problems *p)
{
	char id[MINISIGN_ID_TEXT_LEN + 1];
	int r = minisign_verify_bytes(text, size, sig, sig_size, keys, key_count, result);

	if (r < 0) {
		problem(p, "manifest.json.minisig", "cannot be checked: %s", strerror(-r));
		return false;
	}
	minisign_id_text(result->key_id, id);
	if (result->outcome == MINISIGN_UNKNOWN_KEY)
		problem(p, "manifest.json.minisig", "signed with key %s, which is not among the keys given", id);
	else if (result->outcome != MINISIGN_OK)
		problem(p, "manifest.json.minisig", "%s", result->why);
	return result->outcome == MINISIGN_OK;
}

/* The publisher signs "lazaret transfer NAME" along with the manifest. */
static void check_comment(const struct manifest *m, const char *trusted, struct problems *p)
{
	char wanted[sizeof(TRUSTED_COMMENT) + REPORT_TRANSFER_MAX];

	(void)snprintf(wanted, sizeof(wanted), TRUSTED_COMMENT "%s", m->transfer); /* fits: a valid name */
	if (strcmp(wanted, trusted) != 0)
		problem(p, "manifest.json.minisig", "the signature was made for something else than transfer %s", m->transfer);
}

static void tell_good(const char *path, const struct manifest *m, const uint8_t id[static MINISIGN_ID_LEN])
{
	char key_id[MINISIGN_ID_TEXT_LEN + 1];
	_cleanup_free_ char *clean = text_escape(path, strlen(path));
	_cleanup_free_ char *station = text_escape(m->station, strlen(m->station));

	minisign_id_text(id, key_id);
	(void)printf("%s: ok: transfer %s, %zu files, %" PRIu64 " bytes, station %s, key %s\n", clean ? clean : "",
		     m->transfer, m->count, m->bytes, station ? station : "", key_id);
}

static void check_all(int dir_fd, const char *path, const struct minisign_public *keys, size_t key_count,
		      struct problems *p)
{
	_cleanup_free_ char *text = NULL, *sig = NULL, *sums = NULL;
	_cleanup_free_ struct minisign_result *signed_by = calloc(1, sizeof(*signed_by));
	size_t size, sig_size, sums_size;
	struct manifest m = { 0 };
	int r;

	if (!signed_by) {
		problem(p, NULL, "out of memory");
		return;
	}
	if (read_text(dir_fd, "manifest.json.minisig", MINISIGN_TEXT_MAX, &sig, &sig_size, p) < 0 ||
	    read_text(dir_fd, "manifest.json", MANIFEST_MAX, &text, &size, p) < 0 ||
	    !check_signature(text, size, sig, sig_size, keys, key_count, signed_by, p))
		return;
	r = manifest_parse(text, size, &m, p);
	if (r < 0) {
		problem(p, "manifest.json", "cannot be read: %s", strerror(-r));
		return;
	}
	check_comment(&m, signed_by->trusted, p);
	check_expected(dir_fd, p);
	check_nothing_else(dir_fd, p);
	if (read_text(dir_fd, "SHA256SUMS", MANIFEST_MAX, &sums, &sums_size, p) == 0)
		manifest_check_sums(&m, sums, sums_size, p);
	check_tree(dir_fd, &m, p);
	if (p->count == 0)
		tell_good(path, &m, signed_by->key_id);
	manifest_done(&m);
}

bool transfer_verify(const char *path, const struct minisign_public *keys, size_t key_count)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct problems p = { .transfer = path };

	if (fd < 0)
		problem(&p, NULL, "cannot be opened as a directory: %s", strerror(errno));
	else
		check_all(fd, path, keys, key_count, &p);
	problems_end(&p);
	return p.count == 0;
}
