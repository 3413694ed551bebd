/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The one role with a network (invariant 7): what it may reach, and what it may not, tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "sandbox/layers.h"
#include "sandbox/sandbox.h"

#define ENTER_FAILED 99

struct place {
	char dir[64], read_dir[80], write_dir[80], socket_dir[80];
	int listening, other, by_name; /* TCP, TCP, Unix: all listen */
	uint16_t port, other_port;
};

static struct place place;

static int listen_tcp(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -1;
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static int make_file(const char *dir, const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0 ? -1 : 0;
}

static int set_up(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(place.dir, sizeof(place.dir), "/tmp/lazaret-network.XXXXXX");
	if (!mkdtemp(place.dir) || chmod(place.dir, 0755) < 0)
		return -1;
	(void)snprintf(place.read_dir, sizeof(place.read_dir), "%s/read", place.dir);
	(void)snprintf(place.write_dir, sizeof(place.write_dir), "%s/write", place.dir);
	(void)snprintf(place.socket_dir, sizeof(place.socket_dir), "%s/socket", place.dir);
	if (mkdir(place.read_dir, 0700) < 0 || mkdir(place.write_dir, 0777) < 0 || chmod(place.write_dir, 0777) < 0 ||
	    mkdir(place.socket_dir, 0755) < 0 || make_file(place.read_dir, "private") < 0)
		return -1;
	place.listening = listen_tcp(&place.port);
	place.other = listen_tcp(&place.other_port);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", place.socket_dir);
	place.by_name = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (place.listening < 0 || place.other < 0 || place.by_name < 0 ||
	    bind(place.by_name, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(place.by_name, 8) < 0)
		return -1;
	return chmod(address.sun_path, 0777);
}

static int tear_down(void **state)
{
	char path[128];
	static const char *const names[] = { "read/private", "write/made", "socket/s", "read", "write", "socket", "" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", place.dir, names[i]);
		(void)remove(path);
	}
	return 0;
}

/* Exit status of the attempt in the sandbox, or -SIGNAL that killed it. */
static int attempt(bool is_tcp, void (*try)(int read_fd, int write_fd))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int read_fd = open(place.read_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int write_fd = open(place.write_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		const struct sandbox_network network = { .read_fds = &read_fd, .read_count = 1, .write_fd = write_fd,
							 .socket_dir = is_tcp ? NULL : place.socket_dir, .port = is_tcp ? place.port : 0,
							 .ca = "ca", .ca_size = 2 };
		const char *where = "";
		int r = read_fd < 0 || write_fd < 0 ? -errno : sandbox_enter_network(ROLE_FLEET, &network, &where);

		if (r < 0) {
			dprintf(2, "sandbox %s: %s\n", where, strerror(-r));
			_exit(ENTER_FAILED);
		}
		try(read_fd, write_fd);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int connect_tcp(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static void try_port(int read_fd, int write_fd)
{
	_exit(connect_tcp(place.port));
}

static void try_other_port(int read_fd, int write_fd)
{
	_exit(connect_tcp(place.other_port));
}

static void try_socket_here(int read_fd, int write_fd)
{
	_exit(connect_unix(SANDBOX_SOCKET_DIR "/s"));
}

static void try_datagram(int read_fd, int write_fd)
{
	_exit(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0);
}

static void try_raw(int read_fd, int write_fd)
{
	_exit(socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0);
}

static void try_netlink(int read_fd, int write_fd)
{
	_exit(socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? errno : 0);
}

static void try_listen(int read_fd, int write_fd)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	_exit(fd < 0 || listen(fd, 1) < 0 ? errno : 0);
}

static void try_exec(int read_fd, int write_fd)
{
	execl("/bin/true", "true", NULL);
	_exit(errno);
}

static void try_fork(int read_fd, int write_fd)
{
	_exit(fork() < 0 ? errno : 0);
}

static void try_read(int read_fd, int write_fd)
{
	char c;
	int fd = openat(read_fd, "private", O_RDONLY | O_CLOEXEC);

	_exit(fd < 0 || read(fd, &c, 1) != 1 ? errno : 0);
}

static void try_alter(int read_fd, int write_fd)
{
	_exit(openat(read_fd, "private", O_WRONLY | O_CLOEXEC) < 0 ? errno : 0);
}

static void try_remove(int read_fd, int write_fd)
{
	_exit(unlinkat(read_fd, "private", 0) < 0 ? errno : 0);
}

static void try_write(int read_fd, int write_fd)
{
	int fd = openat(write_fd, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	_exit(fd < 0 || write(fd, "x", 1) != 1 ? errno : 0);
}

static void try_passwd(int read_fd, int write_fd)
{
	_exit(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
}

static void try_certificates(int read_fd, int write_fd)
{
	char text[4] = "";
	int fd = open(SANDBOX_CA_FILE, O_RDONLY | O_CLOEXEC);

	_exit(fd < 0 || read(fd, text, 3) != 2 || strcmp(text, "ca") != 0 ? EBADF : 0);
}

static void test_invariant_7_one_port_alone(void **state)
{
	assert_int_equal(attempt(true, try_port), 0);
	if (landlock_abi() >= LANDLOCK_ABI_TCP)
		assert_int_equal(attempt(true, try_other_port), EACCES);
	else
		assert_non_null(strstr(sandbox_describe_network(true), "any port"));
}

static void test_invariant_7_a_unix_socket_and_no_network(void **state)
{
	assert_int_equal(attempt(false, try_socket_here), 0);
	assert_true(attempt(false, try_port) != 0);
	assert_true(attempt(false, try_other_port) != 0);
	assert_true(attempt(true, try_socket_here) != 0);
}

static void test_forbidden_calls_kill(void **state)
{
	static void (*const forbidden[])(int, int) = { try_datagram, try_raw, try_netlink, try_listen, try_exec, try_fork };

	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
		assert_int_equal(attempt(true, forbidden[i]), -SIGSYS);
}

static void test_it_reads_and_cannot_change(void **state)
{
	assert_int_equal(attempt(true, try_read), 0);
	assert_int_equal(attempt(true, try_alter), EACCES);
	assert_int_equal(attempt(true, try_remove), EACCES);
	assert_int_equal(attempt(true, try_write), 0);
	assert_int_equal(attempt(true, try_passwd), ENOENT);
	assert_int_equal(attempt(true, try_certificates), 0);
}

static void test_it_has_an_entrance_of_its_own(void **state)
{
	const char *where;

	assert_int_equal(sandbox_enter(ROLE_FLEET, NULL, 0, &where), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invariant_7_one_port_alone),
		cmocka_unit_test(test_invariant_7_a_unix_socket_and_no_network),
		cmocka_unit_test(test_forbidden_calls_kill),
		cmocka_unit_test(test_it_reads_and_cannot_change),
		cmocka_unit_test(test_it_has_an_entrance_of_its_own),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
