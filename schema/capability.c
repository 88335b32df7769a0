#include "schema/capability.h"

#include <stdlib.h>
#include <string.h>

#include "lib/duration.h"
#include "lib/memory.h"
#include "schema/namespaces.h"

#define RULE(member) offsetof(struct rule, member)
#define UNKNOWN_KEYS_MAX 16 /* shown of one rule; the rest is ignored in silence */

static const struct json_field fields[] = {
        { "role",       JSON_KIND_TEXT,      RULE(role),       true,  LIMIT_ROLE       },
        { "period",     JSON_KIND_TEXT,      RULE(period),     true,  LIMIT_PERIOD     },
        { "priority",   JSON_KIND_INTEGER,   RULE(priority),   false, 0                },
        { "namespaces", JSON_KIND_TEXT_LIST, RULE(namespaces), false, LIMIT_NAMESPACES },
};

struct claim {
        struct text_list groups;
};

static const struct json_field claim_fields[] = {
        { "groups", JSON_KIND_TEXT_LIST, offsetof(struct claim, groups), true, LIMIT_GROUPS },
};

size_t rule_fields(const struct json_field **table)
{
        *table = fields;
        return ARRAY_LENGTH(fields);
}

void rule_clear(struct rule *rule)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), rule);
        free(rule->capability);
        text_list_clear(&rule->unknown_keys);
        *rule = (struct rule){ 0 };
}

void capability_clear(struct capability *capability)
{
        for (size_t i = 0; i < capability->rule_count; i++)
                rule_clear(&capability->rules[i]);
        free(capability->rules);
        text_list_clear(&capability->groups);
        *capability = (struct capability){ 0 };
}

bool rule_equals(const struct rule *rule, const struct rule *other)
{
        return !strcmp(rule->role, other->role) && rule->period_seconds == other->period_seconds &&
               rule->priority == other->priority &&
               namespaces_equal(&rule->namespaces, &other->namespaces);
}

static bool is_known_key(const char *key)
{
        for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
                if (!strcmp(fields[i].name, key))
                        return true;
        return false;
}

static void note_unknown_key(struct text_list *keys, const char *key)
{
        if (keys->count < UNKNOWN_KEYS_MAX && !text_list_has(keys, key))
                text_list_add(keys, key);
}

void capability_list_unknown_keys(json_t *element, struct text_list *keys)
{
        bool claim = json_object_get(element, claim_fields[0].name) != NULL;
        const char *key = NULL;
        json_t *value = NULL;

        json_object_foreach(element, key, value)
        {
                if (!is_known_key(key) && !(claim && strcmp(key, claim_fields[0].name) == 0))
                        note_unknown_key(keys, key);
        }
}

static bool check_period(struct rule *rule, struct error *err)
{
        int64_t nanoseconds = 0;

        if (!duration_parse(rule->period, &nanoseconds, err))
                return error_wrap(err, "\"period\"");
        if (nanoseconds <= 0)
                return error_set(err, ERROR_INVALID, "\"period\": \"%s\" is not more than nothing",
                                 rule->period);
        rule->period_seconds = nanoseconds / DURATION_SECOND;
        return true;
}

static bool read_rule(json_t *element, struct rule *rule, struct error *err)
{
        const json_t *value = NULL;

        if (!json_fields_read(element, fields, ARRAY_LENGTH(fields), rule, err))
                return false;
        if (!*rule->role)
                return error_set(err, ERROR_INVALID, "\"role\" is empty");
        /* A list that is there but names nothing must not mean the whole cluster. */
        value = json_object_get(element, "namespaces");
        if (json_is_array(value) && !json_array_size(value))
                return error_set(err, ERROR_INVALID, "\"namespaces\" is empty");
        if (!check_period(rule, err) || !namespaces_check(&rule->namespaces, err))
                return false;
        namespaces_sort(&rule->namespaces);
        capability_list_unknown_keys(element, &rule->unknown_keys);
        return true;
}

