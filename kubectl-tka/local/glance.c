#include "kubectl-tka/local/glance.h"

#include <string.h>

#include "kubectl-tka/local/dbus.h"
#include "kubectl-tka/local/keyring_note.h"
#include "kubectl-tka/local/note.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "schema/limits.h"

static bool read_note(const struct cache_key *key, struct cache_entry *entry)
{
        scoped_free char *path = note_file(key, GLANCE_SUFFIX);
        scoped(buf_clear) struct buf text = { 0 };
        struct error ignored = { 0 };

        buf_init(&text, LIMIT_CREDENTIAL);
        return path && file_read_private(path, &text, &ignored) &&
               cache_entry_decode(&text, key, entry, &ignored);
}

/* Without a word: who looks in passing is told nothing of a keyring that is of no use. */
static bool read_keyring(const struct cache_key *key, struct cache_entry *entry)
{
        scoped_free char *bus = dbus_session_address();
        scoped(buf_clear) struct buf text = { 0 };
        enum keyring_state state = KEYRING_OPEN;
        struct error ignored = { 0 };

        buf_init(&text, LIMIT_CREDENTIAL);
        if (!bus || keyring_note_read(bus) != KEYRING_OPEN)
                return false;
        scoped(fd_close) int turn = keyring_note_take_turn();
        return keyring_read(bus, key, &state, &text, &ignored) &&
               cache_entry_decode(&text, key, entry, &ignored);
}

static bool read_tier(enum cache_tier tier, const struct cache_key *key, struct cache_entry *entry)
{
        struct error ignored = { 0 };

        return tier == CACHE_KEYRING ? read_note(key, entry)
                                     : cache_read(1U << tier, key, entry, &ignored);
}

bool glance(const struct cache_key *key, struct cache_entry *entry, enum cache_tier *tier)
{
        bool found = false;

        for (enum cache_tier i = 0; i < CACHE_TIER_COUNT; i++) {
                scoped(cache_entry_clear) struct cache_entry one = { 0 };
                if (!read_tier(i, key, &one) || (found && one.fetched_at <= entry->fetched_at))
                        continue;
                cache_entry_clear(entry);
                *entry = one;
                memset(&one, 0, sizeof(one));
                *tier = i;
                found = true;
        }
        if (found)
                return true;
        *tier = CACHE_KEYRING;
        return read_keyring(key, entry);
}
