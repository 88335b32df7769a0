#include "kubectl-tka/remote/cache_write.h"

#include <string.h>
#include <unistd.h>

#include "kubectl-tka/local/dbus.h"
#include "kubectl-tka/local/glance.h"
#include "kubectl-tka/local/keyring_note.h"
#include "kubectl-tka/local/note.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/remote/keyring_write.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/memory.h"

#define FORGET_MS 2000

static const char *const places[] = { [CACHE_KEYRING] = "the keyring",
                                      [CACHE_RUNTIME] = "a private file in memory",
                                      [CACHE_FILE] = "a private file" };

static bool write_keyring(const struct cache_wish *wish, const struct cache_key *key,
                          const struct buf *text, struct error *err)
{
        scoped_free char *bus = dbus_session_address();
        enum keyring_state state = KEYRING_ABSENT;

        if (!bus)
                return error_set(err, ERROR_NOT_FOUND, "there is no session bus, so no keyring");
        state = keyring_note_read(bus);
        if (!wish->may_unlock && state != KEYRING_OPEN)
                return error_set(err, ERROR_UNAVAILABLE, "the keyring is %s",
                                 keyring_state_text(state));
        scoped(fd_close) int turn = wish->may_unlock ? -1 : keyring_note_take_turn();
        bool kept = keyring_save(key, text, wish->may_unlock, wish->timeout_ms, &state, err);
        keyring_note_write(bus, kept ? KEYRING_OPEN : state, cache_is_keyring_alone(wish->tiers));
        return kept;
}

static bool write_file(enum cache_tier tier, const struct cache_key *key, const struct buf *text,
                       struct error *err)
{
        scoped_free char *directory = cache_directory(tier);
        scoped_free char *path = cache_file(tier, key);

        if (!path)
                return error_set(err, ERROR_NOT_FOUND, "%s",
                                 tier == CACHE_RUNTIME ? "XDG_RUNTIME_DIR names no folder of ours"
                                                       : "no home directory to keep tokens in");
        return file_make_private_directory(directory, err) &&
               file_write(path, 0600, text->text, text->length, err);
}

/* What the keyring holds, for who must not wait for it: the entry with another text for the token.
 * What cannot be noted is not. */
static void note_keyring(const struct cache_key *key, const struct buf *text)
{
        scoped_free char *path = note_file(key, GLANCE_SUFFIX);
        scoped(buf_clear) struct buf note = { 0 };
        json_auto_t *object = NULL;
        struct error ignored = { 0 };

        if (!path || !json_parse_object(text->text, text->length, &object, &ignored))
                return;
        json_object_set_new(object, "token", json_string("-"));
        json_print(object, &note);
        bool done = note_make_folder(&ignored) &&
                    file_write(path, 0600, note.text, note.length, &ignored);
        (void)done;
}

static void forget_note(const struct cache_key *key)
{
        scoped_free char *path = note_file(key, GLANCE_SUFFIX);

        if (path)
                unlink(path);
}

static bool forget_file(enum cache_tier tier, const struct cache_key *key, struct error *err)
{
        scoped_free char *path = cache_file(tier, key);

        return !path || file_remove(path, err);
}

static bool write_tier(enum cache_tier tier, const struct cache_wish *wish,
                       const struct cache_key *key, const struct buf *text, struct error *err)
{
        return tier == CACHE_KEYRING ? write_keyring(wish, key, text, err)
                                     : write_file(tier, key, text, err);
}

bool cache_write(const struct cache_wish *wish, const struct cache_key *key,
                 struct cache_entry *entry, const char **place, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };
        bool kept = false;

        cache_entry_encode(key, entry, &text);
        error_set(err, ERROR_NOT_FOUND, "there is no place for it");
        for (enum cache_tier tier = 0; tier < CACHE_TIER_COUNT; tier++) {
                struct error ignored = { 0 };
                if (!(wish->tiers & 1U << tier))
                        continue;
                if (kept) {
                        bool gone = forget_file(tier, key, &ignored);
                        (void)gone; /* what is read is the newest */
                } else if (write_tier(tier, wish, key, &text, err)) {
                        kept = true;
                        *place = places[tier];
                        if (tier == CACHE_KEYRING)
                                note_keyring(key, &text);
                }
        }
        return kept;
}

static void forget_keyring(const struct cache_key *key)
{
        enum keyring_state state = KEYRING_OPEN;
        struct error problem = { 0 };
        scoped_free char *bus = dbus_session_address();
        scoped(fd_close) int turn = bus ? keyring_note_take_turn() : -1;

        if (bus && keyring_note_read(bus) != KEYRING_ABSENT &&
            !keyring_forget(key, FORGET_MS, &state, &problem) && state != KEYRING_ABSENT)
                report_warning("the keyring is %s: a token that has ended may stay in it",
                               keyring_state_text(state));
}

bool cache_forget(const struct cache_key *key, struct error *err)
{
        bool runtime = forget_file(CACHE_RUNTIME, key, err);
        bool file = forget_file(CACHE_FILE, key, err);

        forget_note(key);
        forget_keyring(key);
        return runtime && file;
}
