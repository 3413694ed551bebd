/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-records: answers questions about past transfers, for the console. Runs as the ledger's account, whose files it
 * reads, without being able to write or make any (Landlock). It trusts the supervisor for the two directories; the
 * questions are those of clients, and what is on disk is believed only as far as it is checked (entry.c).
 *
 * The history may be made, brought up to date or replaced at any time by others, so it is opened anew when it failed or is another.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "ipc/channel.h"
#include "records/limits.h"
#include "records/query.h"
#include "sandbox/sandbox.h"

#define QUERY_MAX 8000 /* bytes */

enum directory {
	REPORTS,
	HISTORY,
	DIRECTORY_COUNT_
};

struct role_state {
	struct channel channel;
	int dirs[DIRECTORY_COUNT_];
	struct records records;
	struct stat opened; /* the history's file */
	bool is_ending;
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

/* Open the history, unless that is done already and it is still the one that is there. */
static void open_history(struct role_state *s)
{
	struct stat st = { 0 };
	bool is_there = fstatat(s->dirs[HISTORY], HISTORY_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (s->records.history && (!is_there || st.st_ino != s->opened.st_ino || st.st_dev != s->opened.st_dev))
		s->records.history = history_free(s->records.history);
	if (s->records.history)
		return;
	s->opened = st;
	s->records.open_error = history_open_read_at(s->dirs[HISTORY], &s->records.history);
}

/* -- requests ----------------------------------------------------------------------------------------------- */

static int send_answer(struct role_state *s, const json_t *answer)
{
	_cleanup_free_ char *text = json_dumps(answer, JSON_COMPACT);
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!text || !e)
		return channel_fail(&s->channel, -ENOMEM, "unavailable", "no memory is left");
	if (strlen(text) > ANSWER_MAX + 512)
		return channel_fail(&s->channel, -EMSGSIZE, "unavailable", "the answer is too long");
	encoder_init(e);
	encode_str(e, text);
	return channel_send(&s->channel, MESSAGE_RECORDS_ANSWER, e, NULL, 0);
}

static int on_query(struct role_state *s, struct message *m)
{
	_cleanup_free_ char *text = decode_str(&m->payload, QUERY_MAX);
	_cleanup_(json_decref_p) json_t *request = NULL, *answer = NULL;
	struct query_error error;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	request = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	open_history(s);
	r = query_answer(&s->records, request, &answer, &error);
	if (r == 0)
		return send_answer(s, answer);
	if (r == -EUCLEAN || r == -EIO || r == -EACCES || r == -EROFS) {
		log_warning("history err=%s: %s", errno_name(r),
			    s->records.history ? history_error(s->records.history) : "not opened");
		s->records.history = history_free(s->records.history);
	}
	return channel_fail(&s->channel, r, error.where, "%s", error.text);
}

static int on_end(struct role_state *s, struct message *m)
{
	s->is_ending = true;
	return decoder_end(&m->payload);
}

static int handle(struct role_state *s, struct message *m)
{
	switch (m->type) {
	case MESSAGE_RECORDS_QUERY:
		return on_query(s, m);
	case MESSAGE_END:
		return on_end(s, m);
	default:
		return -EPROTO;
	}
}

static int serve(struct role_state *s)
{
	int r = 0;

	while (r == 0 && !s->is_ending) {
		struct message m;

		r = channel_receive(&s->channel, &m, false);
		if (r == -ENOTCONN)
			return 0;
		if (r < 0)
			return r;
		r = handle(s, &m);
		message_done(&m);
	}
	return r;
}

/* -- start ------------------------------------------------------------------------------------------------ */

static int take_start(struct role_state *s)
{
	struct message m;
	int r = channel_expect(&s->channel, MESSAGE_RECORDS_START, &m, NULL);

	if (r < 0)
		return r;
	r = decoder_end(&m.payload);
	for (size_t i = 0; r == 0 && i < DIRECTORY_COUNT_; i++)
		s->dirs[i] = TAKE_FD(m.fds[i]);
	message_done(&m);
	return r;
}

static int start(struct role_state *s, const char **ret_where)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	int r = take_start(s);

	*ret_where = "start";
	if (r < 0)
		return r;
	r = sandbox_enter(ROLE_RECORDS, s->dirs, DIRECTORY_COUNT_, ret_where);
	if (r < 0)
		return r;
	s->records.reports_fd = s->dirs[REPORTS];
	*ret_where = "ready";
	return channel_ready(&s->channel, "records", sandbox);
}

int main(void)
{
	struct role_state s = { .dirs = { -EBADF, -EBADF } };
	const char *where = "start";
	int r;

	log_open("lazaret-records");
	channel_init(&s.channel, CHANNEL_FD, false, CHANNEL_RECORDS);
	r = start(&s, &where);
	if (r < 0) {
		(void)channel_fail(&s.channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		return EXIT_FAILURE;
	}
	r = serve(&s);
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	history_free(s.records.history);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
