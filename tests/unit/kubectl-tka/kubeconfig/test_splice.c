#include <stdio.h>
#include <stdlib.h>

#include "kubectl-tka/kubeconfig/splice.h"
#include "kubectl-tka/kubeconfig/stanza.h"
#include "lib/memory.h"
#include "lib/yaml.h"
#include "tests/unit/test.h"

static char api_url[] = "https://api:6443";
static char ca_data[] = "QUJD";
static char automatic[] = "auto";
static char other_socket[] = "/run/other.sock";
static const struct cluster_info cluster = { .server_url = api_url, .ca_data = ca_data };

/* The three entries of a login, and the change that writes them. */
struct entries {
        json_t *cluster, *user, *context;
};

static void clear_entries(struct entries *entries)
{
        json_decref(entries->cluster);
        json_decref(entries->user);
        json_decref(entries->context);
}

static struct entries make_entries(const char *name, const char *server)
{
        struct config config = { .cache = automatic, .socket = other_socket };
        struct stanza stanza = {
                .name = name,
                .cluster = &cluster,
                .key = { server, "ab", "prod", "" },
                .config = &config
        };

        return (struct entries){ stanza_cluster(&stanza), stanza_user(&stanza),
                                 stanza_context(&stanza) };
}

static struct splice make_splice(const struct entries *entries, const char *current)
{
        return (struct splice){ .cluster = entries->cluster,
                                .user = entries->user,
                                .context = entries->context,
                                .current_context = current };
}

static void apply(const char *text, const struct splice *splice, struct buf *result,
                  bool *rewritten)
{
        struct error err = { 0 };

        assert_ok(splice_apply(text, strlen(text), splice, result, rewritten, &err));
}

static json_t *parse(const char *text)
{
        struct error err = { 0 };
        json_t *value = NULL;

        assert_ok(yaml_parse(text, strlen(text), &value, &err));
        return value;
}

TEST(leaves_a_current_context_alone_that_is_there_when_told_to)
{
        static const struct {
                const char *text, *current;
        } rows[] = {
                { "kind: Config\ncurrent-context: mine\n", "mine" },
                { "kind: Config\ncurrent-context: ''\n",   "prod" },
                { "kind: Config\ncurrent-context:\n",      "prod" },
                { "kind: Config\n",                        "prod" },
                { "",                                      "prod" },
        };
        struct splice splice = { .current_context = "prod", .keeps_current = true };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(buf_clear) struct buf result = { 0 };
                bool rewritten = false;
                apply(rows[i].text, &splice, &result, &rewritten);
                json_auto_t *read = parse(buf_text(&result));
                assert_string_equal(json_text_at(read, "current-context"), rows[i].current);
        }
}

TEST(writes_a_whole_kubeconfig_where_there_is_none)
{
        static const char *const texts[] = { "", "\n", "# mine\n", "---\n", "{}\n" };
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, "prod");

        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                scoped(buf_clear) struct buf result = { 0 };
                bool rewritten = false;
                apply(texts[i], &splice, &result, &rewritten);
                json_auto_t *read = parse(result.text);
                assert_string_equal(json_text_at(read, "kind"), "Config");
                assert_string_equal(json_text_at(read, "apiVersion"), "v1");
                assert_string_equal(json_text_at(read, "current-context"), "prod");
                assert_int_equal(json_array_size(json_object_get(read, "users")), 1);
        }
}

TEST(keeps_comments_order_and_unknown_fields)
{
        static const char text[] = "# my kubeconfig\n"
                                   "kind: Config # the kind\n"
                                   "future: {a: 1}\n"
                                   "users:\n"
                                   "# people\n"
                                   "- name: bob   # a friend\n"
                                   "  user: {token: secret}\n"
                                   "  # the last of bob\n"
                                   "# what comes next\n"
                                   "contexts: []  # none yet\n"
                                   "clusters:\n"
                                   "  - cluster:\n"
                                   "      note: |\n"
                                   "        text\n"
                                   "\n"
                                   "        # no comment\n"
                                   "\n"
                                   "    name: \"other\"\n"
                                   "current-context: '' # none\n"
                                   "apiVersion: v1\n"
                                   "# the end";
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, "prod");
        scoped(buf_clear) struct buf result = { 0 };
        bool rewritten = true;

        apply(text, &splice, &result, &rewritten);
        assert_false(rewritten);
        assert_non_null(strstr(result.text, "# my kubeconfig\nkind: Config # the kind\n"));
        assert_non_null(strstr(result.text, "future: {a: 1}\nusers:\n# people\n- name: bob   # a"));
        assert_non_null(strstr(result.text, "  # the last of bob\n- name: prod\n") ||
                                        strstr(result.text, "  # the last of bob\n- user:\n")
                                ? result.text
                                : NULL);
        assert_non_null(strstr(result.text, "\n# what comes next\ncontexts:   # none yet\n- "));
        assert_non_null(
                strstr(result.text, "\n\n        # no comment\n\n    name: \"other\"\n  - "));
        assert_non_null(strstr(result.text, "current-context: prod # none\napiVersion: v1\n"));
        assert_non_null(strstr(result.text, "\n# the end"));
}

