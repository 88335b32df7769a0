#include "operator/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/api/kube.h"
#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "operator/lease_record.h"

#define ATTEMPT_MS (LEASE_RENEW_MS / 2) /* all calls of one look */
#define WRITE_MARGIN_MS 1000 /* before others may take it: for what the API server has in hand */
#define IDENTITY_SIZE 128
#define RELEASE_TRIES 3

enum outcome {
        OURS,
        HELD,
        UNKNOWN, /* the error says why */
};

struct lease {
        struct lease_options options;
        char identity[IDENTITY_SIZE];
        char *collection, *path;
        struct fiber *fiber;
        bool stopped;

        json_t *object;        /* as last read or written, or NULL */
        int64_t changed_at_ms; /* when we saw that it had changed */
        int64_t renewed_at_ms; /* when we asked for the last renewal that worked */
        bool leading;
        uint64_t term;
        bool known; /* the last look told who holds it */
        struct error trouble;
};

static bool is_mine(const struct lease *lease)
{
        return lease->object != NULL &&
               strcmp(lease_record_holder(lease->object), lease->identity) == 0;
}

static bool is_held_by_another(const struct lease *lease)
{
        int64_t ends_at_ms = lease->changed_at_ms + lease_record_duration_ms(lease->object);

        return *lease_record_holder(lease->object) != '\0' && !is_mine(lease) &&
               ends_at_ms > loop_now_ms();
}

bool lease_is_ours(const struct lease *lease)
{
        return lease->leading && loop_now_ms() < lease->renewed_at_ms + LEASE_RENEW_MS;
}

uint64_t lease_term(const struct lease *lease)
{
        return lease->term;
}

bool lease_allows_write(const struct lease *lease, struct error *err)
{
        if (!lease_is_ours(lease))
                return error_set(err, ERROR_UNAVAILABLE, "the lease is not ours any more");
        fiber_set_deadline(lease->renewed_at_ms + LEASE_SECONDS * 1000LL - WRITE_MARGIN_MS);
        return true;
}

void lease_relax(void)
{
        fiber_set_deadline(0);
}

const char *lease_holder(const struct lease *lease)
{
        return lease->object == NULL ? "" : lease_record_holder(lease->object);
}

bool lease_check(const struct lease *lease, struct error *err)
{
        if (lease->known || lease_is_ours(lease))
                return true;
        return error_set(err, ERROR_UNAVAILABLE, "%s",
                         lease->trouble.text[0] == '\0' ? "the lease was not read yet"
                                                        : lease->trouble.text);
}

static void remember(struct lease *lease, json_t *object)
{
        if (lease->object == NULL || !lease_record_equals(lease->object, object))
                lease->changed_at_ms = loop_now_ms();
        json_decref(lease->object);
        lease->object = json_incref(object);
}

static bool take_it(struct lease *lease, struct error *err)
{
        int64_t asked_ms = loop_now_ms();
        json_auto_t *answer = NULL;
        json_auto_t *body =
                lease->object == NULL
                        ? lease_record_create(lease->options.namespace_name, lease->options.name,
                                              lease->identity, LEASE_SECONDS, timestamp_now_us())
                        : lease_record_take(lease->object, lease->identity, LEASE_SECONDS,
                                            timestamp_now_us());

        if (lease->object == NULL
                    ? !kube_create(lease->options.kube, lease->collection, body, &answer, err)
                    : !kube_replace(lease->options.kube, lease->path, body, &answer, err))
                return error_wrap(err, "taking lease %s", lease->options.name);
        remember(lease, answer);
        lease->renewed_at_ms = asked_ms;
        return true;
}

static bool look(struct lease *lease, struct error *err)
{
        json_auto_t *answer = NULL;

        if (kube_get(lease->options.kube, lease->path, &answer, err)) {
                remember(lease, answer);
                return true;
        }
        if (err->kind != ERROR_NOT_FOUND)
                return error_wrap(err, "reading lease %s", lease->options.name);
        json_decref(take(lease->object));
        return true;
}

/* Once around client-go's loop: renew without looking while it is ours, else look, then take what
 * is free or over. */
static enum outcome try_once(struct lease *lease, struct error *err)
{
        struct error stale = { 0 };

        if (is_mine(lease) && lease_is_ours(lease) && take_it(lease, &stale))
                return OURS;
        if (!look(lease, err))
                return UNKNOWN;
        if (lease->object != NULL && is_held_by_another(lease))
                return HELD;
        return take_it(lease, err) ? OURS : UNKNOWN;
}

