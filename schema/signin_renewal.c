#include "schema/signin.h"

int64_t signin_renewal_seconds(int64_t period_seconds)
{
        int64_t tenth = period_seconds / 10;
        int64_t wanted = tenth > 60 ? tenth : 60;

        return wanted < period_seconds / 2 ? wanted : period_seconds / 2;
}
