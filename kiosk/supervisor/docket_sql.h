/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of the docket; for docket*.c alone. */
#ifndef LAZARET_SUPERVISOR_DOCKET_SQL_H
#define LAZARET_SUPERVISOR_DOCKET_SQL_H

#include <sqlite3.h>

#include "supervisor/docket.h"

enum statement {
	ADD,
	ADD_FOLD,
	SEALED,
	TROUBLE,
	EXAMINED,
	FINDINGS,
	SET_FINDINGS,
	DONE,
	JUDGED,
	GET,
	FIND_PATH,
	EACH,
	COLLISION,
	FIND_ANYWHERE,
	SET_EVIDENCE,
	LISTS_AS,
	ALLOW,
	EVIDENCE_OF,
	DISTRUST,
	EACH_EVIDENCE,
	ADD_LISTING,
	ADD_LISTED_DIGEST,
	LISTINGS,
	COVER,
	COVERS,
	IS_LISTED_BY,
	ADD_SIGNER,
	SIGNERS,
	REMOVE_SIGNER,
	PROPAGATE,
	ADD_STRANGER,
	STRANGERS,
	ADD_SERIES,
	EACH_SERIES,
	SEE_SERIES,
	SEEN_SERIES,
	KEEP_COPY,
	EACH_COPY,
	ADD_TREE,
	GET_TREE,
	TREE_OF,
	ADD_LEAVES,
	EACH_LEAF,
	LEAVES_OF,
	FIND_LEAF,
	SET_LEAF_EVIDENCE,
	ADD_LEAF_LISTING,
	ADD_FRAME,
	SIGNERS_WITHIN,
	UNSIGNED_WITHIN,
	PEND_TREES,
	PEND,
	NEXT_PENDING,
	NO_LONGER_PENDING,
	ADD_MEMBER,
	GET_MEMBER,
	MARK,
	IS_MARKED,
	EACH_MEMBER,
	MEMBER_SEALED,
	MEMBER_TROUBLE,
	MEMBER_EXAMINED,
	MEMBER_FINDINGS,
	MEMBER_SET_FINDINGS,
	MEMBER_ADD_DONE,
	WAIT,
	NEXT_FILE,
	NEXT_MEMBER,
	NO_LONGER_WAIT,
	DEFER,
	NEXT_DEFERRED,
	ADD_INSPECTED,
	IS_INSPECTED,
	FORGET_INSPECTED,
	ADD_GIVEN_UP,
	IS_GIVEN_UP,
	FORGET_GIVEN_UP,
	ADD_OPENED,
	OWE,
	OWED,
	UNSETTLE,
	IS_UNSETTLED,
	ADD_RECALL,
	GET_RECALL,
	GET_RECALL_FOUND,
	ADD_NOTE,
	NOTES,
	ADD_DECISION,
	GET_DECISION,
	ADD_DECIDED,
	GET_DECIDED,
	ADD_KEPT,
	GET_KEPT,
	FORGET_KEPT,
	COUNT,
	STATEMENT_COUNT_
};

struct docket {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT_];
	char *last_parent; /* the directory whose fold keys were stored last */
	uint32_t last_volume; /* and its volume */
	uint64_t entries;     /* that were added */
	uint64_t listed_bytes; /* of listings, about */
	bool has_container_index; /* members are found by their container */
};

#define ENTRY_COLUMNS                                                                              \
	"e.id, e.volume, e.kind, e.path, e.size, e.mtime, e.sum, e.status, e.trouble, e.types, e.findings, e.done, e.verdict, e.rule, "   \
	"e.reasons, e.published_as"
#define ENTRY_COLUMN_COUNT 16

/* The volumes that are there, found in the index one after the other: both indexes begin with the volume, and without it SQLite
 * would read all of them for each name. */
#define VOLUMES                                                                                    \
	"WITH RECURSIVE volumes (v) AS (SELECT min(volume) FROM entry UNION ALL"                   \
	" SELECT (SELECT min(volume) FROM entry WHERE volume > v) FROM volumes WHERE v IS NOT NULL)"

