/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* ganesha-config(8). NFSv4 alone: one TCP port, no portmapper, no mount protocol, no locks manager. NFS with sec=sys authenticates nobody: who may
 * come is told by address, and everybody is the same account, which may read staging. */
#include "share/files.h"

void share_put_nfs(const struct share_maker *m, FILE *out)
{
	const struct station_share *s = &m->config->share;

	fprintf(out,
		"NFS_CORE_PARAM {\n"
		"\tProtocols = 4;\n"
		"\tNFS_Port = %u;\n"
		"\tBind_addr = %s;\n"
		"\tEnable_NLM = false;\n"
		"\tEnable_RQUOTA = false;\n"
		"\tEnable_UDP = false;\n"
		"\tClustered = false;\n"
		/* PR_SET_IO_FLUSHER takes CAP_SYS_RESOURCE, which its unit does not give; version 4 does not know this line, says so and goes on */
		"\tAllow_Set_Io_Flusher_Fail = true;\n"
		"}\n"
		"\n"
		"NFSv4 {\n"
		"\tMinor_Versions = 0, 1, 2;\n"
		"\tOnly_Numeric_Owners = true;\n"
		"\tDelegations = false;\n"
		"\tRecoveryBackend = fs;\n"
		"\tRecoveryRoot = %s/nfs;\n"
		"\tGrace_Period = 5;\n" /* s; nobody holds a lock that writes */
		"\tLease_Lifetime = 5;\n"
		"}\n"
		"\n"
		"MDCACHE {\n"
		"\tDir_Chunk = 0;\n" /* others change staging, and a new transfer is to be seen at once: no listing is kept, no attribute (below) */
		"}\n"
		"\n"
		"NFS_KRB5 {\n"
		"\tActive_krb5 = false;\n"
		"}\n"
		"\n"
		"EXPORT {\n"
		"\tExport_Id = 1;\n"
		"\tPath = %s/export/staging;\n"
		"\tPseudo = /staging;\n"
		"\tProtocols = 4;\n"
		"\tTransports = TCP;\n"
		"\tSecType = sys;\n"
		"\tAccess_Type = NONE;\n" /* for whom no CLIENT block speaks */
		"\tSquash = All_Squash;\n"
		"\tAnonymous_Uid = %u;\n"
		"\tAnonymous_Gid = %u;\n"
		"\tDisable_ACL = true;\n"
		"\tAttr_Expiration_Time = 0;\n" /* s */
		"\tFSAL {\n"
		"\t\tName = VFS;\n"
		"\t}\n"
		"\tCLIENT {\n"
		"\t\tClients = ",
		s->port[SHARE_NFS], s->address.text, m->root, m->root, m->uid, m->gid);
	for (size_t i = 0; i < s->client_count; i++)
		fprintf(out, "%s%s", i ? ", " : "", s->clients[i].text);
	fputs(";\n"
	      "\t\tAccess_Type = RO;\n"
	      "\t\tSquash = All_Squash;\n"
	      "\t\tProtocols = 4;\n"
	      "\t\tTransports = TCP;\n"
	      "\t\tSecType = sys;\n"
	      "\t}\n"
	      "}\n"
	      "\n"
	      "LOG {\n"
	      "\tDefault_Log_Level = EVENT;\n"
	      "}\n",
	      out);
}
