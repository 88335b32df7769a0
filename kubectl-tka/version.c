#include "kubectl-tka/version.h"

#include <string.h>

#include "lib/json.h"

/* "-o json", "-ojson", "-o=json", "--output json", "--output=json" */
static const char *find_format(int argc, char **argv)
{
        static const char *const joined[] = { "--output=", "-o=", "-o" };

        if (argc == 3 && (strcmp(argv[1], "-o") == 0 || strcmp(argv[1], "--output") == 0))
                return argv[2];
        for (size_t i = 0; argc == 2 && i < sizeof(joined) / sizeof(joined[0]); i++)
                if (strncmp(argv[1], joined[i], strlen(joined[i])) == 0)
                        return argv[1] + strlen(joined[i]);
        return argc == 1 ? "text" : "";
}

void version_print(int argc, char **argv, bool *known, struct buf *text)
{
        const char *format = find_format(argc, argv);

        *known = strcmp(format, "json") == 0 || strcmp(format, "text") == 0;
        if (!*known)
                return;
        if (strcmp(format, "text") == 0) {
                buf_add(text, "kubectl-tka " VERSION "\n");
                return;
        }
        json_auto_t *object = json_object();
        json_object_set_new(object, "version", json_string(VERSION));
        json_print(object, text);
        buf_add(text, "\n");
}
