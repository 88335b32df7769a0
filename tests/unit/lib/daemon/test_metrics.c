#include "lib/daemon/metrics.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

enum { LOGINS, ACTIVE, DURATION, PLAIN };

static const struct metric table[] = {
        [LOGINS] = { "tka_logins_total",     METRIC_COUNTER,   { "role", "outcome" }, "Logins."     },
        [ACTIVE] = { "tka_active",           METRIC_GAUGE,     { "role" },            "Sessions."   },
        [DURATION] = { "tka_duration_seconds", METRIC_HISTOGRAM, { "route" },           "Time taken." },
        [PLAIN] = { "tka_restarts_total",   METRIC_COUNTER,   { NULL },              "Restarts."   },
};

static char *print(const struct metrics *metrics)
{
        scoped(buf_clear) struct buf buf = { 0 };

        metrics_print(metrics, &buf);
        return buf_take(&buf);
}

static void free_metrics(struct metrics **metrics)
{
        metrics_free(*metrics);
}

#define LABELS(...) ((const char *const[]){ __VA_ARGS__ })

static void assert_prints(const struct metrics *metrics, const char *line)
{
        scoped_free char *text = print(metrics);

        if (!strstr(text, line))
                fail_msg("%s is not in\n%s", line, text);
}

TEST(counts_by_label)
{
        scoped(free_metrics) struct metrics *metrics = metrics_new(table, ARRAY_LENGTH(table));

        metrics_add(metrics, LOGINS, LABELS("view", "ok"), 1);
        metrics_add(metrics, LOGINS, LABELS("view", "ok"), 2);
        metrics_add(metrics, LOGINS, LABELS("edit", "denied"), 0.5);
        assert_prints(metrics, "# HELP tka_logins_total Logins.\n# TYPE tka_logins_total counter\n"
                               "tka_logins_total{role=\"view\",outcome=\"ok\"} 3\n"
                               "tka_logins_total{role=\"edit\",outcome=\"denied\"} 0.5\n");
}

TEST(shows_a_metric_without_labels_from_the_start)
{
        scoped(free_metrics) struct metrics *metrics = metrics_new(table, ARRAY_LENGTH(table));

        assert_prints(metrics, "\ntka_restarts_total 0\n");
        metrics_add(metrics, PLAIN, NULL, 1);
        assert_prints(metrics, "\ntka_restarts_total 1\n");
}

TEST(sets_and_forgets_a_gauge)
{
        scoped(free_metrics) struct metrics *metrics = metrics_new(table, ARRAY_LENGTH(table));

        metrics_set(metrics, ACTIVE, LABELS("view"), 7);
        metrics_set(metrics, ACTIVE, LABELS("view"), 0.1);
        assert_prints(metrics, "tka_active{role=\"view\"} 0.1\n");
        metrics_reset(metrics, ACTIVE);
        scoped_free char *text = print(metrics);
        assert_null(strstr(text, "tka_active{"));
}

TEST(sums_up_a_histogram)
{
        scoped(free_metrics) struct metrics *metrics = metrics_new(table, ARRAY_LENGTH(table));

        metrics_observe(metrics, DURATION, LABELS("/"), 0.001);
        metrics_observe(metrics, DURATION, LABELS("/"), 0.3);
        metrics_observe(metrics, DURATION, LABELS("/"), 60);
        assert_prints(metrics, "tka_duration_seconds_bucket{route=\"/\",le=\"0.001\"} 1\n");
        assert_prints(metrics, "tka_duration_seconds_bucket{route=\"/\",le=\"0.25\"} 1\n");
        assert_prints(metrics, "tka_duration_seconds_bucket{route=\"/\",le=\"10\"} 2\n");
        assert_prints(metrics, "tka_duration_seconds_bucket{route=\"/\",le=\"+Inf\"} 3\n"
                               "tka_duration_seconds_sum{route=\"/\"} 60.301\n"
                               "tka_duration_seconds_count{route=\"/\"} 3\n");
}

TEST(escapes_the_values_of_labels)
{
        scoped(free_metrics) struct metrics *metrics = metrics_new(table, ARRAY_LENGTH(table));

        metrics_set(metrics, ACTIVE, LABELS("a\"b\\c\n4"), 1);
        assert_prints(metrics, "tka_active{role=\"a\\\"b\\\\c?4\"} 1\n");
}

TEST(counts_what_is_over_a_thousand_series_together)
{
        scoped(free_metrics) struct metrics *metrics = metrics_new(table, ARRAY_LENGTH(table));
        char role[16];

        for (int i = 0; i < 1500; i++) {
                snprintf(role, sizeof(role), "r%d", i);
                metrics_add(metrics, LOGINS, LABELS(role, "ok"), 1);
        }
        assert_prints(metrics, "tka_logins_total{role=\"r999\",outcome=\"ok\"} 1\n"
                               "tka_logins_total{role=\"other\",outcome=\"other\"} 500\n");
}

static double value_of(const char *text, const char *name)
{
        const char *at = strstr(text, name);

        assert_non_null(at);
        return strtod(at + strlen(name), NULL);
}

TEST(says_how_the_process_is)
{
        scoped(free_metrics) struct metrics *metrics = metrics_new(table, ARRAY_LENGTH(table));
        scoped_free char *text = print(metrics);
        double age = (double)time(NULL) - value_of(text, "\nprocess_start_time_seconds ");

        assert_true(value_of(text, "\nprocess_resident_memory_bytes ") > 100000);
        assert_true(value_of(text, "\nprocess_cpu_seconds_total ") > 0);
        assert_true(value_of(text, "\nprocess_open_fds ") >= 3);
        assert_true(age > -5 && age < 600);
}
