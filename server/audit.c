#include "server/audit.h"

#include <stdlib.h>

#include "lib/api/tailscale.h"
#include "lib/log.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

static const char *choose(const char *text, const char *other)
{
        return text != NULL && text[0] != '\0' ? text : other;
}

void audit_write(const struct audit *audit)
{
        static const struct tailscale_whois nobody = { 0 };
        static const struct signin nothing = { 0 };
        const struct tailscale_whois *whois = audit->whois != NULL ? audit->whois : &nobody;
        const struct signin *signin = audit->signin != NULL ? audit->signin : &nothing;
        const struct signin_spec *spec = &signin->spec;
        scoped(buf_clear) struct buf namespaces = { 0 };
        char until[TIMESTAMP_TEXT_SIZE] = "";
        struct error err = { 0 };
        int64_t ends = audit->until;

        if (ends != 0 || (signin->name != NULL && signin_ends_at(signin, &ends, &err)))
                timestamp_format(ends, until);
        text_list_print(&spec->namespaces, &namespaces);
        log_audit(LOG_LEVEL_INFO, audit->event, "trace_id", audit->trace_id, "login",
                  choose(whois->login, spec->username), "user_id",
                  choose(whois->user_id, spec->user_id), "node",
                  choose(whois->node_name, spec->node), "node_id",
                  choose(whois->node_id, spec->node_id), "rule", audit->rule, "role",
                  choose(spec->role, choose(audit->role, NULL)), "namespaces",
                  choose(buf_text(&namespaces), NULL), "reason", spec->reason, "session",
                  signin->name, "service_account", signin->status.service_account_name,
                  "service_account_uid", signin->status.service_account_uid, "jti", audit->jti,
                  "until", choose(until, NULL), "cause", audit->cause, "peer", audit->peer, NULL);
}
