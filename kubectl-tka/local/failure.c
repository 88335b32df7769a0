#include "kubectl-tka/local/failure.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/local/note.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/memory.h"

#define HOLD_MS 2000
#define LONGEST_HOLD_MS 16000
#define FORGOTTEN_MS 64000
#define FAILURES_MAX 128 /* parents: one that falls out would be told again, and ask again */
#define LIMIT_FAILURES (512 * 1024UL)

static const struct json_field fields[] = {
        { "pid",         JSON_KIND_INTEGER, offsetof(struct failure, pid),         true,  0 },
        { "started",     JSON_KIND_INTEGER, offsetof(struct failure, started),     true,  0 },
        { "at_ms",       JSON_KIND_INTEGER, offsetof(struct failure, at_ms),       true,  0 },
        { "hold_ms",     JSON_KIND_INTEGER, offsetof(struct failure, hold_ms),     true,  0 },
        { "kind",        JSON_KIND_INTEGER, offsetof(struct failure, kind),        true,  0 },
        { "http_status", JSON_KIND_INTEGER, offsetof(struct failure, http_status), true,  0 },
        { "text",        JSON_KIND_TEXT,    offsetof(struct failure, text),        true,  0 },
        { "advice",      JSON_KIND_TEXT,    offsetof(struct failure, advice),      false, 0 },
};

void failure_clear(struct failure *failure)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), failure);
}

static char *find_file(const struct cache_key *key)
{
        return note_file(key, ".failed");
}

/* An array, the newest first; empty where there is nothing that can be read. The caller's. */
static json_t *read_list(const struct cache_key *key)
{
        scoped_free char *path = find_file(key);
        scoped(buf_clear) struct buf text = { 0 };
        json_t *list = NULL;
        struct error ignored = { 0 };

        buf_init(&text, LIMIT_FAILURES);
        if (path && file_read_private(path, &text, &ignored) &&
            json_parse(buf_text(&text), text.length, &list, &ignored) && json_is_array(list))
                return list;
        json_decref(list);
        return json_array();
}

static bool read_item(const json_t *item, struct failure *failure)
{
        struct error ignored = { 0 };

        return json_fields_read(item, fields, ARRAY_LENGTH(fields), failure, &ignored) &&
               failure->kind > ERROR_NONE && failure->kind <= ERROR_PENDING;
}

static void to_error(const struct failure *failure, struct error *err)
{
        error_set_status(err, (enum error_kind)failure->kind, (int)failure->http_status, "%s",
                         failure->text);
        if (failure->advice)
                error_advise(err, "%s", failure->advice);
}

/* The parent's own; NULL: any. */
static bool find(const json_t *list, const struct parent *parent, struct failure *failure)
{
        size_t index = 0;
        const json_t *item = NULL;

        json_array_foreach(list, index, item)
        {
                failure_clear(failure);
                if (read_item(item, failure) &&
                    (!parent || parent_is(parent, failure->pid, failure->started)))
                        return true;
        }
        return false;
}

bool failure_recall(const struct cache_key *key, const struct parent *parent, struct error *err)
{
        json_auto_t *list = read_list(key);
        scoped(failure_clear) struct failure failure = { 0 };
        int64_t now_ms = parent_clock_ms();

        if (!find(list, parent, &failure) || failure.at_ms > now_ms ||
            now_ms - failure.at_ms >= failure.hold_ms)
                return false;
        to_error(&failure, err);
        return true;
}

bool failure_since(const struct cache_key *key, int64_t since_ms, struct error *err)
{
        json_auto_t *list = read_list(key);
        scoped(failure_clear) struct failure failure = { 0 };

        if (!find(list, NULL, &failure) || failure.at_ms < since_ms ||
            failure.at_ms > parent_clock_ms())
                return false;
        to_error(&failure, err);
        return true;
}

/* Twice as long as the last time, for a parent that comes again soon after. */
static int64_t choose_hold_ms(const struct failure *last, int64_t now_ms)
{
        if (last->hold_ms <= 0 || now_ms - last->at_ms > 2 * last->hold_ms + LONGEST_HOLD_MS)
                return HOLD_MS;
        return last->hold_ms * 2 < LONGEST_HOLD_MS ? last->hold_ms * 2 : LONGEST_HOLD_MS;
}

/* Without that parent's, and without what is over for long. */
static void drop_old(json_t *list, const struct parent *parent, int64_t now_ms)
{
        for (size_t i = json_array_size(list); i-- > 0;) {
                scoped(failure_clear) struct failure failure = { 0 };
                bool read = read_item(json_array_get(list, i), &failure);
                bool own = parent_is(parent, failure.pid, failure.started);
                if (!read || own || failure.at_ms > now_ms ||
                    now_ms - failure.at_ms > FORGOTTEN_MS || i >= FAILURES_MAX - 1)
                        json_array_remove(list, i);
        }
}

void failure_note(const struct cache_key *key, const struct parent *parent, const struct error *err)
{
        json_auto_t *list = read_list(key);
        scoped(failure_clear) struct failure last = { 0 };
        scoped_free char *path = find_file(key);
        scoped(buf_clear) struct buf text = { 0 };
        int64_t now_ms = parent_clock_ms();
        struct error ignored = { 0 };

        if (!find(list, parent, &last))
                failure_clear(&last);
        scoped(failure_clear) struct failure failure = {
                .pid = parent->pid,
                .started = parent->started,
                .at_ms = now_ms,
                .hold_ms = choose_hold_ms(&last, now_ms),
                .kind = err->kind,
                .http_status = err->http_status,
                .text = xstrdup(err->text),
                .advice = xstrdup(err->advice),
        };
        drop_old(list, parent, now_ms);
        json_array_insert_new(list, 0, json_fields_write(fields, ARRAY_LENGTH(fields), &failure));
        json_print(list, &text);
        bool noted = path && note_make_folder(&ignored) &&
                     file_write(path, 0600, text.text, text.length, &ignored);
        (void)noted;
}

void failure_forget(const struct cache_key *key)
{
        scoped_free char *path = find_file(key);

        if (path)
                unlink(path);
}
