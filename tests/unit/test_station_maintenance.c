/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* maintenance.yaml: what is kept comes back, in the place of what lazaret.yaml says, and nothing that is wrong with it passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "station/maintenance.h"

static char dir[] = "/tmp/lazaret-maintenance-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#define LAZARET_YAML "format: lazaret.station/1\nstation:\n  name: Gate 3\n  id: 0123456789abcdef\ndatabase:\n  directory: /db\n  files: [{file: daily.cvd}]\n" \
		     "devices:\n  media-ports: [1-2]\n  inputs: [{port: 1-1, id: '046d:c31c'}]\n  hubs: ['1-4']\n"

static int group_setup(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	write_file("lazaret.yaml", LAZARET_YAML);
	return 0;
}

static int group_teardown(void **state)
{
	return dir_remove_tree(AT_FDCWD, dir);
}

static int forget(void **state)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/" MAINTENANCE_FILE, dir);
	(void)unlink(path); /* some tests leave none */
	return 0;
}

static struct station_config *load(void)
{
	struct station_config *c = NULL;
	struct yaml_errors errors = { 0 };
	int r = station_config_load(dir, &errors, &c);

	yaml_errors_print(&errors, stderr);
	yaml_errors_done(&errors);
	assert_int_equal(r, 0);
	return c;
}

static void devices_are(const struct station_config *c, const char *wanted)
{
	json_t *lists = maintenance_devices(c);
	char *is = json_dumps(lists, JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(is, wanted);
	free(is);
	json_decref(lists);
}

#define BEFORE "{\"hubs\":[\"1-4\"],\"inputs\":[{\"id\":\"046d:c31c\",\"port\":\"1-1\"}],\"media-ports\":[\"1-2\"]}"

static void without_it_lazaret_yaml_counts(void **state)
{
	struct station_config *c = load();

	devices_are(c, BEFORE);
	assert_string_equal(c->name, "Gate 3");
	assert_false(c->has_kept_devices);
	assert_false(c->has_kept_name);
	station_config_free(c);
}

static void what_is_kept_comes_back(void **state)
{
	json_t *lists = json_pack("{s:[],s:[{s:s,s:s},{s:s,s:s}],s:[s,s]}", "media-ports", "inputs", "port", "1-1", "id", "046d:c31c", "port", "1-4.1.3", "id",
				  "04d9:0169", "hubs", "1-4", "1-4.1");
	struct station_config *c = load();

	assert_int_equal(maintenance_keep(c, "anna", lists, NULL), 0);
	station_config_free(c);
	c = load();
	assert_true(c->has_kept_devices);
	assert_false(c->has_kept_name);
	devices_are(c, "{\"hubs\":[\"1-4\",\"1-4.1\"],\"inputs\":[{\"id\":\"046d:c31c\",\"port\":\"1-1\"},{\"id\":\"04d9:0169\",\"port\":\"1-4.1.3\"}],\"media-ports\":[]}");
	/* a name does not lose the ports, nor ports the name */
	assert_int_equal(maintenance_keep(c, "anna", NULL, "Tor 4: \"S\xc3\xbc""d\" \xf0\x9f\x9a\xaa #1"), 0);
	station_config_free(c);
	c = load();
	assert_string_equal(c->name, "Tor 4: \"S\xc3\xbc""d\" \xf0\x9f\x9a\xaa #1");
	assert_true(c->has_kept_devices && c->has_kept_name);
	assert_int_equal(json_array_clear(json_object_get(lists, "inputs")), 0);
	assert_int_equal(json_array_clear(json_object_get(lists, "hubs")), 0);
	assert_int_equal(maintenance_keep(c, "anna", lists, NULL), 0);
	station_config_free(c);
	c = load();
	devices_are(c, "{\"hubs\":[],\"inputs\":[],\"media-ports\":[]}"); /* nothing at all: not what lazaret.yaml says */
	assert_string_equal(c->name, "Tor 4: \"S\xc3\xbc""d\" \xf0\x9f\x9a\xaa #1");
	station_config_free(c);
	json_decref(lists);
}

static void what_may_change_is_swapped_and_nothing_else(void **state)
{
	struct station_config *old = load(), *new;

	assert_int_equal(maintenance_keep(old, "anna", NULL, "Gate 4"), 0);
	new = load();
	old->spool_bytes = 4711;
	maintenance_swap(old, new);
	assert_string_equal(old->name, "Gate 4");
	assert_string_equal(new->name, "Gate 3");
	assert_true(old->has_kept_name);
	assert_int_equal(old->spool_bytes, 4711);
	devices_are(old, BEFORE);
	station_config_free(old);
	station_config_free(new);
}

static void what_is_wrong_is_refused(void **state)
{
	static const char *const wrong[] = {
		"", "{}", "[]", "{\"format\": \"lazaret.maintenance/2\", \"by\": \"a\", \"at\": 1}", "{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\"}",
		"{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\", \"at\": 1, \"rules\": \"x\"}",
		"{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\", \"at\": 1, \"devices\": {\"usb-guard\": false}}",
		"{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\", \"at\": 1, \"devices\": {\"media-ports\": [\"../1\"]}}",
		"{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\", \"at\": 1, \"devices\": {\"inputs\": [{\"port\": \"1-1\", \"id\": \"any\"}]}}",
		"{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\", \"at\": 1, \"devices\": {\"hubs\": [\"1-4\"", /* half of it */
		"{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\", \"at\": 1, \"devices\": 5}",
		"{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\", \"at\": 1, \"name\": \"\"}",
		"{\"format\": \"lazaret.maintenance/1\", \"by\": \"a\", \"at\": 1, \"name\": \"a\\u001b[2J\"}",
	};

	for (size_t k = 0; k < ARRAY_LEN(wrong); k++) {
		struct station_config *c = NULL;
		struct yaml_errors errors = { 0 };
		bool is_told = false;

		write_file(MAINTENANCE_FILE, wrong[k]);
		assert_int_not_equal(station_config_load(dir, &errors, &c), 0);
		for (size_t i = 0; i < errors.count; i++)
			is_told = is_told || strstr(errors.list[i].file, MAINTENANCE_FILE);
		assert_true(is_told);
		yaml_errors_done(&errors);
	}
}

static void names(void **state)
{
	char longest[STATION_NAME_MAX + 2];

	memset(longest, 'x', sizeof(longest));
	longest[STATION_NAME_MAX + 1] = '\0';
	assert_false(station_name_valid(longest));
	longest[STATION_NAME_MAX] = '\0';
	assert_true(station_name_valid(longest));
	assert_true(station_name_valid("Tor 4, S\xc3\xbc""d"));
	assert_false(station_name_valid(""));
	assert_false(station_name_valid("   "));
	assert_false(station_name_valid("a\nb"));
	assert_false(station_name_valid("a\x7f"));
	assert_false(station_name_valid("\xff"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, forget)
	const struct CMUnitTest tests[] = {
		TEST(without_it_lazaret_yaml_counts), TEST(what_is_kept_comes_back), TEST(what_may_change_is_swapped_and_nothing_else), TEST(what_is_wrong_is_refused),
		TEST(names),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
