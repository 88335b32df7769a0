#include "schema/signin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "schema/namespaces.h"

#define SLUG_LENGTH 30
#define HASH_BYTES 8

/* Letters in small, digits as they are, everything else '-'; whatever the locale. */
static char slug_character(char c)
{
        static const char from[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        static const char to[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789";
        const char *found = strchr(from, c);

        if (!found)
                return '-';
        return to[found - from];
}

/* "Bob.Smith+x@example.com" gives "bob-smith-x". */
static void make_slug(const char *login, char slug[SLUG_LENGTH + 1])
{
        size_t length = 0;

        for (; *login && *login != '@' && length < SLUG_LENGTH; login++) {
                char c = slug_character(*login);
                if (c != '-' || (length && slug[length - 1] != '-'))
                        slug[length++] = c;
        }
        if (length && slug[length - 1] == '-')
                length--;
        slug[length] = '\0';
        if (!length)
                snprintf(slug, SLUG_LENGTH + 1, "user");
}

/* An absent text counts as the empty one. */
static void add_field(struct buf *buf, const char *text)
{
        if (text)
                buf_add(buf, text);
        if (!buf_append(buf, "", 1))
                abort();
}

/* What is hashed: login, role, node id and namespaces, with NUL between them. */
static void write_identity(const struct signin_spec *spec, struct buf *buf)
{
        scoped(text_list_clear) struct text_list namespaces = { 0 };

        add_field(buf, spec->username);
        add_field(buf, spec->role);
        add_field(buf, spec->node_id);
        text_list_add_all(&namespaces, &spec->namespaces);
        namespaces_sort(&namespaces);
        text_list_print(&namespaces, buf);
}

const char *signin_name(const struct signin_spec *spec, char name[SIGNIN_NAME_SIZE])
{
        scoped(buf_clear) struct buf identity = { 0 };
        char slug[SLUG_LENGTH + 1];
        unsigned char digest[EVP_MAX_MD_SIZE];

        write_identity(spec, &identity);
        if (!EVP_Digest(identity.text, identity.length, digest, NULL, EVP_sha256(), NULL))
                abort();
        make_slug(spec->username ? spec->username : "", slug);

        char *at = name + snprintf(name, SIGNIN_NAME_SIZE, SIGNIN_NAME_PREFIX "%s-", slug);
        for (size_t i = 0; i < HASH_BYTES; i++, at += 2)
                snprintf(at, 3, "%02x", digest[i]);
        return name;
}

bool signin_name_is_ours(const struct signin *signin)
{
        char name[SIGNIN_NAME_SIZE];

        return signin->name && !strcmp(signin->name, signin_name(&signin->spec, name));
}

bool signin_belongs_to(const struct signin *signin, const char *login, const char *node_id)
{
        const struct signin_spec *spec = &signin->spec;

        return spec->username && spec->node_id && !strcmp(spec->username, login) &&
               !strcmp(spec->node_id, node_id);
}
