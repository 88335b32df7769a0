#include "lib/http/http_peers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

#define ROWS 256

struct http_peer {
        struct http_peer *next, **link;
        size_t count;
        char name[];
};

struct http_peers {
        struct http_peer *rows[ROWS];
};

struct http_peers *http_peers_new(void)
{
        return xcalloc(1, sizeof(struct http_peers));
}

void http_peers_free(struct http_peers *peers)
{
        if (!peers)
                return;
        for (size_t i = 0; i < ROWS; i++)
                assert(!peers->rows[i]);
        free(peers);
}

static struct http_peer **find_row(struct http_peers *peers, const char *name)
{
        size_t sum = 5381;

        for (; *name; name++)
                sum = sum * 33 + (unsigned char)*name;
        return &peers->rows[sum % ROWS];
}

static struct http_peer *add(struct http_peer **row, const char *name)
{
        size_t size = strlen(name) + 1;
        struct http_peer *peer = xcalloc(1, sizeof(*peer) + size);

        memcpy(peer->name, name, size);
        peer->next = *row;
        peer->link = row;
        if (peer->next)
                peer->next->link = &peer->next;
        *row = peer;
        return peer;
}

struct http_peer *http_peers_join(struct http_peers *peers, const char *name, size_t limit)
{
        struct http_peer **row = find_row(peers, name);
        struct http_peer *peer = *row;

        while (peer && strcmp(peer->name, name) != 0)
                peer = peer->next;
        if (peer && peer->count >= limit)
                return NULL;
        if (!peer)
                peer = add(row, name);
        peer->count++;
        return peer;
}

void http_peers_leave(struct http_peer *peer)
{
        if (!peer || --peer->count > 0)
                return;
        *peer->link = peer->next;
        if (peer->next)
                peer->next->link = peer->link;
        free(peer);
}
