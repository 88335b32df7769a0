#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/remote/ca_hash.h"
#include "kubectl-tka/remote/doctor.h"
#include "kubectl-tka/remote/errand.h"
#include "kubectl-tka/remote/progress.h"
#include "lib/api/tailscale.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/cluster_info.h"
#include "schema/routes.h"

#define DEADLINE_MS 5000
#define CLOCK_WARN_SECONDS 5
#define CLOCK_FAIL_SECONDS 60

static void close_tailscale(struct tailscale **tailscale)
{
        tailscale_free(*tailscale);
}

static void say_identity(struct doctor *doctor, struct tailscale *tailscale,
                         const struct tailscale_peer *self)
{
        scoped(tailscale_whois_clear) struct tailscale_whois whois = { 0 };
        const char *address = self->addresses.items[0];
        struct error problem = { 0 };

        if (!tailscale_whois(tailscale, address, &whois, &problem))
                doctor_say_error(doctor, DOCTOR_FAIL, &problem);
        else if (whois.expired)
                doctor_say(doctor, DOCTOR_FAIL, "run \"tailscale up --force-reauth\"",
                           "the key of this node has expired");
        else if (whois.tags.count > 0)
                doctor_say(doctor, DOCTOR_WARN, "servers take tagged nodes for nobody's",
                           "this node is tagged %s", whois.tags.items[0]);
        else
                doctor_say(doctor, DOCTOR_OK, NULL, "%s on %s (%s)",
                           whois.login ? whois.login : "?", self->name ? self->name : "?", address);
}

void doctor_check_tailnet(struct doctor *doctor)
{
        scoped(close_tailscale) struct tailscale *tailscale =
                tailscale_new(doctor->loop, doctor->config->socket);
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
        struct error problem = { 0 };

        if (!tailscale_status(tailscale, false, &status, &problem)) {
                error_advise(&problem, "start tailscaled, or name its socket with "
                                       "--tailscale-socket; servers with https need neither");
                doctor_say_error(doctor, DOCTOR_FAIL, &problem);
                return;
        }
        if (!status.running) {
                doctor_say(doctor, DOCTOR_FAIL, "run \"tailscale up\"",
                           "tailscaled is not connected (%s)", status.backend_state);
                return;
        }
        say_identity(doctor, tailscale, &status.self);
        if (!status.tun)
                doctor_say(doctor, DOCTOR_WARN, "use servers with https",
                           "tailscaled has no network interface here");
}

static void check_clock(struct doctor *doctor, const char *url, int64_t date)
{
        int64_t apart = date - timestamp_now();
        int64_t size = apart < 0 ? -apart : apart;

        if (date == 0 || size <= CLOCK_WARN_SECONDS)
                return;
        doctor_say(doctor, size > CLOCK_FAIL_SECONDS ? DOCTOR_FAIL : DOCTOR_WARN,
                   "set this machine's clock (timedatectl set-ntp true)",
                   "the clock of %s is %lld s %s of this machine's", url, (long long)size,
                   apart > 0 ? "ahead" : "behind");
}

static void check_ca(struct doctor *doctor, const struct cluster_info *info,
                     const struct target *target)
{
        char hash[CA_HASH_SIZE];
        struct error problem = { 0 };

        if (!ca_hash_of(info->ca_data, hash, &problem)) {
                doctor_say_error(doctor, DOCTOR_FAIL, &problem);
                return;
        }
        if (target && strcmp(hash, target->key.ca_hash) != 0)
                doctor_say(doctor, DOCTOR_FAIL, "if that is meant to be, log in again",
                           "%s: the cluster's CA is another than at the last login",
                           target->context);
        if (info->insecure_skip_tls_verify)
                doctor_say(doctor, DOCTOR_WARN, "give the server the cluster's CA",
                           "kubectl will not check who the API server is");
}

static void check_server(struct doctor *doctor, const char *url, const struct target *target)
{
        scoped(server_clear) struct server server = { 0 };
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(cluster_info_clear) struct cluster_info info = { 0 };
        struct error problem = { 0 };
        int64_t began_ms = loop_now_ms();

        server_init_on(&server, doctor->loop, DEADLINE_MS);
        if (!server_connect(&server, doctor->config, url, &problem) ||
            !server_get(&server, ROUTE_CLUSTER_INFO, &reply, &problem)) {
                error_wrap(&problem, "%s", target ? target->key.cluster : "the configured server");
                doctor_say_error(doctor, DOCTOR_FAIL, &problem);
                return;
        }
        if (!cluster_info_decode(buf_text(&reply.body), reply.body.length, &info, &problem)) {
                error_wrap(&problem, "reading the answer of %s", url);
                doctor_say_error(doctor, DOCTOR_FAIL, &problem);
                return;
        }
        doctor_say(doctor, DOCTOR_OK, NULL, "%s answers at %s after %lld ms, known by its %s",
                   info.name ? info.name : url, server.address ? server.address : url,
                   (long long)(loop_now_ms() - began_ms),
                   strncmp(url, "https:", 6) == 0 ? "certificate" : "node in the tailnet");
        check_clock(doctor, url, reply.date);
        check_ca(doctor, &info, target);
}

static bool is_first_of_server(const struct target_list *known, size_t index)
{
        for (size_t i = 0; i < index; i++)
                if (strcmp(known->items[i].key.server, known->items[index].key.server) == 0)
                        return false;
        return true;
}

/* By the name of a context or cluster, else by the server's URL. */
static void select_named(const struct doctor *doctor, const char *word,
                         struct target_list *selected)
{
        scoped_free char *url = NULL;
        struct error ignored = { 0 };

        if (!config_server_url(doctor->config, word, &url, &ignored))
                url = NULL;
        target_list_select(&doctor->book.known, word, NULL, selected);
        if (selected->count == 0)
                target_list_select(&doctor->book.anywhere, word, url, selected);
}

static void check_known(struct doctor *doctor, const char *word)
{
        scoped(target_list_clear) struct target_list selected = { 0 };
        const struct target_list *list = word ? &selected : &doctor->book.known;

        if (word)
                select_named(doctor, word, &selected);
        for (size_t i = 0; i < list->count; i++)
                if (is_first_of_server(list, i))
                        check_server(doctor, list->items[i].key.server, &list->items[i]);
        if (list->count > 0)
                return;

        scoped_free char *url = NULL;
        struct error problem = { 0 };
        if (!word && config_server_is_default(doctor->config))
                doctor_say(doctor, DOCTOR_WARN,
                           "\"kubectl tka list\" finds some, "
                           "\"kubectl tka login SERVER\" signs in to one",
                           "no server is known here");
        else if (!config_server_url(doctor->config, word, &url, &problem))
                doctor_say_error(doctor, DOCTOR_FAIL, &problem);
        else
                check_server(doctor, url, NULL);
}

void doctor_check_servers(struct doctor *doctor)
{
        const char *word = config_operand(doctor->config);
        scoped(progress_stop) struct progress *progress =
                progress_start(doctor->loop, doctor->config, "asking servers");

        check_known(doctor, word ? word : doctor->config->server);
}
