#include "lib/daemon.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/log.h"
#include "lib/memory.h"
#include "lib/sandbox.h"

#define FILES_MAX 8

static void print_usage(FILE *stream, const char *program, const struct daemon_command *commands,
                        size_t count)
{
        fprintf(stream, "Usage: %s COMMAND\n\n", program);
        for (size_t i = 0; i < count; i++)
                fprintf(stream, "  %-10s %s (%s --help: its flags)\n", commands[i].name,
                        commands[i].help, commands[i].name);
        fprintf(stream, "  %-10s %s\n  %-10s %s\n", "version", "print the version", "help",
                "print this");
}

static bool is_one_of(const char *word, const char *const *words)
{
        for (; *words != NULL; words++)
                if (strcmp(word, *words) == 0)
                        return true;
        return false;
}

static bool refuse_word(const char *word, const struct daemon_command *commands, size_t count,
                        struct error *err)
{
        scoped(buf_clear) struct buf known = { 0 };

        for (size_t i = 0; i < count; i++)
                buf_printf(&known, "%s, ", commands[i].name);
        return error_set(err, ERROR_INVALID, "\"%s\" is no command: %sversion and help are", word,
                         buf_text(&known));
}

static bool run(const char *program, const struct daemon_command *commands, size_t count, int argc,
                char **argv, struct error *err)
{
        static const char *const help_words[] = { "help", "--help", "-h", NULL };
        static const char *const version_words[] = { "version", "--version", NULL };

        for (size_t i = 0; i < count; i++)
                if (strcmp(commands[i].name, argv[0]) == 0)
                        return commands[i].run(argc, argv, err);
        bool version = is_one_of(argv[0], version_words);
        if (!version && !is_one_of(argv[0], help_words))
                return refuse_word(argv[0], commands, count, err);
        if (argc > 1)
                return error_set(err, ERROR_INVALID, "%s takes no \"%s\"", argv[0], argv[1]);
        if (version)
                printf("%s %s\n", program, VERSION);
        else
                print_usage(stdout, program, commands, count);
        return true;
}

int daemon_main(const char *program, const struct daemon_command *commands, size_t count, int argc,
                char **argv)
{
        struct error err = { 0 };

        signal(SIGPIPE, SIG_IGN);
        if (argc < 2) {
                print_usage(stderr, program, commands, count);
                return error_exit_code(ERROR_INVALID);
        }
        if (run(program, commands, count, argc - 1, argv + 1, &err))
                return 0;
        fprintf(stderr, "%s: %s\n", program, err.text);
        return error_exit_code(err.kind);
}

/* The folder a file is in, or the nearest one above that exists. The caller's. */
static char *find_folder(const char *path)
{
        scoped_free char *folder = xstrdup(path);
        char *slash = NULL;

        while ((slash = strrchr(folder, '/')) != NULL && slash != folder) {
                *slash = '\0';
                if (access(folder, F_OK) == 0)
                        return take(folder);
        }
        return xstrdup("/");
}

bool daemon_confine(const char *const *files, size_t count, const char *socket, struct error *err)
{
        static const char *const always[] = {
                "/etc/resolv.conf", "/etc/hosts",    "/etc/nsswitch.conf",
                "/etc/host.conf",   "/etc/gai.conf", "/etc/ssl",
                "/etc/ld.so.cache", "/usr/lib",      "/lib",
                "/lib64",           "/proc/self",    "/usr/share/ca-certificates",
                "/dev/null",        "/dev/urandom",
        };
        scoped(text_list_clear) struct text_list readable = { 0 };
        scoped_free char *folder = socket == NULL ? NULL : find_folder(socket);
        const char *const sockets[] = { folder, NULL };
        const char *paths[ARRAY_LENGTH(always) + FILES_MAX + 1] = { NULL };
        bool without_landlock = false;

        assert(count <= FILES_MAX);
        for (size_t i = 0; i < count; i++) {
                scoped_free char *found = files[i] == NULL ? NULL : find_folder(files[i]);
                if (found != NULL)
                        text_list_add(&readable, found);
        }
        for (size_t i = 0; i < ARRAY_LENGTH(always); i++)
                paths[i] = always[i];
        for (size_t i = 0; i < readable.count; i++)
                paths[ARRAY_LENGTH(always) + i] = readable.items[i];
        if (!sandbox_enter(&(struct sandbox){ paths, sockets }, &without_landlock, err))
                return false;
        if (without_landlock)
                log_event(LOG_LEVEL_WARN, "this kernel has no Landlock: files are not confined",
                          NULL);
        return true;
}
