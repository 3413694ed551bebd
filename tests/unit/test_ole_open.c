/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compound files made by gsf(1), and what can be wrong with them: lazaret-ole in its sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <zlib.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/tools.h"
#include "../lib/opening.h"

static struct opener role;
static char dir[64];
static int dir_fd = -1;

/* A stream of a specimen: path beneath the compound file's root, bytes. */
struct part {
	const char *path;
	const void *data;
	size_t size;
};
#define PART(path, text) { path, text, sizeof(text) - 1 }

static void make_parents(const char *path)
{
	char parent[256];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		if (mkdirat(dir_fd, parent, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
}

/* The bytes of a compound file with these streams, owned by the caller. A path that ends with '/' is an empty storage. */
static char *make(const struct part *parts, size_t count, size_t *ret_size)
{
	const char *argv[24] = { "gsf", "createole", "../specimen.ole" };
	char path[300], tree[sizeof(dir) + 8];
	size_t argc = 3;

	if (exists(dir_fd, "tree"))
		assert_int_equal(dir_remove_tree(dir_fd, "tree"), 0);
	make_parents("tree/");
	for (size_t i = 0; i < count; i++) {
		char *top = strdup(parts[i].path);
		bool is_known = false;

		assert_non_null(top);
		(void)snprintf(path, sizeof(path), "tree/%s", parts[i].path);
		make_parents(path);
		if (path[strlen(path) - 1] != '/')
			write_file(dir_fd, path, parts[i].data, parts[i].size);
		top[strcspn(top, "/")] = '\0';
		for (size_t k = 3; k < argc; k++)
			is_known = is_known || strcmp(argv[k], top) == 0;
		if (is_known)
			free(top);
		else
			argv[argc++] = top;
	}
	(void)snprintf(tree, sizeof(tree), "%s/tree", dir);
	tool_run_all(tree, argv);
	for (size_t k = 3; k < argc; k++)
		free((void *)(uintptr_t)argv[k]);
	return read_whole(dir_fd, "specimen.ole", ret_size);
}

static void open_parts(const struct part *parts, size_t count, struct opened *ret)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	data = make(parts, count, &size);
	open_bytes(&role, "specimen.doc", CONTAINER_OLE, data, size, ret);
}

static int start(void **state)
{
	dir_fd = private_directory(dir);
	opener_start(&role, "lazaret-ole");
	return 0;
}

static int end(void **state)
{
	opener_end(&role);
	remove_private_directory(dir_fd, dir);
	return 0;
}

/* -- what comes out ------------------------------------------------------------------------------------------------------ */

static char large[20000];

static void test_streams_of_every_storage_come_out(void **state)
{
	const struct part parts[] = {
		PART("small", "a few bytes"), { "large", large, sizeof(large) },	 PART("A/B/C/deep", "beneath"),
		{ "empty", "", 0 },	      PART("\005SummaryInformation", "summary"), { "A/limit", large, 4096 },
		{ "A/below", large, 4095 },
	};
	struct opened told;

	open_parts(parts, ARRAY_LEN(parts), &told);
	expect_opened(&told);
	expect_no_findings(&told);
	expect_member(&told, "small", "a few bytes", 11);
	expect_member(&told, "large", large, sizeof(large));
	expect_member(&told, "A/B/C/deep", "beneath", 7);
	expect_member(&told, "empty", "", 0);
	expect_member(&told, "[5]SummaryInformation", "summary", 7);
	expect_member(&told, "A/limit", large, 4096);
	expect_member(&told, "A/below", large, 4095);
	assert_int_equal(told.member_count, 7);
	assert_int_equal(told.entries, 10);
	opened_done(&told);
}

/* [MS-OXMSG]: the bytes of an attachment are called after its long name, without the path that the sender wrote. */
static void test_attachments_have_their_own_names(void **state)
{
#define ATTACHMENT "__attach_version1.0_#00000000/__substg1.0_"
	const struct part parts[] = {
		PART(ATTACHMENT "37010102", "MZ"),
		PART(ATTACHMENT "3707001F", "c\0:\0\\\0i\0n\0v\0o\0i\0c\0e\0.\0e\0x\0e\0"),
		PART(ATTACHMENT "3704001F", "i\0.\0e\0x\0e\0"),
		PART("__attach_version1.0_#00000001/__substg1.0_37010102", "second"),
		PART("__attach_version1.0_#00000001/__substg1.0_3704001E", "b.txt"),
		PART("__attach_version1.0_#00000002/__substg1.0_37010102", "third"),
	};
	struct opened told;

	open_parts(parts, ARRAY_LEN(parts), &told);
	expect_opened(&told);
	expect_no_findings(&told);
	expect_member(&told, "__attach_version1.0_#00000000/invoice.exe", "MZ", 2);
	expect_member(&told, "__attach_version1.0_#00000001/b.txt", "second", 6);
	expect_member(&told, "__attach_version1.0_#00000002/__substg1.0_37010102", "third", 5);
	assert_int_equal(told.member_count, 6);
	opened_done(&told);
}

#define LE32(n) (char)((n) & 0xff), (char)((n) >> 8 & 0xff), (char)((n) >> 16 & 0xff), (char)((n) >> 24 & 0xff)

/* What the Windows packager writes. */
static size_t make_native(char *ret, size_t room, const char *label, const char *file, const char *temporary, uint32_t said,
			  const char *data)
{
	size_t length = strlen(temporary) + 1;
	FILE *f = fmemopen(ret, room, "w");
	long size;

	assert_non_null(f);
	fprintf(f, "%c%c%c%c%c%c", LE32(0), 2, 0);
	fprintf(f, "%s%c%s%c%c%c%c%c", label, 0, file, 0, 0, 0, 3, 0);
	fprintf(f, "%c%c%c%c%s%c", LE32(length), temporary, 0);
	fprintf(f, "%c%c%c%c%s", LE32(said), data);
	size = ftell(f);
	assert_int_equal(fclose(f), 0);
	size -= 4;
	memcpy(ret, (char[]){ LE32(size) }, 4);
	return (size_t)size + 4;
}

static void test_dropped_file_comes_out_of_native_stream(void **state)
{
	char native[400];
	struct part parts[] = { { "ObjectPool/_1234/\001Ole10Native", native, 0 } };
	struct opened told;

	parts[0].size = make_native(native, sizeof(native), "run me.exe", "C:\\work\\run me.exe", "C:\\Temp\\run me.exe", 5, "MZ123");
	open_parts(parts, 1, &told);
	expect_opened(&told);
	expect_member(&told, "ObjectPool/_1234/Ole10Native.run me.exe", "MZ123", 5);
	expect_member(&told, "ObjectPool/_1234/[1]Ole10Native", native, parts[0].size);
	expect_finding(&told, REASON_ACTIVE_CONTENT, "ObjectPool/_1234/Ole10Native.run me.exe", "C:\\Temp\\run me.exe");
	expect_finding(&told, REASON_ACTIVE_CONTENT, "", "embedded object");
	opened_done(&told);

	/* a size that leads behind the end, and other servers' data: it is all that follows the count */
	parts[0].size = make_native(native, sizeof(native), "x", "y", "z", 0x7fffffff, "MZ123");
	open_parts(parts, 1, &told);
	expect_member(&told, "ObjectPool/_1234/Ole10Native.data", native + 4, parts[0].size - 4);
	expect_finding(&told, REASON_ACTIVE_CONTENT, "", "embedded object");
	opened_done(&told);
}

#define OBJECT_ROOM 25000

/* A compressed object in PowerPoint's stream ([MS-PPT] 2.10.34), where its macros are, too. */
static size_t make_powerpoint(char *ret, const void *object, size_t size, uint32_t said)
{
	uLongf packed = OBJECT_ROOM - 112;

	memset(ret, 0, 100);
	assert_int_equal(compress((Bytef *)ret + 112, &packed, object, size), Z_OK);
	memcpy(ret + 100, (char[]){ 0x10, 0, 0x11, 0x10, LE32(packed + 4), LE32(said) }, 12);
	return 112 + packed;
}

static void test_objects_come_out_of_powerpoint(void **state)
{
	static char stream[OBJECT_ROOM];
	struct part parts[] = { { "PowerPoint Document", stream, 0 } };
	struct opened told;

	parts[0].size = make_powerpoint(stream, large, sizeof(large), sizeof(large));
	open_parts(parts, 1, &told);
	expect_opened(&told);
	expect_member(&told, "PowerPoint object 1", large, sizeof(large));
	expect_finding(&told, REASON_ACTIVE_CONTENT, "", "embedded object");
	opened_done(&told);

	parts[0].size = make_powerpoint(stream, large, sizeof(large), 7); /* it lies */
	open_parts(parts, 1, &told);
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, "PowerPoint object 1", "said to be 7 bytes");
	opened_done(&told);

	parts[0].size = make_powerpoint(stream, large, sizeof(large), sizeof(large)) - 20; /* it is cut */
	open_parts(parts, 1, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, "PowerPoint object 1", "does not decompress");
	opened_done(&told);
}

