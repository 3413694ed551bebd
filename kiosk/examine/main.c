/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-examine: libclamav's database, libmagic's and the list of forbidden contents, loaded once; workers that look at
 * files with them and with the detectors of kiosk/content.
 */
#include <string.h>

#include "examine/canary.h"
#include "examine/start.h"
#include "examiner/examiner.h"

struct examine {
	struct start start; /* of which the engines may keep strings */
	struct examiner examiner;
	struct examination examination; /* of the job at hand */
};

_Static_assert(WHY_MAX == EXAMINER_WHY_MAX && TYPES_MAX == EXAMINER_TYPES_MAX && NOTES_MAX == EXAMINER_NOTES_MAX &&
		       TYPE_NAME_MAX == EXAMINER_TYPE_MAX,
	       "what fits here fits into an answer");

static int load(void *context, struct channel *c, struct examiner_settings *ret, char ret_why[static EXAMINER_WHY_MAX])
{
	struct examine *x = context;
	struct message m;
	int r = channel_expect(c, MESSAGE_EXAMINE_START, &m, NULL);

	if (r < 0)
		return r;
	r = start_decode(&m, &x->start);
	message_done(&m);
	if (r < 0)
		return r;
	r = start_load(&x->start, &x->examiner, ret_why);
	if (r < 0)
		return r;
	*ret = (struct examiner_settings){ .tmpfs_bytes = x->start.tmpfs_bytes, .jobs_max = x->start.jobs_max };
	close_p(&x->start.database_fd);
	return start_tell_engines(c, &x->examiner);
}

static int prepare(void *context, char ret_why[static EXAMINER_WHY_MAX])
{
	struct examine *x = context;
	int r = clam_set_tmpdir(x->examiner.clam, "/tmp");

	if (r < 0)
		(void)snprintf(ret_why, EXAMINER_WHY_MAX, "libclamav: %s", strerror(-r));
	return r;
}

static int canary(void *context, char ret_why[static EXAMINER_WHY_MAX])
{
	struct examine *x = context;

	return canary_check(x->examiner.clam, x->examiner.has_eicar, ret_why);
}

static void look(void *context, const struct examiner_job *j, struct examiner_answer *ret)
{
	struct examine *x = context;
	struct examination *e = &x->examination;
	struct examination_job job = { .data = j->data, .size = j->size, .raw_name = j->raw_name, .container = j->container,
				       .wanted = j->wanted };

	memcpy(job.sum, j->sum, sizeof(job.sum));
	examine_bytes(&x->examiner, &job, e);
	ret->findings = e->findings;
	e->findings = (struct findings){ 0 };
	for (; ret->type_count < e->types.count; ret->type_count++)
		ret->types[ret->type_count] = e->types.list[ret->type_count];
	for (; ret->format_count < e->containers.count; ret->format_count++)
		ret->formats[ret->format_count] = e->containers.list[ret->format_count].format;
	for (; ret->note_count < e->note_count; ret->note_count++)
		ret->notes[ret->note_count] = e->notes[ret->note_count];
}

static int tell_inspected(struct channel *c, const struct tally *t)
{
	struct examiner_list list;
	struct encoder *e;
	int r = 0;

	examiner_list_begin(&list, c, MESSAGE_WORKER_INSPECTED);
	for (size_t i = 0; r == 0 && i < t->inspected_count; i++) {
		r = examiner_list_item(&list, 4 + SHA256_LEN, &e);
		encode_bytes(e, t->inspected[i], SHA256_LEN);
	}
	return r < 0 ? r : examiner_list_end(&list);
}

static int tell_owed(struct channel *c, const struct tally *t)
{
	struct examiner_list list;
	struct encoder *e;
	int r = 0;

	examiner_list_begin(&list, c, MESSAGE_WORKER_OWED);
	for (size_t i = 0; r == 0 && i < t->owed_count; i++) {
		r = examiner_list_item(&list, 3 * 4 + SHA256_LEN + FINDING_DETAIL_MAX + RESULT_MEMBER_MAX, &e);
		encode_bytes(e, t->owed[i].sum, SHA256_LEN);
		encode_bytes(e, t->owed[i].detail, strlen(t->owed[i].detail));
		examiner_encode_member(e, t->owed[i].member);
	}
	return r < 0 ? r : examiner_list_end(&list);
}

static int tell(void *context, struct channel *c)
{
	struct examine *x = context;
	int r = tell_owed(c, &x->examination.tally);

	return r < 0 ? r : tell_inspected(c, &x->examination.tally);
}

static void done(void *context)
{
	struct examine *x = context;

	examination_done(&x->examination);
}

static const struct examiner_role role = {
	.parent = ROLE_EXAMINE,
	.load = load, .prepare = prepare, .canary = canary, .look = look, .tell = tell, .done = done,
};

int main(void)
{
	static struct examine examine;

	return examiner_main(&role, &examine);
}
