#include "kubectl-tka/remote/keyring_write.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libsecret/secret.h>

#include "kubectl-tka/local/dbus.h"
#include "kubectl-tka/local/waiting.h"
#include "lib/aside.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define SECRETS_NAME "org.freedesktop.secrets"
#define CALL_MS 5000

static const SecretSchema schema = {
        .name = KEYRING_SCHEMA,
        .attributes = { { KEYRING_SERVER, SECRET_SCHEMA_ATTRIBUTE_STRING },
                       { KEYRING_CA_HASH, SECRET_SCHEMA_ATTRIBUTE_STRING },
                       { KEYRING_CLUSTER, SECRET_SCHEMA_ATTRIBUTE_STRING },
                       { KEYRING_ROLE, SECRET_SCHEMA_ATTRIBUTE_STRING } },
};

/* One change; text is NULL to forget. */
struct change {
        const char *bus;
        const struct cache_key *key;
        const struct buf *text;
        bool may_unlock;
};

/* What the child writes to its parent, in one piece. */
struct outcome {
        enum keyring_state state;
        bool done;
        char words[200];
};

/* A service that never prompts: whatever wants to ask the person fails instead. */
typedef SecretService QuietService;
typedef SecretServiceClass QuietServiceClass;
static GType quiet_service_get_type(void);
G_DEFINE_TYPE(QuietService, quiet_service, SECRET_TYPE_SERVICE)

static void refuse_prompt(SecretService *self, SecretPrompt *prompt,
                          const GVariantType *return_type, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
        GTask *task = g_task_new(self, cancellable, callback, user_data);

        (void)prompt;
        (void)return_type;
        g_task_return_new_error(task, SECRET_ERROR, SECRET_ERROR_IS_LOCKED, "it would ask first");
        g_object_unref(task);
}

static GVariant *finish_prompt(SecretService *self, GAsyncResult *result, GError **error)
{
        (void)self;
        return g_task_propagate_pointer(G_TASK(result), error);
}

static void quiet_service_class_init(QuietServiceClass *class)
{
        class->prompt_async = refuse_prompt;
        class->prompt_finish = finish_prompt;
}

static void quiet_service_init(QuietService *service)
{
        (void)service;
}

static void describe(struct outcome *outcome, enum keyring_state state, const char *words)
{
        outcome->state = state;
        g_strlcpy(outcome->words, words, sizeof(outcome->words));
}

static void describe_error(struct outcome *outcome, GError **error)
{
        bool locked = *error && g_error_matches(*error, SECRET_ERROR, SECRET_ERROR_IS_LOCKED);

        describe(outcome, locked ? KEYRING_LOCKED : KEYRING_MUTE,
                 *error ? (*error)->message : "it does not say why");
        g_clear_error(error);
}

/* An address may have gone to somebody else who would like a token: the socket itself says who
 * listens. */
static bool bus_is_ours(GDBusConnection *bus)
{
        GIOStream *stream = g_dbus_connection_get_stream(bus);

        return G_IS_SOCKET_CONNECTION(stream) &&
               dbus_peer_is_ours(g_socket_get_fd(
                       g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream))));
}

/* libsecret uses the same connection as long as we hold it. */
static GDBusConnection *connect_bus(struct outcome *outcome)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &error);

        if (!bus)
                describe_error(outcome, &error);
        else if (!bus_is_ours(bus))
                describe(outcome, KEYRING_MUTE, "the session bus is somebody else's");
        else
                return take(bus);
        return NULL;
}

/* The first message of ours, for the reason that kubectl-tka/local/keyring.c gives. */
static bool introduce_ourselves(GDBusConnection *bus, const struct change *change,
                                struct outcome *outcome)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) answer = g_dbus_connection_call_sync(
                bus, SECRETS_NAME, "/org/freedesktop/secrets", "org.freedesktop.DBus.Peer", "Ping",
                NULL, NULL,
                change->may_unlock ? G_DBUS_CALL_FLAGS_NONE : G_DBUS_CALL_FLAGS_NO_AUTO_START,
                CALL_MS, NULL, &error);

        if (answer)
                return true;
        if (g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
            g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
                describe(outcome, KEYRING_ABSENT, "no keyring runs");
        else
                describe_error(outcome, &error);
        return false;
}

static bool unlock(SecretService *service, SecretCollection *collection)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GList) objects = g_list_append(NULL, collection);

        return secret_service_unlock_sync(service, objects, NULL, NULL, &error) == 1;
}

static SecretCollection *open_collection(const struct change *change, SecretService *service,
                                         struct outcome *outcome)
{
        g_autoptr(GError) error = NULL;
        SecretCollection *collection = secret_collection_for_alias_sync(
                service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, NULL, &error);

        if (!collection && !error)
                describe(outcome, KEYRING_ABSENT, "the keyring has no default collection");
        else if (!collection)
                describe_error(outcome, &error);
        else if (secret_collection_get_locked(collection) &&
                 !(change->may_unlock && unlock(service, collection)))
                describe(outcome, KEYRING_LOCKED, "the keyring is locked");
        else
                return collection;
        g_clear_object(&collection);
        return NULL;
}

static GHashTable *make_attributes(const struct cache_key *key)
{
        return secret_attributes_build(&schema, KEYRING_SERVER, key->server, KEYRING_CA_HASH,
                                       key->ca_hash, KEYRING_CLUSTER, key->cluster, KEYRING_ROLE,
                                       key->role, NULL);
}

