#include "lib/options/options.h"

#include <assert.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/options/option_key.h"

/* "tailscale.capName" to "TKA_TAILSCALE_CAPNAME" */
char *options_environment_name(const struct option_row *row)
{
        if (row->kind == OPTION_ELSEWHERE)
                return NULL;
        if (row->environment)
                return *row->environment ? xstrdup(row->environment) : NULL;
        if (!row->key)
                return NULL;
        char *name = xasprintf("TKA_%s", row->key);
        for (char *at = name + strlen("TKA_"); *at; at++) {
                if (*at == '.')
                        *at = '_';
                else if (*at >= 'a' && *at <= 'z')
                        *at = (char)(*at - 'a' + 'A');
        }
        return name;
}

/* "config.yaml: line 3: " in front. */
bool options_wrap_line(const struct option_sources *sources, const char *key, struct error *err)
{
        json_int_t line = json_integer_value(json_object_get(sources->lines, key));

        if (line == 0)
                return error_wrap(err, "%s", sources->file);
        return error_wrap(err, "%s: line %d", sources->file, (int)line);
}

bool options_wrap_place(const struct options *options, const struct option_sources *sources,
                        const enum option_origin *origins, const char *const *keys,
                        struct error *err)
{
        for (; *keys; keys++) {
                const struct option_row *row = option_key_find(options, *keys, false);

                assert(row);
                enum option_origin origin = origins[row - options->rows];
                if (origin == OPTION_FROM_FLAG)
                        return error_wrap(err, "--%s", row->flag);
                if (origin == OPTION_FROM_FILE)
                        return options_wrap_line(sources, *keys, err);
                if (origin == OPTION_FROM_ENVIRONMENT) {
                        scoped_free char *name = options_environment_name(row);
                        return error_wrap(err, "%s", name);
                }
        }
        return sources->file == NULL ? false : error_wrap(err, "%s", sources->file);
}
