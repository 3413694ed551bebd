/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "origin/debian.h"

#include <stdarg.h>
#include <string.h>

#include "common/evidence_name.h"
#include "common/hash.h"
#include "proof/path.h"

/* -- paths ---------------------------------------------------------------------------------------------------- */

const char *debian_path_set(struct debian_path *path, const struct control_text *directory, const struct control_text *raw)
{
	size_t size = directory ? directory->size : 0;

	if (size > ORIGIN_PATH_MAX - 1 || raw->size > ORIGIN_PATH_MAX - 1 - size)
		return "a name that is too long";
	if (raw->size > 0 && raw->at[0] == '/')
		return "an absolute name";
	if (size > 0) {
		memmove(path->at, directory->at, size);
		path->at[size++] = '/';
	}
	memmove(path->at + size, raw->at, raw->size);
	path->size = size + raw->size;
	return listed_path_normalise(path->at, &path->size);
}

/* -- digests -------------------------------------------------------------------------------------------------- */

const char *debian_sum(const struct control_text *hex, const struct digest *d, uint8_t ret[static ORIGIN_DIGEST_MAX])
{
	char digits_of[2 * ORIGIN_DIGEST_MAX + 1];

	if (hex->size == 2 * d->size) {
		memcpy(digits_of, hex->at, hex->size);
		digits_of[hex->size] = '\0';
		if (hex_decode(digits_of, ret, d->size) == 0)
			return NULL;
	}
	return "a digest that is none of its algorithm";
}

static bool is_number(const struct control_text *t)
{
	for (size_t i = 0; i < t->size; i++)
		if (t->at[i] < '0' || t->at[i] > '9')
			return false;
	return t->size > 0 && t->size <= 19; /* below 2^64 */
}

const char *debian_sum_line(struct control_text line, const struct digest *d, bool has_section, struct debian_listed *ret)
{
	struct control_text hex, size, word;
	bool is_whole = control_take_word(&line, &hex) && control_take_word(&line, &size);

	for (int i = has_section ? 2 : 0; is_whole && i > 0; i--)
		is_whole = control_take_word(&line, &word);
	if (!is_whole || !control_take_word(&line, &ret->name) || control_take_word(&line, &word) || !is_number(&size))
		return "a line that is not \"digest size name\"";
	return debian_sum(&hex, d, ret->sum);
}

/* -- dates ---------------------------------------------------------------------------------------------------- */

static int by_name(const struct control_text *t, const char *names, int count)
{
	for (int i = 0; t->size == 3 && i < count; i++)
		if (memcmp(t->at, names + 3 * i, 3) == 0)
			return i;
	return -1;
}

/* Decimal digits, at least `min` and at most `max` of them; -1 when it is something else. */
static int digits(const char *at, size_t size, size_t min, size_t max)
{
	int n = 0;

	if (size < min || size > max)
		return -1;
	for (size_t i = 0; i < size; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		n = 10 * n + at[i] - '0';
	}
	return n;
}

/* Days from 1970-01-01 in the Gregorian calendar; year 1970 to 9999, month from 1. */
static int64_t days_from_date(int year, int month, int day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t past = year - 1;

	return past * 365 + past / 4 - past / 100 + past / 400 - 719162 + before[month - 1] + (month > 2 && is_leap) + day - 1;
}

static bool is_day_of_month(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return day >= 1 && day <= days[month - 1] + (month == 2 && is_leap);
}

static int64_t time_of_day(const struct control_text *t)
{
	int hour, minute, second;

	if (t->size != 8 || t->at[2] != ':' || t->at[5] != ':')
		return -1;
	hour = digits(t->at, 2, 2, 2);
	minute = digits(t->at + 3, 2, 2, 2);
	second = digits(t->at + 6, 2, 2, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return -1;
	return hour * 3600 + minute * 60 + second;
}

int debian_date(const struct control_text *text, uint64_t *ret)
{
	struct control_text rest = *text, words[6], more;
	int weekday, day, month, year;
	int64_t days, seconds;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!control_take_word(&rest, &words[i]))
			return -EINVAL;
	if (control_take_word(&rest, &more) || words[0].size != 4 || words[0].at[3] != ',')
		return -EINVAL;
	words[0].size = 3;
	weekday = by_name(&words[0], "ThuFriSatSunMonTueWed", 7); /* 1970-01-01 was a Thursday */
	day = digits(words[1].at, words[1].size, 1, 2);
	month = by_name(&words[2], "JanFebMarAprMayJunJulAugSepOctNovDec", 12) + 1;
	year = digits(words[3].at, words[3].size, 4, 4);
	seconds = time_of_day(&words[4]);
	if (month < 1 || year < 1970 || !is_day_of_month(year, month, day) || seconds < 0)
		return -EINVAL;
	days = days_from_date(year, month, day);
	if (days % 7 != weekday)
		return -EINVAL;
	if (!control_text_is(&words[5], "UTC") && !control_text_is(&words[5], "GMT") && !control_text_is(&words[5], "Z") &&
	    !control_text_is(&words[5], "+0000"))
		return -EINVAL;
	*ret = (uint64_t)(days * 86400 + seconds);
	return 0;
}

