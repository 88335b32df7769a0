#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/credential.h"
#include "kubectl-tka/exec_info.h"
#include "kubectl-tka/local/failure.h"
#include "kubectl-tka/local/journal.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/receipt.h"
#include "kubectl-tka/local/tailnet.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/flight.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/session.h"
#include "lib/file.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/signin.h"

#define FLIGHT_MS 8500
#define ASK_MS 8300 /* less than FLIGHT_MS: who waits hears of it */
#define KEYRING_MS 1500
#define REFRESH_MS 4000 /* while there is a token to fall back on */

struct run {
        const struct config *config;
        struct cache_key key;
        unsigned tiers;
        struct parent parent;
        int64_t deadline_ms; /* of loop_now_ms() */
        bool replaced;       /* a token that the API server had refused */
};

static int64_t at_most(int64_t limit_ms, const struct run *run)
{
        int64_t left_ms = loop_left_ms(run->deadline_ms);

        return left_ms < limit_ms ? left_ms : limit_ms;
}

static const char *or_empty(const char *text)
{
        return text ? text : "";
}

static struct cache_key key_of(const struct config *config)
{
        return (struct cache_key){ .server = or_empty(config->server),
                                   .ca_hash = or_empty(config->ca_hash),
                                   .cluster = or_empty(config->cluster),
                                   .role = or_empty(config->role) };
}

static bool check_key(const struct config *config, struct error *err)
{
        const struct {
                const char *flag, *value;
        } needed[] = {
                { "--server",  config->server  },
                { "--ca-hash", config->ca_hash },
                { "--cluster", config->cluster }
        };

        for (size_t i = 0; i < ARRAY_LENGTH(needed); i++)
                if (!needed[i].value)
                        return error_set(err, ERROR_INVALID, "%s is missing", needed[i].flag);
        return true;
}

static bool read_tiers(const char *mode, unsigned *tiers, struct error *err)
{
        return cache_mode_parse(mode, tiers) ||
               error_set(err, ERROR_INVALID, "there is no cache \"%s\"", mode);
}

/* What the cache holds for this machine as the tailnet node it is now, fresh or not. */
static void read_own(const struct run *run, struct cache_entry *entry)
{
        struct error miss = { 0 };
        scoped_free char *shown = tailnet_addresses();

        if (cache_read(run->tiers, &run->key, entry, &miss) &&
            !tailnet_is_same(entry->addresses, shown))
                cache_entry_clear(entry);
}

/* A login with --for or --reason ends when it ends: a token asked for within the time in which the
 * server renews would start another session, without what the person said. */
static bool may_renew(const struct cache_key *key, int64_t now)
{
        scoped(mark_clear) struct mark mark = { 0 };

        mark_read(key, &mark);
        return !mark.once || now < mark.until - signin_renewal_seconds(mark.period_seconds);
}

static bool refuse_renewal(const struct run *run, struct error *err)
{
        scoped_free char *command = mark_login_command(&run->key);

        error_set(err, ERROR_UNAUTHENTICATED, "the session at %s has ended: run \"%s\"",
                  run->key.cluster, command);
        failure_note(&run->key, &run->parent, err);
        return false;
}

/* Without a place to keep it the token still serves this call. */
static void keep(const struct run *run, struct cache_entry *entry)
{
        struct cache_wish wish = { .tiers = run->tiers, .timeout_ms = at_most(KEYRING_MS, run) };
        const char *place = NULL;
        struct error problem = { 0 };

        if (wish.timeout_ms == 0)
                wish.tiers &= ~(1U << CACHE_KEYRING);
        if (wish.tiers && cache_write(&wish, &run->key, entry, &place, &problem))
                journal_add("the token is kept in %s", place);
        else if (wish.tiers)
                journal_add("the token is not kept: %s", problem.text);
}

static bool fetch(const struct run *run, struct server *server, struct cache_entry *entry,
                  struct error *err)
{
        const struct cache_key *key = &run->key;
        scoped(login_request_clear) struct login_request request = {
                .role = key->role[0] ? xstrdup(key->role) : NULL
        };
        scoped(mark_clear) struct mark mark = { 0 };
        scoped_free char *url = NULL;

        if (!config_server_url(run->config, key->server, &url, err) ||
            !server_connect(server, run->config, url, err) ||
            !session_fetch(server, &request, entry, err))
                return false;
        journal_add("%s gave a token for %s", url, key->cluster);
        mark_read(key, &mark);
        if (mark.once)
                entry->renewable = false;
        keep(run, entry);
        return session_is_wanted(server, key, entry, err);
}