/* Members that may vouch for others, as entries of a volume of their own (docket_trees.c). */
#define LEAF_COLUMNS "t.id, t.tree, 0, t.path, t.size, 0, t.sum, 0, '', t.types, '[]', 0, 2, '', '[]', NULL"
/* Lists of the medium speak of all its volumes, those in a container of this container alone. 65536: DOCKET_TREE_FIRST */
#define IS_HEARD_BY(n) "(v.volume = ?" #n " OR (v.volume < 65536 AND ?" #n " < 65536))"
#define TREE_TABLES                                                                                \
	"CREATE TABLE copied (id INTEGER PRIMARY KEY) STRICT;"                                     \
	"CREATE TABLE tree (number INTEGER PRIMARY KEY, container INTEGER NOT NULL UNIQUE, root INTEGER NOT NULL) STRICT;"	\
	"CREATE TABLE leaf (id INTEGER PRIMARY KEY, tree INTEGER NOT NULL, path BLOB NOT NULL, size INTEGER NOT NULL, sum BLOB,"	\
	"  types TEXT NOT NULL) STRICT;"                                                           \
	"CREATE INDEX leaf_path ON leaf (tree, path);"                                             \
	"CREATE TABLE frame (id INTEGER NOT NULL, key_name TEXT NOT NULL, PRIMARY KEY (id, key_name)) STRICT, WITHOUT ROWID;"	\
	"CREATE TABLE pending (container INTEGER PRIMARY KEY, tree INTEGER NOT NULL) STRICT;"
#define TREE_STATEMENTS                                                                            \
	[KEEP_COPY] = "INSERT OR IGNORE INTO copied (id) VALUES (?1)",                             \
	[EACH_COPY] = ("SELECT t.id, 0, 0, t.path, t.size, 0, t.sum, 0, '', t.types, '[]', 0, 2, '', '[]', NULL"	\
		       " FROM copied c JOIN member t ON t.id = c.id WHERE t.sum IS NOT NULL"        \
		       " AND NOT EXISTS (SELECT 1 FROM signer s WHERE s.id = t.root) ORDER BY t.id"),	\
	[ADD_TREE] = ("INSERT INTO tree (number, container, root) SELECT coalesce((SELECT max(number) FROM tree), ?2 - 1) + 1, container, root"	\
		      " FROM member WHERE id = ?1 ON CONFLICT (container) DO NOTHING"),            \
	[GET_TREE] = "SELECT number, container, root FROM tree WHERE container = (SELECT container FROM member WHERE id = ?1)",	\
	[TREE_OF] = "SELECT number, container, root FROM tree WHERE number = ?1",                  \
	[ADD_LEAVES] = "INSERT INTO leaf (id, tree, path, size, sum, types) SELECT id, ?1, path, size, sum, types FROM member WHERE container = ?2", \
	[EACH_LEAF] = "SELECT " LEAF_COLUMNS " FROM leaf t ORDER BY t.tree, t.path",               \
	[LEAVES_OF] = "SELECT " LEAF_COLUMNS " FROM leaf t WHERE t.tree = ?1 ORDER BY t.path",     \
	[FIND_LEAF] = "SELECT " LEAF_COLUMNS " FROM leaf t WHERE t.tree = ?1 AND t.path = ?2 LIMIT 1", \
	[SET_LEAF_EVIDENCE] = ("INSERT OR REPLACE INTO evidence (id, format, lists_as, volume, path)"	\
			       " SELECT id, ?2, ?2, tree, path FROM leaf WHERE id = ?1"),           \
	[ADD_LEAF_LISTING] = ("INSERT OR IGNORE INTO listing (volume, key, list_id, algorithm, digest) SELECT ?1, ?2, ?3, ?4, ?5"	\
			      " WHERE iif(?6, EXISTS (SELECT 1 FROM leaf t WHERE t.tree = ?1 AND t.path = ?2),"	\
			      " EXISTS (SELECT 1 FROM fold f WHERE f.volume = ?1 AND f.key = ?2))"  \
			      " AND (SELECT count(*) FROM (SELECT 1 FROM listing WHERE key = ?2 AND list_id = ?3 LIMIT ?7)) < ?7"),	\
	[ADD_FRAME] = "INSERT OR IGNORE INTO frame (id, key_name) VALUES (?1, ?2)",                \
	/* with the longest path of proof: the columns are of the row that has the maximum */       \
	[SIGNERS_WITHIN] = ("SELECT s.key_name, s.key_id, s.via, max(length(s.via)) FROM member m JOIN signer s ON s.id = m.id"	\
			    " WHERE m.container = ?1 GROUP BY s.key_name ORDER BY s.key_name"),    \
	[UNSIGNED_WITHIN] = ("SELECT EXISTS (SELECT 1 FROM member m WHERE m.container = ?1"        \
			     " AND NOT EXISTS (SELECT 1 FROM signer s WHERE s.id = m.id AND s.key_name = ?2)"	\
			     " AND NOT (m.size <= ?3 AND (EXISTS (SELECT 1 FROM frame f WHERE f.id = m.id AND f.key_name IN (?2, ''))"	\
			     "  OR EXISTS (SELECT 1 FROM cover c JOIN frame f ON f.id = c.list_id WHERE c.id = m.id AND c.is_strong"	\
			     "   AND f.key_name = ?2)"                                              \
			     "  OR (m.path = CAST('oci-layout' AS BLOB) AND m.sum IN (?4, ?5, ?6)))))"),	\
	[PEND_TREES] = "INSERT OR IGNORE INTO pending (container, tree) SELECT container, number FROM tree",	\
	[PEND] = "INSERT OR IGNORE INTO pending (container, tree) SELECT ?1, coalesce((SELECT number FROM tree WHERE container = ?1), 0)", \
	[NEXT_PENDING] = "SELECT container, tree FROM pending ORDER BY container DESC LIMIT 1",    \
	[NO_LONGER_PENDING] = "DELETE FROM pending WHERE container = ?1"

