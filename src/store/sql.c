/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every statement of the store in one table, so that the SQL can be read, and another engine be
 * written, without going through the C. Numbers in them are the enum values of store.h; the
 * schema's CHECKs keep others out. `state = 0` and `state = 1` stand as literals because only so
 * does SQLite use the partial indexes on them.
 */
#include "store/private.h"

#define RUN_COLUMNS                                                                                \
    "id, started, ended, state, command, probe_domain, options, tester,"                           \
    " (SELECT count(*) FROM targets WHERE run = runs.id),"                                         \
    " (SELECT count(*) FROM targets WHERE run = runs.id AND verdict = 'open'),"                    \
    " (SELECT count(*) FROM targets WHERE run = runs.id AND verdict = 'accepts'),"                 \
    " (SELECT count(*) FROM targets WHERE run = runs.id AND verdict = 'closed'),"                  \
    " (SELECT count(*) FROM targets WHERE run = runs.id AND verdict = 'blocked'),"                 \
    " (SELECT count(*) FROM targets WHERE run = runs.id AND verdict = 'inconclusive'),"            \
    " (SELECT count(*) FROM targets WHERE run = runs.id AND verdict = 'unreachable'),"             \
    " (SELECT count(*) FROM proofs WHERE run = runs.id AND what = 0)"

#define TARGET_COLUMNS "id, run, ordinal, name, state, verdict, exit_class, started, ended, window"

#define PROBE_COLUMNS                                                                              \
    "p.target, p.serial, p.digest, p.day, p.probe, p.address, p.port, p.tls, p.mail, p.rcpt,"      \
    " p.helo, p.state, p.meaning, p.code, p.enhanced, p.text, p.attempts, p.retry, p.sent"

#define PROOF_COLUMNS                                                                              \
    "p.id, p.run, p.digest, p.serial, p.day, p.kind, p.received, p.source, p.peer, p.helo, p.tls," \
    " p.mail, p.rcpt, p.what, p.scope, p.chain, m.size, m.size > length(m.raw), p.seen, p.last"

