/* table.h - rows and columns on a terminal, by libsmartcols. */
#pragma once

#include "kubectl-tka/config.h"
#include "kubectl-tka/output.h"

/* Prints the document as -o asks; for people, an array as a table (its last column broken at the
 * terminal's width) and an object as facts. */
bool table_show(const struct config *config, const struct output_view *view, const json_t *document,
                struct error *err) must_check;
/* An array as a table for fd, which need not be stdout. */
void table_print(const struct output_view *view, const json_t *items, int fd, struct buf *text);
