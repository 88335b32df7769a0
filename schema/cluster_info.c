#include "schema/cluster_info.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "schema/limits.h"

#define INFO(member) offsetof(struct cluster_info, member)

static const struct json_field fields[] = {
        { "name",                     JSON_KIND_TEXT, INFO(name),                     false, LIMIT_NODE       },
        { "server_url",               JSON_KIND_TEXT, INFO(server_url),               true,  LIMIT_SERVER_URL },
        { "insecure_skip_tls_verify", JSON_KIND_BOOL, INFO(insecure_skip_tls_verify), true,  0                },
        { "ca_data",                  JSON_KIND_TEXT, INFO(ca_data),                  false, LIMIT_CA_DATA    },
        { "tls_server_name",          JSON_KIND_TEXT, INFO(tls_server_name),          false, LIMIT_NODE       },
        { "labels",                   JSON_KIND_JSON, INFO(labels),                   false, LIMIT_LABELS     },
};

size_t cluster_info_fields(const struct json_field **table)
{
        *table = fields;
        return ARRAY_LENGTH(fields);
}

void cluster_info_clear(struct cluster_info *info)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), info);
}

static bool check_labels(json_t *labels, struct error *err)
{
        const char *key = NULL;
        json_t *value = NULL;

        if (!labels)
                return true;
        if (!json_is_object(labels))
                return error_set(err, ERROR_INVALID, "\"labels\" has the wrong type");
        if (json_object_size(labels) > LIMIT_LABELS)
                return error_set(err, ERROR_INVALID, "\"labels\" has more than %d items",
                                 LIMIT_LABELS);
        json_object_foreach(labels, key, value)
        {
                if (!json_is_string(value))
                        return error_set(err, ERROR_INVALID, "label \"%.100s\" is no text", key);
        }
        return true;
}

static void drop_empty(char **text)
{
        if (*text && !**text) {
                free(*text);
                *text = NULL;
        }
}

bool cluster_info_decode(const char *body, size_t length, struct cluster_info *info,
                         struct error *err)
{
        scoped(cluster_info_clear) struct cluster_info read = { 0 };
        json_auto_t *object = NULL;

        if (!json_parse_object(body, length, &object, err) ||
            !json_fields_read(object, fields, ARRAY_LENGTH(fields), &read, err) ||
            !check_labels(read.labels, err))
                return false;
        if (!*read.server_url)
                return error_set(err, ERROR_INVALID, "\"server_url\" is empty");
        drop_empty(&read.name);
        drop_empty(&read.ca_data);
        drop_empty(&read.tls_server_name);
        cluster_info_clear(info);
        *info = read;
        read = (struct cluster_info){ 0 };
        return true;
}

json_t *cluster_info_encode(const struct cluster_info *info)
{
        json_t *object = json_fields_write(fields, ARRAY_LENGTH(fields), info);

        if (!info->server_url)
                json_object_set_new(object, "server_url", json_string(""));
        if (!info->ca_data)
                json_object_set_new(object, "ca_data", json_string(""));
        if (!info->labels)
                json_object_set_new(object, "labels", json_object());
        return object;
}