/* Statements of origin (docket_origin.c), after those of docket.c in the same table. */
#define ORIGIN_STATEMENTS                                                                          \
	[FIND_ANYWHERE] = VOLUMES " SELECT " ENTRY_COLUMNS " FROM volumes CROSS JOIN entry e ON e.volume = v AND e.path = ?2"	\
			  " WHERE e.kind = 0 ORDER BY e.volume <> ?1, e.volume LIMIT 1",            \
	[SET_EVIDENCE] = ("INSERT OR REPLACE INTO evidence (id, format, lists_as, volume, path)"   \
			  " SELECT id, ?2, ?2, volume, path FROM entry WHERE id = ?1"),           \
	[LISTS_AS] = "UPDATE evidence SET lists_as = ?2 WHERE id = ?1",                            \
	[ALLOW] = "INSERT OR IGNORE INTO allowed (key_name, format) VALUES (?1, ?2)",              \
	[EVIDENCE_OF] = "SELECT format FROM evidence WHERE id = ?1",                               \
	[DISTRUST] = "UPDATE evidence SET distrusted = 1 WHERE id = ?1",                           \
	[EACH_EVIDENCE] = ("SELECT " ENTRY_COLUMNS ", v.format FROM evidence v JOIN entry e ON e.id = v.id UNION ALL"	\
			   " SELECT " LEAF_COLUMNS ", v.format FROM evidence v JOIN leaf t ON t.id = v.id ORDER BY 2, 4"), \
	/* a name that no file of the medium has, on any volume, is of no use to anybody */        \
	[ADD_LISTING] = (VOLUMES " INSERT OR IGNORE INTO listing (volume, key, list_id, algorithm, digest) SELECT ?1, ?2, ?3, ?4, ?5"	\
			 " WHERE (iif(?6, EXISTS (SELECT 1 FROM volumes CROSS JOIN entry e ON e.volume = v AND e.path = ?2),"	\
			 " EXISTS (SELECT 1 FROM volumes CROSS JOIN fold f ON f.volume = v AND f.key = ?2)))"   \
			 " AND (SELECT count(*) FROM (SELECT 1 FROM listing WHERE key = ?2 AND list_id = ?3 LIMIT ?7)) < ?7"),	\
	[LISTINGS] = ("SELECT l.list_id, v.path, l.algorithm, l.digest, l.volume FROM listing l JOIN evidence v ON v.id = l.list_id"	\
		      " WHERE l.key = ?1 AND " IS_HEARD_BY(3) " UNION ALL"                        \
		      " SELECT l.list_id, v.path, 'sha256', l.sum, ?3 FROM listed_digest l JOIN evidence v ON v.id = l.list_id"	\
		      " WHERE l.sum = ?2 AND " IS_HEARD_BY(3)),                                   \
	[ADD_LISTED_DIGEST] = "INSERT OR IGNORE INTO listed_digest (sum, list_id) VALUES (?1, ?2)", \
	[COVER] = "INSERT OR IGNORE INTO cover (id, list_id, algorithm, is_strong) VALUES (?1, ?2, ?3, ?4)", \
	[COVERS] = ("SELECT c.list_id, v.path, c.algorithm, x'', v.volume,"                       \
		    /* whose signature came all the way to the file: purpose and scope were asked on the way */	\
		    " (SELECT s.key_name FROM signer s JOIN signer f ON f.id = c.id AND f.key_name = s.key_name"	\
		    "  WHERE s.id = c.list_id LIMIT 1)"                                           \
		    " FROM cover c JOIN evidence v ON v.id = c.list_id WHERE c.id = ?1 AND NOT v.distrusted"), \
	[IS_LISTED_BY] = "SELECT 1 FROM listing WHERE key = ?1 AND list_id = ?2 LIMIT 1",         \
	[ADD_SIGNER] = "INSERT OR IGNORE INTO signer (id, key_name, key_id, via) VALUES (?1, ?2, ?3, ?4)",	\
	[SIGNERS] = "SELECT key_name, key_id, via FROM signer WHERE id = ?1 ORDER BY rowid",      \
	[REMOVE_SIGNER] = "DELETE FROM signer WHERE id = ?1 AND key_name = ?2",                   \
	/* as many as docket_find() would keep */                                                  \
	[ADD_STRANGER] = "INSERT INTO stranger (id, evidence, words) SELECT ?1, ?2, ?3"           \
			 " WHERE (SELECT count(*) FROM (SELECT 1 FROM stranger WHERE id = ?1 LIMIT ?4)) < ?4",	\
	[STRANGERS] = ("SELECT t.id, t.evidence, t.words FROM stranger t WHERE NOT EXISTS"         \
		       " (SELECT 1 FROM signer s WHERE s.id = t.id)"),                             \
	/* one step from lists to what they list, by strong digests alone */                      \
	[PROPAGATE] = ("INSERT OR IGNORE INTO signer (id, key_name, key_id, via)"                 \
		       " SELECT c.id, s.key_name, s.key_id, CAST(CASE WHEN s.via = v.path THEN s.via ELSE s.via || ' \u2192 ' || v.path END AS BLOB)"	\
		       " FROM cover c JOIN evidence v ON v.id = c.list_id AND NOT v.distrusted"   \
		       " JOIN signer s ON s.id = c.list_id"                                       \
		       " JOIN allowed a ON a.key_name = s.key_name AND a.format = v.lists_as"     \
		       " WHERE c.is_strong"),                                                      \
	[ADD_SERIES] = "INSERT INTO series (id, series, date, valid_until) VALUES (?1, ?2, ?3, ?4)",	\
	[EACH_SERIES] = "SELECT id, series, date, valid_until FROM series ORDER BY rowid",        \
	[SEE_SERIES] = ("INSERT INTO seen (series, key_name, date) SELECT i.series, s.key_name, i.date FROM series i"	\
			" JOIN evidence v ON v.id = i.id AND NOT v.distrusted JOIN signer s ON s.id = i.id"	\
			" WHERE i.series <> '' AND i.date > 0 AND i.date <= ?1"                   \
			" ON CONFLICT (series, key_name) DO UPDATE SET date = max(date, excluded.date)"), \
	[SEEN_SERIES] = "SELECT series, key_name, date FROM seen ORDER BY series, key_name"

