/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Before the sandbox: configuration, password, certificates and key are read, the directories opened, and the centre's name is
 * looked up. After it: two directories to read, one to write, one way out. No byte from the network is read before.
 */
#include "fleet/serve.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "fleet/limits.h"
#include "fleet/lists.h"
#include "fleet/push.h"
#include "sandbox/sandbox.h"
#include "station/config.h"

struct service {
	struct station_config *config;
	struct link_target target;
	struct minisign_public key;
	char *password, *ca;
	size_t password_size, ca_size;
	struct push push;
};

static int64_t now_s(void)
{
	return time(NULL);
}

/* -- before the sandbox --------------------------------------------------------------------------------------------- */

static int load_config(struct service *s, const char *dir)
{
	struct yaml_errors errors = { 0 };
	int r = station_config_load(dir, &errors, &s->config);

	if (r < 0)
		yaml_errors_print(&errors, stderr);
	yaml_errors_done(&errors);
	if (r == 0 && !s->config->fleet.database) {
		log_error("%s/lazaret.yaml names no database ('fleet:'): nothing connects anywhere", s->config->dir);
		return -ENOENT;
	}
	return r;
}

static int load_key(struct service *s)
{
	_cleanup_free_ char *path = strdup(s->config->audit_key), *text = NULL;
	const char *why = NULL;
	size_t size;
	char *end;
	int r;

	if (!path)
		return -ENOMEM;
	end = path + strlen(path);
	if (strlen(path) > 4 && strcmp(end - 4, ".key") == 0)
		memcpy(end - 4, ".pub", 4);
	r = file_read(AT_FDCWD, path, MINISIGN_PUBLIC_MAX, &text, &size);
	if (r == 0)
		r = minisign_public_parse(text, size, &s->key, &why);
	if (r < 0)
		log_error("%s: %s", path, why ? why : strerror(-r));
	return r;
}

static int load_file(const char *path, size_t limit, char **ret, size_t *ret_size)
{
	int r = path ? file_read(AT_FDCWD, path, limit, ret, ret_size) : 0;

	if (r < 0)
		log_error("%s: %s", path, strerror(-r));
	return r;
}

static int load_secrets(struct service *s)
{
	const struct station_fleet *f = &s->config->fleet;
	struct stat st;
	int r;

	if (f->password_file && stat(f->password_file, &st) == 0 && (st.st_mode & 077) != 0) {
		log_error("%s: others may read it: chmod 600", f->password_file);
		return -EPERM;
	}
	r = load_file(f->password_file, PASSWORD_MAX, &s->password, &s->password_size);
	if (r == 0 && s->password)
		s->password[strcspn(s->password, "\r\n")] = '\0';
	if (r == 0)
		r = load_file(f->ca, SANDBOX_CA_MAX, &s->ca, &s->ca_size);
	if (r == 0 && s->target.address && !s->ca) {
		log_error("lazaret.yaml: fleet: 'ca' must name the certificates that the database is verified with (docs/fleet.md)");
		r = -EINVAL;
	}
	return r;
}

static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		fd = -errno;
		log_error("%s: %s", path, strerror(-fd));
	}
	return fd;
}

static int open_directories(struct service *s)
{
	_cleanup_close_ int station_fd = open_directory(s->config->dir);
	int r;

	s->push.audit_fd = open_directory(s->config->audit_dir);
	s->push.reports_fd = open_directory(s->config->reports_dir);
	if (station_fd < 0 || s->push.audit_fd < 0 || s->push.reports_fd < 0)
		return -ENOENT;
	r = dir_open_make(station_fd, STATION_FLEET_DIR, 0755, &s->push.state_fd);
	if (r == 0)
		r = sandbox_own(ROLE_FLEET, s->push.state_fd);
	if (r < 0)
		log_error("%s/%s: %s", s->config->dir, STATION_FLEET_DIR, strerror(-r));
	return r;
}

/* Nothing but lazaret.yaml says where this goes: libpq would also listen to the environment and to files in a home. */
static void forget_environment(void)
{
	extern char **environ;
	size_t at = 0;

	while (environ && environ[at]) {
		_cleanup_free_ char *name = strdup(environ[at]);

		if (!name)
			abort();
		name[strcspn(name, "=")] = '\0';
		if (strncmp(name, "PG", 2) != 0 || unsetenv(name) < 0)
			at++;
	}
	(void)setenv("HOME", "/none", 1); /* fails when out of memory alone: the home is out of reach then, too */
}

/* libcrypto and libssl fetch their algorithms and read their configuration on first use: do that while there still is a file system. */
static int warm_up(void)
{
	uint8_t sum[SHA256_LEN];

	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) != 1)
		return -EIO;
	PQinitOpenSSL(0, 0);
	json_object_seed(0); /* from /dev/urandom */
	return sha256("", 0, sum);
}

