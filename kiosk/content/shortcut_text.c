/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shortcuts that are text: sections with keys (Windows profiles, the Desktop Entry Specification 1.5), and XML of the Windows
 * shell. A kind is known by its first section, or by the name that makes a shell read it so.
 */
#include <string.h>
#include <strings.h>

#include "content/shortcut.h"

enum when { ALWAYS, REMOTE };

/* A key of a section and what it does. An empty key: the section itself. */
static const struct {
	const char *section, *key, *says;
	enum when when;
} keys[] = {
	{ "internetshortcut", "url", "opens", ALWAYS },
	{ "internetshortcut", "iconfile", "fetches its icon from", REMOTE },
	{ "internetshortcut", "workingdirectory", "works in", REMOTE },
	{ "shell", "command", "commands the shell:", ALWAYS },
	{ "shell", "iconfile", "fetches its icon from", REMOTE },
	{ "desktop entry", "exec", "starts", ALWAYS },
	{ "autorun", "open", "starts by itself:", ALWAYS },
	{ "autorun", "shellexecute", "starts by itself:", ALWAYS },
	{ "autorun", "shell\\", "starts from the menu:", ALWAYS },
	{ "autorun", "icon", "fetches its icon from", REMOTE },
	{ "deviceinstall", "driverpath", "installs drivers of", ALWAYS },
	{ ".shellclassinfo", "clsid", "turns the folder into", ALWAYS },
	{ ".shellclassinfo", "clsid2", "turns the folder into", ALWAYS },
	{ ".shellclassinfo", "uiclsid", "turns the folder into", ALWAYS },
	{ ".shellclassinfo", "iconresource", "fetches its icon from", REMOTE },
	{ ".shellclassinfo", "iconfile", "fetches its icon from", REMOTE },
	{ ".shellclassinfo", "localizedresourcename", "fetches its name from", REMOTE },
	{ "theme", "brandimage", "fetches a picture from", REMOTE },
	{ "control panel\\desktop", "wallpaper", "fetches a picture from", REMOTE },
	{ "control panel\\desktop", "scrnsave.exe", "starts", ALWAYS },
};

/* Sections by which a file is known, and the names under which its kind is read wherever the section stands. */
static const struct {
	const char *section, *extension;
	const char *name; /* whole name; NULL: by extension */
} kinds[] = {
	{ "internetshortcut", "url", NULL },	   { "internetshortcut", "website", NULL },
	{ "shell", "scf", NULL },		   { "desktop entry", "desktop", NULL },
	{ "desktop entry", "directory", NULL },	   { "autorun", "", "autorun.inf" },
	{ "deviceinstall", "", "autorun.inf" },	   { ".shellclassinfo", "", "desktop.ini" },
	{ "theme", "theme", NULL },		   { "control panel\\desktop", "theme", NULL },
};

static bool is_read_by_name(const struct content *c, struct span section)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_is(section, kinds[i].section) &&
		    (kinds[i].name ? strcasecmp(c->name, kinds[i].name) == 0 : content_has_extension(c, kinds[i].extension)))
			return true;
	return false;
}

static bool is_known(struct span section)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_is(section, kinds[i].section))
			return true;
	return false;
}

static bool matches(size_t i, struct span section, struct span key)
{
	if (!span_is(section, keys[i].section))
		return false;
	return keys[i].key[strlen(keys[i].key) - 1] == '\\' ? span_starts(key, keys[i].key) && span_ends(key, "command") :
							     span_is(key, keys[i].key);
}

static int judge(struct content *c, struct span section, struct span key, struct span value)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!matches(i, section, key) || value.size == 0)
			continue;
		if (keys[i].when == REMOTE && !is_remote(value))
			continue;
		return content_active(c, "%s %.*s", keys[i].says, SPAN_ARGS(value));
	}
	return 0;
}

static bool split(struct span line, struct span *ret_key, struct span *ret_value)
{
	const uint8_t *equals = memchr(line.at, '=', line.size);

	if (!equals)
		return false;
	*ret_key = span_trim((struct span){ line.at, (size_t)(equals - line.at) });
	*ret_value = span_trim(span_from(line, equals + 1));
	if (ret_value->size > 1 && ret_value->at[0] == '"')
		ret_value->at++, ret_value->size--;
	return true;
}

int shortcut_sections(struct content *c, const struct plain *p)
{
	struct span rest = p->text, line, section = { 0 }, key, value;
	bool is_first = true, is_of_kind = false;

	while (span_line(&rest, &line)) {
		int r;

		line = span_trim(line);
		if (line.size == 0 || line.at[0] == ';' || line.at[0] == '#')
			continue;
		if (line.at[0] == '[' && line.at[line.size - 1] == ']') {
			section = span_trim((struct span){ line.at + 1, line.size - 2 });
			is_of_kind = is_read_by_name(c, section) || (is_first && is_known(section));
			is_first = false;
			continue;
		}
		if (is_first && !content_has_extension(c, "url") && !content_has_extension(c, "inf") &&
		    !content_has_extension(c, "ini") && !content_has_extension(c, "scf"))
			return 0; /* text before the first section: another kind of file */
		if (!is_of_kind || !split(line, &key, &value))
			continue;
		r = judge(c, section, key, value);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The root element, whatever comes before it: a declaration and remarks. */
static struct span root_of(struct span text)
{
	for (;;) {
		const char *end;
		const uint8_t *at;

		text = span_trim(text);
		if (span_starts(text, "<?"))
			end = "?>";
		else if (span_starts(text, "<!--"))
			end = "-->";
		else
			break;
		at = span_find(text, end);
		if (!at)
			return (struct span){ text.at, 0 };
		text = span_from(text, at + strlen(end));
	}
	return span_starts(text, "<") ? span_from(text, text.at + 1) : (struct span){ text.at, 0 };
}

static struct span address_in(struct span text, const char *open)
{
	const uint8_t *at = span_find(text, open), *end;
	struct span s = { text.at, 0 };

	if (!at)
		return s;
	s = span_from(text, at + strlen(open));
	end = memchr(s.at, '<', s.size);
	s.size = end ? (size_t)(end - s.at) : s.size;
	return span_trim(s);
}

/* MS-specific formats without a registered type; their addresses are asked for as soon as a folder shows them. */
static const struct {
	const char *root, *address, *says;
} roots[] = {
	{ "librarydescription", "<url>", "a library of elsewhere:" },
	{ "searchconnectordescription", "<url>", "a search connector:" },
	{ "persistedquery", "<include", "a saved search" },
	{ "pcsettings", "<deeplink>", "starts" },
	{ "jnlp", NULL, "starts a program that it fetches (Java Web Start)" },
	{ "configuration>", "<command>", "starts" }, /* Windows Sandbox */
};

int shortcut_markup(struct content *c, const struct plain *p)
{
	struct span root = root_of(p->text);

	for (size_t i = 0; i < ARRAY_LEN(roots) && root.size > 0; i++) {
		struct span address = { root.at, 0 };

		if (!span_starts(root, roots[i].root))
			continue;
		if (roots[i].address && roots[i].address[strlen(roots[i].address) - 1] == '>')
			address = address_in(root, roots[i].address);
		if (strcmp(roots[i].root, "configuration>") == 0 && (address.size == 0 || !content_has_extension(c, "wsb")))
			continue;
		return content_active(c, "%s %.*s", roots[i].says, SPAN_ARGS(address));
	}
	if (content_has_extension(c, "appref-ms") || (content_has_extension(c, "rdp") && span_find(p->text, "full address")))
		return content_active(c, "starts what is at %.*s", SPAN_ARGS(span_trim(p->text)));
	return 0;
}
