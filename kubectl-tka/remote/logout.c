#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/kubeconfig/kubeconfig_entry.h"
#include "kubectl-tka/local/cache.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/remote/departure.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/target_book.h"
#include "lib/crowd.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define DEADLINE_MS 15000

struct logout_run {
        const struct config *config;
        struct kubeconfig_files files;
        struct target_book book;
        struct departure *departures;
        size_t count;
        struct loop *loop;
};

static void clear_run(struct logout_run *run)
{
        for (size_t i = 0; i < run->count; i++)
                departure_clear(&run->departures[i]);
        free(run->departures);
        target_book_clear(&run->book);
        kubeconfig_files_clear(&run->files);
        if (run->loop)
                loop_free(run->loop);
}

static struct departure *add_departure(struct logout_run *run, const char *url)
{
        run->departures = xrealloc(run->departures, (run->count + 1) * sizeof(run->departures[0]));
        run->departures[run->count] = (struct departure){ .url = xstrdup(url) };
        return &run->departures[run->count++];
}

/* A name that is no context and no cluster of ours is a server's. */
static bool find_one(struct logout_run *run, const char *word, struct error *err)
{
        scoped(target_list_clear) struct target_list selected = { 0 };
        scoped_free char *url = NULL;

        if (!target_book_find_server(&run->book, run->config, &run->files, &selected, &url, err))
                return false;
        struct departure *departure = add_departure(run, url);
        departure->role = target_list_role(&selected, word);
        departure->targets = selected;
        selected = (struct target_list){ 0 };
        return true;
}

static struct departure *find_server(struct logout_run *run, const char *server)
{
        for (size_t i = 0; i < run->count; i++)
                if (strcmp(run->departures[i].url, server) == 0)
                        return &run->departures[i];
        struct departure *departure = add_departure(run, server);
        target_list_select(&run->book.known, "", server, &departure->targets);
        return departure;
}

/* Whether a session may be there still, by what lies here. */
static bool is_alive(const struct cache_key *key)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        struct error miss = { 0 };
        int64_t now = timestamp_now();

        return cache_read(CACHE_ALL_TIERS, key, &entry, &miss) &&
               (token_session_end(&entry) > now || token_is_alive(&entry, now));
}

/* Every server of a context of ours, once; of those that stand in other kubeconfigs, where there is
 * something to end. */
static void find_all(struct logout_run *run)
{
        for (size_t i = 0; i < run->book.known.count; i++)
                find_server(run, run->book.known.items[i].key.server);
        for (size_t i = 0; i < run->book.noted.count; i++) {
                const struct known *known = &run->book.noted.items[i];
                const struct target target = { known->context, known_key(known) };
                if (is_alive(&target.key))
                        target_list_add_once(&find_server(run, known->server)->targets, &target);
        }
}

static bool find_departures(struct logout_run *run, struct error *err)
{
        const struct config *config = run->config;
        const char *word = config_operand(config) ? config_operand(config) : config->server;

        if (!kubeconfig_files_read(config->kubeconfig, &run->files, err))
                return false;
        target_book_read(&run->files, &run->book);
        if (!config->all)
                return find_one(run, word, err);
        if (word)
                return error_set(err, ERROR_INVALID, "\"%.100s\" beside --all", word);
        find_all(run);
        return true;
}

/* On a fiber of its own. */
static void depart(void *owner, size_t index)
{
        struct logout_run *run = owner;
        struct departure *departure = &run->departures[index];
        scoped(server_clear) struct server server = { 0 };
        struct error err = { 0 };

        server_init_on(&server, run->loop, DEADLINE_MS);
        if (!server_connect(&server, run->config, departure->url, &err) ||
            !departure_end(departure, &server, run->config->everywhere, &err))
                departure->err = err;
}

static void depart_all(struct logout_run *run)
{
        run->loop = loop_new();
        scoped(progress_stop) struct progress *progress =
                progress_start(run->loop, run->config, "signing out");

        crowd_run(run->loop, run->count, depart, run, DEADLINE_MS);
}

/* Only where the server has answered: who has to try again needs the context. One that stands in
 * another kubeconfig stays there. */
static void remove_contexts(const struct logout_run *run, struct departure *departure)
{
        for (size_t i = 0; i < departure->targets.count; i++) {
                const struct target *target = &departure->targets.items[i];
                struct error problem = { 0 };
                if (departure->err.kind != ERROR_NONE || !target_list_has(&run->book.known, target))
                        continue;
                if (kubeconfig_entry_remove(&run->files, target->context, &problem) &&
                    known_remove(target->context, &problem)) {
                        departure->removed++;
                        continue;
                }
                error_wrap(&problem, "the context %s stays", target->context);
                departure_note_problem(departure, &problem);
        }
}

static bool show(const struct logout_run *run, struct error *err)
{
        static const struct output_view view = { .name = "cluster" };
        enum output_format format = output_format_parse(run->config->output, OUTPUT_TABLE);
        json_auto_t *items = json_array();
        scoped(buf_clear) struct buf text = { 0 };

        for (size_t i = 0; i < run->count; i++) {
                const struct departure *departure = &run->departures[i];
                json_array_append_new(items, departure_describe(departure));
                if (format == OUTPUT_TABLE && departure->err.kind == ERROR_NONE)
                        departure_print(departure, &text);
        }
        if (format != OUTPUT_TABLE)
                output_print(format, &view, items, &text);
        else if (run->config->quiet)
                buf_clear(&text);
        return output_write(&text, err);
}

/* Of several failures all are told, and the first one's code is that of the command. */
static void tell(const struct error *one, bool *failed, struct error *err)
{
        if (*failed)
                report_error(one);
        else
                *err = *one;
        *failed = true;
}

static bool judge(const struct logout_run *run, struct error *err)
{
        bool failed = false;

        for (size_t i = 0; i < run->count; i++) {
                const struct departure *departure = &run->departures[i];
                struct error one = { 0 };
                if (departure->err.kind != ERROR_NONE) {
                        departure_explain(departure, &one);
                        tell(&one, &failed, err);
                }
                if (departure->local.kind != ERROR_NONE)
                        tell(&departure->local, &failed, err);
        }
        return !failed;
}

bool cmd_logout(const struct config *config, struct error *err)
{
        scoped(clear_run) struct logout_run run = { .config = config };

        if (!find_departures(&run, err))
                return false;
        for (size_t i = 0; i < run.count; i++)
                departure_forget(&run.departures[i], &run.book.anywhere);
        depart_all(&run);
        for (size_t i = 0; i < run.count && config->forget; i++)
                remove_contexts(&run, &run.departures[i]);
        return show(&run, err) && judge(&run, err);
}
