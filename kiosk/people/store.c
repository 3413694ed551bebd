/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "people/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/fd.h"

#define PASSWD_MAX (1u << 20) /* PEOPLE_MAX lines of at most some 200 bytes */

static int open_dir(int station_fd, bool is_made, int *ret_fd)
{
	if (is_made)
		return dir_open_make(station_fd, PEOPLE_DIR, 0700, ret_fd);
	*ret_fd = openat(station_fd, PEOPLE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? -errno : 0;
}

int people_open(const char *station_dir, bool is_locked, int *ret_fd)
{
	_cleanup_close_ int station_fd = open(station_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	int r = station_fd < 0 ? -errno : open_dir(station_fd, is_locked, &fd);

	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0)
		return r;
	/* whoever else could write here could make himself an administrator */
	if ((st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	if (is_locked && flock(fd, LOCK_EX) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* -- people.json ------------------------------------------------------------------------------------------------- */

static json_t *entry(const struct person *p)
{
	json_t *roles = person_roles_json(p->roles);

	return roles ? json_pack("{s:I,s:s,s:s,s:o,s:I}", "added_at", (json_int_t)p->added_at, "by", p->by, "full_name", p->full_name,
				 "roles", roles, "until", (json_int_t)p->until) :
		       NULL;
}

int people_save(int people_fd, const struct people *p)
{
	_cleanup_free_ char *text = NULL;
	json_t *all = json_object();
	int r = all ? 0 : -ENOMEM;

	for (size_t k = 0; r == 0 && k < p->count; k++)
		if (json_object_set_new(all, p->list[k].name, entry(&p->list[k])) < 0)
			r = -ENOMEM;
	text = r == 0 ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(all);
	return text ? file_replace(people_fd, PEOPLE_FILE, text, strlen(text), 0600) : -ENOMEM;
}

static void person_done(struct person *p)
{
	free(p->name);
	free(p->full_name);
	free(p->by);
}

int people_take(struct people *p, const char *name)
{
	const struct person *found = person_find(p, name);
	size_t at = found ? (size_t)(found - p->list) : 0;

	if (!found)
		return -ENOENT;
	person_done(&p->list[at]);
	memmove(&p->list[at], &p->list[at + 1], (p->count - at - 1) * sizeof(*p->list));
	p->count--;
	return 0;
}

int people_put(struct people *p, const struct person *person)
{
	struct person copy = *person, *more;
	size_t at = 0;

	copy.name = strdup(person->name);
	copy.full_name = strdup(person->full_name);
	copy.by = strdup(person->by);
	more = copy.name && copy.full_name && copy.by ? reallocarray(p->list, p->count + 1, sizeof(*more)) : NULL;
	if (more)
		p->list = more;
	if (!more || (p->count >= PEOPLE_MAX && !person_find(p, person->name))) {
		person_done(&copy);
		return more ? -ENOSPC : -ENOMEM;
	}
	if (people_take(p, copy.name) == -ENOENT) /* in the place of the old one, or a new one */
		at = 0;
	while (at < p->count && strcmp(p->list[at].name, copy.name) < 0)
		at++;
	memmove(&p->list[at + 1], &p->list[at], (p->count - at) * sizeof(copy));
	p->list[at] = copy;
	p->count++;
	return 0;
}

/* -- passwd ------------------------------------------------------------------------------------------------------ */

static bool is_line_of(const char *line, const char *name)
{
	size_t size = strlen(name);

	return strncmp(line, name, size) == 0 && line[size] == ':';
}

static int read_passwd(int people_fd, char **ret)
{
	int r = file_read(people_fd, PEOPLE_PASSWD, PASSWD_MAX, ret, NULL);

	if (r == -ENOENT) {
		*ret = strdup("");
		r = *ret ? 0 : -ENOMEM;
	}
	return r;
}

/* A hash as costly as any, of a secret that nobody knows and that nobody could type. */
static int hash_of_nobody(char **ret)
{
	char secret[65];
	uint8_t raw[32];
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_read_exact(fd, raw, sizeof(raw));

	close_p(&fd);
	if (r < 0)
		return r;
	for (size_t k = 0; k < sizeof(raw); k++)
		(void)snprintf(secret + 2 * k, 3, "%02x", raw[k]);
	r = password_hash(secret, ret);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(raw, sizeof(raw));
	return r;
}

/* All lines but that of `name`. */
static int copy_others(FILE *out, char *text, const char *name)
{
	for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text))
		if (!(name && is_line_of(line, name)) && fprintf(out, "%s\n", line) < 0)
			return -ENOMEM;
	return 0;
}

static bool has_line(const char *text, const char *name)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (is_line_of(line, name))
			return true;
	return false;
}

int passwd_has(int people_fd, const char *name)
{
	_cleanup_free_ char *text = NULL;
	int r = read_passwd(people_fd, &text);

	return r < 0 ? r : has_line(text, name);
}

static int write_lines(FILE *out, char *text, const char *name, const char *hash)
{
	_cleanup_free_ char *nobody = NULL;
	int r = 0;

	if (!has_line(text, PEOPLE_NOBODY)) {
		r = hash_of_nobody(&nobody);
		if (r == 0 && fprintf(out, PEOPLE_NOBODY ":%s\n", nobody) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		r = copy_others(out, text, name);
	if (r == 0 && hash && fprintf(out, "%s:%s\n", name, hash) < 0)
		r = -ENOMEM;
	return r == 0 && fflush(out) != 0 ? -ENOMEM : r;
}

int passwd_set(int people_fd, const char *name, const char *hash)
{
	_cleanup_free_ char *text = NULL, *lines = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	size_t size = 0;
	int r = read_passwd(people_fd, &text);

	if (r < 0)
		return r;
	out = open_memstream(&lines, &size);
	r = out ? write_lines(out, text, name, hash) : -ENOMEM;
	return r < 0 ? r : file_replace(people_fd, PEOPLE_PASSWD, lines, size, 0600);
}
