#include "server/inquiry.h"

#include <string.h>

#include "lib/api/tailscale.h"
#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#define ALICE "100.64.0.2"
#define BOB "100.64.0.3"
#define REQUESTS_MAX 64

/* Who was at an address when it was asked, answered when the test says so. */
struct fixture {
        struct loop *loop;
        struct inquiries *inquiries;
        struct wait_crowd answers;
        int asked;
        bool nobody;
        struct request {
                struct fixture *fixture;
                const char *address;
                struct fiber *fiber;
                struct tailscale_whois whois;
                struct error err;
                bool over, known;
        } requests[REQUESTS_MAX];
        size_t request_count;
};

static bool answer_later(void *owner, const char *peer, struct tailscale_whois *whois,
                         struct error *err)
{
        struct fixture *fixture = owner;
        scoped_free char *login = xasprintf("%s asked %d", peer, ++fixture->asked);

        if (!wait_among(fixture->loop, &fixture->answers, 5000, err))
                return false;
        if (fixture->nobody)
                return error_set(err, ERROR_NOT_FOUND, "nobody at %s", peer);
        whois->login = take(login);
        whois->user_id = xstrdup("7");
        whois->node_id = xstrdup("n2");
        whois->node_name = xstrdup("laptop");
        text_list_add(&whois->tags, "tag:ci");
        whois->capabilities = json_object();
        return true;
}

static void set_up(struct fixture *fixture)
{
        *fixture = (struct fixture){ .loop = loop_new() };
        fixture->inquiries = inquiries_new(fixture->loop, answer_later, fixture);
}

static void tear_down(struct fixture *fixture)
{
        for (size_t i = 0; i < fixture->request_count; i++)
                tailscale_whois_clear(&fixture->requests[i].whois);
        inquiries_free(fixture->inquiries);
        loop_free(fixture->loop);
}

static void run_request(void *argument)
{
        struct request *request = argument;

        request->known = inquiries_ask(request->fixture->inquiries, request->address,
                                       request->address, &request->whois, &request->err);
        request->over = true;
}

static struct request *request_from(struct fixture *fixture, const char *address)
{
        struct request *request = &fixture->requests[fixture->request_count++];

        request->fixture = fixture;
        request->address = address;
        request->fiber = fiber_start(fixture->loop, run_request, request);
        return request;
}

static void settle(struct fixture *fixture)
{
        struct error err = { 0 };

        assert_ok(wait_ms(fixture->loop, 2, &err));
}

static void answer(struct fixture *fixture)
{
        wait_wake_all(&fixture->answers);
        settle(fixture);
}

static void assert_told(const struct request *request, const char *login)
{
        assert_true(request->over);
        assert_true(request->known);
        assert_string_equal(request->whois.login, login);
        assert_string_equal(request->whois.node_id, "n2");
        assert_true(text_list_has(&request->whois.tags, "tag:ci"));
        assert_non_null(request->whois.capabilities);
}

TEST(a_request_shares_the_answer_to_what_was_asked_after_it_came_and_no_earlier_one)
{
        struct fixture fixture;

        set_up(&fixture);
        const struct request *first = request_from(&fixture, ALICE);
        for (int i = 0; i < 50; i++)
                request_from(&fixture, ALICE);
        assert_int_equal(fixture.asked, 1);
        answer(&fixture);
        assert_told(first, ALICE " asked 1");
        assert_int_equal(fixture.asked, 2);
        const struct request *late = request_from(&fixture, ALICE);
        answer(&fixture);
        for (size_t i = 1; i < 51; i++)
                assert_told(&fixture.requests[i], ALICE " asked 2");
        assert_false(late->over);
        answer(&fixture);
        assert_told(late, ALICE " asked 3");
        assert_int_equal(fixture.asked, 3);
        tear_down(&fixture);
}

TEST(no_address_waits_for_another)
{
        struct fixture fixture;

        set_up(&fixture);
        const struct request *alice = request_from(&fixture, ALICE);
        const struct request *bob = request_from(&fixture, BOB);
        assert_int_equal(fixture.asked, 2);
        answer(&fixture);
        assert_told(alice, ALICE " asked 1");
        assert_told(bob, BOB " asked 2");
        tear_down(&fixture);
}

TEST(that_nobody_is_known_there_is_told_to_all_who_share_the_question)
{
        struct fixture fixture;

        set_up(&fixture);
        for (int i = 0; i < 3; i++)
                request_from(&fixture, ALICE);
        fixture.nobody = true;
        answer(&fixture);
        answer(&fixture);
        assert_int_equal(fixture.asked, 2);
        for (size_t i = 0; i < 3; i++) {
                assert_true(fixture.requests[i].over);
                assert_false(fixture.requests[i].known);
                assert_int_equal(fixture.requests[i].err.kind, ERROR_NOT_FOUND);
        }
        tear_down(&fixture);
}

TEST(the_others_ask_again_when_the_request_that_asked_for_them_ends)
{
        struct fixture fixture;

        set_up(&fixture);
        request_from(&fixture, ALICE);
        struct request *asks = request_from(&fixture, ALICE);
        const struct request *shares = request_from(&fixture, ALICE);
        answer(&fixture);
        assert_int_equal(fixture.asked, 2);
        fiber_cancel(asks->fiber);
        settle(&fixture);
        assert_true(asks->over);
        assert_false(asks->known);
        assert_false(shares->over);
        assert_int_equal(fixture.asked, 3);
        answer(&fixture);
        assert_told(shares, ALICE " asked 3");
        tear_down(&fixture);
}

TEST(the_others_ask_when_the_request_that_waited_to_ask_for_them_ends)
{
        struct fixture fixture;

        set_up(&fixture);
        const struct request *first = request_from(&fixture, ALICE);
        struct request *next = request_from(&fixture, ALICE);
        const struct request *shares = request_from(&fixture, ALICE);
        fiber_cancel(next->fiber);
        settle(&fixture);
        assert_true(next->over);
        assert_int_equal(fixture.asked, 1);
        answer(&fixture);
        assert_told(first, ALICE " asked 1");
        answer(&fixture);
        assert_told(shares, ALICE " asked 2");
        tear_down(&fixture);
}

TEST(one_who_only_shares_can_end_alone)
{
        struct fixture fixture;

        set_up(&fixture);
        request_from(&fixture, ALICE);
        const struct request *asks = request_from(&fixture, ALICE);
        struct request *shares = request_from(&fixture, ALICE);
        fiber_cancel(shares->fiber);
        settle(&fixture);
        assert_true(shares->over);
        assert_false(shares->known);
        answer(&fixture);
        answer(&fixture);
        assert_told(asks, ALICE " asked 2");
        tear_down(&fixture);
}
