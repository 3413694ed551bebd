/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* sshd_config(5): SFTP and nothing else of SSH. Keys only; a server inside sshd (internal-sftp) that refuses to write (-R), in a root that
 * holds staging alone. */
#include "share/files.h"

#include <string.h>

#include "common/base64.h"

void share_put_sftp(const struct share_maker *m, FILE *out)
{
	const struct station_share *s = &m->config->share;

	fprintf(out,
		s->address.is_ipv6 ? "ListenAddress [%s]:%u\n" : "ListenAddress %s:%u\n", s->address.text, s->port[SHARE_SFTP]);
	fprintf(out,
		"HostKey %s/" SHARE_STATE_DIR "/sftp/ssh_host_ed25519_key\n"
		"PidFile none\n"
		"AuthenticationMethods publickey\n"
		"PubkeyAuthentication yes\n"
		"AuthorizedKeysFile %s/authorized_keys\n"
		"AuthorizedKeysCommand none\n"
		"AuthorizedPrincipalsCommand none\n"
		"PasswordAuthentication no\n"
		"KbdInteractiveAuthentication no\n"
		"HostbasedAuthentication no\n"
		"GSSAPIAuthentication no\n"
		"UsePAM no\n"
		"PermitRootLogin no\n"
		"PermitUserRC no\n"
		"PermitUserEnvironment no\n"
		"DisableForwarding yes\n"
		"AllowTcpForwarding no\n"
		"AllowAgentForwarding no\n"
		"AllowStreamLocalForwarding no\n"
		"X11Forwarding no\n"
		"PermitTunnel no\n"
		"PermitTTY no\n"
		"PrintMotd no\n"
		"PrintLastLog no\n"
		"Compression no\n" /* zlib has no business with what is not trusted */
		"UseDNS no\n"
		"LoginGraceTime 30\n"
		"MaxAuthTries 3\n"
		"MaxSessions 4\n"
		"MaxStartups 8:50:16\n"
		"ClientAliveInterval 30\n"
		"ClientAliveCountMax 4\n"
		"LogLevel VERBOSE\n"
		"ChrootDirectory %s/export\n"
		"Subsystem sftp internal-sftp\n"
		"ForceCommand internal-sftp -R -d /staging\n"
		"AllowUsers",
		m->config->dir, m->root, m->root);
	for (size_t i = 0; i < s->client_count; i++)
		fprintf(out, " %s@%s", s->user, s->clients[i].text);
	fputc('\n', out);
}

/* RFC 4253 6.6: the blob begins with the length and name of its type again. */
static bool is_blob_of(const char *type, const char *base64, size_t size)
{
	size_t padding = base64[size - 1] != '=' ? 0 : base64[size - 2] != '=' ? 1 : 2, blob_size = size / 4 * 3 - padding;
	_cleanup_free_ uint8_t *blob = malloc(blob_size);
	size_t len = strlen(type);

	return blob && base64_decode(base64, size, blob, blob_size) == 0 && blob_size > len + 4 && blob[0] == 0 && blob[1] == 0 &&
	       blob[2] == 0 && blob[3] == len && memcmp(blob + 4, type, len) == 0;
}

int share_key_line(const char *line, char **ret)
{
	/* no DSA (withdrawn), no certificates: their principals would not be told apart */
	static const char *const types[] = { "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
					     "ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com", "ssh-rsa" };
	size_t size = strcspn(line, " \t"), blob_size;
	const char *type = NULL, *blob;

	*ret = NULL;
	if (line[strspn(line, " \t\r")] == 0 || line[0] == '#')
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strlen(types[i]) == size && strncmp(types[i], line, size) == 0)
			type = types[i];
	if (!type)
		return -EINVAL;
	blob = line + size + strspn(line + size, " \t");
	blob_size = strcspn(blob, " \t\r");
	if (blob_size < 16 || blob_size > 4096 || !is_blob_of(type, blob, blob_size))
		return -EINVAL;
	if (asprintf(ret, "restrict %s %.*s", type, (int)blob_size, blob) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}
