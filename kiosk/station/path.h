/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Paths of configuration: relative ones are beneath the station's directory. */
#ifndef LAZARET_STATION_PATH_H
#define LAZARET_STATION_PATH_H

/* Owned by the caller; NULL when out of memory. Purely textual. */
char *path_resolve(const char *dir, const char *path);

#endif