/* -- what is told of it ---------------------------------------------------------------------------------------------------- */

static char workbook[4000];

/* `records` of BIFF behind a beginning, with other records before and after. */
static struct part biff(const void *records, size_t size)
{
	static const char bof[] = "\x09\x08\x08\x00\x00\x06\x05\x00\x00\x00\x00\x00", eof[] = "\x0a\x00\x00\x00";

	memcpy(workbook, bof, 12);
	memcpy(workbook + 12, records, size);
	memcpy(workbook + 12 + size, eof, 4);
	return (struct part){ "Workbook", workbook, 16 + size };
}
#define BIFF(records) biff(records, sizeof(records) - 1)

struct specimen {
	const char *name;
	struct part part;
	enum reason reason; /* with `words`: fires */
	const char *words;  /* NULL: must not fire */
};

static void check_specimen(const struct specimen *s)
{
	struct opened told;

	print_message("%s\n", s->name);
	open_parts(&s->part, 1, &told);
	expect_opened(&told);
	if (s->words)
		expect_finding(&told, s->reason, "", s->words);
	else
		expect_no_findings(&told);
	opened_done(&told);
}

static void test_what_acts_is_told(void **state)
{
	const struct specimen list[] = {
		{ "VBA of Word", PART("Macros/VBA/dir", "x"), REASON_ACTIVE_CONTENT, "VBA macros" },
		{ "VBA of Excel", PART("_VBA_PROJECT_CUR/VBA/_VBA_PROJECT", "x"), REASON_ACTIVE_CONTENT, "VBA macros" },
		{ "in another case", PART("macros/vba/DIR", "x"), REASON_ACTIVE_CONTENT, "VBA macros" },
		{ "object of Excel", PART("MBD0001AF3C/x", "x"), REASON_ACTIVE_CONTENT, "embedded object" },
		{ "object of Word", PART("ObjectPool/_1/x", "x"), REASON_ACTIVE_CONTENT, "embedded object" },
		{ "package", PART("Package", "x"), REASON_ACTIVE_CONTENT, "embedded object" },
		{ "equation", PART("Equation Native", "x"), REASON_ACTIVE_CONTENT, "equation editor object" },
		{ "control", PART("\003OCXNAME", "x"), REASON_ACTIVE_CONTENT, "ActiveX control" },
		{ "link", PART("\001Ole", "\1\0\0\2\1\0\0\0"), REASON_ACTIVE_CONTENT, "linked object" },
		{ "Word's DDE", PART("WordDocument", "\xec\xa5\xc1\0xxxxxxxxxx\x13 DDEAUTO cmd xx"), REASON_ACTIVE_CONTENT, "DDE" },
		{ "in UTF-16", PART("WordDocument", "\xec\xa5\xc1\0xxxxxxxx\x13\0 \0d\0d\0e\0 \0x\0"), REASON_ACTIVE_CONTENT, "DDE" },
		{ "Office Open XML with a password", PART("EncryptedPackage", "x"), REASON_ENCRYPTED, "password" },
		{ "Word with a password", PART("WordDocument", "\xec\xa5\xc1\0xxxxxx\0\1xxxx"), REASON_ENCRYPTED, "Word" },
		{ "PowerPoint with a password", PART("EncryptedSummary", "x"), REASON_ENCRYPTED, "PowerPoint" },
		{ "the same by its user", PART("Current User", "\0\0\xf6\x0fxxxx\x14\0\0\0\xdf\xc4\xd1\xf3xx"), REASON_ENCRYPTED, "PowerPoint" },
		{ "rights", PART("\011DRMContent", "x"), REASON_ENCRYPTED, "rights" },
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		check_specimen(&list[i]);
}

static void test_what_acts_in_workbooks_is_told(void **state)
{
	const struct specimen sheet = { "macro sheet", BIFF("\x85\0\x0b\0\x10\0\0\0\0\1\3\0Ma1"), REASON_ACTIVE_CONTENT, "Excel 4" };

	check_specimen(&sheet);
	check_specimen(&(struct specimen){ "very hidden one", BIFF("\x85\0\x0b\0\x10\0\0\0\2\1\3\0Ma1"), REASON_ACTIVE_CONTENT, "Excel 4" });
	check_specimen(&(struct specimen){ "its beginning", BIFF("\x09\x08\x08\0\0\x06\x40\0\0\0\0\0"), REASON_ACTIVE_CONTENT, "Excel 4" });
	check_specimen(&(struct specimen){ "password", BIFF("\x2f\0\2\0\0\0"), REASON_ENCRYPTED, "Excel" });
	check_specimen(&(struct specimen){ "DDE", BIFF("\xae\x01\x0d\0\0\0\x08\0\0cmd\x03 /c x"), REASON_ACTIVE_CONTENT, "DDE" });
	/* near misses */
	check_specimen(&(struct specimen){ "worksheet", BIFF("\x85\0\x0b\0\x10\0\0\0\0\0\3\0Ma1"), 0, NULL });
	check_specimen(&(struct specimen){ "other file", BIFF("\xae\x01\x0d\0\0\0\x08\0\0\1dir\x03x.xls"), 0, NULL });
	check_specimen(&(struct specimen){ "itself", BIFF("\xae\x01\4\0\1\0\1\4"), 0, NULL });
	check_specimen(&(struct specimen){ "cut in a record", BIFF("\x85\0\xff\xff\x10"), 0, NULL });
}

static void test_near_misses_do_not_fire(void **state)
{
	const struct specimen list[] = { /* which reason does not matter: none is told */
		{ "Word without macros", PART("WordDocument", "\xec\xa5\xc1\0xxxxxx\0\0 see DDE and Macros/VBA \x13 DATE xx"), 0, NULL },
		{ "empty pool of Word", { "ObjectPool/", NULL, 0 }, 0, NULL },
		{ "dir elsewhere", PART("Data/dir", "x"), 0, NULL },
		{ "embedded, not linked", PART("\001Ole", "\1\0\0\2\0\0\0\0"), 0, NULL },
		{ "installer", PART("\xe4\xa1\x80\xe3\xb2\xbf", "MSCF"), 0, NULL },
		{ "user of PowerPoint", PART("Current User", "\0\0\xf6\x0fxxxx\x14\0\0\0\x5f\xc0\x91\xe3xx"), 0, NULL },
		{ "PowerPoint without objects", PART("PowerPoint Document", "\x10\0\x11\x10\x20\0\0\0\0\1\0\0not zlib at all"), 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		check_specimen(&list[i]);
}

/* -- damage and lies ------------------------------------------------------------------------------------------------------- */

static uint32_t get32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static void put32(char *p, uint32_t n)
{
	memcpy(p, (char[]){ LE32(n) }, 4);
}

/* The directory entry of a stream; the name in ASCII. */
static char *find_entry(char *data, size_t size, const char *name)
{
	char wide[64] = { 0 };

	for (size_t i = 0; name[i] != '\0'; i++)
		wide[2 * i] = name[i];
	for (size_t at = 512; at + 128 <= size; at += 128)
		if (memcmp(data + at, wide, sizeof(wide)) == 0)
			return data + at;
	fail_msg("no stream %s", name);
	return NULL;
}

/* [MS-CFB] 2.3, first sector of it */
static char *fat_entry(char *data, uint32_t sector)
{
	return data + 512 + (size_t)get32(data + 76) * 512 + (size_t)sector * 4;
}

static char *two_streams(size_t *ret_size)
{
	const struct part parts[] = { { "one", large, sizeof(large) }, { "two", large, sizeof(large) }, PART("small", "x") };

	return make(parts, ARRAY_LEN(parts), ret_size);
}

static void test_chains_that_lie_are_unsafe(void **state)
{
	for (unsigned int lie = 0; lie < 6; lie++) {
		_cleanup_free_ char *data = NULL;
		char *one, *two;
		struct opened told;
		size_t size;

		data = two_streams(&size);
		one = find_entry(data, size, "one");
		two = find_entry(data, size, "two");
		print_message("lie %u\n", lie);
		switch (lie) {
		case 0: /* a loop */
			put32(fat_entry(data, get32(one + 116) + 3), get32(one + 116));
			break;
		case 1: /* the same chain twice */
			put32(two + 116, get32(one + 116));
			break;
		case 2: /* one runs into the other */
			put32(fat_entry(data, get32(one + 116) + 3), get32(two + 116) + 4);
			break;
		case 3: /* longer than its chain */
			put32(one + 120, sizeof(large) + 5000);
			break;
		case 4: /* a sector behind the end */
			put32(fat_entry(data, get32(one + 116) + 3), 0x00ffff);
			break;
		default: /* a chain that ends in the middle */
			put32(fat_entry(data, get32(one + 116) + 3), 0xfffffffe);
			break;
		}
		open_bytes(&role, "x.doc", CONTAINER_OLE, data, size, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_ARCHIVE_UNSAFE, NULL, "damaged compound file");
		opened_done(&told);
	}
}

static void test_headers_that_no_writer_makes_are_unsafe(void **state)
{
	static const struct {
		size_t at;
		char byte;
	} changes[] = { { 0, 'x' }, { 28, 0 }, { 30, 7 }, { 30, 20 }, { 32, 3 }, { 57, 0 }, { 58, 1 }, { 48, 127 }, { 76, 127 } };

	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		_cleanup_free_ char *data = NULL;
		struct opened told;
		size_t size;

		data = two_streams(&size);
		data[changes[i].at] = changes[i].byte;
		open_bytes(&role, "x.doc", CONTAINER_OLE, data, size, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_ARCHIVE_UNSAFE, "", "damaged compound file");
		opened_done(&told);
	}
}

/* What is cut is not opened; padding behind the last sector is all that may be missing. */
static void test_truncated_is_never_opened(void **state)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	data = two_streams(&size);
	for (size_t cut = 1; cut < size; cut += cut < 600 ? 37 : 511) {
		struct opened told;

		open_bytes(&role, "x.doc", CONTAINER_OLE, data, cut, &told);
		if (told.is_opened)
			fail_msg("cut after %zu of %zu bytes, it is opened", cut, size);
		opened_done(&told);
	}
}

/* Whatever byte is changed, the role lives, and says of what it does not bring out why. */
static void test_changed_bytes_do_not_end_the_role(void **state)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	data = two_streams(&size);
	for (size_t at = 0; at < size; at += at < 640 || at > size - 2048 ? 1 : 97)
		for (unsigned int bit = 1; bit < 256; bit <<= 3) {
			struct opened told;

			data[at] ^= (char)bit;
			open_bytes(&role, "x.doc", CONTAINER_OLE, data, size, &told);
			data[at] ^= (char)bit;
			opened_done(&told);
		}
}

