/* tailscale_status.h - what tailscaled says of all the tailnet, read as it comes, for tailscale.c.
 */
#pragma once

#include "lib/api/tailscale.h"
#include "lib/json_excerpt.h"

/* A field that must be there must also say something. */
bool tailscale_check_not_empty(const char *text, const char *name, struct error *err) must_check;

/* The pieces of the answer go to json_excerpt_take(); json_excerpt_clear() pairs up. */
void tailscale_status_begin(struct json_excerpt *excerpt);
/* UNAVAILABLE when it makes no sense. */
bool tailscale_status_end(const struct json_excerpt *excerpt, struct tailscale_status *status,
                          struct error *err) must_check;
