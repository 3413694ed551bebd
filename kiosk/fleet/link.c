/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "fleet/link.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "fleet/limits.h"
#include "sandbox/sandbox.h"

volatile sig_atomic_t link_is_stopping;

/* -- words -------------------------------------------------------------------------------------------------------- */

static void conninfo_free_p(PQconninfoOption **o)
{
	PQconninfoFree(*o);
}

static int refuse(char *why, int error, const char *fmt, ...) _printf_(3, 4);
static int refuse(char *why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, LINK_WHY_MAX, fmt, ap); /* cut where it is too long */
	va_end(ap);
	return error;
}

static int take_word(const PQconninfoOption *o, struct link_target *t, const char **port, char *why)
{
	const struct {
		const char *key;
		char **to;
	} known[] = { { "host", &t->host }, { "hostaddr", &t->address }, { "dbname", &t->dbname }, { "user", &t->user } };

	if (strcmp(o->keyword, "port") == 0) {
		*port = o->val;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(o->keyword, known[i].key) == 0) {
			*known[i].to = strdup(o->val);
			return *known[i].to ? 0 : -ENOMEM;
		}
	return refuse(why, -EINVAL, "'%s' is not for a station to say: host, hostaddr, port, dbname and user are", o->keyword);
}

static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static int look_up(struct link_target *t, char *why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char text[NI_MAXHOST];
	int e;

	if (is_address(t->host)) {
		t->address = strdup(t->host);
		return t->address ? 0 : -ENOMEM;
	}
	e = getaddrinfo(t->host, NULL, &hints, &found);
	if (e == 0)
		e = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
	if (found)
		freeaddrinfo(found);
	if (e != 0)
		return refuse(why, -EHOSTUNREACH, "the address of %s cannot be found: %s (say hostaddr=, or write it into /etc/hosts)",
			      t->host, gai_strerror(e));
	t->address = strdup(text);
	return t->address ? 0 : -ENOMEM;
}

static int check_target(struct link_target *t, const char *port, char *why)
{
	char *end = NULL;
	unsigned long number = port ? strtoul(port, &end, 10) : 5432;

	if (number == 0 || number > 65535 || (end && *end))
		return refuse(why, -EINVAL, "'%s' is no port", port ? port : "");
	t->port = (uint16_t)number;
	if (!t->dbname || !t->user || (!t->host && !t->address))
		return refuse(why, -EINVAL, "it must say host, dbname and user");
	if ((t->host && strchr(t->host, ',')) || (t->address && strchr(t->address, ',')))
		return refuse(why, -EINVAL, "%s: one host, not several", t->host ? t->host : t->address);
	if (t->address && !is_address(t->address))
		return refuse(why, -EINVAL, "'%s' is no address", t->address);
	if (t->address || t->host[0] != '/')
		return t->address ? 0 : look_up(t, why);
	t->socket_dir = TAKE_PTR(t->host);
	return 0;
}

int link_target_parse(const char *words, struct link_target *ret, char why[static LINK_WHY_MAX])
{
	char *error = NULL;
	_cleanup_(conninfo_free_p) PQconninfoOption *options = PQconninfoParse(words, &error);
	struct link_target t = { 0 };
	const char *port = NULL;
	int r = 0;

	if (!options) {
		(void)refuse(why, 0, "%s", error ? error : "no memory is left");
		why[strcspn(why, "\n")] = '\0';
		PQfreemem(error);
		return error ? -EINVAL : -ENOMEM;
	}
	for (const PQconninfoOption *o = options; r == 0 && o->keyword; o++)
		if (o->val)
			r = take_word(o, &t, &port, why);
	if (r == 0)
		r = check_target(&t, port, why);
	if (r == 0)
		*ret = t;
	else
		link_target_done(&t);
	return r;
}

void link_target_done(struct link_target *t)
{
	char *const all[] = { t->host, t->address, t->socket_dir, t->dbname, t->user };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		free(all[i]);
	*t = (struct link_target){ 0 };
}

/* -- waiting ------------------------------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with a valid clock and address */
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void take_error(struct link *l, const char *text)
{
	size_t size;

	while (*text == ' ' || *text == '\n')
		text++;
	(void)snprintf(l->error, sizeof(l->error), "%s", *text ? text : "the connection broke"); /* cut where it is too long */
	size = strcspn(l->error, "\n");
	l->error[size] = '\0';
}

/* 0: the socket is ready; -ETIMEDOUT, -EINTR, -EIO. */
static int wait_socket(struct link *l, short events, int64_t deadline_ms)
{
	struct pollfd polled = { .fd = PQsocket(l->connection), .events = events };

	while (!link_is_stopping) {
		int64_t left = deadline_ms - now_ms();
		/* not for longer than a second: a signal may come between the check and poll() */
		int n = left <= 0 ? 0 : poll(&polled, 1, (int)MIN(left, (int64_t)1000));

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -EIO;
		if (left <= 0) {
			take_error(l, "the database does not answer");
			return -ETIMEDOUT;
		}
	}
	take_error(l, "told to stop");
	return -EINTR;
}

/* -- connecting --------------------------------------------------------------------------------------------------- */

