/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* script: text that is a script although neither its name nor libmagic says so: the rules judge types, so that a type is what it
 * gives. Strict, since text about scripts (manuals, listings) is common: several marks of one language, and hardly anything else.
 */
#include <string.h>
#include <strings.h>

#include "content/detectors.h"
#include "content/span.h"

#define TEXT_PROBE (256u << 10) /* bytes; a script that begins with so many of remarks is not told */
#define THRESHOLD 3	      /* sum of weights (script_marks.def) */
#define CODE_PERCENT 60	      /* of lines that are neither empty nor remarks */

enum language { POWERSHELL, VBSCRIPT, JAVASCRIPT, BATCH, SHELL, PYTHON, PERL, RUBY, LANGUAGES };

static const struct {
	enum language language;
	unsigned int weight;
	const char *text;
} marks[] = {
#define M(language, weight, text) { language, weight, text },
#include "content/script_marks.def"
#undef M
};

static const char *const types[LANGUAGES] = {
	[POWERSHELL] = "text/x-powershell", [VBSCRIPT] = "text/vbscript",	   [JAVASCRIPT] = "application/javascript",
	[BATCH] = "text/x-msdos-batch",	    [SHELL] = "text/x-shellscript", [PYTHON] = "text/x-script.python",
	[PERL] = "text/x-perl",		    [RUBY] = "text/x-ruby",
};

struct score {
	unsigned int of[LANGUAGES];
	bool seen[ARRAY_LEN(marks)];
	size_t lines, code_lines;
};

static bool has_mark(struct span line, const char *text)
{
	char mark[48];
	size_t size = strlen(text);
	bool at_start = text[0] == '^', at_end = text[size - 1] == '\n';

	if (!at_start && !at_end)
		return span_find(line, text) != NULL;
	if (!at_end)
		return span_starts(line, text + 1);
	size -= at_start ? 2 : 1;
	memcpy(mark, text + (at_start ? 1 : 0), size);
	mark[size] = '\0';
	return at_start ? span_is(line, mark) : span_ends(line, mark);
}

static bool is_remark(struct span line)
{
	static const char *const starts[] = { "#", ";", "//", "'", "rem ", "--", "/*", "*", "::" };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (span_starts(line, starts[i]))
			return true;
	return false;
}

/* Calls, assignments, ends of statements. */
static bool looks_like_code(struct span line)
{
	uint8_t first = line.at[0], last = line.at[line.size - 1];

	if (strchr("$}{@:%<)]", first) || strchr(";{}\\|&(,=", last) || memchr(line.at, '=', line.size))
		return true;
	for (size_t i = 1; i < line.size; i++)
		if (line.at[i] == '(' && ((line.at[i - 1] | 0x20) >= 'a' && (line.at[i - 1] | 0x20) <= 'z'))
			return true;
	return false;
}

static void count_line(struct score *s, struct span line)
{
	bool is_code = false;

	line = span_trim(line);
	if (line.size == 0 || is_remark(line))
		return;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		/* one found is not looked for again, except where it makes this line a line of code */
		if (s->seen[i] || !has_mark(line, marks[i].text))
			continue;
		s->seen[i] = true;
		s->of[marks[i].language] += marks[i].weight;
		is_code = true;
	}
	s->lines++;
	s->code_lines += is_code || looks_like_code(line) || line.size <= 4;
}

static int judge(struct content *c, const struct score *s)
{
	enum language best = 0;

	for (enum language l = 0; l < LANGUAGES; l++)
		if (s->of[l] > s->of[best])
			best = l;
	if (s->of[best] < THRESHOLD || s->code_lines * 100 < s->lines * CODE_PERCENT)
		return 0;
	return content_is(c, types[best]);
}

/* Microsoft's script encoder: "#@~^", six digits of base64, "==". What it hides is for the interpreter alone. */
static bool is_encoded(struct span text)
{
	static const char mark[] = "#@~^";

	for (const uint8_t *at; (at = memmem(text.at, text.size, mark, 4)) != NULL; text = span_from(text, at + 4)) {
		struct span rest = span_from(text, at + 4);
		size_t n = 0;

		while (n < MIN(rest.size, (size_t)6) && ((rest.at[n] >= '0' && rest.at[n] <= '9') || rest.at[n] == '+' ||
							 rest.at[n] == '/' || ((rest.at[n] | 0x20) >= 'a' && (rest.at[n] | 0x20) <= 'z')))
			n++;
		if (n == 6 && rest.size >= 8 && memcmp(rest.at + 6, "==", 2) == 0)
			return true;
	}
	return false;
}