TEST(changes_nothing_when_it_is_applied_again)
{
        static const char *const texts[] = { "", "users:\n  - name: a\n    user: {}\n",
                                             "clusters:\n-\n  # c\n  name: x\n  cluster: {}\n" };
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, "prod");

        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                scoped(buf_clear) struct buf once = { 0 };
                scoped(buf_clear) struct buf twice = { 0 };
                bool rewritten = false;
                apply(texts[i], &splice, &once, &rewritten);
                apply(once.text, &splice, &twice, &rewritten);
                assert_false(rewritten);
                assert_string_equal(once.text, twice.text);
        }
}

TEST(replaces_its_own_entry_and_no_other)
{
        scoped(clear_entries) struct entries old = make_entries("prod", "http://old");
        scoped(clear_entries) struct entries other = make_entries("other", "http://other");
        scoped(clear_entries) struct entries new = make_entries("prod", "http://new");
        struct splice steps[] = { make_splice(&old, NULL), make_splice(&other, "other"),
                                  make_splice(&new, NULL) };
        scoped(buf_clear) struct buf text = { 0 };
        bool rewritten = false;

        for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
                scoped(buf_clear) struct buf result = { 0 };
                apply(buf_text(&text), &steps[i], &result, &rewritten);
                assert_false(rewritten);
                buf_clear(&text);
                buf_add(&text, result.text);
        }
        assert_null(strstr(text.text, "http://old"));
        assert_non_null(strstr(text.text, "http://new"));
        assert_non_null(strstr(text.text, "http://other"));
        assert_non_null(strstr(text.text, "current-context: other\n"));
}

TEST(keeps_what_people_put_into_its_entries)
{
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        scoped(clear_entries) struct entries moved = make_entries("prod", "http://new");
        struct splice splice = make_splice(&moved, NULL);
        scoped(buf_clear) struct buf text = { 0 };
        scoped(buf_clear) struct buf result = { 0 };
        json_auto_t *root = json_pack("{s:[O]}", "contexts", entries.context);
        json_t *fields = json_at(entries.context, "context");
        bool rewritten = false;

        json_object_set_new(fields, "namespace", json_string("mine"));
        json_object_set_new(fields, "user", json_string("somebody else"));
        json_array_append_new(json_object_get(fields, "extensions"),
                              json_pack("{s:s,s:s}", "name", "other", "extension", "kept"));
        yaml_print(root, &text);
        apply(text.text, &splice, &result, &rewritten);
        assert_non_null(strstr(result.text, "namespace: mine\n"));
        assert_non_null(strstr(result.text, "extension: kept\n"));
        assert_null(strstr(result.text, "somebody else"));
        assert_null(strstr(result.text, "http://tka"));
}

static const struct splice forget = { .no_cluster = "prod",
                                      .no_user = "prod",
                                      .no_context = "prod" };

TEST(takes_its_entries_out_and_leaves_the_text_as_it_was)
{
        static const char *const texts[] = {
                "kind: Config\napiVersion: v1\ncurrent-context: mine\nusers:\n- name: a\n  user: "
                "{}\n"
                "contexts:\n  - name: a\n    # mine\n    context: {}\n# between\n"
                "clusters:\n-\n  # c\n  name: x\n  cluster: {}\n# the end",
                "clusters:\r\n- name: x\r\nusers:\r\n- name: x\r\ncontexts:\r\n- name: x\r\n",
        };
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, NULL);

        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                scoped(buf_clear) struct buf with = { 0 };
                scoped(buf_clear) struct buf without = { 0 };
                bool rewritten = true;
                apply(texts[i], &splice, &with, &rewritten);
                apply(with.text, &forget, &without, &rewritten);
                assert_false(rewritten);
                assert_string_not_equal(with.text, without.text);
                json_auto_t *before = parse(texts[i]);
                json_auto_t *after = parse(without.text);
                assert_true(json_equal(before, after));
                assert_int_equal(strcspn(without.text, "#"), strcspn(texts[i], "#"));
        }
}

