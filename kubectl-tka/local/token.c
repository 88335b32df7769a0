#include "kubectl-tka/local/token.h"

#include "schema/signin.h"

#define SPARE_SECONDS 30
#define SPREAD_SHARE 5 /* renewals lie within the first fifth of the time in which they are due */
#define CLOCK_STEP_SECONDS 5 /* an entry from further ahead is of before the clock was set */

/* Who was given tokens at the same moment does not come back at the same moment. Later than due,
 * never sooner: the server would not extend the session yet. A token's moment is the same for all
 * that have it. */
static int64_t spread(const struct cache_entry *entry, int64_t seconds)
{
        int64_t most = seconds / SPREAD_SHARE;

        return seconds - (int64_t)(cache_entry_id(entry) % (uint64_t)(most + 1));
}

/* A token that ends before its session (an API server with a short maximum) is judged by its own
 * life: a tenth of a long period may be longer than that. */
static int64_t margin_seconds(const struct cache_entry *entry)
{
        int64_t life = entry->expires - (entry->fetched_at + entry->clock_offset);

        if (!entry->renewable)
                return SPARE_SECONDS;
        if (entry->period_seconds > 0 && entry->expires >= entry->until)
                life = entry->period_seconds;
        return spread(entry, signin_renewal_seconds(life));
}

static bool is_from_the_future(const struct cache_entry *entry, int64_t now)
{
        return entry->fetched_at > now + CLOCK_STEP_SECONDS;
}

bool token_is_alive(const struct cache_entry *entry, int64_t now)
{
        return !is_from_the_future(entry, now) && now + entry->clock_offset < entry->expires;
}

bool token_is_fresh(const struct cache_entry *entry, int64_t now)
{
        return token_is_alive(entry, now) &&
               now + entry->clock_offset < entry->expires - margin_seconds(entry);
}

int64_t token_session_end(const struct cache_entry *entry)
{
        return (entry->until ? entry->until : entry->expires) - entry->clock_offset;
}

int64_t token_reported_end(const struct cache_entry *entry, int64_t now)
{
        int64_t end = entry->expires - entry->clock_offset;

        return end - SPARE_SECONDS > now ? end - SPARE_SECONDS : end;
}
