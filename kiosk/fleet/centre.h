/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What lazaret-fleet does beside the database: `import` and `check`. The connection is made first, by libpq's own rules; then the
 * process gives up everything else, before it reads a byte that a station or a carrier wrote. */
#ifndef LAZARET_FLEET_CENTRE_H
#define LAZARET_FLEET_CENTRE_H

/* Exit statuses. import: 0 every file is there, 1 a file was refused or shows a fork, 2 it could not be sent, 64 usage. */
int centre_import(int argc, char **argv);
/* check: 0 complete and genuine, 1 not, 2 it could not be asked, 64 usage. */
int centre_check(int argc, char **argv);

#endif