TEST(takes_the_only_entries_out_and_the_current_context_with_them)
{
        static const char *const lists[] = { "clusters", "users", "contexts" };
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, "prod");
        scoped(buf_clear) struct buf with = { 0 };
        scoped(buf_clear) struct buf without = { 0 };
        bool rewritten = true;

        apply("# mine\n", &splice, &with, &rewritten);
        apply(with.text, &forget, &without, &rewritten);
        assert_false(rewritten);
        json_auto_t *read = parse(without.text);
        for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
                assert_true(json_is_null(json_object_get(read, lists[i])));
        assert_string_equal(json_text_at(read, "current-context"), "");
        assert_non_null(strstr(without.text, "# mine\n"));
}

TEST(takes_nothing_out_that_is_not_its_own)
{
        static const char *const texts[] = { "", "users:\n- name: prod\n  user:\n    token: mine\n",
                                             "users: 7\n",
                                             "contexts: [{name: prod}]\ncurrent-context: prod\n",
                                             "clusters:\n- name: other\ncurrent-context: other\n" };

        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                scoped(buf_clear) struct buf result = { 0 };
                bool rewritten = false;
                apply(texts[i], &forget, &result, &rewritten);
                assert_false(rewritten);
                if (texts[i][0])
                        assert_string_equal(buf_text(&result), texts[i]);
        }
}

TEST(takes_its_entries_out_of_a_text_in_flow_style_by_writing_it_anew)
{
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        json_auto_t *root = json_pack("{s:[O,{s:s}],s:[O],s:[O],s:s}", "users", entries.user,
                                      "name", "a", "contexts", entries.context, "clusters",
                                      entries.cluster, "current-context", "a");
        scoped(buf_clear) struct buf text = { 0 };
        scoped(buf_clear) struct buf result = { 0 };
        bool rewritten = false;

        json_print(root, &text);
        apply(text.text, &forget, &result, &rewritten);
        assert_true(rewritten);
        assert_null(strstr(result.text, "prod"));
        assert_non_null(strstr(result.text, "name: a\n"));
        assert_non_null(strstr(result.text, "current-context: a\n"));
}

TEST(gives_a_list_in_brackets_lines_of_its_own_and_leaves_the_rest_as_it_is)
{
        static const char text[] = "# mine\nusers: [{name: a, user: {token: t}}, # no comment\n"
                                   "  {name: \"b\"}] # two\nextra: {a: [1]} # kept\ncontexts:\n"
                                   "  [{name: c, context: {user: a}}]\nclusters: [ ]\n# the end\n";
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, NULL);
        scoped_free char *plain = xstrdup(text);
        scoped(buf_clear) struct buf with = { 0 };
        scoped(buf_clear) struct buf without = { 0 };
        scoped(buf_clear) struct buf lost = { 0 };
        bool rewritten = true;

        memset(strstr(plain, "# no comment"), ' ', strlen("# no comment"));
        apply(plain, &splice, &with, &rewritten);
        assert_false(rewritten);
        assert_non_null(strstr(with.text, "# mine\nusers:  # two\n- name: a\n"));
        assert_non_null(strstr(with.text, "extra: {a: [1]} # kept\ncontexts:\n"));
        assert_non_null(strstr(with.text, "\n- name: c\n"));
        assert_non_null(strstr(with.text, "# the end\n"));
        apply(plain, &forget, &without, &rewritten);
        assert_false(rewritten);
        assert_string_equal(without.text, plain);
        apply(text, &splice, &lost, &rewritten);
        assert_true(rewritten);
}

