/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* names: names that make a person or a system take a file for something else. (What no name may have at all is checked by the
 * supervisor: name.h.)
 */
#include <string.h>
#include <strings.h>

#include "content/detectors.h"
#include "content/span.h"

#define BLANKS_MIN 4 /* in a row before the last extension: they push it out of the column */
#define EXTENSION_MAX 12

/* What a system starts when a person opens it. Pages are not here: "report.pdf.html" is what programs that show source call
 * their pages; a page is judged by what is in it. */
static const char *const starting[] = { "exe", "scr", "com", "pif", "bat", "cmd", "cpl", "vbs", "vbe", "js",  "jse", "wsf",
					"wsh", "hta", "lnk", "msi", "jar", "ps1", "reg", "scf", "url", "dll", "application",
					"sh",  "run", "py",  "desktop", "appimage", "chm", "msc", "gadget", "jnlp", "xll" };

/* What a person opens without a thought. */
static const char *const harmless[] = { "pdf",	"doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf",
					"jpg",	"jpeg", "png", "gif", "bmp",  "tif", "tiff", "webp", "heic", "mp3", "mp4", "avi",
					"mov",	"mkv", "wav", "epub", "vsd" };
/* ... and the same for names that programs make with an extension of their own behind: "notes.txt.sh" is none of them. */
static const char *const plain[] = { "txt", "csv", "html", "zip", "xml" };
static const char *const only_windows[] = { "exe", "scr", "com", "pif", "bat", "cmd", "vbs", "vbe", "wsf", "hta", "lnk", "msi" };

static bool is_one_of(struct span s, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_is(s, list[i]))
			return true;
	return false;
}

#define IS_ONE_OF(s, list) is_one_of(s, list, ARRAY_LEN(list))

/* The last extension; `stem` is cut in front of its dot. Empty: there is none. */
static struct span cut_extension(struct span *stem)
{
	struct span none = { stem->at, 0 };

	for (size_t i = stem->size; i > 1 && stem->size - i <= EXTENSION_MAX; i--)
		if (stem->at[i - 1] == '.') {
			struct span extension = { stem->at + i, stem->size - i };

			stem->size = i - 1;
			return extension;
		}
	return none;
}

/* Blanks, also those of other scripts (U+00A0, U+2000..200B, U+2800, U+3000), at the end of the stem. */
static size_t cut_blanks(struct span *stem)
{
	size_t blanks = 0;

	while (stem->size > 0) {
		const uint8_t *end = stem->at + stem->size;

		if (end[-1] <= ' ')
			stem->size--;
		else if (stem->size >= 2 && memcmp(end - 2, "\xc2\xa0", 2) == 0)
			stem->size -= 2;
		else if (stem->size >= 3 && ((end[-3] == 0xe2 && end[-2] == 0x80 && end[-1] <= 0x8b) ||
					     memcmp(end - 3, "\xe2\xa0\x80", 3) == 0 || memcmp(end - 3, "\xe3\x80\x80", 3) == 0))
			stem->size -= 3;
		else
			break;
		blanks++;
	}
	return blanks;
}

/* U+202A..202E, U+2066..2069: what follows is shown in another order */
static bool has_override(struct span name)
{
	for (size_t i = 0; i + 3 <= name.size; i++)
		if (name.at[i] == 0xe2 && ((name.at[i + 1] == 0x80 && name.at[i + 2] >= 0xaa && name.at[i + 2] <= 0xae) ||
					   (name.at[i + 1] == 0x81 && name.at[i + 2] >= 0xa6 && name.at[i + 2] <= 0xa9)))
			return true;
	return false;
}

static int look_at_extensions(struct content *c, struct span name)
{
	struct span stem = span_trim(name), last = cut_extension(&stem), before;
	size_t blanks = cut_blanks(&stem);

	if (has_override(name))
		return content_unsafe(c, REASON_TYPE_MISMATCH, "a name that is shown in another order than it is written");
	if (last.size == 0 || !IS_ONE_OF(last, starting))
		return 0;
	if (blanks >= BLANKS_MIN)
		return content_unsafe(c, REASON_TYPE_MISMATCH, "its extension %.*s stands behind %zu blanks", SPAN_ARGS(last), blanks);
	before = cut_extension(&stem);
	if (before.size == 0)
		return 0;
	before = span_trim(before);
	if (IS_ONE_OF(before, harmless) || (IS_ONE_OF(before, plain) && IS_ONE_OF(last, only_windows)))
		return content_unsafe(c, REASON_TYPE_MISMATCH, "a double extension: %.*s.%.*s", SPAN_ARGS(before), SPAN_ARGS(last));
	return 0;
}

