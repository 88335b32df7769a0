#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/memory.h"
#include "schema/capability.h"

static bool decode(const char *elements, struct capability *capability, struct error *err)
{
        scoped(text_list_clear) struct text_list names = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *map = NULL;

        text_list_add(&names, CAPABILITY_NAME);
        buf_printf(&text, "{\"other\":7,\"" CAPABILITY_NAME "\":%s}", elements);
        return json_parse(buf_text(&text), text.length, &map, err) &&
               capability_decode(map, &names, capability, err);
}

TEST(reads_a_rule)
{
        scoped(capability_clear) struct capability capability = { 0 };
        struct error err = { 0 };

        assert_ok(decode("[{\"role\":\"edit\",\"period\":\"2h30m\",\"priority\":100,"
                         "\"namespaces\":[\"b\",\"a\",\"b\"]}]",
                         &capability, &err));
        assert_int_equal(capability.rule_count, 1);
        assert_string_equal(capability.rules[0].role, "edit");
        assert_string_equal(capability.rules[0].period, "2h30m");
        assert_int_equal(capability.rules[0].period_seconds, 9000);
        assert_int_equal(capability.rules[0].priority, 100);
        assert_int_equal(capability.rules[0].namespaces.count, 2);
        assert_string_equal(capability.rules[0].namespaces.items[0], "a");
        assert_string_equal(capability.rules[0].capability, CAPABILITY_NAME);
        assert_int_equal(capability.rules[0].index, 0);
}

TEST(takes_priority_0_when_none_is_given_and_any_sign)
{
        scoped(capability_clear) struct capability capability = { 0 };
        struct error err = { 0 };

        assert_ok(decode("[{\"role\":\"view\",\"period\":\"1h\"},"
                         "{\"role\":\"view\",\"period\":\"1h\",\"priority\":-5}]",
                         &capability, &err));
        assert_int_equal(capability.rules[0].priority, 0);
        assert_int_equal(capability.rules[1].priority, -5);
}

TEST(finds_nothing_and_says_no_error)
{
        static const char *const empty[] = { "[]", "null" };
        scoped(capability_clear) struct capability capability = { 0 };
        scoped(text_list_clear) struct text_list names = { 0 };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(empty); i++)
                assert_ok(decode(empty[i], &capability, &err));
        text_list_add(&names, CAPABILITY_NAME);
        assert_ok(capability_decode(NULL, &names, &capability, &err));
        json_auto_t *map = json_null();
        assert_ok(capability_decode(map, &names, &capability, &err));
        assert_int_equal(capability.rule_count, 0);
        assert_int_equal(capability.groups.count, 0);
}

TEST(counts_identical_elements_once)
{
        scoped(capability_clear) struct capability capability = { 0 };
        struct error err = { 0 };

        assert_ok(decode("[{\"role\":\"view\",\"period\":\"1h\",\"priority\":1},"
                         "{\"period\":\"60m\",\"priority\":1,\"role\":\"view\"},"
                         "{\"role\":\"view\",\"period\":\"1h\",\"priority\":1,"
                         "\"namespaces\":[\"a\"]},"
                         "{\"role\":\"view\",\"period\":\"1h\",\"priority\":1,\"x\":1}]",
                         &capability, &err));
        assert_int_equal(capability.rule_count, 2);
        assert_int_equal(capability.rules[1].index, 2);
        assert_true(text_list_has(&capability.rules[0].unknown_keys, "x"));
}

TEST(records_unknown_keys_and_goes_on)
{
        scoped(capability_clear) struct capability capability = { 0 };
        struct error err = { 0 };

        assert_ok(decode("[{\"role\":\"view\",\"period\":\"1h\",\"Priority\":1,\"note\":\"x\"}]",
                         &capability, &err));
        assert_int_equal(capability.rules[0].unknown_keys.count, 2);
        assert_true(text_list_has(&capability.rules[0].unknown_keys, "Priority"));
        assert_int_equal(capability.rules[0].priority, 0);
}

TEST(gathers_the_groups_of_claims_once)
{
        scoped(capability_clear) struct capability capability = { 0 };
        struct error err = { 0 };

        assert_ok(decode("[{\"groups\":[\"oncall\",\"sre\"]},{\"groups\":[\"oncall\"]},"
                         "{\"groups\":[]}]",
                         &capability, &err));
        assert_int_equal(capability.rule_count, 0);
        assert_int_equal(capability.groups.count, 2);
}

TEST(reads_all_the_names_it_is_given_and_no_other)
{
        scoped(capability_clear) struct capability capability = { 0 };
        scoped(text_list_clear) struct text_list names = { 0 };
        json_auto_t *map = json_pack("{s:[{s:s,s:s}],s:[{s:s,s:s,s:i}],s:[{s:s,s:s}]}", "a", "role",
                                     "view", "period", "1h", "b", "role", "edit", "period", "1h",
                                     "priority", 1, "c", "role", "admin", "period", "1h");
        struct error err = { 0 };

        text_list_add(&names, "a");
        text_list_add(&names, "b");
        assert_ok(capability_decode(map, &names, &capability, &err));
        assert_int_equal(capability.rule_count, 2);
        assert_string_equal(capability.rules[1].capability, "b");
}

