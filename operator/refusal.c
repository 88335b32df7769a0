#include "operator/refusal.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/duration.h"
#include "lib/memory.h"
#include "operator/reconcile.h"

struct question {
        const struct signin *signin;
        const struct rules *rules;
        int64_t now;
        int64_t requested_at;
};

/* What somebody wrote into it that we do not understand may well be when it ends. */
static bool is_unreadable(const struct question *question, char message[REFUSAL_MESSAGE_SIZE])
{
        snprintf(message, REFUSAL_MESSAGE_SIZE, "its spec or its status cannot be read");
        return question->signin->spec.username == NULL;
}

static bool mismatches(const struct question *question, char message[REFUSAL_MESSAGE_SIZE])
{
        char name[SIGNIN_NAME_SIZE];

        snprintf(message, REFUSAL_MESSAGE_SIZE, "a session of this spec is called %s",
                 signin_name(&question->signin->spec, name));
        return !signin_name_is_ours(question->signin);
}

static bool has_bad_period(const struct question *question, char message[REFUSAL_MESSAGE_SIZE])
{
        struct error err = { 0 };
        int64_t seconds = 0;
        int64_t ends_at = 0;
        char limit[DURATION_TEXT_SIZE];

        if (!signin_ends_at(question->signin, &ends_at, &err) ||
            !duration_parse_seconds(question->signin->spec.validity_period, &seconds, &err)) {
                snprintf(message, REFUSAL_MESSAGE_SIZE, "%s", err.text);
                return true;
        }
        bool shorter = seconds < question->rules->min_period_seconds;
        snprintf(message, REFUSAL_MESSAGE_SIZE, "\"validity_period\": \"%s\" is %s than %s",
                 question->signin->spec.validity_period, shorter ? "shorter" : "longer",
                 duration_format_seconds(shorter ? question->rules->min_period_seconds
                                                 : question->rules->max_period_seconds,
                                         limit));
        return shorter || seconds > question->rules->max_period_seconds;
}

static bool is_from_the_future(const struct question *question, char message[REFUSAL_MESSAGE_SIZE])
{
        snprintf(message, REFUSAL_MESSAGE_SIZE, "\"requested_at\" is %" PRId64 " s in the future",
                 question->requested_at - question->now);
        return question->requested_at > question->now + REFUSAL_FUTURE_SECONDS;
}

static bool names_other_role(const struct question *question, char message[REFUSAL_MESSAGE_SIZE])
{
        snprintf(message, REFUSAL_MESSAGE_SIZE, "role \"%s\" is not among operator.roles",
                 question->signin->spec.role);
        return !text_list_has(question->rules->roles, question->signin->spec.role);
}

static bool lacks_finalizer(const struct question *question, char message[REFUSAL_MESSAGE_SIZE])
{
        snprintf(message, REFUSAL_MESSAGE_SIZE, "the finalizer %s is missing", SIGNIN_FINALIZER);
        return !question->signin->has_finalizer;
}

/* In this order: the first that applies is what the person is told. */
static const struct refusal {
        const char *reason;
        bool (*applies)(const struct question *question, char message[REFUSAL_MESSAGE_SIZE]);
} refusals[] = {
        { "Unreadable",        is_unreadable      },
        { "NameMismatch",      mismatches         },
        { "InvalidPeriod",     has_bad_period     },
        { "RequestedInFuture", is_from_the_future },
        { "RoleNotAllowed",    names_other_role   },
        { "FinalizerMissing",  lacks_finalizer    },
};

void refusal_read_times(const struct signin *signin, int64_t *requested_at, int64_t *ends_at)
{
        struct error err = { 0 };
        int64_t period_seconds = 0;

        *requested_at = 0;
        *ends_at = 0;
        if (signin_ends_at(signin, ends_at, &err) &&
            duration_parse_seconds(signin->spec.validity_period, &period_seconds, &err))
                *requested_at = *ends_at - period_seconds;
}

const char *refusal_find(const struct signin *signin, const struct rules *rules, int64_t now,
                         char message[REFUSAL_MESSAGE_SIZE])
{
        struct question question = { signin, rules, now, 0 };
        int64_t ends_at = 0;

        refusal_read_times(signin, &question.requested_at, &ends_at);
        for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++)
                if (refusals[i].applies(&question, message))
                        return refusals[i].reason;
        return NULL;
}
