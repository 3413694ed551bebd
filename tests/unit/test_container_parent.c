/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Openers and their parent (kiosk/forkserver, container/role.c), with their sandboxes on: whose descriptors are whose, and who outlives
 * whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <time.h>

#include "ipc/channel.h"

#include "../lib/testing.h"

#include "../lib/opening.h"

#define TAR_BYTES (4u << 20) /* more than sockets hold: who opens it waits for the vault */

static pid_t pid_of(int pid_fd)
{
	char path[64], line[128];
	int pid = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pid_fd);
	f = fopen(path, "re");
	assert_non_null(f);
	while (pid == 0 && fgets(line, sizeof(line), f))
		(void)sscanf(line, "Pid: %d", &pid);
	(void)fclose(f);
	assert_true(pid > 0);
	return pid;
}

/* Beyond standard input, output and error. */
static size_t count_descriptors(DIR *d)
{
	struct dirent *e;
	size_t n = 0;

	rewinddir(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.' && atoi(e->d_name) > 2;
	return n;
}

/* A parent closes what it has sent a moment after it is here. Of what is not dumpable only root may look. */
static bool has_descriptors(pid_t pid, size_t wanted)
{
	char path[64];
	bool has = false;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d && errno == EACCES && geteuid() != 0)
		return true;
	assert_non_null(d);
	for (unsigned int tries = 0; !has && tries < 2000; tries++) {
		has = count_descriptors(d) == wanted;
		if (!has)
			(void)poll(NULL, 0, 10);
	}
	(void)closedir(d);
	return has;
}

