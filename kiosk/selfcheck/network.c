/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who listens, and which way leads out. Sockets are read from /proc/net of the network that this process is in, routes of every table
 * over NETLINK_ROUTE: /proc/net/route has the main table of IPv4 alone. */
#include <arpa/inet.h>
#include <dirent.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "selfcheck/network.h"
#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

#define TCP_LISTENING 0x0a /* TCP_LISTEN (include/net/tcp_states.h) */
#define NETLINK_MS 5000

struct found {
	const struct system *sys;
	const char *protocol;
	bool is_v6, is_header;
	size_t wrong, loopback, allowed;
	char words[256]; /* the first wrong ones */
};

/* Behind what is there, when it fits as a whole. */
static void add_words(struct found *f, const char *words)
{
	size_t at = strlen(f->words), size = strlen(words);

	if (at + 2 + size < sizeof(f->words))
		(void)snprintf(f->words + at, sizeof(f->words) - at, "%s%s", at > 0 ? ", " : "", words);
}

static void note(struct found *f, const char *protocol, const struct endpoint *e)
{
	char address[INET6_ADDRSTRLEN] = "?", one[96];

	(void)inet_ntop(e->is_v6 ? AF_INET6 : AF_INET, &e->address, address, sizeof(address)); /* cannot fail: room and family are good */
	f->wrong++;
	(void)snprintf(one, sizeof(one), "%s %s port %u", protocol, address, e->port);
	add_words(f, one);
}

/* Does the share listen there (TCP)? At its own address alone. */
static bool is_shared(const struct station_share *share, const struct endpoint *e)
{
	char address[INET6_ADDRSTRLEN];

	if (!share->interface || !inet_ntop(e->is_v6 ? AF_INET6 : AF_INET, &e->address, address, sizeof(address)))
		return false;
	for (unsigned int k = 0; k < SHARE_SERVICE_COUNT_; k++)
		if (share->is_on[k] && share->port[k] == e->port && share->address.is_ipv6 == e->is_v6 &&
		    strcmp(share->address.text, address) == 0)
			return true;
	return false;
}

static int take_endpoint(void *context, const char *line, size_t size)
{
	struct found *f = context;
	bool is_tcp = strncmp(f->protocol, "tcp", 3) == 0;
	struct endpoint e;
	int r;

	if (f->is_header) {
		f->is_header = false;
		return 0;
	}
	r = endpoint_parse(line, size, f->is_v6, &e);
	if (r < 0)
		return r;
	if (is_tcp ? e.state != TCP_LISTENING : e.has_peer)
		return 0;
	if (endpoint_is_loopback(&e))
		f->loopback++;
	else if (is_tcp && is_shared(&f->sys->config->share, &e))
		f->allowed++;
	else
		note(f, f->protocol, &e);
	return 0;
}

/* /proc/net/packet: a header, and a line for each socket that takes frames past all rules of the firewall. */
static int take_packet(void *context, const char *line, size_t size)
{
	struct found *f = context;

	if (f->is_header) {
		f->is_header = false;
		return 0;
	}
	f->wrong++;
	add_words(f, "a packet socket");
	return 0;
}

static int look_at(struct found *f, const char *table, int (*take)(void *, const char *, size_t))
{
	_cleanup_free_ char *text = NULL;
	char name[32];
	size_t size;
	int r;

	(void)snprintf(name, sizeof(name), "self/net/%s", table);
	f->protocol = table;
	f->is_v6 = table[strlen(table) - 1] == '6';
	f->is_header = true;
	r = read_at(f->sys->proc, name, &text, &size);
	if (r == -ENOENT) /* no such protocol in this kernel: nobody can listen */
		return 0;
	return r < 0 ? r : lines_each(text, take, f);
}

void check_SOCKETS(const struct system *sys, struct said *said)
{
	static const char *const tables[] = { "tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6" };
	struct found f = { .sys = sys };
	int r = 0;

	for (size_t k = 0; r == 0 && k < ARRAY_LEN(tables); k++)
		r = look_at(&f, tables[k], take_endpoint);
	if (r == 0)
		r = look_at(&f, "packet", take_packet);
	if (r < 0)
		say_wrong(said, "/proc/net/%s: %s", f.protocol, strerror(-r));
	else if (f.wrong > 0)
		say_wrong(said, "%zu: %s", f.wrong, f.words);
	else
		say_ok(said, "none but %zu of the share and %zu that only this machine reaches", f.allowed, f.loopback);
}

/* -- routes ----------------------------------------------------------------------------------------------------- */

