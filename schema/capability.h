/* capability.h - what the tailnet's policy grants a person: rules, in WhoIs' CapMap. Twin of
 * capability.schema.json. */
#pragma once

#include <jansson.h>

#include "lib/json.h"
#include "schema/limits.h"

#define CAPABILITY_NAME "specht-labs.de/cap/tka"

struct rule {
        char *role;
        char *period; /* as written */
        int64_t period_seconds;
        int64_t priority;
        struct text_list namespaces; /* sorted, without repeats; empty: the whole cluster */
        char *capability;            /* the name it stood under */
        int64_t index;               /* its place in that array */
        struct text_list unknown_keys;
};

struct capability {
        struct rule *rules;
        size_t rule_count;       /* identical elements count once */
        struct text_list groups; /* of claim elements {"groups": [...]} */
};

void rule_clear(struct rule *rule);
void capability_clear(struct capability *capability);

/* cap_map: WhoIs' CapMap, may be NULL. INVALID (400) for a malformed element, naming the
 * capability, the index and the field: `specht-labs.de/cap/tka[1]: "role" is missing`. No element
 * is no error. */
bool capability_decode(const json_t *cap_map, const struct text_list *names,
                       struct capability *capability, struct error *err) must_check;
/* One element by itself, into an empty capability: a rule, or a claim's groups. */
bool capability_decode_element(json_t *element, const char *name, size_t index,
                               struct capability *capability, struct error *err) must_check;
/* The keys of an element that mean nothing here, at most 16 of them. */
void capability_list_unknown_keys(json_t *element, struct text_list *keys);
bool rule_equals(const struct rule *rule, const struct rule *other);

/* The table of a rule, for the test of the documents. */
size_t rule_fields(const struct json_field **table);
