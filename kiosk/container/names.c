/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "container/names.h"

#include <string.h>
#include <strings.h>

#include "common/text.h"

#define NUL_SHOWN "\xe2\x90\x80" /* U+2400 */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_dots(const char *component, size_t size)
{
	return size == 2 && component[0] == '.' && component[1] == '.';
}

/* "C:x" and "C:\x"; "B::Lint.3pm" is a manual page, and no path on any system with drives. */
static bool has_drive(const char *path, size_t size)
{
	return size >= 2 && is_letter(path[0]) && path[1] == ':' && (size == 2 || path[2] != ':');
}

/* What a terminal acts upon or what makes a name read otherwise than it is. Bytes that are not UTF-8 are letters of some old
 * character set: whoever shows them escapes them. */
static bool is_unfit(const char *raw, size_t size)
{
	bool is_utf8 = text_utf8_valid(raw, size);
	const uint8_t *p = (const uint8_t *)raw;

	for (size_t i = 0; i < size; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f)
			return true;
		if (!is_utf8)
			continue;
		if (p[i] == 0xc2 && p[i + 1] < 0xa0) /* C1: U+0080 to U+009F */
			return true;
		if (p[i] == 0xd8 && p[i + 1] == 0x9c) /* U+061C */
			return true;
		if (p[i] != 0xe2)
			continue;
		/* U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069 (UAX #9, section 2) */
		if (p[i + 1] == 0x80 && (p[i + 2] == 0x8e || p[i + 2] == 0x8f || (p[i + 2] >= 0xa8 && p[i + 2] <= 0xae)))
			return true;
		if (p[i + 1] == 0x81 && p[i + 2] >= 0xa6 && p[i + 2] <= 0xa9)
			return true;
	}
	return false;
}

static void append(struct clean_name *n, const char *bytes, size_t size)
{
	size_t fits = MIN(size, (size_t)CONTAINER_PATH_MAX - n->size);

	memcpy(n->path + n->size, bytes, fits);
	n->size += fits;
	n->path[n->size] = '\0';
}

static void append_shown(struct clean_name *n, const char *bytes, size_t size)
{
	while (size > 0) {
		const char *nul = memchr(bytes, 0, size);
		size_t plain = nul ? (size_t)(nul - bytes) : size;

		append(n, bytes, plain);
		if (!nul || n->size + strlen(NUL_SHOWN) > CONTAINER_PATH_MAX)
			return;
		append(n, NUL_SHOWN, strlen(NUL_SHOWN));
		bytes += plain + 1;
		size -= plain + 1;
	}
}

/* Components one by one; returns how many there are, and whether one is "..". */
static size_t clean_components(const char *raw, size_t size, struct clean_name *ret, bool *ret_has_dots)
{
	size_t depth = 0;

	*ret_has_dots = false;
	for (size_t i = 0; i < size;) {
		const char *slash = memchr(raw + i, '/', size - i);
		size_t len = slash ? (size_t)(slash - raw) - i : size - i;

		if (len > 0 && !(len == 1 && raw[i] == '.')) {
			if (depth++ > 0)
				append(ret, "/", 1);
			append_shown(ret, raw + i, len);
			*ret_has_dots |= is_dots(raw + i, len);
		}
		i += len + 1;
	}
	return depth;
}

const char *name_clean(enum container_shape shape, const char *raw, size_t size, struct clean_name *ret)
{
	bool is_archive = shape == CONTAINER_ARCHIVE, has_dots = false;
	size_t depth = 0;

	ret->size = 0;
	ret->path[0] = '\0';
	if (shape == CONTAINER_OBJECT)
		append_shown(ret, raw, size);
	else
		depth = clean_components(raw, size, ret, &has_dots);
	if (size > 0 && memchr(raw, 0, size))
		return "a name with a NUL byte inside, which others read as its end";
	if (size > CONTAINER_PATH_MAX)
		return "a name longer than any file system takes";
	if (shape == CONTAINER_OBJECT)
		return NULL;
	if (has_dots)
		return "a name that leads upwards (..)";
	if (is_archive && size > 0 && raw[0] == '/')
		return "an absolute name";
	if (ret->size == 0)
		return "an empty name";
	if (is_archive && has_drive(raw, size))
		return "a name that begins with a drive letter";
	if (is_archive && memchr(raw, '\\', size))
		return "a name with a backslash, which some systems read as a directory's separator";
	if (is_unfit(raw, size))
		return "a name with control characters, or characters that change the direction of writing";
	if (depth > NAMES_DEPTH_MAX)
		return "more directories in each other than common tools can unpack";
	return NULL;
}

