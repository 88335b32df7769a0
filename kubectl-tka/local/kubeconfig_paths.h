/* kubeconfig_paths.h - which kubeconfigs are meant, as client-go chooses. */
#pragma once

#include "lib/text_list.h"

/* The one named, or (NULL) those of KUBECONFIG, each once, or ~/.kube/config. Adds none where
 * neither KUBECONFIG nor HOME says any. */
void kubeconfig_paths(const char *named, struct text_list *paths);
