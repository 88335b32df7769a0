#include "schema/access.h"

#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/duration.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/session.h"
#include "server/signin_store.h"

/* What one element is judged by. */
struct judging {
        const struct caller *caller;
        struct grant_limits limits;
};

printf_like(3, 4) static void judge(struct access_rule *row, const char *verdict,
                                    const char *format, ...)
{
        struct error words = { 0 };
        va_list args;

        va_start(args, format);
        vsnprintf(words.text, sizeof(words.text), format, args);
        va_end(args);
        row->verdict = xstrdup(verdict);
        row->why = xstrdup(error_clean_line(words.text));
}

static const char *choose_text(const json_t *element, const char *key)
{
        const char *text = json_string_value(json_object_get(element, key));

        return text != NULL && strlen(text) <= LIMIT_NODE ? text : NULL;
}

/* Also of an element that cannot be read: whatever can be shown of it. */
static void describe(json_t *element, const struct capability *alone, struct access_rule *row)
{
        row->role = xstrdup(choose_text(element, "role"));
        row->period = xstrdup(choose_text(element, "period"));
        row->priority = json_integer_value(json_object_get(element, "priority"));
        capability_list_unknown_keys(element, &row->unknown_keys);
        text_list_add_all(&row->groups, &alone->groups);
        if (alone->rule_count > 0)
                text_list_add_all(&row->namespaces, &alone->rules[0].namespaces);
}

/* Another rule of the same priority, or NULL. */
static const struct rule *find_rival(const struct capability *capability, const struct rule *rule)
{
        for (size_t i = 0; i < capability->rule_count; i++)
                if (capability->rules[i].priority == rule->priority &&
                    !rule_equals(&capability->rules[i], rule))
                        return &capability->rules[i];
        return NULL;
}

static void judge_beside_others(const struct judging *judging, const struct rule *rule,
                                struct access_rule *row)
{
        const struct capability *capability = &judging->caller->capability;
        const struct rule *rival = find_rival(capability, rule);
        const struct rule *winner = grant_find(capability, NULL, NULL);
        const struct rule *same = grant_find(capability, rule->role, &rule->namespaces);

        if (rival != NULL)
                judge(row, "refused", "%s[%lld] has the priority %lld too: which of them counts?",
                      rival->capability, (long long)rival->index, (long long)rule->priority);
        else if (winner == NULL || same == NULL)
                judge(row, "refused", "nothing is granted until all rules can be read");
        else if (!rule_equals(rule, same))
                judge(row, "hidden", "%s[%lld] grants the same with the higher priority %lld",
                      same->capability, (long long)same->index, (long long)same->priority);
        else if (rule_equals(rule, winner))
                judge(row, "wins", "its priority %lld is the highest", (long long)rule->priority);
        else
                judge(row, "granted",
                      "may be asked for by its role: %s[%lld] has the priority %lld",
                      winner->capability, (long long)winner->index, (long long)winner->priority);
}

/* Identical elements count once: the first. */
static bool is_repeated(const struct judging *judging, const struct rule *rule,
                        const struct rule **first)
{
        const struct capability *capability = &judging->caller->capability;

        for (size_t i = 0; i < capability->rule_count; i++) {
                *first = &capability->rules[i];
                if (rule_equals(*first, rule))
                        return (*first)->index != rule->index ||
                               strcmp((*first)->capability, rule->capability) != 0;
        }
        return false;
}

static void judge_rule(const struct judging *judging, const struct rule *rule,
                       struct access_rule *row)
{
        const struct rule *first = NULL;
        struct error err = { 0 };

        if (is_repeated(judging, rule, &first))
                judge(row, "repeated", "%s[%lld] says the same, and counts once", first->capability,
                      (long long)first->index);
        else if (!grant_check_rule(rule, &judging->limits, &err))
                judge(row, "refused", "%s", err.text);
        else
                judge_beside_others(judging, rule, row);
}

