/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Limits of what is read of Debian repositories, each with the reason for the number. */
#ifndef LAZARET_ORIGIN_DEBIAN_LIMITS_H
#define LAZARET_ORIGIN_DEBIAN_LIMITS_H

#define DEBIAN_INDEX_MAX (2ull << 30)	      /* bytes, decompressed: forty times Debian 12's own Packages or Sources of main */

#define CONTROL_LINE_MAX (512u << 10)	      /* bytes: the longest of Debian 12's is a Provides of 76 kB */
#define CONTROL_NAME_MAX 128u		      /* bytes of a field's name */
#define CONTROL_FIELDS_MAX 256u		      /* fields of a paragraph: Debian's have 29 at most */
#define CONTROL_PARAGRAPH_MAX (4u << 20)      /* bytes: the longest of Debian 12's Sources has 400 kB */
#define CONTROL_RELEASE_MAX (16u << 20)	      /* bytes of a Release, which is one paragraph: Debian 12's has 150 kB */
#define CONTROL_BLOCK (1u << 18)	      /* bytes of text held at first */
#define RELEASE_FILES_MAX 250000u	      /* entries of one section: as many as CONTROL_RELEASE_MAX has room for */

#endif
