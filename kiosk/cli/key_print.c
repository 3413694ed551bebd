/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Keys, as a person compares them; and `lazaret key list`. */
#include <string.h>
#include <time.h>

#include "cli/key.h"
#include "cli/records.h"
#include "common/base64.h"
#include "common/log.h"

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

/* A line of output that fails is told by main(), which checks standard output at its end. */
static void start_line(FILE *out, const char *indent, const char *what)
{
	(void)fprintf(out, "%s%-13s", indent, what);
}

static void put_text(FILE *out, const char *indent, const char *what, const char *text)
{
	start_line(out, indent, what);
	records_print(out, *text ? text : "(not said)");
	(void)fputc('\n', out);
}

/* In groups of four digits: eyes and telephones lose their place in longer ones. */
static void put_fingerprint(FILE *out, const char *indent, const char *hex)
{
	start_line(out, indent, "fingerprint");
	for (size_t i = 0; hex[i]; i++) {
		if (i > 0 && i % 4 == 0)
			(void)fputc(' ', out);
		(void)fputc(hex[i], out);
	}
	(void)fputc('\n', out);
}

static void put_list(FILE *out, const char *indent, const char *what, const json_t *list)
{
	json_t *word;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	start_line(out, indent, what);
	json_array_foreach((json_t *)list, i, word) {
		(void)fputs(i > 0 ? ", " : "", out);
		records_print(out, json_string_value(word));
	}
	(void)fputc('\n', out);
}

static void put_time(FILE *out, const char *indent, const char *what, const json_t *key, const char *field, bool is_end)
{
	json_int_t at = json_integer_value(json_object_get(key, field));
	char text[RECORDS_TIME_LEN];

	if (at == 0)
		return;
	records_time(at, text);
	start_line(out, indent, what);
	(void)fprintf(out, "%s UTC%s\n", text, is_end && at <= time(NULL) ? " (over: counts no more)" : "");
}

/* Its last line of text: two lines are a comment and the key. */
static char *last_line(char *text)
{
	size_t n = strlen(text);
	char *newline;

	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

char *key_public_text(const json_t *key)
{
	const char *kind = text_of(key, "kind"), *base64 = text_of(key, "key");
	size_t n = strlen(base64), padding = n >= 4 ? (base64[n - 1] == '=') + (base64[n - 2] == '=') : 0;
	_cleanup_free_ char *text = NULL;
	char *line;

	if ((strcmp(kind, "minisign") != 0 && strcmp(kind, "signify") != 0) || n < 4)
		return NULL;
	text = calloc(1, n);
	if (!text || base64_decode(base64, n, text, n / 4 * 3 - padding) < 0)
		return NULL;
	line = last_line(text);
	return strspn(line, base64_letters) == strlen(line) && *line ? strdup(line) : NULL;
}

void key_print(FILE *out, const json_t *key, const char *indent)
{
	_cleanup_free_ char *public = key_public_text(key);

	put_text(out, indent, "kind", text_of(key, "kind"));
	put_text(out, indent, "owner", text_of(key, "owner"));
	put_fingerprint(out, indent, text_of(key, "fingerprint"));
	if (public)
		put_text(out, indent, "public key", public);
	put_text(out, indent, "key id", text_of(key, "key_id"));
	put_time(out, indent, "created", key, "created", false);
	put_time(out, indent, "key expires", key, "expires", true);
	put_list(out, indent, "trusted for", json_object_get(key, "purposes"));
	put_list(out, indent, "only paths", json_object_get(key, "paths"));
	put_list(out, indent, "only types", json_object_get(key, "types"));
	put_time(out, indent, "until", key, "until", true);
}

static void put_trusted(const json_t *key)
{
	char added[RECORDS_TIME_LEN];

	records_time(json_integer_value(json_object_get(key, "added_at")), added);
	(void)printf("%s%s\n", text_of(key, "name"), trust_key_has_ended(key, time(NULL)) ? "  EXPIRED" : "");
	key_print(stdout, key, "  ");
	(void)printf("  trusted      %s UTC by ", added);
	records_put(text_of(key, "by"));
	(void)fputc('\n', stdout);
}

int key_tell(const char *path, int error, char *why)
{
	log_error("%s/%s", path, why ? why : strerror(-error));
	free(why);
	return EXIT_CANNOT;
}

int key_list(const struct cli *cli, const struct station_config *config)
{
	_cleanup_close_ int fd = records_directory(config->trust_dir);
	json_t *keys = NULL, *key;
	char *why = NULL;
	size_t i;
	int r;

	if (fd < 0)
		return EXIT_CANNOT;
	r = trust_load(fd, &keys, &why);
	if (r < 0)
		return key_tell(config->trust_dir, r, why);
	json_array_foreach(keys, i, key) {
		if (cli->is_json) {
			(void)json_object_set_new(key, "expired", json_boolean(trust_key_has_ended(key, time(NULL)))); /* ours */
			(void)json_dumpf(key, stdout, JSON_COMPACT | JSON_SORT_KEYS); /* checked at the end by main() */
			(void)fputc('\n', stdout);
		} else {
			put_trusted(key);
		}
	}
	if (!cli->is_json && json_array_size(keys) == 0)
		(void)puts("no vendor key is trusted");
	json_decref(keys);
	return EXIT_SUCCESS;
}
