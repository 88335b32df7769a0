#include "lib/daemon/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon/process_metrics.h"
#include "lib/memory.h"

#define SERIES_MAX 1000

static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                 0.25,  0.5,    1,     2.5,  5,     10 };

struct series {
        char *labels; /* as printed, without the braces: a="b",c="d" */
        double value; /* a histogram's sum */
        uint64_t count;
        uint64_t buckets[ARRAY_LENGTH(bounds)]; /* each alone, summed up when printed */
};

struct family {
        const struct metric *metric;
        struct series *series;
        size_t count;
};

struct metrics {
        struct family *families;
        size_t count;
        struct process_metrics process;
};

static size_t label_count(const struct metric *metric)
{
        size_t count = 0;

        while (count < METRIC_LABELS_MAX && metric->labels[count])
                count++;
        return count;
}

/* Without printf: every request comes by here several times. */
static void print_label(const char *name, const char *value, struct buf *buf)
{
        scoped_free char *clean = xstrdup(value);

        buf_add(buf, buf->length ? "," : "");
        buf_add(buf, name);
        buf_add(buf, "=\"");
        for (const char *at = error_clean_line(clean); *at;) {
                size_t plain = strcspn(at, "\"\\");

                (void)buf_append(buf, at, plain); /* it has no limit */
                at += plain;
                if (*at) {
                        buf_add(buf, "\\");
                        (void)buf_append(buf, at++, 1);
                }
        }
        buf_add(buf, "\"");
}

/* labels NULL: each is "other". */
static char *join_labels(const struct metric *metric, const char *const *labels)
{
        scoped(buf_clear) struct buf joined = { 0 };

        for (size_t i = 0; i < label_count(metric); i++)
                print_label(metric->labels[i], labels ? labels[i] : "other", &joined);
        return buf_take(&joined);
}

static struct series *find_series(struct family *family, const char *labels)
{
        for (size_t i = 0; i < family->count; i++)
                if (!strcmp(family->series[i].labels, labels))
                        return &family->series[i];
        return NULL;
}

/* Takes *labels. */
static struct series *add_series(struct family *family, char **labels)
{
        family->series = xrealloc(family->series, (family->count + 1) * sizeof(struct series));
        struct series *added = &family->series[family->count++];
        *added = (struct series){ .labels = take(*labels) };
        return added;
}

/* Finds it, or begins it. */
static struct series *series_of(struct metrics *metrics, size_t index, const char *const *labels)
{
        assert(index < metrics->count);
        struct family *family = &metrics->families[index];
        scoped_free char *joined = join_labels(family->metric, labels);
        struct series *found = find_series(family, joined);

        if (found)
                return found;
        if (family->count < SERIES_MAX)
                return add_series(family, &joined);
        scoped_free char *other = join_labels(family->metric, NULL);
        found = find_series(family, other);
        return found ? found : add_series(family, &other);
}

static void clear_family(struct family *family)
{
        for (size_t i = 0; i < family->count; i++)
                free(family->series[i].labels);
        free(family->series);
        family->series = NULL;
        family->count = 0;
}

struct metrics *metrics_new(const struct metric *table, size_t count)
{
        struct metrics *metrics = xcalloc(1, sizeof(*metrics));

        metrics->families = xcalloc(count, sizeof(struct family));
        metrics->count = count;
        for (size_t i = 0; i < count; i++) {
                metrics->families[i].metric = &table[i];
                scoped_free char *none = xstrdup("");
                if (!label_count(&table[i]))
                        add_series(&metrics->families[i], &none);
        }
        process_metrics_init(&metrics->process);
        return metrics;
}

void metrics_free(struct metrics *metrics)
{
        if (!metrics)
                return;
        for (size_t i = 0; i < metrics->count; i++)
                clear_family(&metrics->families[i]);
        free(metrics->families);
        process_metrics_clear(&metrics->process);
        free(metrics);
}

void metrics_add(struct metrics *metrics, size_t index, const char *const *labels, double amount)
{
        series_of(metrics, index, labels)->value += amount;
}

void metrics_set(struct metrics *metrics, size_t index, const char *const *labels, double value)
{
        series_of(metrics, index, labels)->value = value;
}

void metrics_observe(struct metrics *metrics, size_t index, const char *const *labels,
                     double seconds)
{
        struct series *series = series_of(metrics, index, labels);
        size_t bucket = 0;

        while (bucket < ARRAY_LENGTH(bounds) && seconds > bounds[bucket])
                bucket++;
        if (bucket < ARRAY_LENGTH(bounds))
                series->buckets[bucket]++;
        series->count++;
        series->value += seconds;
}

void metrics_reset(struct metrics *metrics, size_t index)
{
        assert(index < metrics->count);
        clear_family(&metrics->families[index]);
}

/* As short as it reads back the same. */
static void print_number(double value, struct buf *buf)
{
        char text[32];

        snprintf(text, sizeof(text), "%.15g", value);
        if (strtod(text, NULL) < value || strtod(text, NULL) > value)
                snprintf(text, sizeof(text), "%.17g", value);
        buf_add(buf, text);
}

static void print_sample(const char *name, const char *suffix, const char *labels, double value,
                         struct buf *buf)
{
        const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";

        buf_printf(buf, "%s%s%s%s%s ", name, suffix, open, labels, close);
        print_number(value, buf);
        buf_add(buf, "\n");
}

static void print_histogram(const char *name, const struct series *series, struct buf *buf)
{
        const char *comma = *series->labels ? "," : "";
        uint64_t below = 0;

        for (size_t i = 0; i < ARRAY_LENGTH(bounds); i++) {
                below += series->buckets[i];
                scoped_free char *labels =
                        xasprintf("%s%sle=\"%g\"", series->labels, comma, bounds[i]);
                print_sample(name, "_bucket", labels, (double)below, buf);
        }
        scoped_free char *all = xasprintf("%s%sle=\"+Inf\"", series->labels, comma);
        print_sample(name, "_bucket", all, (double)series->count, buf);
        print_sample(name, "_sum", series->labels, series->value, buf);
        print_sample(name, "_count", series->labels, (double)series->count, buf);
}

static void print_family(const struct family *family, struct buf *buf)
{
        static const char *const kinds[] = {
                [METRIC_COUNTER] = "counter",
                [METRIC_GAUGE] = "gauge",
                [METRIC_HISTOGRAM] = "histogram",
        };
        const struct metric *metric = family->metric;

        buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                   kinds[metric->kind]);
        for (size_t i = 0; i < family->count; i++)
                if (metric->kind == METRIC_HISTOGRAM)
                        print_histogram(metric->name, &family->series[i], buf);
                else
                        print_sample(metric->name, "", family->series[i].labels,
                                     family->series[i].value, buf);
}

void metrics_print(const struct metrics *metrics, struct buf *buf)
{
        for (size_t i = 0; i < metrics->count; i++)
                print_family(&metrics->families[i], buf);
        process_metrics_print(&metrics->process, buf);
}