static size_t depth_of_directory(const struct clean_name *n)
{
	size_t depth = 0;

	for (size_t i = 0; i < n->size; i++)
		depth += n->path[i] == '/';
	return depth;
}

const char *name_target(enum container_shape shape, const struct clean_name *link, const char *raw, size_t size)
{
	size_t depth = depth_of_directory(link);
	bool has_name = false;

	if (shape == CONTAINER_OBJECT)
		return NULL;
	if (size == 0)
		return "a link to nothing";
	if (memchr(raw, 0, size))
		return "a link to a name with a NUL byte inside";
	if (size > CONTAINER_PATH_MAX)
		return "a link to a name longer than any file system takes";
	if (shape != CONTAINER_ARCHIVE)
		return NULL;
	if (raw[0] == '/' || raw[0] == '\\' || has_drive(raw, size))
		return "a link to an absolute name, out of the archive";
	for (size_t i = 0; i < size;) {
		const char *slash = memchr(raw + i, '/', size - i);
		size_t len = slash ? (size_t)(slash - raw) - i : size - i;

		if (is_dots(raw + i, len)) {
			if (has_name)
				return "a link that turns back behind a name that may be a link itself";
			if (depth-- == 0)
				return "a link that leads out of the archive";
		} else if (len > 0 && !(len == 1 && raw[i] == '.')) {
			has_name = true;
			if (memmem(raw + i, len, "..\\", 3))
				return "a link that leads upwards by backslashes";
		}
		i += len + 1;
	}
	return NULL;
}

void name_of_stream(const char *container_path, struct clean_name *ret)
{
	static const struct {
		const char *suffix, *becomes;
	} suffixes[] = {
		{ ".tgz", ".tar" },  { ".taz", ".tar" },   { ".tbz", ".tar" }, { ".tbz2", ".tar" }, { ".tb2", ".tar" },
		{ ".txz", ".tar" },  { ".tlz", ".tar" },   { ".tzst", ".tar" }, { ".svgz", ".svg" }, { ".cpgz", ".cpio" },
		{ ".gz", "" },	     { ".gzip", "" },	   { ".z", "" },	{ ".bz2", "" },	     { ".bz", "" },
		{ ".xz", "" },	     { ".lzma", "" },	   { ".lz", "" },	{ ".lz4", "" },	     { ".zst", "" },
		{ ".zstd", "" },     { ".uu", "" },	   { ".uue", "" },	{ ".b64", "" },
		{ ".qcow2", ".raw" }, { ".qcow", ".raw" }, { ".vmdk", ".raw" }, { ".vhd", ".raw" }, { ".vhdx", ".raw" },
	};
	const char *slash = strrchr(container_path, '/'), *name = slash ? slash + 1 : container_path, *becomes = "";
	size_t size = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		size_t n = strlen(suffixes[i].suffix);

		if (size > n && strcasecmp(name + size - n, suffixes[i].suffix) == 0) {
			size -= n;
			becomes = suffixes[i].becomes;
			break;
		}
	}
	ret->size = 0;
	ret->path[0] = '\0';
	append(ret, name, size);
	append(ret, becomes, strlen(becomes));
	if (strcmp(ret->path, "") == 0 || strcmp(ret->path, ".") == 0 || strcmp(ret->path, "..") == 0) {
		ret->size = 0;
		append(ret, "data", 4);
	}
}
