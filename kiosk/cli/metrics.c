/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret metrics: what lazaretd writes for Prometheus' textfile collector. Told by the lazaretd that runs, or found in the
 * station's directory when none does: then there is no state of it, and ages are those of the files.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/media.h"
#include "cli/records.h"
#include "common/history_totals.h"
#include "common/log.h"
#include "monitor/metrics.h"

static int put(const char *text, size_t size)
{
	return fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0 ? 0 : -EIO;
}

/* -- told by lazaretd -------------------------------------------------------------------------------------------- */

static int ask_daemon(const struct station_config *c)
{
	struct control_client *client = NULL;
	json_t *answer = NULL;
	const char *text;
	int r = daemon_connect(c, &client);

	if (r == 0)
		r = daemon_ask(client, "metrics", NULL, &answer);
	control_client_free(client);
	text = json_string_value(json_object_get(answer, "text"));
	if (r == 0)
		r = text ? put(text, strlen(text)) : -EPROTO;
	json_decref(answer);
	return r;
}

/* -- found in the directory -------------------------------------------------------------------------------------- */

static int count_all(const struct station_config *c, struct history_totals *ret)
{
	_cleanup_(history_freep) struct history *h = NULL;
	bool is_more = true, is_anew;
	int r = records_history(c, false, &h);

	while (r == 0 && is_more)
		r = history_totals_count(h, ret, &is_more, &is_anew);
	return r == -ENODATA ? 0 : r; /* nothing yet */
}

static json_t *database_files(const struct station_config *c, time_t now, int64_t *ret_oldest)
{
	json_t *list = json_array();

	*ret_oldest = -1;
	for (size_t k = 0; k < c->database.count; k++) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (asprintf(&path, "%s/%s", c->database.dir, c->database.files[k].file) < 0 || stat(path, &st) < 0)
			continue;
		*ret_oldest = MAX(*ret_oldest, (int64_t)(now - st.st_mtim.tv_sec));
		(void)json_array_append_new(list, json_pack("{s:s,s:I,s:I}", "name", c->database.files[k].file, "time", (json_int_t)st.st_mtim.tv_sec,
							    "age_s", (json_int_t)(now - st.st_mtim.tv_sec))); /* one sample is lost */
	}
	return list;
}

static int look(const struct station_config *c)
{
	struct history_totals totals = { 0 };
	struct facts facts;
	struct metrics m = { .config = c, .totals = &totals, .facts = &facts, .now = time(NULL) };
	_cleanup_free_ char *text = NULL;
	json_t *station, *list;
	struct stat st;
	size_t size = 0;
	int64_t oldest;
	int r = count_all(c, &totals);

	if (r < 0)
		return r; /* told */
	facts_look(c, &facts);
	list = database_files(c, m.now, &oldest);
	station = json_pack("{s:s,s:s,s:o,s:s,s:I}", "id", c->id, "name", c->name, "databases", list, "database_state",
			    oldest < 0 || oldest >= (int64_t)c->database.stop_age_s ? "stop" :
			    oldest >= (int64_t)c->database.warn_age_s		    ? "warn" :
										      "ok",
			    "rules_time", (json_int_t)(stat(c->rules_file, &st) < 0 ? 0 : st.st_mtim.tv_sec));
	m.station = station;
	r = station ? metrics_write(&m, &text, &size) : -ENOMEM;
	json_decref(station);
	if (r == 0)
		r = put(text, size);
	if (r < 0)
		log_error("%s", strerror(-r));
	return r;
}

int cmd_metrics(struct cli *cli)
{
	struct station_config *c;
	int r;

	if (cli->argc != 1) {
		(void)fputs("usage: lazaret metrics\n", stderr); /* nowhere left to complain to */
		return EXIT_USAGE;
	}
	c = records_config(cli);
	if (!c)
		return EXIT_CANNOT;
	r = ask_daemon(c);
	if (r == -ENOENT || r == -ECONNREFUSED)
		r = look(c);
	else if (r < 0)
		log_error("%s", daemon_words(r));
	station_config_free(c);
	return r < 0 ? EXIT_CANNOT : EXIT_SUCCESS;
}
