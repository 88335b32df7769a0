/* jwt.h - what a token says of itself. Its signature is for the API server to check. */
#pragma once

#include <jansson.h>

#include "lib/error.h"

/* The caller owns *claims. INVALID: it is no JWT, and its text does not stand in err. */
bool jwt_read(const char *token, json_t **claims, struct error *err) must_check;
/* Its "exp" in Unix seconds; 0: it is none, or says nothing. */
int64_t jwt_expires(const char *token);
