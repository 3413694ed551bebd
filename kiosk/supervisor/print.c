/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by the supervisor, which opens the device (a setting of the administrator) and writes nothing to it: lazaret-printer does. */
#include "supervisor/print.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>

#include "receipt/qr.h"
#include "receipt/receipt.h"

#define RETRY_MS 100

/* A terminal line (serial printers) would turn bytes of the image into others. Its speed is the site's to set. */
static int make_raw(int fd)
{
	struct termios t;

	if (!isatty(fd))
		return 0;
	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

static int check_kind(int fd, const char **ret_why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode))
		return 0;
	*ret_why = "it is no printer: neither a character device, a FIFO nor a file";
	return -EINVAL;
}

/* Two inspections print one after the other: usblp gives the device to one opener (EBUSY), others have our lock. */
static int open_printer(const char *path, const struct patience *patience, int *ret_fd, const char **ret_why)
{
	for (;;) {
		_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		int r = fd < 0 ? -errno : check_kind(fd, ret_why);

		if (r == -ENXIO)
			*ret_why = "nobody is at its other end";
		if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
			r = -errno;
		if (r == 0)
			r = make_raw(fd);
		if (r == 0) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
		if (r != -EBUSY && r != -EWOULDBLOCK)
			return r;
		if (monotonic_ms() >= patience->deadline_ms) {
			*ret_why = "another receipt is being printed";
			return -ETIMEDOUT;
		}
		(void)poll(NULL, 0, RETRY_MS);
	}
}

static int make_receipt(const struct station_receipts *c, int report_fd, int *ret_fd)
{
	_cleanup_close_ int fd = memfd_create("receipt", MFD_CLOEXEC);
	int r = fd < 0 ? -errno :
			 receipt_write(report_fd, c->form == STATION_PRINT_LABEL ? RECEIPT_LABEL : RECEIPT_TEXT, (unsigned int)c->columns, fd);

	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static int start_printer(struct process *p, int device_fd, const struct patience *patience, char **ret_why)
{
	int r = process_start(ROLE_PRINTER, p);

	if (r == 0)
		r = channel_send(&p->channel, MESSAGE_PRINTER_START, NULL, &device_fd, 1);
	return r < 0 ? r : process_ready(p, patience, ret_why);
}

static int ask(struct inspection *i, struct process *p, int receipt_fd, const char *qr, const struct patience *patience, char **ret_why)
{
	const struct station_receipts *c = &i->supervisor->config->receipts;
	/* its own words come before our deadline */
	const struct patience longer = { patience->signal_fd, patience->deadline_ms + 1000 };
	bool is_label = c->form == STATION_PRINT_LABEL;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	int r;

	if (!e || !m)
		return -ENOMEM;
	encoder_init(e);
	encode_u32(e, is_label);
	encode_u32(e, is_label ? (uint32_t)c->columns : RECEIPT_TEXT_COLUMNS);
	encode_str(e, is_label ? qr : "");
	encode_u32(e, (uint32_t)MAX(patience->deadline_ms - monotonic_ms(), (int64_t)0));
	r = channel_send(&p->channel, MESSAGE_PRINTER_PRINT, e, &receipt_fd, 1);
	if (r == 0)
		r = process_expect(p, MESSAGE_PRINTER_PRINTED, &longer, m, ret_why);
	if (r < 0)
		return r;
	(void)decode_u64(&m->payload); /* all of it */
	r = decoder_end(&m->payload);
	message_done(m);
	return r;
}

static int print(struct inspection *i, int report_fd, char **ret_why)
{
	const struct station_receipts *c = &i->supervisor->config->receipts;
	const struct patience patience = supervisor_patience(i->supervisor, c->time_s);
	_cleanup_close_ int receipt_fd = -EBADF, device_fd = -EBADF;
	struct process p = { .pid = 0 };
	char hex[SHA256_HEX_LEN + 1], qr[QR_TEXT_MAX];
	const char *why = NULL;
	uint8_t sum[SHA256_LEN];
	int r = sha256_fd(report_fd, sum, NULL);

	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), hex);
	qr_text(i->transfer, hex, qr);
	r = make_receipt(c, report_fd, &receipt_fd);
	if (r == 0)
		r = open_printer(c->printer, &patience, &device_fd, &why);
	if (r == 0)
		r = start_printer(&p, device_fd, &patience, ret_why);
	if (r == 0)
		r = ask(i, &p, receipt_fd, qr, &patience, ret_why);
	if (r < 0)
		process_kill(&p); /* it may wait in the kernel for the device */
	else
		(void)process_end(&p); /* what it had to do has been answered */
	if (why && !*ret_why)
		*ret_why = strdup(why); /* NULL: the error's own words */
	return r;
}

void receipt_print(struct inspection *i, int report_fd)
{
	const char *path = i->supervisor->config->receipts.printer;
	_cleanup_free_ char *why = NULL;
	int r = path ? print(i, report_fd, &why) : 0;

	if (r < 0)
		events_warning(i->supervisor->events, "the receipt was not printed on %s: %s. See to it; `lazaret show %s --receipt` has the receipt.", path,
			       why ? why : strerror(-r), i->transfer);
}
