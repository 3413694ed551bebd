/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Prohibited in a published name, and why:
 *   - anything that a terminal, log or report would show differently from what it is (text_escape)
 *   - characters that Windows and SMB refuse or reinterpret: \ : * ? " < > |   ("a:b" is a stream on NTFS)
 *   - a leading '-' (an option of the importer's tools) or '~' (a home directory)
 *   - leading or trailing space, trailing dot: Windows strips them, so that "a.exe." becomes "a.exe"
 *   - names that are devices on Windows whatever their extension (Win32 file naming conventions)
 */
#include "common/name.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <utf8proc.h>

#include "common/text.h"

static bool is_reserved_digit(const char *p, size_t len)
{
	/* The superscripts 1, 2, 3 (U+00B9, U+00B2, U+00B3) count as digits for COM and LPT. */
	return (len == 1 && *p >= '0' && *p <= '9') ||
	       (len == 2 && (uint8_t)p[0] == 0xc2 &&
		((uint8_t)p[1] == 0xb9 || (uint8_t)p[1] == 0xb2 || (uint8_t)p[1] == 0xb3));
}

static bool is_reserved(const char *part, size_t len)
{
	static const char *const devices[] = { "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$" };
	const char *dot = memchr(part, '.', len);
	size_t stem = dot ? (size_t)(dot - part) : len;

	while (stem > 0 && part[stem - 1] == ' ') /* "NUL .txt" is NUL, too */
		stem--;
	for (size_t i = 0; i < ARRAY_LEN(devices); i++)
		if (strlen(devices[i]) == stem && strncasecmp(part, devices[i], stem) == 0)
			return true;
	return stem > 3 && (strncasecmp(part, "COM", 3) == 0 || strncasecmp(part, "LPT", 3) == 0) &&
	       is_reserved_digit(part + 3, stem - 3);
}

static const char *part_trouble(const char *part, size_t len)
{
	if (len == 0)
		return "empty path component";
	if ((len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
		return "path component '.' or '..'";
	if (len > NAME_PART_MAX)
		return "name longer than 255 bytes";
	if (!text_utf8_valid(part, len))
		return "name is not valid UTF-8";
	for (size_t i = 0; i < len; i++)
		if (strchr("\\:*?\"<>|", part[i]))
			return "character that Windows does not allow in names";
	if (!text_clean(part, len))
		return "control, invisible or direction-changing character";
	if (part[0] == '-' || part[0] == '~')
		return "leading '-' or '~'";
	if (part[0] == ' ' || part[len - 1] == ' ' || part[len - 1] == '.')
		return "leading or trailing space, or trailing dot";
	if (is_reserved(part, len))
		return "device name reserved on Windows";
	return NULL;
}

int name_path_valid(const void *raw, size_t size, const char **ret_why)
{
	const char *path = raw;
	const char *why = NULL;
	size_t depth = 0;

	if (size == 0 || size > NAME_PATH_MAX)
		why = size == 0 ? "empty name" : "path longer than 4089 bytes";
	else if (memchr(path, '\0', size))
		why = "NUL byte in name";
	for (size_t start = 0; !why && start <= size;) {
		const char *slash = memchr(path + start, '/', size - start);
		size_t len = slash ? (size_t)(slash - path) - start : size - start;

		why = part_trouble(path + start, len);
		if (!why && ++depth > NAME_DEPTH_MAX)
			why = "more than 64 levels of directories";
		start += len + 1;
	}
	*ret_why = why;
	return why ? -EINVAL : 0;
}

char *name_fold(const char *path)
{
	return (char *)utf8proc_NFKC_Casefold((const utf8proc_uint8_t *)path);
}
