/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* BagIt (RFC 8493): manifest-ALGORITHM.txt lists all of the payload, beneath "data" of the bag's directory, where the manifest
 * stands; tagmanifest-ALGORITHM.txt lists what stands around it, the manifests among it. Nothing is signed in a bag: a signature
 * beside one of the lists is another format's.
 *
 * Refused as broken: any line that is none (the grammar leaves no room for comments), a payload list that speaks of other files
 * and the other way round, and a bag of which fetch.txt says that a part is still to be downloaded (section 2.2.3): what such a
 * list covers is not what its maker meant to hand over.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/hash.h"
#include "origin/formats.h"
#include "origin/lines.h"
#include "proof/path.h"

#define PAYLOAD "data/"

struct bag_list {
	const struct digest *digest;
	bool is_tags; /* of tag files, not of the payload */
	struct lines lines;
	uint32_t line;
	uint8_t sum[ORIGIN_DIGEST_MAX];
	char path[LIST_PATH_MAX + 1];
	size_t path_size;
};

/* Section 2.4: the algorithm's name in lower case, without what is no letter or digit. NULL for one that is not known here, and
 * for a file that merely is called so ("manifest-v2.txt"). */
static const struct digest *digest_of_name(const char *name, bool *ret_is_tags)
{
	static const char *const prefixes[] = { "manifest-", "tagmanifest-" };
	char algorithm[ORIGIN_ALGORITHM_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		size_t prefix = strlen(prefixes[i]), size = strlen(name), n = 0;

		if (size <= prefix + 4 || strncasecmp(name, prefixes[i], prefix) != 0 ||
		    strcasecmp(name + size - 4, ".txt") != 0 || size - 4 - prefix > ORIGIN_ALGORITHM_MAX)
			continue;
		for (size_t k = prefix; k < size - 4; k++)
			algorithm[n++] = (char)tolower((unsigned char)name[k]);
		algorithm[n] = '\0';
		*ret_is_tags = i == 1;
		return digest_by_name(algorithm);
	}
	return NULL;
}

/* Section 2.1.3: of a name, CR, LF and '%' are percent-encoded, and nothing else; older bags have a plain '%'. */
static const char *take_name(const char *raw, size_t size, struct bag_list *b)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		char c = raw[i];

		if (c == '\0')
			return "a NUL byte";
		if (c == '%' && size - i > 2) {
			const char *two = raw + i + 1;
			char decoded = strncasecmp(two, "0A", 2) == 0 ? '\n' : strncasecmp(two, "0D", 2) == 0 ? '\r' : '%';
			bool is_encoded = decoded != '%' || memcmp(two, "25", 2) == 0;

			c = decoded;
			i += is_encoded ? 2 : 0;
		}
		if (n == LIST_PATH_MAX)
			return "a name that is too long";
		b->path[n++] = c;
	}
	b->path_size = n;
	return listed_path_normalise(b->path, &b->path_size);
}

/* Checksum, white space, name; md5sum's '*' before it is not part of the name. NULL, or what is wrong. */
static const char *take_line(const char *raw, size_t size, struct bag_list *b)
{
	size_t hex = 2 * b->digest->size, at = hex;
	char text[2 * ORIGIN_DIGEST_MAX + 1];
	const char *why;
	bool is_payload;

	if (size > 0 && raw[size - 1] == '\r')
		size--;
	if (size <= hex || (raw[hex] != ' ' && raw[hex] != '\t'))
		return "a line that is no checksum, white space and name";
	memcpy(text, raw, hex);
	text[hex] = '\0';
	if (hex_decode(text, b->sum, b->digest->size) < 0)
		return "a checksum that is none";
	while (at < size && (raw[at] == ' ' || raw[at] == '\t'))
		at++;
	if (at < size && raw[at] == '*')
		at++;
	why = take_name(raw + at, size - at, b);
	if (why)
		return why;
	is_payload = strncmp(b->path, PAYLOAD, strlen(PAYLOAD)) == 0;
	if (b->is_tags && is_payload)
		return "a payload file in a list of tag files";
	return b->is_tags || is_payload ? NULL : "a file outside of the payload in its list";
}

static void broken(struct evidence *e, const struct bag_list *b, const char *why)
{
	e->summary.outcome = LIST_BROKEN;
	if (e->summary.bad++ > 0)
		return;
	if (b->line > 0)
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "line %u: %s", b->line, why);
	else
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "%s", why);
}

static int read_lines(struct evidence *e, struct bag_list *b)
{
	bool is_long = false;
	const char *raw = "";
	size_t size = 0;
	int r;

	while ((r = lines_next(&b->lines, &raw, &size, &is_long)) > 0) {
		const char *why;

		if (++b->line > LIST_LINES_MAX || b->lines.is_cut) {
			broken(e, b, "more than this station reads");
			return 0;
		}
		if (b->line == 1 && size >= 3 && memcmp(raw, "\xef\xbb\xbf", 3) == 0) { /* Windows editors begin UTF-8 so */
			raw += 3;
			size -= 3;
		}
		why = is_long ? "a line that is too long" : take_line(raw, size, b);
		if (why)
			broken(e, b, why);
		else
			r = evidence_lists(e, b->digest, b->sum, 0, b->path, b->path_size);
		if (r < 0)
			return r;
	}
	return r;
}

/* Is a part of the bag elsewhere? */
static int look_for_fetch(struct evidence *e, const struct bag_list *b)
{
	_cleanup_close_ int fd = -EBADF;
	uint64_t size;
	int r = evidence_want(e, 0, "fetch.txt", &fd, &size);

	if (r > 0)
		broken(e, b, "fetch.txt beside it: a part of the bag is elsewhere");
	return MIN(r, 0);
}

int prove_bagit(struct evidence *e)
{
	_cleanup_free_ struct bag_list *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->digest = digest_of_name(e->name, &b->is_tags);
	b->lines.fd = e->fd;
	if (!b->digest)
		return 0;
	e->summary.outcome = LIST_READ; /* also of an empty payload: then nothing may be there */
	r = look_for_fetch(e, b);
	if (r == 0)
		r = read_lines(e, b);
	if (r == 0 && !b->is_tags)
		e->summary.flags |= PROVED_COMPLETE;
	return r;
}
