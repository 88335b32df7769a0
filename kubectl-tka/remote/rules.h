/* rules.h - what GET access says, fetched and shown. */
#pragma once

#include "kubectl-tka/remote/server.h"

/* The caller owns *document, which is as the server sent it. NOT_FOUND: a server of the older kind,
 * which does not say. */
bool rules_fetch(struct server *server, json_t **document, struct error *err) must_check;
/* One aligned table: every rule, what it came to, and why; for fd. */
void rules_print(const json_t *document, int fd, struct buf *text);
/* Roles that may be had: of rules that win or may be asked for. The caller clears *roles. */
void rules_list_roles(const json_t *document, struct text_list *roles);
