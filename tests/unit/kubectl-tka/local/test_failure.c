#include <stdlib.h>
#include <unistd.h>

#include "kubectl-tka/local/failure.h"
#include "kubectl-tka/local/note.h"
#include "kubectl-tka/local/receipt.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

static const struct cache_key key = { "http://tka", "ab", "prod", "" };
static const struct cache_key other = { "http://tka", "ab", "prod", "view" };
static const struct parent kubectl = { 4711, 99 };
static const struct parent again = { 4711, 100 };

static void enter_folder(void)
{
        assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
        assert_int_equal(unsetenv("KUBECACHEDIR"), 0);
        assert_int_equal(setenv("XDG_CACHE_HOME", folder_enter(), 1), 0);
}

static void note_failure(const struct parent *parent)
{
        struct error err = { 0 };

        error_set_status(&err, ERROR_DENIED, 403, "no rule");
        error_advise(&err, "ask");
        failure_note(&key, parent, &err);
}

TEST(recalls_a_failure_for_the_parent_and_key_that_had_it)
{
        struct error err = { 0 };

        enter_folder();
        note_failure(&kubectl);
        assert_true(failure_recall(&key, &kubectl, &err));
        assert_int_equal(err.kind, ERROR_DENIED);
        assert_int_equal(err.http_status, 403);
        assert_string_equal(err.text, "no rule");
        assert_string_equal(err.advice, "ask");
        assert_false(failure_recall(&key, &again, &err));
        assert_false(failure_recall(&other, &kubectl, &err));
        failure_forget(&key);
        assert_false(failure_recall(&key, &kubectl, &err));
}

TEST(holds_a_failure_for_two_seconds)
{
        struct error err = { 0 };

        enter_folder();
        note_failure(&kubectl);
        usleep(2100000);
        assert_false(failure_recall(&key, &kubectl, &err));
}

/* What stands in the file, of the newest failure. The caller's. */
static json_t *read_file(const char *path)
{
        scoped(buf_clear) struct buf text = { 0 };
        json_t *list = NULL;
        struct error err = { 0 };

        buf_init(&text, 512 * 1024UL);
        assert_ok(file_read_private(path, &text, &err));
        assert_ok(json_parse(buf_text(&text), text.length, &list, &err));
        return list;
}

static json_int_t read_hold_ms(const char *path)
{
        json_auto_t *list = read_file(path);

        return json_integer_value(json_object_get(json_array_get(list, 0), "hold_ms"));
}

/* As if that failure had come so much sooner. */
static void age(const char *path, int64_t ms)
{
        json_auto_t *list = read_file(path);
        json_t *at_ms = json_object_get(json_array_get(list, 0), "at_ms");
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        json_integer_set(at_ms, json_integer_value(at_ms) - ms);
        json_print(list, &text);
        assert_ok(file_write(path, 0600, text.text, text.length, &err));
}

TEST(holds_it_twice_as_long_each_time_for_a_parent_that_keeps_coming_up_to_16_seconds)
{
        static const int expected_ms[] = { 2000, 4000, 8000, 16000, 16000 };
        scoped_free char *path = NULL;
        struct error err = { 0 };

        enter_folder();
        path = note_file(&key, ".failed");
        for (size_t i = 0; i < ARRAY_LENGTH(expected_ms); i++) {
                note_failure(&kubectl);
                assert_int_equal(read_hold_ms(path), expected_ms[i]);
                age(path, expected_ms[i] - 1900);
                assert_true(failure_recall(&key, &kubectl, &err));
                age(path, 1900);
                assert_false(failure_recall(&key, &kubectl, &err));
        }
        note_failure(&again);
        assert_int_equal(read_hold_ms(path), 2000);
}

TEST(begins_with_two_seconds_again_for_a_parent_that_stayed_away)
{
        scoped_free char *path = NULL;

        enter_folder();
        path = note_file(&key, ".failed");
        note_failure(&kubectl);
        note_failure(&kubectl);
        age(path, 2 * 4000 + 16000 - 5000);
        note_failure(&kubectl);
        assert_int_equal(read_hold_ms(path), 8000);
        age(path, 2 * 8000 + 16000 + 1);
        note_failure(&kubectl);
        assert_int_equal(read_hold_ms(path), 2000);
}

