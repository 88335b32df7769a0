#include "kubectl-tka/local/current_context.h"

#include <string.h>

#include "kubectl-tka/local/kubeconfig_paths.h"
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

        buf_init(&text, LIMIT_KUBECONFIG);
        if (!file_read(path, &text, &ignored))
                return NULL;
        return current_context_parse(buf_text(&text), text.length);
}

char *current_context_find(const char *kubeconfig)
{
        scoped(text_list_clear) struct text_list paths = { 0 };
        char *found = NULL;

        kubeconfig_paths(kubeconfig, &paths);
        for (size_t i = 0; i < paths.count && !found; i++)
                found = read_file(paths.items[i]);
        return found;
}
