#include "kubectl-tka/remote/jwt.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(reads_the_end_of_a_token_and_takes_all_else_for_unknown)
{
        static const struct {
                const char *text;
                int64_t expires;
        } rows[] = {
                { "e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln",         1700000000 }, /* {"exp":1700000000} */
                { "e30.eyJleHAiOjE3MDAwMDAwMDAsImEiOjF9.c2ln", 1700000000 }, /* with "a":1 */
                { "e30.eyJhIjoiPz8_In0.c2ln",                  0          }, /* base64url, no exp */
                { "e30.eyJleHAiOiJzb29uIn0.c2ln",              0          }, /* "soon" */
                { "e30.!!!!.c2ln",                             0          },
                { "e30.W10.c2ln",                              0          }, /* [] */
                { "e30..c2ln",                                 0          },
                { "opaque",                                    0          },
                { "",                                          0          },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(secret_clear) struct secret token = { 0 };
                secret_set(&token, rows[i].text, strlen(rows[i].text));
                assert_int_equal(jwt_expires(&token), rows[i].expires);
        }
}
