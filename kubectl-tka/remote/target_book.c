#include "kubectl-tka/remote/target_book.h"

void target_book_clear(struct target_book *book)
{
        target_list_clear(&book->known);
        target_list_clear(&book->anywhere);
        known_list_clear(&book->noted);
}

void target_book_read(const struct kubeconfig_files *files, struct target_book *book)
{
        known_list_read(&book->noted);
        target_list_read(files, &book->known);
        target_list_read(files, &book->anywhere);
        target_list_read_noted(&book->noted, &book->anywhere);
}

bool target_book_select(const struct target_book *book, const char *word,
                        struct target_list *selected, struct error *err)
{
        if (!target_list_select_server(&book->known, word, selected, err))
                return false;
        return selected->count > 0 ||
               target_list_select_server(&book->anywhere, word, selected, err);
}

bool target_book_find_server(const struct target_book *book, const struct config *config,
                             const struct kubeconfig_files *files, struct target_list *selected,
                             char **url, struct error *err)
{
        const char *word = config_operand(config) ? config_operand(config) : config->server;

        if (word ? !target_book_select(book, word, selected, err)
                 : !target_list_select_usual(&book->known, files->current_context, selected, err))
                return false;
        if (selected->count > 0)
                return config_server_url(config, selected->items[0].key.server, url, err);
        if (!config_server_url(config, word, url, err))
                return false;
        target_list_select(&book->known, "", *url, selected);
        if (selected->count == 0)
                target_list_select(&book->anywhere, "", *url, selected);
        return true;
}
