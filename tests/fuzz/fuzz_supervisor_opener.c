/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a role that opens containers may tell after it was taken over: decoded by the supervisor. The file is included for its
 * static functions; what it would do about a member or a finding is left out. */
#include <sys/socket.h>

#include "supervisor/unpack_opener.c"

#include "packet.h"

static unsigned int lost;

int docket_find_in(struct docket *d, uint64_t container, enum reason reason, const char *raw_member, const char *detail)
{
	CLAIM((unsigned int)reason < REASON_COUNT_ && detail && strlen(detail) <= CONTAINER_DETAIL_MAX);
	CLAIM(!raw_member || (raw_member[0] != '\0' && strlen(raw_member) <= CONTAINER_PATH_MAX));
	return 0;
}

int unpack_member(struct unpacker *u, uint64_t id, const char *raw_path, uint64_t size)
{
	CLAIM(raw_path && strlen(raw_path) <= CONTAINER_PATH_MAX);
	if (id != u->next_id)
		return -EPROTO;
	u->next_id++;
	u->came++;
	return u->came > 100 ? -EDQUOT : 0;
}

int unpack_lose(struct unpacker *u, enum reason reason, const char *detail)
{
	lost++;
	return 0;
}

int unpack_open_stream(struct unpacker *u, int *ret_fd)
{
	return -ENOTSUP; /* nobody is started here */
}

struct patience supervisor_patience(const struct supervisor *s, uint64_t seconds)
{
	return (struct patience){ 0 };
}

int process_start(enum role_id role, struct process *p)
{
	return -ENOTSUP;
}

int process_fork(struct process *parent, const struct patience *patience, struct process *ret, char **ret_why)
{
	return -ENOTSUP;
}

int process_ready(struct process *p, const struct patience *patience, char **ret_why)
{
	return -ENOTSUP;
}

void process_kill(struct process *p)
{
}

static const uint8_t known[] = { MESSAGE_CONTAINER_MEMBER, MESSAGE_CONTAINER_FINDING, MESSAGE_CONTAINER_DONE, MESSAGE_FAILED };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct unpacker u;
	static struct inspection inspection;
	struct input in = { data, size };
	struct process *role;
	int fds[2], r = 0;

	memset(&u, 0, sizeof(u));
	u.i = &inspection;
	u.format = CONTAINER_TAR;
	u.id = 1;
	u.first_id = u.next_id = 7;
	u.is_opened = true;
	lost = 0;
	CLAIM(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	role = &u.roles[ROLE_UNPACK];
	channel_init(&role->channel, fds[0], true, CHANNEL_CONTAINER);
	role->channel.state = STATE_BUSY;
	while (in.left > 0 && !u.is_told && lost == 0 && r == 0) {
		send_packet(fds[1], &in, known, ARRAY_LEN(known));
		r = unpack_serve_opener(&u);
	}
	CLAIM(r == 0);
	channel_done(&role->channel);
	(void)close(fds[1]);
	return 0;
}
