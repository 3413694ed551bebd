/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-printer, in its sandbox. The text is the station's, with names of a medium in it; these were escaped. */
#include "printer/paper.h"

#include <string.h>

#include <utf8proc.h>

#include "receipt/qr.h"

#define DOTS_A_MODULE 6 /* 49 modules make 294 dots: three quarters of the narrowest paper (58 mm, 384 dots) */

struct paper {
	FILE *out; /* ferror() and fclose() are looked at in the end */
	enum paper_form form;
	unsigned int columns, used, lines;
};

static void end_line(struct paper *p)
{
	(void)fputs(p->form == PAPER_LABEL ? "\n" : "\r\n", p->out);
	p->used = 0;
	p->lines++;
}

static void put_letters(struct paper *p, const char *letters)
{
	size_t n = strlen(letters);

	if (p->used > 0 && p->used + n > p->columns)
		end_line(p);
	(void)fputs(letters, p->out);
	p->used += (unsigned int)n;
}

static void put_char(struct paper *p, int32_t cp)
{
	char letters[PAPER_LETTERS_MAX];

	if (utf8proc_charwidth(cp) == 0 && cp >= 0x80 && (utf8proc_category(cp) == UTF8PROC_CATEGORY_MN || utf8proc_category(cp) == UTF8PROC_CATEGORY_ME))
		return; /* a mark: the letter beneath it has been printed */
	paper_letters(cp, p->form == PAPER_LABEL, letters);
	put_letters(p, letters);
}

static void put_lines(struct paper *p, const char *text)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
	utf8proc_int32_t cp;

	while (at < end && p->lines < PAPER_LINES_MAX) {
		utf8proc_ssize_t n = utf8proc_iterate(at, end - at, &cp);

		if (n <= 0) { /* no UTF-8: cannot be, and must not reach the printer as it is */
			put_letters(p, "?");
			at++;
			continue;
		}
		if (cp == '\n')
			end_line(p);
		else
			put_char(p, cp);
		at += n;
	}
	if (p->used > 0)
		end_line(p);
	if (at < end) {
		put_letters(p, "... the rest is in the receipt");
		end_line(p);
	}
}

static bool is_dark(const struct qr *q, unsigned int x, unsigned int y)
{
	unsigned int mx = x / DOTS_A_MODULE, my = y / DOTS_A_MODULE;

	return mx >= QR_QUIET && my >= QR_QUIET && mx < q->width + QR_QUIET && my < q->width + QR_QUIET &&
	       q->modules[(size_t)(my - QR_QUIET) * q->width + mx - QR_QUIET];
}

/* GS v 0 m xL xH yL yH: rows of x bytes, the first bit on the left. A printer that has no QR codes of its own draws it, too. */
static void put_raster(struct paper *p, const struct qr *q)
{
	unsigned int side = (q->width + 2 * QR_QUIET) * DOTS_A_MODULE, bytes = (side + 7) / 8;
	const unsigned char head[] = { 0x1d, 'v', '0', 0, (unsigned char)(bytes & 255), (unsigned char)(bytes >> 8), (unsigned char)(side & 255),
				       (unsigned char)(side >> 8) };

	(void)fwrite(head, 1, sizeof(head), p->out);
	for (unsigned int y = 0; y < side; y++)
		for (unsigned int b = 0; b < bytes; b++) {
			unsigned int byte = 0;

			for (unsigned int bit = 0; bit < 8; bit++)
				byte = byte << 1 | (b * 8 + bit < side && is_dark(q, b * 8 + bit, y));
			(void)fputc((int)byte, p->out);
		}
}

static int put_label(struct paper *p, const char *text, const char *qr)
{
	const char *rest = strchr(text, '\n');
	_cleanup_free_ char *first = strndup(text, rest ? (size_t)(rest - text) : strlen(text));
	struct qr code = { 0 };
	int r = first ? (*qr ? qr_make(qr, &code) : 0) : -ENOMEM;

	if (r < 0)
		return r;
	(void)fwrite("\x1b@\x1bt\0\x1b\x45\x01", 1, 8, p->out);
	put_lines(p, first);
	(void)fwrite("\x1b\x45\0", 1, 3, p->out);
	put_lines(p, rest ? rest + 1 : "");
	if (code.width > 0) {
		(void)fwrite("\x1b\x61\x01", 1, 3, p->out);
		put_raster(p, &code);
		(void)fwrite("\n\x1b\x61\0", 1, 4, p->out);
	}
	(void)fwrite("\x1dVB\0", 1, 4, p->out); /* fed to the knife, and cut but for one point */
	qr_done(&code);
	return 0;
}

int paper_make(enum paper_form form, const char *text, unsigned int columns, const char *qr, uint8_t **ret, size_t *ret_size)
{
	char *all = NULL;
	size_t size = 0;
	struct paper p = { .out = open_memstream(&all, &size), .form = form, .columns = columns };
	int r = 0;

	if (!p.out)
		return -ENOMEM;
	if (form == PAPER_LABEL) {
		r = put_label(&p, text, qr);
	} else {
		put_lines(&p, text);
		(void)fputc('\f', p.out);
	}
	if ((ferror(p.out) | fclose(p.out)) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0) {
		free(all);
		return r;
	}
	*ret = (uint8_t *)all;
	*ret_size = size;
	return 0;
}
