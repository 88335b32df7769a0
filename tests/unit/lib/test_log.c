#include "lib/log.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

/* What write_event writes to stderr. */
static char *capture(void (*write_event)(void))
{
        char text[4096] = "";
        int kept = dup(STDERR_FILENO), ends[2];

        if (kept < 0 || pipe(ends))
                abort();
        assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
        close(ends[1]);
        write_event();
        assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
        close(kept);
        assert_true(read(ends[0], text, sizeof(text) - 1) >= 0);
        close(ends[0]);
        return xstrdup(text);
}

static void write_login(void)
{
        log_event(LOG_LEVEL_INFO, "signed in", "login", "alice@example.com", "absent", NULL,
                  "reason", "two words", "audit", "true", NULL);
}

static void write_nasty(void)
{
        log_event(LOG_LEVEL_WARN, "a\nb\x1b[31m", "login", "x\ny\x7f\xff", "empty", "", NULL);
}

static void write_debug(void)
{
        log_event(LOG_LEVEL_DEBUG, "details", NULL);
}

TEST(writes_one_object_a_line)
{
        json_auto_t *event = NULL;
        struct error err = { 0 };

        log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        scoped_free char *line = capture(write_login);
        assert_non_null(strstr(line, "Z\",\"level\":\"info\",\"msg\":\"signed in\",\"login\":"));
        assert_int_equal(strchr(line, '\n') - line, strlen(line) - 1);
        assert_ok(json_parse(line, strlen(line), &event, &err));
        assert_string_equal(json_text_at(event, "reason"), "two words");
        assert_true(json_bool_at(event, "audit", false));
        assert_null(json_at(event, "absent"));
}

TEST(writes_plain_text_for_people)
{
        log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        scoped_free char *line = capture(write_login);
        assert_string_equal(line + strlen("12:13:14"), " INFO signed in login=alice@example.com "
                                                       "reason=\"two words\" audit=true\n");
        assert_int_equal(line[2], ':');
}

TEST(stays_one_clean_line_in_either_format)
{
        log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        scoped_free char *text = capture(write_nasty);
        assert_string_equal(text + strlen("12:13:14"), " WARN a?b?[31m login=x?y?? empty=\"\"\n");

        json_auto_t *event = NULL;
        struct error err = { 0 };
        log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        scoped_free char *line = capture(write_nasty);
        assert_ok(json_parse(line, strlen(line), &event, &err));
        assert_string_equal(json_text_at(event, "msg"), "a\nb\x1b[31m");
        assert_null(strchr(line, 0x7f));
}

TEST(leaves_out_what_is_less_important)
{
        log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        scoped_free char *nothing = capture(write_debug);
        assert_string_equal(nothing, "");

        log_init(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
        scoped_free char *line = capture(write_debug);
        assert_non_null(strstr(line, "\"level\":\"debug\""));
}

static void write_audit(void)
{
        log_audit(LOG_LEVEL_INFO, "issue", "jti", "8f3c", NULL);
}

TEST(writes_an_audit_line_at_any_level_and_leaves_it_its_own)
{
        log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
        scoped_free char *line = capture(write_audit);
        assert_non_null(strstr(line, "Z\",\"level\":\"info\",\"msg\":\"issue\",\"audit\":true,"
                                     "\"jti\":\"8f3c\"}\n"));
        scoped_free char *other = capture(write_login);
        assert_string_equal(other, "");
}

TEST(picks_json_when_stderr_is_no_terminal)
{
        int kept = dup(STDERR_FILENO), ends[2];

        if (kept < 0 || pipe(ends))
                abort();
        dup2(ends[1], STDERR_FILENO);
        log_init(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
        dup2(kept, STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        close(kept);
        scoped_free char *line = capture(write_login);
        assert_int_equal(line[0], '{');
}

TEST(reads_the_names_of_levels)
{
        struct error err = { 0 };
        enum log_level level = LOG_LEVEL_ERROR;

        assert_ok(log_level_parse("debug", &level, &err));
        assert_int_equal(level, LOG_LEVEL_DEBUG);
        assert_fails(log_level_parse("loud", &level, &err), ERROR_INVALID,
                     "\"loud\" is no log level (debug, info, warn, error)");
        assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static void write_a_token(void)
{
        log_event(LOG_LEVEL_INFO, "request", "target", "/eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOjF9.c2ln?a",
                  "other", "eyJ", "last", "eyJhbGciOiJSUzI1NiJ9", NULL);
}

TEST(keeps_no_token_that_somebody_sends)
{
        log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        scoped_free char *line = capture(write_a_token);
        assert_non_null(strstr(line, "\"target\":\"/[token]?a\",\"other\":\"eyJ\","
                                     "\"last\":\"[token]\"}\n"));
}

static void write_marks(void)
{
        log_event(LOG_LEVEL_INFO, "a", "b",
                  "c\xe2\x80\xa8"
                  "d\xe2\x80\xae"
                  "e\xe2\x80\xa6",
                  NULL);
}

TEST(ends_no_line_early_and_turns_no_text_round)
{
        log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        scoped_free char *line = capture(write_marks);
        assert_non_null(strstr(line, "\"b\":\"c???d???e\xe2\x80\xa6\""));
}
