#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/local/failure.h"
#include "kubectl-tka/local/glance.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/errand.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/session.h"
#include "kubectl-tka/remote/table.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/routes.h"

#define DEADLINE_MS 20000
#define KEYRING_MS 3000

static const struct output_column columns[] = {
        { "CONTEXT", "context", OUTPUT_TEXT },
        { "ROLE",    "role",    OUTPUT_TEXT },
        { "UNTIL",   "until",   OUTPUT_TIME },
};
static const struct output_view view = { columns, ARRAY_LENGTH(columns), "context" };

static bool refuse(const struct errand *errand, struct error *err)
{
        error_set(err, ERROR_UNAUTHENTICATED, "there is no session at %s to refresh",
                  errand_name(errand));
        return error_advise(err, "\"%s login %s\" begins one", errand->config->program,
                            errand_name(errand));
}

static bool check_session(struct errand *errand, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(login_clear) struct login login = { 0 };

        if (!server_get(&errand->server, ROUTE_LOGIN, &reply, err))
                return err->kind == ERROR_UNAUTHENTICATED && refuse(errand, err);
        return login_decode(buf_text(&reply.body), reply.body.length, &login, err) ||
               error_wrap(err, "reading the answer of %s", errand->url);
}

/* What a person limited on purpose is not lengthened in passing. */
static bool refuse_limited(const struct target *target, struct error *err)
{
        scoped(mark_clear) struct mark mark = { 0 };
        scoped_free char *command = mark_login_command(&target->key);

        mark_read(&target->key, &mark);
        error_set(err, ERROR_INVALID, "%s: the session was begun with --for or --reason%s",
                  target->context,
                  mark.until > 0 && mark.until <= timestamp_now() ? ", and is over" : "");
        return error_advise(err, "\"%s\" begins another", command);
}

static bool is_held(const struct target *target, enum cache_tier *tier)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };

        return glance(&target->key, &entry, tier);
}

/* Where the plugin looks for it, and nowhere else: the login has said where tokens may lie. What it
 * said in another kubeconfig is not known here: then the token lies where the one before it does.
 */
static bool find_tiers(const struct errand *errand, const struct target *target, unsigned *tiers,
                       struct error *err)
{
        const char *usual = errand->config->cache;
        enum cache_tier tier = CACHE_FILE;

        if (target_cache(&errand->files, target, tiers))
                return true;
        if (!target_list_has(&errand->book.known, target)) {
                *tiers = is_held(target, &tier) ? 1U << tier : 0;
                return true;
        }
        return cache_mode_parse(usual, tiers) ||
               error_set(err, ERROR_INVALID, "there is no cache \"%s\"", usual);
}

static bool keep(const struct errand *errand, const struct target *target,
                 struct cache_entry *entry, struct error *err)
{
        struct cache_wish wish = { .timeout_ms = KEYRING_MS };
        const char *place = NULL;
        struct error problem = { 0 };

        if (!find_tiers(errand, target, &wish.tiers, err))
                return false;
        if (wish.tiers && !cache_write(&wish, &target->key, entry, &place, &problem))
                report_warning("the token is not kept: %s", problem.text);
        failure_forget(&target->key);
        return true;
}

static json_t *describe(const struct target *target, const struct cache_entry *entry)
{
        char text[TIMESTAMP_TEXT_SIZE];
        json_t *item = json_object();

        json_object_set_new(item, "context", json_text(target->context));
        json_object_set_new(item, "cluster", json_text(target->key.cluster));
        json_object_set_new(
                item, "role",
                json_text(entry->granted_role ? entry->granted_role : target->key.role));
        json_object_set_new(item, "until",
                            json_string(timestamp_format(token_session_end(entry), text)));
        return item;
}

/* The login moves the session's beginning, the credential is a token for its new length; what
 * kubectl holds meanwhile stays good. */
static bool extend(struct errand *errand, const struct target *target, json_t *items,
                   struct error *err)
{
        const struct cache_key *key = &target->key;
        scoped(login_request_clear) struct login_request request = {
                .role = key->role[0] ? xstrdup(key->role) : NULL
        };
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        json_auto_t *body = login_request_encode(&request);

        if (!server_post(&errand->server, ROUTE_LOGIN, body, &reply, err) ||
            !session_fetch(&errand->server, &request, &entry, err) ||
            !keep(errand, target, &entry, err) ||
            !session_is_wanted(&errand->server, key, &entry, err))
                return false;
        json_array_append_new(items, describe(target, &entry));
        return true;
}

/* Those with a token here; where none has one, all that did not log out. *limited is the first that
 * is passed over because of how it was begun. */
static bool extend_all(struct errand *errand, bool held_alone, json_t *items,
                       const struct target **limited, struct error *err)
{
        for (size_t i = 0; i < errand->selected.count; i++) {
                const struct target *target = &errand->selected.items[i];
                scoped(mark_clear) struct mark mark = { 0 };
                enum cache_tier tier = CACHE_FILE;

                mark_read(&target->key, &mark);
                if (mark.once && !*limited)
                        *limited = target;
                if (mark.once || mark.signed_out || (held_alone && !is_held(target, &tier)))
                        continue;
                if (!extend(errand, target, items, err))
                        return false;
        }
        return true;
}

bool cmd_refresh(const struct config *config, struct error *err)
{
        scoped(errand_clear) struct errand errand = { 0 };
        json_auto_t *items = json_array();
        const struct target *limited = NULL;

        file_forbid_core_dumps();
        if (!errand_begin(config, DEADLINE_MS, &errand, err))
                return false;
        scoped(progress_stop) struct progress *progress = progress_start(
                errand.server.loop, config, "refreshing the session at %s", errand_name(&errand));
        if (!check_session(&errand, err) || !extend_all(&errand, true, items, &limited, err) ||
            (json_array_size(items) == 0 && !extend_all(&errand, false, items, &limited, err)))
                return false;
        progress_stop(&progress);
        if (json_array_size(items) == 0)
                return limited ? refuse_limited(limited, err) : refuse(&errand, err);
        return (config->quiet && !config->output) || table_show(config, &view, items, err);
}