/* -- what is wrong -------------------------------------------------------------------------------------------- */

void debian_note_bad(struct evidence *e, const struct control_paragraph *p, const char *at, const char *why)
{
	if (e->summary.bad++ == 0 && !e->summary.detail[0])
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "line %llu: %s",
			       (unsigned long long)control_line_of(p, at), why);
}

void debian_note_broken(struct evidence *e, const char *format, ...)
{
	va_list ap;

	if (e->summary.outcome != LIST_BROKEN) {
		va_start(ap, format);
		if (vsnprintf(e->summary.detail, sizeof(e->summary.detail), format, ap) < 0) /* cut on purpose */
			e->summary.detail[0] = '\0';
		va_end(ap);
	}
	e->summary.outcome = LIST_BROKEN;
}

/* -- begin and end -------------------------------------------------------------------------------------------- */

static const struct {
	const char *suffix, *magic;
	size_t size; /* of the magic; lzma has none */
} compressions[] = {
	{ ".gz", "\x1f\x8b", 2 }, { ".xz", "\xfd" "7zXZ\0", 6 }, { ".zst", "\x28\xb5\x2f\xfd", 4 }, { ".bz2", "BZh", 3 },
	{ ".lzma", "", 0 },
};

const char *debian_suffix(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(compressions); i++)
		if (evidence_has_suffix(name, compressions[i].suffix))
			return compressions[i].suffix;
	return "";
}

static const char *suffix_by_head(const uint8_t *head, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(compressions); i++)
		if (compressions[i].size > 0 && size >= compressions[i].size &&
		    memcmp(head, compressions[i].magic, compressions[i].size) == 0)
			return compressions[i].suffix;
	return "";
}

int debian_open(struct evidence *e, const char *suffix, struct decompress **ret)
{
	uint8_t head[8];
	ssize_t n;
	int r;

	*ret = NULL;
	do
		n = pread(e->fd, head, sizeof(head), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (suffix && strcmp(suffix, ".lzma") != 0 && strcmp(suffix, suffix_by_head(head, (size_t)n)) != 0) {
		debian_note_broken(e, "not compressed as its name says");
		return 0;
	}
	r = suffix && strcmp(suffix, ".lzma") == 0 ? -EPROTONOSUPPORT : decompress_open(e->fd, DEBIAN_INDEX_MAX, ret);
	if (r == -EPROTONOSUPPORT) /* repositories have it in another form, too; where they do not, what it lists stays unproved */
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail),
			       "compressed in a way that this station does not read: gzip, xz and Zstandard it does");
	return r == -EPROTONOSUPPORT ? 0 : r;
}

int debian_end_alone(struct evidence *e, struct control_file *f, struct control_paragraph *p)
{
	int r = control_next(f, p);

	if (r > 0)
		debian_note_broken(e, "line %llu: more than one paragraph", (unsigned long long)p->line);
	return MIN(r, 0);
}

int debian_end(struct evidence *e, int r, const struct control_file *f, const struct decompress *source, bool is_promised)
{
	switch (r) {
	case 0:
		if (e->summary.outcome == LIST_NONE)
			e->summary.outcome = LIST_READ; /* an empty index lists nothing, which is what it says */
		return 0;
	case -E2BIG:
		debian_note_broken(e, "more entries than this station reads");
		return 0;
	case -EBADMSG:
	case -EFBIG:
		break;
	default:
		return r;
	}
	if (*decompress_why(source))
		debian_note_broken(e, "the list %s", decompress_why(source));
	else if (is_promised || control_file_has_begun(f))
		debian_note_broken(e, "line %llu: %s", (unsigned long long)control_file_line(f), control_file_why(f));
	return 0;
}
