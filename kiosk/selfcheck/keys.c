/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Keys and the audit trail. Secret keys are read here, used once, and wiped. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "common/chain.h"
#include "common/fd.h"
#include "common/minisign.h"
#include "selfcheck/selfcheck.h"

#define PROBE_SIZE 32

static bool directory_of(const char *path, char ret[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	return slash && slash > path && (size_t)snprintf(ret, PATH_MAX, "%.*s", (int)(slash - path), path) < PATH_MAX;
}

/* May others change what is there, or put something else in its place? Root may, and whoever runs the station. */
static bool is_ours(const struct stat *st, mode_t forbidden)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & forbidden);
}

/* False: told. */
static bool look_at_key(const char *path, struct said *said)
{
	char dir[PATH_MAX];
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		say_wrong(said, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		say_wrong(said, "%s: not a file", path);
	else if (!is_ours(&st, 077))
		say_wrong(said, "%s: owner %u, mode %04o: must be the station's own, mode 0600", path, (unsigned int)st.st_uid,
			  (unsigned int)st.st_mode & 07777);
	else if (!directory_of(path, dir) || stat(dir, &st) < 0)
		say_wrong(said, "%s: its directory: %s", path, strerror(errno));
	else if (!is_ours(&st, 022))
		say_wrong(said, "%s: owner %u, mode %04o: others could replace the keys", dir, (unsigned int)st.st_uid,
			  (unsigned int)st.st_mode & 07777);
	else
		return true;
	return false;
}

void check_KEYS(const struct system *sys, struct said *said)
{
	const char *const keys[] = { sys->config->manifest_key, sys->config->audit_key };
	struct stat st;

	for (size_t k = 0; k < ARRAY_LEN(keys); k++)
		if (!look_at_key(keys[k], said))
			return;
	if (stat(sys->config->trust_dir, &st) < 0)
		say_wrong(said, "%s: %s", sys->config->trust_dir, strerror(errno));
	else if (!is_ours(&st, 022))
		say_wrong(said, "%s: owner %u, mode %04o: others could add trusted keys", sys->config->trust_dir, (unsigned int)st.st_uid,
			  (unsigned int)st.st_mode & 07777);
	else
		say_ok(said, "manifest and audit key, for the station alone");
}

static int public_load(const char *secret, struct minisign_public *ret, char path[static PATH_MAX], const char **ret_why)
{
	_cleanup_free_ char *public = minisign_public_path(secret), *text = NULL;
	size_t size;
	int r;

	*ret_why = NULL;
	if (!public)
		return -ENOMEM;
	(void)snprintf(path, PATH_MAX, "%s", public);
	r = file_read(AT_FDCWD, path, MINISIGN_PUBLIC_MAX, &text, &size);
	return r < 0 ? r : minisign_public_parse(text, size, ret, ret_why);
}

/* False: told. */
static bool try_pair(const char *path, struct said *said)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *secret = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct minisign_public public = { 0 };
	uint8_t probe[PROBE_SIZE], sig[MINISIGN_SIG_LEN];
	char other[PATH_MAX];
	const char *why;
	int r = fd < 0 ? -errno : minisign_secret_load(fd, &secret);

	if (r < 0) {
		say_wrong(said, "%s: %s", path, r == -EKEYREJECTED ? "it is encrypted with a password" : r == -EINVAL ? "it is no secret key" : strerror(-r));
		return false;
	}
	r = public_load(path, &public, other, &why);
	if (r < 0) {
		say_wrong(said, "%s: %s", other, why ? why : strerror(-r));
		return false;
	}
	if (getrandom(probe, sizeof(probe), 0) != (ssize_t)sizeof(probe))
		r = -EIO;
	if (r == 0)
		r = minisign_raw_sign(secret, probe, sizeof(probe), sig);
	if (r == 0)
		r = minisign_raw_verify(&public, probe, sizeof(probe), sig);
	if (r < 0)
		say_wrong(said, "%s %s", other, r == -EBADMSG ? "does not verify what its secret key signs" : strerror(-r));
	return r == 0;
}

void check_KEY_PAIRS(const struct system *sys, struct said *said)
{
	if (try_pair(sys->config->manifest_key, said) && try_pair(sys->config->audit_key, said))
		say_ok(said, "a probe was signed and verified with each");
}

/* -- the trail ------------------------------------------------------------------------------------------------------ */

struct seeking {
	const struct chain_witness *witness;
	bool is_there;
};

static int compare(void *context, const struct chain_record *r, uint64_t line)
{
	struct seeking *s = context;

	if (r && s->witness && r->seq == s->witness->seq)
		s->is_there = memcmp(r->hash, s->witness->hash, sizeof(r->hash)) == 0;
	return 0;
}

