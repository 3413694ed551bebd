/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* WARC (ISO 28500:2017): records one after another. libarchive shows two of their eight kinds and passes over the others, so
 * they are read here. The body of an HTTP message comes out by itself, as the file that it is. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "unpack/layout.h"
#include "unpack/unpack.h"

#define HEADER_MAX 65536u /* bytes of the header of a record, or of an HTTP message: common tools write below 4 KiB */

struct text {
	const char *at;
	size_t size;
};

static int unsafe(struct container *c, const char *what)
{
	int r = container_broken(c, REASON_ARCHIVE_UNSAFE, "%s", what);

	return r < 0 ? r : -EBADMSG;
}

/* Lines up to the empty one: their bytes with it, or 0 when there is no such end. */
static size_t header_size(const char *p, uint64_t size)
{
	const char *end = memmem(p, (size_t)MIN(size, (uint64_t)HEADER_MAX), "\r\n\r\n", 4);

	return end ? (size_t)(end - p) + 4 : 0;
}

/* The value of a field (RFC 9110, 5: without regard to case, blanks around it); false when it is not there. */
static bool field(struct text header, const char *name, struct text *ret)
{
	size_t n = strlen(name);

	while (header.size > 0) {
		const char *end = memmem(header.at, header.size, "\r\n", 2);
		size_t line = end ? (size_t)(end - header.at) : header.size;

		if (line > n && header.at[n] == ':' && strncasecmp(header.at, name, n) == 0) {
			*ret = (struct text){ header.at + n + 1, line - n - 1 };
			while (ret->size > 0 && (*ret->at == ' ' || *ret->at == '\t'))
				ret->at++, ret->size--;
			while (ret->size > 0 && (ret->at[ret->size - 1] == ' ' || ret->at[ret->size - 1] == '\t'))
				ret->size--;
			return true;
		}
		line = MIN(line + 2, header.size);
		header.at += line;
		header.size -= line;
	}
	return false;
}

static bool read_number(struct text t, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < t.size; i++)
		if (t.at[i] < '0' || t.at[i] > '9' || __builtin_mul_overflow(*ret, (uint64_t)10, ret) ||
		    __builtin_add_overflow(*ret, (uint64_t)(t.at[i] - '0'), ret))
			return false;
	return t.size > 0;
}

static bool is_word(struct text t, const char *word)
{
	return t.size == strlen(word) && strncasecmp(t.at, word, t.size) == 0;
}

static int add_bytes(struct container *c, const char *p, uint64_t size)
{
	int r = 0;

	for (uint64_t done = 0; r == 0 && done < size; done += MIN(size - done, (uint64_t)UNPACK_PIECE))
		r = container_data(c, p + done, (size_t)MIN(size - done, (uint64_t)UNPACK_PIECE));
	return r;
}

/* RFC 9112, 7.1: each chunk with its size before it. What is cut off is told. */
static int add_chunks(struct container *c, const char *p, uint64_t size)
{
	for (uint64_t at = 0; at < size;) {
		uint64_t chunk = 0;
		const char *line = memmem(p + at, (size_t)MIN(size - at, (uint64_t)1024), "\r\n", 2);
		size_t digits = 0;
		int r;

		for (; line && digits < 15 && p + at + digits < line; digits++) {
			const char *hex = strchr("0123456789abcdef", p[at + digits] | 0x20);

			if (!hex || !*hex)
				break;
			chunk = chunk * 16 + (uint64_t)(hex - "0123456789abcdef");
		}
		if (!line || digits == 0)
			break;
		at = (uint64_t)(line - p) + 2;
		if (chunk == 0 && (size == at || (size - at == 2 && memcmp(p + at, "\r\n", 2) == 0)))
			return container_end(c);
		if (chunk == 0)
			return container_broken(c, REASON_ARCHIVE_UNSAFE, "bytes stand behind the end of a body in pieces (chunked)");
		if (chunk > size - at || size - at - chunk < 2)
			break;
		r = add_bytes(c, p + at, chunk);
		if (r < 0)
			return r;
		at += chunk + 2;
	}
	return container_broken(c, REASON_ARCHIVE_UNSAFE, "damaged: a body in pieces (chunked) without its end");
}

