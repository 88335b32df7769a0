/* exec_info.h - what kubectl tells its plugin: the variable KUBERNETES_EXEC_INFO. */
#pragma once

#include "lib/error.h"

/* The apiVersion to answer with, for ever valid. info NULL (clients that send none): v1. Fields
 * that are unknown, or that say what stands in our arguments already, are passed over. */
bool exec_info_read(const char *info, const char **api_version, struct error *err) must_check;
/* Whether the client says what it is, as every client-go does. */
bool exec_info_is_given(void);
