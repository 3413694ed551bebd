/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One route of the kernel's, judged: for network.c and its unit test. */
#ifndef LAZARET_SELFCHECK_NETWORK_H
#define LAZARET_SELFCHECK_NETWORK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

/* Shorter ones are as good as a default route: 0.0.0.0/1 and 128.0.0.0/1 together are one. No isolated network is so large. */
#define ROUTE_PREFIX_WIDE 8

struct route {
	uint32_t table;
	unsigned int prefix; /* bits of the destination */
	bool has_gateway;
	bool is_out; /* a way to where this station's own networks do not reach */
};

/* A message of an RTM_GETROUTE dump, whose length was checked (NLMSG_OK). 0 or -EBADMSG. */
_must_check_ int route_judge(const struct nlmsghdr *header, struct route *ret);

#endif
