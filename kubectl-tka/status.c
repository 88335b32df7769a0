#include <string.h>

#include "kubectl-tka/handlers.h"
#include "kubectl-tka/local/current_context.h"
#include "kubectl-tka/local/glance.h"
#include "kubectl-tka/local/known.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/tailnet.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/template.h"
#include "lib/duration.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define ACTIVE "active"

static const struct output_column columns[] = {
        { "Context", "context", OUTPUT_TEXT },
        { "Role",    "role",    OUTPUT_TEXT },
        { "State",   "state",   OUTPUT_TEXT },
        { "Until",   "until",   OUTPUT_TIME },
        { "Cache",   "cache",   OUTPUT_TEXT },
};
static const struct output_view view = { columns, ARRAY_LENGTH(columns), "context" };

static bool is_signed_out(const struct cache_key *key)
{
        scoped(mark_clear) struct mark mark = { 0 };

        mark_read(key, &mark);
        return mark.signed_out;
}

static const char *judge(const struct cache_entry *entry, int64_t now)
{
        scoped_free char *shown = tailnet_addresses();

        if (!tailnet_is_same(entry->addresses, shown))
                return "of another node";
        return token_is_alive(entry, now) ? ACTIVE : "ended";
}

static void describe_session(const struct cache_entry *entry, enum cache_tier tier, int64_t now,
                             json_t *item)
{
        int64_t until = token_session_end(entry);
        char text[TIMESTAMP_TEXT_SIZE];
        char left[DURATION_TEXT_SIZE];

        json_set_text(item, "state", judge(entry, now));
        json_set_text(item, "role", entry->granted_role);
        json_set_text(item, "user", entry->login);
        json_set_text(item, "until", timestamp_format(until, text));
        json_set_text(item, "left", duration_format_short(until > now ? until - now : 0, left));
        json_set_text(item, "cache", cache_tier_name(tier));
        json_object_set_new(item, "renewable", json_boolean(entry->renewable));
}

static json_t *describe(const struct known *known, int64_t now)
{
        const struct cache_key key = known_key(known);
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        enum cache_tier tier = CACHE_FILE;
        json_t *item = json_object();

        json_set_text(item, "context", known->context);
        json_set_text(item, "cluster", known->cluster);
        json_set_text(item, "server", known->server);
        json_set_text(item, "role", known->role[0] ? known->role : NULL);
        if (is_signed_out(&key))
                json_set_text(item, "state", "signed out");
        else if (glance(&key, &entry, &tier))
                describe_session(&entry, tier, now, item);
        else
                json_set_text(item, "state", "no token");
        return item;
}

/* Of the context, or all contexts of the cluster, of that name; NULL: all. */
static json_t *describe_all(const struct known_list *list, const char *word)
{
        json_t *items = json_array();
        int64_t now = timestamp_now();
        const struct known *named = word ? known_find(list, word) : NULL;

        for (size_t i = 0; i < list->count; i++) {
                const struct known *known = &list->items[i];
                bool wanted = named ? known == named : !word || strcmp(known->cluster, word) == 0;
                if (wanted)
                        json_array_append_new(items, describe(known, now));
        }
        return items;
}

/* "prod  view  active  in 3h 58m  (runtime)": no titles, a prompt has no place for them. */
static void print_lines(const json_t *items, struct buf *text)
{
        size_t index = 0;
        const json_t *item = NULL;
        int64_t now = timestamp_now();

        json_array_foreach(items, index, item)
        {
                for (size_t i = 0; i < view.count; i++) {
                        scoped(buf_clear) struct buf cell = { 0 };
                        output_print_cell(&columns[i], item, now, &cell);
                        if (strcmp(cell.text, "-") != 0)
                                buf_printf(text, "%s%s", i > 0 ? "  " : "", cell.text);
                }
                buf_add(text, "\n");
        }
}

static bool print(const struct config *config, const json_t *items, struct error *err)
{
        enum output_format format = output_format_parse(config->output, OUTPUT_TABLE);
        scoped(buf_clear) struct buf text = { 0 };

        if (config->template) {
                if (!template_print(config->template, items, &text, err))
                        return error_wrap(err, "--format");
        } else if (format == OUTPUT_TABLE) {
                print_lines(items, &text);
        } else {
                output_print(format, &view, items, &text);
        }
        return output_write(&text, err);
}

static bool has_active(const json_t *items)
{
        size_t index = 0;
        const json_t *item = NULL;

        json_array_foreach(items, index, item)
        {
                if (strcmp(json_text_at(item, "state"), ACTIVE) == 0)
                        return true;
        }
        return false;
}

static bool explain(const struct config *config, const char *current, struct error *err)
{
        const char *word = config_operand(config);

        if (word)
                error_set(err, ERROR_UNAUTHENTICATED, "not signed in to \"%s\"", word);
        else if (current && !config->all)
                error_set(err, ERROR_UNAUTHENTICATED,
                          "the current context \"%s\" is none that login wrote", current);
        else
                error_set(err, ERROR_UNAUTHENTICATED, "not signed in");
        return error_advise(err,
                            "\"%s login%s%s\" signs in, \"%s status --all\" shows every "
                            "session",
                            config->program, word ? " " : "", word ? word : "", config->program);
}

/* The exit code says what a script wants to know; a prompt gets no other words. */
bool cmd_status(const struct config *config, struct error *err)
{
        scoped(known_list_clear) struct known_list list = { 0 };
        scoped_free char *current = NULL;
        const char *word = config_operand(config);

        current = word || config->all ? NULL : current_context_find(config->kubeconfig);
        known_list_read(&list);

        json_auto_t *items = config->all       ? describe_all(&list, NULL)
                             : word || current ? describe_all(&list, word ? word : current)
                                               : json_array();
        if (!print(config, items, err))
                return false;
        if (has_active(items))
                return true;
        explain(config, current, err);
        if (config->template || config->output || json_array_size(items) > 0)
                err->text[0] = '\0';
        return false;
}
