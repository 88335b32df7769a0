#include "kubectl-tka/local/dbus_message.h"

#include <assert.h>
#include <string.h>

#define FIXED_HEAD 16 /* bytes before the header fields */
#define NO_AUTO_START 2

enum { TYPE_CALL = 1, TYPE_RETURN = 2, TYPE_ERROR = 3 };

enum field {
        FIELD_PATH = 1,
        FIELD_INTERFACE = 2,
        FIELD_MEMBER = 3,
        FIELD_ERROR_NAME = 4,
        FIELD_REPLY_SERIAL = 5,
        FIELD_DESTINATION = 6,
        FIELD_SIGNATURE = 8,
};

static size_t align(size_t at, size_t to)
{
        return (at + to - 1) / to * to;
}

static void put_bytes(struct buf *message, const void *bytes, size_t length)
{
        bool fits = buf_append(message, bytes, length);

        assert(fits);
        (void)fits;
}

static void put_padding(struct buf *message, size_t to)
{
        static const char zeros[8] = "";

        put_bytes(message, zeros, align(message->length, to) - message->length);
}

static void put_u32(struct buf *message, uint32_t number)
{
        unsigned char bytes[4];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (unsigned char)(number >> 8 * i & 0xff);
        put_padding(message, 4);
        put_bytes(message, bytes, sizeof(bytes));
}

static void replace_u32(struct buf *message, size_t at, size_t number)
{
        for (size_t i = 0; i < 4; i++)
                message->text[at + i] = (char)(number >> (8 * i) & 0xff);
}

static void put_signature(struct buf *message, const char *signature)
{
        unsigned char length = (unsigned char)strlen(signature);

        put_bytes(message, &length, 1);
        put_bytes(message, signature, (size_t)length + 1);
}

void dbus_put_text(struct buf *body, const char *text)
{
        size_t length = strlen(text);

        put_u32(body, (uint32_t)length);
        put_bytes(body, text, length + 1);
}

void dbus_put_text_variant(struct buf *body, const char *text)
{
        put_signature(body, "s");
        dbus_put_text(body, text);
}

void dbus_put_text_map(struct buf *body, const char *const *pairs, size_t count)
{
        put_u32(body, 0);
        size_t length_at = body->length - 4;
        put_padding(body, 8);
        size_t start = body->length;

        for (size_t i = 0; i < count; i++) {
                put_padding(body, 8);
                dbus_put_text(body, pairs[2 * i]);
                dbus_put_text(body, pairs[2 * i + 1]);
        }
        replace_u32(body, length_at, body->length - start);
}

static void put_field(struct buf *head, enum field field, const char *type, const char *text)
{
        unsigned char code = (unsigned char)field;

        put_padding(head, 8);
        put_bytes(head, &code, 1);
        put_signature(head, type);
        if (type[0] == 'g')
                put_signature(head, text);
        else
                dbus_put_text(head, text);
}

void dbus_call_write(const struct dbus_call *call, uint32_t serial, struct buf *message)
{
        static const char start[] = { 'l', TYPE_CALL, NO_AUTO_START, 1 };
        scoped(buf_clear) struct buf head = { 0 };

        put_bytes(&head, start, sizeof(start));
        put_u32(&head, call->body ? (uint32_t)call->body->length : 0);
        put_u32(&head, serial);
        put_u32(&head, 0);
        put_field(&head, FIELD_PATH, "o", call->path);
        put_field(&head, FIELD_DESTINATION, "s", call->destination);
        put_field(&head, FIELD_INTERFACE, "s", call->interface);
        put_field(&head, FIELD_MEMBER, "s", call->member);
        if (call->signature[0] != '\0')
                put_field(&head, FIELD_SIGNATURE, "g", call->signature);
        replace_u32(&head, FIXED_HEAD - 4, head.length - FIXED_HEAD);
        put_padding(&head, 8);
        put_bytes(message, head.text, head.length);
        if (call->body)
                put_bytes(message, buf_text(call->body), call->body->length);
}

static bool skip_to(struct dbus_reader *reader, size_t alignment)
{
        size_t at = align(reader->at, alignment);

        if (at > reader->length)
                return false;
        reader->at = at;
        return true;
}

static bool read_byte(struct dbus_reader *reader, unsigned char *byte)
{
        if (reader->at >= reader->length)
                return false;
        *byte = (unsigned char)reader->bytes[reader->at++];
        return true;
}

static bool read_u32(struct dbus_reader *reader, uint32_t *number)
{
        uint32_t value = 0;

        if (!skip_to(reader, 4) || reader->length - reader->at < 4)
                return false;
        for (size_t i = 0; i < 4; i++) {
                unsigned char byte = (unsigned char)reader->bytes[reader->at + i];
                value |= (uint32_t)byte << 8 * (reader->big_endian ? 3 - i : i);
        }
        reader->at += 4;
        *number = value;
        return true;
}

