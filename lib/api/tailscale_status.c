#include "lib/api/tailscale_status.h"

#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/memory.h"

#define CERTIFICATE_DOMAINS_MAX 8
#define HOST_NAME_BYTES 1024

bool tailscale_check_not_empty(const char *text, const char *name, struct error *err)
{
        return (text && *text) || error_set(err, ERROR_UNAVAILABLE, "\"%s\" is empty", name);
}

/* The first is read by itself. */
static const struct json_field peer_members[] = {
        { "HostName",     JSON_KIND_TEXT,      offsetof(struct tailscale_peer, name),      false, 0    },
        { "ID",           JSON_KIND_TEXT,      offsetof(struct tailscale_peer, node_id),   true,  256  },
        { "DNSName",      JSON_KIND_TEXT,      offsetof(struct tailscale_peer, dns_name),  false, 1024 },
        { "TailscaleIPs", JSON_KIND_TEXT_LIST, offsetof(struct tailscale_peer, addresses), false,
         64                                                                                            },
        { "Tags",         JSON_KIND_TEXT_LIST, offsetof(struct tailscale_peer, tags),      false, 1024 },
        { "Online",       JSON_KIND_BOOL,      offsetof(struct tailscale_peer, online),    false, 0    },
};
#define PEER_FIELDS (peer_members + 1), (ARRAY_LENGTH(peer_members) - 1)

/* The device itself chose it, the control plane did not: what cannot be read is no name. */
static char *read_host_name(const json_t *object)
{
        const char *name = json_text_at(object, "HostName");

        return xstrdup(name && strlen(name) <= HOST_NAME_BYTES ? name : NULL);
}

static bool read_peer(const json_t *object, struct tailscale_peer *peer, struct error *err)
{
        if (!json_is_object(object))
                return error_set(err, ERROR_UNAVAILABLE, "no object");
        if (!json_fields_read(object, PEER_FIELDS, peer, err))
                return false;
        peer->name = read_host_name(object);
        return tailscale_check_not_empty(peer->node_id, "ID", err);
}

/* One that cannot be read spoils the answer: a peer left out would look as if it were gone. */
static bool read_peers(const json_t *object, struct tailscale_status *status, struct error *err)
{
        json_t *peers = json_object_get(object, "Peer");
        const char *key;
        json_t *peer;

        if (!peers || json_is_null(peers))
                return true;
        if (!json_is_object(peers))
                return error_set(err, ERROR_UNAVAILABLE, "\"Peer\" has the wrong type");
        status->peers = xcalloc(json_object_size(peers), sizeof(*status->peers));
        json_object_foreach(peers, key, peer)
        {
                if (!read_peer(peer, &status->peers[status->peer_count++], err))
                        return error_wrap(err, "\"Peer\" \"%s\"", key);
        }
        return true;
}

/* Before the first login there may be no node of our own. */
static bool read_self(const json_t *object, struct tailscale_status *status, struct error *err)
{
        const json_t *self = json_object_get(object, "Self");
        bool up = strcmp(status->backend_state, "Running") == 0;

        if (!up && !json_text_at(self, "ID"))
                return true;
        if (!read_peer(self, &status->self, err))
                return error_wrap(err, "\"Self\"");
        status->running = up && status->self.addresses.count > 0;
        return true;
}

static void read_domains(const json_t *array, struct text_list *domains)
{
        for (size_t i = 0; i < json_array_size(array) && i < CERTIFICATE_DOMAINS_MAX; i++)
                if (json_is_string(json_array_get(array, i)))
                        text_list_add(domains, json_string_value(json_array_get(array, i)));
}

static bool read_status(const json_t *object, struct tailscale_status *status, struct error *err)
{
        const char *state = json_text_at(object, "BackendState");

        if (!tailscale_check_not_empty(state, "BackendState", err))
                return false;
        status->backend_state = xstrdup(state);
        status->tun = json_bool_at(object, "TUN", false);
        read_domains(json_object_get(object, "CertDomains"), &status->certificate_domains);
        return read_self(object, status, err) && read_peers(object, status, err);
}

/* Every device of the tailnet has written into it: what one of them calls itself keeps nobody from
 * knowing the others. Of a peer's two kilobytes we read a tenth, and there may be ten thousand. */
static const struct json_section status_sections[] = {
        { "BackendState", NULL,         0,                          false },
        { "TUN",          NULL,         0,                          false },
        { "CertDomains",  NULL,         0,                          false },
        { "Self",         peer_members, ARRAY_LENGTH(peer_members), false },
        { "Peer",         peer_members, ARRAY_LENGTH(peer_members), true  },
};

void tailscale_status_begin(struct json_excerpt *excerpt)
{
        json_excerpt_init(excerpt, status_sections, ARRAY_LENGTH(status_sections),
                          LIMIT_TAILSCALE_STATUS_READ);
}

static bool refuse(struct error *err)
{
        (void)error_wrap(err, "the answer of tailscaled");
        err->kind = ERROR_UNAVAILABLE;
        return false;
}

bool tailscale_status_end(const struct json_excerpt *excerpt, struct tailscale_status *status,
                          struct error *err)
{
        scoped(tailscale_status_clear) struct tailscale_status filled = { 0 };
        json_auto_t *object = NULL;

        if (!json_excerpt_finish_shared(excerpt, &object, err) ||
            !read_status(object, &filled, err))
                return refuse(err);
        tailscale_status_clear(status);
        *status = filled;
        filled = (struct tailscale_status){ 0 };
        return true;
}

bool tailscale_status_decode(const char *text, size_t length, struct tailscale_status *status,
                             struct error *err)
{
        scoped(json_excerpt_clear) struct json_excerpt excerpt = { 0 };

        tailscale_status_begin(&excerpt);
        if (!json_excerpt_take(&excerpt, text, length, err))
                return refuse(err);
        return tailscale_status_end(&excerpt, status, err);
}

static void clear_peer(struct tailscale_peer *peer)
{
        json_fields_clear(peer_members, ARRAY_LENGTH(peer_members), peer);
}

void tailscale_status_clear(struct tailscale_status *status)
{
        free(status->backend_state);
        text_list_clear(&status->certificate_domains);
        clear_peer(&status->self);
        for (size_t i = 0; i < status->peer_count; i++)
                clear_peer(&status->peers[i]);
        free(status->peers);
        *status = (struct tailscale_status){ 0 };
}
