/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "receipt/qr.h"

#include <string.h>

#include <qrencode.h>

void qr_text(const char *transfer, const char *sha256, char out[static QR_TEXT_MAX])
{
	(void)snprintf(out, QR_TEXT_MAX, "lazaret:%.*s:%.*s", REPORT_TRANSFER_MAX, transfer, SHA256_HEX_LEN, sha256); /* fits */
}

int qr_make(const char *text, struct qr *ret)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	uint8_t *modules;
	size_t count;

	if (!code)
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	count = (size_t)code->width * (size_t)code->width;
	modules = malloc(count);
	for (size_t k = 0; modules && k < count; k++)
		modules[k] = code->data[k] & 1; /* the other bits tell what a module is for */
	if (modules)
		*ret = (struct qr){ (unsigned int)code->width, modules };
	QRcode_free(code);
	return modules ? 0 : -ENOMEM;
}

void qr_done(struct qr *q)
{
	free(q->modules);
	*q = (struct qr){ 0 };
}

/* Runs of dark modules in a row become one rectangle each. */
static void put_row(const struct qr *q, unsigned int y, FILE *out)
{
	const uint8_t *row = q->modules + (size_t)y * q->width;

	for (unsigned int x = 0, run; x < q->width; x += MAX(run, 1u)) {
		for (run = 0; x + run < q->width && row[x + run]; run++)
			;
		if (run > 0) /* of ferror() below, too: whoever opened `out` looks */
			(void)fprintf(out, "M%u %uh%uv1h-%uz", x + QR_QUIET, y + QR_QUIET, run, run);
	}
}

void qr_svg(const struct qr *q, const char *title, FILE *out)
{
	unsigned int side = q->width + 2 * QR_QUIET;

	(void)fprintf(out,
		      "<svg class=\"qr\" viewBox=\"0 0 %u %u\" width=\"200\" height=\"200\" role=\"img\" aria-label=\"%s\">"
		      "<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/><path fill=\"#000\" d=\"",
		      side, side, title, side, side);
	for (unsigned int y = 0; y < q->width; y++)
		put_row(q, y, out);
	(void)fputs("\"/></svg>\n", out);
}
