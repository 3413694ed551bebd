/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/init_answers.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "cli/records.h"
#include "common/fd.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "people/change.h"

int init_answers_load(const char *file, struct answers **ret, char ret_sha256[static 65])
{
	_cleanup_free_ char *text = NULL;
	struct yaml_errors errors = { 0 };
	uint8_t sum[SHA256_LEN];
	size_t size = 0;
	int r = file_read(AT_FDCWD, file, ANSWERS_BYTES_MAX, &text, &size);

	if (r == 0)
		r = sha256(text, size, sum);
	if (r < 0) {
		log_error("%s: %s", file, r == -EFBIG ? "larger than 64 KiB" : strerror(-r));
		return EXIT_CANNOT;
	}
	hex_encode(sum, sizeof(sum), ret_sha256);
	r = answers_parse(file, text, size, &errors, ret);
	if (r == -EINVAL)
		yaml_errors_print(&errors, stderr);
	else if (r < 0)
		log_error("%s: %s", file, strerror(-r));
	yaml_errors_done(&errors);
	return r < 0 ? EXIT_CANNOT : 0;
}

/* s since 1970 that the clock showed, when it was behind and has been set; 0: it was not. */
static int64_t set_clock(int64_t least)
{
	struct timespec to = { .tv_sec = (time_t)least };
	int64_t was = (int64_t)time(NULL);

	if (least <= was)
		return 0;
	if (clock_settime(CLOCK_REALTIME, &to) < 0) {
		log_warning("the clock is behind the answers' `clock`, and could not be set: %s", strerror(errno));
		return 0;
	}
	return was;
}

static int record_set_up(const struct station_config *config, const struct answers *a, const char *sha256, const char *by, int64_t was)
{
	json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "by", by, "answers", sha256, "name", config->name, "profile", answers_profile(a),
				 "time_zone", a->time_zone ? a->time_zone : "UTC", "persons", (json_int_t)a->person_count);
	int r = body ? 0 : -ENOMEM;

	if (r == 0 && was != 0 && json_object_set_new(body, "clock_was", json_integer(was)) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = records_append(config, "set-up", body);
	json_decref(body);
	return r;
}

static int add_person(const struct station_config *config, const struct answers_person *from, const char *by)
{
	struct people_change all = { .kind = PEOPLE_ADD, .dir = config->dir, .by = by, .name = from->name, .full_name = from->full_name,
				     .roles = from->roles, .people_fd = -EBADF, .hash = *from->hash ? strdup(from->hash) : NULL };
	_cleanup_(people_change_done) struct people_change *h = &all;
	const char *why;
	json_t *body = NULL;
	int r = *from->hash && !h->hash ? -ENOMEM : people_change_check(h, &why);

	if (r == 0)
		body = people_change_body(h);
	if (r == 0)
		r = body && json_object_set_new(body, "by", json_string(by)) == 0 ? records_append(config, people_change_record(h), body) : -ENOMEM;
	json_decref(body);
	return r == 0 ? people_change_make(h) : r;
}

int init_answers_apply(const char *dir, const struct answers *a, const char *sha256, const char *by)
{
	_cleanup_(station_config_freep) struct station_config *config = NULL;
	_cleanup_free_ char *clean = text_escape(by, strlen(by));
	struct yaml_errors errors = { 0 };
	int64_t was = set_clock(a->clock);
	int r = station_config_load(dir, &errors, &config);

	if (r < 0)
		yaml_errors_print(&errors, stderr);
	yaml_errors_done(&errors);
	if (r == 0)
		r = clean ? record_set_up(config, a, sha256, clean, was) : -ENOMEM;
	for (size_t k = 0; r == 0 && k < a->person_count; k++)
		r = add_person(config, &a->persons[k], clean);
	if (r < 0)
		log_error("%s: the station was made, but not what its answers say besides: %s", dir, strerror(-r));
	return r < 0 ? EXIT_CANNOT : 0;
}
