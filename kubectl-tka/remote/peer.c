#include "kubectl-tka/remote/peer.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "kubectl-tka/remote/resolve.h"
#include "lib/api/tailscale.h"
#include "lib/fd.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define RESOLVE_MS 2000

struct search {
        const struct peer_question *question;
        struct tailscale *tailscale;
};

static void close_tailscale(struct tailscale **tailscale)
{
        tailscale_free(*tailscale);
}

bool peer_tags_match(const struct text_list *tags, const struct text_list *wanted)
{
        for (size_t i = 0; i < wanted->count; i++) {
                const char *pattern = wanted->items[i];
                size_t length = strlen(pattern);
                bool prefix = length > 0 && pattern[length - 1] == '*';
                for (size_t j = 0; j < tags->count; j++)
                        if (prefix ? strncmp(tags->items[j], pattern, length - 1) == 0
                                   : strcmp(tags->items[j], pattern) == 0)
                                return true;
        }
        return false;
}

static bool is_trusted(const struct config *config, const char *node_id,
                       const struct text_list *tags)
{
        if (config->node_id && node_id && strcmp(node_id, config->node_id) == 0)
                return true;
        return peer_tags_match(tags, &config->server_tags);
}

static bool get_status(struct tailscale *tailscale, bool peers, struct tailscale_status *status,
                       struct error *err)
{
        if (!tailscale_status(tailscale, peers, status, err)) {
                err->kind = ERROR_UNAVAILABLE;
                return error_advise(err, "start tailscaled, name its socket with "
                                         "--tailscale-socket, or use an https URL");
        }
        if (!status->running) {
                error_set(err, ERROR_UNAVAILABLE, "tailscaled is not connected (%s)",
                          status->backend_state);
                return error_advise(err, "run \"tailscale up\"");
        }
        if (!status->tun) {
                error_set(err, ERROR_UNAVAILABLE,
                          "tailscaled has no network interface here, so plain HTTP would leave "
                          "the tailnet");
                return error_advise(err, "use an https URL");
        }
        return true;
}

bool peer_has_name(const struct tailscale_peer *peer, const char *host)
{
        const char *name = peer->dns_name ? peer->dns_name : "";
        size_t length = strlen(host);

        if (strncasecmp(name, host, length) == 0 && (name[length] == '.' || name[length] == '\0'))
                return true;
        return peer->name && strcasecmp(peer->name, host) == 0;
}

static bool find_in_status(const struct search *search, const struct tailscale_status *status,
                           struct text_list *addresses)
{
        for (size_t i = 0; i < status->peer_count; i++) {
                const struct tailscale_peer *peer = &status->peers[i];
                if (!peer_has_name(peer, search->question->host) ||
                    !is_trusted(search->question->config, peer->node_id, &peer->tags))
                        continue;
                text_list_add_all(addresses, &peer->addresses);
                return addresses->count > 0;
        }
        return false;
}

/* A name of one label is looked up among the peers first, others in the DNS first. */
static bool find_addresses(const struct search *search, struct tailscale_status *status,
                           struct text_list *addresses, struct error *err)
{
        const struct peer_question *question = search->question;
        bool short_name = !strpbrk(question->host, ".:");
        scoped(tailscale_status_clear) struct tailscale_status everybody = { 0 };
        struct error ignored = { 0 };

        if (!get_status(search->tailscale, short_name, status, err))
                return false;
        if (short_name && find_in_status(search, status, addresses))
                return true;
        int64_t left_ms = loop_left_ms(question->deadline_ms);
        if (resolve_host(question->loop, question->host,
                         left_ms < RESOLVE_MS ? left_ms : RESOLVE_MS, addresses, err))
                return true;
        if (!short_name && get_status(search->tailscale, true, &everybody, &ignored) &&
            find_in_status(search, &everybody, addresses))
                return true;
        err->kind = ERROR_UNAVAILABLE;
        return error_advise(err, "is it a host of your tailnet? see \"tailscale status\"");
}

