#include "kubectl-tka/local/cache_entry.h"

#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/local/directory.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "schema/limits.h"

#define CACHE_VERSION 1
#define AT(member) offsetof(struct cache_entry, member)

static const struct json_field fields[] = {
        { "version",        JSON_KIND_INTEGER, AT(version),        true,  0           },
        { "server",         JSON_KIND_TEXT,    AT(server),         true,  0           },
        { "ca_hash",        JSON_KIND_TEXT,    AT(ca_hash),        true,  0           },
        { "cluster",        JSON_KIND_TEXT,    AT(cluster),        true,  0           },
        { "role",           JSON_KIND_TEXT,    AT(role),           true,  0           },
        { "login",          JSON_KIND_TEXT,    AT(login),          false, 0           },
        { "granted_role",   JSON_KIND_TEXT,    AT(granted_role),   false, 0           },
        { "addresses",      JSON_KIND_TEXT,    AT(addresses),      true,  0           },
        { "token",          JSON_KIND_SECRET,  AT(token),          true,  LIMIT_TOKEN },
        { "expires",        JSON_KIND_INTEGER, AT(expires),        true,  0           },
        { "until",          JSON_KIND_INTEGER, AT(until),          true,  0           },
        { "period_seconds", JSON_KIND_INTEGER, AT(period_seconds), true,  0           },
        { "fetched_at",     JSON_KIND_INTEGER, AT(fetched_at),     true,  0           },
        { "clock_offset",   JSON_KIND_INTEGER, AT(clock_offset),   true,  0           },
        { "renewable",      JSON_KIND_BOOL,    AT(renewable),      true,  0           },
};

bool cache_key_equals(const struct cache_key *one, const struct cache_key *other)
{
        return strcmp(one->server, other->server) == 0 &&
               strcmp(one->ca_hash, other->ca_hash) == 0 &&
               strcmp(one->cluster, other->cluster) == 0 && strcmp(one->role, other->role) == 0;
}

char *cache_key_file(const struct cache_key *key, const char *directory, const char *suffix)
{
        const char *const parts[] = { key->server, key->ca_hash, key->cluster, key->role };

        return directory_file(directory, parts, ARRAY_LENGTH(parts), suffix);
}

void cache_entry_clear(struct cache_entry *entry)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), entry);
}

static bool entry_has_key(const struct cache_entry *entry, const struct cache_key *key)
{
        const struct cache_key own = { entry->server, entry->ca_hash, entry->cluster, entry->role };

        return cache_key_equals(&own, key);
}

/* What is printed between two quotes and sent in a header: visible ASCII alone. */
static bool token_is_plain(const struct secret *token)
{
        for (const char *at = secret_text(token); *at != '\0'; at++)
                if (*at <= ' ' || *at > '~')
                        return false;
        return !secret_is_empty(token);
}

/* Numbers no server of ours can have meant, so that no later sum of two of them overflows. */
static bool numbers_are_sane(const struct cache_entry *entry)
{
        const int64_t most = INT64_C(253402300799); /* the year 9999 */
        const int64_t times[] = { entry->expires, entry->until, entry->period_seconds,
                                  entry->fetched_at };

        for (size_t i = 0; i < ARRAY_LENGTH(times); i++)
                if (times[i] < 0 || times[i] > most)
                        return false;
        return entry->expires > 0 && entry->clock_offset >= -most && entry->clock_offset <= most;
}

bool cache_entry_decode(const struct buf *text, const struct cache_key *key,
                        struct cache_entry *entry, struct error *err)
{
        json_auto_t *object = NULL;
        scoped(cache_entry_clear) struct cache_entry found = { 0 };

        if (!json_parse_object(buf_text(text), text->length, &object, err) ||
            !json_fields_read(object, fields, ARRAY_LENGTH(fields), &found, err)) {
                err->kind = ERROR_NOT_FOUND;
                return false;
        }
        if (found.version != CACHE_VERSION || !entry_has_key(&found, key) ||
            !token_is_plain(&found.token) || !numbers_are_sane(&found))
                return error_set(err, ERROR_NOT_FOUND, "this is not an entry for %s", key->cluster);

        cache_entry_clear(entry);
        *entry = found;
        memset(&found, 0, sizeof(found));
        return true;
}

static void set_text(char **field, const char *text)
{
        char *copy = xstrdup(text);

        free(*field);
        *field = copy;
}

void cache_entry_encode(const struct cache_key *key, struct cache_entry *entry, struct buf *text)
{
        entry->version = CACHE_VERSION;
        set_text(&entry->server, key->server);
        set_text(&entry->ca_hash, key->ca_hash);
        set_text(&entry->cluster, key->cluster);
        set_text(&entry->role, key->role);

        json_auto_t *object = json_fields_write(fields, ARRAY_LENGTH(fields), entry);
        json_print(object, text);
}

uint64_t cache_entry_id(const struct cache_entry *entry)
{
        return directory_hash(secret_text(&entry->token));
}
