#include "kubectl-tka/local/keyring_note.h"

#include <string.h>

#include "kubectl-tka/local/note.h"
#include "kubectl-tka/local/report.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define REMEMBERED_SECONDS 60
#define TURN_MS 250
#define LIMIT_NOTE 4096

/* What the last call learned of a keyring that was of no use. */
struct note {
        char *bus;
        int64_t state;
        int64_t noted_at;
};

static const struct json_field fields[] = {
        { "bus",      JSON_KIND_TEXT,    offsetof(struct note, bus),      true, 0 },
        { "state",    JSON_KIND_INTEGER, offsetof(struct note, state),    true, 0 },
        { "noted_at", JSON_KIND_INTEGER, offsetof(struct note, noted_at), true, 0 },
};

static void clear_note(struct note *note)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), note);
}

/* false: nothing is noted of that bus. */
static bool read_note(const char *bus, struct note *note)
{
        scoped_free char *path = note_common_file(".keyring");
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *object = NULL;
        struct error ignored = { 0 };

        buf_init(&text, LIMIT_NOTE);
        return path && file_read_private(path, &text, &ignored) &&
               json_parse_object(buf_text(&text), text.length, &object, &ignored) &&
               json_fields_read(object, fields, ARRAY_LENGTH(fields), note, &ignored) &&
               strcmp(note->bus, bus) == 0 && note->state > KEYRING_OPEN &&
               note->state <= KEYRING_MUTE;
}

int keyring_note_take_turn(void)
{
        scoped_free char *path = note_common_file(".turn");
        int turn = note_open(path);

        if (turn >= 0)
                fd_lock(turn, TURN_MS);
        return turn;
}

enum keyring_state keyring_note_read(const char *bus)
{
        scoped(clear_note) struct note note = { 0 };
        int64_t now = timestamp_now();

        if (!read_note(bus, &note) || note.noted_at > now ||
            now - note.noted_at >= REMEMBERED_SECONDS)
                return KEYRING_OPEN;
        return (enum keyring_state)note.state;
}

/* For auto a machine without a keyring is as good as any; a locked one is worth a word. */
static void tell(enum keyring_state state, bool alone)
{
        if (state == KEYRING_LOCKED || (alone && state != KEYRING_OPEN))
                report_warning("the keyring is %s: tokens are %s%s", keyring_state_text(state),
                               alone ? "not kept" : "kept in a private file",
                               state == KEYRING_LOCKED
                                       ? "; \"kubectl tka login\" on a terminal unlocks it"
                                       : "");
}

void keyring_note_write(const char *bus, enum keyring_state state, bool alone)
{
        scoped(clear_note) struct note before = { 0 };
        scoped(clear_note) struct note note = { xstrdup(bus), state, timestamp_now() };
        json_auto_t *object = json_fields_write(fields, ARRAY_LENGTH(fields), &note);
        scoped(buf_clear) struct buf text = { 0 };
        scoped_free char *path = note_common_file(".keyring");
        struct error ignored = { 0 };
        enum keyring_state last =
                read_note(bus, &before) ? (enum keyring_state)before.state : KEYRING_OPEN;

        if (state == KEYRING_OPEN && last == KEYRING_OPEN)
                return;
        json_print(object, &text);
        bool noted = path && note_make_folder(&ignored) &&
                     file_write(path, 0600, text.text, text.length, &ignored);
        if (noted && state != last)
                tell(state, alone);
}
