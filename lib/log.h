/* log.h - one line per event on stderr: JSON, or plain text on a terminal. */
#pragma once

#include "lib/error.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

/* AUTO: text when stderr is a terminal, else JSON. */
void log_init(enum log_level level, enum log_format format);
bool log_level_parse(const char *text, enum log_level *level, struct error *err) must_check;

/* log_event(LOG_LEVEL_INFO, "signed in", "login", login, "role", role, NULL): names and texts in
 * pairs, ended by NULL; a NULL text leaves its pair out. "ts", "level" and "msg" stand first.
 * Texts "true"/"false" become JSON booleans. Whatever a text holds, it stays one line. */
void log_event(enum log_level level, const char *message, ...) __attribute__((sentinel));
/* The same with "audit": true, and written whatever the least level is. */
void log_audit(enum log_level level, const char *message, ...) __attribute__((sentinel));
