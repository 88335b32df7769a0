/* test.h - what every unit test includes: cmocka, and checks in our own words. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"

/* TEST(says_what_holds) { ... } registers itself: there is no list to forget. */
#define TEST(name) \
        static void name(void **state); \
        __attribute__((constructor)) static void register_##name(void) \
        { \
                test_register(#name, name); \
        } \
        static void name(void **state __attribute__((unused)))

void test_register(const char *name, CMUnitTestFunction run);

/* Fails with the error's own text, which says more than "false". */
#define assert_ok(call) \
        do { \
                if (!(call)) \
                        fail_msg("%s: %s", #call, err.text); \
        } while (0)

#define assert_fails(call, kind_, part) \
        do { \
                assert_false(call); \
                assert_int_equal(err.kind, kind_); \
                assert_non_null(strstr(err.text, part)); \
        } while (0)
