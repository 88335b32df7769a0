#include <assert.h>
#include <string.h>

#include "kubectl-tka/local/dbus_message.h"
#include "lib/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What is read lies in the message, with the NUL that ends a text. */
static void check_within(const struct dbus_reader *body, const char *at, size_t length)
{
        assert(at >= body->bytes && length <= (size_t)(body->bytes + body->length - at));
}

static void read_session(struct dbus_reader *body)
{
        const char *text = NULL;

        if (dbus_read_signature(body, &text) && dbus_read_text(body, &text))
                check_within(body, text, strlen(text) + 1);
}

static void read_items(struct dbus_reader *body)
{
        const char *text = NULL;

        while (dbus_read_first_text(body, &text) && text)
                check_within(body, text, strlen(text) + 1);
}

static void read_secret(struct dbus_reader *body)
{
        const char *part = NULL;
        size_t length = 0;

        if (!dbus_read_struct(body) || !dbus_read_text(body, &part))
                return;
        while (dbus_read_bytes(body, &part, &length))
                check_within(body, part, length);
}

/* The bodies of a keyring's answers. */
static const struct {
        const char *signature;
        void (*read)(struct dbus_reader *body);
} bodies[] = {
        { "vo",       read_session },
        { "aoao",     read_items   },
        { "(oayays)", read_secret  },
};

static void read_body(const struct dbus_reply *reply)
{
        for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
                struct dbus_reader body = reply->body;
                if (strcmp(reply->signature, bodies[i].signature) == 0)
                        bodies[i].read(&body);
                assert(body.at <= body.length);
        }
}

/* A message that is cut before its end goes on, and leaves the answer alone. */
static void check_cut(const char *message, size_t length)
{
        struct dbus_reply cut = { .reply_to = 7 };
        struct error err = { 0 };
        size_t used = 1;
        bool read = dbus_reply_parse(message, length - 1, &cut, &used, &err);

        assert(read && used == 0 && cut.reply_to == 7);
}

/* Message by message, as they come from the socket. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        const char *text = (const char *)bytes;
        struct dbus_reply reply = { 0 };
        struct error err = { 0 };
        size_t used = 0;

        for (size_t at = 0; at < size; at += used) {
                if (!dbus_reply_parse(text + at, size - at, &reply, &used, &err) || used == 0)
                        return 0;
                check_within(&(struct dbus_reader){ text, size, 0, false }, text + at, used);
                read_body(&reply);
                check_cut(text + at, used);
        }
        return 0;
}
