#include "server/certificate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fiber.h"
#include "lib/file.h"
#include "lib/http/http_tls.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "server/identity.h"

#define LOOK_MS 3000  /* at the files */
#define HURRY_MS 3000 /* until tailscaled gave a first one; doubled every time */
#define HURRY_MAX_MS 60000
#define RENEW_MS 3600000 /* tailscaled renews in time, and answers from what it keeps */

/* What a file was when it was read. */
struct seen {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec modified;
};

struct certificate {
        struct server *server;
        struct fiber *fiber;
        struct seen chain, key;
        int64_t hurry_ms;
        bool stopped;
};

static bool look(const char *path, struct seen *seen)
{
        struct stat now;

        if (stat(path, &now) != 0)
                return false;
        *seen = (struct seen){ now.st_dev, now.st_ino, now.st_size, now.st_mtim };
        return true;
}

static bool same(const struct seen *seen, const struct seen *other)
{
        return seen->device == other->device && seen->inode == other->inode &&
               seen->size == other->size && seen->modified.tv_sec == other->modified.tv_sec &&
               seen->modified.tv_nsec == other->modified.tv_nsec;
}

static bool is_changed(const struct certificate *certificate)
{
        const struct config *config = certificate->server->config;
        struct seen chain = { 0 }, key = { 0 };

        /* While one is being put in place it may be missing for a moment. */
        return look(config->tls_cert_file, &chain) && look(config->tls_key_file, &key) &&
               (!same(&chain, &certificate->chain) || !same(&key, &certificate->key));
}

static bool load_files(struct certificate *certificate, struct error *err)
{
        const struct config *config = certificate->server->config;
        scoped(buf_clear) struct buf chain = { 0 };
        scoped(buf_clear) struct buf key = { 0 };

        (void)look(config->tls_cert_file, &certificate->chain);
        (void)look(config->tls_key_file, &certificate->key);
        buf_init(&chain, LIMIT_CERTIFICATE);
        buf_init(&key, LIMIT_CERTIFICATE);
        if (!file_read(config->tls_cert_file, &chain, err))
                return error_wrap(err, "server.tls.certFile");
        if (!file_read(config->tls_key_file, &key, err))
                return error_wrap(err, "server.tls.keyFile");
        return http_tls_load(certificate->server->tls, buf_text(&chain), buf_text(&key), err) ||
               error_wrap(err, "server.tls: %s and %s", config->tls_cert_file,
                          config->tls_key_file);
}

/* What could not be loaded is tried again, though the files stay as they are. */
static bool read_files(struct certificate *certificate, struct error *err)
{
        if (load_files(certificate, err))
                return true;
        certificate->chain = certificate->key = (struct seen){ 0 };
        return false;
}

/* Asked as the first of the names that tailscaled has certificates for. */
static bool ask_tailscaled(struct certificate *certificate, struct error *err)
{
        struct server *server = certificate->server;
        const struct tailscale_status *status = identity_status(server->identity);
        scoped(buf_clear) struct buf pair = { 0 };

        if (!identity_is_running(server->identity, err))
                return false;
        if (status->certificate_domains.count == 0)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "this tailnet gives out no certificates: enable HTTPS in it, set "
                                 "server.tls.certFile and server.tls.keyFile, or choose another "
                                 "tailscale.port than %" PRId64,
                                 server->config->port);

        scoped_free char *domain = xstrdup(status->certificate_domains.items[0]);
        return tailscale_certificate(server->tailscale, domain, &pair, err) &&
               (http_tls_load(server->tls, buf_text(&pair), buf_text(&pair), err) ||
                error_wrap(err, "the certificate of tailscaled for %s", domain));
}

static void note(struct server *server, bool loaded, const struct error *err)
{
        char until[TIMESTAMP_TEXT_SIZE];

        if (!loaded && strncmp(server->tls_trouble, err->text, sizeof(err->text) - 1) != 0)
                log_event(http_tls_is_loaded(server->tls) ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
                          "the certificate, trying again", "error", err->text, NULL);
        snprintf(server->tls_trouble, sizeof(server->tls_trouble), "%s", loaded ? "" : err->text);
        if (loaded)
                log_event(LOG_LEVEL_INFO, "certificate loaded", "until",
                          timestamp_format(http_tls_expires(server->tls), until), NULL);
}

/* How long until the next look. */
static int64_t follow(struct certificate *certificate)
{
        struct server *server = certificate->server;
        struct error err = { 0 };
        bool loaded = false;

        if (server->config->tls == TLS_FILES) {
                if (is_changed(certificate))
                        note(server, read_files(certificate, &err), &err);
                return LOOK_MS;
        }
        loaded = ask_tailscaled(certificate, &err);
        note(server, loaded, &err);
        if (http_tls_is_loaded(server->tls))
                return RENEW_MS;
        if (certificate->hurry_ms < HURRY_MAX_MS)
                certificate->hurry_ms *= 2;
        return certificate->hurry_ms;
}

static void run(void *argument)
{
        struct certificate *certificate = argument;
        struct error err = { 0 };

        while (!certificate->stopped &&
               wait_ms(certificate->server->loop, follow(certificate), &err))
                continue;
        free(certificate);
}

bool certificate_start(struct server *server, struct certificate **certificate, struct error *err)
{
        struct certificate *started = NULL;

        if (server->config->tls == TLS_OFF)
                return true;
        server->tls = http_tls_new();
        started = xcalloc(1, sizeof(*started));
        started->server = server;
        started->hurry_ms = HURRY_MS / 2;
        if (server->config->tls == TLS_FILES) {
                bool loaded = read_files(started, err);

                if (!loaded) {
                        free(started);
                        return false;
                }
                note(server, loaded, err);
        }
        *certificate = started;
        started->fiber = fiber_start(server->loop, run, started);
        return true;
}

void certificate_stop(struct certificate *certificate)
{
        if (certificate == NULL)
                return;
        certificate->stopped = true;
        fiber_cancel(certificate->fiber);
}

bool certificate_is_there(const struct server *server, struct error *err)
{
        if (server->tls == NULL || http_tls_is_loaded(server->tls))
                return true;
        return error_set(err, ERROR_UNAVAILABLE, "no certificate: %s",
                         server->tls_trouble[0] == '\0' ? "waiting for tailscaled"
                                                        : server->tls_trouble);
}
