/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* systemd.network(5): the isolated side's interface, where nobody else sets it up (docs/appliance.md). The one address, without a network around
 * it, and the ways to those who may come: what is not named in `share:` cannot be reached because there is no route to it. Nothing is asked of
 * the network, and nothing announced. */
#include "share/files.h"

static void put_route(const struct share_address *to, FILE *out)
{
	fprintf(out, "\n[Route]\nDestination=%s\nScope=link\n", to->text);
}

void share_put_network(const struct share_maker *m, FILE *out)
{
	const struct station_share *s = &m->config->share;

	fprintf(out,
		"[Match]\n"
		"Name=%s\n"
		"\n"
		"[Link]\n"
		"RequiredForOnline=no\n"
		"\n"
		"[Network]\n"
		"Address=%s/%u\n"
		"ConfigureWithoutCarrier=yes\n" /* servers find their address, cable or none */
		"DHCP=no\n"
		"LinkLocalAddressing=no\n"
		"IPv6AcceptRA=no\n"
		"LLDP=no\n"
		"EmitLLDP=no\n",
		s->interface, s->address.text, s->address.prefix);
	for (size_t i = 0; i < s->client_count; i++)
		put_route(&s->clients[i], out);
	for (size_t i = 0; i < s->out_count; i++)
		put_route(&s->out[i].to, out);
}