/* Whether the server has judged, or might be another: then the old token is not served either. */
static bool is_refusal(const struct error *err)
{
        bool judged = err->http_status >= 400 && err->http_status < 500;

        return err->kind == ERROR_DENIED || err->kind == ERROR_UNAUTHENTICATED ||
               (judged && err->kind != ERROR_UNAVAILABLE);
}

static bool is_alive(const struct cache_entry *entry)
{
        return !secret_is_empty(&entry->token) && token_is_alive(entry, timestamp_now());
}

/* The client came again for the token it has. A session that is not renewed is not begun anew
 * either. */
static bool was_refused(const struct run *run, const struct cache_entry *entry)
{
        scoped(mark_clear) struct mark mark = { 0 };
        bool refused = false;

        if (!exec_info_is_given() || !is_alive(entry))
                return false;
        mark_read(&run->key, &mark);
        if (!mark.once)
                receipt_check(&run->key, &run->parent, entry, &refused);
        return refused;
}

/* The old token, where the server has not judged. */
static bool serves_on(const struct cache_entry *entry, const struct error *err)
{
        return !is_refusal(err) && is_alive(entry);
}

/* Who gets the old token is told nothing: the next call hears of it. */
static void note_failure(const struct run *run, const struct cache_entry *entry,
                         const struct error *err)
{
        static const struct parent nobody = { 0 };
        bool told = !serves_on(entry, err);

        failure_note(&run->key, told ? &run->parent : &nobody, err);
        if (!told)
                receipt_hold(&run->key, RECEIPT_UNANSWERED_MS);
}

/* One asks, and tells those who waited for it also that there was no answer. */
static bool ask(struct run *run, struct server *server, struct cache_entry *entry,
                struct error *err)
{
        if (is_alive(entry))
                server_hurry(server, REFRESH_MS);
        if (fetch(run, server, entry, err)) {
                receipt_hold(&run->key, run->replaced ? RECEIPT_REPLACED_MS : RECEIPT_FETCHED_MS);
                failure_forget(&run->key);
                return true;
        }
        journal_add("%s", err->text);
        note_failure(run, entry, err);
        return false;
}

/* Leaves in *entry a token that may be served: the cache's, or the server's. */
static bool refresh(struct run *run, struct cache_entry *entry, struct error *err)
{
        scoped(server_clear) struct server server = { 0 };
        scoped(flight_end) int lock = -1;
        int64_t began_ms = parent_clock_ms();

        server_init(&server, loop_left_ms(run->deadline_ms));
        if (run->tiers) {
                flight_begin(server.loop, &run->key, at_most(FLIGHT_MS, run), &lock);
                server_hurry(&server, ASK_MS);
                read_own(run, entry);
        }
        if (!mark_check(&run->key, err)) /* again: a logout may have come meanwhile */
                return false;
        bool refused = was_refused(run, entry);
        if (is_alive(entry) && token_is_fresh(entry, timestamp_now()) && !refused)
                return true;
        if (!refused && !may_renew(&run->key, timestamp_now()))
                return is_alive(entry) || refuse_renewal(run, err);
        if (failure_since(&run->key, began_ms, err)) {
                if (serves_on(entry, err))
                        return true;
                failure_note(&run->key, &run->parent, err);
                return false;
        }
        run->replaced = refused;
        return ask(run, &server, entry, err) || serves_on(entry, err);
}

bool cmd_credential(const struct config *config, struct error *err)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        struct run run = { .config = config,
                           .key = key_of(config),
                           .deadline_ms = loop_now_ms() + credential_set_deadline() };
        const char *api_version = NULL;

        if (!exec_info_read(getenv("KUBERNETES_EXEC_INFO"), &api_version, err) ||
            !check_key(config, err) || !read_tiers(config->cache, &run.tiers, err) ||
            !mark_check(&run.key, err))
                return credential_refuse(&run.key, err);
        file_forbid_core_dumps();
        parent_read(&run.parent);
        if (!refresh(&run, &entry, err) ||
            !credential_print(api_version, &entry, timestamp_now(), err))
                return false;
        if (exec_info_is_given())
                receipt_note(&run.key, &run.parent, &entry);
        return true;
}
