/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What stands hidden in texts, pictures, documents and disk images: bounds of the readers. tests/integration/inside-hidden.t has what
 * real programs make. */
#include "content_fixture.h"

static uint8_t data[80000];

static void put(size_t at, const void *bytes, size_t size)
{
	memcpy(data + at, bytes, size);
}

static void put32(size_t at, uint32_t n)
{
	put(at, (uint8_t[]){ (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24) }, 4);
}

/* One page, whose only strip is at 110; as many bytes behind it. */
static size_t tiff(size_t behind)
{
	static const uint8_t tags[][4] = { { 0, 1, 4, 0 }, { 0x11, 1, 4, 0 }, { 0x17, 1, 4, 0 } };

	memset(data, 0, sizeof(data));
	put(0, "II*\0\x08\0\0\0\3\0", 10);
	for (size_t i = 0; i < 3; i++) {
		put(10 + 12 * i, tags[i], 4);
		put32(14 + 12 * i, 1);
	}
	put32(18, 1);
	put32(30, 60);
	put32(42, 4);
	memset(data + 60, 0x55, 4 + behind);
	return 64 + behind;
}

/* A Pascal program that reads bzip2 has a block's signature in it, which is letters. */
static void a_program_that_looks_for_bzip2(void **state)
{
	static const char program[] = "begin\n  if magic='1AY&SY' then\n    inc(current_block);\n";
	static const char stream[] = "some text\nBZh91AY&SY\x93\x8f\xa2\x1e and so on\n";

	said_nothing(look_bytes(program, sizeof(program) - 1, "a.pas", NULL, "text/plain"));
	said(look_bytes(stream, sizeof(stream) - 1, "a.txt", NULL, "text/plain"), REASON_TYPE_MISMATCH, "bzip2");
}

/* A dump in hexadecimal has the letters of cpio and a hundred digits behind them every few megabytes; an archive has a name there. */
static void a_dump_in_hexadecimal_is_no_cpio(void **state)
{
	/* magic, seven numbers of six digits, the time, the size of the name, the size of the file */
	static const char odc[] = "070707" "000001000002100644000000000000000001000000" "00000000000" "000004" "00000000003" "a/b";
	char text[2000], newc[110 + sizeof("a/b")] = "070701";

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "0123456789abcdef"[i * 7 % 16];
	memset(newc + 6, '0', 104);
	newc[94 + 7] = '4';
	memcpy(newc + 110, "a/b", sizeof("a/b"));
	memcpy(text + 1000, newc, 110);
	said_nothing(look_bytes(text, sizeof(text), "a.txt", NULL, "text/plain"));
	memcpy(text + 1000, newc, sizeof(newc));
	said(look_bytes(text, sizeof(text), "a.txt", NULL, "text/plain"), REASON_TYPE_MISMATCH, "cpio");
	said_nothing(look_bytes(text, 1000 + sizeof(newc) - 1, "a.txt", NULL, "text/plain"));
	text[1000 + sizeof(newc) - 1] = 'f';
	memcpy(text + 1000, "070707", 6);
	said_nothing(look_bytes(text, sizeof(text), "a.txt", NULL, "text/plain"));
	memcpy(text + 1000, odc, sizeof(odc));
	said(look_bytes(text, sizeof(text), "a.txt", NULL, "text/plain"), REASON_TYPE_MISMATCH, "cpio");
}

static void pictures(void **state)
{
	size_t size = tiff(0);

	said_nothing(look_bytes(data, size, "a.tif", NULL, "image/tiff"));
	survives_cutting(data, size, "a.tif", NULL, "image/tiff");
	size = tiff(3000);
	said(look_bytes(data, size, "a.tif", NULL, "image/tiff"), REASON_ACTIVE_CONTENT, "3000 bytes behind the end of the TIFF");
	put32(46, 8); /* the next directory is this one, for ever */
	said(look_bytes(data, size, "a.tif", NULL, "image/tiff"), REASON_ACTIVE_CONTENT, "behind the end of the TIFF");
	put32(26, 0xffffffff); /* so many strips */
	put32(38, 0xffffffff);
	said(look_bytes(data, size, "a.tif", NULL, "image/tiff"), REASON_ACTIVE_CONTENT, "behind the end of the TIFF");
	for (size_t i = 0; i < 64; i++) { /* every byte of its directory */
		struct looked l;

		size = tiff(0);
		data[i] ^= 0xff;
		l = look_bytes(data, size, "a.tif", NULL, "image/tiff");
		findings_done(&l.findings);
	}
}