static void ignore_notice(void *context, const char *message)
{
}

static int finish_connecting(struct link *l)
{
	int64_t deadline = now_ms() + CONNECT_MS;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	if (!l->connection || PQstatus(l->connection) == CONNECTION_BAD) {
		take_error(l, l->connection ? PQerrorMessage(l->connection) : "no memory is left");
		return -EHOSTDOWN;
	}
	while (status != PGRES_POLLING_OK) {
		int r = wait_socket(l, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);

		if (r < 0)
			return r == -EINTR ? r : -EHOSTDOWN;
		status = PQconnectPoll(l->connection);
		if (status == PGRES_POLLING_FAILED) {
			take_error(l, PQerrorMessage(l->connection));
			return -EHOSTDOWN;
		}
	}
	(void)PQsetNoticeProcessor(l->connection, ignore_notice, NULL); /* the one before */
	return PQsetnonblocking(l->connection, 1) < 0 ? -EHOSTDOWN : 0;
}

int link_open(struct link *l, const struct link_target *t, const char *password)
{
	bool is_tcp = t->address != NULL;
	char port[8];
	const char *keys[] = { "host", "hostaddr", "port", "dbname", "user", "password", "sslmode", "sslrootcert", "gssencmode",
			       "application_name", "client_encoding", "tcp_user_timeout", "keepalives_idle", "passfile", NULL };
	const char *values[] = { is_tcp ? t->host : SANDBOX_SOCKET_DIR, t->address, port, t->dbname, t->user, password,
				 is_tcp ? "verify-full" : "disable", is_tcp ? SANDBOX_CA_FILE : NULL, "disable", "lazaret-fleet", "UTF8",
				 "30000", "30", "/none", NULL };
	int r;

	(void)snprintf(port, sizeof(port), "%u", (unsigned int)t->port); /* fits */
	l->connection = PQconnectStartParams(keys, values, 0);
	r = finish_connecting(l);
	if (r < 0)
		link_close(l);
	return r;
}

int link_open_words(struct link *l, const char *words)
{
	char *error = NULL;
	_cleanup_(conninfo_free_p) PQconninfoOption *options = PQconninfoParse(words, &error);
	const char *keys[] = { "dbname", "sslmode", "fallback_application_name", "client_encoding", NULL, NULL };
	const char *values[] = { words, "verify-full", "lazaret-fleet", "UTF8", NULL, NULL };
	bool is_socket = true, says_mode = getenv("PGSSLMODE") != NULL;
	int r;

	if (!options)
		take_error(l, error ? error : "no memory is left");
	PQfreemem(error);
	if (!options)
		return -EINVAL;
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (o->val && (strcmp(o->keyword, "hostaddr") == 0 || (strcmp(o->keyword, "host") == 0 && o->val[0] != '/')))
			is_socket = false;
		if (o->val && (strcmp(o->keyword, "sslmode") == 0 || strcmp(o->keyword, "service") == 0))
			says_mode = true;
	}
	if (is_socket || says_mode) { /* what stands first is overruled by what the words say, or is not said at all */
		keys[1] = keys[2];
		values[1] = values[2];
	}
	l->connection = PQconnectStartParams(keys, values, 1);
	r = finish_connecting(l);
	if (r < 0)
		link_close(l);
	return r;
}

void link_close(struct link *l)
{
	PQfinish(l->connection);
	l->connection = NULL;
}

/* -- asking ------------------------------------------------------------------------------------------------------- */

static int send_all(struct link *l, int64_t deadline)
{
	int left;

	while ((left = PQflush(l->connection)) == 1) {
		int r = wait_socket(l, POLLIN | POLLOUT, deadline);

		if (r < 0)
			return r;
		if (!PQconsumeInput(l->connection))
			break;
	}
	if (left == 0)
		return 0;
	take_error(l, PQerrorMessage(l->connection));
	return -EIO;
}

static PGresult *next_result(struct link *l, int64_t deadline)
{
	while (PQisBusy(l->connection)) {
		if (wait_socket(l, POLLIN, deadline) < 0)
			return NULL;
		if (!PQconsumeInput(l->connection))
			break;
	}
	return PQgetResult(l->connection);
}

PGresult *link_query(struct link *l, const char *sql, int count, const char *const *values, const int *sizes, const int *formats)
{
	int64_t deadline = now_ms() + QUERY_MS;
	PGresult *result, *more;

	if (!PQsendQueryParams(l->connection, sql, count, NULL, values, sizes, formats, 0)) {
		take_error(l, PQerrorMessage(l->connection));
		return NULL;
	}
	if (send_all(l, deadline) < 0)
		return NULL;
	l->error[0] = '\0';
	result = next_result(l, deadline);
	if (!result) {
		if (!l->error[0])
			take_error(l, PQerrorMessage(l->connection));
		return NULL;
	}
	while ((more = next_result(l, deadline)))
		PQclear(more); /* one statement: only the end comes */
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	take_error(l, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) :
									      PQresultErrorMessage(result));
	PQclear(result);
	return NULL;
}

const char *link_value(const PGresult *r, int row, int column)
{
	return PQgetisnull(r, row, column) ? NULL : PQgetvalue(r, row, column);
}
