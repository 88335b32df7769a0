#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/server.h"
#include "kubectl-tka/remote/target.h"
#include "kubectl-tka/report.h"
#include "lib/memory.h"
#include "schema/login.h"

#define DEADLINE_MS 10000
#define LOGIN_PATH "/api/v1alpha1/login"

static bool find_url(const struct config *config, char **url, struct error *err)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        scoped(target_list_clear) struct target_list known = { 0 };
        scoped(target_list_clear) struct target_list selected = { 0 };
        const char *word = config_operand(config) ? config_operand(config) : config->server;

        if (!kubeconfig_files_read(config->kubeconfig, &files, err))
                return false;
        target_list_read(&files, &known);
        if (word)
                target_list_select(&known, word, NULL, &selected);
        else if (!target_list_select_usual(&known, files.current_context, &selected, err))
                return false;
        return config_server_url(config, selected.count > 0 ? selected.items[0].key.server : word,
                                 url, err);
}

static void print_json(const struct login *login, bool provisioned)
{
        json_auto_t *object = login_encode(login);
        scoped(buf_clear) struct buf text = { 0 };

        json_object_set_new(object, "provisioned", json_boolean(provisioned));
        json_print(object, &text);
        puts(text.text);
}

static void print_table(const struct login *login, bool provisioned)
{
        scoped_free char *user = report_plain(login->username);
        scoped_free char *role = report_plain(login->role);
        scoped_free char *until = report_plain(login->until ? login->until : "(not said)");

        printf("User:         %s\nRole:         %s\nUntil:        %s\nProvisioned:  %s\n", user,
               role, until, provisioned ? "yes" : "not yet");
}

/* A session that is still being prepared is shown too, and the exit code says so. */
bool cmd_get_login(const struct config *config, struct error *err)
{
        scoped(server_clear) struct server server = { 0 };
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(login_clear) struct login login = { 0 };
        scoped_free char *url = NULL;

        if (!find_url(config, &url, err))
                return false;
        server_init(&server, DEADLINE_MS);
        if (!server_connect(&server, config, url, err) ||
            !server_get(&server, LOGIN_PATH, &reply, err))
                return false;
        if (!login_decode(buf_text(&reply.body), reply.body.length, &login, err))
                return error_wrap(err, "reading the answer of %s", url);

        bool provisioned = reply.status == 200;
        if (config->output && strcmp(config->output, "json") == 0)
                print_json(&login, provisioned);
        else
                print_table(&login, provisioned);
        return provisioned ||
               error_set(err, ERROR_PENDING, "%s is still preparing the session", url);
}
