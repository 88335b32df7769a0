#include "schema/openapi.h"

#include <string.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "server/handlers.h"

bool handle_openapi(struct server *server, struct caller *caller, struct http_exchange *exchange,
                    struct error *err)
{
        static struct buf text; /* printed once: everybody may ask, as often as they like */

        (void)server;
        (void)caller;
        (void)err;
        if (text.length == 0) {
                json_print(openapi_document(), &text);
                buf_add(&text, "\n");
        }
        http_exchange_reply(exchange, 200, "application/json", text.text, text.length);
        return true;
}

bool handle_swagger(struct server *server, struct caller *caller, struct http_exchange *exchange,
                    struct error *err)
{
        static const char documents[] = "/swagger/doc.json";
        bool document = strcmp(http_exchange_path(exchange), documents) == 0;

        (void)server;
        (void)caller;
        (void)err;
        http_exchange_add_header(exchange, "Location", document ? "/openapi.json" : "/");
        http_exchange_reply(exchange, 301, NULL, "", 0);
        return true;
}

/* The texts are those of our own document; escaped all the same, for they may hold "<". */
static void add_escaped(struct buf *page, const char *text)
{
        for (; text != NULL && *text != '\0'; text++)
                if (*text == '<')
                        buf_add(page, "&lt;");
                else if (*text == '&')
                        buf_add(page, "&amp;");
                else
                        buf_printf(page, "%c", *text);
}

static void add_row(struct buf *page, const char *method, const char *path, const json_t *operation)
{
        buf_printf(page, "<tr><td><code>%s %s</code></td><td>", method, path);
        add_escaped(page, json_text_at(operation, "summary"));
        buf_add(page, "</td></tr>\n");
}

static void add_rows(struct buf *page)
{
        json_t *paths = json_at(openapi_document(), "paths");
        const char *path = NULL;
        json_t *methods = NULL;

        json_object_foreach(paths, path, methods)
        {
                const json_t *get = json_object_get(methods, "get");
                const json_t *post = json_object_get(methods, "post");

                if (post != NULL)
                        add_row(page, "POST", path, post);
                if (get != NULL)
                        add_row(page, "GET", path, get);
        }
}

static void print_page(struct buf *page)
{
        buf_add(page, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                      "<title>tka-server</title>\n<h1>tka-server</h1>\n<p>");
        add_escaped(page, json_text_at(openapi_document(), "info.summary"));
        buf_add(page, "</p>\n<p>On your machine: <code>kubectl tka login</code>. For programs: "
                      "<a href=\"/openapi.json\">/openapi.json</a>.</p>\n<table>\n");
        add_rows(page);
        buf_add(page, "</table>\n</html>\n");
}

bool handle_page(struct server *server, struct caller *caller, struct http_exchange *exchange,
                 struct error *err)
{
        static struct buf page; /* likewise */

        (void)server;
        (void)caller;
        (void)err;
        if (page.length == 0)
                print_page(&page);
        http_exchange_add_header(exchange, "Content-Security-Policy", "default-src 'none'");
        http_exchange_reply(exchange, 200, "text/html; charset=utf-8", page.text, page.length);
        return true;
}
