/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* nft(8). A table of our own, in which everything is dropped but what `share:` names: other tables can forbid more, and cannot allow what
 * this one drops. Both families are in it whatever family the share has. Loaded in one transaction: there is no moment without it. */
#include "share/files.h"

static void put_services(const struct station_share *s, FILE *out)
{
	const char *family = s->address.is_ipv6 ? "ip6" : "ip", *comma = "";

	if (!share_is_any_on(s))
		return;
	fprintf(out, "\t\tiifname \"%s\" %s daddr %s %s saddr { ", s->interface, family, s->address.text, family);
	for (size_t i = 0; i < s->client_count; i++)
		fprintf(out, "%s%s", i ? ", " : "", s->clients[i].text);
	fputs(" } tcp dport { ", out);
	for (size_t k = 0; k < SHARE_SERVICE_COUNT_; k++) {
		if (!s->is_on[k])
			continue;
		fprintf(out, "%s%u", comma, s->port[k]);
		comma = ", ";
	}
	fputs(" } ct state new accept\n", out);
}

/* RFC 4861: without neighbour discovery no address of IPv6 can be reached; the hop limit says that it was not routed. */
static void put_neighbours(const struct station_share *s, const char *direction, FILE *out)
{
	bool is_needed = share_is_any_on(s) && s->address.is_ipv6;

	for (size_t i = 0; i < s->out_count; i++)
		is_needed |= s->out[i].to.is_ipv6;
	if (is_needed)
		fprintf(out, "\t\t%s \"%s\" ip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n", direction,
			s->interface);
}

void share_put_firewall(const struct share_maker *m, FILE *out)
{
	const struct station_share *s = &m->config->share;

	fputs("table inet lazaret\n"
	      "delete table inet lazaret\n"
	      "table inet lazaret {\n"
	      "\tchain input {\n"
	      "\t\ttype filter hook input priority filter; policy drop;\n"
	      "\t\tiifname \"lo\" accept\n", out);
	fprintf(out, "\t\tiifname \"%s\" ct state established accept\n"
		"\t\tiifname \"%s\" meta l4proto { icmp, ipv6-icmp } ct state related accept\n", s->interface, s->interface);
	put_neighbours(s, "iifname", out);
	put_services(s, out);
	fputs("\t\tcounter comment \"dropped\"\n"
	      "\t}\n"
	      "\tchain forward {\n"
	      "\t\ttype filter hook forward priority filter; policy drop;\n"
	      "\t}\n"
	      "\tchain output {\n"
	      "\t\ttype filter hook output priority filter; policy drop;\n"
	      "\t\toifname \"lo\" accept\n", out);
	fprintf(out, "\t\toifname \"%s\" ct state established accept\n"
		"\t\toifname \"%s\" meta l4proto { icmp, ipv6-icmp } ct state related accept\n", s->interface, s->interface);
	put_neighbours(s, "oifname", out);
	for (size_t i = 0; i < s->out_count; i++)
		fprintf(out, "\t\toifname \"%s\" %s daddr %s %s dport %u ct state new accept\n", s->interface, s->out[i].to.is_ipv6 ? "ip6" : "ip",
			s->out[i].to.text, s->out[i].is_udp ? "udp" : "tcp", s->out[i].port);
	fputs("\t\tcounter comment \"dropped\"\n"
	      "\t}\n"
	      "}\n", out);
}