static void add_element(const struct judging *judging, json_t *element, const char *name,
                        size_t index, struct access *access)
{
        scoped(capability_clear) struct capability alone = { 0 };
        struct access_rule *row = access_add_rule(access);
        struct error err = { 0 };

        bool good = capability_decode_element(element, name, index, &alone, &err);
        row->capability = xstrdup(name);
        row->index = (int64_t)index;
        describe(element, &alone, row);
        if (!good)
                judge(row, "refused", "%s", err.text);
        else if (alone.rule_count == 0)
                judge(row, "claim", "names groups, and grants nothing by itself");
        else
                judge_rule(judging, &alone.rules[0], row);
}

static void add_rules(const struct judging *judging, const struct text_list *names,
                      struct access *access)
{
        const json_t *cap_map = judging->caller->whois.capabilities;

        for (size_t i = 0; i < names->count; i++) {
                const json_t *elements = json_object_get(cap_map, names->items[i]);

                text_list_add(&access->capabilities, names->items[i]);
                for (size_t at = 0;
                     at < json_array_size(elements) && access->rule_count < LIMIT_ACCESS_RULES;
                     at++)
                        add_element(judging, json_array_get(elements, at), names->items[i], at,
                                    access);
        }
}

static void add_sessions(struct server *server, const struct caller *caller, struct access *access)
{
        const struct tailscale_whois *whois = &caller->whois;
        char until[TIMESTAMP_TEXT_SIZE];
        struct error ignored = { 0 };

        for (size_t i = 0; i < signin_store_count(server->signins); i++) {
                const struct signin *signin = signin_store_at(server->signins, i);

                if (strcmp(signin->spec.username, whois->login) != 0 || signin->deletion_at != 0 ||
                    access->session_count == LIMIT_SESSIONS)
                        continue;
                struct access_session *row = access_add_session(access);
                row->name = xstrdup(signin->name);
                row->role = xstrdup(signin->spec.role);
                row->node = xstrdup(signin->spec.node);
                row->until = xstrdup(timestamp_format(session_ends_at(signin), until));
                row->here = signin->spec.node_id != NULL &&
                            strcmp(signin->spec.node_id, whois->node_id) == 0;
                row->ready = session_check_ready(signin, kube_now(server->kube), &ignored);
        }
}

/* What a sign-in without a wish would be answered. */
static void add_decision(const struct judging *judging, struct access *access)
{
        static const struct login_request nothing = { 0 };
        const struct caller *caller = judging->caller;
        struct error err = caller->refusal;
        char period[DURATION_TEXT_SIZE];
        struct grant grant;

        if (err.kind == ERROR_NONE &&
            grant_decide(&caller->capability, &judging->limits, &nothing, &grant, &err)) {
                access->status = 202;
                access->role = xstrdup(grant.role);
                access->period = xstrdup(duration_format_seconds(grant.period_seconds, period));
                text_list_add_all(&access->namespaces, grant.namespaces);
                return;
        }
        access->status = error_http_status(&err);
        access->refused = xstrdup(err.text);
        access->advice = xstrdup(err.advice[0] == '\0' ? NULL : err.advice);
}

bool handle_access(struct server *server, struct caller *caller, struct http_exchange *exchange,
                   struct error *err)
{
        const struct judging judging = { caller, request_limits(server) };
        scoped(access_clear) struct access access = {
                .username = xstrdup(caller->whois.login),
                .user_id = xstrdup(caller->whois.user_id),
                .node = xstrdup(caller->whois.node_name),
                .node_id = xstrdup(caller->whois.node_id),
        };

        (void)err;
        add_rules(&judging, &server->config->capabilities, &access);
        add_decision(&judging, &access);
        add_sessions(server, caller, &access);
        json_auto_t *body = access_encode(&access);
        http_exchange_reply_json(exchange, 200, body);
        return true;
}
