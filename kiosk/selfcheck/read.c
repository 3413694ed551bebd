/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "selfcheck/read.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

/* Files of /proc have no size before they are read. */
static int read_all(int fd, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (room - size < 2) {
			char *grown = room >= READ_MAX ? NULL : realloc(text, room ? 2 * room : 8192);

			if (!grown)
				return room >= READ_MAX ? -EFBIG : -ENOMEM;
			text = grown;
			room = room ? 2 * room : 8192;
		}
		n = read(fd, text + size, room - size - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	text[size] = '\0';
	*ret = TAKE_PTR(text);
	*ret_size = size;
	return 0;
}

int read_at(const char *dir, const char *name, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : read_all(fd, ret, ret_size);
}

int read_line(const char *dir, const char *name, char *ret, size_t size)
{
	_cleanup_free_ char *text = NULL;
	size_t all, n;
	int r = read_at(dir, name, &text, &all);

	if (r < 0)
		return r;
	n = strcspn(text, "\n");
	while (n > 0 && text[n - 1] == ' ')
		n--;
	n = MIN(n, size - 1);
	memcpy(ret, text, n);
	ret[n] = '\0';
	return 0;
}

int lines_each(const char *text, int (*each)(void *context, const char *line, size_t size), void *context)
{
	int r = 0;

	while (r == 0 && *text) {
		size_t size = strcspn(text, "\n");

		if (size > 0)
			r = each(context, text, size);
		text += size + (text[size] == '\n');
	}
	return r;
}

bool cmdline_get(const char *text, const char *key, char *ret, size_t size)
{
	size_t key_size = strlen(key);
	bool is_there = false;

	while (*text) {
		const char *word = text;
		bool is_quoted = false;
		size_t n;

		for (; *text && (is_quoted || !strchr(" \t\n", *text)); text++)
			is_quoted = is_quoted != (*text == '"');
		n = (size_t)(text - word);
		text += *text != '\0';
		if (n < key_size || memcmp(word, key, key_size) != 0 || (n > key_size && word[key_size] != '='))
			continue;
		is_there = true;
		word += key_size + (n > key_size);
		n -= key_size + (n > key_size);
		if (n >= 2 && word[0] == '"' && word[n - 1] == '"') {
			word++;
			n -= 2;
		}
		n = MIN(n, size - 1);
		memcpy(ret, word, n);
		ret[n] = '\0';
	}
	return is_there;
}

/* -- words of a line --------------------------------------------------------------------------------------------------- */

struct words {
	const char *at, *end;
};

static bool next_word(struct words *w, const char **ret, size_t *ret_size)
{
	while (w->at < w->end && (*w->at == ' ' || *w->at == '\t'))
		w->at++;
	*ret = w->at;
	while (w->at < w->end && *w->at != ' ' && *w->at != '\t')
		w->at++;
	*ret_size = (size_t)(w->at - *ret);
	return *ret_size > 0;
}

static bool copy_word(struct words *w, char *ret, size_t room)
{
	const char *word;
	size_t size;

	if (!next_word(w, &word, &size) || size >= room || memchr(word, '\0', size))
		return false;
	memcpy(ret, word, size);
	ret[size] = '\0';
	return true;
}

static bool skip_words(struct words *w, size_t count)
{
	const char *word;
	size_t size;

	while (count > 0 && next_word(w, &word, &size))
		count--;
	return count == 0;
}

/* -- mounts ------------------------------------------------------------------------------------------------------------ */

/* Space, tab, newline and backslash are \ooo there. */
static void decode_octal(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static bool parse_number(const char *s, unsigned int *ret, const char **ret_end)
{
	uint64_t v = 0;
	const char *start = s;

	for (; *s >= '0' && *s <= '9'; s++) {
		v = 10 * v + (uint64_t)(*s - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*ret = (unsigned int)v;
	*ret_end = s;
	return s > start;
}

int mount_parse(const char *line, size_t size, struct mount *ret)
{
	struct words w = { line, line + size };
	struct mount m = { 0 };
	char device[32], word[1024];
	const char *end;

	if (!skip_words(&w, 2) || !copy_word(&w, device, sizeof(device)) || !skip_words(&w, 1) || !copy_word(&w, m.point, sizeof(m.point)) ||
	    !copy_word(&w, m.options, sizeof(m.options)) || !parse_number(device, &m.major, &end) || *end != ':' ||
	    !parse_number(end + 1, &m.minor, &end) || *end)
		return -EBADMSG;
	do { /* optional fields end with a dash */
		if (!copy_word(&w, word, sizeof(word)))
			return -EBADMSG;
	} while (strcmp(word, "-") != 0);
	if (!copy_word(&w, m.type, sizeof(m.type)) || !skip_words(&w, 1))
		return -EBADMSG;
	if (!next_word(&w, &end, &size)) /* no options at all */
		return -EBADMSG;
	size = MIN(size, sizeof(m.super) - 1); /* an overlay's has paths without end; what is looked for stands first */
	memcpy(m.super, end, size);
	decode_octal(m.point);
	*ret = m;
	return 0;
}

bool mount_has(const char *options, const char *word)
{
	size_t size = strlen(word);

	while (*options) {
		size_t n = strcspn(options, ",");

		if (n == size && memcmp(options, word, size) == 0)
			return true;
		options += n + (options[n] == ',');
	}
	return false;
}

/* -- sockets ----------------------------------------------------------------------------------------------------------- */

static bool parse_hex(const char *s, size_t digits, uint32_t *ret)
{
	uint32_t v = 0;

	for (size_t i = 0; i < digits; i++) {
		int d = s[i] >= '0' && s[i] <= '9' ? s[i] - '0' : s[i] >= 'A' && s[i] <= 'F' ? s[i] - 'A' + 10 : s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 10 : -1;

		if (d < 0)
			return false;
		v = v << 4 | (uint32_t)d;
	}
	*ret = v;
	return true;
}

/* Words of 32 bits as this machine has them in memory. */
static bool parse_address(const char *word, size_t size, bool is_v6, struct in6_addr *ret, uint32_t *ret_port)
{
	size_t words = is_v6 ? 4 : 1;

	if (size != 8 * words + 5 || word[8 * words] != ':')
		return false;
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < words; i++) {
		uint32_t v;

		if (!parse_hex(word + 8 * i, 8, &v))
			return false;
		memcpy(ret->s6_addr + 4 * i, &v, sizeof(v));
	}
	return parse_hex(word + 8 * words + 1, 4, ret_port);
}

int endpoint_parse(const char *line, size_t size, bool is_v6, struct endpoint *ret)
{
	static const struct in6_addr any;
	struct words w = { line, line + size };
	struct endpoint e = { .is_v6 = is_v6 };
	struct in6_addr peer;
	uint32_t port, peer_port, state;
	const char *word;
	size_t n;

	if (!next_word(&w, &word, &n) || word[n - 1] != ':' || !next_word(&w, &word, &n) || !parse_address(word, n, is_v6, &e.address, &port) ||
	    !next_word(&w, &word, &n) || !parse_address(word, n, is_v6, &peer, &peer_port) || !next_word(&w, &word, &n) || n != 2 ||
	    !parse_hex(word, 2, &state))
		return -EBADMSG;
	e.port = (uint16_t)port;
	e.state = state;
	e.has_peer = peer_port != 0 || memcmp(&peer, &any, sizeof(any)) != 0;
	*ret = e;
	return 0;
}

bool endpoint_is_loopback(const struct endpoint *e)
{
	return e->is_v6 ? IN6_IS_ADDR_LOOPBACK(&e->address) || (IN6_IS_ADDR_V4MAPPED(&e->address) && e->address.s6_addr[12] == 127) :
			  e->address.s6_addr[0] == 127;
}

/* -- modules, processes ------------------------------------------------------------------------------------------------ */

int module_parse(const char *line, size_t size, char *ret, size_t ret_size)
{
	struct words w = { line, line + size };

	if (!copy_word(&w, ret, ret_size))
		return -EBADMSG;
	for (char *c = ret; *c; c++)
		if (*c == '-')
			*c = '_';
	return 0;
}

struct status_reading {
	struct process_status s;
	bool has_name, has_uid, has_memory;
};

static int take_status(void *context, const char *line, size_t size)
{
	struct status_reading *r = context;
	struct words w = { line, line + size };
	char word[32], number[32];
	const char *end;

	if (size > 6 && memcmp(line, "Name:\t", 6) == 0 && !r->has_name) { /* may have spaces; the first line, whatever a name says */
		(void)snprintf(r->s.name, sizeof(r->s.name), "%.*s", (int)MIN(size - 6, sizeof(r->s.name) - 1), line + 6);
		r->has_name = true;
	} else if (r->has_name && copy_word(&w, word, sizeof(word)) && strcmp(word, "Uid:") == 0) {
		if (!skip_words(&w, 1) || !copy_word(&w, number, sizeof(number)) || !parse_number(number, &r->s.euid, &end) || *end)
			return -EBADMSG;
		r->has_uid = true;
	} else if (strncmp(line, "VmSize:", MIN(size, (size_t)7)) == 0 && size > 7) {
		r->has_memory = true;
	}
	return 0;
}

int status_parse(const char *text, struct process_status *ret)
{
	struct status_reading r = { 0 };
	int e = lines_each(text, take_status, &r);

	if (e < 0 || !r.has_name || !r.has_uid)
		return -EBADMSG;
	r.s.is_kernel = !r.has_memory;
	*ret = r.s;
	return 0;
}

/* "PID (NAME) STATE PPID PGRP SESSION TTY ..." (proc_pid_stat(5)): a name may hold blanks and parentheses, what follows may not. */
int stat_has_terminal(const char *text)
{
	const char *end = strrchr(text, ')');
	long terminal;

	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %ld", &terminal) != 1)
		return -EBADMSG;
	return terminal != 0;
}
