/* jwt.h - when a token says that it ends. Its signature is for the API server to check. */
#pragma once

#include "lib/secret.h"

/* The "exp" of a JWT in Unix seconds; 0: it is none, or says nothing. */
int64_t jwt_expires(const struct secret *token);
