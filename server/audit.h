/* audit.h - the lines that lead from a Kubernetes audit log back to a person and a device. */
#pragma once

#include "schema/signin.h"

struct tailscale_whois;

/* event: "login", "extend", "issue", "refuse", "logout", "shorten" or "withdraw". */
struct audit {
        const char *event;
        const char *trace_id;
        const struct tailscale_whois *whois; /* or NULL */
        const struct signin *signin;         /* or NULL */
        const char *rule;                    /* "capability[index]", or NULL */
        const char *role;                    /* when there is no signin */
        const char *jti;                     /* of an issued token, or NULL */
        const char *cause;                   /* why, for refuse and withdraw, or NULL */
        const char *peer;                    /* or NULL */
        int64_t until;                       /* 0: what the signin says */
};
void audit_write(const struct audit *audit);
