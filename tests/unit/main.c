#include "tests/unit/test.h"

#include <assert.h>

static struct CMUnitTest tests[128];
static size_t count;

void test_register(const char *name, CMUnitTestFunction run)
{
        assert(count < sizeof(tests) / sizeof(tests[0]));
        tests[count++] = (struct CMUnitTest){ .name = name, .test_func = run };
}

int main(int argc, char **argv)
{
        (void)argc;
        return _cmocka_run_group_tests(argv[0], tests, count, NULL, NULL);
}
