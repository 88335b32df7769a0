/* handlers.h - the commands that need the network or the kubeconfig. */
#pragma once

#include "kubectl-tka/remote/config.h"

/* Each prints its own result on stdout, nothing else. */
bool cmd_login(const struct config *config, struct error *err) must_check;
bool cmd_logout(const struct config *config, struct error *err) must_check;
bool cmd_shell(const struct config *config, struct error *err) must_check;
bool cmd_exec(const struct config *config, struct error *err) must_check;
bool cmd_refresh(const struct config *config, struct error *err) must_check;
bool cmd_access(const struct config *config, struct error *err) must_check;
bool cmd_doctor(const struct config *config, struct error *err) must_check;
bool cmd_list(const struct config *config, struct error *err) must_check;
bool cmd_kubeconfig(const struct config *config, struct error *err) must_check;
bool cmd_cluster_info(const struct config *config, struct error *err) must_check;
bool cmd_config_get(const struct config *config, struct error *err) must_check;
bool cmd_config_set(const struct config *config, struct error *err) must_check;
bool cmd_config_path(const struct config *config, struct error *err) must_check;
bool cmd_config_list(const struct config *config, struct error *err) must_check;
bool cmd_get_login(const struct config *config, struct error *err) must_check;
bool cmd_credential(const struct config *config, struct error *err) must_check;
