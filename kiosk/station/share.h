/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml, `share:`: how the isolated side gets at staging (docs/share.md). Without it nothing listens and nothing is pushed.
 *
 * Its strings are written into the configuration files of Samba, NFS-Ganesha, OpenSSH and nftables. What these would understand as
 * more than a value (blanks, line ends, quotes, braces, '#', ';', '%', '$', '\', ',') is in none that was accepted here. */
#ifndef LAZARET_STATION_SHARE_H
#define LAZARET_STATION_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define SHARE_STATE_DIR "share" /* in the station's directory: host key of SFTP, passwords of SMB */
#define SHARE_CLIENTS_MAX 64
#define SHARE_OUT_MAX 16

enum share_service {
	SHARE_SMB,
	SHARE_NFS,
	SHARE_SFTP,
	SHARE_SERVICE_COUNT_
};

enum share_encryption {
	SHARE_ENCRYPTION_REQUIRED,
	SHARE_ENCRYPTION_OFFERED, /* signed always, encrypted when the client wants it */
};

/* An address, or a network: with the bits beyond `prefix` zero. */
struct share_address {
	char text[64]; /* as inet_ntop(3) writes it, and "/PREFIX" for a network */
	bool is_ipv6;
	uint8_t prefix; /* 32 or 128: one address */
};

/* What the station itself may connect to. */
struct share_out {
	struct share_address to; /* one address */
	uint16_t port;
	bool is_udp;
};

struct station_share {
	char *interface; /* the isolated side's; NULL: no service, no firewall */
	struct share_address address; /* this station's there */
	struct share_address clients[SHARE_CLIENTS_MAX]; /* all of the family of `address` */
	size_t client_count;
	char *user; /* the name that importers log in with (SMB, SFTP) */
	bool is_on[SHARE_SERVICE_COUNT_];
	uint16_t port[SHARE_SERVICE_COUNT_]; /* TCP */
	enum share_encryption smb_encryption;
	char *sftp_keys; /* absolute path: public keys of importers, one a line */
	bool has_firewall;
	struct share_out out[SHARE_OUT_MAX];
	size_t out_count;
	char *push_dir; /* absolute path: where a directory of the isolated side is mounted; NULL: nothing is pushed */
};

/* "smb", "nfs", "sftp"; static. NULL when out of range. */
const char *share_service_name(enum share_service service);
bool share_is_any_on(const struct station_share *s);

/* A network interface: 1 to 15 of a-z A-Z 0-9 . _ - that begin with a letter or digit (IFNAMSIZ; '+' and '*' are patterns of nftables). */
bool share_interface_ok(const char *name);
/* An account: a-z first, then a-z 0-9 _ -, 32 at most (useradd(8)); root is none. */
bool share_user_ok(const char *name);
/* An absolute path of A-Z a-z 0-9 . _ - and '/' without '.', '..' and empty components. */
bool share_path_ok(const char *path);
/* "10.1.2.3", "fd00::1"; with `may_be_network` also "10.1.2.0/24". No address of which nothing can come: unspecified, multicast,
 * loopback, IPv4 in IPv6, and link-local ones, which need a scope. Returns 0 or -EINVAL; writes on success only. */
_must_check_ int share_address_parse(const char *text, bool may_be_network, struct share_address *ret);
/* "ADDRESS:PORT", "[IPV6]:PORT", "ADDRESS:PORT/udp". */
_must_check_ int share_out_parse(const char *text, struct share_out *ret);

#endif
