/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-console's one object, and what screens are. Screens draw from it and turn key presses into intents (intent.h);
 * they speak with nobody. app.c has the loop. */
#ifndef LAZARET_CONSOLE_CONSOLE_H
#define LAZARET_CONSOLE_CONSOLE_H

#include "console/desk.h"
#include "console/field.h"
#include "console/keys.h"
#include "console/link.h"
#include "console/maintenance.h"
#include "console/rows.h"
#include "console/setup.h"
#include "console/state.h"
#include "console/talk.h"
#include "console/term.h"
#include "console/words.h"

struct console;
struct pen;
struct bar;

struct screen {
	/* It becomes visible, or shows something else than before; and the opposite. May be NULL. */
	void (*enter)(struct console *c);
	void (*leave)(struct console *c);
	/* It was opened by a key, and is closed. May be NULL. */
	void (*close)(struct console *c);
	void (*draw)(struct console *c, struct pen *p);
	/* True when the key meant something here. */
	bool (*press)(struct console *c, const struct press *press);
	/* The keys that work now, the most important first. */
	void (*keys)(struct console *c, struct bar *bar);
	bool is_typed; /* letters are text here */
};

/* What is shown when nothing was opened from the menu: follows from the state. */
extern const struct screen screen_lost, screen_idle, screen_inspect, screen_identify, screen_unlock, screen_result,
	screen_trouble;
/* Instead of them: a machine that is no station yet; and the form that Enter opens there. */
extern const struct screen screen_setup, screen_setup_form;
/* Opened by a key, closed by Esc. */
extern const struct screen screen_file, screen_menu, screen_history, screen_past, screen_devices, screen_about,
	screen_language, screen_code, screen_key;
/* For an administrator. */
extern const struct screen screen_maintenance, screen_clock, screen_power, screen_checks, screen_people, screen_ports, screen_port, screen_name, screen_person;
/* For who is logged in; screen_login for who is not. */
extern const struct screen screen_login, screen_review, screen_held, screen_bytes, screen_decide, screen_proposals, screen_offers, screen_undo;

enum dialog {
	DIALOG_NONE,
	DIALOG_CANCEL, /* really stop the inspection? */
	DIALOG_LEAVE,  /* what else, if not the passphrase or the name? */
	DIALOG_SEARCH,
};

enum ask_kind {
	ASK_ACTION, /* an answer is of interest only when it is a refusal */
	ASK_DISMISS,
	ASK_RECENT,
	ASK_HISTORY,
	ASK_FILES,
	ASK_FILE,
	ASK_IDENTIFY,
	ASK_SETUP, /* generation 1: clock; 0: answers */
	ASK_MAINTENANCE, /* generation: enum maintenance_ask */
	ASK_TALK, /* login, login-answer, confirm */
	ASK_LOGOUT,
	ASK_REVIEW,
	ASK_HELD,
	ASK_BYTES,
	ASK_PROPOSE,
	ASK_PROPOSALS,
	ASK_WITHDRAW,
};

struct ask {
	int64_t id; /* 0: free */
	enum ask_kind kind;
	unsigned int generation;
};

#define ASKS_MAX 16
#define DEPTH_MAX 6
#define NOTICE_MAX 512

/* Past transfers, a page at a time; `before` of each page up to the present one, so that one can go back. */
#define HISTORY_PAGE 50
#define HISTORY_PAGES_MAX 10000
struct history {
	json_t *page; /* owned, array; NULL: not yet known */
	bool has_more, has_failed;
	char (*before)[64]; /* owned; before[0] is "": the newest */
	int pages;	    /* `before` has so many */
	struct list list;
	struct entry search;
	unsigned int generation;
};

struct console {
	struct state state;
	struct link link;
	struct keys keys;
	struct ask asks[ASKS_MAX];
	int64_t now_ms;	       /* monotonic, of this turn of the loop */
	int64_t pressed_ms;    /* last key */
	int64_t deaf_ms;       /* until then keys are dropped: what was typed into vanished under the typist's hands */
	bool is_kiosk, is_ending, is_dirty;
	bool is_stale; /* lazaretd and we disagree: connect anew */
	bool is_fresh; /* the screen was not drawn since it was entered: its lists have no length yet */