/* "name.{20D04FE0-3AEA-1069-A2D8-08002B30309D}": Windows shows and opens it as that item of its shell. */
static bool is_class_id(const char *p)
{
	static const uint8_t groups[] = { 8, 4, 4, 4, 12 };

	if (*p++ != '{')
		return false;
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		if (strspn(p, "0123456789abcdefABCDEF") != groups[g])
			return false;
		p += groups[g];
		if (*p++ != (g + 1 < ARRAY_LEN(groups) ? '-' : '}'))
			return false;
	}
	return *p == '\0' || *p == '/';
}

static int look_for_class(struct content *c)
{
	for (const char *p = c->path; (p = strchr(p, '.')) != NULL;)
		if (is_class_id(++p))
			return content_unsafe(c, REASON_TYPE_MISMATCH, "a name that Windows takes for an item of its shell: %.*s", 38, p);
	return 0;
}

/* Streams of NTFS behind a colon. Colons are in names of other systems too ("Foo::Bar.3pm", "12:30.log"): a stream is told by
 * its type, or by an extension that starts something. "Zone.Identifier" says where a file came from and does nothing. */
static int look_for_stream(struct content *c, struct span name)
{
	const uint8_t *colon = name.size > 0 ? memchr(name.at, ':', name.size) : NULL;
	struct span stream, extension;

	if (!colon || colon == name.at)
		return 0;
	stream = span_from(name, colon + 1);
	if (span_starts(stream, "zone.identifier") || span_starts(stream, ":"))
		return 0;
	if (span_ends(stream, ":$data"))
		return content_unsafe(c, REASON_TYPE_MISMATCH, "an alternate data stream: %.*s", SPAN_ARGS(stream));
	extension = cut_extension(&stream);
	if (!IS_ONE_OF(extension, only_windows) || memchr(stream.at, ':', stream.size))
		return 0;
	return content_unsafe(c, REASON_TYPE_MISMATCH, "an alternate data stream that starts something: %s", (const char *)colon + 1);
}

/* Files that a shell, an editor or a session reads by itself once an archive was unpacked into a home directory: at the top of
 * an archive that people unpack. Not in packages and images, whose files go elsewhere. */
static int look_for_dot_file(struct content *c)
{
	static const char *const files[] = { ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zshenv",
					     ".zprofile", ".zlogin", ".kshrc", ".cshrc", ".tcshrc", ".login", ".xinitrc", ".xsession",
					     ".xsessionrc", ".xprofile", ".pam_environment", ".vimrc", ".exrc", ".gdbinit", ".emacs",
					     ".pythonrc", ".perldb", ".envrc", ".ssh/authorized_keys", ".ssh/config", ".ssh/rc" };
	static const char *const folders[] = { ".config/autostart/", ".config/systemd/user/", ".config/fish/" };
	const char *path = strncmp(c->path, "./", 2) == 0 ? c->path + 2 : c->path, *hook;

	if (!content_is_in(c, "application/x-tar") && !content_is_in(c, "application/zip") && !content_is_in(c, "application/x-7z") &&
	    !content_is_in(c, "application/vnd.rar") && !content_is_in(c, "application/x-cpio"))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(path, files[i]) == 0)
			return content_active(c, "acts when it is unpacked into a home directory: %s", files[i]);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return content_active(c, "acts when it is unpacked into a home directory: %s", folders[i]);
	hook = strstr(path, ".git/hooks/");
	if (hook && (hook == path || hook[-1] == '/') && !content_has_extension(c, "sample"))
		return content_active(c, "a hook that git runs");
	return 0;
}

int look_names(struct content *c)
{
	struct span name = span_text(c->name);
	int r = look_at_extensions(c, name);

	if (r == 0)
		r = look_for_class(c);
	if (r == 0)
		r = look_for_stream(c, name);
	return r == 0 && c->container ? look_for_dot_file(c) : r;
}
