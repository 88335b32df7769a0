/* ca_hash.h - which CA a cluster's API server is known by. */
#pragma once

#include "lib/error.h"

#define CA_HASH_SIZE 65

/* Hex of SHA-256 of what the base64 text holds; NULL is no CA. INVALID for anything but base64. */
bool ca_hash_of(const char *base64, char hash[CA_HASH_SIZE], struct error *err) must_check;