/* Tables and statements of containers (docket_members.c). */
#define MEMBER_TABLES                                                                              \
	"CREATE TABLE member (id INTEGER PRIMARY KEY, container INTEGER NOT NULL, root INTEGER NOT NULL, depth INTEGER NOT NULL,"	\
	"  path BLOB NOT NULL, size INTEGER NOT NULL, sum BLOB, status INTEGER NOT NULL DEFAULT 5, trouble TEXT NOT NULL DEFAULT '',"	\
	"  types TEXT NOT NULL DEFAULT '[]', findings TEXT NOT NULL DEFAULT '[]', done INTEGER NOT NULL DEFAULT 0) STRICT;"	\
	"CREATE INDEX member_root ON member (root, id);"                                           \
	"CREATE TABLE layout (container INTEGER PRIMARY KEY) STRICT;"                              \
	"CREATE TABLE waiting (id INTEGER PRIMARY KEY, root INTEGER NOT NULL, formats INTEGER NOT NULL) STRICT;"	\
	"CREATE INDEX waiting_root ON waiting (root, id);"                                         \
	"CREATE TABLE deferred (id INTEGER PRIMARY KEY) STRICT;"                                    \
	"CREATE TABLE inspected (root INTEGER NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (root, sum)) STRICT, WITHOUT ROWID;"	\
	"CREATE TABLE given_up (root INTEGER NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (root, sum)) STRICT, WITHOUT ROWID;"	\
	"CREATE TABLE opened (root INTEGER NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (root, sum)) STRICT, WITHOUT ROWID;"	\
	"CREATE TABLE owed (root INTEGER NOT NULL, id INTEGER NOT NULL, layer BLOB NOT NULL, member BLOB NOT NULL, detail BLOB NOT NULL) STRICT;" \
	"CREATE INDEX owed_id ON owed (root, id);"                                                  \
	"CREATE TABLE unsettled (root INTEGER PRIMARY KEY) STRICT;"                                 \
	"CREATE TABLE recalled (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, found INTEGER NOT NULL) STRICT;" \
	"CREATE TABLE note (id INTEGER NOT NULL, note TEXT NOT NULL) STRICT; CREATE INDEX note_id ON note (id);"

