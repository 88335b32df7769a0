/* login.h - what a client asks and what it is answered by login, logout and credential. */
#pragma once

#include <jansson.h>

#include "lib/json.h"
#include "schema/limits.h"

/* Body of POST login, logout and credential; every field optional, an empty body too. */
struct login_request {
        char *role;   /* a lower one that also matches */
        char *period; /* may only shorten */
        char *reason;
        struct text_list namespaces;
        bool everywhere; /* logout: on every node of this login */
};
void login_request_clear(struct login_request *request);
/* length 0 is an empty request. Unknown keys are refused by name (INVALID). */
bool login_request_decode(const char *body, size_t length, struct login_request *request,
                          struct error *err) must_check;
/* What can be the name of a role. */
bool login_check_role(const char *role, struct error *err) must_check;
json_t *login_request_encode(const struct login_request *request);

/* {username, role, until}: the answer of login and logout (with sessions: names). */
struct login {
        char *username; /* the whole login name */
        char *role;
        char *until;               /* RFC 3339 */
        struct text_list sessions; /* logout alone */
};
void login_clear(struct login *login);
bool login_decode(const char *body, size_t length, struct login *login,
                  struct error *err) must_check;
json_t *login_encode(const struct login *login);

/* Their tables, for the test of the documents. */
size_t login_request_fields(const struct json_field **table);
size_t login_fields(const struct json_field **table);
