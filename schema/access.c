#include "schema/access.h"

#include <stdlib.h>

#include "lib/memory.h"

#define ACCESS(member) offsetof(struct access, member)
#define RULE(member) offsetof(struct access_rule, member)
#define SESSION(member) offsetof(struct access_session, member)

/* clang-format off */
static const struct json_field fields[] = {
        { "username",     JSON_KIND_TEXT,      ACCESS(username),     true,  LIMIT_LOGIN_NAME },
        { "user_id",      JSON_KIND_TEXT,      ACCESS(user_id),      false, LIMIT_NODE       },
        { "node",         JSON_KIND_TEXT,      ACCESS(node),         false, LIMIT_NODE       },
        { "node_id",      JSON_KIND_TEXT,      ACCESS(node_id),      false, LIMIT_NODE       },
        { "capabilities", JSON_KIND_TEXT_LIST, ACCESS(capabilities), false, LIMIT_RULES      },
        { "role",         JSON_KIND_TEXT,      ACCESS(role),         false, LIMIT_ROLE       },
        { "period",       JSON_KIND_TEXT,      ACCESS(period),       false, LIMIT_PERIOD     },
        { "namespaces",   JSON_KIND_TEXT_LIST, ACCESS(namespaces),   false, LIMIT_NAMESPACES },
        { "status",       JSON_KIND_INTEGER,   ACCESS(status),       true,  0                },
        { "refused",      JSON_KIND_TEXT,      ACCESS(refused),      false, LIMIT_WHY        },
        { "advice",       JSON_KIND_TEXT,      ACCESS(advice),       false, LIMIT_WHY        },
};

static const struct json_field rule_table[] = {
        { "capability",   JSON_KIND_TEXT,      RULE(capability),   true,  LIMIT_NODE       },
        { "index",        JSON_KIND_INTEGER,   RULE(index),        true,  0                },
        { "role",         JSON_KIND_TEXT,      RULE(role),         false, LIMIT_NODE       },
        { "period",       JSON_KIND_TEXT,      RULE(period),       false, LIMIT_NODE       },
        { "priority",     JSON_KIND_INTEGER,   RULE(priority),     false, 0                },
        { "namespaces",   JSON_KIND_TEXT_LIST, RULE(namespaces),   false, LIMIT_NAMESPACES },
        { "groups",       JSON_KIND_TEXT_LIST, RULE(groups),       false, LIMIT_GROUPS     },
        { "unknown_keys", JSON_KIND_TEXT_LIST, RULE(unknown_keys), false, LIMIT_GROUPS     },
        { "verdict",      JSON_KIND_TEXT,      RULE(verdict),      true,  LIMIT_PERIOD     },
        { "why",          JSON_KIND_TEXT,      RULE(why),          true,  LIMIT_WHY        },
};

static const struct json_field session_table[] = {
        { "name",  JSON_KIND_TEXT, SESSION(name),  true,  LIMIT_NAMESPACE },
        { "role",  JSON_KIND_TEXT, SESSION(role),  true,  LIMIT_ROLE      },
        { "node",  JSON_KIND_TEXT, SESSION(node),  false, LIMIT_NODE      },
        { "until", JSON_KIND_TEXT, SESSION(until), true,  LIMIT_TIMESTAMP },
        { "here",  JSON_KIND_BOOL, SESSION(here),  true,  0               },
        { "ready", JSON_KIND_BOOL, SESSION(ready), true,  0               },
};
/* clang-format on */

size_t access_fields(const struct json_field **table)
{
        *table = fields;
        return ARRAY_LENGTH(fields);
}

size_t access_rule_fields(const struct json_field **table)
{
        *table = rule_table;
        return ARRAY_LENGTH(rule_table);
}

size_t access_session_fields(const struct json_field **table)
{
        *table = session_table;
        return ARRAY_LENGTH(session_table);
}

void access_clear(struct access *access)
{
        for (size_t i = 0; i < access->rule_count; i++)
                json_fields_clear(rule_table, ARRAY_LENGTH(rule_table), &access->rules[i]);
        for (size_t i = 0; i < access->session_count; i++)
                json_fields_clear(session_table, ARRAY_LENGTH(session_table), &access->sessions[i]);
        free(access->rules);
        free(access->sessions);
        json_fields_clear(fields, ARRAY_LENGTH(fields), access);
        *access = (struct access){ 0 };
}

struct access_rule *access_add_rule(struct access *access)
{
        access->rules =
                xrealloc(access->rules, (access->rule_count + 1) * sizeof(struct access_rule));
        access->rules[access->rule_count] = (struct access_rule){ 0 };
        return &access->rules[access->rule_count++];
}

struct access_session *access_add_session(struct access *access)
{
        access->sessions = xrealloc(access->sessions,
                                    (access->session_count + 1) * sizeof(struct access_session));
        access->sessions[access->session_count] = (struct access_session){ 0 };
        return &access->sessions[access->session_count++];
}

json_t *access_encode(const struct access *access)
{
        json_t *object = json_fields_write(fields, ARRAY_LENGTH(fields), access);
        json_t *rules = json_array();
        json_t *sessions = json_array();

        for (size_t i = 0; i < access->rule_count; i++)
                json_array_append_new(rules, json_fields_write(rule_table, ARRAY_LENGTH(rule_table),
                                                               &access->rules[i]));
        for (size_t i = 0; i < access->session_count; i++)
                json_array_append_new(sessions,
                                      json_fields_write(session_table, ARRAY_LENGTH(session_table),
                                                        &access->sessions[i]));
        json_object_set_new(object, "rules", rules);
        json_object_set_new(object, "sessions", sessions);
        return object;
}

/* An array of at most limit items, or nothing at all. */
static bool find_array(const json_t *object, const char *name, size_t limit, json_t **array,
                       struct error *err)
{
        *array = json_object_get(object, name);
        if (*array != NULL && !json_is_array(*array))
                return error_set(err, ERROR_INVALID, "\"%s\" has the wrong type", name);
        return json_array_size(*array) <= limit ||
               error_set(err, ERROR_INVALID, "\"%s\" has more than %zu items", name, limit);
}

static bool read_rules(const json_t *object, struct access *access, struct error *err)
{
        json_t *array = NULL;

        if (!find_array(object, "rules", LIMIT_ACCESS_RULES, &array, err))
                return false;
        for (size_t i = 0; i < json_array_size(array); i++)
                if (!json_fields_read(json_array_get(array, i), rule_table,
                                      ARRAY_LENGTH(rule_table), access_add_rule(access), err))
                        return error_wrap(err, "\"rules\"");
        return true;
}

static bool read_sessions(const json_t *object, struct access *access, struct error *err)
{
        json_t *array = NULL;

        if (!find_array(object, "sessions", LIMIT_SESSIONS, &array, err))
                return false;
        for (size_t i = 0; i < json_array_size(array); i++)
                if (!json_fields_read(json_array_get(array, i), session_table,
                                      ARRAY_LENGTH(session_table), access_add_session(access), err))
                        return error_wrap(err, "\"sessions\"");
        return true;
}

bool access_decode(const char *body, size_t length, struct access *access, struct error *err)
{
        scoped(access_clear) struct access read = { 0 };
        json_auto_t *object = NULL;

        if (!json_parse_object(body, length, &object, err) ||
            !json_fields_read(object, fields, ARRAY_LENGTH(fields), &read, err) ||
            !read_rules(object, &read, err) || !read_sessions(object, &read, err))
                return false;
        access_clear(access);
        *access = read;
        read = (struct access){ 0 };
        return true;
}