#define MEMBER_COLUMNS "id, container, root, depth, path, size, sum, status, trouble, types, findings, done"
#define MEMBER_STATEMENTS                                                                          \
	[ADD_MEMBER] = "INSERT INTO member (id, container, root, depth, path, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",	\
	[GET_MEMBER] = "SELECT " MEMBER_COLUMNS " FROM member WHERE id = ?1",                      \
	[MARK] = "INSERT OR IGNORE INTO layout (container) VALUES (?1)",                           \
	[IS_MARKED] = "SELECT 1 FROM layout WHERE container = ?1",                                 \
	[EACH_MEMBER] = "SELECT " MEMBER_COLUMNS " FROM member WHERE root = ?1 ORDER BY id",       \
	[MEMBER_SEALED] = "UPDATE member SET size = ?2, sum = ?3, status = 0 WHERE id = ?1 AND sum IS NULL AND status = 5",	\
	[MEMBER_TROUBLE] = "UPDATE member SET status = ?2, trouble = iif(?3 = '', trouble, ?3), sum = NULL WHERE id = ?1",	\
	[MEMBER_EXAMINED] = "UPDATE member SET done = done | ?2, types = ?3, findings = ?4 WHERE id = ?1",	\
	[MEMBER_FINDINGS] = "SELECT findings FROM member WHERE id = ?1",                           \
	[MEMBER_SET_FINDINGS] = "UPDATE member SET findings = ?2 WHERE id = ?1",                   \
	[MEMBER_ADD_DONE] = "UPDATE member SET done = done | ?2 WHERE id = ?1",                    \
	[WAIT] = "INSERT INTO waiting (id, root, formats) VALUES (?1, ?2, ?3)",                    \
	[NEXT_FILE] = "SELECT id, formats FROM waiting WHERE root = ?1 ORDER BY id LIMIT 1",       \
	[NEXT_MEMBER] = "SELECT id, formats FROM waiting WHERE root = ?1 ORDER BY id DESC LIMIT 1", \
	[NO_LONGER_WAIT] = "DELETE FROM waiting WHERE id = ?1",                                    \
	[DEFER] = "INSERT INTO deferred (id) VALUES (?1)",                                         \
	[NEXT_DEFERRED] = ("DELETE FROM deferred WHERE id = (SELECT id FROM deferred WHERE id > ?1 ORDER BY id LIMIT 1)" \
			   " RETURNING id"),                                                         \
	[ADD_INSPECTED] = "INSERT OR IGNORE INTO inspected (root, sum) VALUES (?1, ?2)",           \
	[IS_INSPECTED] = "SELECT 1 FROM inspected WHERE root = ?1 AND sum = ?2",                   \
	[FORGET_INSPECTED] = "DELETE FROM inspected WHERE root = ?1",                              \
	[ADD_GIVEN_UP] = "INSERT OR IGNORE INTO given_up (root, sum) VALUES (?1, ?2)",             \
	[IS_GIVEN_UP] = "SELECT 1 FROM given_up WHERE root = ?1 AND sum = ?2",                     \
	[FORGET_GIVEN_UP] = "DELETE FROM given_up WHERE root = ?1",                                \
	[ADD_OPENED] = "INSERT OR IGNORE INTO opened (root, sum) VALUES (?1, ?2)",                 \
	[OWE] = "INSERT INTO owed (root, id, layer, member, detail) VALUES (?1, ?2, ?3, ?4, ?5)",  \
	[UNSETTLE] = "INSERT OR IGNORE INTO unsettled (root) VALUES (?1)",                         \
	[IS_UNSETTLED] = "SELECT 1 FROM unsettled WHERE root = ?1",                                \
	[ADD_RECALL] = "INSERT INTO recalled (id, kind, found) VALUES (?1, ?2, ?3)",               \
	[GET_RECALL] = "SELECT kind FROM recalled WHERE id = ?1",                                  \
	[GET_RECALL_FOUND] = "SELECT found FROM recalled WHERE id = ?1",                           \
	[ADD_NOTE] = "INSERT INTO note (id, note) SELECT ?1, ?2 WHERE (SELECT count(*) FROM note WHERE id = ?1) < ?3", \
	[NOTES] = "SELECT note FROM note WHERE id = ?1 ORDER BY rowid",                             \
	[OWED] = "SELECT o.member, o.detail FROM owed o WHERE o.root = ?1 AND o.id = ?2"           \
		 " AND NOT EXISTS (SELECT 1 FROM opened p WHERE p.root = ?1 AND p.sum = o.layer) LIMIT ?3"