static void set_leading(struct lease *lease, bool leading, const char *reason)
{
        if (lease->leading == leading)
                return;
        lease->leading = leading;
        lease->term += leading;
        log_event(leading ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
                  leading ? "the lease is ours: working" : "the lease is lost: standing by",
                  "lease", lease->options.name, "identity", lease->identity, "holder",
                  lease_holder(lease), "error", reason, NULL);
        if (!leading)
                lease->options.changed(lease->options.owner, false);
}

static void note_another(struct lease *lease)
{
        if (!lease->known && !lease->leading)
                log_event(LOG_LEVEL_INFO, "standing by: another operator works", "lease",
                          lease->options.name, "holder", lease_holder(lease), NULL);
        lease->known = true;
        set_leading(lease, false, NULL);
}

static void note_trouble(struct lease *lease, const struct error *err)
{
        if (lease->known || lease->trouble.text[0] == '\0')
                log_event(LOG_LEVEL_WARN, "the lease cannot be had, trying again", "lease",
                          lease->options.name, "error", err->text, NULL);
        lease->known = false;
        lease->trouble = *err;
        if (!lease_is_ours(lease))
                set_leading(lease, false, err->text);
}

static void attempt(struct lease *lease)
{
        struct error err = { 0 };

        fiber_set_deadline(loop_now_ms() + ATTEMPT_MS);
        enum outcome outcome = try_once(lease, &err);
        fiber_set_deadline(0);
        if (lease->stopped)
                return;
        switch (outcome) {
        case OURS:
                lease->known = true;
                set_leading(lease, true, NULL);
                lease->options.changed(lease->options.owner, true);
                break;
        case HELD:
                note_another(lease);
                break;
        case UNKNOWN:
        default:
                note_trouble(lease, &err);
                break;
        }
}

/* Whoever waits does so for one to 2.2 times as long, so that not all come at once; whoever holds
 * it varies a little, as each answer says something about the API server's clock. */
static int64_t delay_ms(const struct lease *lease)
{
        uint32_t spread_ms = lease->leading ? LEASE_RETRY_MS / 10 : LEASE_RETRY_MS * 12 / 10;

        return LEASE_RETRY_MS + arc4random_uniform(spread_ms);
}

static void run_lease(void *argument)
{
        struct lease *lease = argument;
        struct error err = { 0 };

        do {
                attempt(lease);
        } while (!lease->stopped && wait_ms(lease->options.loop, delay_ms(lease), &err));
        lease->fiber = NULL;
}

/* The pod's name is not enough: one of a StatefulSet comes back under the same. */
static void make_identity(char identity[IDENTITY_SIZE])
{
        char host[65] = "tka-operator";
        unsigned long long random[2];

        if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
                snprintf(host, sizeof(host), "tka-operator");
        arc4random_buf(random, sizeof(random));
        snprintf(identity, IDENTITY_SIZE, "%s_%016llx%016llx", host, random[0], random[1]);
}

struct lease *lease_start(const struct lease_options *options)
{
        static const struct kube_resource resource = { "coordination.k8s.io", "v1", "leases" };
        struct lease *lease = xcalloc(1, sizeof(*lease));

        lease->options = *options;
        make_identity(lease->identity);
        lease->collection = kube_path(&resource, options->namespace_name, NULL, NULL);
        lease->path = kube_path(&resource, options->namespace_name, options->name, NULL);
        lease->fiber = fiber_start(options->loop, run_lease, lease);
        return lease;
}

static bool release(struct lease *lease, struct error *err)
{
        json_auto_t *body = NULL;

        if (!is_mine(lease))
                return true;
        body = lease_record_release(lease->object, timestamp_now_us());
        return kube_replace(lease->options.kube, lease->path, body, NULL, err);
}

/* A renewal that was cut short may have been carried out: then ours is not the newest version. */
void lease_stop(struct lease *lease, int64_t timeout_ms)
{
        struct error err = { 0 };
        bool released = false;

        lease->stopped = true;
        lease->leading = false;
        if (lease->fiber != NULL)
                fiber_cancel(lease->fiber);
        if (timeout_ms == 0)
                return;
        fiber_set_deadline(loop_now_ms() + timeout_ms);
        for (int i = 0; i < RELEASE_TRIES && !(released = release(lease, &err)); i++)
                if (err.kind != ERROR_CONFLICT || !look(lease, &err))
                        break;
        fiber_set_deadline(0);
        if (!released)
                log_event(LOG_LEVEL_WARN, "the lease was not given back", "lease",
                          lease->options.name, "error", err.text, NULL);
}

void lease_free(struct lease *lease)
{
        if (lease == NULL)
                return;
        json_decref(lease->object);
        free(lease->collection);
        free(lease->path);
        free(lease);
}