static int open_part(struct container *c, const char *path, const char *p, uint64_t size)
{
	int r = container_member(c, path, strlen(path), size);

	if (r == 0)
		r = add_bytes(c, p, size);
	return r < 0 ? r : container_end(c);
}

static int open_http(struct container *c, const char *path, const char *p, uint64_t size, size_t head)
{
	struct text header = { p, head }, value;
	char head_path[CONTAINER_PATH_MAX + 1];
	bool is_chunked = field(header, "Transfer-Encoding", &value) && !is_word(value, "identity");
	int r;

	(void)snprintf(head_path, sizeof(head_path), "%.*s.http", CONTAINER_PATH_MAX - 5, path);
	r = open_part(c, head_path, p, head);
	if (r == 0 && is_chunked && !is_word(value, "chunked"))
		r = container_broken(c, REASON_CONTAINER_OPAQUE, "%s is transferred in a way that is not unpacked", path);
	if (r == 0 && field(header, "Content-Encoding", &value) && !is_word(value, "gzip") && !is_word(value, "x-gzip") &&
	    !is_word(value, "zstd") && !is_word(value, "identity") && value.size > 0) /* these are containers by their bytes */
		r = container_broken(c, REASON_CONTAINER_OPAQUE, "%s is compressed in a way that is not unpacked", path);
	if (r < 0 || head == size)
		return r;
	if (!is_chunked)
		return open_part(c, path, p + head, size - head);
	r = container_member(c, path, strlen(path), CONTAINER_SIZE_UNKNOWN);
	return r < 0 ? r : add_chunks(c, p + head, size - head);
}

/* "3-response/example.org/index.html" */
static void name_record(struct text header, unsigned int number, char ret[CONTAINER_PATH_MAX + 1])
{
	struct text type = { "record", 6 }, uri = { "", 0 };
	const char *scheme;

	(void)field(header, "WARC-Type", &type); /* else "record" */
	if (field(header, "WARC-Target-URI", &uri)) {
		if (uri.size > 1 && *uri.at == '<') /* as WARC 1.0 has it */
			uri.at++, uri.size -= 2;
		scheme = memmem(uri.at, uri.size, "://", 3);
		if (scheme) {
			uri.size -= (size_t)(scheme - uri.at) + 3;
			uri.at = scheme + 3;
		}
	}
	(void)snprintf(ret, CONTAINER_PATH_MAX + 1, "%u-%.*s%s%.*s", number, (int)MIN(type.size, (size_t)64), type.at,
		       uri.size > 0 ? "/" : "", (int)MIN(uri.size, (size_t)CONTAINER_PATH_MAX - 128), uri.at);
}

static int open_record(struct container *c, struct text header, unsigned int number, const char *p, uint64_t size)
{
	char path[CONTAINER_PATH_MAX + 1];
	struct text type;
	size_t head;

	name_record(header, number, path);
	if (field(header, "WARC-Segment-Number", &type)) {
		int r = container_broken(c, REASON_CONTAINER_OPAQUE, "a record in segments, which are never joined");

		if (r < 0)
			return r;
	}
	if (field(header, "Content-Type", &type) && type.size >= 16 && strncasecmp(type.at, "application/http", 16) == 0) {
		head = header_size(p, size);
		if (head > 0)
			return open_http(c, path, p, size, head);
	}
	return open_part(c, path, p, size);
}

int open_warc(struct container *c)
{
	const char *data = (const char *)c->data;
	unsigned int number = 0;

	for (uint64_t at = 0; at < c->size;) {
		struct text header = { data + at, 0 }, length;
		uint64_t size;
		int r;

		if (c->size - at < 5 || memcmp(data + at, "WARC/", 5) != 0)
			return number == 0 ? unsafe(c, "damaged: does not begin as WARC") : unpack_expect_end(c, at);
		header.size = header_size(data + at, c->size - at);
		if (header.size == 0 || !field(header, "Content-Length", &length) || !read_number(length, &size))
			return unsafe(c, "damaged: a record without its header");
		at += header.size;
		if (size > c->size - at || c->size - at - size < 4 || memcmp(data + at + size, "\r\n\r\n", 4) != 0)
			return unsafe(c, "damaged: a record is cut off, or longer than it says");
		r = open_record(c, header, ++number, data + at, size);
		if (r < 0)
			return r;
		at += size + 4;
	}
	return 0;
}