static int prepare(struct service *s, const char *dir)
{
	char why[LINK_WHY_MAX];
	int r;

	forget_environment();
	r = load_config(s, dir);
	if (r == 0)
		r = load_key(s);
	if (r == 0)
		r = open_directories(s);
	if (r == 0)
		r = state_load(s->push.state_fd, &s->push.state);
	if (r < 0)
		return r;
	r = link_target_parse(s->config->fleet.database, &s->target, why);
	if (r == -EINVAL || r == -EHOSTUNREACH) {
		log_error("lazaret.yaml: fleet: database: %s", why);
		state_set_error(&s->push.state, why, now_s());
		if (state_save(s->push.state_fd, &s->push.state) < 0)
			log_warning("and that cannot be written to %s/%s", STATION_FLEET_DIR, STATE_FILE);
	}
	return r < 0 ? r : load_secrets(s);
}

static int enter(struct service *s)
{
	const int read_fds[] = { s->push.audit_fd, s->push.reports_fd };
	const struct sandbox_network network = {
		.read_fds = read_fds, .read_count = ARRAY_LEN(read_fds), .write_fd = s->push.state_fd,
		.socket_dir = s->target.socket_dir, .port = s->target.port, .ca = s->ca, .ca_size = s->ca_size,
	};
	const char *where = "start", *left = sandbox_describe_network(s->target.address != NULL);
	int r = warm_up();

	if (r == 0)
		r = sandbox_enter_network(ROLE_FLEET, &network, &where);
	if (r < 0) {
		log_error("sandbox: %s: %s", where, strerror(-r));
		return r;
	}
	if (s->target.socket_dir) { /* it is elsewhere now */
		free(s->target.socket_dir);
		s->target.socket_dir = NULL;
	}
	log_info("sandbox=ok network: %s", left);
	s->push.state.network = left;
	return lists_begin(s->push.state_fd);
}

/* -- after it ------------------------------------------------------------------------------------------------------- */

static void on_signal(int number)
{
	link_is_stopping = 1;
}

static void pause_s(uint64_t seconds)
{
	for (uint64_t i = 0; i < seconds && !link_is_stopping; i++)
		(void)poll(NULL, 0, 1000); /* by the second: a signal may come just before */
}

/* An attempt that failed is told once, not with every try. */
static uint64_t look(struct push *p, uint64_t interval_s, uint64_t backoff_s)
{
	bool was_well = p->state.error[0] == '\0';
	int r = push_once(p);

	if (r == 0 && !was_well)
		log_info("the centre can be reached again; acknowledged up to record %" PRIu64, p->state.place.seq);
	if (r < 0 && r != -EINTR && was_well)
		log_warning("the centre cannot be reached, and is tried again: %s", p->state.error);
	if (r == 0)
		return interval_s;
	return backoff_s == 0 ? BACKOFF_FIRST_S : MIN(2 * backoff_s, (uint64_t)BACKOFF_LAST_S);
}

static int run(struct service *s, bool is_once)
{
	uint64_t interval = s->config->fleet.interval_s, wait;
	int r;

	if (is_once) {
		r = push_once(&s->push);
		if (r < 0)
			log_error("%s", s->push.state.error);
		return r < 0 ? EXIT_CANNOT : s->push.state.problem[0] ? 1 : 0;
	}
	for (wait = 0; !link_is_stopping; pause_s(wait))
		wait = look(&s->push, interval, s->push.state.error[0] ? wait : 0);
	return 0;
}

static void done(struct service *s)
{
	if (s->password)
		explicit_bzero(s->password, s->password_size);
	free(s->password);
	free(s->ca);
	link_target_done(&s->target);
	close_p(&s->push.audit_fd);
	close_p(&s->push.reports_fd);
	close_p(&s->push.state_fd);
	station_config_free(s->config);
}

int serve(const char *dir, bool is_once)
{
	struct service s = { .push = { .audit_fd = -EBADF, .reports_fd = -EBADF, .state_fd = -EBADF } };
	const struct sigaction stop = { .sa_handler = on_signal };
	int r = prepare(&s, dir);

	if (r == 0 && (sigaction(SIGTERM, &stop, NULL) < 0 || sigaction(SIGINT, &stop, NULL) < 0))
		r = -errno;
	if (r == 0)
		r = enter(&s);
	if (r < 0) {
		done(&s);
		return r == -EHOSTUNREACH ? EXIT_NO_NAME : EXIT_CANNOT;
	}
	s.push.station = s.config->id;
	s.push.key = &s.key;
	s.push.reads_back = s.config->fleet.reads_back;
	s.push.target = &s.target;
	s.push.password = s.password;
	r = run(&s, is_once);
	done(&s);
	return r;
}