static bool is_alive(int pid_fd)
{
	struct pollfd p = { .fd = pid_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static bool dies(int pid_fd)
{
	struct pollfd p = { .fd = pid_fd, .events = POLLIN };

	return poll(&p, 1, 20000) == 1;
}

/* A tar of one long file. */
static int long_tar(void)
{
	static uint8_t tar[TAR_BYTES + 2048];
	unsigned int sum = 0;

	memset(tar, 0, sizeof(tar));
	memcpy(tar, "long.bin", 8);
	memcpy(tar + 100, "0000644", 7);
	(void)snprintf((char *)tar + 124, 12, "%011o", TAR_BYTES);
	memcpy(tar + 136, "00000000000", 11);
	tar[156] = '0';
	memcpy(tar + 257, "ustar\00000", 8);
	memset(tar + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += tar[i];
	(void)snprintf((char *)tar + 148, 8, "%06o", sum);
	for (size_t i = 0; i < TAR_BYTES; i++) /* no hole, and nothing that would be taken for one */
		tar[512 + i] = (uint8_t)(i % 251 + 1);
	return memory_file(tar, sizeof(tar));
}

/* The opener is in the middle of it afterwards: it has the copy and the stream, whose other end is returned. */
static int begin_long(struct opener *o)
{
	_cleanup_close_ int fd = long_tar();
	int stream = open_begin(o, "long.tar", CONTAINER_TAR, fd);

	assert_int_equal(channel_receive(&o->channel, &opening_in, false), 0);
	assert_int_equal(opening_in.type, MESSAGE_CONTAINER_MEMBER);
	message_done(&opening_in);
	return stream;
}

/* Another opener of the same parent, for another file. */
static void fork_another(struct opener *o, struct opener *ret)
{
	*ret = *o;
	opener_fork(ret);
	o->parent = ret->parent; /* the state of its channel */
}

static void end_another(struct opener *o)
{
	channel_done(&o->channel);
	assert_true(dies(o->pid_fd));
	close_p(&o->pid_fd);
}

static void test_each_file_has_a_process_of_its_own(void **state)
{
	struct opener one, two;

	opener_start(&one, "lazaret-unpack");
	fork_another(&one, &two);
	assert_int_not_equal(pid_of(one.pid_fd), pid_of(two.pid_fd));
	assert_int_not_equal(pid_of(one.pid_fd), one.parent.pid);
	end_another(&two);
	assert_true(is_alive(one.pid_fd));
	opener_end(&one);
}

/* Nor has one who is forked while the other is in the middle of its file anything of that file. */
static void test_no_descriptor_of_a_file_but_its_openers(void **state)
{
	struct opener one, two;
	struct opened told = { 0 };
	int stream;

	opener_start(&one, "lazaret-unpack");
	stream = begin_long(&one);
	fork_another(&one, &two);
	assert_true(has_descriptors(pid_of(one.pid_fd), 3)); /* channel, copy, stream */
	assert_true(has_descriptors(pid_of(two.pid_fd), 1));
	assert_true(has_descriptors(one.parent.pid, 1));
	end_another(&two);
	close_p(&stream);
	while (!opening_take_message(&one, &told)) /* findings: the vault has gone */
		;
	opened_done(&told);
	opener_end(&one);
}

/* Past channel.c, which would not: `count` descriptors (two at most) with these bytes. */
static void send_descriptors(int socket_fd, const void *data, size_t size, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)data, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	assert_int_equal(sendmsg(socket_fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT), size);
}

/* Without root all roles of all inspections are one account, and the kernel counts descriptors that are under way by account
 * (ETOOMANYREFS): vaults have hundreds. As root nothing is counted. */
static void test_openers_come_while_many_descriptors_are_under_way(void **state)
{
	struct opener o;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	for (size_t k = 0; k < 200; k++)
		send_descriptors(ends[0], "", 1, &ends[0], 1);
	opener_start(&o, "lazaret-unpack");
	opener_end(&o);
	close_p(&ends[0]);
	close_p(&ends[1]);
}

/* The supervisor is trusted, and the parent all the same so made that it cannot be given a file. */
static void test_parent_takes_no_copy(void **state)
{
	_cleanup_close_ int fd = long_tar();
	const uint8_t raw[4] = { MESSAGE_CONTAINER_OPEN & 0xff, MESSAGE_CONTAINER_OPEN >> 8 };
	struct opener o;

	opener_start(&o, "lazaret-unpack");
	send_descriptors(o.parent.channel.fd, raw, sizeof(raw), (int[]){ fd, fd }, 2);
	assert_int_equal(peer_wait(&o.parent), EXIT_FAILURE);
	assert_true(dies(o.pid_fd));
	channel_done(&o.channel);
	close_p(&o.pid_fd);
	close_p(&o.said_fd);
}

static void test_openers_die_with_their_parent(void **state)
{
	struct opener one, two;
	int stream;

	opener_start(&one, "lazaret-unpack");
	stream = begin_long(&one);
	fork_another(&one, &two);
	assert_int_equal(kill(one.parent.pid, SIGKILL), 0);
	assert_true(dies(one.pid_fd) && dies(two.pid_fd));
	assert_int_equal(peer_wait(&one.parent), -SIGKILL);
	assert_int_equal(channel_receive(&two.channel, &opening_in, false), -ENOTCONN);
	channel_done(&two.channel);
	channel_done(&one.channel);
	close_p(&one.pid_fd);
	close_p(&two.pid_fd);
	close_p(&one.said_fd);
	close_p(&stream);
}

/* A lazaretd that was killed asks nobody to end. */
static void test_all_end_when_the_supervisor_has_gone(void **state)
{
	struct opener o;

	opener_start(&o, "lazaret-unpack");
	assert_int_equal(peer_wait(&o.parent), EXIT_SUCCESS);
	assert_true(dies(o.pid_fd));
	channel_done(&o.channel);
	close_p(&o.pid_fd);
	close_p(&o.said_fd);
}

/* What a crash was is worth knowing: 31 would be our own filter. */
static void test_parent_says_which_signal_killed_a_child(void **state)
{
	struct opener o;

	opener_start(&o, "lazaret-unpack");
	assert_int_equal(kill(pid_of(o.pid_fd), SIGUSR1), 0); /* a signal that no sanitizer answers */
	assert_true(dies(o.pid_fd));
	assert_int_equal(opener_signal(&o), SIGUSR1);
	opener_fork(&o);
	opener_end(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_file_has_a_process_of_its_own),
		cmocka_unit_test(test_no_descriptor_of_a_file_but_its_openers),
		cmocka_unit_test(test_openers_come_while_many_descriptors_are_under_way),
		cmocka_unit_test(test_parent_takes_no_copy),
		cmocka_unit_test(test_openers_die_with_their_parent),
		cmocka_unit_test(test_all_end_when_the_supervisor_has_gone),
		cmocka_unit_test(test_parent_says_which_signal_killed_a_child),
	};

	return cmocka_run_group_tests_name("container_parent", tests, NULL, NULL);
}
