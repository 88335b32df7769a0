#include "lib/options/option_key.h"

#include <string.h>
#include <strings.h>

static bool begins(const char *text, const char *start, bool any_case)
{
        size_t length = strlen(start);

        return any_case ? !strncasecmp(text, start, length) : !strncmp(text, start, length);
}

static bool is_same(const char *key, const char *other, bool any_case)
{
        return strlen(key) == strlen(other) && begins(key, other, any_case);
}

/* Is inner "outer.something"? */
static bool is_below(const char *inner, const char *outer, bool any_case)
{
        return begins(inner, outer, any_case) && inner[strlen(outer)] == '.';
}

const struct option_row *option_key_find(const struct options *options, const char *key,
                                         bool any_case)
{
        for (size_t i = 0; i < options->count; i++)
                if (options->rows[i].key && is_same(options->rows[i].key, key, any_case))
                        return &options->rows[i];
        return NULL;
}

bool option_key_is_section(const struct options *options, const char *key, bool any_case)
{
        for (size_t i = 0; i < options->count; i++)
                if (options->rows[i].key && is_below(options->rows[i].key, key, any_case))
                        return true;
        return false;
}

bool option_key_is_elsewhere(const struct options *options, const char *key, bool any_case)
{
        for (size_t i = 0; i < options->count; i++) {
                const struct option_row *row = &options->rows[i];
                if (row->kind == OPTION_ELSEWHERE && row->key &&
                    (is_same(row->key, key, any_case) || is_below(key, row->key, any_case)))
                        return true;
        }
        return false;
}