/* An address with the discard port, which a UDP socket "connects" to without sending anything. */
static socklen_t fill_target(const char *address, struct sockaddr_storage *target)
{
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9) };

        if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
                memcpy(target, &v6, sizeof(v6));
                return sizeof(v6);
        }
        if (inet_pton(AF_INET, address, &v4.sin_addr) != 1)
                return 0;
        memcpy(target, &v4, sizeof(v4));
        return sizeof(v4);
}

/* The address this machine would speak from: none of its own in the tailnet means that the way
 * there does not lead through tailscaled, whatever tailscaled says of the address. */
static bool leads_through_tailnet(const char *address, const struct text_list *own)
{
        struct sockaddr_storage ends = { 0 };
        socklen_t length = fill_target(address, &ends);
        scoped(fd_close) int fd = socket(ends.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        char text[INET6_ADDRSTRLEN] = "";

        if (length == 0 || fd < 0 || connect(fd, (struct sockaddr *)&ends, length) != 0)
                return false;
        length = sizeof(ends);
        return getsockname(fd, (struct sockaddr *)&ends, &length) == 0 &&
               getnameinfo((struct sockaddr *)&ends, length, text, sizeof(text), NULL, 0,
                           NI_NUMERICHOST) == 0 &&
               text_list_has(own, text);
}

static bool refuse_node(const struct config *config, const struct tailscale_whois *whois,
                        const char *address, struct error *err)
{
        const char *name = whois->node_name ? whois->node_name : "?";

        if (config->node_id) {
                error_set(err, ERROR_DENIED, "%s at %s is node %s, not the trusted node %s", name,
                          address, whois->node_id, config->node_id);
                return error_advise(err, "if the server was moved, sign in with its new --node-id");
        }
        error_set(err, ERROR_DENIED,
                  "%s at %s is no TKA server: its node has none of the tags %s%s", name, address,
                  config->server_tags.count > 0 ? config->server_tags.items[0] : "",
                  config->server_tags.count > 1 ? ", ..." : "");
        return error_advise(err, "if you know it to be yours: --node-id %s", whois->node_id);
}

static bool confirm(const struct config *config, struct tailscale *tailscale, const char *address,
                    const struct text_list *own, bool *online, struct error *err)
{
        scoped(tailscale_whois_clear) struct tailscale_whois whois = { 0 };
        scoped_free char *endpoint = xasprintf(strchr(address, ':') ? "[%s]:0" : "%s:0", address);

        if (!tailscale_whois(tailscale, endpoint, &whois, err)) {
                if (err->kind != ERROR_NOT_FOUND)
                        return error_wrap(err, "asking tailscaled about %s", address);
                error_set(err, ERROR_DENIED, "%s is no node of your tailnet", address);
                return error_advise(err, "only an https URL can be used for it");
        }
        if (whois.expired)
                return error_set(err, ERROR_DENIED, "%s: the node's key has expired", address);
        if (!is_trusted(config, whois.node_id, &whois.tags))
                return refuse_node(config, &whois, address, err);
        *online = whois.online;
        if (leads_through_tailnet(address, own))
                return true;
        error_set(err, ERROR_UNAVAILABLE, "the way to %s does not lead through tailscaled",
                  address);
        return error_advise(err, "use an https URL");
}

bool peer_find(const struct peer_question *question, char **address, bool *online,
               struct error *err)
{
        const struct config *config = question->config;
        scoped(close_tailscale) struct tailscale *tailscale =
                tailscale_new(question->loop, config->socket);
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
        scoped(text_list_clear) struct text_list addresses = { 0 };

        const struct search search = { question, tailscale };

        tailscale_hurry(tailscale, question->deadline_ms);
        if (!find_addresses(&search, &status, &addresses, err))
                return false;
        for (size_t i = 0; i < addresses.count; i++) {
                struct error first = *err;
                if (confirm(config, tailscale, addresses.items[i], &status.self.addresses, online,
                            err)) {
                        *address = xstrdup(addresses.items[i]);
                        return true;
                }
                if (i > 0)
                        *err = first;
        }
        return false;
}
