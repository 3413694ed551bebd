/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files that are two. */
#include "content_fixture.h"

struct bytes {
	size_t size;
	uint8_t at[40000];
};

static void add(struct bytes *b, const void *data, size_t size)
{
	assert_true(size <= sizeof(b->at) - b->size);
	memcpy(b->at + b->size, data, size);
	b->size += size;
}

#define ADD(b, literal) add(b, literal, sizeof(literal) - 1)

/* The smallest pictures that all readers show; the JPEG with a thumbnail's end of image within APP1. */
static struct bytes *picture(const char *format)
{
	static struct bytes b;

	b.size = 0;
	if (strcmp(format, "PNG") == 0)
		ADD(&b, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\0\0\0\0\x3a\x7e\x9b\x55\0\0\0\nIDAT\x78\x9c\x63\x60\0\0\0\2\0\1\x48\xaf\xa4\x71"
			"\0\0\0\0IEND\xae\x42\x60\x82");
	else if (strcmp(format, "GIF") == 0)
		ADD(&b, "GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0!\xfe\5hello\0,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;");
	else if (strcmp(format, "JPEG") == 0)
		ADD(&b, "\xff\xd8\xff\xe1\0\x0a" "Exif\xff\xd8\xff\xd9\xff\xdb\0\3\0\xff\xda\0\4\1\0\x12\xff\0\x34\xff\xd0\x56\xff\xff\xd9");
	else if (strcmp(format, "WebP") == 0)
		ADD(&b, "RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0");
	else if (strcmp(format, "BMP") == 0)
		ADD(&b, "BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x18\0\0\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\0");
	else if (strcmp(format, "ICO") == 0) {
		ADD(&b, "\0\0\1\0\1\0\1\1\0\0\1\0\x18\0\x30\0\0\0\x16\0\0\0\x28\0\0\0");
		b.size = 22 + 48;
		memset(b.at + 26, 0, 44);
	}
	return &b;
}

static struct looked look_picture(const struct bytes *b)
{
	return look_bytes(b->at, b->size, "a.png", NULL, "image/png");
}

static const char *const formats[] = { "PNG", "GIF", "JPEG", "WebP", "BMP", "ICO" };
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static void behind_pictures(void **state)
{
	uint8_t noise[4096];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(0x80 | (i * 37));
	for (size_t i = 0; i < FORMATS; i++) {
		struct bytes *b = picture(formats[i]);

		said_nothing(look_picture(b));
		survives_cutting(b->at, b->size, "a.png", NULL, "image/png");
		add(b, noise, 100); /* less than is told */
		said_nothing(look_picture(b));
		add(b, noise, sizeof(noise));
		ACTIVE(look_picture(b), "bytes behind the end");
		b = picture(formats[i]);
		ADD(b, "\0\0\r\nPK\3\4");
		MISMATCH(look_picture(b), "a zip archive behind the end");
		b = picture(formats[i]);
		ADD(b, "Rar!\x1a\7\1\0");
		MISMATCH(look_picture(b), "a RAR archive");
		b = picture(formats[i]);
		ADD(b, "<?php system($_GET['c']); ?>");
		MISMATCH(look_picture(b), "a script");
	}
}

static void several_images(void **state)
{
	struct bytes two = *picture("JPEG");

	ADD(&two, "\0\0\0");
	add(&two, picture("JPEG")->at, picture("JPEG")->size); /* MPO */
	said_nothing(look_picture(&two));
	ADD(&two, "\0\0\0\x18" "ftypmp42"); /* motion photo */
	add(&two, (uint8_t[8000]){ 1 }, 8000);
	said_nothing(look_picture(&two));
}

