/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Stage "vouch": what the medium says about itself (lists of digests) and what others say about it (signatures). Roles that
 * prove evidence read the bytes; this stage only joins their answers with the docket.
 *
 *   - a digest that does not match blocks the file, whether anybody signed the list or not
 *   - a signature of a trusted key that does not match blocks the file
 *   - a list that was read only in part can prove a mismatch, and vouches for nothing
 *   - a file is covered when its digest is in a list whose whole chain leads to a key that is trusted for the purpose
 */
#include "supervisor/vouching.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "common/evidence_name.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/docket_trees.h"

#define READY_SECONDS 30
#define STEPS_BETWEEN_BREATHS 1024 /* some milliseconds */
#define ANSWER_SECONDS 300 /* for one file, and */
#define BYTES_PER_SECOND (32u << 20) /* of it: a slow disk, and SHA-512 on a slow processor */

/* All of it together. Ten thousand files, each of which keeps its role busy until just before the end of its patience, would
 * else take a month, while others wait with their media. */
#define STAGE_SECONDS 900
#define STAGE_MS_PER_ENTRY 20 /* a signature takes one or two; so many indexes of a mirror list all of its files */

struct patience vouch_patience(const struct vouching *v, uint64_t bytes)
{
	struct patience p = supervisor_patience(v->i->supervisor, ANSWER_SECONDS + bytes / BYTES_PER_SECOND);

	p.deadline_ms = MIN(p.deadline_ms, MIN(v->deadline_ms, v->i->patience.deadline_ms));
	return p;
}

static int set_deadline(struct vouching *v)
{
	struct docket_counts c = { 0 };
	int r = docket_count(v->i->docket, &c);
	uint64_t seconds = STAGE_SECONDS + c.files * STAGE_MS_PER_ENTRY / 1000 + c.bytes / BYTES_PER_SECOND;

	v->deadline_ms = supervisor_patience(v->i->supervisor, seconds).deadline_ms;
	return r;
}

int vouch_is_late(struct vouching *v, uint64_t id)
{
	int r;

	if (monotonic_ms() < v->deadline_ms)
		return 0;
	r = docket_find(v->i->docket, id, REASON_SCAN_TIMEOUT, "checking origins took all the time that there is for this medium");
	if (r == 0)
		r = docket_distrust(v->i->docket, id);
	return r < 0 ? r : 1;
}

int vouch_breathe(struct vouching *v)
{
	return ++v->steps % STEPS_BETWEEN_BREATHS != 0 ? 0 : vouch_breathe_now(v);
}

int vouch_breathe_now(struct vouching *v)
{
	struct pollfd polled = { .fd = v->i->patience.signal_fd, .events = POLLIN };

	if (poll(&polled, 1, 0) > 0)
		return -ECANCELED; /* it stays readable */
	return monotonic_ms() < v->i->patience.deadline_ms ? 0 : -ETIMEDOUT;
}

int vouch_note(struct vouching *v, const struct docket_entry *e, const char *words)
{
	_cleanup_free_ char *path = text_escape(e->path, strlen(e->path)), *clean = text_escape(words, strlen(words)), *note = NULL;
	struct docket_tree t;
	int r = docket_get_tree(v->i->docket, e->volume, &t);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	if (!path || !clean || asprintf(&note, "%s vouches for nothing: %s", path, clean) < 0)
		return -ENOMEM;
	return docket_note(v->i->docket, t.root, note);
}

const json_t *vouch_key(const struct vouching *v, const char *name)
{
	size_t k;
	json_t *key;

	json_array_foreach(v->i->supervisor->keys, k, key) {
		const char *trusted = json_string_value(json_object_get(key, "name"));

		if (trusted && strcmp(trusted, name) == 0)
			return key;
	}
	return NULL;
}

/* -- roles ---------------------------------------------------------------------------------------------------- */

static int start(struct vouching *v, enum role_id role, struct process *p)
{
	struct patience patience = supervisor_patience(v->i->supervisor, READY_SECONDS);
	_cleanup_free_ char *why = NULL;
	int r = proving_start(role, v->i->supervisor->keys, &patience, p, &why);

	if (r < 0)
		inspection_trouble(v->i, role_get(role)->executable, r, why);
	return r;
}

int vouch_role(struct vouching *v, enum role_id role, struct process **ret)
{
	int r = v->roles[role].pid == 0 ? start(v, role, &v->roles[role]) : 0;

	*ret = &v->roles[role];
	return r;
}

void vouch_end_roles(struct vouching *v)
{
	for (size_t k = 0; k < ROLE_COUNT_; k++)
		(void)process_end(&v->roles[k]); /* its answers are all here */
	(void)process_end(&v->index);
}

static int vouch_give_up(struct vouching *v, uint64_t id, const char *words)
{
	int r = vouch_note(v, v->entry, words && *words ? words : "it cannot be read");

	return r == 0 ? docket_distrust(v->i->docket, id) : r;
}

