#include "lib/api/kube_private.h"

/* A Date header has lost its fraction: the second it names began at most 1 s before it was written,
 * somewhere between our asking and the answer. So each answer gives two bounds for the difference
 * of the clocks, about 1 s apart, and those of many answers together leave some milliseconds. We
 * take the lower one, so that nothing is held to be over before it is. Clocks drift: the bounds
 * part again with time. An answer that contradicts them (a clock was set, or another API server
 * answered) starts anew. */

#define DRIFT_PER_MILLION 200

static int64_t max_of(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static int64_t min_of(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* Forwards at once, backwards at half the speed of time, so that no instant comes twice. */
static int64_t read_offset(const struct kube_clock *clock, int64_t now_ms)
{
        return max_of(clock->target_ms, clock->offset_ms - (now_ms - clock->moved_at_ms) / 2);
}

void kube_clock_note(struct kube_clock *clock, int64_t date, int64_t asked_ms, int64_t answered_ms)
{
        int64_t drift_ms = (answered_ms - clock->widened_at_ms) * DRIFT_PER_MILLION / 1000000;
        int64_t least_ms = date * 1000 - answered_ms;
        int64_t most_ms = date * 1000 + 999 - asked_ms;
        int64_t kept_least_ms = max_of(least_ms, clock->least_ms - drift_ms);
        int64_t kept_most_ms = min_of(most_ms, clock->most_ms + drift_ms);
        bool fits = clock->known && kept_least_ms <= kept_most_ms;

        clock->known = true;
        clock->least_ms = fits ? kept_least_ms : least_ms;
        clock->most_ms = fits ? kept_most_ms : most_ms;
        if (!fits || drift_ms > 0)
                clock->widened_at_ms = answered_ms;
        int64_t offset_ms = read_offset(clock, answered_ms);
        clock->target_ms = clock->least_ms;
        clock->offset_ms = fits ? offset_ms : clock->target_ms;
        clock->moved_at_ms = answered_ms;
}

int64_t kube_clock_read_ms(const struct kube_clock *clock, int64_t now_ms)
{
        return now_ms + read_offset(clock, now_ms);
}

int64_t kube_clock_read(const struct kube_clock *clock, int64_t now_ms)
{
        return kube_clock_read_ms(clock, now_ms) / 1000;
}
