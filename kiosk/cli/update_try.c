/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The self-test, by the very processes that would work with the set: lazaretd starts with it (rules are checked, databases and YARA
 * rules loaded, canaries found), and inspects a directory of the EICAR test file, which has to be found, and of files that are known to
 * be good, in which nothing may be. Nothing of it is published.
 */
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/daemon.h"
#include "cli/key.h"
#include "cli/records.h"
#include "cli/update.h"
#include "common/fd.h"
#include "common/finding.h"
#include "common/log.h"
#include "station/sets.h"

#define EICAR_NAME "eicar.com"

/* The EICAR anti-malware test file (eicar.org, 68 bytes), each byte with 0x5a, so that no scanner takes this program for it. */
static const uint8_t eicar_hidden[68] = {
	0x02, 0x6f, 0x15, 0x7b, 0x0a, 0x7f, 0x1a, 0x1b, 0x0a, 0x01, 0x6e, 0x06, 0x0a, 0x00, 0x02, 0x6f,
	0x6e, 0x72, 0x0a, 0x04, 0x73, 0x6d, 0x19, 0x19, 0x73, 0x6d, 0x27, 0x7e, 0x1f, 0x13, 0x19, 0x1b,
	0x08, 0x77, 0x09, 0x0e, 0x1b, 0x14, 0x1e, 0x1b, 0x08, 0x1e, 0x77, 0x1b, 0x14, 0x0e, 0x13, 0x0c,
	0x13, 0x08, 0x0f, 0x09, 0x77, 0x0e, 0x1f, 0x09, 0x0e, 0x77, 0x1c, 0x13, 0x16, 0x1f, 0x7b, 0x7e,
	0x12, 0x71, 0x12, 0x70,
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

/* -- the medium --------------------------------------------------------------------------------------------------------- */

static int put_eicar(int dir_fd)
{
	char eicar[sizeof(eicar_hidden)];

	for (size_t i = 0; i < sizeof(eicar); i++)
		eicar[i] = (char)(eicar_hidden[i] ^ 0x5a);
	return file_replace(dir_fd, EICAR_NAME, eicar, sizeof(eicar), 0644);
}

static int copy_file(int dir_fd, const char *source, const char *name)
{
	_cleanup_close_ int from = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int to = -EBADF;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	to = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return to < 0 ? -errno : fd_copy(to, from, (uint64_t)st.st_size);
}

/* All regular files beneath `root`, numbered: their names are not what is tried. `*at` counts them. */
static int copy_tree(struct update *u, int dir_fd, const char *root, unsigned int *at)
{
	char *const paths[] = { (char *)(uintptr_t)root, NULL }; /* fts_open(3) does not change them */
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *f;
	int r = fts ? 0 : -errno;

	while (r == 0 && (errno = 0, f = fts_read(fts))) {
		char name[32];

		if (f->fts_info == FTS_ERR || f->fts_info == FTS_DNR || f->fts_info == FTS_NS)
			r = pack_fail(&u->why, -f->fts_errno, "%s: %s", f->fts_path, strerror(f->fts_errno));
		if (r < 0 || f->fts_info != FTS_F)
			continue;
		(void)snprintf(name, sizeof(name), "good-%u", ++*at);
		r = copy_file(dir_fd, f->fts_accpath, name);
	}
	if (r == 0 && errno != 0)
		r = -errno;
	if (fts)
		(void)fts_close(fts); /* read only */
	return r < 0 && !u->why ? pack_fail(&u->why, r, "%s: %s", root, strerror(-r)) : r;
}

static int fill_medium(struct update *u, unsigned int *ret_good)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *shipped = NULL;
	int r = dir_open_make(u->sets_fd, UPDATE_MEDIUM, 0755, &fd);

	*ret_good = 0;
	if (r == 0)
		r = put_eicar(fd);
	if (r == 0)
		r = station_data_dir(&shipped);
	if (r == 0)
		r = copy_tree(u, fd, shipped, ret_good);
	if (r == 0 && u->config->known_good)
		r = copy_tree(u, fd, u->config->known_good, ret_good);
	return r;
}

/* -- the trust store ----------------------------------------------------------------------------------------------------- */

