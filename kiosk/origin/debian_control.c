/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* .dsc, .changes and .buildinfo (Policy 5.4, 5.5; deb-buildinfo(5)): what a developer or a builder signs, with digests of the
 * files beside it. They come here as the text that a clearsigned message's signature covers, or unsigned.
 */
#include <string.h>

#include "common/evidence_name.h"
#include "origin/debian.h"
#include "origin/formats.h"

struct control {
	struct evidence *e;
	struct control_paragraph paragraph;
	struct debian_path path;
};

static const struct {
	const char *field, *algorithm;
	bool is_strong;
} lists[] = {
	{ "Checksums-Sha256", "sha256", true }, { "Checksums-Sha512", "sha512", true }, { "Checksums-Sha1", "sha1", false },
	{ "Checksums-Md5", "md5", false },	{ "Files", "md5", false },
};

static int tell_list(struct control *c, size_t i)
{
	const struct control_text *field = control_find(&c->paragraph, lists[i].field);
	struct control_text rest = field ? *field : (struct control_text){ "", 0 }, line;
	bool has_section = evidence_has_suffix(c->e->name, ".changes") && strcmp(lists[i].field, "Files") == 0;
	const struct digest *d = digest_by_name(lists[i].algorithm);
	int r = 0;

	while (r == 0 && control_take_line(&rest, &line)) {
		struct debian_listed listed;
		const char *why = debian_sum_line(line, d, has_section, &listed);

		if (!why && memchr(listed.name.at, '/', listed.name.size))
			why = "a name with a slash";
		if (!why)
			why = debian_path_set(&c->path, NULL, &listed.name);
		if (why)
			debian_note_bad(c->e, &c->paragraph, line.at, why);
		else
			r = evidence_lists(c->e, d, listed.sum, 0, c->path.at, c->path.size);
	}
	return r;
}

/* SOURCE_VERSION.dsc, the version without its epoch (dpkg-source(1)). Signed under another name, an old version could be passed
 * off as a new one. */
static void check_name(struct control *c)
{
	struct control_text source, version;
	const char *colon;
	int size;

	if (!evidence_has_suffix(c->e->name, ".dsc"))
		return;
	if (control_find_line(&c->paragraph, "Source", &source) <= 0 || control_find_line(&c->paragraph, "Version", &version) <= 0) {
		debian_note_broken(c->e, "no Source or no Version");
		return;
	}
	colon = memchr(version.at, ':', version.size);
	if (colon) {
		version.size -= (size_t)(colon + 1 - version.at);
		version.at = colon + 1;
	}
	size = snprintf(NULL, 0, "%.*s_%.*s.dsc", (int)source.size, source.at, (int)version.size, version.at);
	if (size < 0 || (size_t)size != strlen(c->e->name) || memcmp(c->e->name, source.at, source.size) != 0 ||
	    c->e->name[source.size] != '_' || memcmp(c->e->name + source.size + 1, version.at, version.size) != 0)
		debian_note_broken(c->e, "signed under another name: it describes %.*s %.*s", (int)MIN(source.size, 200u), source.at,
				   (int)MIN(version.size, 200u), version.at);
}

static int tell_control(struct control *c)
{
	bool has_any = false, has_strong = false;
	int r = 0;

	if (c->paragraph.repeated) {
		debian_note_broken(c->e, "the field %.*s stands twice", (int)c->paragraph.repeated->name.size,
				   c->paragraph.repeated->name.at);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		bool is_there = control_find(&c->paragraph, lists[i].field);

		has_any = has_any || is_there;
		has_strong = has_strong || (is_there && lists[i].is_strong);
	}
	if (!has_any && !control_find(&c->paragraph, "Format"))
		return 1; /* another program's .dsc or .changes */
	if (!has_strong)
		debian_note_broken(c->e, "no Checksums-Sha256: what it lists by MD5 or SHA-1 proves nothing");
	check_name(c);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(lists); i++)
		r = tell_list(c, i);
	return r;
}

static int prove(struct control *c)
{
	_cleanup_(decompress_close_p) struct decompress *source = NULL;
	_cleanup_(control_file_freep) struct control_file *f = NULL;
	int r = debian_open(c->e, "", &source);

	if (r < 0 || !source)
		return r;
	r = control_file_new(source, CONTROL_PARAGRAPH_MAX, &f);
	if (r < 0)
		return r;
	r = control_next(f, &c->paragraph);
	if (r == 0)
		return 0; /* empty */
	if (r > 0) {
		r = tell_control(c);
		if (r > 0)
			return 0;
	}
	if (r == 0)
		r = debian_end_alone(c->e, f, &c->paragraph);
	return debian_end(c->e, r, f, source, false);
}

int prove_debian_control(struct evidence *e)
{
	_cleanup_free_ struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->e = e;
	return prove(c);
}
