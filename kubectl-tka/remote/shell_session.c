#include "kubectl-tka/remote/shell_session.h"

#include <string.h>

#include "kubectl-tka/local/cache.h"
#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/session.h"
#include "kubectl-tka/remote/target_book.h"
#include "lib/fd.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define END_MS 5000
#define SWEEP_MS 2000

/* Whether a context lives on that session: its token is of the same role. */
static bool target_uses(const struct cache_key *key, const struct shell_session *session)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        scoped(mark_clear) struct mark mark = { 0 };
        struct error miss = { 0 };

        mark_read(key, &mark);
        return strcmp(key->server, session->server) == 0 && !mark.signed_out &&
               cache_read(CACHE_ALL_TIERS, key, &entry, &miss) &&
               token_is_alive(&entry, timestamp_now()) && entry.granted_role &&
               strcmp(entry.granted_role, session->role) == 0;
}

/* Of whatever kubeconfig; of one that cannot be read there is what is noted of it. */
static bool login_uses(const struct config *config, const struct shell_session *session)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        scoped(target_book_clear) struct target_book book = { 0 };
        struct error ignored = { 0 };

        if (!kubeconfig_files_read(config->kubeconfig, &files, &ignored))
                kubeconfig_files_clear(&files);
        target_book_read(&files, &book);
        for (size_t i = 0; i < book.anywhere.count; i++)
                if (target_uses(&book.anywhere.items[i].key, session))
                        return true;
        return false;
}

static bool log_out(const struct shell_session *session, const struct config *config,
                    int64_t timeout_ms, struct error *err)
{
        scoped(server_clear) struct server server = { 0 };

        server_init(&server, timeout_ms);
        scoped(progress_stop) struct progress *progress =
                progress_start(server.loop, config, "signing out of %s", session->cluster);
        if (!server_connect(&server, config, session->server, err))
                return error_wrap(err, "signing out at %s", session->server);
        return session_end(&server, session->role, err);
}

static bool end(const struct shell_folder *folder, const struct config *config, int64_t timeout_ms,
                bool *ended, struct error *err)
{
        scoped(fd_close) int turn = shell_folder_take_turn();
        scoped(shell_session_clear) struct shell_session session = { 0 };
        bool over = !shell_folder_session(folder, &session) || session.until <= timestamp_now() ||
                    shell_folder_is_used(folder, &session) || login_uses(config, &session);

        shell_folder_strip(folder);
        if (!over && !log_out(&session, config, timeout_ms, err))
                return false;
        shell_folder_remove(folder);
        *ended = !over;
        return true;
}

bool shell_session_end(const struct shell_folder *folder, const struct config *config, bool *ended,
                       struct error *err)
{
        return end(folder, config, END_MS, ended, err);
}

void shell_session_sweep(const struct config *config)
{
        size_t skipped = 0;

        while (!directory_shell()) {
                scoped(shell_folder_clear) struct shell_folder folder = { 0 };
                struct error ignored = { 0 };
                bool ended = false;
                if (!shell_folder_find_dead(skipped, &folder))
                        return;
                if (shell_folder_was_tried(&folder)) {
                        skipped++;
                } else if (!end(&folder, config, SWEEP_MS, &ended, &ignored)) {
                        shell_folder_note_try(&folder);
                        skipped++;
                }
        }
}
