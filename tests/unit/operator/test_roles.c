#include "tests/unit/test.h"

#include <jansson.h>

#include "lib/memory.h"
#include "operator/roles.h"

TEST(tells_which_roles_reach_beyond_their_session)
{
        static const struct {
                const char *rules, *power;
        } cases[] = {
                { "[{\"verbs\":[\"get\"],\"resources\":[\"pods\"]}]",                                    NULL          },
                { "[]",                                                                                  NULL          },
                { "[{\"verbs\":[\"get\"],\"resources\":[\"pods\"]},"
                  "{\"verbs\":[\"impersonate\"],\"resources\":[\"serviceaccounts\"]}]", "impersonate" },
                { "[{\"verbs\":[\"create\"],\"resources\":[\"serviceaccounts/token\"]}]",
                 "serviceaccounts/token"                                                                               },
                { "[{\"verbs\":[\"*\"],\"resources\":[\"*\"]}]",                                         "impersonate" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_auto_t *rules = json_loads(cases[i].rules, 0, NULL);
                json_auto_t *role = json_pack("{s:O}", "rules", rules);
                const char *power = roles_find_power(role);

                assert_true((power == NULL) == (cases[i].power == NULL));
                assert_string_equal(power == NULL ? "" : power,
                                    cases[i].power == NULL ? "" : cases[i].power);
        }
}
