/* Any bytes as what tailscaled answers: who somebody is, and how the tailnet is. */
#include <string.h>

#include "lib/api/tailscale.h"

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

/* Nobody becomes a caller without a login and a node. */
static void check_whois(const char *text, size_t length)
{
        scoped(tailscale_whois_clear) struct tailscale_whois whois = { 0 };
        struct error err = { 0 };

        if (!tailscale_whois_decode(text, length, &whois, &err)) {
                if (err.kind != ERROR_UNAVAILABLE || whois.login || whois.node_id)
                        __builtin_trap();
                return;
        }
        if (!whois.login || !*whois.login || !whois.node_id || !*whois.node_id || !whois.user_id ||
            !whois.node_name || (whois.capabilities && !json_is_object(whois.capabilities)))
                __builtin_trap();
}

/* A tailnet that runs has a node of ours with an address, and no peer is nobody. */
static void check_status(const char *text, size_t length)
{
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
        struct error err = { 0 };

        if (!tailscale_status_decode(text, length, &status, &err)) {
                if (err.kind != ERROR_UNAVAILABLE || status.running || status.peers)
                        __builtin_trap();
                return;
        }
        if (status.running && (status.self.addresses.count == 0 || !*status.self.node_id))
                __builtin_trap();
        for (size_t i = 0; i < status.peer_count; i++)
                if (!*status.peers[i].node_id)
                        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        check_whois((const char *)text, length);
        check_status((const char *)text, length);
        return 0;
}
