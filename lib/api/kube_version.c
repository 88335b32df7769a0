#include <string.h>

#include "lib/api/kube.h"

static bool is_number(const char *text)
{
        return text != NULL && *text >= '1' && *text <= '9' &&
               strspn(text, "0123456789") == strlen(text);
}

bool kube_version_is_older(const char *version, const char *other)
{
        if (!is_number(version) || !is_number(other))
                return false;
        if (strlen(version) != strlen(other))
                return strlen(version) < strlen(other);
        return strcmp(version, other) < 0;
}
