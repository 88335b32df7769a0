#include "kubectl-tka/remote/table.h"

#include <unistd.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(aligns_columns_and_cleans_cells)
{
        static const struct output_column columns[] = {
                { "NAME", "name", OUTPUT_TEXT },
                { "ROLE", "role", OUTPUT_TEXT },
        };
        static const struct output_view view = { columns, ARRAY_LENGTH(columns), "name" };
        static const char items[] = "[{\"name\":\"production\",\"role\":\"view\"},"
                                    "{\"name\":\"d\\u001b[1m\"}]";
        json_auto_t *document = NULL;
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        assert_ok(json_parse(items, strlen(items), &document, &err));
        table_print(&view, document, STDERR_FILENO, &text);
        assert_string_equal(text.text, "NAME        ROLE\nproduction  view\nd?[1m       -\n");
}