TEST(knows_that_anybody_failed_since_a_time)
{
        struct error err = { 0 };
        int64_t before_ms = parent_clock_ms();

        enter_folder();
        note_failure(&kubectl);
        assert_true(failure_since(&key, before_ms, &err));
        assert_false(failure_since(&key, parent_clock_ms() + 1000, &err));
}

/* With as much to say as there is room for. */
static void note_long_failure(int pid)
{
        struct error err = { .kind = ERROR_UNAVAILABLE };

        memset(err.text, '"', sizeof(err.text) - 1);
        memset(err.advice, '"', sizeof(err.advice) - 1);
        failure_note(&key, &(struct parent){ pid, 1 }, &err);
}

/* Also when it is no longer held: to write 200 may take longer than the 2 s of the first. */
static bool is_remembered(int pid)
{
        scoped_free char *path = note_file(&key, ".failed");
        json_auto_t *list = read_file(path);
        size_t index = 0;
        const json_t *item = NULL;

        json_array_foreach(list, index, item)
        {
                if (json_integer_value(json_object_get(item, "pid")) == pid)
                        return true;
        }
        return false;
}

TEST(remembers_many_parents_but_not_without_end)
{
        struct error err = { 0 };

        enter_folder();
        for (int i = 1; i <= 200; i++)
                note_long_failure(i);
        assert_true(failure_recall(&key, &(struct parent){ 200, 1 }, &err));
        assert_true(is_remembered(101));
        assert_false(is_remembered(1));
}

TEST(passes_over_failures_that_cannot_be_read)
{
        static const char *const texts[] = { "", "{}", "[1]", "[{\"pid\":4711}]", "[[[" };
        scoped_free char *path = NULL;
        struct error err = { 0 };

        enter_folder();
        note_failure(&kubectl);
        path = note_file(&key, ".failed");
        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                assert_ok(file_write(path, 0600, texts[i], strlen(texts[i]), &err));
                assert_false(failure_recall(&key, &kubectl, &err));
        }
        note_failure(&kubectl);
        assert_true(failure_recall(&key, &kubectl, &err));
}

static bool is_refused(const struct parent *parent, const char *token)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        bool refused = false;

        secret_set(&entry.token, token, strlen(token));
        receipt_exchange(&key, parent, &entry, &refused);
        return refused;
}

TEST(takes_a_client_that_comes_again_for_its_token_for_a_refused_one)
{
        enter_folder();
        assert_false(is_refused(&kubectl, "one"));
        assert_true(is_refused(&kubectl, "one"));
        assert_false(is_refused(&again, "one"));
        assert_false(is_refused(&kubectl, "two"));
}

TEST(takes_nobody_for_refused_while_the_key_is_held)
{
        enter_folder();
        assert_false(is_refused(&kubectl, "one"));
        receipt_hold(&key, RECEIPT_REPLACED_MS);
        receipt_hold(&key, 1); /* ends nothing sooner */
        usleep(2000);
        assert_false(is_refused(&kubectl, "one"));
}

TEST(takes_a_client_for_refused_again_when_the_hold_is_over)
{
        enter_folder();
        assert_false(is_refused(&kubectl, "one"));
        receipt_hold(&key, 1);
        usleep(2000);
        assert_true(is_refused(&kubectl, "one"));
}

TEST(takes_nobody_that_is_not_known_for_somebody_seen_before)
{
        static const struct parent outside = { 0, 0 }; /* of our container */
        struct error err = { 0 };

        enter_folder();
        assert_false(is_refused(&outside, "one"));
        assert_false(is_refused(&outside, "one"));
        note_failure(&outside);
        assert_false(failure_recall(&key, &outside, &err));
}

TEST(writes_no_receipts_where_others_could_read_or_place_them)
{
        scoped_free char *path = NULL;

        enter_folder();
        assert_false(is_refused(&kubectl, "one"));
        path = note_file(&key, ".given");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/dev/zero", path), 0);
        assert_false(is_refused(&kubectl, "one"));
        assert_false(is_refused(&kubectl, "one"));
}
