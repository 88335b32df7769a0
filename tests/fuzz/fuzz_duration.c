#include <assert.h>
#include <stdlib.h>

#include "lib/duration.h"
#include "lib/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What is read and written again reads the same. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        scoped_free char *text = xstrndup((const char *)bytes, size);
        char again[DURATION_TEXT_SIZE];
        struct error err = { 0 };
        int64_t seconds = 0, read = 0;

        if (!duration_parse_seconds(text, &seconds, &err) || seconds < -9000000000)
                return 0;
        bool fine = duration_parse_seconds(duration_format_seconds(seconds, again), &read, &err);
        assert(fine && read == seconds);
        return 0;
}