int route_judge(const struct nlmsghdr *header, struct route *ret)
{
	const struct rtmsg *m = NLMSG_DATA(header);
	int left = (int)header->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));
	struct route route = { .table = 0 };

	if (header->nlmsg_type != RTM_NEWROUTE || left < 0)
		return -EBADMSG;
	route.table = m->rtm_table;
	route.prefix = m->rtm_dst_len;
	for (const struct rtattr *a = RTM_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == RTA_GATEWAY || a->rta_type == RTA_VIA || a->rta_type == RTA_MULTIPATH || a->rta_type == RTA_NH_ID)
			route.has_gateway = true;
		else if (a->rta_type == RTA_TABLE && RTA_PAYLOAD(a) == sizeof(uint32_t))
			memcpy(&route.table, RTA_DATA(a), sizeof(uint32_t));
	}
	if (left != 0)
		return -EBADMSG;
	/* the kernel's own entries for its addresses, and what says "no way there", lead nowhere */
	route.is_out = m->rtm_type == RTN_UNICAST && (route.has_gateway || route.prefix < ROUTE_PREFIX_WIDE);
	*ret = route;
	return 0;
}

struct routes {
	size_t count, out;
	struct route first;
	unsigned char family; /* of the first */
	bool is_done;
};

static int take_routes(struct routes *all, const char *data, size_t size, unsigned char family)
{
	size_t left = size;

	for (const struct nlmsghdr *h = (const struct nlmsghdr *)data; NLMSG_OK(h, left) && !all->is_done; h = NLMSG_NEXT(h, left)) {
		struct route route;
		int r = 0;

		if (h->nlmsg_type == NLMSG_DONE)
			all->is_done = true;
		else if (h->nlmsg_type == NLMSG_ERROR)
			return h->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) && *(const int *)NLMSG_DATA(h) < 0 ? *(const int *)NLMSG_DATA(h) : -EBADMSG;
		else
			r = route_judge(h, &route);
		if (r < 0)
			return r;
		if (all->is_done)
			break;
		all->count++;
		if (!route.is_out)
			continue;
		if (all->out == 0) {
			all->first = route;
			all->family = family;
		}
		all->out++;
	}
	return 0;
}

static int ask_routes(struct routes *all, unsigned char family)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg message;
	} request = { { NLMSG_LENGTH(sizeof(struct rtmsg)), RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, { .rtm_family = family } };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	_Alignas(struct nlmsghdr) static char buffer[65536];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r = 0;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) != (ssize_t)sizeof(request))
		return -errno;
	all->is_done = false;
	while (r == 0 && !all->is_done) {
		ssize_t n = poll(&p, 1, NETLINK_MS) == 1 ? recv(fd, buffer, sizeof(buffer), MSG_TRUNC) : -1;

		if (n < 0 || (size_t)n > sizeof(buffer))
			return n < 0 ? -ETIMEDOUT : -EMSGSIZE;
		r = take_routes(all, buffer, (size_t)n, family);
	}
	return r;
}

void check_ROUTES(const struct system *sys, struct said *said)
{
	struct routes all = { 0 };
	int r = ask_routes(&all, AF_INET);

	if (r == 0)
		r = ask_routes(&all, AF_INET6);
	if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
		r = 0; /* a kernel without IPv6 */
	if (r < 0)
		say_wrong(said, "the kernel's routes cannot be read: %s", strerror(-r));
	else if (all.out > 0 && sys->config->fleet.database)
		say_ok(said, "%zu lead out, for the link to the centre (fleet)", all.out);
	else if (all.out > 0)
		say_wrong(said, "%zu lead out; the first: IPv%d, table %u, prefix of %u bits, %s", all.out, all.family == AF_INET ? 4 : 6,
			  all.first.table, all.first.prefix, all.first.has_gateway ? "by a gateway" : "without a gateway");
	else
		say_ok(said, "%zu, none of them leads out", all.count);
}

/* -- interfaces ------------------------------------------------------------------------------------------------- */

/* Administratively up (IFF_UP), whether or not a cable is in. */
static bool is_up(const struct system *sys, const char *name)
{
	char path[300], flags[32];

	(void)snprintf(path, sizeof(path), "class/net/%s/flags", name);
	return read_line(sys->sys, path, flags, sizeof(flags)) < 0 || strtoul(flags, NULL, 16) & 1;
}

void check_INTERFACES(const struct system *sys, struct said *said)
{
	const struct station_config *c = sys->config;
	char path[300], words[200] = "";
	_cleanup_(closedir_p) DIR *dir = NULL;
	size_t up = 0, all = 0;

	(void)snprintf(path, sizeof(path), "%s/class/net", sys->sys);
	dir = opendir(path);
	if (!dir) {
		say_none(said, "no network in this kernel");
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "lo") == 0)
			continue;
		all++;
		if ((c->share.interface && strcmp(c->share.interface, e->d_name) == 0) || !is_up(sys, e->d_name))
			continue;
		up++;
		if (strlen(words) + strlen(e->d_name) + 3 < sizeof(words))
			(void)snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s", words[0] ? ", " : "", e->d_name);
	}
	if (up > 0 && !c->fleet.database)
		say_wrong(said, "up, and not needed: %s", words);
	else
		say_ok(said, "%zu besides lo, none up that is not needed", all);
}
