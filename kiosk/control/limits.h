/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What one client may cost the daemon (docs/control.md, "Connection"), each with its unit and reason. */
#ifndef LAZARET_CONTROL_LIMITS_H
#define LAZARET_CONTROL_LIMITS_H

/* Connections of one account that is neither root's nor ours: a member of the group cannot shut the console out. */
#define CLIENTS_OF_ONE 16
/* Connections that are left for root and our own account when the others have taken theirs. */
#define CLIENTS_FOR_ADMIN 4

#define SECOND_USEC 1000000ull
/* Requests: 20 a second on average, as many at once. */
#define REQUEST_USEC (SECOND_USEC / 20)
#define REQUEST_CREDIT_USEC (20 * REQUEST_USEC)
/* An object: five times a second, which is as often as a person can read it. */
#define TOPIC_USEC (SECOND_USEC / 5)
/* Something waits for a client that has read nothing for so long: it is not there any more. */
#define STALL_USEC (60 * SECOND_USEC)
/* A client's fault: as often a line in the log. */
#define LOG_USEC SECOND_USEC
/* No descriptor or memory for a further client: wait before accept() is tried again. */
#define ACCEPT_PAUSE_USEC SECOND_USEC

/* Bytes that the kernel holds for a client: about one line, so that old states do not queue up there. */
#define SOCKET_BUFFER 65536
#define LISTEN_BACKLOG 64

#endif
