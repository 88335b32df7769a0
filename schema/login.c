#include "schema/login.h"

#include <string.h>

#include "lib/memory.h"
#include "schema/namespaces.h"

#define REQUEST(member) offsetof(struct login_request, member)
#define LOGIN(member) offsetof(struct login, member)

static const struct json_field request_fields[] = {
        { "role",       JSON_KIND_TEXT,      REQUEST(role),       false, LIMIT_ROLE       },
        { "period",     JSON_KIND_TEXT,      REQUEST(period),     false, LIMIT_PERIOD     },
        { "reason",     JSON_KIND_TEXT,      REQUEST(reason),     false, 0                },
        { "namespaces", JSON_KIND_TEXT_LIST, REQUEST(namespaces), false, LIMIT_NAMESPACES },
        { "everywhere", JSON_KIND_BOOL,      REQUEST(everywhere), false, 0                },
};

static const struct json_field fields[] = {
        { "username", JSON_KIND_TEXT,      LOGIN(username), true,  LIMIT_LOGIN_NAME },
        { "role",     JSON_KIND_TEXT,      LOGIN(role),     true,  LIMIT_ROLE       },
        { "until",    JSON_KIND_TEXT,      LOGIN(until),    true,  LIMIT_TIMESTAMP  },
        { "sessions", JSON_KIND_TEXT_LIST, LOGIN(sessions), false, LIMIT_SESSIONS   },
};

size_t login_request_fields(const struct json_field **table)
{
        *table = request_fields;
        return ARRAY_LENGTH(request_fields);
}

size_t login_fields(const struct json_field **table)
{
        *table = fields;
        return ARRAY_LENGTH(fields);
}

void login_request_clear(struct login_request *request)
{
        json_fields_clear(request_fields, ARRAY_LENGTH(request_fields), request);
}

static bool refuse_unknown_keys(json_t *object, struct error *err)
{
        const char *key = NULL;
        json_t *value = NULL;

        json_object_foreach(object, key, value)
        {
                size_t i = 0;
                if (json_is_null(value))
                        return error_set(err, ERROR_INVALID, "\"%.100s\" is null: leave it out",
                                         key);
                while (i < ARRAY_LENGTH(request_fields) && strcmp(request_fields[i].name, key) != 0)
                        i++;
                if (i == ARRAY_LENGTH(request_fields))
                        return error_set(err, ERROR_INVALID,
                                         "\"%.100s\" is unknown: role, period, reason, namespaces "
                                         "and everywhere are not",
                                         key);
        }
        return true;
}

/* The reason is shown on terminals and in logs. Characters are counted, not bytes: everything but
 * UTF-8's continuation bytes. */
static bool check_reason(const char *reason, struct error *err)
{
        size_t characters = 0;

        for (; reason && *reason; reason++) {
                if ((unsigned char)*reason < 0x20 || *reason == 0x7f)
                        return error_set(err, ERROR_INVALID,
                                         "\"reason\" holds a control character");
                characters += (*reason & 0xc0) != 0x80;
        }
        return characters <= LIMIT_REASON ||
               error_set(err, ERROR_INVALID, "\"reason\" is longer than %d characters",
                         LIMIT_REASON);
}

bool login_check_role(const char *role, struct error *err)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-.:";

        if (!*role)
                return error_set(err, ERROR_INVALID, "\"role\" is empty");
        return strspn(role, letters) == strlen(role) ||
               error_set(err, ERROR_INVALID, "\"role\": \"%.100s\" is no ClusterRole's name", role);
}

static bool check_request(const struct login_request *request, struct error *err)
{
        if (request->role && !login_check_role(request->role, err))
                return false;
        if (request->period && !*request->period)
                return error_set(err, ERROR_INVALID, "\"period\" is empty");
        return check_reason(request->reason, err) && namespaces_check(&request->namespaces, err);
}

bool login_request_decode(const char *body, size_t length, struct login_request *request,
                          struct error *err)
{
        scoped(login_request_clear) struct login_request read = { 0 };
        json_auto_t *object = NULL;

        if (length &&
            (!json_parse_object(body, length, &object, err) || !refuse_unknown_keys(object, err) ||
             !json_fields_read(object, request_fields, ARRAY_LENGTH(request_fields), &read, err) ||
             !check_request(&read, err)))
                return false;
        namespaces_sort(&read.namespaces);
        login_request_clear(request);
        *request = read;
        read = (struct login_request){ 0 };
        return true;
}

json_t *login_request_encode(const struct login_request *request)
{
        return json_fields_write(request_fields, ARRAY_LENGTH(request_fields), request);
}

void login_clear(struct login *login)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), login);
}

bool login_decode(const char *body, size_t length, struct login *login, struct error *err)
{
        json_auto_t *object = NULL;

        return json_parse_object(body, length, &object, err) &&
               json_fields_read(object, fields, ARRAY_LENGTH(fields), login, err);
}

json_t *login_encode(const struct login *login)
{
        return json_fields_write(fields, ARRAY_LENGTH(fields), login);
}
