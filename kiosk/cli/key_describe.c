/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The command line reads no key file: lazaretd has its roles do it. */
#include <string.h>

#include "cli/daemon.h"
#include "cli/key.h"
#include "cli/records.h"
#include "common/log.h"

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

static bool is_key(const json_t *e)
{
	static const char *const texts[] = { "kind", "fingerprint", "key_id", "owner", "key", "trouble" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!json_is_string(json_object_get(e, texts[i])))
			return false;
	return json_is_integer(json_object_get(e, "created")) && json_is_integer(json_object_get(e, "expires"));
}

static json_t *read_events(FILE *in)
{
	_cleanup_free_ char *line = NULL;
	json_t *key = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, in)) > 0) {
		json_t *e = json_loadb(line, (size_t)n, 0, NULL);

		if (strcmp(text_of(e, "event"), "error") == 0) {
			(void)fputs("lazaret: error: ", stderr); /* nowhere left to complain to */
			records_print(stderr, text_of(e, "text"));
			(void)fputc('\n', stderr);
		}
		if (!key && strcmp(text_of(e, "event"), "key") == 0 && is_key(e))
			key = json_incref(e);
		json_decref(e);
	}
	return key;
}

int key_describe(const char *station_dir, const char *file, json_t **ret)
{
	const char *const argv[] = { "-C", station_dir, "--describe-key", "--", file, NULL };
	_cleanup_fclose_ FILE *in = NULL;
	json_t *key = NULL;
	pid_t pid = 0;
	int fd = daemon_start(argv, &pid), status;

	if (fd < 0) {
		log_error("lazaretd: %s", strerror(-fd));
		return EXIT_CANNOT;
	}
	in = fdopen(fd, "r");
	if (in)
		key = read_events(in);
	else
		close_p(&fd);
	status = daemon_wait(pid);
	if (status == 0 && !key) {
		log_error("%s: lazaretd said nothing about it", file);
		status = EXIT_CANNOT;
	}
	if (status == 0 && *text_of(key, "trouble")) {
		(void)fprintf(stderr, "lazaret: error: %s: ", file); /* as above */
		records_print(stderr, text_of(key, "trouble"));
		(void)fputs(". It is not trusted.\n", stderr);
		status = EXIT_FAILURE;
	}
	if (status != 0)
		json_decref(key);
	else
		*ret = key;
	return status;
}
