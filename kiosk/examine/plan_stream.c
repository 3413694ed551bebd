/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* gzip and bzip2: unpacked once more, into nothing, to know how far the streams reach, that their check sums
 * hold, and what libclamav should have seen. libclamav passes on what it has when a stream breaks off, and
 * stops after the first bzip2 stream, both without a word.
 */
#include "examine/plan.h"

#include <bzlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "examine/account.h"

#define WINDOW 65536u

struct sum {
	uint64_t size;
	uint32_t crc;
};

static void sum_add(struct sum *s, const uint8_t *data, size_t size)
{
	s->crc = (uint32_t)crc32_z(s->crc, data, size);
	s->size += size;
}

/* Our own work counts against the job's time as libclamav's does. */
static bool is_late(const struct account *a)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 > a->deadline_ms;
}

static bool is_over(struct account *a, enum container_format format, const struct sum *s)
{
	if (s->size > SCAN_FILE_MAX) {
		account_owe(a, format, NULL, "unpacks to more than %lld bytes", SCAN_FILE_MAX);
		return true;
	}
	if (is_late(a)) {
		account_flag(a, REASON_SCAN_TIMEOUT, NULL, "unpacking took longer than allowed");
		return true;
	}
	return false;
}

static void expect_one(struct plan *plan, struct account *a, const struct sum *s, const char *note)
{
	struct plan_member m = { .size = s->size, .crc = s->crc, .has_crc = true, .note = note };

	if (plan_add(plan, &m) < 0)
		a->is_broken = true;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	while (size > 0 && data[size - 1] == 0)
		size--;
	return size == 0;
}

/* One member; `*at` moves behind it. Returns 0, -ENODATA (truncated), -EBADMSG (damaged) or -ECANCELED (flagged). */
static int gunzip_member(struct account *a, const uint8_t *data, size_t size, size_t *at, struct sum *s)
{
	uint8_t out[WINDOW];
	z_stream z = { 0 };
	int r = Z_OK, e = 0;

	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
		return -ENOMEM;
	while (r != Z_STREAM_END && e == 0) {
		size_t chunk = MIN(size - *at, (size_t)1 << 20);

		z.next_in = (Bytef *)(uintptr_t)(data + *at);
		z.avail_in = (uInt)chunk;
		z.next_out = out;
		z.avail_out = sizeof(out);
		r = inflate(&z, Z_NO_FLUSH);
		*at += chunk - z.avail_in;
		sum_add(s, out, sizeof(out) - z.avail_out);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			e = -EBADMSG;
		else if (r != Z_STREAM_END && *at == size && z.avail_out == sizeof(out))
			e = -ENODATA;
		else if (is_over(a, CONTAINER_GZIP, s))
			e = -ECANCELED;
	}
	(void)inflateEnd(&z);
	return e;
}

static void flag_stream(struct account *a, const char *format, int e)
{
	if (e == -ENOMEM)
		a->is_broken = true;
	else if (e == -ENODATA)
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "%s: truncated", format);
	else if (e == -EBADMSG)
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "%s: damaged", format);
}

/* RFC 1952 §2.2: members follow each other. Zeros after the last one are padding (gzip(1)), all else is not. */
void plan_gzip(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	struct sum s = { .crc = 0 };
	size_t at = 0;
	int e = 0;

	plan->kind = PLAN_MEMBERS;
	while (e == 0 && at < size) {
		if (at > 0 && (size - at < 2 || data[at] != 0x1f || data[at + 1] != 0x8b)) {
			if (!is_zero(data + at, size - at))
				account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "gzip: data after its end");
			break;
		}
		e = gunzip_member(a, data, size, &at, &s);
	}
	flag_stream(a, "gzip", e);
	expect_one(plan, a, &s, NULL);
}

static int bunzip_stream(struct account *a, const uint8_t *data, size_t size, size_t *at, struct sum *s)
{
	char out[WINDOW];
	bz_stream b = { 0 };
	int r = BZ_OK, e = 0;

	if (BZ2_bzDecompressInit(&b, 0, 0) != BZ_OK)
		return -ENOMEM;
	while (r != BZ_STREAM_END && e == 0) {
		size_t chunk = MIN(size - *at, (size_t)1 << 20);

		b.next_in = (char *)(uintptr_t)(data + *at);
		b.avail_in = (unsigned int)chunk;
		b.next_out = out;
		b.avail_out = sizeof(out);
		r = BZ2_bzDecompress(&b);
		*at += chunk - b.avail_in;
		sum_add(s, (uint8_t *)out, sizeof(out) - b.avail_out);
		if (r != BZ_OK && r != BZ_STREAM_END)
			e = -EBADMSG;
		else if (r == BZ_OK && *at == size && b.avail_out == sizeof(out))
			e = -ENODATA;
		else if (is_over(a, CONTAINER_BZIP2, s))
			e = -ECANCELED;
	}
	(void)BZ2_bzDecompressEnd(&b);
	return e;
}

void plan_bzip2(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	struct sum s = { .crc = 0 };
	size_t at = 0;
	int e;

	plan->kind = PLAN_MEMBERS;
	e = bunzip_stream(a, data, size, &at, &s);
	flag_stream(a, "bzip2", e);
	if (e == 0 && size - at >= 3 && memcmp(data + at, "BZh", 3) == 0)
		account_owe(a, CONTAINER_BZIP2, NULL,
			    "bzip2: several streams, of which libclamav opens the first only");
	else if (e == 0 && at < size)
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "bzip2: data after its end");
	expect_one(plan, a, &s, NULL);
}