/* clang-format off */
const char *const sql_text[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVE] = "SAVEPOINT one_write",
    [SQL_RELEASE] = "RELEASE one_write",
    [SQL_UNDO] = "ROLLBACK TO one_write",
    [SQL_PAGES] = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",

    [SQL_RUN_ADD] =
        "INSERT INTO runs (id, started, ended, state, command, probe_domain, options, tester)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_RUN_STATE] = "UPDATE runs SET state = ?2, ended = ?3 WHERE id = ?1",
    [SQL_RUN_GET] = "SELECT " RUN_COLUMNS " FROM runs WHERE id = ?",
    [SQL_RUN_LAST] = "SELECT id FROM runs ORDER BY seq DESC LIMIT 1",
    [SQL_RUN_PREFIX] = "SELECT id FROM runs WHERE id BETWEEN ? AND ? LIMIT 2",
    [SQL_RUNS] = "SELECT " RUN_COLUMNS " FROM runs ORDER BY seq DESC LIMIT ?",
    [SQL_RUN_RESUME] =
        "UPDATE targets SET state = 0, started = 0 WHERE run = ? AND state IN (1, 2)",
    [SQL_RUN_PENDING] = "SELECT count(*) FROM targets WHERE run = ? AND state = 0",

    [SQL_TARGET_COUNT] = "SELECT coalesce(max(ordinal) + 1, 0) FROM targets WHERE run = ?",
    [SQL_TARGET_ADD] = "INSERT INTO targets (run, ordinal, name) VALUES (?, ?, ?)",
    [SQL_TARGET_NEXT] =
        "UPDATE targets SET state = 1, started = ?2 WHERE id ="
        " (SELECT id FROM targets WHERE run = ?1 AND state = 0 ORDER BY ordinal LIMIT 1)"
        " RETURNING " TARGET_COLUMNS,
    [SQL_TARGET_FINISH] =
        "UPDATE targets SET state = ?2, verdict = ?3, exit_class = ?4, ended = ?5, window = ?6"
        " WHERE id = ?1",
    [SQL_TARGET_GET] = "SELECT " TARGET_COLUMNS " FROM targets WHERE id = ?",
    [SQL_TARGET_FIND] =
        "SELECT " TARGET_COLUMNS " FROM targets WHERE run = ? AND name = ? COLLATE NOCASE"
        " ORDER BY ordinal LIMIT 1",
    [SQL_TARGETS] =
        "SELECT " TARGET_COLUMNS " FROM targets WHERE run = ? AND ? >> state & 1 ORDER BY ordinal",
    [SQL_RESULT_PUT] =
        "INSERT INTO results (target, lines) VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET lines = excluded.lines",
    [SQL_RESULT_GET] = "SELECT lines FROM results WHERE target = ?",

    [SQL_PROBE_PUT] =
        "INSERT OR REPLACE INTO probes (target, serial, digest, day, probe, address, port, tls,"
        " mail, rcpt, helo, state, meaning, code, enhanced, text, attempts, retry, sent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_DIGEST_PUT] =
        "INSERT INTO digests (run, digest, target)"
        " SELECT run, ?2, id FROM targets WHERE id = ?1 ON CONFLICT DO NOTHING",
    [SQL_PROBES] = "SELECT " PROBE_COLUMNS " FROM probes p WHERE p.target = ? ORDER BY p.serial",
    [SQL_PROBES_OF_TOKEN] =
        "SELECT " PROBE_COLUMNS " FROM digests d JOIN probes p ON p.target = d.target"
        " AND p.serial = ?3 AND p.digest = d.digest WHERE d.run = ?1 AND d.digest = ?2"
        " ORDER BY p.target",
    [SQL_DEFERRED_DUE] =
        "SELECT " PROBE_COLUMNS " FROM probes p JOIN targets t ON t.id = p.target"
        " WHERE p.state = 1 AND p.retry <= ?2 AND t.run = ?1"
        " ORDER BY p.target, p.retry, p.serial",
    [SQL_DEFERRED_NEXT] =
        "SELECT p.retry FROM probes p JOIN targets t ON t.id = p.target"
        " WHERE p.state = 1 AND t.run = ? ORDER BY p.retry LIMIT 1",

    [SQL_TRANSCRIPT_ADD] =
        "INSERT INTO transcripts (target, started, label, text, cut) VALUES (?, ?, ?, ?, ?)",
    [SQL_TRANSCRIPTS] =
        "SELECT id, target, started, label, text, cut FROM transcripts WHERE target = ?"
        " ORDER BY started, id",

    [SQL_PROOF_SEEN] =
        "UPDATE proofs SET seen = seen + 1, last = max(last, ?9)"
        " WHERE run = ?1 AND digest = ?2 AND serial = ?3 AND day = ?4 AND kind = ?5 AND what = ?6"
        " AND peer = ?7 AND message = ?8 RETURNING id",
    [SQL_PROOF_ADD] =
        "INSERT INTO proofs (run, digest, serial, day, kind, what, peer, message, received, last,"
        " source, helo, tls, mail, rcpt, scope, chain)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    [SQL_PROOFS_SINCE] =
        "SELECT " PROOF_COLUMNS " FROM proofs p JOIN messages m ON m.id = p.message"
        " WHERE p.id > ?2 AND (?1 IS NULL OR p.run = ?1) ORDER BY p.id",
    [SQL_PROOF_GET] =
        "SELECT " PROOF_COLUMNS " FROM proofs p JOIN messages m ON m.id = p.message WHERE p.id = ?",
    [SQL_PROOF_RAW] =
        "SELECT m.raw FROM proofs p JOIN messages m ON m.id = p.message WHERE p.id = ?",
    [SQL_MESSAGE_FIND] = "SELECT id FROM messages WHERE sha256 = ?",
    [SQL_MESSAGE_ADD] = "INSERT INTO messages (sha256, size, raw) VALUES (?, ?, ?)",

    [SQL_RULE_ADD] =
        "INSERT INTO rules (list, pattern, reason, who, added) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
    [SQL_RULE_REMOVE] = "DELETE FROM rules WHERE list = ? AND pattern = ?",
    [SQL_RULES] =
        "SELECT pattern, reason, who, added FROM rules WHERE list = ? ORDER BY added, pattern",
    [SQL_TESTED_GET] = "SELECT at FROM tested WHERE address = ?",
    [SQL_TESTED_PUT] =
        "INSERT INTO tested (address, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
    [SQL_NETWORK_ADD] =
        "INSERT INTO networks (network, day, tests) VALUES (?, ?, 1)"
        " ON CONFLICT DO UPDATE SET tests = tests + 1",
    [SQL_NETWORK_GET] = "SELECT tests FROM networks WHERE network = ? AND day = ?",

