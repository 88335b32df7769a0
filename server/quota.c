#include "server/quota.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lib/memory.h"

#define ROWS 512 /* of PLACES callers each */
#define PLACES 8
#define WHOLE 1000 /* of one request: time is in milliseconds */

/* What one caller has left. A bucket that is full again says as much as none. */
struct bucket {
        uint64_t caller; /* 0: nobody */
        int64_t left;    /* in 1/WHOLE requests */
        int64_t at_ms;
};

struct quota {
        int64_t per_second, burst;
        uint64_t seed; /* nobody can choose who shares a row with whom */
        struct bucket buckets[ROWS][PLACES];
};

struct quota *quota_new(int64_t per_second, int64_t burst)
{
        struct quota *quota = xcalloc(1, sizeof(*quota));

        quota->per_second = per_second;
        quota->burst = burst;
        if (getrandom(&quota->seed, sizeof(quota->seed), 0) != (ssize_t)sizeof(quota->seed))
                abort();
        return quota;
}

void quota_free(struct quota *quota)
{
        free(quota);
}

/* FNV-1a, begun at the seed. */
static uint64_t hash(uint64_t seed, const char *text)
{
        for (; *text; text++)
                seed = (seed ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
        return seed == 0 ? 1 : seed;
}

static void refill(const struct quota *quota, struct bucket *bucket, int64_t now_ms)
{
        int64_t full = quota->burst * WHOLE;
        int64_t missing = full - bucket->left;
        int64_t gone_ms = now_ms - bucket->at_ms;

        bucket->at_ms = now_ms;
        if (bucket->caller == 0 || gone_ms > missing / quota->per_second)
                bucket->left = full;
        else if (gone_ms > 0)
                bucket->left += gone_ms * quota->per_second;
}

/* The caller's bucket, or that of whoever has most left, which becomes the caller's. */
static struct bucket *find(struct quota *quota, const char *caller, int64_t now_ms)
{
        uint64_t wanted = hash(quota->seed, caller);
        struct bucket *row = quota->buckets[wanted % ROWS];
        struct bucket *fullest = row;

        for (size_t i = 0; i < PLACES; i++) {
                refill(quota, &row[i], now_ms);
                if (row[i].caller == wanted)
                        return &row[i];
                if (row[i].left > fullest->left)
                        fullest = &row[i];
        }
        *fullest = (struct bucket){ wanted, quota->burst * WHOLE, now_ms };
        return fullest;
}

bool quota_take(struct quota *quota, const char *caller, int64_t now_ms, int64_t *wait_seconds,
                struct error *err)
{
        if (quota->per_second == 0)
                return true;

        struct bucket *bucket = find(quota, caller, now_ms);
        if (bucket->left >= WHOLE) {
                bucket->left -= WHOLE;
                return true;
        }
        int64_t wait_ms = (WHOLE - bucket->left) / quota->per_second;
        *wait_seconds = wait_ms / 1000 + (wait_ms % 1000 != 0 || wait_ms == 0);
        return error_set_status(err, ERROR_UNAVAILABLE, 429,
                                "this device asks more than %" PRId64 " times a second",
                                quota->per_second);
}
