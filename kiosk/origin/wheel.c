/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* RECORD of a Python wheel (packaging.python.org, "Recording installed projects" and "Binary distribution format"): lines of comma
 * separated values in UTF-8,
 *
 *   pkg/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
 *   pkg-1.0.dist-info/RECORD,,
 *
 * with paths from the directory above its own, and digests in URL-safe base64 without padding. MD5 and SHA-1 are not allowed there.
 * Who installs a wheel compares what is listed and refuses what is not. Integrity, not origin: RECORD.p7s beside it is a signature.
 *
 * What was installed has such a list, too, with scripts outside of the directory, files without digest, or digests in hexadecimal; packed up
 * again it is no wheel. Such lines list nothing, and the list is then not of all.
 */
#include <string.h>

#include "common/digest_name.h"
#include "origin/formats.h"
#include "origin/json_input.h"
#include "proof/path.h"

#define RECORD_BYTES_MAX (16u << 20) /* bytes: 100,000 files with names of 100 */
#define FIELDS 3

static void broken(struct evidence *e, unsigned int line, const char *why)
{
	e->summary.outcome = LIST_BROKEN;
	if (e->summary.bad++ == 0)
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "line %u: %s", line, why);
}

/* One line, in place: RFC 4180, as Python's csv writes it. Quoted line ends are refused: no such name is safe. */
static bool split(char *line, char *fields[FIELDS])
{
	size_t n = 0;

	for (char *from = line; n < FIELDS; n++) {
		char *to = from, *field = from;
		bool is_quoted = *from == '"';

		if (!is_quoted) {
			to = from += strcspn(from, ",");
		} else {
			for (from++; *from && (*from != '"' || from[1] == '"'); from += 1 + (*from == '"'))
				*to++ = *from;
			if (*from++ != '"')
				return false;
		}
		fields[n] = field;
		if (*from == '\0') {
			*to = '\0';
			return n == FIELDS - 1;
		}
		if (*from++ != ',')
			return false;
		*to = '\0';
	}
	return false;
}

static bool is_its_own(const char *path)
{
	size_t size = strlen(path);

	for (size_t k = 0; k < 3; k++) {
		static const char *const names[] = { ".dist-info/RECORD", ".dist-info/RECORD.jws", ".dist-info/RECORD.p7s" };
		size_t n = strlen(names[k]);

		if (size > n && strcmp(path + size - n, names[k]) == 0)
			return true;
	}
	return false;
}

/* NULL, or what is wrong. */
static const char *take_digest(char *text, const struct digest **ret, uint8_t sum[static ORIGIN_DIGEST_MAX])
{
	char *value = strchr(text, '=');
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t size;

	if (!value)
		return "no digest";
	*value++ = '\0';
	*ret = digest_by_name(text);
	if (!*ret || !(*ret)->is_strong)
		return "a digest of an algorithm that does not count";
	if (json_input_base64(value, 0, &bytes, &size) < 0 || size != (*ret)->size)
		return "no proper digest";
	memcpy(sum, bytes, size);
	return NULL;
}

static int take_line(struct evidence *e, unsigned int number, char *line, bool *ret_is_complete)
{
	char *fields[FIELDS], path[ORIGIN_PATH_MAX + 1];
	uint8_t sum[ORIGIN_DIGEST_MAX];
	const struct digest *d = NULL;
	const char *why = NULL;
	size_t size;

	if (!split(line, fields)) {
		broken(e, number, "not three values");
		return 0;
	}
	size = strlen(fields[0]);
	if (!*fields[1] && (is_its_own(fields[0]) || (size > 4 && strcmp(fields[0] + size - 4, ".pyc") == 0)))
		return 0; /* compiled when it is installed */
	if (size > ORIGIN_PATH_MAX)
		why = "a name that is too long";
	if (!why) {
		memcpy(path, fields[0], size + 1);
		why = listed_path_normalise(path, &size);
	}
	if (!why)
		why = take_digest(fields[1], &d, sum);
	if (why) {
		*ret_is_complete = false;
		e->summary.bad++;
		return 0;
	}
	return evidence_lists(e, d, sum, 1, path, size);
}

int prove_wheel(struct evidence *e)
{
	_cleanup_free_ char *text = NULL;
	unsigned int number = 0;
	bool is_complete = true;
	int r = json_input_read(e->fd, e->size, RECORD_BYTES_MAX, &text);

	if (r == -EFBIG || (r == 0 && memchr(text, '\0', (size_t)e->size))) {
		broken(e, 1, r == -EFBIG ? "longer than this station reads" : "not text");
		return 0;
	}
	if (r < 0)
		return r;
	for (char *line = text, *next; r == 0 && line && *line; line = next) {
		size_t n = strcspn(line, "\n");

		next = line[n] ? line + n + 1 : NULL;
		line[n] = '\0';
		if (n > 0 && line[n - 1] == '\r')
			line[n - 1] = '\0';
		number++;
		if (*line)
			r = take_line(e, number, line, &is_complete);
	}
	if (r == 0 && e->summary.outcome != LIST_BROKEN) {
		e->summary.outcome = LIST_READ;
		e->summary.flags |= is_complete ? PROVED_COMPLETE : 0;
	}
	return r;
}