TEST(takes_its_entries_out_of_lists_in_brackets)
{
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        scoped_free char *user = json_dumps(entries.user, JSON_COMPACT);
        scoped_free char *text = xasprintf("# mine\nusers: [%s, {name: a}] # two\n", user);
        scoped(buf_clear) struct buf result = { 0 };
        bool rewritten = true;

        apply(text, &forget, &result, &rewritten);
        assert_false(rewritten);
        assert_non_null(strstr(result.text, "# mine\nusers:  # two\n- name: a\n"));
        assert_null(strstr(result.text, "prod"));
}

TEST(refuses_to_replace_what_login_did_not_write)
{
        static const char text[] = "users:\n- name: prod\n  user:\n    token: mine\n";
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, NULL);
        scoped(buf_clear) struct buf result = { 0 };
        struct error err = { 0 };
        bool rewritten = false;

        assert_fails(splice_apply(text, strlen(text), &splice, &result, &rewritten, &err),
                     ERROR_CONFLICT, "\"users\" holds a \"prod\"");
        assert_int_equal(result.length, 0);
}

TEST(refuses_what_is_no_kubeconfig)
{
        static const char *const texts[] = { "- a\n",
                                             "text\n",
                                             "users: 7\n",
                                             "a: [\n",
                                             "a: &x 1\nb: *x\n",
                                             "a: 1\na: 2\n",
                                             "contexts: {a: b}\n" };
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, NULL);

        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                scoped(buf_clear) struct buf result = { 0 };
                struct error err = { 0 };
                bool rewritten = false;
                assert_fails(splice_apply(texts[i], strlen(texts[i]), &splice, &result, &rewritten,
                                          &err),
                             ERROR_INVALID, "");
                assert_int_equal(result.length, 0);
        }
}

TEST(writes_json_anew_and_says_so)
{
        static const char text[] = "{\"kind\": \"Config\", \"users\": [{\"name\": \"a\", \"user\": "
                                   "{\"token\": \"0x1F\"}}], \"x\": [1, null, \"yes\"]}";
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        struct splice splice = make_splice(&entries, NULL);
        scoped(buf_clear) struct buf result = { 0 };
        bool rewritten = false;

        apply(text, &splice, &result, &rewritten);
        assert_true(rewritten);
        json_auto_t *read = parse(result.text);
        json_auto_t *before = parse(text);
        assert_true(json_equal(json_object_get(read, "x"), json_object_get(before, "x")));
        assert_int_equal(json_array_size(json_object_get(read, "users")), 2);
}

/* A kubeconfig that a person, kubectl or another tool could have written. */
static unsigned seed = 1;

static unsigned pick(unsigned count)
{
        seed = seed * 1103515245U + 12345U;
        return (seed >> 16) % count;
}

static void add_noise(struct buf *text, unsigned indent)
{
        static const char *const noises[] = { "", "", "", "\n", "# a comment\n", "\n# two\n\n" };

        if (pick(2))
                buf_printf(text, "%*s", (int)indent, "");
        buf_add(text, noises[pick(ARRAY_LENGTH(noises))]);
        if (text->length > 0 && text->text[text->length - 1] == ' ')
                buf_add(text, "# end\n");
}

static void add_fields(struct buf *text, unsigned indent)
{
        static const char *const values[] = {
                "plain",
                "'single quoted'",
                "\"dou\\tble\"",
                "[a, {b: c}]",
                "{x: [1, 2]}",
                "null",
                "~",
                "",
                "tru",
                "0x1f",
                "1.50",
                "a b # c",
                "|\n%*s  literal\n%*s   # deeper\n\n",
                "|+\n%*s  kept\n%*s  more\n\n\n",
                ">-\n%*s  folded\n%*s  text\n",
                "two\n%*s  lines\n%*s  of text",
                "\n%*s  deep: 1\n%*s  deeper: [2]",
                "\n%*s- one\n%*s- two",
        };

        for (unsigned i = 0; i < 1 + pick(3); i++) {
                scoped(buf_clear) struct buf value = { 0 };
                const char *format = values[pick(ARRAY_LENGTH(values))];
                for (const char *at = format; *at; at++) {
                        if (strncmp(at, "%*s", 3) == 0) {
                                buf_printf(&value, "%*s", (int)indent, "");
                                at += 2;
                        } else {
                                buf_append(&value, at, 1);
                        }
                }
                buf_printf(text, "%*sfield%u: %s\n", (int)indent, "", i, buf_text(&value));
                add_noise(text, indent);
        }
}

