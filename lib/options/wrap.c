#include "lib/options/wrap.h"

#include <string.h>

static void start_line(size_t indent, struct buf *buf)
{
        buf_printf(buf, "\n%*s", (int)indent, "");
}

void wrap_print(const char *text, size_t indent, size_t width, struct buf *buf)
{
        size_t column = indent;

        for (const char *at = text; *at;) {
                if (*at == '\n') {
                        start_line(at[1] == '\n' || !at[1] ? 0 : indent, buf);
                        column = indent;
                        at++;
                        continue;
                }
                at += strspn(at, " ");
                size_t length = strcspn(at, " \n");
                if (column > indent && length > 0 && column + 1 + length > width) {
                        start_line(indent, buf);
                        column = indent;
                }
                if (length > 0 && column > indent) {
                        buf_add(buf, " ");
                        column++;
                }
                buf_append(buf, at, length);
                column += length;
                at += length;
        }
}