	int64_t chosen;	       /* number of the item that is looked at; 0: none */
	const struct screen *stack[DEPTH_MAX];
	int depth;
	const struct screen *shown; /* with `shown_number`: what is on the screen */
	int64_t shown_number;
	const struct screen *home_left; /* what was under the opened screens when they were opened, with `home_number` */
	int64_t home_number;

	char notice[NOTICE_MAX];
	enum dialog dialog;
	struct entry passphrase, operator_name, owner, ticket, reason, search;
	int field; /* of the operator's screen */
	bool is_identifying; /* `identify` is under way */
	struct session session;
	struct talk talk;
	struct desk desk;
	struct setup setup;
	struct maintenance maintenance;

	struct rows rows;
	struct list files;
	bool is_filter_chosen; /* by the operator; otherwise problems first */
	int64_t recent_retry_ms;
	json_t *past;	       /* owned: the entry of `transfers` that screen_past shows */
	json_t *file;	       /* owned: what screen_file shows; NULL: not yet known */
	bool file_failed;
	struct list lines;     /* its scrolling, and that of screens of plain lines */
	struct history history;
	struct list menu, devices, languages, findings;
};

/* -- what is looked at ---------------------------------------------------------------------------------- */

/* The chosen item; NULL: there is none. */
struct item *console_item(struct console *c);
const struct screen *console_home(struct console *c);
const struct screen *console_visible(struct console *c);

void console_open(struct console *c, const struct screen *s);
/* Close the topmost opened screen. */
void console_back(struct console *c);
/* Choose the next (1) or previous (-1) item. */
void console_choose(struct console *c, int step);

/* One line above the keys until the next key press. */
void console_notice(struct console *c, const char *fmt, ...) _printf_(2, 3);

/* -- drawing -------------------------------------------------------------------------------------------- */

/* Where the next line goes. */
struct pen {
	int x;		    /* of its left edge */
	int y, top, bottom; /* top: the first line that is ours; bottom: the first that is not */
	int width;
	bool is_endless; /* lines beyond the bottom are counted, and not drawn: for scrolling */
};

static inline int pen_left(const struct pen *p)
{
	return p->is_endless ? LAYOUT_COLUMNS_MAX : MAX(p->bottom - p->y, 0);
}
/* An empty line, where there is room for such (more than 20 lines on the screen). */
void pen_gap(struct pen *p);
/* One line, clipped; `indent` columns from the left margin. */
void pen_line(struct pen *p, int indent, enum style style, const char *fmt, ...) _printf_(4, 5);
/* Running text, over as many lines as it takes, at most `lines_max`. */
void pen_text(struct pen *p, int indent, int lines_max, enum style style, const char *text);
/* "Label     value", the label `label_columns` wide. */
void pen_pair(struct pen *p, int label_columns, const char *label, enum style style, const char *fmt, ...) _printf_(5, 6);
/* The same, over as many lines as the value takes, at most `lines_max`. */
void pen_pair_text(struct pen *p, int label_columns, const char *label, int lines_max, enum style style, const char *text);
/* The pen's line is the chosen one: mark it, before it is drawn. */
void pen_mark(const struct pen *p);
/* A line across. */
void pen_rule(struct pen *p, const char *title);
/* "[#####.....]"; `all` 0: unknown. */
void pen_bar(struct pen *p, int label_columns, const char *label, uint64_t part, uint64_t all, const char *text);

struct bar {
	char text[40][64];
	int count;
};
/* `key` is what stands on it; translated already if it is a word. */
void bar_add(struct bar *b, const char *key, const char *what);

/* -- lists and entries ------------------------------------------------------------------------------------ */

/* Keep `at` within the list and on the screen. */
void list_fit(struct list *l, int64_t total, int height);
bool list_press(struct list *l, const struct press *press);

bool entry_press(struct entry *e, const struct press *press);
void entry_wipe(struct entry *e);
/* Draw it, with the cursor; `is_hidden`: as many stars. */
void entry_draw(struct pen *p, int label_columns, const char *label, const struct entry *e, bool has_cursor, bool is_hidden);
/* Of a secret whose length is nobody's business: that something was typed, and no more. */
void entry_draw_secret(struct pen *p, int label_columns, const char *label, const struct entry *e, bool has_cursor);

static inline bool is_letter(const struct press *press, char letter)
{
	return press->kind == PRESS_TEXT && press->text[0] == letter && press->text[1] == '\0';
}

#endif