/* Takes *rule over, or drops it when its like is there already. */
static bool add_rule(struct capability *capability, struct rule *rule, struct error *err)
{
        for (size_t i = 0; i < capability->rule_count; i++) {
                if (!rule_equals(&capability->rules[i], rule))
                        continue;
                for (size_t key = 0; key < rule->unknown_keys.count; key++)
                        note_unknown_key(&capability->rules[i].unknown_keys,
                                         rule->unknown_keys.items[key]);
                return true;
        }
        if (capability->rule_count == LIMIT_RULES)
                return error_set(err, ERROR_INVALID, "more than %d rules for one caller",
                                 LIMIT_RULES);
        capability->rules =
                xrealloc(capability->rules, (capability->rule_count + 1) * sizeof(struct rule));
        capability->rules[capability->rule_count++] = *rule;
        *rule = (struct rule){ 0 };
        return true;
}

static bool decode_rule(json_t *element, const char *name, int64_t index,
                        struct capability *capability, struct error *err)
{
        scoped(rule_clear) struct rule rule = { 0 };

        if (!read_rule(element, &rule, err))
                return false;
        rule.capability = xstrdup(name);
        rule.index = index;
        return add_rule(capability, &rule, err);
}

static void claim_clear(struct claim *claim)
{
        text_list_clear(&claim->groups);
}

static bool decode_claim(const json_t *element, struct capability *capability, struct error *err)
{
        scoped(claim_clear) struct claim claim = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
                if (json_object_get(element, fields[i].name))
                        return error_set(err, ERROR_INVALID,
                                         "\"groups\" and \"%s\" do not go together",
                                         fields[i].name);
        if (!json_fields_read(element, claim_fields, ARRAY_LENGTH(claim_fields), &claim, err))
                return false;
        for (size_t i = 0; i < claim.groups.count; i++) {
                const char *group = claim.groups.items[i];
                if (!*group || strlen(group) > LIMIT_GROUP)
                        return error_set(err, ERROR_INVALID, "\"groups\": a name has 1 to %d bytes",
                                         LIMIT_GROUP);
                if (text_list_has(&capability->groups, group))
                        continue;
                if (capability->groups.count == LIMIT_GROUPS)
                        return error_set(err, ERROR_INVALID, "more than %d groups for one caller",
                                         LIMIT_GROUPS);
                text_list_add(&capability->groups, group);
        }
        return true;
}

bool capability_decode_element(json_t *element, const char *name, size_t index,
                               struct capability *capability, struct error *err)
{
        if (!json_is_object(element))
                return error_set(err, ERROR_INVALID, "an object is expected");
        if (json_object_get(element, "groups"))
                return decode_claim(element, capability, err);
        return decode_rule(element, name, (int64_t)index, capability, err);
}

static bool decode_name(const json_t *cap_map, const char *name, struct capability *capability,
                        struct error *err)
{
        const json_t *elements = json_object_get(cap_map, name);

        if (!elements || json_is_null(elements))
                return true;
        if (!json_is_array(elements))
                return error_set(err, ERROR_INVALID, "%s: an array is expected", name);
        for (size_t i = 0; i < json_array_size(elements); i++)
                if (!capability_decode_element(json_array_get(elements, i), name, i, capability,
                                               err))
                        return error_wrap(err, "%s[%zu]", name, i);
        return true;
}

bool capability_decode(const json_t *cap_map, const struct text_list *names,
                       struct capability *capability, struct error *err)
{
        scoped(capability_clear) struct capability read = { 0 };

        if (cap_map && !json_is_null(cap_map) && !json_is_object(cap_map))
                return error_set(err, ERROR_INVALID, "\"CapMap\" is no object");
        for (size_t i = 0; i < names->count; i++)
                if (!decode_name(cap_map, names->items[i], &read, err))
                        return false;
        capability_clear(capability);
        *capability = read;
        read = (struct capability){ 0 };
        return true;
}
