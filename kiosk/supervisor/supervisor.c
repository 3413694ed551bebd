/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"
#include "common/trust.h"
#include "ipc/ledger_client.h"
#include "sandbox/sandbox.h"
#include "supervisor/engine.h"
#include "supervisor/held.h"
#include "supervisor/recover.h"
#include "supervisor/starter.h"

struct patience supervisor_patience(const struct supervisor *s, uint64_t seconds)
{
	return (struct patience){ .signal_fd = s->signal_fd,
				  .deadline_ms = monotonic_ms() + (int64_t)MIN(seconds, (uint64_t)INT32_MAX) * 1000 };
}

/* -- configuration ---------------------------------------------------------------------------------------------- */

static void tell_yaml_errors(struct events *events, struct yaml_errors *errors)
{
	for (size_t k = 0; k < errors->count; k++) {
		const struct yaml_error *e = &errors->list[k];

		if (e->line > 0)
			events_error(events, "%s:%u:%u: %s", e->file, e->line, e->column, e->message);
		else
			events_error(events, "%s: %s", e->file, e->message);
	}
	if (errors->dropped > 0)
		events_error(events, "and %zu more errors", errors->dropped);
}

static int load_rules(struct supervisor *s, struct yaml_errors *errors)
{
	size_t n = json_array_size(s->keys);
	const char **names = calloc(n + 1, sizeof(*names));
	struct rules_context context = { names, n };
	int r;

	if (!names)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++)
		names[k] = json_string_value(json_object_get(json_array_get(s->keys, k), "name"));
	r = rules_load(s->config->rules_file, s->config->types_dir, &context, errors, &s->rules);
	free(names);
	return r;
}

