#include <stdlib.h>
#include <string.h>

#include "lib/api/kube_private.h"
#include "lib/file.h"
#include "lib/limits.h"
#include "lib/loop.h"

#define TOKEN_AGE_MS 60000

void kube_files_begin(struct kube_files *files, const struct kube_config *config)
{
        *files = (struct kube_files){ 0 };
        if (config->ca_file && stat(config->ca_file, &files->ca_seen) != 0)
                files->ca_seen = (struct stat){ 0 };
        if (!secret_is_empty(&config->token))
                files->token_read_ms = loop_now_ms();
}

bool kube_files_renew_token(struct kube_files *files, struct kube_config *config, struct error *err)
{
        if (!kube_token_read(config->token_file, &config->token, err) &&
            secret_is_empty(&config->token))
                return false;
        files->token_read_ms = loop_now_ms();
        return true;
}

bool kube_files_refresh_token(struct kube_files *files, struct kube_config *config,
                              struct error *err)
{
        bool fresh =
                files->token_read_ms > 0 && loop_now_ms() - files->token_read_ms < TOKEN_AGE_MS;

        return !config->token_file || fresh || kube_files_renew_token(files, config, err);
}

bool kube_files_renew_ca(struct kube_config *config)
{
        scoped(buf_clear) struct buf content = { .limit = LIMIT_CA_FILE };
        struct error ignored = { 0 };

        if (!config->ca_file || !file_read(config->ca_file, &content, &ignored))
                return false;
        if (content.length == 0 || memchr(content.text, '\0', content.length) ||
            (config->ca_pem && strcmp(config->ca_pem, content.text) == 0))
                return false;
        free(config->ca_pem);
        config->ca_pem = buf_take(&content);
        return true;
}

void kube_files_refresh_ca(struct kube_files *files, struct kube_config *config)
{
        struct stat now;

        if (!config->ca_file || stat(config->ca_file, &now) != 0 ||
            (now.st_mtim.tv_sec == files->ca_seen.st_mtim.tv_sec &&
             now.st_mtim.tv_nsec == files->ca_seen.st_mtim.tv_nsec &&
             now.st_ino == files->ca_seen.st_ino && now.st_size == files->ca_seen.st_size))
                return;
        files->ca_seen = now;
        kube_files_renew_ca(config);
}
