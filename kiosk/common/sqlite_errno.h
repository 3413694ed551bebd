/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* SQLite's result codes as ours. */
#ifndef LAZARET_COMMON_SQLITE_ERRNO_H
#define LAZARET_COMMON_SQLITE_ERRNO_H

/* 0 for OK, DONE and ROW; otherwise a negative errno: -EBUSY, -ENOSPC, -EROFS, -EACCES, -ETIMEDOUT (interrupted), -EUCLEAN (damaged),
 * -ENOMEM, or -EIO. Extended codes are taken as what they extend. */
int sqlite_errno(int code);

#endif