static int load_files(struct supervisor *s, const char *dir)
{
	struct yaml_errors errors = { 0 };
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int trust_fd = -EBADF;
	int r = station_config_load(dir, &errors, &s->config);

	if (r == 0) {
		trust_fd = open(s->config->trust_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (trust_fd < 0 && asprintf(&why, "%s: %s", s->config->trust_dir, strerror(errno)) < 0)
			why = NULL;
		r = trust_fd < 0 ? -errno : trust_load(trust_fd, &s->keys, &why);
		if (r < 0)
			events_error(s->events, "%s", why ? why : strerror(-r));
		else
			r = load_rules(s, &errors);
	}
	tell_yaml_errors(s->events, &errors);
	if (r < 0 && !yaml_errors_any(&errors) && !why)
		events_error(s->events, "%s: %s", dir, strerror(-r));
	yaml_errors_done(&errors);
	return r;
}

static int open_dir(struct supervisor *s, const char *path, enum role_id owner, bool has_owner, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? -errno : has_owner ? sandbox_own(owner, fd) : 0;

	if (r == -EROFS || r == -EPERM)
		r = 0; /* what cannot be given away may still be writable; the role finds out and says so */
	if (r < 0) {
		close_p(&fd);
		events_error(s->events, "%s: %s%s", path, strerror(-r),
			     r == -ESRCH ? ": the accounts of the roles are missing; run systemd-sysusers on lazaret.conf" :
					   ". `lazaret init` makes the directories of a station.");
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int open_dirs(struct supervisor *s)
{
	const struct station_config *c = s->config;
	int r = open_dir(s, c->spool_dir, ROLE_VAULT, false, &s->spool_fd);

	if (r == 0)
		r = open_dir(s, c->staging_dir, ROLE_PUBLISH, true, &s->staging_fd);
	if (r == 0)
		r = open_dir(s, c->audit_dir, ROLE_LEDGER, true, &s->audit_fd);
	if (r == 0)
		r = open_dir(s, c->reports_dir, ROLE_LEDGER, true, &s->reports_fd);
	if (r == 0)
		r = open_dir(s, c->history_dir, ROLE_LEDGER, true, &s->history_fd);
	return r;
}

/* -- ledger ----------------------------------------------------------------------------------------------------- */

static int start_ledger(struct supervisor *s)
{
	_cleanup_close_ int key_fd = open(s->config->audit_key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct ledger_dirs dirs = { s->audit_fd, s->reports_fd, s->history_fd, key_fd };
	_cleanup_free_ char *why = NULL, *sandbox = NULL;
	int r;

	if (key_fd < 0) {
		r = -errno;
		events_trouble(s->events, TROUBLE_TRAIL, "%s: %s. `lazaret key make` makes the station's keys.", s->config->audit_key,
			     strerror(-r));
		return r;
	}
	r = process_start(ROLE_LEDGER, &s->ledger);
	if (r == 0)
		r = ledger_answer_within(&s->ledger.channel, s->config->limits.answer_time_s);
	if (r == 0)
		r = ledger_settings(&s->ledger.channel, s->config->segment_bytes, s->config->witness_file, &why);
	if (r == 0)
		r = ledger_start(&s->ledger.channel, s->config->id, &dirs, &sandbox, &why);
	if (r < 0) {
		events_trouble(s->events, TROUBLE_TRAIL, "audit trail in %s: %s. No medium is accepted while it cannot be written.",
			     s->config->audit_dir, why ? why : strerror(-r));
		return r;
	}
	(void)snprintf(s->sandbox, sizeof(s->sandbox), "%s", sandbox ? sandbox : "");
	return 0;
}

int supervisor_audit(struct supervisor *s, const char *type, const json_t *body, uint64_t *ret_seq, char ret_hash[static 65])
{
	_cleanup_free_ char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS), *why = NULL;
	struct ledger_place place;
	int r = text ? ledger_append(&s->ledger.channel, type, text, &place, &why) : -ENOMEM;

	if (r < 0) {
		events_error(s->events, "audit trail in %s: %s. Transfers stop until it can be written again.",
			     s->config->audit_dir, why ? why : strerror(-r));
		return r;
	}
	*ret_seq = place.seq;
	hex_encode(place.hash, SHA256_LEN, ret_hash);
	return 0;
}

int supervisor_check(const char *dir, struct events *events)
{
	struct supervisor *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (s) {
		s->events = events;
		r = load_files(s, dir);
		rules_free(s->rules);
		station_config_free(s->config);
		json_decref(s->keys);
	}
	free(s);
	return r;
}

/* -- all of it --------------------------------------------------------------------------------------------------- */

static int check_sandbox(struct supervisor *s)
{
	const char *where;
	int r = starter_is_used() ? starter_probe(&where) : sandbox_probe(&where);

	if (r < 0)
		events_trouble(s->events, TROUBLE_INTERNAL, "this system cannot confine the examiners (%s: %s); the station does not start without", where,
			     strerror(-r));
	return r;
}

int supervisor_open_records(const char *dir, struct events *events, int signal_fd, struct supervisor **ret)
{
	_cleanup_(supervisor_freep) struct supervisor *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->events = events;
	s->signal_fd = signal_fd;
	s->answers_fd = s->spool_fd = s->staging_fd = s->audit_fd = s->reports_fd = s->history_fd = -EBADF;
	r = load_files(s, dir);
	if (r == 0)
		r = check_sandbox(s);
	if (r == 0)
		r = open_dirs(s);
	if (r == 0)
		r = start_ledger(s);
	if (r == 0)
		r = recover_all(s);
	if (r >= 0)
		r = held_sweep(s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

int supervisor_begin(const char *dir, struct events *events, int signal_fd, struct supervisor **ret)
{
	_cleanup_(supervisor_freep) struct supervisor *s = NULL;
	int r = supervisor_open_records(dir, events, signal_fd, &s);

	if (r == 0)
		r = engine_start(s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

int supervisor_open(const char *dir, struct events *events, int signal_fd, struct supervisor **ret)
{
	_cleanup_(supervisor_freep) struct supervisor *s = NULL;
	int r = supervisor_begin(dir, events, signal_fd, &s);

	if (r == 0)
		r = engine_wait(s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

int supervisor_become(struct supervisor *s, struct events *events, int signal_fd, int answers_fd,
		      const int *examiner_fds)
{
	s->events = events;
	s->signal_fd = signal_fd;
	s->answers_fd = answers_fd;
	s->config->spool_bytes /= s->config->devices.at_once; /* no medium can take the others' room */
	process_forget(&s->ledger);
	for (size_t k = 0; k < s->examiner_count; k++) {
		struct process *p = &s->examiners[k].process;
		const struct process parent = *p; /* what it said of itself holds for us, too */

		process_forget(p);
		process_attach(parent.role, examiner_fds ? examiner_fds[k] : -EBADF, p);
		memcpy(p->made_of, parent.made_of, sizeof(p->made_of));
	}
	return start_ledger(s);
}

struct supervisor *supervisor_free(struct supervisor *s)
{
	if (!s)
		return NULL;
	for (size_t k = 0; k < s->examiner_count; k++)
		(void)process_end(&s->examiners[k].process); /* holds nothing that must be kept */
	if (process_end(&s->ledger) != 0)
		log_warning("the ledger did not end cleanly");
	rules_free(s->rules);
	station_config_free(s->config);
	json_decref(s->keys);
	json_decref(s->engines);
	close_p(&s->spool_fd);
	close_p(&s->staging_fd);
	close_p(&s->audit_fd);
	close_p(&s->reports_fd);
	close_p(&s->history_fd);
	free(s);
	return NULL;
}