static void test_limits_end_it(void **state)
{
	struct container_limits all = role.limits;
	_cleanup_free_ char *data = NULL;
	char path[300] = "";
	struct part deep[] = { { path, "x", 1 } };
	struct opened told;
	size_t size;

	data = two_streams(&size);
	role.limits.members = 2;
	open_bytes(&role, "x.doc", CONTAINER_OLE, data, size, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, NULL);
	opened_done(&told);
	role.limits = all;
	role.limits.bytes = 30000;
	open_bytes(&role, "x.doc", CONTAINER_OLE, data, size, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, NULL);
	opened_done(&told);
	role.limits = all;

	for (unsigned int i = 0; i < 40; i++)
		(void)snprintf(path + 2 * i, sizeof(path) - 2 * i, "s/");
	(void)snprintf(path + 80, sizeof(path) - 80, "x");
	open_parts(deep, 1, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_LIMIT_EXCEEDED, "", "storages in each other");
	opened_done(&told);
}

static void test_small_files_are_not_opened(void **state)
{
	char data[512] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

	for (size_t size = 1; size <= sizeof(data); size += size < 8 ? 1 : 63) {
		struct opened told;

		open_bytes(&role, "x.doc", CONTAINER_OLE, data, size, &told);
		expect_not_opened(&told);
		opened_done(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_of_every_storage_come_out),
		cmocka_unit_test(test_attachments_have_their_own_names),
		cmocka_unit_test(test_dropped_file_comes_out_of_native_stream),
		cmocka_unit_test(test_objects_come_out_of_powerpoint),
		cmocka_unit_test(test_what_acts_is_told),
		cmocka_unit_test(test_what_acts_in_workbooks_is_told),
		cmocka_unit_test(test_near_misses_do_not_fire),
		cmocka_unit_test(test_chains_that_lie_are_unsafe),
		cmocka_unit_test(test_headers_that_no_writer_makes_are_unsafe),
		cmocka_unit_test(test_truncated_is_never_opened),
		cmocka_unit_test(test_changed_bytes_do_not_end_the_role),
		cmocka_unit_test(test_limits_end_it),
		cmocka_unit_test(test_small_files_are_not_opened),
	};

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * i >> 7);
	return cmocka_run_group_tests(tests, start, end);
}
