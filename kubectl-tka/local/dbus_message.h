/* dbus_message.h - D-Bus messages: the few types that reading one secret takes. Pure. */
#pragma once

#include "lib/buf.h"

/* Arguments of a call. A body begins at a multiple of 8, so it is put together by itself. */
void dbus_put_text(struct buf *body, const char *text);         /* s and o */
void dbus_put_text_variant(struct buf *body, const char *text); /* v that holds s */
/* a{ss}: count pairs of key and value, one after the other. */
void dbus_put_text_map(struct buf *body, const char *const *pairs, size_t count);

struct dbus_call {
        const char *destination, *path, *interface, *member;
        const char *signature; /* of body; "" without one */
        const struct buf *body;
};
/* Appends the call. It asks the bus not to start a service that is not running. */
void dbus_call_write(const struct dbus_call *call, uint32_t serial, struct buf *message);

/* What is left of received bytes. Every read checks; texts lie in the bytes themselves. */
struct dbus_reader {
        const char *bytes;
        size_t length, at;
        bool big_endian;
};
bool dbus_read_text(struct dbus_reader *reader, const char **text) must_check;
bool dbus_read_signature(struct dbus_reader *reader, const char **signature) must_check;
bool dbus_read_bool(struct dbus_reader *reader, bool *value) must_check;
bool dbus_read_bytes(struct dbus_reader *reader, const char **bytes, size_t *length) must_check;
/* A struct begins at a multiple of 8. */
bool dbus_read_struct(struct dbus_reader *reader) must_check;
/* An array of texts: the first, or NULL of none. */
bool dbus_read_first_text(struct dbus_reader *reader, const char **text) must_check;

struct dbus_reply {
        uint32_t reply_to;      /* the call's serial; 0: a signal, or a call to us */
        const char *error_name; /* NULL: it went well */
        const char *signature;
        struct dbus_reader body;
};
/* *used = 0: the message goes on beyond length. INVALID for what is no message, or one larger than
 * LIMIT_DBUS_MESSAGE. */
bool dbus_reply_parse(const char *bytes, size_t length, struct dbus_reply *reply, size_t *used,
                      struct error *err) must_check;

#define LIMIT_DBUS_MESSAGE 131072 /* bytes */
