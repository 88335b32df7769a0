#include "server/place.h"

#include <string.h>

#include "lib/memory.h"
#include "server/signin_store.h"

static bool is_live(const struct server *server, const char *name)
{
        const struct signin *signin = signin_store_find(server->signins, name);

        return signin != NULL && signin->deletion_at == 0;
}

static size_t count_there(const struct server *server, const struct tailscale_whois *whois,
                          const char *name)
{
        size_t count = 0;

        for (size_t i = 0; i < signin_store_count(server->signins); i++) {
                const struct signin *signin = signin_store_at(server->signins, i);

                count += signin_belongs_to(signin, whois->login, whois->node_id) &&
                         signin->deletion_at == 0 && strcmp(signin->name, name) != 0;
        }
        return count;
}

/* The names of the list from there on: two that begin the same session take one place. */
static bool is_named(const struct place *place, const char *name)
{
        for (; place != NULL; place = place->next)
                if (strcmp(place->name, name) == 0)
                        return true;
        return false;
}

static size_t count_begun(const struct server *server, const struct tailscale_whois *whois,
                          const char *name)
{
        size_t count = 0;

        for (const struct place *place = server->places; place != NULL; place = place->next)
                count += strcmp(place->whois->login, whois->login) == 0 &&
                         strcmp(place->whois->node_id, whois->node_id) == 0 &&
                         strcmp(place->name, name) != 0 && !is_live(server, place->name) &&
                         !is_named(place->next, place->name);
        return count;
}

/* Roles times namespaces are many: nobody fills the cluster with sessions of one device. Counted
 * and taken without a wait between. */
bool place_take(struct server *server, const struct tailscale_whois *whois, const char *name,
                struct place *place, struct error *err)
{
        size_t count = count_there(server, whois, name) + count_begun(server, whois, name);

        if (count >= LIMIT_NODE_SESSIONS && !is_live(server, name)) {
                error_set(err, ERROR_DENIED, "there are %zu sessions of %s on this device already",
                          count, whois->login);
                return error_advise(err, "run 'kubectl tka logout' to end them");
        }
        *place = (struct place){ &server->places, server->places, whois, name };
        server->places = place;
        return true;
}

void place_leave(struct place *place)
{
        struct place **link = place->first;

        if (link == NULL)
                return;
        while (*link != place)
                link = &(*link)->next;
        *link = place->next;
        place->first = NULL;
}
