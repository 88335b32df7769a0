#include "server/place.h"

#include <string.h>

#include "lib/memory.h"
#include "server/signin_store.h"

static bool is_live(const struct server *server, const char *name)
{
        const struct signin *signin = signin_store_find(server->signins, name);

        return signin != NULL && signin->deletion_at == 0;
}

/* Of those that have not begun to end, or of those that have. */
static size_t count_there(const struct server *server, const struct tailscale_whois *whois,
                          const char *name, bool ending)
{
        size_t count = 0;

        for (size_t i = 0; i < signin_store_count(server->signins); i++) {
                const struct signin *signin = signin_store_at(server->signins, i);

                count += signin_belongs_to(signin, whois->login, whois->node_id) &&
                         (signin->deletion_at != 0) == ending && strcmp(signin->name, name) != 0;
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

/* Roles times namespaces are many: nobody fills the cluster with sessions of one device. Those that
 * end have objects until the operator has been there. As many of them as of others are let be: who
 * signs out of all and in again is not to wait for it. */
static bool check_room(const struct server *server, const struct tailscale_whois *whois,
                       const char *name, struct error *err)
{
        size_t live = count_there(server, whois, name, false) + count_begun(server, whois, name);
        size_t ending = count_there(server, whois, name, true);

        if (live >= LIMIT_NODE_SESSIONS) {
                error_set(err, ERROR_DENIED, "there are %zu sessions of %s on this device already",
                          live, whois->login);
                return error_advise(err, "run 'kubectl tka logout' to end them");
        }
        return live + ending < LIMIT_NODE_SESSIONS_HELD ||
               error_set(err, ERROR_UNAVAILABLE,
                         "%zu sessions of %s on this device are still being taken down", ending,
                         whois->login);
}

/* Counted and taken without a wait between. */
bool place_take(struct server *server, const struct tailscale_whois *whois, const char *name,
                struct place *place, struct error *err)
{
        if (!is_live(server, name) && !check_room(server, whois, name, err))
                return false;
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
