/* access.h - what GET access answers: who the caller is, every rule the tailnet's policy gives
 * them, which of them wins and why, and what is refused and why. */
#pragma once

#include <jansson.h>

#include "lib/json.h"
#include "schema/limits.h"

#define LIMIT_ACCESS_RULES 256 /* capability elements that are shown */
#define LIMIT_WHY 512          /* bytes of a reason in words */

/* One element of the capability, as it stands in the policy. */
struct access_rule {
        char *capability; /* the name it stands under */
        int64_t index;    /* its place there */
        char *role, *period;
        int64_t priority;
        struct text_list namespaces;
        struct text_list groups; /* of a claim */
        struct text_list unknown_keys;
        /* "wins": what a sign-in takes; "granted": may be asked for; "hidden": a higher rule grants
         * the same; "repeated"; "claim"; "refused". */
        char *verdict;
        char *why;
};

/* A session of the caller, on any of their devices. */
struct access_session {
        char *name, *role, *node, *until;
        bool here; /* on this device */
        bool ready;
};

struct access {
        char *username, *user_id, *node, *node_id;
        struct text_list capabilities; /* the names that are read */
        struct access_rule *rules;
        size_t rule_count;
        struct access_session *sessions;
        size_t session_count;
        /* What a sign-in without a wish gets; NULL: nothing, and refused says why. */
        char *role, *period;
        struct text_list namespaces;
        int64_t status; /* that such a sign-in would be answered: 202, or an error's */
        char *refused;  /* or NULL */
        char *advice;   /* or NULL */
};
void access_clear(struct access *access);
struct access_rule *access_add_rule(struct access *access);
struct access_session *access_add_session(struct access *access);

json_t *access_encode(const struct access *access);
bool access_decode(const char *body, size_t length, struct access *access,
                   struct error *err) must_check;

/* Their tables, for the test of the documents. */
size_t access_fields(const struct json_field **table);
size_t access_rule_fields(const struct json_field **table);
size_t access_session_fields(const struct json_field **table);
