/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* content/model_*: every specimen of tests/lib/models.py says what it must; and whatever is cut off, or has a byte changed, is
 * looked at without harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "content/detectors.h"
#include "content/imports.h"
#include "../lib/testing.h"

static int (*const looks[])(struct content *) = {
	look_model_pickle, look_model_safetensors, look_model_gguf,  look_model_ggml, look_model_onnx,
	look_model_tensorflow, look_model_torchscript, look_model_numpy, look_model_hdf5, look_model_json,
};

struct row {
	char *name, *file, *container, *expect, *part, *why;
};

static char directory[64];
static int directory_fd = -EBADF;

static uint8_t *load(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "re");
	uint8_t *data;
	long size;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size >= 0);
	rewind(f);
	data = malloc((size_t)size + 1); /* exactly: a byte too far is seen by the sanitizers when size > 0 */
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)size, f), size);
	(void)fclose(f);
	*ret_size = (size_t)size;
	return data;
}

static void look(const struct row *row, const uint8_t *data, size_t size, struct findings *ret)
{
	const char *base = strrchr(row->file, '/');
	struct content c = { .data = data, .size = size, .path = row->file, .name = base ? base + 1 : row->file,
			     .container = strcmp(row->container, "-") == 0 ? NULL : row->container, .findings = ret };

	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		int r = looks[i](&c);

		if (r != 0)
			fail_msg("%s: %s", row->name, strerror(-r));
	}
}

static bool has_said(const struct findings *f, const char *expect, const char *part)
{
	enum reason reason = strcmp(expect, "active") == 0   ? REASON_ACTIVE_CONTENT :
			     strcmp(expect, "mismatch") == 0 ? REASON_TYPE_MISMATCH :
							       REASON_ARCHIVE_UNSAFE;

	if (strcmp(expect, "clean") == 0)
		return f->count == 0;
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].reason == reason && (strcmp(part, "-") == 0 || strstr(f->list[i].detail, part)))
			return true;
	return false;
}

static void each(void (*act)(const struct row *row, const uint8_t *data, size_t size))
{
	char path[256], line[1024];
	size_t size, count = 0;
	FILE *index;

	(void)snprintf(path, sizeof(path), "%s/index", directory);
	index = fopen(path, "re");
	assert_non_null(index);
	while (fgets(line, sizeof(line), index)) {
		char *rest = line;
		struct row row = { strsep(&rest, "\t"), strsep(&rest, "\t"), strsep(&rest, "\t"), strsep(&rest, "\t"),
				   strsep(&rest, "\t"), strsep(&rest, "\n") };
		uint8_t *data;

		(void)snprintf(path, sizeof(path), "%s/%s/%s", directory, row.name, row.file);
		data = load(path, &size);
		act(&row, data, size);
		free(data);
		count++;
	}
	(void)fclose(index);
	assert_true(count > 150);
}

static unsigned int wrong;

static void says(const struct row *row, const uint8_t *data, size_t size)
{
	struct findings f = { 0 };

	look(row, data, size, &f);
	if (!has_said(&f, row->expect, row->part)) {
		print_error("%s (%s): wanted %s \"%s\", got %s\n", row->name, row->why, row->expect, row->part,
			    f.count > 0 ? f.list[0].detail : "nothing");
		wrong++;
	}
	findings_done(&f);
}

static void every_specimen(void **state)
{
	wrong = 0;
	each(says);
	assert_int_equal(wrong, 0);
}

/* A copy of exactly the size, so that a sanitizer sees what reads past it. */
static void look_at_copy(const struct row *row, const uint8_t *data, size_t size, size_t changed, uint8_t with)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	struct findings f = { 0 };

	assert_non_null(copy);
	memcpy(copy, data, size);
	if (changed < size)
		copy[changed] ^= with;
	look(row, copy, size, &f);
	findings_done(&f);
	free(copy);
}

static void cut(const struct row *row, const uint8_t *data, size_t size)
{
	size_t step = size / 200 + 1;

	for (size_t i = 0; i < size; i += step)
		look_at_copy(row, data, i, SIZE_MAX, 0);
	for (size_t i = 0; i < size; i += step) {
		look_at_copy(row, data, size, i, 0xff);
		look_at_copy(row, data, size, i, 0x01);
		look_at_copy(row, data, size, i, 0x80);
	}
}

static void cut_and_changed(void **state)
{
	each(cut);
}

static void lists_are_sorted(void **state)
{
	assert_true(imports_are_sorted());
	assert_int_equal(import_class(span_text("numpy"), span_text("dtype")), IMPORT_DTYPE);
	assert_int_equal(import_class(span_text("collections"), span_text("OrderedDict")), IMPORT_ALLOWED);
	assert_int_equal(import_class(span_text("collections"), span_text("OrderedDic")), IMPORT_REFUSED);
	assert_int_equal(import_class(span_text(""), span_text("")), IMPORT_REFUSED);
	assert_int_equal(import_class(span_text("torch.nn.modules.conv"), span_text("Conv2d")), IMPORT_ALLOWED);
	assert_int_equal(import_class(span_text("torch.nn.modules.conv"), span_text("conv2d")), IMPORT_REFUSED);
	assert_non_null(import_danger(span_text("torch._inductor.x.y"), span_text("z")));
	assert_null(import_danger(span_text("collections"), span_text("OrderedDict")));
}

static int set_up(void **state)
{
	char command[256];

	directory_fd = private_directory(directory);
	(void)snprintf(command, sizeof(command), "/usr/bin/python3 tests/lib/models.py %s", directory);
	return system(command);
}

static int tear_down(void **state)
{
	remove_private_directory(directory_fd, directory);
	return 0;
}

/* --look CONTAINER: names of files on standard input; what is said of each, in one line. For tests/models. */
static int look_at_files(const char *container)
{
	static const char *const words[] = { [REASON_ACTIVE_CONTENT] = "active", [REASON_TYPE_MISMATCH] = "mismatch" };
	char path[4096];

	while (fgets(path, sizeof(path), stdin)) {
		struct findings f = { 0 };
		struct row row = { path, path, (char *)(uintptr_t)container, NULL, NULL, NULL };
		uint8_t *data;
		size_t size;

		path[strcspn(path, "\n")] = '\0';
		data = load(path, &size);
		look(&row, data, size, &f);
		for (size_t i = 0; i < f.count; i++) {
			const char *word = f.list[i].reason < ARRAY_LEN(words) ? words[f.list[i].reason] : NULL;

			printf("%s\t%s\t%s\n", path, word ? word : "unsafe", f.list[i].detail);
		}
		if (f.count == 0)
			printf("%s\tclean\t\n", path);
		findings_done(&f);
		free(data);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--look") == 0)
		return look_at_files(argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_sorted),
		cmocka_unit_test(every_specimen),
		cmocka_unit_test(cut_and_changed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
