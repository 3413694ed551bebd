/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* kiosk/monitor: what becomes of hostile labels, of states, of what is not known; the file; which records the journal is told. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/fd.h"
#include "monitor/exposition.h"
#include "monitor/journal.h"
#include "monitor/metrics.h"

static char *sample(const char *value)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	exposition_labelled(out, "lazaret_x", "name", value, 7);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void expect(const char *value, const char *line)
{
	char *text = sample(value);

	assert_string_equal(text, line);
	free(text);
}

static void labels(void **state)
{
	char long_name[400];
	char *text;

	expect("plain", "lazaret_x{name=\"plain\"} 7\n");
	expect("", "lazaret_x{name=\"\"} 7\n");
	expect("say \"no\"", "lazaret_x{name=\"say \\\"no\\\"\"} 7\n");
	expect("} 9\nlazaret_up 1", "lazaret_x{name=\"} 9\\\\x0alazaret_up 1\"} 7\n");
	expect("\xff\x1b[2J", "lazaret_x{name=\"\\\\xff\\\\x1b[2J\"} 7\n");
	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	text = sample(long_name);
	assert_int_equal(strlen(text), strlen("lazaret_x{name=\"\"} 7\n") + EXPOSITION_LABEL_MAX);
	free(text);
	/* cut between characters: 127 bytes and one of two */
	memcpy(long_name + EXPOSITION_LABEL_MAX - 1, "\xc3\xa9\xc3\xa9", 5);
	text = sample(long_name);
	assert_int_equal(strlen(text), strlen("lazaret_x{name=\"\"} 7\n") + EXPOSITION_LABEL_MAX - 1);
	free(text);
}

static char *written(const char *station, const char *media)
{
	struct metrics_live live = { .started = 5, .members = 3 };
	json_t *o = json_loads(station, 0, NULL), *list = json_loads(media, 0, NULL);
	const struct metrics m = { .station = o, .media = list, .live = &live, .now = 1000 };
	char *text;
	size_t size;

	assert_non_null(o);
	assert_int_equal(metrics_write(&m, &text, &size), 0);
	assert_int_equal(strlen(text), size);
	json_decref(o);
	json_decref(list);
	return text;
}

static void has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("%s is not in:\n%s", line, text);
}

static void stations(void **state)
{
	char *text = written("{\"state\":\"ready\",\"trouble\":null,\"name\":\"q\",\"id\":\"1\",\"policy\":\"p\"}", "[{\"state\":\"reading\"},{\"state\":\"queued\"}]");

	has(text, "lazaret_up 1\n");
	has(text, "lazaret_station_state{state=\"ready\"} 1\n");
	has(text, "lazaret_station_state{state=\"stopped\"} 0\n");
	has(text, "lazaret_station_trouble{code=\"other\"} 0\n");
	has(text, "lazaret_media{state=\"reading\"} 1\n");
	has(text, "lazaret_inspections_running 1\n");
	has(text, "lazaret_queue_length 1\n");
	has(text, "lazaret_members_examined_total 3\n");
	assert_null(strstr(text, "lazaret_held"));
	assert_null(strstr(text, "lazaret_files_total"));
	free(text);
	text = written("{\"state\":\"stopped\",\"trouble\":{\"code\":\"staging-full\"},\"held\":{\"files\":4,\"bytes\":9,\"open\":3,\"proposed\":1},"
		       "\"sets\":[{\"name\":\"yara\",\"age_s\":60,\"time\":940}]}", "[]");
	has(text, "lazaret_station_trouble{code=\"staging-full\"} 1\n");
	has(text, "lazaret_station_trouble{code=\"trail\"} 0\n");
	has(text, "lazaret_held_open 3\n");
	has(text, "lazaret_set_age_seconds{name=\"yara\"} 60\n");
	free(text);
	text = written("{\"state\":\"ending\",\"trouble\":{\"code\":\"new-in-a-later-version\"}}", "[]");
	has(text, "lazaret_up 0\n");
	has(text, "lazaret_station_trouble{code=\"other\"} 1\n");
	free(text);
}

static void files(void **state)
{
	char dir[] = "/tmp/lazaret-metrics-XXXXXX", path[64], victim[64], fresh[64];
	char *text;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a.prom", dir);
	(void)snprintf(victim, sizeof(victim), "%s/victim", dir);
	(void)snprintf(fresh, sizeof(fresh), "%s/.a.prom.new", dir);
	assert_int_equal(metrics_replace(path, "one\n", 4), 0);
	assert_int_equal(close(open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	assert_int_equal(symlink(victim, fresh), 0); /* is replaced, not followed */
	assert_int_equal(metrics_replace(path, "two\n", 4), 0);
	assert_int_equal(file_read(AT_FDCWD, path, 100, &text, NULL), 0);
	assert_string_equal(text, "two\n");
	free(text);
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(access(fresh, F_OK), -1);
	assert_int_equal(metrics_replace("/nowhere/a.prom", "x", 1), -ENOENT);
	assert_int_equal(dir_remove_tree(AT_FDCWD, dir), 0);
}

static void kinds(void **state)
{
	assert_int_equal(journal_kind_of("device-refused"), JOURNAL_DEVICE);
	assert_int_equal(journal_kind_of("decision"), JOURNAL_DECISION);
	assert_int_equal(journal_kind_of("update-applied"), JOURNAL_UPDATE);
	assert_int_equal(journal_kind_of("key-trusted"), JOURNAL_TRUST);
	assert_int_equal(journal_kind_of("person-added"), JOURNAL_PEOPLE);
	assert_int_equal(journal_kind_of("device-accepted"), JOURNAL_NONE);
	assert_int_equal(journal_kind_of("decisions"), JOURNAL_NONE);
	assert_int_equal(journal_kind_of("update"), JOURNAL_NONE);
	assert_int_equal(journal_kind_of(""), JOURNAL_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test(stations),
		cmocka_unit_test(files),
		cmocka_unit_test(kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
