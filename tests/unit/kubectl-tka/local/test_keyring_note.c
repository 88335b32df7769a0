#include "kubectl-tka/local/keyring_note.h"

#include "kubectl-tka/local/note.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

#define BUS "unix:path=/run/bus"

static void enter(void)
{
        assert_int_equal(setenv("XDG_RUNTIME_DIR", folder_enter(), 1), 0);
}

/* As if it had been noted so many seconds ago. */
static void write_note(const char *bus, int64_t state, int64_t seconds)
{
        scoped_free char *path = note_common_file(".keyring");
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        buf_printf(&text, "{\"bus\":\"%s\",\"state\":%lld,\"noted_at\":%lld}", bus,
                   (long long)state, (long long)(timestamp_now() - seconds));
        assert_ok(note_make_folder(&err));
        assert_ok(file_write(path, 0600, text.text, text.length, &err));
}

TEST(remembers_of_a_bus_what_its_keyring_was)
{
        static const enum keyring_state states[] = { KEYRING_LOCKED, KEYRING_ABSENT, KEYRING_MUTE };

        enter();
        assert_int_equal(keyring_note_read(BUS), KEYRING_OPEN);
        for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
                keyring_note_write(BUS, states[i], false);
                assert_int_equal(keyring_note_read(BUS), states[i]);
                assert_int_equal(keyring_note_read("unix:path=/run/another"), KEYRING_OPEN);
        }
        keyring_note_write(BUS, KEYRING_OPEN, false);
        assert_int_equal(keyring_note_read(BUS), KEYRING_OPEN);
}

TEST(has_a_keyring_asked_again_after_60_seconds)
{
        enter();
        write_note(BUS, KEYRING_LOCKED, 55);
        assert_int_equal(keyring_note_read(BUS), KEYRING_LOCKED);
        write_note(BUS, KEYRING_LOCKED, 60);
        assert_int_equal(keyring_note_read(BUS), KEYRING_OPEN);
}

TEST(begins_the_60_seconds_anew_when_it_is_of_no_use_again)
{
        enter();
        write_note(BUS, KEYRING_LOCKED, 60);
        keyring_note_write(BUS, KEYRING_LOCKED, false);
        assert_int_equal(keyring_note_read(BUS), KEYRING_LOCKED);
}

TEST(has_a_keyring_asked_where_the_note_is_of_no_use)
{
        enter();
        write_note(BUS, KEYRING_LOCKED, -3600); /* a clock that was set back */
        assert_int_equal(keyring_note_read(BUS), KEYRING_OPEN);
        write_note(BUS, KEYRING_MUTE + 1, 0);
        assert_int_equal(keyring_note_read(BUS), KEYRING_OPEN);
        write_note(BUS, -1, 0);
        assert_int_equal(keyring_note_read(BUS), KEYRING_OPEN);
        write_note("\"", KEYRING_LOCKED, 0);
        assert_int_equal(keyring_note_read(BUS), KEYRING_OPEN);
}