/* XML that Windows runs: HTML applications, WSF, scriptlets, style sheets with scripts. */
static int look_at_markup(struct content *c, struct span text)
{
	struct span head = span_trim((struct span){ text.at, MIN(text.size, (size_t)TEXT_PROBE) });

	if (!span_starts(head, "<"))
		return 0;
	if (span_starts(head, "<?php"))
		return content_is(c, "text/x-php");
	if (span_find(head, "<hta:application"))
		return content_is(c, "application/hta");
	if (!span_find(head, "<script") && !span_find(head, ":script"))
		return 0;
	if (span_find(head, "<job") || span_starts(head, "<package") || span_find(head, "<scriptlet") || span_find(head, "<component"))
		return span_find(head, "<html") ? 0 : content_is(c, "text/scriptlet");
	if (span_find(head, "urn:schemas-microsoft-com:xslt") && span_find(head, ":script"))
		return content_active(c, "a style sheet with a script");
	return 0;
}

static bool is_script_type(const char *type)
{
	static const char *const known[] = { "text/x-shellscript", "text/x-script.python", "text/x-python", "text/x-perl", "text/x-ruby",
					     "text/x-php", "text/x-lua", "text/x-tcl", "text/x-awk", "text/x-gawk", "text/x-nawk",
					     "application/javascript", "text/javascript", "text/x-msdos-batch" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(type, known[i]) == 0)
			return true;
	return false;
}

/* Names that the rules judge already (active.yaml), or of sources that have scripts' lines within and are run by nobody. */
static bool is_named(const struct content *c)
{
	static const char *const extensions[] = { "ps1", "psm1", "psd1", "vbs", "vb", "bas", "cls", "js", "mjs", "cjs", "ts", "jse", "wsf",
						  "sct", "hta", "bat", "cmd", "sh", "bash", "ksh", "zsh", "py", "pyw", "pl", "pm", "t",
						  "rb", "php", "lua", "tcl", "c", "h", "cc", "cpp", "hpp", "java", "go", "rs", "cs", "am",
						  "ac", "m4", "mk", "in", "spec", "cmake", "vim", "el", "json", "css", "pod", "po", "map",
						  "pyi", "pyx", "rake", "gemspec", "ru", "coffee", "scala", "swift", "kt", "dart", "d" };

	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if (content_has_extension(c, extensions[i]))
			return true;
	return strncasecmp(c->name, "makefile", 8) == 0 || content_has_type(c, "text/x-makefile");
}

static bool is_text(const struct content *c)
{
	if (c->type_count == 0)
		return true;
	return strncmp(c->types[0], "text/", 5) == 0 || strcmp(c->types[0], "application/octet-stream") == 0 ||
	       strcmp(c->types[0], "application/x-wine-extension-ini") == 0 || strcmp(c->types[0], "message/rfc822") == 0 ||
	       strcmp(c->types[0], "application/xml") == 0;
}

static int look_at_text(struct content *c, struct span text)
{
	struct score s = { 0 };
	struct span rest = { text.at, MIN(text.size, (size_t)TEXT_PROBE) }, line;

	/* "#!/", "#! /": execve(2); what "#![" begins is Rust */
	if (span_starts(rest, "#!/") || span_starts(rest, "#! /"))
		return content_is(c, "text/x-shellscript");
	while (span_line(&rest, &line))
		count_line(&s, line);
	return judge(c, &s);
}

int look_script(struct content *c)
{
	_cleanup_(plain_done) struct plain p = { 0 };
	int r;

	if (!is_text(c) && !content_has_extension(c, "jse") && !content_has_extension(c, "vbe"))
		return 0;
	r = plain_open(c, &p);
	if (r < 0)
		return r;
	if (is_encoded(p.text)) {
		r = content_unsafe(c, REASON_TYPE_MISMATCH, "a script that is encoded, so that nobody can read it");
		if (r < 0)
			return r;
	}
	if (p.is_binary || (c->type_count > 0 && is_script_type(c->types[0])) || is_named(c))
		return 0;
	r = look_at_markup(c, p.text);
	if (r < 0 || content_has_type(c, "text/html") || content_has_type(c, "text/xml")) /* of pages speaks html */
		return r;
	return look_at_text(c, p.text);
}
