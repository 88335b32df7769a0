#include <stdlib.h>

#include "kubectl-tka/local/dbus_message.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

/* What a keyring answers to SearchItems: one open item, no locked one. */
static const char answer[] = "l\2\1\1\24\0\0\0\7\0\0\0\22\0\0\0"
                             "\5\1u\0\2\0\0\0"
                             "\10\1g\0\4aoao\0\0\0\0\0\0\0"
                             "\14\0\0\0\7\0\0\0/one/it\0"
                             "\0\0\0\0";

static bool parse(const char *bytes, size_t length, struct dbus_reply *reply, size_t *used,
                  struct error *err)
{
        return dbus_reply_parse(bytes, length, reply, used, err);
}

TEST(writes_a_call_as_the_specification_draws_it)
{
        static const char expected[] = "l\1\2\1\0\0\0\0\1\0\0\0\156\0\0\0"
                                       "\1\1o\0\25\0\0\0/org/freedesktop/DBus\0\0\0";
        const struct dbus_call hello = { "org.freedesktop.DBus",
                                         "/org/freedesktop/DBus",
                                         "org.freedesktop.DBus",
                                         "Hello",
                                         "",
                                         NULL };
        scoped(buf_clear) struct buf message = { 0 };

        dbus_call_write(&hello, 1, &message);
        assert_int_equal(message.length % 8, 0);
        assert_memory_equal(message.text, expected, 12);
        assert_memory_equal(message.text + 16, expected + 16, sizeof(expected) - 1 - 16);
}

TEST(aligns_and_counts_a_map_of_texts)
{
        static const char expected[] = "\35\0\0\0\0\0\0\0"
                                       "\1\0\0\0a\0\0\0\0\0\0\0\0\0\0\0"
                                       "\1\0\0\0b\0\0\0\1\0\0\0c";
        const char *const pairs[] = { "a", "", "b", "c" };
        scoped(buf_clear) struct buf body = { 0 };

        dbus_put_text_map(&body, pairs, 2);
        assert_int_equal(body.length, 8 + 16 + 14);
        assert_memory_equal(body.text + 4, expected + 4, sizeof(expected) - 1 - 4);
        assert_int_equal(body.text[0], body.length - 8);
}

TEST(reads_an_answer_whole_or_asks_for_more)
{
        struct dbus_reply reply = { 0 };
        struct error err = { 0 };
        const char *open = NULL;
        const char *locked = "untouched";
        size_t used = 0;

        assert_ok(parse(answer, sizeof(answer) - 1, &reply, &used, &err));
        assert_int_equal(reply.reply_to, 2);
        assert_null(reply.error_name);
        assert_string_equal(reply.signature, "aoao");
        assert_true(dbus_read_first_text(&reply.body, &open));
        assert_string_equal(open, "/one/it");
        assert_true(dbus_read_first_text(&reply.body, &locked));
        assert_null(locked);
        assert_false(dbus_read_first_text(&reply.body, &locked));
        for (size_t length = 0; length < used; length++) {
                size_t some = 7;
                assert_ok(parse(answer, length, &reply, &some, &err));
                assert_int_equal(some, 0);
        }
}

TEST(refuses_what_is_no_message)
{
        static const struct {
                size_t at;
                char byte;
        } rows[] = {
                { 0,  'x'    }, /* neither byte order */
                { 3,  2      }, /* another version */
                { 7,  '\x7f' }, /* a body of 2 GB */
                { 15, '\x7f' }, /* a head of 2 GB */
                { 17, 9      }, /* a signature that leads outside */
                { 18, 'v'    }, /* a type that no field has */
                { 28, '\xff' },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                struct dbus_reply reply = { .reply_to = 77 };
                char bytes[sizeof(answer)];
                size_t used = 3;
                memcpy(bytes, answer, sizeof(answer));
                bytes[rows[i].at] = rows[i].byte;
                assert_fails(parse(bytes, sizeof(answer) - 1, &reply, &used, &err), ERROR_INVALID,
                             "no D-Bus message");
                assert_int_equal(reply.reply_to, 77);
                assert_int_equal(used, 3);
        }
}

TEST(reads_nothing_outside_a_message_whatever_its_bytes_are)
{
        srandom(4);
        for (int i = 0; i < 200000; i++) {
                scoped_free char *bytes = xmalloc(sizeof(answer) - 1);
                struct dbus_reply reply = { 0 };
                struct error err = { 0 };
                const char *text = NULL;
                size_t length = 0;
                size_t used = 0;

                memcpy(bytes, answer, sizeof(answer) - 1);
                for (int j = 0; j < 3; j++)
                        bytes[(size_t)random() % (sizeof(answer) - 1)] = (char)random();
                if (!parse(bytes, sizeof(answer) - 1, &reply, &used, &err) || used == 0)
                        continue;
                bool read = dbus_read_first_text(&reply.body, &text) &&
                            dbus_read_struct(&reply.body) &&
                            dbus_read_bytes(&reply.body, &text, &length) &&
                            dbus_read_signature(&reply.body, &text);
                (void)read;
        }
}