#define LISTING                                                                                    \
    "SELECT id, address, side, state, class, digest, created, changed, fresh, expires, due,"       \
    " tested, tries, times, failed FROM listings "
    [SQL_LISTING_ADD] =
        "INSERT INTO listings (address, side, state, class, digest, created, changed, fresh,"
        " expires, due, tested, tries, times, failed)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [SQL_LISTING_SET] =
        "UPDATE listings SET state = ?3, class = ?4, changed = ?7, fresh = ?8, expires = ?9,"
        " due = ?10, tested = ?11, tries = ?12, times = ?13, failed = ?14 WHERE id = ?15",
    [SQL_LISTING_GET] = LISTING "WHERE address = ? AND side = ?",
    [SQL_LISTING_ID] = LISTING "WHERE id = ?",
    /* Filters that are not wanted are 0, -1, ''. */
    [SQL_LISTINGS] = LISTING
        "WHERE (?1 = 0 OR (?1 >> state) & 1) AND (?2 < 0 OR side = ?2)"
        " AND (?3 = '' OR class = ?3) ORDER BY length(address), address, side LIMIT ?4",
    [SQL_LISTINGS_IN] = LISTING
        "WHERE (?1 = 0 OR (?1 >> state) & 1) AND (?2 < 0 OR side = ?2)"
        " AND (?3 = '' OR class = ?3) AND address BETWEEN ?5 AND ?6"
        " AND length(address) = length(?5) ORDER BY address, side LIMIT ?4",
    [SQL_LISTINGS_OF_TOKEN] = LISTING "WHERE digest = ? AND side = 0 ORDER BY id",
    [SQL_LISTINGS_DUE] = LISTING "WHERE due > 0 AND due <= ? ORDER BY due, id LIMIT ?",
    [SQL_LISTINGS_OVER] = LISTING
        "WHERE expires > 0 AND expires <= ? ORDER BY expires, id LIMIT ?",
    [SQL_LISTING_COUNTS] =
        "SELECT state, side, class, count(*) FROM listings GROUP BY state, side, class"
        " ORDER BY state, side, class",
    [SQL_RECORD_LAST] = "SELECT seq, hash FROM listing_records ORDER BY seq DESC LIMIT 1",
    [SQL_RECORD_ADD] =
        "INSERT INTO listing_records (seq, listing, wall, subject, event, was, became, class, who,"
        " reason, run, expires, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
#define RECORD                                                                                     \
    "SELECT seq, listing, wall, subject, event, was, became, class, who, reason, run, expires,"    \
    " hash FROM listing_records "
    [SQL_RECORDS] = RECORD "WHERE seq > ? ORDER BY seq",
    [SQL_RECORDS_OF] = RECORD "WHERE listing = ? AND seq > ? ORDER BY seq",
    [SQL_RECORD_COUNTS] =
        "SELECT event, was, became, class, who, count(*) FROM listing_records WHERE wall >= ?"
        " GROUP BY event, was, became, class, who ORDER BY event, was, became, class, who",
    [SQL_EVIDENCE_ADD] =
        "INSERT INTO listing_evidence (listing, wall, source, reason, witness, who, sha256, text)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_EVIDENCE] =
        "SELECT id, listing, wall, source, reason, witness, who, text FROM listing_evidence"
        " WHERE listing = ? ORDER BY id",
    [SQL_LISTING_PROOF_ADD] =
        "INSERT INTO listing_proofs (listing, proof, run, wall, input, output, probe, family)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_LISTING_PROOFS] =
        "SELECT listing, proof, run, wall, input, output, probe, family FROM listing_proofs"
        " WHERE listing = ? AND wall >= ? ORDER BY proof",
    [SQL_EXEMPT_ADD] =
        "INSERT INTO listing_exempt (pattern, reason, who, added, until) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET reason = excluded.reason, who = excluded.who,"
        " added = excluded.added, until = excluded.until",
    [SQL_EXEMPT_REMOVE] = "DELETE FROM listing_exempt WHERE pattern = ?",
    [SQL_EXEMPTS] =
        "SELECT pattern, reason, who, added, until FROM listing_exempt ORDER BY added, pattern",
    [SQL_DIRTY_ADD] = "INSERT INTO listing_dirty (listing) VALUES (?) ON CONFLICT DO NOTHING",
    [SQL_DIRTY_REMOVE] = "DELETE FROM listing_dirty WHERE listing = ?",
    [SQL_DIRTY] = "SELECT listing FROM listing_dirty ORDER BY listing LIMIT ?",
    [SQL_VALUE_SET] =
        "INSERT INTO listing_values (name, value) VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET value = excluded.value",
    [SQL_VALUE_GET] = "SELECT value FROM listing_values WHERE name = ?",
};
/* clang-format on */
