/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* glibc from 2.39 on translates nothing in the C.UTF-8 locale, whatever LANGUAGE says, and a kiosk has no other. The
 * installed tree therefore has a locale of another name that is C.UTF-8: PREFIX/share/lazaret/locale/lazaret.utf8, a link to
 * the C library's own directory, found by LOCPATH. In it LANGUAGE chooses the catalogue. */
#include "console/words.h"

#include <limits.h>
#include <locale.h>
#include <string.h>
#include <time.h>


const struct words_language words_languages[WORDS_LANGUAGES] = {
	{ "en", "English", "English" },
	{ "fr", "Français", "Francais" },
	{ "de", "Deutsch", "Deutsch" },
};

static size_t spoken;
static bool is_ascii_only;

/* glibc caches what it has found until this changes (gettext manual, "Being a gettext grok"). */
extern int _nl_msg_cat_cntr;

/* PREFIX/share: beside the program's directory, installed and built alike. */
static int share_dir(char out[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 16);

	if (n <= 0)
		return -errno;
	out[n] = '\0';
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(out, '/');

		if (!slash)
			return -ENOENT;
		*slash = '\0';
	}
	memcpy(out + strlen(out), "/share", sizeof("/share"));
	return 0;
}

void words_open(bool is_ascii)
{
	char share[PATH_MAX], path[PATH_MAX + 32];

	is_ascii_only = is_ascii;
	if (share_dir(share) < 0) {
		(void)setlocale(LC_ALL, "C.UTF-8");
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/lazaret/locale", share);
	(void)setenv("LOCPATH", path, 1);
	if (!setlocale(LC_ALL, "lazaret.UTF-8"))
		(void)setlocale(LC_ALL, "C.UTF-8"); /* English, then, where glibc is newer than 2.38 */
	(void)snprintf(path, sizeof(path), "%s/locale", share);
	(void)bindtextdomain(WORDS_DOMAIN, path);
	(void)bind_textdomain_codeset(WORDS_DOMAIN, is_ascii ? "ASCII" : "UTF-8");
	(void)setenv("LANGUAGE", "en", 1);
}

int words_speak(const char *code)
{
	size_t length = strcspn(code, "_.@");

	for (size_t k = 0; k < WORDS_LANGUAGES; k++) {
		if (strlen(words_languages[k].code) != length || strncmp(words_languages[k].code, code, length) != 0)
			continue;
		spoken = k;
		if (setenv("LANGUAGE", words_languages[k].code, 1) < 0)
			return -errno;
		_nl_msg_cat_cntr++;
		return 0;
	}
	return -ENOENT;
}

const char *words_language_name(size_t language)
{
	return is_ascii_only ? words_languages[language].ascii : words_languages[language].name;
}

size_t words_spoken(void)
{
	return spoken;
}

struct words words_version(uint64_t n)
{
	struct words w;

	(void)snprintf(w.s, sizeof(w.s), "%llu", (unsigned long long)n);
	return w;
}

struct words words_number(uint64_t n)
{
	/* TRANSLATORS: how this language writes one thousand: only what stands between the digits is used. */
	const char *separator = _("1,000");
	struct words w;
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	size_t at = 0;

	for (int k = 0; k < length; k++) {
		if (k > 0 && (length - k) % 3 == 0 && length > 3)
			w.s[at++] = separator[1];
		w.s[at++] = digits[k];
	}
	w.s[at] = '\0';
	return w;
}

struct words words_size(uint64_t bytes)
{
	/* TRANSLATORS: the units of sizes; French uses octets. */
	static const char *const units[] = { N_("B"), N_("KiB"), N_("MiB"), N_("GiB"), N_("TiB") };
	/* TRANSLATORS: how this language writes one and a half: only the decimal sign is used. */
	const char *decimal = _("1.5");
	struct words w;
	uint64_t tenths = bytes * 10;
	size_t u = 0;

	if (bytes < 1024) {
		(void)snprintf(w.s, sizeof(w.s), "%llu %s", (unsigned long long)bytes, _(units[0]));
		return w;
	}
	for (tenths = bytes < UINT64_MAX / 10 ? bytes * 10 : UINT64_MAX; tenths >= 10240 && u + 1 < ARRAY_LEN(units); u++)
		tenths /= 1024;
	(void)snprintf(w.s, sizeof(w.s), "%llu%c%llu %s", (unsigned long long)(tenths / 10), decimal[1],
		       (unsigned long long)(tenths % 10), _(units[u]));
	return w;
}

struct words words_percent(uint64_t part, uint64_t all)
{
	struct words w;
	unsigned int percent = all == 0 ? 0 : part >= all ? 100 : (unsigned int)((double)part / (double)all * 100);

	(void)snprintf(w.s, sizeof(w.s), "%3u %%", part < all ? MIN(percent, 99u) : percent);
	return w;
}

struct words words_duration(uint64_t seconds)
{
	struct words w;
	unsigned int s = (unsigned int)MIN(seconds, 360000u);

	if (s < 60)
		(void)snprintf(w.s, sizeof(w.s), _("%u s"), s);
	else if (s < 3600)
		(void)snprintf(w.s, sizeof(w.s), _("%u min %02u s"), s / 60, s % 60);
	else
		(void)snprintf(w.s, sizeof(w.s), _("%u h %02u min"), s / 3600, s / 60 % 60);
	return w;
}

struct words words_age(uint64_t seconds)
{
	struct words w;
	unsigned int minutes = (unsigned int)MIN(seconds / 60, 10u * 1000 * 1000);

	if (minutes < 120)
		(void)snprintf(w.s, sizeof(w.s), _n("%u minute", "%u minutes", minutes), minutes);
	else if (minutes < 48 * 60)
		(void)snprintf(w.s, sizeof(w.s), _n("%u hour", "%u hours", minutes / 60), minutes / 60);
	else
		(void)snprintf(w.s, sizeof(w.s), _n("%u day", "%u days", minutes / 1440), minutes / 1440);
	return w;
}

struct words words_day(int64_t time_s)
{
	struct words w = words_time(time_s);

	w.s[strcspn(w.s, " ")] = '\0';
	return w;
}

static struct words time_of(int64_t time_s, struct tm *(*split)(const time_t *t, struct tm *ret))
{
	struct words w = { "-" };
	time_t t = (time_t)time_s;
	struct tm tm;

	if (t > 0 && split(&t, &tm) && strftime(w.s, sizeof(w.s), "%Y-%m-%d %H:%M", &tm) == 0)
		w.s[0] = '\0';
	return w;
}

struct words words_time(int64_t time_s)
{
	return time_of(time_s, localtime_r);
}

struct words words_time_utc(int64_t time_s)
{
	return time_of(time_s, gmtime_r);
}

bool words_parse_utc(const char *text, int64_t *ret)
{
	struct tm tm = { 0 }, as_given;
	const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);
	time_t t;

	as_given = tm;
	t = timegm(&tm);
	*ret = (int64_t)t;
	return end && *end == '\0' && t > 0 && tm.tm_mday == as_given.tm_mday;
}
