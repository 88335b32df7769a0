/* manual.h - manual pages in mdoc(7), written from the tables that --help is written from. Pure but
 * for the date: SOURCE_DATE_EPOCH, else today. */
#pragma once

#include "lib/options/options.h"

/* Title, date, and the NAME section. Words go in as they are to be read: everything that means
 * something to mdoc is escaped. */
void manual_begin(struct buf *page, const char *name, int section, const char *summary);
/* "DESCRIPTION" */
void manual_heading(struct buf *page, const char *title);
/* "Sign in and out", below a heading */
void manual_subheading(struct buf *page, const char *title);
/* One or more paragraphs, with an empty line between; each sentence on a line of its own. */
void manual_text(struct buf *page, const char *text);
/* A line as a person types it, indented. */
void manual_example(struct buf *page, const char *line);
/* A tagged list: open, any number of items, close. A tag is shown in bold. */
void manual_list_open(struct buf *page);
void manual_item(struct buf *page, const char *tag, const char *text);
void manual_list_close(struct buf *page);
/* Every flag, with its variable, its key and its default. */
void manual_flags(struct buf *page, const struct options *options);
/* Every key of the config file, with its variable, its flag and its default. */
void manual_keys(struct buf *page, const struct options *options);
/* Pages to see also, "kubectl-tka(1) tka-config(5)". */
void manual_see_also(struct buf *page, const char *pages);