TEST(refuses_malformed_elements_by_index_and_field)
{
        static const struct {
                const char *elements, *words;
        } cases[] = {
                { "{}",                                                          CAPABILITY_NAME ": an array"     },
                { "\"x\"",                                                       CAPABILITY_NAME ": an array"     },
                { "[7]",                                                         CAPABILITY_NAME "[0]: an object" },
                { "[[]]",                                                        CAPABILITY_NAME "[0]: an object" },
                { "[null]",                                                      CAPABILITY_NAME "[0]: an object" },
                { "[\"{}\"]",                                                    CAPABILITY_NAME "[0]: an object" },
                { "[{}]",                                                        "[0]: \"role\" is missing"       },
                { "[{\"role\":\"v\",\"period\":\"1h\"},{\"period\":\"1h\"}]",
                 "[1]: \"role\" is missing"                                                                       },
                { "[{\"role\":null,\"period\":\"1h\"}]",                         "\"role\" is missing"            },
                { "[{\"role\":[\"view\"],\"period\":\"1h\"}]",                   "\"role\" has the wrong type"    },
                { "[{\"role\":\"\",\"period\":\"1h\"}]",                         "\"role\" is empty"              },
                { "[{\"role\":\"a\\u0000b\",\"period\":\"1h\"}]",                "JSON"                           },
                { "[{\"role\":\"v\"}]",                                          "\"period\" is missing"          },
                { "[{\"role\":\"v\",\"period\":3600}]",                          "\"period\" has the wrong type"  },
                { "[{\"role\":\"v\",\"period\":\"1d\"}]",                        "\"period\""                     },
                { "[{\"role\":\"v\",\"period\":\"\"}]",                          "\"period\""                     },
                { "[{\"role\":\"v\",\"period\":\"0\"}]",                         "not more than nothing"          },
                { "[{\"role\":\"v\",\"period\":\"-1h\"}]",                       "not more than nothing"          },
                { "[{\"role\":\"v\",\"period\":\"1h\",\"priority\":1.5}]",
                 "\"priority\" has the wrong"                                                                     },
                { "[{\"role\":\"v\",\"period\":\"1h\",\"priority\":\"100\"}]",
                 "\"priority\" has the wrong"                                                                     },
                { "[{\"role\":\"v\",\"period\":\"1h\",\"priority\":true}]",
                 "\"priority\" has the wrong"                                                                     },
                { "[{\"role\":\"v\",\"period\":\"1h\",\"namespaces\":\"a\"}]",
                 "\"namespaces\" has the wrong"                                                                   },
                { "[{\"role\":\"v\",\"period\":\"1h\",\"namespaces\":[]}]",
                 "\"namespaces\" is empty"                                                                        },
                { "[{\"role\":\"v\",\"period\":\"1h\",\"namespaces\":[1]}]",
                 "\"namespaces\" has the wrong"                                                                   },
                { "[{\"role\":\"v\",\"period\":\"1h\",\"namespaces\":[\"*\"]}]",
                 "\"*\" is no namespace"                                                                          },
                { "[{\"groups\":\"oncall\"}]",                                   "\"groups\" has the wrong type"  },
                { "[{\"groups\":null}]",                                         "\"groups\" is missing"          },
                { "[{\"groups\":[\"\"]}]",                                       "\"groups\": a name"             },
                { "[{\"groups\":[\"a\"],\"role\":\"view\"}]",                    "\"groups\" and \"role\""        },
        };
        struct capability capability = { .rule_count = 77 };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                assert_fails(decode(cases[i].elements, &capability, &err), ERROR_INVALID,
                             cases[i].words);
                assert_int_equal(capability.rule_count, 77);
        }
}

/* count elements, told apart by their priority. */
static bool decode_many(int count, struct capability *capability, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };

        buf_add(&text, "[");
        for (int i = 0; i < count; i++)
                buf_printf(&text, "%s{\"role\":\"v\",\"period\":\"1h\",\"priority\":%d}",
                           i ? "," : "", i);
        buf_add(&text, "]");
        return decode(buf_text(&text), capability, err);
}

TEST(takes_no_more_rules_than_the_limit)
{
        scoped(capability_clear) struct capability capability = { 0 };
        struct error err = { 0 };

        assert_ok(decode_many(LIMIT_RULES, &capability, &err));
        assert_int_equal(capability.rule_count, LIMIT_RULES);
        assert_fails(decode_many(LIMIT_RULES + 1, &capability, &err), ERROR_INVALID,
                     "[64]: more than 64 rules");
        assert_int_equal(capability.rule_count, LIMIT_RULES);
}