static bool save(const struct change *change, SecretCollection *collection, GError **error)
{
        const struct cache_key *key = change->key;
        scoped_free char *label =
                xasprintf("TKA: %s%s%s", key->cluster, key->role[0] ? " as " : "", key->role);
        SecretValue *value = secret_value_new(buf_text(change->text), (gssize)change->text->length,
                                              "application/json");
        GHashTable *attributes = make_attributes(key);
        g_autoptr(SecretItem) item =
                secret_item_create_sync(collection, &schema, attributes, label, value,
                                        SECRET_ITEM_CREATE_REPLACE, NULL, error);

        g_hash_table_unref(attributes);
        secret_value_unref(value);
        return item;
}

static bool forget(const struct change *change, SecretService *service, GError **error)
{
        GHashTable *attributes = make_attributes(change->key);
        GList *items = secret_service_search_sync(service, &schema, attributes, SECRET_SEARCH_ALL,
                                                  NULL, error);

        for (GList *at = items; at && !*error; at = at->next)
                secret_item_delete_sync(SECRET_ITEM(at->data), NULL, error);
        g_list_free_full(items, g_object_unref);
        g_hash_table_unref(attributes);
        return !*error;
}

static void run(const struct change *change, struct outcome *outcome)
{
        g_autoptr(GError) error = NULL;
        GType type = change->may_unlock ? SECRET_TYPE_SERVICE : quiet_service_get_type();
        g_autoptr(GDBusConnection) bus = connect_bus(outcome);

        if (!bus || !introduce_ourselves(bus, change, outcome))
                return;

        g_autoptr(SecretService) service =
                secret_service_open_sync(type, NULL, SECRET_SERVICE_OPEN_SESSION, NULL, &error);
        g_autoptr(SecretCollection) collection = NULL;
        if (!service) {
                describe_error(outcome, &error);
                return;
        }
        if (change->text)
                collection = open_collection(change, service, outcome);
        if (change->text && !collection)
                return;
        outcome->done =
                change->text ? save(change, collection, &error) : forget(change, service, &error);
        if (!outcome->done)
                describe_error(outcome, &error);
}

static void work(const void *what, int answer)
{
        const struct change *change = what;
        struct outcome outcome = { .state = KEYRING_OPEN };

        if (setenv("DBUS_SESSION_BUS_ADDRESS", change->bus, 1) == 0)
                run(change, &outcome);
        ssize_t written = write(answer, &outcome, sizeof(outcome));
        (void)written; /* what is not told has not been done */
}

static bool await_answer(int fd, int64_t timeout_ms)
{
        int64_t deadline_ms = loop_now_ms() + timeout_ms;
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        int found = 0;

        do {
                int64_t left_ms = deadline_ms - loop_now_ms();
                found = poll(&ready, 1, left_ms > 0 ? (int)left_ms : 0);
        } while (found < 0 && errno == EINTR);
        return found > 0;
}

/* The keyring's own window may ask for a password, and lie behind others. */
static bool await_outcome(const struct change *change, int fd, int64_t timeout_ms,
                          struct outcome *outcome)
{
        int64_t at_first_ms = timeout_ms < WAITING_PATIENCE_MS ? timeout_ms : WAITING_PATIENCE_MS;
        bool answered = await_answer(fd, at_first_ms);

        if (!answered && at_first_ms < timeout_ms) {
                waiting_tell("the keyring%s",
                             change->may_unlock ? ", which may ask for a password" : "");
                answered = await_answer(fd, timeout_ms - at_first_ms);
        }
        return answered && read(fd, outcome, sizeof(*outcome)) == (ssize_t)sizeof(*outcome);
}

static bool carry_out(const struct change *change, int64_t timeout_ms, struct outcome *outcome)
{
        scoped(aside_end) struct aside aside = { 0 };
        struct error ignored = { 0 };

        return aside_start(work, change, &aside, &ignored) &&
               await_outcome(change, aside.answer, timeout_ms, outcome);
}

static bool apply(struct change *change, int64_t timeout_ms, enum keyring_state *state,
                  struct error *err)
{
        scoped_free char *bus = dbus_session_address();
        struct outcome outcome = { .state = KEYRING_MUTE };

        *state = KEYRING_ABSENT;
        if (!bus)
                return error_set(err, ERROR_NOT_FOUND, "there is no session bus");
        change->bus = bus;
        if (!carry_out(change, timeout_ms, &outcome))
                describe(&outcome, KEYRING_MUTE, "no answer in time");
        *state = outcome.state;
        outcome.words[sizeof(outcome.words) - 1] = '\0';
        return outcome.done || error_set(err, ERROR_UNAVAILABLE, "the keyring: %s", outcome.words);
}

bool keyring_save(const struct cache_key *key, const struct buf *text, bool may_unlock,
                  int64_t timeout_ms, enum keyring_state *state, struct error *err)
{
        struct change change = { .key = key, .text = text, .may_unlock = may_unlock };

        return apply(&change, timeout_ms, state, err);
}

bool keyring_forget(const struct cache_key *key, int64_t timeout_ms, enum keyring_state *state,
                    struct error *err)
{
        struct change change = { .key = key };

        return apply(&change, timeout_ms, state, err);
}
