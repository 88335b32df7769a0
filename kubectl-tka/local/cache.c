#include "kubectl-tka/local/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kubectl-tka/local/dbus.h"
#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/local/journal.h"
#include "kubectl-tka/local/keyring_note.h"
#include "kubectl-tka/local/parent.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "schema/limits.h"

static const struct {
        const char *name;
        unsigned tiers;
} modes[] = {
        { "auto",    CACHE_ALL_TIERS    },
        { "keyring", 1 << CACHE_KEYRING },
        { "runtime", 1 << CACHE_RUNTIME },
        { "file",    1 << CACHE_FILE    },
        { "none",    0                  },
};

bool cache_mode_parse(const char *mode, unsigned *tiers)
{
        for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
                if (strcmp(modes[i].name, mode) == 0) {
                        *tiers = modes[i].tiers;
                        return true;
                }
        }
        return false;
}

const char *cache_tier_name(enum cache_tier tier)
{
        static const char *const names[] = {
                [CACHE_KEYRING] = "keyring", [CACHE_RUNTIME] = "runtime", [CACHE_FILE] = "file"
        };

        return names[tier];
}

char *cache_directory(enum cache_tier tier)
{
        return tier == CACHE_RUNTIME ? directory_runtime() : directory_cache();
}

char *cache_file(enum cache_tier tier, const struct cache_key *key)
{
        scoped_free char *directory = cache_directory(tier);

        return directory ? cache_key_file(key, directory, ".json") : NULL;
}

bool cache_is_keyring_alone(unsigned tiers)
{
        return tiers == 1U << CACHE_KEYRING;
}

static bool read_file(enum cache_tier tier, const struct cache_key *key, struct cache_entry *entry,
                      struct error *err)
{
        scoped_free char *path = cache_file(tier, key);
        scoped(buf_clear) struct buf text = { 0 };

        buf_init(&text, LIMIT_CREDENTIAL);
        if (!path)
                return error_set(err, ERROR_NOT_FOUND, "no place to keep tokens in");
        if (file_read_private(path, &text, err) && cache_entry_decode(&text, key, entry, err))
                return true;
        err->kind = ERROR_NOT_FOUND;
        return error_wrap(err, "%s", path);
}

static bool read_keyring(unsigned tiers, const struct cache_key *key, struct cache_entry *entry,
                         struct error *err)
{
        scoped_free char *bus = dbus_session_address();
        scoped(buf_clear) struct buf text = { 0 };
        enum keyring_state state = KEYRING_OPEN;

        buf_init(&text, LIMIT_CREDENTIAL);
        if (!bus)
                return error_set(err, ERROR_NOT_FOUND, "there is no session bus");
        state = keyring_note_read(bus);
        if (state != KEYRING_OPEN)
                return error_set(err, ERROR_NOT_FOUND, "the keyring is %s",
                                 keyring_state_text(state));
        int64_t began_ms = parent_clock_ms();
        scoped(fd_close) int turn = keyring_note_take_turn();
        int64_t left_ms = KEYRING_READ_MS - (parent_clock_ms() - began_ms);
        if (keyring_read_within(left_ms, bus, key, &state, &text, err))
                return cache_entry_decode(&text, key, entry, err);
        if (state != KEYRING_OPEN)
                keyring_note_write(bus, state, cache_is_keyring_alone(tiers));
        err->kind = ERROR_NOT_FOUND;
        return false;
}

bool cache_read(unsigned tiers, const struct cache_key *key, struct cache_entry *entry,
                struct error *err)
{
        scoped(cache_entry_clear) struct cache_entry newest = { 0 };
        bool found = false;

        error_set(err, ERROR_NOT_FOUND, "nothing is kept");
        for (enum cache_tier tier = 0; tier < CACHE_TIER_COUNT; tier++) {
                scoped(cache_entry_clear) struct cache_entry one = { 0 };
                if (!(tiers & 1U << tier))
                        continue;
                bool read = tier == CACHE_KEYRING ? read_keyring(tiers, key, &one, err)
                                                  : read_file(tier, key, &one, err);
                journal_add("cache %s: %s", cache_tier_name(tier), read ? "a token" : err->text);
                if (!read || (found && one.fetched_at <= newest.fetched_at))
                        continue;
                cache_entry_clear(&newest);
                newest = one;
                memset(&one, 0, sizeof(one));
                found = true;
        }
        if (!found)
                return false;
        *entry = newest;
        memset(&newest, 0, sizeof(newest));
        return true;
}