int vouch_role_failed(struct vouching *v, struct process *p, uint64_t id, int error, const char *words)
{
	enum reason reason = REASON_SCAN_ERROR;

	switch (error) {
	case -EBADMSG: /* it lives, and said so */
		if (v->is_inside && v->entry)
			return vouch_give_up(v, id, words);
		break;
	case -ETIMEDOUT:
		if (v->i->patience.deadline_ms <= monotonic_ms())
			return error; /* the whole inspection's time is over */
		reason = REASON_SCAN_TIMEOUT;
		process_kill(p);
		break;
	case -EDQUOT:
		reason = REASON_LIMIT_EXCEEDED;
		words = "it lists more than there is room for";
		process_kill(p);
		break;
	case -EPROTO:
	case -EPIPE:
	case -ENOTCONN:
		reason = REASON_SCANNER_CRASHED;
		process_kill(p);
		break;
	default:
		return error;
	}
	log_warning("job=%s: %s: file %llu: %s", v->i->transfer, role_get(p->role)->executable, (unsigned long long)id,
		    strerror(-error));
	error = docket_find(v->i->docket, id, reason, words && *words ? words : "what it vouches for could not be found out");
	return error == 0 ? docket_distrust(v->i->docket, id) : error;
}

/* -- recognising ------------------------------------------------------------------------------------------------ */

static int recognise(struct vouching *v, struct docket_entry *e)
{
	enum evidence_format format = EVIDENCE_NONE;
	struct patience patience = vouch_patience(v, 0);
	_cleanup_close_ int fd = -EBADF;
	struct process *p;
	int r = vouch_is_late(v, e->id);

	if (r != 0)
		return MIN(r, 0);
	r = vouch_role(v, ROLE_ORIGIN, &p);
	if (r == 0)
		r = inspection_open_copy(v->i, e->id, &fd);
	if (r < 0)
		return r;
	r = proving_recognise(p, e->path, fd, &patience, &format);
	if (r < 0)
		return vouch_role_failed(v, p, e->id, r, NULL);
	r = format != EVIDENCE_NONE && docket_is_member(e->id) ? docket_plant(v->i->docket, e->id) : 0;
	return r < 0 || format == EVIDENCE_NONE ? r : docket_set_evidence(v->i->docket, e->id, format);
}

/* Kept with it may be what it is about, which promises nothing. */
static int each_copy_recognised(void *context, struct docket_entry *e)
{
	return evidence_name_promises(e->path) ? recognise(context, e) : 0;
}

static int each_recognised(void *context, struct docket_entry *e)
{
	return e->kind == ENTRY_FILE && e->has_sum && evidence_name_promises(e->path) ? recognise(context, e) : 0;
}

int vouch_each(struct vouching *v, docket_each_fn each)
{
	return v->is_inside ? docket_each_leaf(v->i->docket, each, v) : docket_each(v->i->docket, each, v);
}

/* -- the stage -------------------------------------------------------------------------------------------------- */

static int each_vouched(void *context, struct docket_entry *e)
{
	struct vouching *v = context;

	return e->kind == ENTRY_FILE && e->has_sum ? docket_done(v->i->docket, e->id, CHECK_LISTS | CHECK_ORIGIN) : 0;
}

/* One pass, one set of processes: a list that takes its role over must not tell what a signature is worth, and who computes
 * digests parses nothing. */
static int pass_over(struct vouching *v, docket_each_fn each)
{
	int r = vouch_each(v, each);

	vouch_end_roles(v);
	return r;
}

static int pass_over_copies(struct vouching *v)
{
	int r = docket_each_copy(v->i->docket, each_copy_recognised, v);

	vouch_end_roles(v);
	return r;
}

static int pass_over_evidence(struct vouching *v, docket_evidence_fn each)
{
	int r = docket_each_evidence(v->i->docket, each, v);

	vouch_end_roles(v);
	return r;
}

static int ask_all(struct vouching *v)
{
	int r = pass_over_evidence(v, vouch_prove_lists);

	if (r == 0)
		r = pass_over_evidence(v, vouch_prove_signatures);
	if (r == 0)
		r = pass_over(v, vouch_compare);
	return r == 0 ? vouch_cover(v) : r;
}

static void vouching_free(struct vouching *v)
{
	vouch_end_roles(v);
	for (size_t k = 0; k < v->complete_count; k++) {
		free(v->complete[k].beneath);
		free(v->complete[k].path);
	}
	free(v->complete);
	free(v);
}

int inspection_vouch(struct inspection *i)
{
	struct vouching *v = calloc(1, sizeof(*v));
	int r;

	if (!v) {
		inspection_trouble(i, "checking origins", -ENOMEM, NULL);
		return -ENOMEM;
	}
	v->i = i;
	v->now = time(NULL);
	r = set_deadline(v);
	if (r == 0)
		r = pass_over(v, each_recognised);
	if (r == 0)
		r = ask_all(v);
	/* Then what is in containers. Who has signed one as a whole has signed what lies in it. */
	v->is_inside = true;
	if (r == 0)
		r = pass_over_copies(v);
	if (r == 0)
		r = ask_all(v);
	if (r == 0)
		r = docket_each(i->docket, each_vouched, v);
	if (r < 0 && r != -ECANCELED)
		inspection_trouble(i, "checking origins", r, NULL);
	vouching_free(v);
	return r;
}
