/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* smb.conf(5). SMB 3.1.1 only: its pre-authentication integrity (MS-SMB2 3.3.5.4) keeps a man in the middle from talking either side out of
 * signing or encryption. No NetBIOS, no printing, no RPC services, no guest, nothing that could be written. */
#include "share/files.h"

void share_put_smb(const struct share_maker *m, FILE *out)
{
	const struct station_share *s = &m->config->share;

	fprintf(out,
		"[global]\n"
		"   server role = standalone server\n"
		"   workgroup = WORKGROUP\n"
		"   server string = Lazaret staging\n"
		"   interfaces = %s\n"
		"   bind interfaces only = yes\n"
		"   smb ports = %u\n"
		"   disable netbios = yes\n"
		"   hosts deny = ALL\n"
		"   hosts allow =",
		s->address.text, s->port[SHARE_SMB]);
	for (size_t i = 0; i < s->client_count; i++)
		fprintf(out, " %s", s->clients[i].text);
	fprintf(out,
		"\n"
		"   server min protocol = SMB3_11\n"
		"   server max protocol = SMB3_11\n"
		"   server signing = mandatory\n"
		"   server smb encrypt = %s\n"
		"   ntlm auth = ntlmv2-only\n"
		"   map to guest = never\n"
		"   restrict anonymous = 2\n"
		"   obey pam restrictions = no\n"
		"   passdb backend = tdbsam:%s/" SHARE_STATE_DIR "/smb/passdb.tdb\n"
		"   private dir = %s/" SHARE_STATE_DIR "/smb\n",
		s->smb_encryption == SHARE_ENCRYPTION_REQUIRED ? "required" : "if_required", m->config->dir, m->config->dir);
	for (size_t i = 0; i < 4; i++) {
		static const char *const kinds[] = { "lock", "state", "cache", "pid" };

		fprintf(out, "   %s directory = %s/smb\n", kinds[i], m->root);
	}
	fprintf(out,
		"   ncalrpc dir = %s/smb/ncalrpc\n"
		"   usershare max shares = 0\n"
		"   load printers = no\n"
		"   printing = bsd\n"
		"   printcap name = /dev/null\n"
		"   disable spoolss = yes\n"
		"   rpc start on demand helpers = no\n"
		"   max smbd processes = 64\n"
		"   deadtime = 30\n"
		"   log level = 1\n"
		"\n"
		"[staging]\n"
		"   comment = Inspected transfers\n"
		"   path = %s/export/staging\n"
		"   valid users = %s\n"
		"   guest ok = no\n"
		"   read only = yes\n"
		"   follow symlinks = no\n"
		"   wide links = no\n"
		/* transfers in the making alone: a complete one may hold other names with a dot */
		"   veto files = /.incoming-*/\n"
		"   hide dot files = no\n"
		"   mangled names = no\n"
		"   ea support = no\n"
		"   store dos attributes = no\n"
		"   map archive = no\n"
		"   kernel oplocks = no\n"
		"   csc policy = disable\n",
		m->root, m->root, s->user);
}
