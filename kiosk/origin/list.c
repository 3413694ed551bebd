/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by the origin role on sealed copies. A list may be made to look like something else, to hide its lines from this
 * parser and show them to another, to grow without end: what is skipped is counted, what is bad is told with its place,
 * and every dimension has a limit (limits.h).
 */
#include "origin/list.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/list_name.h"
#include "origin/lines.h"

/* -- noise -------------------------------------------------------------------------------------------------- */

/* Where in an OpenPGP clearsigned message (RFC 9580 section 7) the reading is. */
enum armour {
	ARMOUR_NONE,
	ARMOUR_HEADERS,	  /* "Hash: SHA256", up to an empty line */
	ARMOUR_TEXT,
	ARMOUR_SIGNATURE, /* up to its end line */
};

static bool is_line(const char *p, size_t size, const char *text)
{
	while (size > 0 && (p[size - 1] == '\r' || p[size - 1] == ' ' || p[size - 1] == '\t'))
		size--;
	return strlen(text) == size && memcmp(p, text, size) == 0;
}

/* Is this line none of the list's own? The armour is skipped here, and verified (or not) elsewhere. */
static bool is_noise(enum armour *armour, const char *p, size_t size)
{
	if (*armour == ARMOUR_SIGNATURE) {
		if (is_line(p, size, "-----END PGP SIGNATURE-----"))
			*armour = ARMOUR_NONE;
		return true;
	}
	if (*armour == ARMOUR_HEADERS) {
		if (is_line(p, size, ""))
			*armour = ARMOUR_TEXT;
		return true;
	}
	if (is_line(p, size, "-----BEGIN PGP SIGNED MESSAGE-----"))
		*armour = ARMOUR_HEADERS;
	else if (is_line(p, size, "-----BEGIN PGP SIGNATURE-----"))
		*armour = ARMOUR_SIGNATURE;
	else
		return is_line(p, size, "") || p[0] == '#' || p[0] == ';';
	return true;
}

/* A line that only a Release, .dsc, .changes or .buildinfo of Debian has. Digest, size and path are "digest, name" in a list, and
 * "1234 main" is a name that a directory can have: under the name of a list a signed index would count without its date and
 * its purpose. */
static bool is_of_debian(const char *p, size_t size)
{
	static const char *const fields[] = { "MD5Sum:", "SHA1:", "SHA256:", "SHA512:", "Checksums-Md5:", "Checksums-Sha1:",
					      "Checksums-Sha256:", "Checksums-Sha512:" };

	while (size > 0 && (p[size - 1] == '\r' || p[size - 1] == ' ' || p[size - 1] == '\t'))
		size--;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strlen(fields[i]) == size && strncasecmp(p, fields[i], size) == 0)
			return true;
	return false;
}

/* -- the list ------------------------------------------------------------------------------------------------ */

struct pass {
	struct lines lines;
	const char *list_name;
	enum armour armour;
	uint64_t line;
	bool is_promised, is_of_debian;
	struct list_entry entry;
};

static void note_bad(struct list_summary *s, uint64_t line, const char *why)
{
	if (s->bad_lines++ == 0) {
		s->first_bad_line = (uint32_t)line;
		s->why = why;
	}
}

/* One line: counted, and handed out when it is an entry. Not 0 ends the reading. */
static int take_line(struct pass *p, const char *raw, size_t size, bool is_long, list_entry_fn on_entry, void *context,
		     struct list_summary *s)
{
	const char *why = NULL;

	if (p->line == 1 && size >= 3 && memcmp(raw, "\xef\xbb\xbf", 3) == 0) { /* Windows editors begin UTF-8 so */
		raw += 3;
		size -= 3;
	}
	if (!is_long && is_noise(&p->armour, raw, size)) {
		s->skipped_lines++;
		return 0;
	}
	if (p->armour == ARMOUR_TEXT && size >= 2 && raw[0] == '-' && raw[1] == ' ') { /* dash-escaped */
		raw += 2;
		size -= 2;
	}
	p->is_of_debian = p->is_of_debian || is_of_debian(raw, size);
	why = is_long ? "a line that is too long" : list_line_parse(raw, size, p->list_name, &p->entry);
	if (why) {
		note_bad(s, p->line, why);
		return 0;
	}
	s->entries++;
	return on_entry ? on_entry(context, &p->entry) : 0;
}

static bool is_hopeless(const struct pass *p, const struct list_summary *s)
{
	return !p->is_promised && s->bad_lines > s->entries && s->bad_lines - s->entries > LIST_DOUBT_LINES;
}

static void judge_list(const struct pass *p, bool is_cut, struct list_summary *s)
{
	bool is_list = s->entries > 0 && s->bad_lines <= s->entries;

	if (p->armour != ARMOUR_NONE)
		note_bad(s, p->line, "an OpenPGP message that does not end");
	if (s->entries == 0 && s->bad_lines == 0)
		s->why = "no line of a checksum list in it";
	if (is_list && !is_cut && p->armour == ARMOUR_NONE)
		s->outcome = LIST_READ;
	else
		s->outcome = is_list || p->is_promised ? LIST_BROKEN : LIST_NONE;
	if (p->is_of_debian) {
		s->outcome = LIST_BROKEN;
		s->bad_lines = 0;
		s->why = "a file of a Debian repository under another name";
		return;
	}
	if (is_cut && s->outcome == LIST_BROKEN)
		s->why = p->line > LIST_LINES_MAX ? "more lines than this station reads" :
						    "longer than this station reads";
}

static int read_pass(struct pass *p, list_entry_fn on_entry, void *context, struct list_summary *s)
{
	bool is_long, is_cut = false;
	const char *raw = "";
	size_t size = 0;
	int r;

	*s = (struct list_summary){ .why = "" };
	while ((r = lines_next(&p->lines, &raw, &size, &is_long)) > 0) {
		if (++p->line > LIST_LINES_MAX || p->lines.is_cut) {
			is_cut = true;
			break;
		}
		r = take_line(p, raw, size, is_long, on_entry, context, s);
		if (r != 0)
			return r;
		if (is_hopeless(p, s))
			break;
	}
	if (r < 0)
		return r;
	judge_list(p, is_cut, s);
	return 0;
}

static struct pass *pass_new(int fd, const char *list_name)
{
	struct pass *p = calloc(1, sizeof(*p));

	if (p) {
		p->lines.fd = fd;
		p->list_name = list_name;
		p->is_promised = list_name_promises(list_name);
	}
	return p;
}

int list_read(int fd, const char *list_name, list_entry_fn on_entry, void *context, struct list_summary *ret)
{
	_cleanup_free_ struct pass *first = pass_new(fd, list_name), *second = pass_new(fd, list_name);
	struct list_summary s;
	struct stat st;
	int r;

	if (!first || !second)
		return -ENOMEM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = read_pass(first, NULL, NULL, &s);
	if (r == 0 && s.outcome != LIST_NONE)
		r = read_pass(second, on_entry, context, &s);
	if (r != 0)
		return r;
	if (s.outcome == LIST_NONE)
		s.entries = 0;
	*ret = s;
	return 0;
}
