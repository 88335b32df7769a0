/* manual_page.h - kubectl-tka(1) and the beginning of tka-config(5), for the build. */
#pragma once

#include "lib/buf.h"

/* section: "1" or "5". */
bool manual_page_print(const char *section, struct buf *page, struct error *err) must_check;