static void add_list(struct buf *text, const char *name, const char *kind)
{
        static const char *const empties[] = { " []\n", " null\n", "\n", " [] # none\n", " ~\n" };
        unsigned indent = pick(3) * 2;
        unsigned count = pick(4);

        buf_printf(text, "%s:", name);
        if (count == 0)
                buf_add(text, empties[pick(ARRAY_LENGTH(empties))]);
        else
                buf_add(text, "\n");
        for (unsigned i = 0; i < count; i++) {
                add_noise(text, indent);
                buf_printf(text, "%*s-%s", (int)indent, "", pick(4) ? " " : "\n");
                bool below = text->text[text->length - 1] == '\n';
                buf_printf(text, "%*sname: n%u%s\n", below ? (int)indent + 2 : 0, "", i,
                           pick(2) ? "" : " # name");
                buf_printf(text, "%*s%s:\n", (int)indent + 2, "", kind);
                add_fields(text, indent + 2 + 2 * pick(2) + 2);
        }
        add_noise(text, 0);
}

static void add_kubeconfig(struct buf *text)
{
        static const char *const lists[][2] = {
                { "clusters", "cluster" },
                { "contexts", "context" },
                { "users",    "user"    }
        };
        unsigned first = pick(3);

        add_noise(text, 0);
        if (pick(3) == 0)
                buf_add(text, "---\n");
        buf_add(text, "apiVersion: v1\nkind: Config\n");
        for (unsigned i = 0; i < 3; i++) {
                const char *const *list = lists[(first + i) % 3];
                if (pick(6))
                        add_list(text, list[0], list[1]);
                if (pick(4) == 0)
                        buf_printf(text, "current-context%u: \"n1\"\npreferences%u: {}\n", i, i);
        }
        if (pick(2))
                buf_add(text, pick(2) ? "current-context: n1 # now\n" : "current-context: \"\"\n");
        if (pick(4) == 0)
                buf_truncate(text, text->length - 1);
}

/* Every line there was is still there, in the same order. */
static void assert_lines_kept(const char *before, const char *after)
{
        while (*before) {
                size_t length = strcspn(before, "\n");
                scoped_free char *line = xstrndup(before, length);
                bool may_change = strstr(line, "[]") || strstr(line, "null") || strstr(line, "~") ||
                                  strncmp(line, "current-context:", 16) == 0;
                const char *found = may_change ? after : strstr(after, line);
                assert_non_null(found);
                after = found + (may_change ? 0 : length);
                before += length + (before[length] == '\n');
        }
}

static void remove_named(json_t *root, const char *list, const char *name)
{
        json_t *items = json_object_get(root, list);
        size_t index = 0;
        json_t *item = NULL;

        json_array_foreach(items, index, item)
        {
                const char *other = json_text_at(item, "name");
                if (other && strcmp(other, name) == 0) {
                        json_array_remove(items, index);
                        break;
                }
        }
        if (!items || json_is_null(items) || json_array_size(items) == 0)
                json_object_del(root, list);
}

static void remove_ours(json_t *root)
{
        remove_named(root, "clusters", "prod");
        remove_named(root, "contexts", "prod");
        remove_named(root, "users", "prod");
        json_object_del(root, "current-context");
}

TEST(changes_nothing_but_its_entries_in_whatever_kubeconfig)
{
        scoped(clear_entries) struct entries entries = make_entries("prod", "http://tka");
        size_t spliced = 0;

        for (seed = 1; spliced < 2000; seed = seed * 7 + 3) {
                struct splice splice = make_splice(&entries, pick(2) ? "prod" : NULL);
                scoped(buf_clear) struct buf text = { 0 };
                scoped(buf_clear) struct buf result = { 0 };
                json_auto_t *before = NULL;
                struct error err = { 0 };
                bool rewritten = false;

                add_kubeconfig(&text);
                if (!yaml_parse(text.text, text.length, &before, &err))
                        fail_msg("%s in:\n%s", err.text, text.text);
                if (!splice_apply(text.text, text.length, &splice, &result, &rewritten, &err))
                        fail_msg("%s in:\n%s", err.text, text.text);
                if (rewritten)
                        fail_msg("written anew:\n%s", text.text);
                assert_lines_kept(text.text, result.text);

                json_auto_t *after = parse(result.text);
                remove_ours(after);
                remove_ours(before);
                assert_true(json_equal(before, after));
                spliced++;
        }
}
