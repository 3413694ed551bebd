/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Progress and findings for a person. All text in events is escaped already (events.h). */
#include "cli/inspect.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "common/reason.h"

#define PLAIN_INTERVAL_S 5 /* between progress lines where there is no terminal */
#define TERMINAL_INTERVAL_S 0.1
#define SHOWN_MAX 100	   /* refused files told one by one; the receipt has all of them */

struct display {
	bool is_terminal, is_quiet, has_bar;
	double begun, told;
	unsigned long found, refused; /* of this medium */
	char *report;
};

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct display *display_new(bool is_quiet)
{
	struct display *d = calloc(1, sizeof(*d));

	if (d) {
		d->is_terminal = isatty(STDERR_FILENO) == 1;
		d->is_quiet = is_quiet;
		d->begun = d->told = now_s();
	}
	return d;
}

static void clear_bar(struct display *d)
{
	if (d->has_bar)
		fputs("\r\033[K", stderr);
	d->has_bar = false;
}

struct display *display_free(struct display *d)
{
	if (d) {
		clear_bar(d);
		free(d->report);
	}
	free(d);
	return NULL;
}

const char *display_report(const struct display *d)
{
	return d->report;
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static double number(const json_t *o, const char *key)
{
	return (double)json_integer_value(json_object_get(o, key));
}

static unsigned int width(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40 ? w.ws_col : 80;
}

static void size_text(double bytes, char *out, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t u = 0;

	while (bytes >= 1024 && u + 1 < ARRAY_LEN(units)) {
		bytes /= 1024;
		u++;
	}
	(void)snprintf(out, size, u == 0 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
}

/* The slower of reading and examining decides how long it takes. */
static void left_text(const json_t *e, double elapsed, char *out, size_t size)
{
	double total = number(e, "bytes_total"), done = number(e, "bytes_examined");

	out[0] = '\0';
	if (total > done && done * 100 >= total && done > 0 && elapsed > 1) { /* six bytes of 200 MiB say nothing yet */
		double left = elapsed / done * (total - done);

		(void)snprintf(out, size, ", %d:%02d left", (int)left / 60, (int)left % 60);
	}
}

static void on_progress(struct display *d, const json_t *e)
{
	double now = now_s(), elapsed = now - d->begun;
	char read[32], total[32], examined[32], rate[32], left[40] = "", inside[48] = "", line[400];
	int n;

	if (now - d->told < (d->is_terminal ? TERMINAL_INTERVAL_S : PLAIN_INTERVAL_S))
		return;
	d->told = now;
	size_text(number(e, "bytes_read"), read, sizeof(read));
	size_text(number(e, "bytes_total"), total, sizeof(total));
	size_text(number(e, "bytes_examined"), examined, sizeof(examined));
	size_text(elapsed > 0 ? number(e, "bytes_examined") / elapsed : 0, rate, sizeof(rate));
	left_text(e, elapsed, left, sizeof(left));
	if (number(e, "members_examined") > 0)
		(void)snprintf(inside, sizeof(inside), ", %.0f more inside", number(e, "members_examined"));
	n = snprintf(line, sizeof(line), "%s: read %.0f files, %s%s%s; examined %.0f files, %s%s, %s/s%s", text(e, "stage"),
		     number(e, "files_read"), read, number(e, "bytes_total") > 0 ? " of " : "",
		     number(e, "bytes_total") > 0 ? total : "", number(e, "files_examined"), examined, inside, rate, left);
	if (n < 0)
		return;
	if (d->is_terminal) {
		fprintf(stderr, "\r\033[K%.*s", (int)width() - 1, line);
		d->has_bar = true;
	} else {
		fprintf(stderr, "%s\n", line);
	}
}

static void on_reasons(const json_t *reasons)
{
	size_t k;
	json_t *o;

	json_array_foreach(reasons, k, o) {
		enum reason reason;
		const char *member = text(o, "member"), *detail = text(o, "detail");

		if (reason_parse(text(o, "code"), &reason) < 0)
			continue;
		fprintf(stderr, "          %s: %s%s%s%s%s%s\n", reason_code(reason), reason_sentence(reason), *detail ? " (" : "",
			detail, *detail ? ")" : "", *member ? " in " : "", member);
	}
}

static void on_verdict(struct display *d, const json_t *e)
{
	const char *verdict = text(e, "verdict");

	if (strcmp(verdict, "approved") == 0 || ++d->refused > SHOWN_MAX)
		return;
	fprintf(stderr, "%-8s  %s\n", verdict, text(e, "path"));
	on_reasons(json_object_get(e, "reasons"));
}

static void on_finding(struct display *d, const json_t *e)
{
	size_t k;
	json_t *o;

	if (++d->found > SHOWN_MAX)
		return;
	json_array_foreach(json_object_get(e, "findings"), k, o)
		fprintf(stderr, "found     %s: %s %s\n", text(e, "path"), text(o, "code"), text(o, "detail"));
}

static void on_medium(const json_t *e)
{
	static const char *const names[] = { "vendor", "model", "serial" };
	char size[32];

	fprintf(stderr, "medium    %s", text(e, "kind"));
	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		if (*text(e, names[k]))
			fprintf(stderr, " %s", text(e, names[k]));
	size_text(number(e, "size"), size, sizeof(size));
	if (number(e, "size") > 0)
		fprintf(stderr, ", %s", size);
	fputc('\n', stderr);
}

static void on_volume(const json_t *e)
{
	const char *detail = text(e, "detail");

	fprintf(stderr, "volume %.0f  %s%s%s%s%s: %s%s%s\n", number(e, "index"), *text(e, "fs") ? text(e, "fs") : "-",
		*text(e, "label") ? " " : "", text(e, "label"), *text(e, "driver") ? " " : "", text(e, "driver"), text(e, "outcome"),
		*detail ? ": " : "", detail);
}

static void on_done(struct display *d, const json_t *e)
{
	const char *why = text(e, "why"), *staging = text(e, "staging"), *report = text(e, "report");

	free(d->report);
	d->report = *report ? strdup(report) : NULL;
	if (d->refused > SHOWN_MAX)
		fprintf(stderr, "and %lu more that were held or blocked: `lazaret show %s`, or the receipt\n", d->refused - SHOWN_MAX,
			text(e, "transfer"));
	d->found = d->refused = 0;
	fprintf(stderr, "\n%s %s%s%s: %.0f files, %.0f approved, %.0f held, %.0f blocked\n", text(e, "transfer"), text(e, "outcome"),
		*why ? ", " : "", why, number(e, "files"), number(e, "approved"), number(e, "held"), number(e, "blocked"));
	if (*staging)
		fprintf(stderr, "transfer  %s\n", staging);
	if (d->report)
		fprintf(stderr, "report    %s\n", d->report);
}

void display_event(struct display *d, const json_t *e)
{
	const char *name = text(e, "event");

	if (strcmp(name, "progress") == 0) {
		if (!d->is_quiet)
			on_progress(d, e);
		return;
	}
	clear_bar(d);
	if (strcmp(name, "error") == 0)
		fprintf(stderr, "error     %s\n", text(e, "text"));
	else if (strcmp(name, "warning") == 0)
		fprintf(stderr, "warning   %s\n", text(e, "text"));
	else if (strcmp(name, "started") == 0)
		fprintf(stderr, "transfer  %s\n", text(e, "transfer"));
	else if (strcmp(name, "medium") == 0)
		on_medium(e);
	else if (strcmp(name, "volume") == 0)
		on_volume(e);
	else if (strcmp(name, "finding") == 0)
		on_finding(d, e);
	else if (strcmp(name, "removable") == 0)
		fprintf(stderr, "ready     everything has been read: you may remove the medium\n");
	else if (strcmp(name, "verdict") == 0)
		on_verdict(d, e);
	else if (strcmp(name, "done") == 0)
		on_done(d, e);
}
