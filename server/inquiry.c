#include "server/inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "lib/api/tailscale.h"
#include "lib/fiber.h"
#include "lib/memory.h"

/* One question. Until it is sent, requests from its address join it. */
struct inquiry {
        struct inquiry *next;
        char *address;
        size_t holders; /* who will read the answer */
        bool sent, answered, known;
        struct tailscale_whois whois;
        struct error err;
        struct wait_crowd over; /* answered or given up */
};

struct inquiries {
        struct loop *loop;
        bool (*ask)(void *owner, const char *peer, struct tailscale_whois *whois,
                    struct error *err);
        void *owner;
        struct inquiry *first; /* open ones: at most two of an address, one of them sent */
};

struct inquiries *inquiries_new(struct loop *loop,
                                bool (*ask)(void *owner, const char *peer,
                                            struct tailscale_whois *whois, struct error *err),
                                void *owner)
{
        struct inquiries *inquiries = xcalloc(1, sizeof(*inquiries));

        *inquiries = (struct inquiries){ .loop = loop, .ask = ask, .owner = owner };
        return inquiries;
}

void inquiries_free(struct inquiries *inquiries)
{
        free(inquiries);
}

static struct inquiry *find_open(const struct inquiries *inquiries, const char *address, bool sent)
{
        struct inquiry *inquiry = inquiries->first;

        while (inquiry != NULL && (inquiry->sent != sent || strcmp(inquiry->address, address) != 0))
                inquiry = inquiry->next;
        return inquiry;
}

static struct inquiry *open_inquiry(struct inquiries *inquiries, const char *address)
{
        struct inquiry *inquiry = xcalloc(1, sizeof(*inquiry));

        inquiry->address = xstrdup(address);
        inquiry->next = inquiries->first;
        inquiries->first = inquiry;
        return inquiry;
}

/* From here on nobody finds it; those who wait go on. */
static void close_inquiry(struct inquiries *inquiries, struct inquiry *inquiry)
{
        struct inquiry **link = &inquiries->first;

        while (*link != inquiry)
                link = &(*link)->next;
        *link = inquiry->next;
        wait_wake_all(&inquiry->over);
}

static struct inquiry *hold(struct inquiry *inquiry)
{
        inquiry->holders++;
        return inquiry;
}

static void let_go(struct inquiry **held)
{
        struct inquiry *inquiry = *held;

        if (inquiry == NULL || --inquiry->holders > 0)
                return;
        tailscale_whois_clear(&inquiry->whois);
        free(inquiry->address);
        free(inquiry);
}

/* For one address there is one question at a time. */
static bool await_turn(struct inquiries *inquiries, const char *address, struct error *err)
{
        struct inquiry *sent = find_open(inquiries, address, true);
        scoped(let_go) struct inquiry *held = sent != NULL ? hold(sent) : NULL;

        return held == NULL || wait_among(inquiries->loop, &held->over, INQUIRY_WAIT_MS, err);
}

/* That a request ended while it asked says nothing of who is there: the others ask again. */
static bool gave_up(const struct inquiry *inquiry)
{
        return !inquiry->known && (fiber_is_cancelled() || fiber_deadline_has_passed());
}

static void send_inquiry(struct inquiries *inquiries, struct inquiry *inquiry, const char *peer)
{
        if (await_turn(inquiries, inquiry->address, &inquiry->err)) {
                inquiry->sent = true;
                inquiry->known =
                        inquiries->ask(inquiries->owner, peer, &inquiry->whois, &inquiry->err);
        }
        inquiry->answered = !gave_up(inquiry);
        close_inquiry(inquiries, inquiry);
}

static void copy_whois(const struct tailscale_whois *whois, struct tailscale_whois *copy)
{
        *copy = (struct tailscale_whois){
                .login = xstrdup(whois->login),
                .user_id = xstrdup(whois->user_id),
                .node_id = xstrdup(whois->node_id),
                .node_name = xstrdup(whois->node_name),
                .expired = whois->expired,
                .online = whois->online,
                .capabilities = json_incref(whois->capabilities),
        };
        text_list_add_all(&copy->tags, &whois->tags);
}

static bool read_answer(const struct inquiry *inquiry, struct tailscale_whois *whois,
                        struct error *err)
{
        if (inquiry->known)
                copy_whois(&inquiry->whois, whois);
        else
                *err = inquiry->err;
        return inquiry->known;
}

bool inquiries_ask(struct inquiries *inquiries, const char *address, const char *peer,
                   struct tailscale_whois *whois, struct error *err)
{
        for (;;) {
                struct inquiry *open = find_open(inquiries, address, false);
                scoped(let_go) struct inquiry *inquiry =
                        hold(open != NULL ? open : open_inquiry(inquiries, address));

                if (open == NULL)
                        send_inquiry(inquiries, inquiry, peer);
                else if (!wait_among(inquiries->loop, &inquiry->over, INQUIRY_WAIT_MS, err))
                        return false;
                if (inquiry->answered || open == NULL)
                        return read_answer(inquiry, whois, err);
        }
}
