#include "kubectl-tka/remote/rules.h"

#include <string.h>

#include "kubectl-tka/remote/table.h"
#include "lib/memory.h"
#include "schema/access.h"
#include "schema/routes.h"

static const struct output_column columns[] = {
        { "RULE",       "rule",       OUTPUT_TEXT },
        { "ROLE",       "role",       OUTPUT_TEXT },
        { "NAMESPACES", "namespaces", OUTPUT_LIST },
        { "FOR",        "period",     OUTPUT_TEXT },
        { "PRIORITY",   "priority",   OUTPUT_TEXT },
        { "VERDICT",    "verdict",    OUTPUT_TEXT },
        { "WHY",        "why",        OUTPUT_TEXT },
};
static const struct output_view view = { columns, ARRAY_LENGTH(columns), "rule" };

bool rules_fetch(struct server *server, json_t **document, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(access_clear) struct access access = { 0 };

        if (!server_get(server, ROUTE_ACCESS, &reply, err)) {
                if (err->http_status != 404)
                        return false;
                return error_set(err, ERROR_NOT_FOUND,
                                 "%s is of an older kind, which shows no rules", server->url);
        }
        if (!access_decode(buf_text(&reply.body), reply.body.length, &access, err))
                return error_wrap(err, "reading the answer of %s", server->url);
        *document = access_encode(&access);
        return true;
}

static void add_ignored(const json_t *rule, struct buf *why)
{
        static const struct output_column ignored = { "", "unknown_keys", OUTPUT_LIST };

        if (json_array_size(json_object_get(rule, ignored.path)) == 0)
                return;
        buf_add(why, "; ignores ");
        output_print_cell(&ignored, rule, 0, why);
}

/* As a row: the rule by its place, and what was ignored of it. */
static json_t *row_of(const json_t *rule)
{
        scoped_free char *place = xasprintf("%s[%lld]", json_text_at(rule, "capability"),
                                            (long long)json_integer_at(rule, "index", 0));
        scoped(buf_clear) struct buf why = { 0 };
        json_t *row = json_deep_copy(rule);

        buf_add(&why, json_text_at(rule, "why"));
        add_ignored(rule, &why);
        json_object_set_new(row, "rule", json_text(place));
        json_object_set_new(row, "why", json_text(why.text));
        if (!json_object_get(rule, "role"))
                json_object_del(row, "priority"); /* of something that is no rule */
        return row;
}

void rules_print(const json_t *document, int fd, struct buf *text)
{
        json_auto_t *rows = json_array();
        size_t index = 0;
        const json_t *rule = NULL;

        json_array_foreach(json_object_get(document, "rules"), index, rule)
        {
                json_array_append_new(rows, row_of(rule));
        }
        if (json_array_size(rows) == 0)
                buf_add(text, "The tailnet's policy has no rule for you on this server.\n");
        else
                table_print(&view, rows, fd, text);
}

void rules_list_roles(const json_t *document, struct text_list *roles)
{
        size_t index = 0;
        const json_t *rule = NULL;

        json_array_foreach(json_object_get(document, "rules"), index, rule)
        {
                const char *verdict = json_text_at(rule, "verdict");
                const char *role = json_text_at(rule, "role");
                bool had = strcmp(verdict, "wins") == 0 || strcmp(verdict, "granted") == 0;
                if (had && role && !text_list_has(roles, role))
                        text_list_add(roles, role);
        }
}