static void remarks(void **state)
{
	struct bytes gif = { 0 }, jpeg = { 0 };

	ADD(&gif, "GIF89a\1\0\1\0\0\0\0!\xfe\x13<script>x()</script\0;");
	MISMATCH(look_picture(&gif), "within a remark");
	ADD(&jpeg, "\xff\xd8\xff\xfe\0\x0a<?php x\xff\xd9");
	MISMATCH(look_picture(&jpeg), "within a remark");
	jpeg.size = 0;
	ADD(&jpeg, "\xff\xd8\xff\xfe\0\x0a" "by a.b.\0\xff\xd9");
	said_nothing(look_picture(&jpeg));
}

static void scripts(void **state)
{
	struct bytes gif = { 0 };

	ADD(&gif, "GIF89a/*\1\0\0\0\0 */=1;alert(1)//;");
	MISMATCH(look_bytes(gif.at, gif.size, "a.gif", NULL, "image/gif"), "a script too");
	gif.at[6] = 1;
	said_nothing(look_bytes(gif.at, gif.size, "a.gif", NULL, "image/gif"));
}

#define ZIP_END "PK\1\2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaPK\5\6\0\0\0\0\1\0\1\0\x2e\0\0\0\0\0\0\0\0\0"

static struct looked with_zip(const struct bytes *b, const char *type)
{
	const char *types[] = { type, "application/zip" };
	struct looked ret = { 0 };
	struct content c = { .data = b->at, .size = b->size, .path = "a", .name = "a", .types = types, .type_count = 2,
			     .findings = &ret.findings };

	assert_int_equal(content_look(&c), 0);
	return ret;
}

static void zips(void **state)
{
	struct bytes b = { 0 };

	ADD(&b, "%PDF-1.4\n%%EOF\n" ZIP_END);
	MISMATCH(with_zip(&b, "application/pdf"), "a zip archive behind another format");
	ADD(&b, "\nendstream\n%%EOF\n"); /* an attachment: the record ends nothing */
	said_nothing(with_zip(&b, "application/pdf"));
	b.size = 0;
	ADD(&b, "\x7f" "ELF" ZIP_END);
	ACTIVE(with_zip(&b, "application/x-executable"), "takes itself apart");
	b.size = 0;
	ADD(&b, "PK\3\4" ZIP_END);
	said_nothing(with_zip(&b, "application/zip"));
}

static void before_archives(void **state)
{
	struct bytes b = { 0 };

	b.size = 512;
	memcpy(b.at, "#!/bin/sh\nx", 11);
	memcpy(b.at + 257, "ustar", 5);
	MISMATCH(look_bytes(b.at, b.size, "a.tar", NULL, "application/x-tar"), "first name of a tar");
	memcpy(b.at, "etc/passwd\0", 11);
	said_nothing(look_bytes(b.at, b.size, "a.tar", NULL, "application/x-tar"));
	memcpy(b.at, "MZ.txt\0\0\0\0\0", 11); /* a name that begins so */
	memset(b.at + 60, '0', 4);
	said_nothing(look_bytes(b.at, b.size, "a.tar", NULL, "application/x-tar"));
	memset(b.at, 0, sizeof(b.at));
	b.size = 32774;
	memcpy(b.at + 32769, "CD001", 5);
	said_nothing(look_bytes(b.at, b.size, "a.iso", NULL, "application/x-iso9660-image"));
	memcpy(b.at, "\x7f" "ELF", 4);
	MISMATCH(look_bytes(b.at, b.size, "a.iso", NULL, "application/x-iso9660-image"), "system area");
}

static void documents(void **state)
{
	MISMATCH(look_text("\xff\xd8\xff\xfe%PDF-1.4", "a.jpg", NULL, "image/jpeg"), "a PDF document");
	silent_text("Files begin with %PDF-1.4", "a.txt", NULL, "text/plain");
	silent_text("%PDF-1.4 %PDF-1.4", "a.pdf", NULL, "application/pdf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_pictures), cmocka_unit_test(several_images), cmocka_unit_test(remarks),	 cmocka_unit_test(scripts),
		cmocka_unit_test(zips),		   cmocka_unit_test(before_archives), cmocka_unit_test(documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