/* Of officers' decisions (docket_decisions.c). */
#define DECISION_TABLES                                                                            \
	"CREATE TABLE decision (sum BLOB PRIMARY KEY, decision INTEGER NOT NULL, id TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;"	\
	"CREATE TABLE decided (id INTEGER PRIMARY KEY, told TEXT NOT NULL) STRICT;"		   \
	"CREATE TABLE kept (id INTEGER PRIMARY KEY) STRICT;"
#define DECISION_STATEMENTS                                                                        \
	[ADD_DECISION] = "INSERT OR REPLACE INTO decision (sum, decision, id, until) VALUES (?1, ?2, ?3, ?4)",	\
	[GET_DECISION] = "SELECT decision, id, until FROM decision WHERE sum = ?1",                \
	[ADD_DECIDED] = "INSERT OR REPLACE INTO decided (id, told) VALUES (?1, ?2)",               \
	[GET_DECIDED] = "SELECT told FROM decided WHERE id = ?1",                                  \
	[ADD_KEPT] = "INSERT OR IGNORE INTO kept (id) VALUES (?1)",                                \
	[GET_KEPT] = "SELECT 1 FROM kept WHERE id = ?1",                                           \
	[FORGET_KEPT] = "DELETE FROM kept"

/* Reset and ready for its bindings; borrowed. */
sqlite3_stmt *docket_begin(struct docket *d, enum statement which);
/* Bindings. What is bound must live until the statement has run. */
void docket_bind_u64(sqlite3_stmt *s, int at, uint64_t v);
void docket_bind_path(sqlite3_stmt *s, int at, const char *path);
void docket_bind_text(sqlite3_stmt *s, int at, const char *text);
/* Step once and reset. */
_must_check_ int docket_run(struct docket *d, sqlite3_stmt *s);
/* What one row of this id says in its one column (`ret` may be NULL): 1; 0: there is none, and `*ret` is as it was; or a negative errno. */
_must_check_ int docket_number(struct docket *d, enum statement which, uint64_t id, int64_t *ret);
/* The first row as an entry: 1, or 0 when there is none. Resets. */
_must_check_ int docket_get_one(struct docket *d, sqlite3_stmt *s, struct docket_entry *ret);
/* Each row as an entry, and what stands in the column behind it. The docket may be changed by the callback. */
_must_check_ int docket_walk(struct docket *d, enum statement which, docket_evidence_fn each, void *context);
/* The current row as an entry. */
/* Rows of key_name, key_id, via. */
_must_check_ int docket_walk_signers(struct docket *d, enum statement which, uint64_t id, docket_signer_fn each, void *context);
/* `path` on this volume, under the key that names which some systems take for the same have in common. */
_must_check_ int docket_add_fold(struct docket *d, uint32_t volume, const char *path, bool is_dir);
_must_check_ int docket_load_entry(sqlite3_stmt *s, struct docket_entry *ret);
char *docket_column_bytes(sqlite3_stmt *s, int at); /* NUL behind it; owned by the caller, NULL: out of memory */
/* SQLite's code as 0 or a negative errno, logged. */
int docket_error(struct docket *d, int code);

#endif
