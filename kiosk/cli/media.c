/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret media`, `lazaret devices`, `lazaret reload`: what the console does, for scripts and for officers who set a
 * station up. All text was escaped by lazaretd; records_put() catches what was not.
 */
#include "cli/media.h"

#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "cli/records.h"
#include "common/log.h"

#define ANSWER_MS 20000

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static void client_p(struct control_client **c)
{
	*c = control_client_free(*c);
}

static const char *get(const json_t *o, const char *key)
{
	const char *v = json_string_value(json_object_get(o, key));

	return v ? v : "";
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* -- the daemon ---------------------------------------------------------------------------------------------- */

int daemon_connect(const struct station_config *c, struct control_client **ret)
{
	return control_client_new(c->control.socket, ret);
}

const char *daemon_words(int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
	case -ENOTCONN:
		return "lazaretd does not run";
	case -EACCES:
	case -EPERM:
		return "your account may not speak with lazaretd (control.group in lazaret.yaml)";
	case -EUSERS:
	case -EAGAIN:
		return "too many programs are connected to lazaretd";
	case -ETIMEDOUT:
		return "lazaretd does not answer";
	default:
		return strerror(-error);
	}
}

int daemon_ask(struct control_client *client, const char *name, json_t *fields, json_t **ret)
{
	return control_client_ask(client, name, fields, ANSWER_MS, ret);
}

static int no_daemon(const struct station_config *c, int error)
{
	log_error("%s (%s)", daemon_words(error), c->control.socket);
	return EXIT_CANNOT;
}

/* Ask, and tell what went wrong. Returns 0 with the answer, or an exit status. */
static int ask_or_tell(struct cli *cli, const char *name, json_t *taken_fields, json_t **ret)
{
	_cleanup_(json_decref_p) json_t *fields = taken_fields, *answer = NULL;
	_cleanup_(station_config_freep) struct station_config *c = records_config(cli);
	_cleanup_(client_p) struct control_client *client = NULL;
	int r;

	if (!c)
		return EXIT_CANNOT;
	r = daemon_connect(c, &client);
	if (r == 0)
		r = daemon_ask(client, name, TAKE_PTR(fields), &answer);
	if (r < 0)
		return no_daemon(c, r);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		log_error("%s", get(json_object_get(answer, "error"), "text"));
		return EXIT_REFUSED;
	}
	*ret = TAKE_PTR(answer);
	return 0;
}

static void put_json(const json_t *o)
{
	_cleanup_free_ char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);

	(void)puts(text ? text : "null");
}

/* -- media --------------------------------------------------------------------------------------------------- */

static void put_numbers(const json_t *m)
{
	const json_t *p = json_object_get(m, "progress"), *n = json_object_get(m, "counts");

	if (json_is_object(n))
		(void)printf("  %" PRId64 " files: %" PRId64 " approved, %" PRId64 " held, %" PRId64 " blocked", number(n, "files"),
			     number(n, "approved"), number(n, "held"), number(n, "blocked"));
	else if (json_is_object(p) && number(p, "files_read") > 0)
		(void)printf("  %" PRId64 " files read, %" PRId64 " examined, %" PRId64 " with findings", number(p, "files_read"),
			     number(p, "files_examined"), number(m, "found"));
}

static void put_part(const char *before, const char *text)
{
	if (!*text)
		return;
	(void)fputs(before, stdout);
	records_put(text);
}

static void put_medium(const json_t *m)
{
	const json_t *queue = json_object_get(m, "queue"), *trouble = json_object_get(m, "trouble");

	(void)printf("%-3" PRId64 " %-10s", number(m, "medium"), get(m, *get(m, "outcome") ? "outcome" : "state"));
	put_part(" ", get(m, "kind"));
	put_part(" ", get(m, "vendor"));
	put_part(" ", get(m, "model"));
	put_part(" at ", get(m, "port"));
	put_part("  ", get(m, "transfer"));
	if (json_is_object(queue))
		put_part("  waits: ", get(queue, "why"));
	put_numbers(m);
	if (json_is_true(json_object_get(m, "present")))
		(void)fputs(json_is_true(json_object_get(m, "removable")) ? "  may be taken out" : "  leave it in", stdout);
	if (json_is_object(trouble))
		put_part("  ", get(trouble, "text"));
	(void)fputc('\n', stdout);
}

static int list_media(struct cli *cli, bool is_json)
{
	_cleanup_(json_decref_p) json_t *answer = NULL;
	json_t *media, *m;
	size_t k;
	int status = ask_or_tell(cli, "state", NULL, &answer);

	if (status != 0)
		return status;
	media = json_object_get(answer, "media");
	if (is_json) {
		put_json(media);
		return 0;
	}
	json_array_foreach(media, k, m)
		put_medium(m);
	if (json_array_size(media) == 0)
		(void)puts("no medium");
	return 0;
}

static void put_event(const json_t *o, bool is_json)
{
	const char *event = get(o, "event");

	if (is_json)
		put_json(o);
	else if (strcmp(event, "medium") == 0)
		put_medium(o);
	else if (strcmp(event, "medium-gone") == 0)
		(void)printf("%-3" PRId64 " gone\n", number(o, "medium"));
	(void)fflush(stdout); /* what cannot be written ends watch_media() */
}

static int watch_media(struct cli *cli, bool is_json)
{
	_cleanup_(station_config_freep) struct station_config *c = records_config(cli);
	_cleanup_(client_p) struct control_client *client = NULL;
	int64_t id = 0;
	int r;

	if (!c)
		return EXIT_CANNOT;
	r = daemon_connect(c, &client);
	if (r == 0)
		id = control_client_request(client, "watch", NULL);
	r = r < 0 ? r : id < 0 ? (int)id : 0;
	while (r == 0 && !ferror(stdout)) {
		struct pollfd polled = { .fd = control_client_fd(client), .events = control_client_events(client) };
		json_t *o;

		if (poll(&polled, 1, -1) < 0 && errno != EINTR)
			return EXIT_CANNOT;
		r = control_client_serve(client);
		while ((o = control_client_next(client))) {
			if (!json_object_get(o, "answer"))
				put_event(o, is_json);
			json_decref(o);
		}
	}
	return r < 0 ? no_daemon(c, r) : EXIT_CANNOT; /* nobody reads what is printed */
}

static int tell_medium(struct cli *cli, const char *verb, const char *text)
{
	static const char *const verbs[] = { "cancel", "dismiss", "eject", "again" };
	_cleanup_(json_decref_p) json_t *answer = NULL;
	char *end;
	long long id;

	errno = 0;
	id = strtoll(text, &end, 10);
	for (size_t k = 0; !errno && !*end && end != text && id > 0 && k < ARRAY_LEN(verbs); k++)
		if (strcmp(verb, verbs[k]) == 0)
			return ask_or_tell(cli, verb, json_pack("{sI}", "medium", (json_int_t)id), &answer);
	return EXIT_USAGE;
}

int cmd_media(struct cli *cli)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "watch", no_argument, NULL, 'w' }, { 0 } };
	bool is_json = cli->is_json, is_watching = false;
	int c, status = EXIT_USAGE;

	optind = 0; /* glibc: begin again with this vector */
	while ((c = getopt_long(cli->argc, cli->argv, "", options, NULL)) == 'j' || c == 'w') {
		is_json = is_json || c == 'j';
		is_watching = is_watching || c == 'w';
	}
	if (c == -1 && optind == cli->argc)
		return is_watching ? watch_media(cli, is_json) : list_media(cli, is_json);
	if (c == -1 && optind + 2 == cli->argc && !is_watching)
		status = tell_medium(cli, cli->argv[optind], cli->argv[optind + 1]);
	if (status == EXIT_USAGE)
		(void)fputs("usage: lazaret media [--json] [--watch]\n       lazaret media cancel | dismiss | eject | again ID\n", stderr);
	return status;
}

/* -- devices ------------------------------------------------------------------------------------------------- */

/* Words before an empty column would move the others. */
static void put_column(int width, const char *text)
{
	(void)printf("%-*s ", width, *text ? text : "-");
}

static void put_usb(const json_t *u)
{
	put_column(10, get(u, "port"));
	put_column(9, get(u, "id"));
	put_column(6, get(u, "role"));
	put_column(8, json_is_true(json_object_get(u, "accepted")) ? "accepted" : "refused");
	put_column(17, get(u, "interfaces"));
	put_part("", get(u, "vendor"));
	put_part(" ", get(u, "product"));
	put_part(" serial ", get(u, "serial"));
	put_part(": ", get(u, "why"));
	(void)fputc('\n', stdout);
}

static void put_devices(const json_t *devices)
{
	json_t *o;
	size_t k;

	(void)printf("guard  %s\n", json_is_true(json_object_get(devices, "guard")) ?
					    "on: USB devices are authorised by lazaretd alone" :
					    "off: the kernel takes every USB device into service");
	(void)fputs("media  ", stdout);
	json_array_foreach(json_object_get(devices, "media_ports"), k, o)
		put_part(k ? ", " : "ports ", json_string_value(o) ? json_string_value(o) : "");
	(void)puts(k ? "" : "no port");
	put_part("file   ", get(devices, "file"));
	(void)puts("\n");
	json_array_foreach(json_object_get(devices, "usb"), k, o) {
		if (k == 0)
			(void)printf("%-10s %-9s %-6s %-8s %-17s %s\n", "port", "id", "role", "", "interfaces", "device");
		put_usb(o);
	}
	if (k == 0)
		(void)puts("no USB device");
}

static bool wants_json(const struct cli *cli, bool *ret)
{
	bool has_option = cli->argc == 2 && strcmp(cli->argv[1], "--json") == 0;

	*ret = cli->is_json || has_option;
	return cli->argc == 1 || has_option;
}

int cmd_devices(struct cli *cli)
{
	_cleanup_(json_decref_p) json_t *answer = NULL;
	bool is_json;
	int status;

	if (!wants_json(cli, &is_json)) {
		(void)fputs("usage: lazaret devices [--json]\n", stderr);
		return EXIT_USAGE;
	}
	status = ask_or_tell(cli, "state", NULL, &answer);
	if (status == 0 && is_json)
		put_json(json_object_get(answer, "devices"));
	else if (status == 0)
		put_devices(json_object_get(answer, "devices"));
	return status;
}

int cmd_reload(struct cli *cli)
{
	_cleanup_(json_decref_p) json_t *answer = NULL;
	int status;

	if (cli->argc != 1) {
		(void)fputs("usage: lazaret reload\n", stderr);
		return EXIT_USAGE;
	}
	status = ask_or_tell(cli, "reload", NULL, &answer);
	if (status == 0)
		(void)puts("begun; `lazaret status` tells the outcome");
	return status;
}
