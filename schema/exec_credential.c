#include "schema/exec_credential.h"

#include <stdlib.h>
#include <string.h>

#include "lib/duration.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

/* The two objects as they stand in the document: times are texts here. */
struct status {
        struct secret token;
        char *expires;
};

struct session {
        char *username, *role, *until, *period;
        bool renewable;
};

#define STATUS(member) offsetof(struct status, member)
#define SESSION(member) offsetof(struct session, member)

static const struct json_field status_fields[] = {
        { "token",               JSON_KIND_SECRET, STATUS(token),   true,  LIMIT_TOKEN     },
        { "expirationTimestamp", JSON_KIND_TEXT,   STATUS(expires), false, LIMIT_TIMESTAMP },
};

static const struct json_field session_fields[] = {
        { "username",  JSON_KIND_TEXT, SESSION(username),  true,  LIMIT_LOGIN_NAME },
        { "role",      JSON_KIND_TEXT, SESSION(role),      true,  LIMIT_ROLE       },
        { "until",     JSON_KIND_TEXT, SESSION(until),     true,  LIMIT_TIMESTAMP  },
        { "period",    JSON_KIND_TEXT, SESSION(period),    true,  LIMIT_PERIOD     },
        { "renewable", JSON_KIND_BOOL, SESSION(renewable), false, 0                },
};

size_t exec_credential_status_fields(const struct json_field **table)
{
        *table = status_fields;
        return ARRAY_LENGTH(status_fields);
}

size_t exec_credential_session_fields(const struct json_field **table)
{
        *table = session_fields;
        return ARRAY_LENGTH(session_fields);
}

static void status_clear(struct status *status)
{
        json_fields_clear(status_fields, ARRAY_LENGTH(status_fields), status);
}

static void session_clear(struct session *session)
{
        json_fields_clear(session_fields, ARRAY_LENGTH(session_fields), session);
}

void exec_credential_clear(struct exec_credential *credential)
{
        secret_clear(&credential->token);
        free(credential->username);
        free(credential->role);
        *credential = (struct exec_credential){ 0 };
}

static bool check_type(const json_t *object, struct error *err)
{
        const char *version = json_text_at(object, "apiVersion");
        const char *kind = json_text_at(object, "kind");

        if (!kind || strcmp(kind, "ExecCredential") != 0)
                return error_set(err, ERROR_INVALID, "\"kind\" is not \"ExecCredential\"");
        if (!version || (strcmp(version, EXEC_CREDENTIAL_V1) != 0 &&
                         strcmp(version, EXEC_CREDENTIAL_V1BETA1) != 0))
                return error_set(err, ERROR_INVALID, "\"apiVersion\" is not \"%s\"",
                                 EXEC_CREDENTIAL_V1);
        return true;
}

/* A bearer token goes into a header line: nothing but visible ASCII. */
static bool check_token(const struct secret *token, struct error *err)
{
        const char *text = secret_text(token);

        if (!*text)
                return error_set(err, ERROR_INVALID, "\"token\" is empty");
        for (; *text; text++)
                if (*text <= ' ' || *text > '~')
                        return error_set(err, ERROR_INVALID,
                                         "\"token\" holds a character that no token has");
        return true;
}

static bool read_status(const json_t *object, struct exec_credential *credential, struct error *err)
{
        scoped(status_clear) struct status status = { 0 };
        const json_t *value = json_object_get(object, "status");

        if (!json_is_object(value))
                return error_set(err, ERROR_INVALID, "\"status\" is missing");
        if (!json_fields_read(value, status_fields, ARRAY_LENGTH(status_fields), &status, err) ||
            !check_token(&status.token, err))
                return error_wrap(err, "\"status\"");
        if (status.expires && !timestamp_parse(status.expires, &credential->expires, err))
                return error_wrap(err, "\"status.expirationTimestamp\"");
        credential->token = secret_take(&status.token);
        return true;
}

static bool read_session(const json_t *object, struct exec_credential *credential,
                         struct error *err)
{
        scoped(session_clear) struct session session = { 0 };
        const json_t *value = json_object_get(object, "session");

        if (!value || json_is_null(value))
                return true;
        if (!json_fields_read(value, session_fields, ARRAY_LENGTH(session_fields), &session, err))
                return error_wrap(err, "\"session\"");
        if (!timestamp_parse(session.until, &credential->until, err))
                return error_wrap(err, "\"session.until\"");
        if (!duration_parse_seconds(session.period, &credential->period_seconds, err))
                return error_wrap(err, "\"session.period\"");
        if (credential->period_seconds < 0)
                return error_set(err, ERROR_INVALID, "\"session.period\" is negative");
        credential->username = take(session.username);
        credential->role = take(session.role);
        credential->renewable = session.renewable;
        return true;
}

bool exec_credential_decode(const char *body, size_t length, struct exec_credential *credential,
                            struct error *err)
{
        scoped(exec_credential_clear) struct exec_credential read = { 0 };
        json_auto_t *object = NULL;

        if (length > LIMIT_CREDENTIAL)
                return error_set(err, ERROR_INVALID, "longer than %d bytes", LIMIT_CREDENTIAL);
        if (!json_parse_object(body, length, &object, err) || !check_type(object, err) ||
            !read_status(object, &read, err) || !read_session(object, &read, err))
                return error_wrap(err, "ExecCredential");
        exec_credential_clear(credential);
        *credential = read;
        read = (struct exec_credential){ 0 };
        return true;
}

static json_t *encode_credential(const char *api_version, const struct secret *token,
                                 int64_t expires)
{
        char text[TIMESTAMP_TEXT_SIZE];
        json_t *object = json_object();
        json_t *status = json_object();

        json_object_set_new(object, "kind", json_string("ExecCredential"));
        json_object_set_new(object, "apiVersion", json_text(api_version));
        if (expires)
                json_object_set_new(status, "expirationTimestamp",
                                    json_string(timestamp_format(expires, text)));
        json_object_set_new(status, "token", json_text(secret_text(token)));
        json_object_set_new(object, "status", status);
        return object;
}

static json_t *encode_session(const struct exec_credential *credential)
{
        char until[TIMESTAMP_TEXT_SIZE];
        char period[DURATION_TEXT_SIZE];
        struct session session = { .username = credential->username,
                                   .role = credential->role,
                                   .renewable = credential->renewable };

        timestamp_format(credential->until, until);
        duration_format_seconds(credential->period_seconds, period);
        session.until = until;
        session.period = period;
        return json_fields_write(session_fields, ARRAY_LENGTH(session_fields), &session);
}

json_t *exec_credential_encode(const struct exec_credential *credential)
{
        json_t *object =
                encode_credential(EXEC_CREDENTIAL_V1, &credential->token, credential->expires);

        if (credential->username)
                json_object_set_new(object, "session", encode_session(credential));
        return object;
}

void exec_credential_print(const char *api_version, const struct secret *token, int64_t expires,
                           struct buf *buf)
{
        json_auto_t *object = encode_credential(api_version, token, expires);

        json_print(object, buf);
        buf_add(buf, "\n");
}
