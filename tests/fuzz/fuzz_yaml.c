#include <assert.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What is read and printed reads the same. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        scoped(buf_clear) struct buf buf = { 0 };
        json_auto_t *value = NULL, *again = NULL;
        struct error err = { 0 };

        if (!yaml_parse((const char *)bytes, size, &value, &err))
                return 0;
        yaml_print(value, &buf);
        bool fine = yaml_parse(buf.text, buf.length, &again, &err);
        assert(fine && json_equal(value, again));
        return 0;
}