static bool is_seq(const void *context, const struct chain_record *r)
{
	return r->seq <= *(const uint64_t *)context;
}

/* The trail's own witness knows how long it was (kiosk/ledger/trail_witness.c). 0: none is kept, or none yet. */
static int witness_load(const struct system *sys, const struct minisign_public *key, struct chain_witness *ret, const char **ret_why)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = sys->config->witness_file ? file_read(AT_FDCWD, sys->config->witness_file, CHAIN_WITNESS_MAX, &text, &size) : -ENOENT;

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = chain_witness_parse(text, size, key, ret, ret_why);
	return r < 0 ? r : 1;
}

static void look_at_all(const struct system *sys, int dir_fd, const struct minisign_public *key, const struct chain_witness *w, struct said *said)
{
	struct seeking s = { .witness = w };
	const struct chain_visitor visitor = { .record = compare, .context = &s };
	struct chain_result result;
	int r = chain_walk_all(dir_fd, key, CHAIN_SEALS, &visitor, &result);

	if (r < 0)
		say_wrong(said, "%s: %s", sys->config->audit_dir, strerror(-r));
	else if (!result.is_good && !result.is_torn_end)
		say_wrong(said, "%s, line %" PRIu64 ": %s", result.bad_file, result.bad_line, result.why);
	else if (w && !s.is_there)
		say_wrong(said, "its witness knows record %" PRIu64 ", which is not in it: its end was cut off, or an older copy put back", w->seq);
	else
		say_ok(said, "all %" PRIu64 " records", result.records);
}

/* The last record, and the one that the witness knows. */
static void look_at_end(const struct system *sys, int dir_fd, int fd, const struct minisign_public *key, const struct chain_witness *w,
			struct said *said)
{
	struct chain_tail tail;
	struct chain_record record = { 0 };
	const char *why = NULL;
	bool is_it;
	int r = chain_tail_find(fd, key, &tail, &why);

	if (r < 0) {
		say_wrong(said, "%s: %s", CHAIN_FILE, why ? why : strerror(-r));
		return;
	}
	if (w && w->seq > tail.seq) {
		say_wrong(said, "its witness knows record %" PRIu64 ", and it ends with %" PRIu64 ": its end was cut off, or an older copy put back",
			  w->seq, tail.seq);
		return;
	}
	r = w ? chain_find_back(dir_fd, fd, &tail, is_seq, &w->seq, &record) : 0;
	is_it = !w || (r == 0 && record.seq == w->seq && memcmp(record.hash, w->hash, sizeof(w->hash)) == 0);
	if (w && r == 0)
		chain_record_done(&record);
	if (!is_it)
		say_wrong(said, "it is not the trail that its witness knows (record %" PRIu64 ")", w->seq);
	else
		say_ok(said, "its end, record %" PRIu64 "; all of it on demand and once a day", tail.seq);
}

/* Has this station a past? Every inspection leaves a report, and the trail has it first. */
static bool has_past(const struct system *sys)
{
	_cleanup_(closedir_p) DIR *dir = opendir(sys->config->reports_dir);
	bool is_there = sys->config->witness_file && access(sys->config->witness_file, F_OK) == 0;

	for (struct dirent *e; dir && !is_there && (e = readdir(dir));)
		is_there = strstr(e->d_name, ".json") != NULL;
	return is_there;
}

void check_TRAIL(const struct system *sys, struct said *said)
{
	_cleanup_close_ int dir_fd = open(sys->config->audit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = dir_fd < 0 ? -EBADF : chain_open(dir_fd, CHAIN_FILE);
	struct minisign_public key = { 0 };
	struct chain_witness w;
	char path[PATH_MAX];
	struct stat st;
	const char *why;
	int r;

	if (fd == -ENOENT && !has_past(sys)) {
		say_none(said, "nothing has been recorded yet");
		return;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		say_wrong(said, "%s: %s", sys->config->audit_dir, fd == -ENOENT ? "the trail is gone" : strerror(dir_fd < 0 ? errno : -fd));
		return;
	}
	r = public_load(sys->config->audit_key, &key, path, &why);
	if (r < 0) {
		say_wrong(said, "%s: %s", path, why ? why : strerror(-r));
		return;
	}
	r = witness_load(sys, &key, &w, &why);
	if (r < 0)
		say_wrong(said, "%s: %s", sys->config->witness_file, why ? why : strerror(-r));
	else if (sys->is_whole)
		look_at_all(sys, dir_fd, &key, r > 0 ? &w : NULL, said);
	else
		look_at_end(sys, dir_fd, fd, &key, r > 0 ? &w : NULL, said);
}
