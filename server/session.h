/* session.h - signing in and out: a person, as a role, from a device. */
#pragma once

#include "schema/signin.h"
#include "server/grant.h"
#include "server/server.h"

/* What a request wants, once grant.c has agreed. */
struct session_wish {
        const struct grant *grant;
        const char *reason; /* or NULL */
        int64_t deadline_ms;
};

/* POST login: begins now, for the granted period. */
bool session_start(struct server *server, struct caller *caller, const struct session_wish *wish,
                   struct signin *signin, struct error *err) must_check;
/* POST credential: the session as it is; begun when there is none, extended when it is near its
 * end, never shortened. */
bool session_renew(struct server *server, struct caller *caller, const struct session_wish *wish,
                   struct signin *signin, struct error *err) must_check;
/* The caller's session as role, or, role NULL, as the rule that wins, else the latest of those that
 * are still granted. UNAUTHENTICATED when there is none, or it is ending. */
bool session_pick(struct server *server, const struct caller *caller, const char *role,
                  struct signin *signin, struct error *err) must_check;

/* true: provisioned for what its spec says now. PENDING, or 422 with the operator's reason when it
 * never will be, or UNAUTHENTICATED when it is ending or over. */
bool session_check_ready(const struct signin *signin, int64_t now, struct error *err) must_check;
/* Until it is ready, in *signin then and as last seen; PENDING at the deadline, UNAVAILABLE when it
 * would have to be waited for and too many wait already. */
bool session_wait_ready(struct server *server, const char *name, int64_t deadline_ms,
                        struct signin *signin, struct error *err) must_check;

/* Ends it whatever it has become meanwhile; gone already is done. */
bool session_end(struct server *server, const struct signin *signin, struct error *err) must_check;
/* The caller's sessions on that node that no rule grants any longer are ended, those whose rule
 * grants less than they were given are shortened. What fails is logged and tried again later. */
void session_judge(struct server *server, const struct tailscale_whois *whois,
                   const struct capability *capability, const char *trace_id);
/* Ends one that is no longer granted; not when it changed since. */
void session_withdraw(struct server *server, const struct signin *judged, const char *why,
                      const char *trace_id);

/* Unix seconds; 0 when it cannot be told, which is past. */
int64_t session_ends_at(const struct signin *signin);
