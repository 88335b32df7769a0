#include "kubectl-tka/exec_info.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "schema/exec_credential.h"

bool exec_info_read(const char *info, const char **api_version, struct error *err)
{
        static const char *const spoken[] = { EXEC_CREDENTIAL_V1, EXEC_CREDENTIAL_V1BETA1 };
        json_auto_t *object = NULL;

        if (!info || !*info) {
                *api_version = spoken[0];
                return true;
        }
        if (!json_parse_object(info, strlen(info), &object, err))
                return error_wrap(err, "KUBERNETES_EXEC_INFO");

        const char *asked = json_text_at(object, "apiVersion");
        for (size_t i = 0; i < ARRAY_LENGTH(spoken); i++) {
                if (!asked || strcmp(asked, spoken[i]) == 0) {
                        *api_version = spoken[i];
                        return true;
                }
        }
        return error_set(err, ERROR_INVALID,
                         "KUBERNETES_EXEC_INFO asks for apiVersion \"%.100s\": only %s and v1beta1 "
                         "are spoken",
                         asked, spoken[0]);
}

bool exec_info_is_given(void)
{
        const char *info = getenv("KUBERNETES_EXEC_INFO");

        return info && info[0];
}
