/* grant.h - what a caller may get: rules and wish to one role and period, or why not. Pure. */
#pragma once

#include "schema/capability.h"
#include "schema/login.h"

struct grant_limits {
        int64_t min_period_seconds, max_period_seconds;
        const struct text_list *roles; /* that this cluster hands out */
};

/* Borrows from the rules and the request it was decided on. */
struct grant {
        const struct rule *rule;
        const char *role;
        const struct text_list *namespaces; /* empty: the whole cluster */
        int64_t period_seconds;
};

/* 400 when two rules share a priority. */
bool grant_rank(const struct capability *capability, struct error *err) must_check;
/* 403 when there is no rule, or none for the role or namespaces asked for; 422 when the role is not
 * handed out here or the period is out of bounds. grant_rank() holds already. */
bool grant_decide(const struct capability *capability, const struct grant_limits *limits,
                  const struct login_request *request, struct grant *grant,
                  struct error *err) must_check;
/* 422 when the rule's role is not handed out here or its period is out of bounds. */
bool grant_check_rule(const struct rule *rule, const struct grant_limits *limits,
                      struct error *err) must_check;
/* The rule of highest priority that grants the role in these namespaces, or NULL: a session without
 * one is withdrawn. A rule grants the namespaces it names, and any when it names none. role and
 * namespaces NULL: any. */
const struct rule *grant_find(const struct capability *capability, const char *role,
                              const struct text_list *namespaces);