/* A text of that length, the NUL after it not counted and no other in it. */
static bool read_ended(struct dbus_reader *reader, size_t length, const char **text)
{
        const char *found = reader->bytes + reader->at;

        if (length >= reader->length - reader->at || memchr(found, 0, length + 1) != found + length)
                return false;
        reader->at += length + 1;
        *text = found;
        return true;
}

bool dbus_read_text(struct dbus_reader *reader, const char **text)
{
        uint32_t length = 0;

        return read_u32(reader, &length) && read_ended(reader, length, text);
}

bool dbus_read_signature(struct dbus_reader *reader, const char **signature)
{
        unsigned char length = 0;

        return read_byte(reader, &length) && read_ended(reader, length, signature);
}

bool dbus_read_bool(struct dbus_reader *reader, bool *value)
{
        uint32_t number = 0;

        if (!read_u32(reader, &number) || number > 1)
                return false;
        *value = number == 1;
        return true;
}

bool dbus_read_bytes(struct dbus_reader *reader, const char **bytes, size_t *length)
{
        uint32_t found = 0;

        if (!read_u32(reader, &found) || found > reader->length - reader->at)
                return false;
        *bytes = reader->bytes + reader->at;
        *length = found;
        reader->at += found;
        return true;
}

bool dbus_read_struct(struct dbus_reader *reader)
{
        return skip_to(reader, 8);
}

bool dbus_read_first_text(struct dbus_reader *reader, const char **text)
{
        const char *bytes = NULL;
        size_t length = 0;
        const char *first = NULL;

        if (!dbus_read_bytes(reader, &bytes, &length))
                return false;

        size_t start = reader->at - length;
        struct dbus_reader items = { reader->bytes, reader->at, start, reader->big_endian };
        if (length > 0 && !dbus_read_text(&items, &first))
                return false;
        *text = first;
        return true;
}

/* One header field: a byte, and a variant of one of three types. */
static bool read_field(struct dbus_reader *head, struct dbus_reply *reply)
{
        unsigned char code = 0;
        const char *type = NULL;
        const char *text = NULL;
        uint32_t number = 0;
        bool read = false;

        if (!dbus_read_struct(head) || !read_byte(head, &code) || !dbus_read_signature(head, &type))
                return false;
        if (strcmp(type, "u") == 0)
                read = read_u32(head, &number);
        else if (strcmp(type, "g") == 0)
                read = dbus_read_signature(head, &text);
        else if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0)
                read = dbus_read_text(head, &text);
        if (code == FIELD_REPLY_SERIAL)
                reply->reply_to = number;
        else if (code == FIELD_ERROR_NAME)
                reply->error_name = text;
        else if (code == FIELD_SIGNATURE && text)
                reply->signature = text;
        return read;
}

static bool refuse(struct error *err)
{
        return error_set(err, ERROR_INVALID, "the bus sent what is no D-Bus message");
}

bool dbus_reply_parse(const char *bytes, size_t length, struct dbus_reply *reply, size_t *used,
                      struct error *err)
{
        struct dbus_reply found = { .signature = "" };
        struct dbus_reader head = { bytes, FIXED_HEAD, 4, false };
        uint32_t body_length = 0;
        uint32_t serial = 0;
        uint32_t fields_length = 0;

        if (length < FIXED_HEAD) {
                *used = 0;
                return true;
        }
        if ((bytes[0] != 'l' && bytes[0] != 'B') || bytes[3] != 1)
                return refuse(err);
        head.big_endian = bytes[0] == 'B';
        if (!read_u32(&head, &body_length) || !read_u32(&head, &serial) ||
            !read_u32(&head, &fields_length) || body_length > LIMIT_DBUS_MESSAGE ||
            fields_length > LIMIT_DBUS_MESSAGE)
                return refuse(err);

        size_t body_at = align(FIXED_HEAD + (size_t)fields_length, 8);
        if (body_at + body_length > LIMIT_DBUS_MESSAGE)
                return refuse(err);
        if (body_at + body_length > length) {
                *used = 0;
                return true;
        }
        head.length = FIXED_HEAD + (size_t)fields_length;
        while (head.at < head.length)
                if (!read_field(&head, &found))
                        return refuse(err);
        if (bytes[1] != TYPE_RETURN && bytes[1] != TYPE_ERROR)
                found.reply_to = 0;
        if (bytes[1] == TYPE_ERROR && !found.error_name)
                return refuse(err);
        found.body = (struct dbus_reader){ bytes + body_at, body_length, 0, head.big_endian };
        *reply = found;
        *used = body_at + body_length;
        return true;
}
