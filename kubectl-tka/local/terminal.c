#include "kubectl-tka/local/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH 80
#define WIDTH_MIN 40

static const char *const sequences[] = {
        [TERMINAL_PLAIN] = "\x1b[0m",  [TERMINAL_BOLD] = "\x1b[1m",    [TERMINAL_RED] = "\x1b[31m",
        [TERMINAL_GREEN] = "\x1b[32m", [TERMINAL_YELLOW] = "\x1b[33m",
};

bool terminal_is_smart(int fd)
{
        const char *kind = getenv("TERM");

        return isatty(fd) && kind && kind[0] && strcmp(kind, "dumb") != 0;
}

bool terminal_has_colours(int fd)
{
        const char *unwanted = getenv("NO_COLOR");

        return (!unwanted || !unwanted[0]) && terminal_is_smart(fd);
}

size_t terminal_width(int fd)
{
        struct winsize size = { 0 };

        if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
                return WIDTH;
        return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

const char *terminal_colour(int fd, enum terminal_colour colour)
{
        return terminal_has_colours(fd) ? sequences[colour] : "";
}

const char *terminal_plain(int fd)
{
        return terminal_colour(fd, TERMINAL_PLAIN);
}
