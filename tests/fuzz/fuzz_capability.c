/* Any JSON as what stands under the capability's name. */
#include <string.h>

#include "schema/capability.h"

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

/* What every caller relies on. */
static void check(const struct capability *capability)
{
        for (size_t i = 0; i < capability->rule_count; i++) {
                const struct rule *rule = &capability->rules[i];
                if (!*rule->role || rule->period_seconds < 0 || strlen(rule->role) > LIMIT_ROLE ||
                    rule->namespaces.count > LIMIT_NAMESPACES)
                        __builtin_trap();
                for (size_t other = 0; other < i; other++)
                        if (rule_equals(rule, &capability->rules[other]))
                                __builtin_trap();
        }
        if (capability->rule_count > LIMIT_RULES || capability->groups.count > LIMIT_GROUPS)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        scoped(capability_clear) struct capability capability = { 0 };
        scoped(text_list_clear) struct text_list names = { 0 };
        json_auto_t *elements = NULL;
        struct error err = { 0 };

        if (!json_parse((const char *)text, length, &elements, &err))
                return 0;
        json_auto_t *map = json_pack("{s:O}", CAPABILITY_NAME, elements);
        text_list_add(&names, CAPABILITY_NAME);
        if (capability_decode(map, &names, &capability, &err))
                check(&capability);
        return 0;
}