static int copy_trust(struct update *u, int to_fd)
{
	_cleanup_(closedir_p) DIR *dir = opendir(u->config->trust_dir);
	struct dirent *e;
	int r = dir ? 0 : -errno;

	while (r == 0 && (errno = 0, e = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (e->d_name[0] == '.')
			continue;
		r = asprintf(&path, "%s/%s", u->config->trust_dir, e->d_name) < 0 ? -ENOMEM : copy_file(to_fd, path, e->d_name);
	}
	return r;
}

static int put_keys(struct update *u)
{
	_cleanup_close_ int fd = -EBADF;
	int r = dir_open_make(u->sets_fd, UPDATE_TRUST, 0755, &fd);

	if (r == 0)
		r = copy_trust(u, fd);
	for (size_t i = 0; r == 0 && i < u->pack->member_count; i++) {
		const struct pack_member *m = &u->pack->members[i];
		struct key_change c = { .name = m->name, .purposes = m->purposes };
		_cleanup_free_ char *path = NULL;
		int status;

		if (m->kind != PACK_KEY)
			continue;
		if (asprintf(&path, "%s/" SETS_DIRECTORY "/%s/%s", u->config->dir, u->set, m->path) < 0)
			return -ENOMEM;
		c.file = path;
		status = key_put(u->cli, fd, &c);
		if (status != 0 && status != KEY_IS_THERE)
			r = pack_fail(&u->why, -EPERM, "its key %s cannot be trusted (the reason is above)", m->name);
	}
	return r;
}

/* -- what comes of it ---------------------------------------------------------------------------------------------------- */

struct outcome {
	char *error; /* the first, of lazaretd */
	bool is_eicar_found;
	unsigned int good; /* files known to be good in which nothing was found */
	char *alarm;	   /* the first false one */
};

/* What a file says of itself (macros, a container that is damaged) it says with any database. */
static bool is_alarm(const json_t *finding)
{
	static const enum reason alarms[] = { REASON_MALWARE,	   REASON_HASH_DENIED,	REASON_TYPE_DENIED,
					      REASON_SCAN_ERROR, REASON_SCAN_TIMEOUT, REASON_SCANNER_CRASHED };
	enum reason reason;

	if (reason_parse(text_of(finding, "code"), &reason) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(alarms); i++)
		if (alarms[i] == reason)
			return true;
	return strstr(text_of(finding, "detail"), "YARA rule ") != NULL;
}

static void take_facts(struct outcome *o, const json_t *e)
{
	bool is_eicar = strcmp(text_of(e, "path"), EICAR_NAME) == 0, has_alarm = false;
	uint32_t checks = (uint32_t)json_integer_value(json_object_get(e, "done"));
	json_t *f;
	size_t i;

	json_array_foreach(json_object_get(e, "findings"), i, f) {
		if (is_eicar && strcmp(text_of(f, "code"), reason_code(REASON_MALWARE)) == 0)
			o->is_eicar_found = true;
		if (is_eicar || !is_alarm(f))
			continue;
		has_alarm = true;
		if (!o->alarm && asprintf(&o->alarm, "%s: %s", text_of(f, "code"), text_of(f, "detail")) < 0)
			o->alarm = NULL;
	}
	if (!is_eicar && !has_alarm && !json_object_get(e, "member"))
		o->good += (checks & CHECK_VIRUS) != 0;
}

static int read_events(FILE *in, struct outcome *o)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, in)) > 0) {
		_cleanup_(json_decref_p) json_t *e = json_loadb(line, (size_t)n, 0, NULL);

		if (strcmp(text_of(e, "event"), "error") == 0 && !o->error)
			o->error = strdup(text_of(e, "text"));
		if (strcmp(text_of(e, "event"), "facts") == 0)
			take_facts(o, e);
	}
	return ferror(in) ? -EIO : 0;
}

static int run(struct update *u, struct outcome *o, int *ret_status)
{
	_cleanup_free_ char *medium = NULL;
	_cleanup_fclose_ FILE *in = NULL;
	const char *argv[] = { "-C", u->config->dir, "--try", UPDATE_TRY, "--", NULL, NULL };
	pid_t pid = 0;
	int fd, r;

	if (asprintf(&medium, "%s/" SETS_DIRECTORY "/" UPDATE_MEDIUM, u->config->dir) < 0)
		return -ENOMEM;
	argv[5] = medium;
	fd = daemon_start(argv, &pid);
	if (fd < 0)
		return fd;
	in = fdopen(fd, "r");
	r = in ? read_events(in, o) : -ENOMEM;
	if (!in)
		close_p(&fd);
	*ret_status = daemon_wait(pid);
	return r;
}

static int judge(struct update *u, const struct outcome *o, int status, unsigned int good)
{
	if (status != 0 || o->error)
		return pack_fail(&u->why, -EPERM, "the station does not work with it: %s", o->error ? o->error : "see above");
	if (!o->is_eicar_found && u->config->database.require_eicar)
		return pack_fail(&u->why, -EPERM, "the EICAR test file is not found with it");
	if (o->alarm)
		return pack_fail(&u->why, -EPERM, "it finds something in a file that is known to be good (%s)", o->alarm);
	if (o->good != good)
		return pack_fail(&u->why, -EPERM, "of %u files that are known to be good, %u were examined to their end", good, o->good);
	return 0;
}

static int write_next(struct update *u, const json_t *next)
{
	_cleanup_(json_decref_p) json_t *o = json_copy((json_t *)next);
	_cleanup_free_ char *text = NULL;

	if (!o || json_object_set_new(o, "trust", json_string(UPDATE_TRUST)) < 0)
		return -ENOMEM;
	text = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);
	return text ? file_replace(u->sets_fd, UPDATE_TRY, text, strlen(text), 0644) : -ENOMEM;
}

int update_try(struct update *u, const json_t *next)
{
	struct outcome o = { 0 };
	unsigned int good = 0;
	int status = 0, r = fill_medium(u, &good);

	if (r == 0)
		r = put_keys(u);
	if (r == 0)
		r = write_next(u, next);
	if (r == 0)
		r = run(u, &o, &status);
	if (r == 0)
		r = judge(u, &o, status, good);
	free(o.error);
	free(o.alarm);
	return r;
}
