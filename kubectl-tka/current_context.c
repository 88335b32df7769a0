#include "kubectl-tka/current_context.h"

#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/memory.h"

#define KEY "current-context:"

/* A plain or quoted scalar as kubectl writes names; NULL for what would need a real reader. */
static char *read_scalar(const char *at)
{
        at += strspn(at, " \t");

        size_t length = strcspn(at, "\r\n");
        if (*at == '"' || *at == '\'') {
                const char *end = memchr(at + 1, *at, length - 1);
                if (!end || memchr(at, '\\', length) || end[1] == *at)
                        return NULL;
                return end == at + 1 ? NULL : xstrndup(at + 1, (size_t)(end - at - 1));
        }
        const char *comment = memmem(at, length, " #", 2);
        if (comment)
                length = (size_t)(comment - at);
        while (length > 0 && at[length - 1] == ' ')
                length--;
        return length > 0 && at[0] != '#' ? xstrndup(at, length) : NULL;
}

static char *parse_json(const char *text, size_t length)
{
        json_auto_t *object = NULL;
        struct error ignored = { 0 };

        if (!json_parse_object(text, length, &object, &ignored))
                return NULL;
        const char *name = json_text_at(object, "current-context");
        return name && *name ? xstrdup(name) : NULL;
}

char *current_context_parse(const char *text, size_t length)
{
        if (text[strspn(text, " \t\r\n")] == '{')
                return parse_json(text, length);
        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, KEY, strlen(KEY)) == 0)
                        return read_scalar(line + strlen(KEY));
        }
        return NULL;
}

static char *read_file(const char *path)
{
        scoped(buf_clear) struct buf text = { 0 };
        struct error ignored = { 0 };

        buf_init(&text, LIMIT_CONFIG_FILE);
        if (!file_read(path, &text, &ignored))
                return NULL;
        return current_context_parse(buf_text(&text), text.length);
}

static char *search_list(const char *list)
{
        for (const char *at = list; *at; at += strspn(at, ":")) {
                scoped_free char *path = xstrndup(at, strcspn(at, ":"));
                char *found = *path ? read_file(path) : NULL;
                if (found)
                        return found;
                at += strlen(path);
        }
        return NULL;
}

char *current_context_find(const char *kubeconfig)
{
        const char *list = getenv("KUBECONFIG");
        const char *home = getenv("HOME");

        if (kubeconfig)
                return read_file(kubeconfig);
        if (list && list[strspn(list, ":")])
                return search_list(list);
        if (!home || !*home)
                return NULL;
        scoped_free char *path = xasprintf("%s/.kube/config", home);
        return read_file(path);
}
