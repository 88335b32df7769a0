#include "kubectl-tka/remote/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kubectl-tka/local/terminal.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define PATIENCE_MS 300
#define FRAME_MS 100
#define WORDS_MAX 120

struct progress {
        struct loop_timer *timer;
        int64_t began_ms;
        unsigned frame;
        bool shown;
        char words[WORDS_MAX];
};

/* One write a frame: nothing of ours is left half on the screen. The words give way on a narrow
 * terminal. */
static void draw(void *owner)
{
        static const char frames[] = "|/-\\";
        struct progress *progress = owner;
        int64_t waited_ms = loop_now_ms() - progress->began_ms;
        int room = (int)terminal_width(STDERR_FILENO) - 10;

        fprintf(stderr, "\r%s%c%s %.*s %" PRId64 ".%" PRId64 "s\x1b[K",
                terminal_colour(STDERR_FILENO, TERMINAL_BOLD), frames[progress->frame++ % 4],
                terminal_plain(STDERR_FILENO), room, progress->words, waited_ms / 1000,
                waited_ms / 100 % 10);
        fflush(stderr);
        progress->shown = true;
        loop_timer_set(progress->timer, FRAME_MS);
}

struct progress *progress_start(struct loop *loop, const struct config *config, const char *format,
                                ...)
{
        va_list args;

        if (config->quiet || !terminal_is_smart(STDERR_FILENO))
                return NULL;

        struct progress *progress = xcalloc(1, sizeof(*progress));
        va_start(args, format);
        vsnprintf(progress->words, sizeof(progress->words), format, args);
        va_end(args);
        error_clean_line(progress->words);
        progress->began_ms = loop_now_ms();
        progress->timer = loop_timer_new(loop, draw, progress);
        loop_timer_set(progress->timer, PATIENCE_MS);
        return progress;
}

void progress_stop(struct progress **progress)
{
        struct progress *ending = take(*progress);

        if (!ending)
                return;
        loop_timer_free(ending->timer);
        if (ending->shown) {
                fputs("\r\x1b[K", stderr);
                fflush(stderr);
        }
        free(ending);
}
