#include "kubectl-tka/completion.h"

#include <string.h>

#include "kubectl-tka/commands.h"
#include "lib/memory.h"

void completion_print(int argc, char **argv, struct buf *text)
{
        const char *typed = argc > 1 ? argv[argc - 1] : "";

        for (enum command i = 0; argc == 2 && i < COMMAND_COUNT; i++) {
                const char *name = command_words(i)->name;
                scoped_free char *word = xstrndup(name, strcspn(name, " "));
                if (strncmp(word, typed, strlen(typed)) == 0)
                        buf_printf(text, "%s\n", word);
        }
        buf_add(text, ":4\n");
}
