#include "server/grant.h"

#include <string.h>

#include "lib/duration.h"
#include "lib/memory.h"

bool grant_rank(const struct capability *capability, struct error *err)
{
        for (size_t i = 0; i < capability->rule_count; i++)
                for (size_t j = 0; j < i; j++)
                        if (capability->rules[i].priority == capability->rules[j].priority) {
                                error_set(err, ERROR_INVALID,
                                          "Multiple capability rules with the same priority found");
                                return error_advise(
                                        err,
                                        "give every rule a priority of its own: %s[%lld] and "
                                        "%s[%lld] both have %lld",
                                        capability->rules[j].capability,
                                        (long long)capability->rules[j].index,
                                        capability->rules[i].capability,
                                        (long long)capability->rules[i].index,
                                        (long long)capability->rules[i].priority);
                        }
        return true;
}

static bool covers(const struct rule *rule, const struct text_list *namespaces)
{
        if (rule->namespaces.count == 0)
                return true;
        for (size_t i = 0; i < namespaces->count; i++)
                if (!text_list_has(&rule->namespaces, namespaces->items[i]))
                        return false;
        return namespaces->count > 0;
}

/* role NULL: any; namespaces NULL: whatever the rule names. */
static const struct rule *find_best(const struct capability *capability, const char *role,
                                    const struct text_list *namespaces)
{
        const struct rule *best = NULL;

        for (size_t i = 0; i < capability->rule_count; i++) {
                const struct rule *rule = &capability->rules[i];

                if (role != NULL && strcmp(rule->role, role) != 0)
                        continue;
                if (namespaces != NULL && !covers(rule, namespaces))
                        continue;
                if (best == NULL || rule->priority > best->priority)
                        best = rule;
        }
        return best;
}

const struct rule *grant_find(const struct capability *capability, const char *role,
                              const struct text_list *namespaces)
{
        return find_best(capability, role, namespaces);
}

/* "view, edit (in dev, test)". The texts come from outside: what is too long is cut by err. */
static void list_granted(const struct capability *capability, struct buf *buf)
{
        for (size_t i = 0; i < capability->rule_count; i++) {
                const struct rule *rule = &capability->rules[i];

                buf_add(buf, i == 0 ? "" : ", ");
                buf_add(buf, rule->role);
                for (size_t n = 0; n < rule->namespaces.count; n++)
                        buf_printf(buf, "%s%s", n == 0 ? " (in " : ", ", rule->namespaces.items[n]);
                buf_add(buf, rule->namespaces.count > 0 ? ")" : "");
        }
}

static bool refuse_wish(const struct capability *capability, const struct login_request *request,
                        struct error *err)
{
        scoped(buf_clear) struct buf granted = { 0 };

        list_granted(capability, &granted);
        if (request->role != NULL && find_best(capability, request->role, NULL) == NULL)
                return error_set(err, ERROR_DENIED,
                                 "role \"%s\" is not granted to you; granted: %s", request->role,
                                 buf_text(&granted));
        return error_set(err, ERROR_DENIED,
                         "no rule grants you these namespaces, first of them \"%s\"; granted: %s",
                         request->namespaces.items[0], buf_text(&granted));
}

static bool check_role(const struct rule *rule, const struct grant_limits *limits,
                       struct error *err)
{
        if (text_list_has(limits->roles, rule->role))
                return true;
        error_set_status(err, ERROR_INVALID, 422, "role \"%s\" is not handed out by this cluster",
                         rule->role);
        return error_advise(err,
                            "ask for it to be added to operator.roles, or change the rule at "
                            "%s[%lld]",
                            rule->capability, (long long)rule->index);
}

static bool check_period(const char *whose, int64_t seconds, const struct grant_limits *limits,
                         struct error *err)
{
        char given[DURATION_TEXT_SIZE], min[DURATION_TEXT_SIZE], max[DURATION_TEXT_SIZE];

        if (seconds >= limits->min_period_seconds && seconds <= limits->max_period_seconds)
                return true;
        return error_set_status(err, ERROR_INVALID, 422, "period %s of %s is outside %s to %s",
                                duration_format_seconds(seconds, given), whose,
                                duration_format_seconds(limits->min_period_seconds, min),
                                duration_format_seconds(limits->max_period_seconds, max));
}

bool grant_check_rule(const struct rule *rule, const struct grant_limits *limits, struct error *err)
{
        return check_role(rule, limits, err) &&
               check_period("your rule", rule->period_seconds, limits, err);
}

/* A wish may only shorten. */
static bool decide_period(const struct rule *rule, const struct grant_limits *limits,
                          const char *wish, int64_t *seconds, struct error *err)
{
        int64_t asked = 0;

        if (wish == NULL) {
                *seconds = rule->period_seconds;
                return true;
        }
        if (!duration_parse_seconds(wish, &asked, err))
                return error_wrap(err, "\"period\"");
        if (asked > rule->period_seconds)
                asked = rule->period_seconds;
        if (!check_period("your request", asked, limits, err))
                return false;
        *seconds = asked;
        return true;
}

bool grant_decide(const struct capability *capability, const struct grant_limits *limits,
                  const struct login_request *request, struct grant *grant, struct error *err)
{
        const struct text_list *wish = request->namespaces.count > 0 ? &request->namespaces : NULL;
        int64_t seconds = 0;

        if (capability->rule_count == 0 || capability->rules == NULL)
                return error_set(err, ERROR_DENIED, "User not authorized");

        const struct rule *rule = find_best(capability, request->role, wish);
        if (rule == NULL)
                return refuse_wish(capability, request, err);
        if (!grant_check_rule(rule, limits, err) ||
            !decide_period(rule, limits, request->period, &seconds, err))
                return false;

        *grant = (struct grant){ .rule = rule,
                                 .role = rule->role,
                                 .namespaces = wish == NULL ? &rule->namespaces : wish,
                                 .period_seconds = seconds };
        return true;
}