static size_t ole(void)
{
	memset(data, 0, sizeof(data));
	put(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
	put(30, "\x09\0", 2);
	put32(44, 1); /* one sector of the allocation table, sector 0 */
	put32(68, 0xfffffffe);
	memset(data + 512, 0xff, 512);
	put32(512, 0xfffffffd);
	put32(516, 0xfffffffe);
	return 512 * 3;
}

static void documents(void **state)
{
	size_t size = ole();

	said_nothing(look_bytes(data, size, "a.doc", NULL, "application/msword"));
	survives_cutting(data, size, "a.doc", NULL, "application/msword");
	memset(data + size, 1, 2000);
	said(look_bytes(data, size + 2000, "a.doc", NULL, "application/msword"), REASON_ACTIVE_CONTENT, "2000 bytes behind the end of the OLE2");
	put32(44, 0xffffffff); /* tables without end */
	put32(68, 1);
	memset(data + 1024, 0, 512);
	put32(1024 + 508, 1);
	{
		struct looked l = look_bytes(data, size + 2000, "a.doc", NULL, "application/msword");

		findings_done(&l.findings);
	}
}

static void disks(void **state)
{
	static const char mime[] = "application/x-raw-disk-image";

	memset(data, 0, sizeof(data));
	put(0, "\xeb\x3c\x90mkfs.fat\0\2", 13);
	put(19, "\x40\0", 2); /* 64 sectors */
	put(54, "FAT12   ", 8);
	put(510, "\x55\xaa", 2);
	said_nothing(look_bytes(data, sizeof(data), "a.img", NULL, mime));
	memset(data + 64 * 512, 0xff, 4000);
	said_nothing(look_bytes(data, sizeof(data), "a.img", NULL, mime));
	data[64 * 512 + 100] = 'x';
	said(look_bytes(data, sizeof(data), "a.img", NULL, mime), REASON_CONTAINER_OPAQUE, "belong to no volume");
	for (size_t i = 446; i < 512; i++) /* partitions anywhere */
		for (unsigned int value = 0; value < 256; value += 5) {
			struct looked l;

			put(54, "        ", 8);
			memset(data + 446, 0x41, 64);
			data[450] = 5;
			data[i] = (uint8_t)value;
			l = look_bytes(data, 8192, "a.img", NULL, mime);
			findings_done(&l.findings);
		}
}

/* Signatures of archives of which a check sum of many bytes would have to be made each time. */
static void signatures_cost_what_they_are_long(void **state)
{
	for (size_t at = 0; at + 14 < sizeof(data); at += 14)
		put(at, "Rar!\x1a\7\1\0crc?\xff\x7f", 14); /* headers of 16 KiB */
	said(look_bytes(data, sizeof(data), "a.png", NULL, "image/png"), REASON_TYPE_MISMATCH, "an archive (RAR");
	memset(data, 'x', sizeof(data));
	said_nothing(look_bytes(data, sizeof(data), "a.mp3", NULL, "audio/mpeg"));
}

static void texts(void **state)
{
	said_nothing(look_bytes("\xff\xfe" "a\0\x3d\xd8\0\xde", 8, "a.txt", NULL, "text/plain")); /* a pair of surrogates */
	said(look_bytes("\xff\xfe" "a\0\0\xde" "b\0", 8, "a.txt", NULL, "text/plain"), REASON_ACTIVE_CONTENT, "binary data in text");
	said(look_bytes("\xfe\xff\0a\xd8\0\0b", 8, "a.txt", NULL, "text/plain"), REASON_ACTIVE_CONTENT, "from byte 4");
	said(look_bytes("text\0more", 9, "a.txt", NULL, "text/plain"), REASON_ACTIVE_CONTENT, "from byte 4");
	said_nothing(look_bytes("text\0\0\0", 7, "a.txt", NULL, "text/plain"));
	survives_cutting("\xff\xfe" "a\0\x3d\xd8\0\xde", 8, "a.txt", NULL, "text/plain");
	survives_cutting("x\r\nbegin 644 a\r\n#0V%T\r\n`\r\nend\r\n", 33, "a.txt", NULL, "text/plain");
	said(look_text("x\nbegin 644 a\n#0V%T\n`\nend\n", "a.txt", NULL, "text/plain"), REASON_ACTIVE_CONTENT, "uuencode");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_that_looks_for_bzip2),
		cmocka_unit_test(a_dump_in_hexadecimal_is_no_cpio),
		cmocka_unit_test(pictures),
		cmocka_unit_test(documents),
		cmocka_unit_test(disks),
		cmocka_unit_test(signatures_cost_what_they_are_long),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
