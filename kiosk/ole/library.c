/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ole/library.h"

#include <string.h>

#include <gsf/gsf.h>

static char complaint[160];

static void take(const char *text)
{
	if (complaint[0] == '\0')
		snprintf(complaint, sizeof(complaint), "%s", text);
	complaint[strcspn(complaint, "\n")] = '\0'; /* what follows is advice for people with an editor */
}

static void take_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user)
{
	if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING))
		take(message ? message : "unknown");
}

static void take_print(const gchar *message)
{
	take(message);
}

const char *library_complaint(void)
{
	return complaint[0] != '\0' ? complaint : NULL;
}

void library_forget(void)
{
	complaint[0] = '\0';
}

static const char known[] = "what a stream holds";

static int write_known(GsfOutput *memory)
{
	GsfOutfile *root = gsf_outfile_msole_new(memory);
	GsfOutput *stream = gsf_outfile_new_child(root, "known", FALSE);
	bool ok = gsf_output_write(stream, sizeof(known), (const guint8 *)known) && gsf_output_close(stream) &&
		  gsf_output_close(GSF_OUTPUT(root));

	g_object_unref(stream);
	g_object_unref(root);
	return ok ? 0 : -ENOTSUP;
}

static int read_known(GsfOutput *memory)
{
	GsfInput *source = gsf_input_memory_new(gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(memory)),
						gsf_output_size(memory), FALSE);
	GsfInfile *root = gsf_infile_msole_new(source, NULL);
	GsfInput *stream = root ? gsf_infile_child_by_name(root, "known") : NULL;
	const guint8 *data = stream ? gsf_input_read(stream, sizeof(known), NULL) : NULL;
	int r = data && memcmp(data, known, sizeof(known)) == 0 ? 0 : -ENOTSUP;

	if (stream)
		g_object_unref(stream);
	if (root)
		g_object_unref(root);
	g_object_unref(source);
	return r;
}

int ole_prepare(void)
{
	GsfOutput *memory;
	GDateTime *local;
	int r;

	/* libgsf turns times of entries into local ones: the zone is a file, which could not be opened later */
	if (setenv("TZ", "UTC", 1) < 0)
		return -errno;
	gsf_init();
	local = g_date_time_new_from_unix_local(0);
	if (!local)
		return -ENOTSUP;
	g_date_time_unref(local);
	(void)g_log_set_default_handler(take_log, NULL); /* both return the former one, which is GLib's own */
	(void)g_set_printerr_handler(take_print);
	memory = gsf_output_memory_new();
	r = write_known(memory);
	if (r == 0)
		r = read_known(memory);
	g_object_unref(memory);
	return r == 0 && library_complaint() ? -ENOTSUP : r;
}
